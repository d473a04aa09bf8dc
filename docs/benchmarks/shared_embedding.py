"""Should FM and network share one embedding? DeepFM and a DeepFM with two tables, tuned alike, over twelve seeds.

    python docs/benchmarks/shared_embedding.py [FOLDER_OF_ML-100K]

Writes two files next to this one. A run that they hold is not made again, so it can be interrupted and goes on.

shared_embedding_grid.csv: both models try the same grid of learning rates and L2, on one seed that is not used again.
The setting that is best for either, by validation log loss, goes on, with both models: so that what the setting does
can be told from what the second table does.

shared_embedding.csv: one row per data set, seed and model. auc and log_loss are on the test part, at the epoch with the
best validation log loss. On the click log, whose true logits are known, `first_3` is the share of the planted order 3
that the first-order part carries, `pairs_3` that of the pairs, `deep_3` that of the deep part, and likewise for every
order: the coefficients of a least-squares fit of the part by the three planted terms. `found_3` is the first epoch
after which the logit contains half of order 3, empty if that had not come when the epochs ran out. One seed sets the
data or the split, the initial weights and the shuffling; all models with the same seed see the same rows.

shared_embedding_untuned.csv holds earlier runs, by the version of this file in commit 2c42e44: LR, FM, DNN and both
models, at full and half the width, six seeds, with the settings of the recipe, for 20 epochs (MovieLens: 10) and 3 more
at a tenth of the rate.

    20,000 rows       of the click log for training, 20 epochs
    rare apps         40,000 rows, no category, and each app in 4 versions: 240 apps, 167 rows for each; up to 40
                      epochs, until 6 in a row have brought nothing and order 3 has been found
    MovieLens-100K    if its folder is given: users and films, many with few ratings; no planted truth; up to 10 epochs,
                      until 2 in a row have brought nothing
    160,000 rows      of the click log, 12 epochs: what more rows change for FM

A network may make no progress for epochs before it finds order 3, and to stop or slow down at that point would measure
the patience setting; so none stops before. After these epochs come 3 more at a tenth of the learning rate.
"""

import sys
from functools import lru_cache
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np import DeepFM, metrics
from deepfm_np.data import ClickData, FieldEncoder, load_movielens_100k, make_click_log, split
from deepfm_np.data.click_log import category_and_hour, gender_age_and_category
from deepfm_np.data.examples import Examples
from deepfm_np.model import COMPONENTS
from deepfm_np.optim import Adam
from deepfm_np.recipes import RECIPES

CSV = Path(__file__).with_suffix(".csv")
GRID_CSV = CSV.with_name("shared_embedding_grid.csv")
SIZES = {"20,000 rows": 20_000, "rare apps": 40_000, "160,000 rows": 160_000}
EPOCHS = {"MovieLens-100K": 10, "20,000 rows": 20, "rare apps": 40, "160,000 rows": 12}
PATIENCE = {"rare apps": 6, "MovieLens-100K": 2}
SLOW_EPOCHS = 3
VERSIONS = 4
MODELS = {"FM": COMPONENTS["FM"], "DeepFM": {}, "separate": {"shared_embedding": False}}
GRID = [(0.0025, 0.0), (0.005, 0.0), (0.01, 0.0), (0.005, 1e-4), (0.005, 1e-3)]  # learning rate, L2 on the rows
GRID_SEED, SEEDS = 1000, range(12)
TWO = ("DeepFM", "separate")
KEY = ["data", "model", "seed", "learning_rate", "l2"]
WATCHED_ROWS = 5_000  # of the test part, looked at after every epoch


def planted_terms(log: ClickData) -> np.ndarray:
    """(n, 3): what each order adds to the true logit at the default strengths; order 1 includes the intercept."""
    category = log.frame["category"].cat.codes
    gender, age = log.frame["gender"].cat.codes, log.frame["age"].cat.codes
    order2 = 0.8 * category_and_hour()[category, log.frame["hour"]]
    order3 = gender_age_and_category()[gender, age, category]
    p = log.click_probabilities
    return np.column_stack([np.log(p / (1 - p)) - order2 - order3, order2, order3])


