"""Every setting with a value of the wrong type or out of range.

The reference is the same call with the value as a plain Python one. A value that is accepted must give the same bits.
"""

import copy
import inspect
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepfm_np import DeepFM, DeepFMClassifier, data, metrics, ops
from deepfm_np.data import Examples, FieldEncoder
from deepfm_np.optim import SGD, Adam, Optimizer
from deepfm_np.training import fit
from fuzz.arguments import IDS, LABELS, VALUES, X
from fuzz.outcome import Trial, differ, shown

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": [0.1, 0.2, 0.3], "c": ["u|v", "v", ""]})
FIT = ("epochs", "batch_size", "patience", "seed", "threads", "optimizer", "train", "valid", "checkpoint")
SMALL = {"hidden": (3,), "embedding_dim": 2, "epochs": 1, "progress": False}


def _model(**settings: Any) -> Any:
    built = DeepFM(settings.pop("field_dims", [2, 2]), **{"hidden": (3,), **settings})
    return built.params, built.logits(IDS, VALUES)


def _fit(**settings: Any) -> Any:
    model, train = DeepFM([2, 2], hidden=(3,)), Examples(IDS, VALUES, LABELS)
    before = model.to_arrays()
    try:
        history = fit(model, settings.pop("train", train), **{"epochs": 1, "progress": False, **settings})
    except Exception:
        assert not differ(list(model.to_arrays().values())[1:], list(before.values())[1:]), "the model was changed"
        raise
    return history[["epoch", "train_loss", "learning_rate"]], model.params


def _classifier(**settings: Any) -> Any:
    arguments = {name: settings.pop(name) for name in ("X", "y", "eval_set") if name in settings}
    classifier = DeepFMClassifier(**{**SMALL, **settings}).fit(**{"X": FRAME, "y": LABELS, **arguments})
    return classifier.predict_proba(FRAME)


def _step(optimizer: Callable, **settings: Any) -> Any:
    params, one = {"w": X.copy()}, optimizer(**settings)
    one.step(params, {"w": X})
    return params


def _stepped(name: str, value: Any) -> Any:
    """A setting of an optimiser that is changed after it was made."""
    params, one = {"w": X.copy()}, Adam()
    setattr(one, name, value)
    one.step(params, {"w": X})
    return params


def _encoded(kind: Callable, column: str, **settings: Any) -> Any:
    return FieldEncoder([kind(column, **settings)]).fit_transform(FRAME)


def _click_log(**settings: Any) -> Any:
    log = data.make_click_log(**{"rows": 10, **settings})
    return log.labels, log.click_probabilities


def _split(**settings: Any) -> Any:
    return [part.labels for part in data.split(data.make_click_log(50), **settings)]


def _of(function: Callable, *names: str, **fixed: Any) -> dict[tuple[str, str], Callable]:
    """One call for each of the settings."""
    shown = getattr(function, "func", function).__name__.strip("_")
    return {(shown, name): (lambda value, name=name: function(**{**fixed, name: value})) for name in names}


CALLS: dict[tuple[str, str], Callable] = {
    **_of(_model, *inspect.signature(DeepFM).parameters),
    **_of(_fit, *FIT),
    **_of(_classifier, *inspect.signature(DeepFMClassifier).parameters, "X", "y", "eval_set"),
    **{("Adam", name): (lambda v, name=name: _step(Adam, **{name: v})) for name in inspect.signature(Adam).parameters},
    ("SGD", "learning_rate"): lambda value: _step(SGD, learning_rate=value),
    ("SGD", "momentum"): lambda value: _step(SGD, learning_rate=0.1, momentum=value),
    ("a changed Adam", "learning_rate"): partial(_stepped, "learning_rate"),
    ("step", "threads"): lambda value: Adam().step({"w": X.copy()}, {"w": X}, value),
    ("Categorical", "min_count"): lambda value: _encoded(data.Categorical, "a", min_count=value),
    ("Numerical", "scaling"): lambda value: _encoded(data.Numerical, "b", scaling=value),
    ("Numerical", "bins"): lambda value: _encoded(data.Numerical, "b", scaling="quantile", bins=value),
    ("MultiValued", "pooling"): lambda value: _encoded(data.MultiValued, "c", pooling=value),
    ("MultiValued", "separator"): lambda value: _encoded(data.MultiValued, "c", separator=value),
    ("MultiValued", "min_count"): lambda value: _encoded(data.MultiValued, "c", min_count=value),
    ("a field", "column"): lambda value: FieldEncoder([data.Categorical(value)]).fit_transform(FRAME),
    **_of(_click_log, "rows", "seed", "order1", "order2", "order3"),
    **_of(_split, "fractions", "seed"),
    ("calibration", "bins"): lambda value: metrics.calibration([0, 1], [0.1, 0.2], value),
    ("logits", "threads"): lambda value: DeepFM([2, 2], hidden=(3,)).logits(IDS, VALUES, value),
    ("loss_and_grads", "rng"): lambda value: DeepFM([2, 2], hidden=(3,)).loss_and_grads(IDS, VALUES, LABELS, value),
    ("dropout_forward", "rate"): lambda value: ops.dropout_forward(X, value, np.random.default_rng(0))[0],
    ("dropout_forward", "rng"): lambda value: ops.dropout_forward(X, 0.5, value)[0],
    ("embedding_forward", "field_starts"): lambda value: ops.embedding_forward(X[[0, 1, 2, 0]], IDS, VALUES, value)[0],
    ("one_hot", "D"): lambda value: ops.one_hot(IDS, value),
}
HEAVY = {"epochs", "rows", "D", "hidden", "embedding_dim", "field_dims", "bins"}  # not with numbers that fill memory
WORDS = {  # what a clear message may call a setting, besides its name
    "X": ("y ", "the columns"),
    "y": ("X ",),
    "eval_set": ("X ", "y ", "label", "sample_weight"),
    "fields": ("field", "column"),
    "column": ("name",),
    "fractions": ("a part would be empty",),
    "train": ("ids", "labels"),
    "valid": ("ids", "labels"),
    "optimizer": ("optimiser",),
    "learning_rate": ("learning rate", "the logit"),
    "field_dims": ("fields", "ids must lie"),
    "D": ("ids must lie",),
    "l2_net": ("the gradient of",),
}


