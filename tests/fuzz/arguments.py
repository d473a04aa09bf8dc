"""Operations, model, optimisers and metrics with one argument in an odd form.

The reference is the same function of the same numbers as plain float64 (ids: int64; complex numbers: complex128). What
cannot be read as numbers must be refused, and so must what the reference refuses.
"""

import warnings
from collections.abc import Callable
from functools import partial
from numbers import Complex, Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepfm_np import DeepFM, metrics, ops
from deepfm_np.data import Examples
from deepfm_np.optim import SGD, Adam
from deepfm_np.training import evaluate, fit
from fuzz.outcome import Trial, differ, shown

RNG = np.random.default_rng(0)
IDS = np.array([[0, 2], [1, 3], [0, 3]])
VALUES = np.array([[1.0, 0.5], [1.0, -2.0], [0.0, 1.0]])
LABELS = np.array([0.0, 1.0, 1.0])
SCORES = np.array([0.1, 0.2, 0.3])
TABLE, WEIGHTS, X, VECTORS = (RNG.standard_normal(shape) for shape in ((4, 2), 4, (3, 2), (3, 2, 2)))
SCALAR = np.array(1.0)
PRECISION = {"f2": 3e-2, "f4": 1e-5, "c8": 1e-5}  # of the dtypes below float64


def _pair(forward: Callable, backward: Callable) -> Callable:
    """The result of both passes; the last argument is the gradient."""

    def both(*arguments: Any) -> tuple:
        y, cache = forward(*arguments[:-1])
        return y, backward(arguments[-1], cache)

    return both


def _batch_norm(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any, training: bool = True) -> tuple:
    return ops.batch_norm_forward(x, gamma, beta, (mean, variance), training)


def _model(**settings: Any) -> DeepFM:
    return DeepFM([2, 2], hidden=(3,), dtype="float64", **settings)


def _with_table(table: Any) -> np.ndarray:
    model = _model()
    model.params["table"] = table
    return model.logits(IDS, VALUES)


def _start(labels: Any) -> np.ndarray:
    model = _model()
    model.start_from(labels)
    return model.params["bias"]


def _fit(ids: Any, values: Any, labels: Any, valid: tuple | None = None) -> tuple:
    model = _model()
    history = fit(
        model,
        Examples(ids, values, labels),
        Examples(*valid) if valid else None,
        epochs=2,
        progress=False,
    )
    return history[["epoch", "train_loss", "learning_rate"]], model.params


def _step(optimizer: Callable, parameter: Any, *gradient: Any) -> tuple:
    """Two steps, by a gradient or by rows and their values. An error must come before anything moves."""
    stepping, params = optimizer(), {"w": parameter}
    before = parameter.copy() if isinstance(parameter, np.ndarray) else None
    grads = {"w": ops.RowGradient(*gradient) if len(gradient) == 2 else gradient[0]}
    try:
        for _ in range(2):
            stepping.step(params, grads)
    except FloatingPointError:
        raise
    except Exception:
        assert stepping.t == 0 and (before is None or differ(parameter, before) == ""), "moved before it was refused"
        raise
    return params, stepping.state


