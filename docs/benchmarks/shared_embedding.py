"""Should FM and network share one embedding? The models of the course and a DeepFM with two tables, over seeds.

    python docs/benchmarks/shared_embedding.py [FOLDER_OF_ML-100K]

Writes shared_embedding.csv next to this file: one row per data set, seed and model. auc and log_loss are on the test
set, at the epoch with the best validation log loss. On the click log, whose true logits are known, `first_3` is the
share of the planted order 3 that the first-order part carries, `pairs_3` that of the pairs, `deep_3` that of the deep
part, and likewise for every order. The shares are the coefficients of a least-squares fit of the part by the three
planted terms. `found_3` is the first epoch after which the logit contains half of order 3. One seed sets the data, the
split, the initial weights and the shuffling; all models with the same seed see the same rows.

    20,000 rows       of the click log for training, 20 epochs
    rare apps         40,000 rows, no category, and each app in 4 versions: 240 apps, 167 rows for each; 20 epochs
    MovieLens-100K    if its folder is given: users and films, many with few ratings; no planted truth; 10 epochs

There is no early stopping: a network may make no progress for epochs before it finds order 3, and stopping or slowing
down at that point would measure the patience setting. All models train for the same number of epochs, and then for 3
more at a tenth of the learning rate.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np import DeepFM, metrics, ops
from deepfm_np.data import ClickData, FieldEncoder, load_movielens_100k, make_click_log, split
from deepfm_np.data.click_log import category_and_hour, gender_age_and_category
from deepfm_np.model import COMPONENTS
from deepfm_np.optim import Adam
from deepfm_np.recipes import RECIPES
from deepfm_np.training import Examples

SEEDS = range(6)
SIZES = {"20,000 rows": 20_000, "rare apps": 40_000}
EPOCHS = {"20,000 rows": 20, "rare apps": 20, "MovieLens-100K": 10}
SLOW_EPOCHS = 3
VERSIONS = 4
TRAINING = ("learning_rate", "batch_size")


class SeparateDeepFM(DeepFM):
    """DeepFM whose FM reads "table" and whose network reads its own table, "deep_table". No L2."""

    def __init__(self, *dims, seed=0, **settings):
        super().__init__(*dims, seed=seed, **settings)
        table = self.params["table"]
        own = 0.01 * np.random.default_rng((seed, 1)).standard_normal(table.shape)
        self.params["deep_table"] = own.astype(table.dtype)

    def forward(self, params, ids, values, rng=None, training=False):
        y_first, first = ops.first_order_forward(params["weights"], ids, values)
        vectors, fm_slots = ops.embedding_forward(params["table"], ids, values, self.field_starts)
        y_fm, fm = ops.fm_forward(vectors)
        own, deep_slots = ops.embedding_forward(params["deep_table"], ids, values, self.field_starts)
        y_deep, net = self.network.forward(params, self.running, own.reshape(len(ids), -1), rng, training)
        return params["bias"] + y_first + y_fm + y_deep, (first, fm, fm_slots, net, deep_slots)

    def logits(self, ids, values):
        return self.forward(self.params, ids, values.astype(self.dtype))[0]

    def explain(self, ids, values):
        parts = super().explain(ids, values)  # its deep part read the wrong table
        return parts._replace(deep=self.logits(ids, values) - (parts.logits - parts.deep))

    def loss_and_grads(self, ids, values, labels, rng=None, params=None, training=True):
        given, params = params, params or self.params
        logits, (first, fm, fm_slots, net, deep_slots) = self.forward(params, ids, values, rng, training)
        loss, cache = ops.log_loss_forward(logits, labels)
        g = ops.log_loss_backward(1.0, cache)
        grad_a0, grads = self.network.backward(g, net)
        grads["bias"] = g.sum()
        grads["weights"] = ops.first_order_backward(g, first)
        grads["table"] = ops.embedding_backward(ops.fm_backward(g, fm), fm_slots)
        grads["deep_table"] = ops.embedding_backward(grad_a0.reshape(fm.vectors.shape), deep_slots)
        if given is None and training:
            self.running = self.network.moved_running(net, self.running)
        return loss, grads


def planted_terms(log: ClickData) -> np.ndarray:
    """(n, 3): what each order adds to the true logit at the default strengths; order 1 includes the intercept."""
    category = log.frame["category"].cat.codes
    gender, age = log.frame["gender"].cat.codes, log.frame["age"].cat.codes
    order2 = 0.8 * category_and_hour()[category, log.frame["hour"]]
    order3 = gender_age_and_category()[gender, age, category]
    p = log.click_probabilities
    return np.column_stack([np.log(p / (1 - p)) - order2 - order3, order2, order3])


def shares(model: DeepFM, ids: np.ndarray, values: np.ndarray, terms: np.ndarray) -> dict[str, float]:
    """Coefficients of the planted terms in each part of the logit; they sum to the coefficients of the logit."""
    parts = model.explain(ids, values)
    columns = {"first": parts.first_order.sum(axis=1), "pairs": parts.pairs.sum(axis=(1, 2)), "deep": parts.deep}
    X = np.column_stack([np.ones(len(terms)), terms])
    found = {name: np.linalg.lstsq(X, y.astype(float), rcond=None)[0][1:] for name, y in columns.items()}
    return {f"{name}_{order}": found[name][order - 1] for order in (1, 2, 3) for name in found}


def click_log_parts(data: str, seed: int) -> tuple[ClickData, ClickData, ClickData]:
    """A training set of the requested size, 10,000 rows for validation and 20,000 for testing."""
    rows = SIZES[data]
    log = make_click_log(rows + 30_000, seed=seed)
    order = np.random.default_rng(seed).permutation(len(log))
    return tuple(log.take(part) for part in np.split(order, [rows, rows + 10_000]))


def encoded(data: str, parts: tuple, seed: int) -> tuple[FieldEncoder, list[Examples]]:
    frames, fields = [part.frame for part in parts], parts[0].fields
    if data == "rare apps":
        rng = np.random.default_rng((seed, 2))
        frames = [f.assign(app=f["app"].astype(str) + rng.integers(VERSIONS, size=len(f)).astype(str)) for f in frames]
        fields = [field for field in fields if field.name != "category"]
    encoder = FieldEncoder(fields).fit(frames[0])
    pairs = zip(parts, frames, strict=True)
    return encoder, [Examples(*encoder.transform(frame), part.labels) for part, frame in pairs]


def train(model: DeepFM, part: Examples, valid: Examples, settings: dict, epochs: int, seed: int, watch: Callable):
    """Train for `epochs`, then SLOW_EPOCHS at a tenth of the rate; keep the best epoch. Calls watch after each."""
    model.start_from(part.labels)
    optimizer, rng = Adam(settings["learning_rate"]), np.random.default_rng(seed)
    best, kept = np.inf, None
    for epoch in range(1, epochs + SLOW_EPOCHS + 1):
        if epoch == epochs + 1:
            optimizer.learning_rate /= 10
        order = rng.permutation(len(part.labels))
        for start in range(0, len(order), settings["batch_size"]):
            rows = order[start : start + settings["batch_size"]]
            batch = (array[rows] for array in part)
            optimizer.step(model.params, model.loss_and_grads(*batch, rng=rng)[1])
        loss = metrics.log_loss(valid.labels, model.predict_proba(valid.ids, valid.values))
        watch(epoch)
        if loss < best:
            best, best_epoch, kept = loss, epoch, {name: a.copy() for name, a in model.to_arrays().items()}
    model.restore(kept)
    return best_epoch


def results(data: str, parts: tuple, settings: dict, seed: int) -> Iterator[dict]:
    """One row per model."""
    encoder, (train_part, valid, test) = encoded(data, parts, seed)
    terms = planted_terms(parts[2]) if data in SIZES else None
    model_settings = {name: value for name, value in settings.items() if name not in TRAINING}
    models = {name: (DeepFM, COMPONENTS[name]) for name in ("LR", "FM", "DNN", "DeepFM")}
    half = {"embedding_dim": settings.get("embedding_dim", 10) // 2}
    models |= {"DeepFM, k/2": (DeepFM, half), "separate": (SeparateDeepFM, {}), "separate, k/2": (SeparateDeepFM, half)}
    for name, (kind, changes) in models.items():
        model = kind(encoder.field_dims, encoder.field_starts, seed=seed, **{**model_settings, **changes})
        found = []

        def watch(epoch, model=model, found=found):
            if terms is not None:
                share = shares(model, test.ids, test.values, terms)
                if sum(share[f"{part}_3"] for part in ("first", "pairs", "deep")) > 0.5:
                    found.append(epoch)

        row = {"data": data, "seed": seed, "model": name}
        row["epoch"] = train(model, train_part, valid, settings, EPOCHS[data], seed, watch)
        p = model.predict_proba(test.ids, test.values)
        row |= {"auc": metrics.auc(test.labels, p), "log_loss": metrics.log_loss(test.labels, p)}
        if terms is not None:
            row |= {"found_3": min(found, default=None)} | shares(model, test.ids, test.values, terms)
        yield row


def rows_of_a_seed(seed: int, folder: str | None) -> list[dict]:
    rows = []
    for data in SIZES:
        parts = click_log_parts(data, seed)
        rows += results(data, parts, RECIPES["click-log"].settings, seed)
        labels, p = parts[2].labels, parts[2].click_probabilities
        best = {"auc": metrics.auc(labels, p), "log_loss": metrics.log_loss(labels, p)}
        rows.append({"data": data, "seed": seed, "model": "Best attainable", **best})
        print(f"seed {seed}, {data}: done", flush=True)
    if folder is not None:
        settings = {**RECIPES["movielens-100k"].settings, "hidden": (200, 200, 200), "l2_embedding": 0.0}
        rows += results("MovieLens-100K", split(load_movielens_100k(folder), seed=seed), settings, seed)
    return rows


def main(folder: str | None = None) -> None:
    rows = []
    with Pool(2) as pool:
        for found in pool.imap(partial(rows_of_a_seed, folder=folder), SEEDS):
            rows += found
            table = pd.DataFrame(rows).astype({"epoch": "Int64", "found_3": "Int64"})
            table.round(4).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
