"""Frappe_x1 with the settings of BARS, on a rebuilt training part: see frappe_data.py.

    python docs/benchmarks/results/frappe.py FOLDER    # of the three files that frappe_data.py names; writes frappe.csv

The study "rebuilt" has one training part and several starts; "drawn anew" has DeepFM on other draws of the negatives.
"""

import sys
from typing import Any

import frappe_data
from runner import Table, encoded, named

from deepfm_np.models import MODELS

BARS: dict[str, Any] = {  # of DeepFM and DNN
    "embedding_dim": 10,
    "hidden": (400, 400, 400),
    "activation": "relu",
    "batch_norm": True,
    "dropout": 0.2,
    "l2_table": 0.05,
    "learning_rate": 1e-3,
    "batch_size": 4096,
    "epochs": 100,
    "patience": 2,
    "stop_by": "auc",
}
OF_IPNN = {"batch_norm": False, "dropout": 0.3, "patience": 3}
CONVERGED = {"epochs": 2000}
FM = {**BARS, **MODELS["FM"], "l2_table": 5e-6}
LR = {**BARS, **MODELS["LR"]}
BY_LOG_LOSS = {"stop_by": "log_loss"}
SETTINGS: dict[str, dict[str, Any]] = {
    "DeepFM": BARS,
    "FM": FM,
    "FM, by log loss": {**FM, **BY_LOG_LOSS},
    "LR": LR,
    "LR, converged": {**LR, **CONVERGED, **BY_LOG_LOSS},
    "FM, converged": {**FM, **CONVERGED, **BY_LOG_LOSS},
    "DNN": {**BARS, **MODELS["DNN"]},
    "IPNN": {**BARS, **MODELS["IPNN"], **OF_IPNN},
}
STARTS = {name: 3 if name in ("FM, converged", "DNN", "IPNN") else 5 for name in SETTINGS}
DRAWS = (1, 2, 3)


def main(folder: str) -> None:
    table = Table("frappe", {"settings": SETTINGS, "sha256": frappe_data.CHECKSUMS})
    parts = encoded(*frappe_data.load(folder))
    for model, settings in SETTINGS.items():
        for start in range(STARTS[model]):
            table.run(named("rebuilt", model, start=start), {**settings, "seed": start}, parts)
    for draw in DRAWS:
        run = named("drawn anew", "DeepFM", split=draw)
        if not table.has(run):
            table.run(run, BARS, encoded(*frappe_data.load(folder, seed=draw)))


if __name__ == "__main__":
    main(*sys.argv[1:])
