"""MovieLens-1M by RecBole's protocol "ml-1m_context", five random splits.

    python docs/benchmarks/results/ml1m.py FOLDER_OF_ML-1M            # the table: ml1m.csv
    python docs/benchmarks/results/ml1m.py FOLDER_OF_ML-1M --search   # what was tried before: ml1m_search.csv

Ratings of 3 are dropped, 4 and 5 count as clicks: 739,012 rows, split 80/10/10 at random. Fields: user, item, age,
gender, occupation, genres, release year. The search looks at the validation part of the first split alone.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner import Parts, Table, encoded, named, sha256

from deepfm_np.data import ClickData, load_movielens_1m, split
from deepfm_np.models import MODELS

SPLITS = range(5)
FILES = ("ratings.dat", "users.dat", "movies.dat")
BASE: dict[str, Any] = {
    "embedding_dim": 16,
    "activation": "relu",
    "batch_norm": False,
    "learning_rate": 5e-3,
    "batch_size": 4096,
    "epochs": 60,
    "patience": 2,
    "stop_by": "log_loss",
}
WIDE = {"hidden": (256, 256), "dropout": 0.5}
SEARCHED: dict[str, list[dict[str, Any]]] = {
    "LR": [
        {"learning_rate": 2e-3, "batch_size": 1024},
        {"learning_rate": 2e-3, "batch_size": 4096},
        {"learning_rate": 5e-3, "batch_size": 1024},
    ],
    "FM": [{"l2_embedding": 1e-4}, {"l2_embedding": 1e-3}, {"l2_embedding": 5e-3}],
    "DeepFM": [
        {"hidden": (256, 256, 256), "dropout": 0.2, "l2_embedding": 1e-5},
        {"hidden": (256, 256, 256), "dropout": 0.2, "l2_embedding": 1e-4},
        {"hidden": (128, 128), "dropout": 0.2, "l2_embedding": 3e-4},
        {"hidden": (128, 128), "dropout": 0.2, "l2_embedding": 1e-3},
        {"hidden": (128, 128), "dropout": 0.2, "l2_embedding": 3e-5, "learning_rate": 2e-3},
        {"hidden": (128, 128), "dropout": 0.5, "l2_embedding": 3e-5},
        {"hidden": (128, 128), "dropout": 0.2, "l2_embedding": 1e-4, "embedding_dim": 32},
        {"hidden": (128, 128), "dropout": 0.2, "l2_embedding": 1e-4, "batch_size": 16384},
        {**WIDE, "l2_embedding": 3e-4},
        {**WIDE, "l2_embedding": 1e-4, "batch_norm": True},
        {**WIDE, "l2_embedding": 3e-4, "embedding_dim": 32},
        {**WIDE, "l2_embedding": 1e-3, "embedding_dim": 32},
        {**WIDE, "l2_embedding": 3e-3, "embedding_dim": 32},
        {**WIDE, "l2_embedding": 3e-4, "learning_rate": 1e-2},
        {**WIDE, "l2_embedding": 3e-4, "learning_rate": 2e-3, "batch_size": 512},
        {**WIDE, "l2_embedding": 1e-3, "batch_size": 512},
        {**WIDE, "l2_embedding": 1e-3, "learning_rate": 1e-2, "batch_size": 1024},
        {**WIDE, "l2_embedding": 3e-4, "batch_size": 1024},
        {**WIDE, "l2_embedding": 3e-3, "batch_size": 1024},
        {**WIDE, "l2_embedding": 1e-2, "batch_size": 1024},
        {**WIDE, "l2_embedding": 3e-3, "batch_size": 1024, "embedding_dim": 32},
        {"hidden": (256, 256, 256), "dropout": 0.5, "l2_embedding": 3e-3, "batch_size": 1024, "embedding_dim": 32},
        {**WIDE, "l2_embedding": 1e-3, "learning_rate": 2e-3, "batch_size": 1024, "stop_by": "auc"},
        {**WIDE, "l2_embedding": 3e-4, "batch_size": 1024, "stop_by": "auc"},
        {**WIDE, "l2_embedding": 3e-3, "batch_size": 1024, "embedding_dim": 32, "l2_net": 3e-5, "stop_by": "auc"},
        {**WIDE, "l2_embedding": 3e-3, "batch_size": 1024, "embedding_dim": 32, "l2_net": 2e-4, "stop_by": "auc"},
        {**WIDE, "l2_table": 5e-6, "stop_by": "auc"},
        {**WIDE, "l2_table": 1e-5, "patience": 1},
        {**WIDE, "l2_table": 2e-5, "embedding_dim": 32, "stop_by": "auc"},
        {"hidden": (256, 256, 256), "dropout": 0.1, "l2_table": 1e-9, "stop_by": "auc"},
        {**WIDE, "l2_table": 1e-6, "stop_by": "auc"},
        {**WIDE, "l2_table": 5e-5, "embedding_dim": 32, "stop_by": "auc"},
        {"hidden": (256, 256, 256), "dropout": 0.5, "l2_table": 2e-5, "embedding_dim": 32, "stop_by": "auc"},
    ],
}
CHOSEN: dict[str, dict[str, Any]] = {
    "DeepFM": {**WIDE, "l2_table": 1e-5},
    "LR": {"learning_rate": 5e-3, "batch_size": 1024},
    "FM": {"l2_embedding": 5e-3},
    "DeepFM, k 32": {**WIDE, "l2_table": 5e-5, "embedding_dim": 32},
}


def load(folder: str) -> ClickData:
    log = load_movielens_1m(folder, drop_threes=True)
    return ClickData(log.frame, log.labels, [field for field in log.fields if field.name != "zip"])


def parts_of(log: ClickData, seed: int) -> Parts:
    return encoded(*split(log, seed=seed))


def searched() -> Iterator[tuple[dict[str, object], dict[str, Any]]]:
    """The runs of the search; the setting of a run is the text of what is tried."""
    for model, candidates in SEARCHED.items():
        for changes in candidates:
            text = " ".join(f"{name}={value}".replace(" ", "") for name, value in changes.items())
            yield named(model, text), {**BASE, **changes, **MODELS[model]}


def main(folder: str, *options: str) -> None:
    checksums = {name: sha256(Path(folder) / name) for name in FILES}
    log = load(folder)
    if "--search" in options:
        table = Table("ml1m_search", {"base": BASE, "searched": SEARCHED, "sha256": checksums})
        parts = parts_of(log, 0)
        for run, settings in searched():
            table.run(run, settings, parts._replace(test=None))
        return
    settings = {model: {**BASE, **changes, **MODELS[model.split(",")[0]]} for model, changes in CHOSEN.items()}
    table = Table("ml1m", {"settings": settings, "sha256": checksums})
    for model, chosen in settings.items():
        for seed in SPLITS:
            run = named("ml-1m_context", model, split=seed)
            if not table.has(run):
                table.run(run, {**chosen, "seed": seed}, parts_of(log, seed))


if __name__ == "__main__":
    main(*sys.argv[1:])
