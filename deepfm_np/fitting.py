"""From the rows that `fit` is given to a fitted model: what each column is, the examples, the training."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from deepfm_np import training
from deepfm_np.constraints import checked
from deepfm_np.data import kinds
from deepfm_np.data.encoder import FieldEncoder
from deepfm_np.data.examples import AnyExamples
from deepfm_np.divergence import warn_if_diverged
from deepfm_np.inputs import Rows, class_weights, examples_of, labelled_rows, triple_of
from deepfm_np.model import DeepFM
from deepfm_np.models import table_from_fm
from deepfm_np.optim import Adam

TRAINING = (
    "epochs",
    "batch_size",
    "patience",
    "stop_by",
    "seed",
    "threads",
    "progress",
    "verbose",
)  # settings of `training.fit`

Parts = tuple[AnyExamples, AnyExamples | None]  # to train on and to validate on
FM_ALONE = {"first_order": True, "fm": True, "deep": False, "start_from_fm": False}


class Fitted(NamedTuple):
    """What comes of training."""

    model: DeepFM
    history: pd.DataFrame


def decided(fields: Any, rows: Rows, train: Rows) -> tuple[FieldEncoder, list[kinds.Column]]:
    """An encoder, not fitted yet, for the fields given or else inferred, and what was decided of each column.

    train: those of the rows whose labels may tell ids from amounts.
    """
    given = None if fields is None else FieldEncoder(fields).fields
    columns = kinds.settled(kinds.decide(rows.frame, given, rows.y), train.frame, train.labels)
    return FieldEncoder(kinds.fields_of(columns) if given is None else given), columns


def with_valid(
    train: Rows, eval_set: Any, fraction: float, seed: int | np.random.Generator
) -> tuple[Rows, Rows | None]:
    """The rows to train on, and those to validate on: of the eval_set, or a part held out of the first."""
    if eval_set is None:
        return held_out(train, fraction, seed)
    return train, labelled_rows(*triple_of(eval_set), train.classes)


def held_out(rows: Rows, fraction: float, seed: int | np.random.Generator) -> tuple[Rows, Rows | None]:
    """The rows without a random share of each class, and that share; None if of a class none would be in it."""
    order = np.random.default_rng(checked("seed", seed)).permutation(len(rows.labels))
    held = np.zeros(len(order), bool)
    for label in (0, 1):
        of_class = order[rows.labels[order] == label]
        share = round(fraction * len(of_class))
        if not 0 < share < len(of_class):
            return rows, None
        held[of_class[:share]] = True
    return rows.take(~held), rows.take(held)


def encoded(encoder: FieldEncoder, train: Rows, valid: Rows | None, class_weight: Any) -> Parts:
    """The examples of the training part, from which the encoder learns, and of the validation part."""
    by_class = class_weights(class_weight, train.classes, train.labels, train.weights)
    examples = examples_of(encoder.fit_transform(train.frame), train, by_class)
    return examples, None if valid is None else examples_of(encoder.transform(valid.frame), valid, by_class)


def fitted(
    settings: Mapping[str, Any],
    encoder: FieldEncoder,
    train: AnyExamples,
    valid: AnyExamples | None,
    checkpoint: str | Path | None,
) -> Fitted:
    """Train a model with these settings of the classifier. Warns of a model far worse than the base rate.

    Raises ValueError for `start_from_fm` unless the network is alone.
    """
    for_model = {name: settings[name] for name in inspect.signature(DeepFM).parameters if name in settings}
    for_training = {name: settings[name] for name in TRAINING}
    if settings["start_from_fm"]:
        if not settings["deep"] or settings["first_order"] or settings["fm"]:
            raise ValueError("start_from_fm needs the network alone: first_order=False, fm=False, deep=True")
        for_model["embedding_dim"] += 1  # of each row, the weight beside the vector
    model, optimizer = DeepFM(encoder.field_dims, encoder.field_starts, **for_model), Adam(settings["learning_rate"])
    if settings["start_from_fm"] and not (checkpoint and Path(checkpoint).exists()):
        fm = fitted({**settings, **FM_ALONE}, encoder, train, valid, None).model
        model.params["table"] = table_from_fm(fm.params)
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is judged below
        history = training.fit(model, train, valid, optimizer=optimizer, checkpoint=checkpoint, **for_training)
    warn_if_diverged(model, history, train, valid, settings["learning_rate"])
    return Fitted(model, history)
