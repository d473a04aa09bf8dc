"""MovieLens-1M by RecBole's protocol "ml-1m_context", five random splits.

    python docs/benchmarks/results/ml1m.py FOLDER_OF_ML-1M            # the table: ml1m.csv
    python docs/benchmarks/results/ml1m.py FOLDER_OF_ML-1M --search   # what was tried before: ml1m_search.csv

Ratings of 3 are dropped, 4 and 5 count as clicks: 739,012 rows, split 80/10/10 at random. Fields: user, item, age,
gender, occupation, genres, release year. The search looks at the validation part of the first split alone.

DeepFM is trained in two stages. The first ends after an epoch that did not improve the validation log loss; its best
epoch is the row "DeepFM, first stage". From there a fifth of the rate follows, until the validation AUC gets no better.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from runner import Parts, Table, encoded, named, sha256

from deepfm_np import DeepFM
from deepfm_np.data import ClickData, load_movielens_1m, split
from deepfm_np.models import MODELS
from deepfm_np.optim import Adam
from deepfm_np.training import fit, predict

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
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 3e-4},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 1e-4, "batch_norm": True},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 3e-4, "embedding_dim": 32},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 1e-3, "embedding_dim": 32},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 3e-3, "embedding_dim": 32},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 3e-4, "learning_rate": 1e-2},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 3e-4, "learning_rate": 2e-3, "batch_size": 512},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 1e-3, "batch_size": 512},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 1e-3, "learning_rate": 1e-2, "batch_size": 1024},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 3e-4, "batch_size": 1024},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 3e-3, "batch_size": 1024},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 1e-2, "batch_size": 1024},
        {"hidden": (256, 256), "dropout": 0.5, "l2_embedding": 3e-3, "batch_size": 1024, "embedding_dim": 32},
        {"hidden": (256, 256, 256), "dropout": 0.5, "l2_embedding": 3e-3, "batch_size": 1024, "embedding_dim": 32},
    ],
}
ALONE: dict[str, dict[str, Any]] = {
    "LR": {**BASE, **MODELS["LR"], "learning_rate": 5e-3, "batch_size": 1024},
    "FM": {**BASE, **MODELS["FM"], "l2_embedding": 5e-3},
}
DEEPFM: dict[str, Any] = {
    "embedding_dim": 16,
    "hidden": (256, 256),
    "activation": "relu",
    "dropout": 0.5,
    "l2_embedding": 3e-3,
}
STAGES: dict[str, tuple[float, str]] = {"DeepFM, first stage": (5e-3, "log_loss"), "DeepFM": (1e-3, "auc")}
STUDY = "ml-1m_context"


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


def in_stages(table: Table, seed: int, parts: Parts) -> None:
    """Train DeepFM and add a run for each stage. A rate's Adam begins anew, and the bias at the base rate."""
    runs = {stage: named(STUDY, stage, split=seed) for stage in STAGES}
    if all(map(table.has, runs.values())):
        return
    encoder = parts.encoder
    model = DeepFM(encoder.field_dims, encoder.field_starts, **DEEPFM, seed=seed)
    how = {"batch_size": 1024, "epochs": 60, "patience": 1, "seed": seed, "threads": 1, "progress": False}
    for stage, (rate, stop_by) in STAGES.items():
        history = fit(model, parts.train, parts.valid, optimizer=Adam(rate), stop_by=stop_by, **how)
        table.add(runs[stage], history, parts, partial(predict, model))


def main(folder: str, *options: str) -> None:
    checksums = {name: sha256(Path(folder) / name) for name in FILES}
    log = load(folder)
    if "--search" in options:
        table = Table("ml1m_search", {"base": BASE, "searched": SEARCHED, "sha256": checksums})
        parts = parts_of(log, 0)
        for run, settings in searched():
            table.run(run, settings, parts._replace(test=None))
        return
    table = Table("ml1m", {"settings": {**ALONE, "DeepFM": DEEPFM, "stages": STAGES}, "sha256": checksums})
    for seed in SPLITS:
        parts = parts_of(log, seed)
        in_stages(table, seed, parts)
        for model, settings in ALONE.items():
            table.run(named(STUDY, model, split=seed), {**settings, "seed": seed}, parts)


if __name__ == "__main__":
    main(*sys.argv[1:])
