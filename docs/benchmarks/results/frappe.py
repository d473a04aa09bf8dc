"""Frappe_x1 with the settings of BARS, five starts on a rebuilt training part: see frappe_data.py.

    python docs/benchmarks/results/frappe.py FOLDER    # of the three files that frappe_data.py names; writes frappe.csv

The study "rebuilt" has one training part and five starts, "drawn anew" DeepFM on five training parts.
"""

import sys
from typing import Any

import frappe_data
from runner import Table, encoded, named

from deepfm_np.architecture import COMPONENTS

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
CONVERGED = {"epochs": 2000}
MODELS: dict[str, dict[str, Any]] = {
    "DeepFM": BARS,
    "DNN": {**BARS, **COMPONENTS["DNN"]},
    "FM": {**BARS, **COMPONENTS["FM"], "l2_table": 5e-6},
    "FM, converged": {**BARS, **COMPONENTS["FM"], "l2_table": 5e-6, **CONVERGED},
    "LR": {**BARS, **COMPONENTS["LR"]},
    "LR, converged": {**BARS, **COMPONENTS["LR"], **CONVERGED},
}
SEEDS = range(5)


def main(folder: str) -> None:
    table = Table("frappe", {"settings": MODELS, "sha256": frappe_data.CHECKSUMS})
    parts = encoded(*frappe_data.load(folder))
    for model, settings in MODELS.items():
        for start in SEEDS:
            table.run(named("rebuilt", model, start=start), {**settings, "seed": start}, parts)
    for draw in SEEDS:
        run = named("drawn anew", "DeepFM", split=draw)
        if not table.has(run):
            table.run(run, BARS, encoded(*frappe_data.load(folder, seed=draw)))


if __name__ == "__main__":
    main(*sys.argv[1:])
