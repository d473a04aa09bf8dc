"""A log in the format of Criteo's train.txt, of any size, five random splits 80/10/10.

    python -m deepfm_np encode --data criteo --path train.txt --out FOLDER
    python docs/benchmarks/results/criteo.py FOLDER NAME    # writes NAME.csv

The settings are those of BARS for Criteo_x1, but for the batches: a 64th of the rows, at most 4,096.
"""

import sys
from typing import Any

from runner import Parts, Table, named

from deepfm_np.data import split_blocks
from deepfm_np.data.stream import encoded
from deepfm_np.models import MODELS

BARS: dict[str, Any] = {
    "embedding_dim": 10,
    "hidden": (400, 400, 400),
    "activation": "relu",
    "batch_norm": True,
    "dropout": 0.1,
    "l2_table": 1e-5,
    "learning_rate": 1e-3,
    "batch_size": None,
    "epochs": 100,
    "patience": 2,
    "stop_by": "auc",
}
SETTINGS = {model: {**BARS, **MODELS[model]} for model in ("LR", "FM", "DNN", "DeepFM")}
SEEDS = range(5)


def main(folder: str, name: str) -> None:
    log = encoded.open_encoded(folder, verify=True)
    table = Table(name, {"settings": SETTINGS, "rows": log.meta["rows"], "checksums": log.meta["checksums"]})
    for seed in SEEDS:
        parts = Parts(log.encoder, *split_blocks(lambda: encoded.open_arrays(folder), seed=seed))
        for model, settings in SETTINGS.items():
            table.run(named("random", model, split=seed), {**settings, "seed": seed}, parts)


if __name__ == "__main__":
    main(*sys.argv[1:])
