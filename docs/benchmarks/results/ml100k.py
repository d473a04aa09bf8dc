"""MovieLens-100K, trained on u1.base and tested on u1.test; five starts.

    python docs/benchmarks/results/ml100k.py FOLDER_OF_ML-100K    # writes ml100k.csv

A rating of 4 or 5 counts as a click. A tenth of u1.base, another with each start, is held out to stop by. The settings
are those of `python -m deepfm_np train --data movielens-100k`; nothing was chosen here.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from runner import Parts, Table, encoded, named, sha256

from deepfm_np.data import load_movielens_100k, split
from deepfm_np.models import MODELS
from deepfm_np.recipes import RECIPES

SETTINGS: dict[str, dict[str, Any]] = {
    model: {**RECIPES["movielens-100k"].settings, **MODELS[model]} for model in ("LR", "FM", "DNN", "DeepFM")
}
SEEDS = range(5)


def parts_of(folder: Path, seed: int) -> Parts:
    log = load_movielens_100k(folder)
    held = pd.read_csv(folder / "u1.test", sep="\t", names=["user_id", "item_id"], usecols=[0, 1])
    tested = pd.MultiIndex.from_frame(log.frame[["user_id", "item_id"]]).isin(pd.MultiIndex.from_frame(held))
    train, valid = split(log.take(np.flatnonzero(~tested)), (0.9, 0.1), seed)
    return encoded(train, valid, log.take(np.flatnonzero(tested)))


def main(folder: str) -> None:
    checksums = {name: sha256(Path(folder) / name) for name in ("u.data", "u.user", "u.item", "u1.test")}
    table = Table("ml100k", {"settings": SETTINGS, "sha256": checksums})
    for seed in SEEDS:
        parts = parts_of(Path(folder), seed)
        for model, settings in SETTINGS.items():
            table.run(named("u1", model, split=seed), {**settings, "seed": seed}, parts)


if __name__ == "__main__":
    main(*sys.argv[1:])