class Unprintable:
    def __repr__(self) -> str:
        return "two\nlines"


VALUES_TRIED: list[Any] = [
    "a", "", "1", "relu", "sum", "quantile", "logit", b"x", 0, 1, 2, -1, 3, 1.0, 1.5, 0.5, -0.5, 1e-320, 1e300, 1e-46,
    10**400, 2**63, float("nan"), float("inf"), -float("inf"), None, True, False, 1j, [], [1], [1, 2], (2, 2), [0, 1],
    [1.5], ["a"], [[1]], [None], [True, True], [0.5, 0.5], [0.5, float("nan")], {}, {"a": 1}, {1, 2}, object(), object,
    np.float32(0.1), np.float64(0.5), np.int8(2), np.uint64(2), np.bool_(True), np.array(2), np.array([2, 2]),
    np.array([[1]]), np.array([]), np.str_("relu"), np.nan, pd.NA, pd.NaT, pd.Series([2, 2]), pd.Timestamp("2026"),
    "x" * 100_000, Unprintable(), range(3), iter([2, 2]), (x for x in [2]), slice(3), np.random.default_rng(0),
    np.random.RandomState(0), Adam(), SGD(0.1), Adam, "float64", np.float64, "f4", ">f4", np.dtype("f2"), "nowhere/x",
    FRAME, LABELS, [FRAME, LABELS], (FRAME, LABELS), (FRAME, LABELS, 1), [(FRAME, LABELS)], ([1], [2]), X, print,
    Examples(IDS, VALUES, LABELS), Examples(IDS, VALUES, LABELS[:2]), Examples(None, None, None), Examples([], [], []),
    [data.Categorical("a")], [data.Categorical("a")] * 2, [data.Categorical("z")], ["a", "b"], data.Numerical("b"),
]  # fmt: skip


def trial(rng: np.random.Generator, folder: Path) -> Trial:
    """One setting with one value."""
    where, name = list(CALLS)[rng.integers(len(CALLS))]
    value = VALUES_TRIED[rng.integers(len(VALUES_TRIED))]
    value = copy.deepcopy(value) if isinstance(value, Optimizer) else value  # the last trial has used it
    if name in HEAVY and isinstance(value, int) and value > 100:
        value = 7
    inside = Path(tempfile.mkdtemp(dir=folder))

    def call(value: Any) -> Any:
        """A text may name a file: each call has an empty folder of its own."""
        shutil.rmtree(inside)
        inside.mkdir()
        with _working_in(inside):
            return CALLS[where, name](value)

    def wrong(result: Any) -> str:
        if inspect.isgenerator(value) or hasattr(value, "__next__") or isinstance(value, np.random.Generator):
            return ""
        try:
            expected = call(Adam() if isinstance(value, Adam) else _plain(value))
        except Exception as error:
            return f"accepted, but not as a plain value: {shown(error)}"
        return differ(result, expected)

    shown_value = " ".join(repr(value)[:40].split())
    what, names = f"{name}={shown_value} of {where}", (name, *WORDS.get(name, ()))
    return Trial(what, lambda: call(value), wrong, names, lambda: ", ".join(os.listdir(inside)), finite=True)


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _plain(value: Any) -> Any:
    """The value without NumPy's types."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist() if getattr(value, "ndim", 0) < 2 else value
    return list(value) if isinstance(value, tuple | range) and all(isinstance(one, int) for one in value) else value