FUNCTIONS: dict[str, tuple[Callable, list[np.ndarray]]] = {
    "affine": (_pair(ops.affine_forward, ops.affine_backward), [X, X.T @ X, X[0], X]),
    "batch norm": (_pair(_batch_norm, ops.batch_norm_backward), [X, X[0], X[1], X[2], np.ones(2), X]),
    "batch norm in evaluation": (
        _pair(partial(_batch_norm, training=False), ops.batch_norm_backward),
        [X, X[0], X[1], X[2], np.ones(2), X],
    ),
    "dropout": (
        _pair(lambda x: ops.dropout_forward(x, 0.5, np.random.default_rng(0)), ops.dropout_backward),
        [X, X],
    ),
    "sigmoid": (_pair(ops.sigmoid_forward, ops.sigmoid_backward), [X, X]),
    "relu": (_pair(ops.relu_forward, ops.relu_backward), [X, X]),
    "tanh": (_pair(ops.tanh_forward, ops.tanh_backward), [X, X]),
    "embedding": (_pair(ops.embedding_forward, ops.embedding_backward), [TABLE, IDS, VALUES, VECTORS]),
    "embedding of a field": (
        _pair(ops.embedding_forward, ops.embedding_backward),
        [TABLE, IDS, VALUES, np.array([0]), VECTORS[:, :1]],
    ),
    "first order": (_pair(ops.first_order_forward, ops.first_order_backward), [WEIGHTS, IDS, VALUES, X[:, 0]]),
    "FM": (_pair(ops.fm_forward, ops.fm_backward), [VECTORS, X[:, 0]]),
    "L2": (_pair(ops.l2_forward, ops.l2_backward), [X, SCALAR]),
    "L2 of rows": (_pair(ops.l2_rows_forward, ops.l2_rows_backward), [TABLE, IDS, VALUES, SCALAR]),
    "log loss": (_pair(ops.log_loss_forward, ops.log_loss_backward), [X[:, 0], LABELS, SCALAR]),
    "one-hot": (lambda ids, values: ops.one_hot(ids, 4, values), [IDS, VALUES]),
    "touched rows": (ops.touched_rows, [IDS, VALUES]),
    "logits": (lambda ids, values: _model().logits(ids, values), [IDS, VALUES]),
    "probabilities": (lambda ids, values: _model().predict_proba(ids, values), [IDS, VALUES]),
    "explanation": (lambda ids, values: tuple(_model().explain(ids, values)), [IDS, VALUES]),
    "loss and gradients": (
        lambda ids, values, labels: _model(l2_embedding=0.1).loss_and_grads(ids, values, labels),
        [IDS, VALUES, LABELS],
    ),
    "gradient terms": (
        lambda ids, values, labels: _model(l2_embedding=0.1).gradient_terms(ids, values, labels),
        [IDS, VALUES, LABELS],
    ),
    "a table of one's own": (_with_table, [RNG.standard_normal((4, 10))]),
    "start": (_start, [LABELS]),
    "fit": (_fit, [IDS, VALUES, LABELS]),
    "fit, validated": (lambda *valid: _fit(IDS, VALUES, LABELS, valid), [IDS, VALUES, LABELS]),
    "evaluate": (lambda *examples: evaluate(_model(), Examples(*examples)), [IDS, VALUES, LABELS]),
    "Adam": (partial(_step, Adam), [X, X]),
    "SGD": (partial(_step, partial(SGD, 0.1, momentum=0.9)), [X, X]),
    "Adam of rows": (partial(_step, Adam), [TABLE, np.array([0, 2]), X[:2]]),
    "AUC": (metrics.auc, [LABELS, SCORES]),
    "log loss of probabilities": (metrics.log_loss, [LABELS, SCORES]),
    "calibration": (metrics.calibration, [LABELS, SCORES]),
    "base rate": (metrics.base_rate_log_loss, [LABELS]),
}
FINITE = {
    "logits",
    "probabilities",
    "explanation",
    "a table of one's own",
    "start",
    "fit",
    "fit, validated",
    "evaluate",
}
FINITE |= {"AUC", "log loss of probabilities", "calibration", "base rate"}  # in others, overflow is NumPy's warning

FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    **{
        name: (lambda a, name=name: a.astype(name))
        for name in ["?", "u1", "i1", "i4", "i8", "u8", "f2", "f4", ">f4", ">i2", "g", "c8", "c16", "O", "U", "S"]
    },
    "complex": lambda a: a + 1j,
    "list": lambda a: a.tolist(),
    "tuple": lambda a: tuple(a.tolist()) if a.ndim else a.tolist(),
    "Python number": lambda a: a.ravel()[0].item(),
    "Series": lambda a: pd.Series(a.ravel()),
    "DataFrame": lambda a: pd.DataFrame(np.atleast_1d(a).reshape(len(np.atleast_1d(a)), -1)),
    "nullable": lambda a: pd.array(a.ravel().tolist()),
    "matrix": lambda a: np.asmatrix(a.reshape(-1, a.shape[-1] if a.ndim else 1)),
    "masked": lambda a: np.ma.masked_array(a, a == a.ravel()[0]),
    "Fortran": lambda a: np.asfortranarray(a),
    "strided": lambda a: np.repeat(np.atleast_1d(a), 2, axis=-1)[..., ::2].reshape(a.shape) if a.size else a,
    "backwards": lambda a: a[::-1] if a.ndim else a,
    "read-only": lambda a: np.broadcast_to(a, a.shape),
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape).copy(),
    "nan": lambda a: np.where(a == a.ravel()[0], np.nan, a),
    "inf": lambda a: np.where(a == a.ravel()[0], -np.inf, a),
    "huge": lambda a: a * 1e300,
    "large": lambda a: a.astype(float) * 1e30,
    "tiny": lambda a: a * 1e-310,
    "negative": lambda a: -1 - a,
    "too large": lambda a: a + 2**40,
    "beyond int64": lambda a: np.full(a.shape, 2**63, "u8"),
    "empty": lambda a: np.atleast_1d(a)[:0],
    "no columns": lambda a: np.atleast_1d(a)[..., :0],
    "one more axis": lambda a: a[None],
    "flat": lambda a: a.reshape(-1),
    "transposed": lambda a: a.T,
    "one row": lambda a: np.atleast_1d(a)[:1],
    "scalar": lambda a: np.array(1.0),
    "dates": lambda a: a.astype("i8").astype("M8[D]"),
    "durations": lambda a: a.astype("i8").astype("m8[s]"),
    "records": lambda a: np.zeros(a.shape, "i4, f8"),
    "bytes": lambda a: a.tobytes(),
    "ragged": lambda a: [[1.0], [1.0, 2.0]],
    "None": lambda a: None,
    "text": lambda a: "abc",
    "object": lambda a: object(),
    "dict": lambda a: {"a": 1.0},
    "set": lambda a: {1.0, 2.0},
    "generator": lambda a: (x for x in a.ravel()),
    "mixed": lambda a: np.array([None, "a", 1.0], object),
    "huge integers": lambda a: np.full(a.shape, 10**400, object),
    "itself": lambda a: a,
}


def trial(rng: np.random.Generator, folder: Path) -> Trial:
    """A function with one argument in another form."""
    name = list(FUNCTIONS)[rng.integers(len(FUNCTIONS))]
    function, right = FUNCTIONS[name]
    at, form = int(rng.integers(len(right))), list(FORMS)[rng.integers(len(FORMS))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        odd = FORMS[form](right[at].copy())
    number = _as_numbers(odd, right[at])
    arguments = [*right[:at], odd, *right[at + 1 :]]

    def run() -> Any:
        return function(*(a.copy() if isinstance(a, np.ndarray) else a for a in arguments))

    def wrong(result: Any) -> str:
        if number is None:
            return "" if name == "one-hot" and form == "None" else "accepted, and no numbers"
        try:
            with np.errstate(all="ignore"):
                expected = function(*(a.copy() for a in [*right[:at], number, *right[at + 1 :]]))
        except Exception as error:
            return f"accepted, and as plain numbers it is refused: {shown(error)}"
        return differ(result, expected, PRECISION.get(getattr(getattr(odd, "dtype", None), "str", "<f8")[1:], 1e-9))

    finite = number is not None and bool(np.isfinite(number).all())
    return Trial(f"{name}, argument {at} as {form}", run, wrong, finite=finite, may_warn=name not in FINITE)


def _as_numbers(odd: Any, right: np.ndarray) -> np.ndarray | None:
    """The odd argument as a plain array; None where it is something else than numbers."""
    if isinstance(odd, np.ma.MaskedArray | str | bytes | set):
        return None
    try:
        plain = np.asarray(odd)
        cells = [cell.item() if isinstance(cell, np.generic) else cell for cell in plain.ravel().tolist()]
        if not all(isinstance(cell, Complex) for cell in cells):
            return None
        if right.dtype.kind == "i":
            return np.array(cells, np.int64).reshape(plain.shape) if all(map(_whole, cells)) else None
        return np.array(cells, complex if plain.dtype.kind == "c" else float).reshape(plain.shape)
    except (ValueError, TypeError, OverflowError):
        return None


def _whole(cell: Any) -> bool:
    return isinstance(cell, Integral) and not isinstance(cell, bool)