def coefficients(terms: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(3,): how much of each planted term is in y, by least squares."""
    X = np.column_stack([np.ones(len(terms)), terms])
    return np.linalg.lstsq(X, y.astype(float), rcond=None)[0][1:]


def shares(model: DeepFM, examples: Examples, terms: np.ndarray) -> dict[str, float]:
    """Coefficients of the planted terms in each part of the logit; they sum to the coefficients of the logit."""
    parts = model.explain(examples.ids, examples.values)
    columns = {"first": parts.first_order.sum(axis=1), "pairs": parts.pairs.sum(axis=(1, 2)), "deep": parts.deep}
    found = {name: coefficients(terms, y) for name, y in columns.items()}
    return {f"{name}_{order}": found[name][order - 1] for order in (1, 2, 3) for name in found}


@lru_cache(maxsize=1)
def prepared(data: str, seed: int, folder: str | None) -> tuple[FieldEncoder, list[Examples], np.ndarray | None]:
    """The encoder, the three encoded parts, and the planted terms of the test part if they are known."""
    if data == "MovieLens-100K":
        parts = split(load_movielens_100k(folder), seed=seed)
    else:
        rows = SIZES[data]
        log = make_click_log(rows + 30_000, seed=seed)
        order = np.random.default_rng(seed).permutation(len(log))
        parts = tuple(log.take(part) for part in np.split(order, [rows, rows + 10_000]))
    frames, fields = [part.frame for part in parts], parts[0].fields
    if data == "rare apps":
        rng = np.random.default_rng((seed, 2))
        frames = [f.assign(app=f["app"].astype(str) + rng.integers(VERSIONS, size=len(f)).astype(str)) for f in frames]
        fields = [field for field in fields if field.name != "category"]
    encoder = FieldEncoder(fields).fit(frames[0])
    pairs = zip(parts, frames, strict=True)
    terms = planted_terms(parts[2]) if data in SIZES else None
    return encoder, [Examples(*encoder.transform(frame), part.labels) for part, frame in pairs], terms


def settings_of(data: str) -> dict:
    if data == "MovieLens-100K":
        return {**RECIPES["movielens-100k"].settings, "hidden": (100, 100, 100), "l2_embedding": 0.0}
    return RECIPES["click-log"].settings


def run(data: str, name: str, seed: int, learning_rate: float, l2: float, folder: str | None) -> dict:
    """Train one model; keep its best epoch by validation log loss; measure it on the test part."""
    encoder, (train, valid, test), terms = prepared(data, seed, folder)
    settings = {**settings_of(data), "l2_embedding": l2, **MODELS[name]}
    batch_size = settings["batch_size"]
    settings = {key: value for key, value in settings.items() if key in DeepFM([1]).config}
    model = DeepFM(encoder.field_dims, encoder.field_starts, seed=seed, **settings)
    model.start_from(train.labels)
    optimizer, rng, best, found = Adam(learning_rate), np.random.default_rng(seed), np.inf, None
    best_epoch = slow = 0
    for epoch in count(1):
        idle = epoch - 1 - best_epoch >= PATIENCE.get(data, np.inf) and (terms is None or found is not None)
        slow += bool(slow or idle or epoch > EPOCHS[data])
        if slow > SLOW_EPOCHS:
            break
        optimizer.learning_rate = learning_rate / 10 if slow else learning_rate
        order = rng.permutation(len(train.labels))
        for rows in np.split(order, range(batch_size, len(order), batch_size)):
            batch = (array[rows] for array in train)
            optimizer.step(model.params, model.loss_and_grads(*batch, rng=rng, threads=1)[1])
        loss = metrics.log_loss(valid.labels, model.predict_proba(valid.ids, valid.values, threads=1))
        if terms is not None and found is None:
            z = model.logits(test.ids[:WATCHED_ROWS], test.values[:WATCHED_ROWS], threads=1)
            found = epoch if coefficients(terms[:WATCHED_ROWS], z)[2] > 0.5 else None
        if loss < best:
            best, best_epoch, kept = loss, epoch, {key: a.copy() for key, a in model.to_arrays().items()}
    model.restore(kept)
    p = model.predict_proba(test.ids, test.values, threads=1)
    row = dict(zip(KEY, (data, name, seed, learning_rate, l2), strict=True)) | {"epoch": best_epoch}
    row |= {"valid_log_loss": best, "auc": metrics.auc(test.labels, p), "log_loss": metrics.log_loss(test.labels, p)}
    if terms is None:
        return row
    best_auc = metrics.auc(test.labels, terms.sum(axis=1))
    return row | {"found_3": found, "best_attainable_auc": best_auc} | shares(model, test, terms)


def runs(path: Path, wanted: list[tuple], folder: str | None) -> pd.DataFrame:
    """Make the runs that the file does not hold, adding each to it. wanted: data, model, seed, learning rate, L2."""
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    known = {tuple(row[name] for name in KEY) for row in rows}
    for key in wanted:
        if key not in known:
            rows.append(run(*key, folder))
            print(*list(rows[-1].values())[:9], flush=True)
            pd.DataFrame(rows).astype({"epoch": "Int64", "found_3": "Int64"}).round(6).to_csv(path, index=False)
    return pd.DataFrame(rows)


def main(folder: str | None = None) -> None:
    runs(CSV, [("160,000 rows", "FM", seed, 0.005, 0.0) for seed in range(3)], folder)
    for data in ("MovieLens-100K", "20,000 rows", "rare apps") if folder else ("20,000 rows", "rare apps"):
        wanted = [(data, name, GRID_SEED, *point) for name in TWO for point in GRID]
        grid = runs(GRID_CSV, wanted, folder).query("data == @data")
        best = grid.loc[grid.groupby("model")["valid_log_loss"].idxmin(), ["learning_rate", "l2"]]
        points = dict.fromkeys(best.itertuples(index=False, name=None))  # once, if both models have the same
        runs(CSV, [(data, name, seed, *point) for seed in SEEDS for name in TWO for point in points], folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
