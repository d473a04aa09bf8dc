"""Is this derivative right? The analytic gradient against a numeric one, with one verdict per tensor.

An entry's relative error is |a - n| / max(|a|, |n|, s), with a the analytic and n the numeric derivative and s the
largest |n| of the tensor: an entry that cancels to nearly nothing is measured against its tensor. What is allowed:

    complex step       ROUNDING * eps of the gradient's dtype, which is 1e-12 in float64: the rounding of both sides
    differences        that, plus the method's own error at the entry: twice the change that doubling the step
                       makes (truncation), and the rounding of f divided by the step (round-off)

An entry whose numeric derivative is more uncertain than UNCERTAIN of its size says nothing, and is set aside.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.exceptions import ComplexWarning

from deepfm_np.gradcheck.numeric import (
    EPS,
    METHODS,
    Array,
    NotAnalyticError,
    central_difference,
    complex_step,
    difference_step,
    forward_difference,
)
from deepfm_np.gradcheck.report import Report, Result

ROUNDING = 1e-12 / EPS  # rounding errors of a pass, in units of eps
ZERO_TO_ROUNDING = 1e-12  # a tensor this small beside the largest gradient of the check counts as zero
UNCERTAIN = 1e-2
UNTOUCHED_ROWS = 32  # how many untouched rows of a sparse gradient are sampled
NOT_DETERMINISTIC = "not deterministic: forward gives another value at the same point; freeze the mask"
NOT_ANALYTIC = "forward is not analytic, so the complex step says nothing"


class Numeric(NamedTuple):
    """Numeric derivatives of some entries of one tensor."""

    entries: list[tuple]  # multi-indices
    derivative: Array  # (entries,)
    uncertainty: Array  # (entries,), absolute, of the method; 0 for the complex step


def check_operation(
    forward: Callable,
    backward: Callable,
    inputs: Mapping[str, Array],
    wrt: str | Sequence[str] | None = None,
    method: str = "complex",
    seed: int = 0,
) -> Report:
    """Check the backward pass of an operation at one point.

    forward: called with the inputs in order, returns (y, cache), y an array or a scalar.
    backward: called with (grad_y, cache), returns one gradient per name in `wrt`, in that order; a single one may be
        bare. A gradient is an array of the input's shape or has `.rows` and `.values` (touched rows of a table).
    inputs: name -> array, in call order.  wrt: the names to differentiate, by default all floating inputs.
    method: "complex", "central" or "forward".  seed: of the random output weights.

    y is reduced to the scalar sum(weights * y) with Gaussian weights, so that every entry of y counts. Gradients are
    taken in the dtype of the inputs; the numeric side always works in double precision.
    Raises ValueError for an unknown method or name. A gradient of the wrong kind, shape or number is a failed
    verdict with a hint, not an exception.
    """
    inputs = {name: np.asarray(value) for name, value in inputs.items()}
    wrt = [wrt] if isinstance(wrt, str) else wrt
    wrt = [name for name in inputs if _is_floating(inputs[name])] if wrt is None else list(wrt)
    _require_known(wrt, inputs)
    y, cache = forward(*(value.copy() for value in inputs.values()))
    y = np.asarray(y)
    weights = np.random.default_rng(seed).standard_normal(y.shape)
    gradients = backward(weights.astype(y.dtype)[()], cache)
    if len(wrt) == 1 and (_is_row_gradient(gradients) or not isinstance(gradients, tuple | list)):
        gradients = (gradients,)
    if not isinstance(gradients, tuple | list) or _is_row_gradient(gradients) or len(gradients) != len(wrt):
        found = len(gradients) if isinstance(gradients, tuple | list) else type(gradients).__name__
        hint = f"backward must return {len(wrt)} gradients, for {', '.join(wrt)}; it returned {found}"
        return Report([Result.failed(name, inputs[name].shape, hint) for name in wrt], method)

    def scalar(point: Mapping[str, Array]) -> np.generic:
        return (weights * forward(*point.values())[0]).sum()

    size = float(np.abs(weights * y).sum())
    return _check(scalar, inputs, dict(zip(wrt, gradients, strict=True)), size, method, seed)


def check_loss(
    loss_and_grads: Callable[[Mapping[str, Array]], tuple],
    params: Mapping[str, Array],
    method: str = "complex",
    seed: int = 0,
) -> Report:
    """Check the gradient of a loss for every parameter.

    loss_and_grads: called with a dict like `params`, returns (loss, grads), grads a dict name -> array or row
        gradient with one entry for each parameter. Under the complex step one array of the dict is complex.
    params: name -> floating array.  method: "complex", "central" or "forward".  seed: of the sampled rows.

    Raises ValueError for an unknown method. A missing gradient is a failed verdict.
    """
    params = {name: np.asarray(value) for name, value in params.items()}
    loss, grads = loss_and_grads({name: value.copy() for name, value in params.items()})
    gradients = {name: grads.get(name) for name in params}
    return _check(lambda point: loss_and_grads(point)[0], params, gradients, abs(float(loss)), method, seed)


def _check(
    function: Callable, point: Mapping[str, Array], gradients: Mapping, size: float, method: str, seed: int
) -> Report:
    """function: dict of arrays -> scalar of absolute size `size`.  gradients: what is claimed, by name."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    first, second = function(point), function(point)
    if not np.isfinite(first) or first != second:
        hint = f"forward gives {first} here" if first == second or first != first else NOT_DETERMINISTIC
        return Report([Result.inconclusive(name, point[name].shape, hint) for name in gradients], method)
    rng = np.random.default_rng(seed)
    double = {name: _to_double(value) for name, value in point.items()}
    numerics, results = {}, {}
    for name, gradient in gradients.items():
        complaint = _complaint(gradient, point[name])
        if complaint:
            results[name] = Result.failed(name, point[name].shape, complaint)
            continue

        def along(x: Array, name: str = name) -> np.generic:
            return function({**double, name: x})

        entries = _entries(gradient, point[name].shape, rng)
        try:
            if method == "complex":
                _require_analytic(along, double[name], size, rng)
            numerics[name] = _numeric(along, double[name], entries, size, method)
        except NotAnalyticError as error:
            results[name] = Result.inconclusive(name, point[name].shape, f"{NOT_ANALYTIC}: {error}")
    largest = max((_largest(numeric.derivative) for numeric in numerics.values()), default=0.0)
    for name, numeric in numerics.items():
        results[name] = _judge(name, point[name].shape, gradients[name], numeric, largest, method)
    return Report([results[name] for name in gradients], method)


def _numeric(f: Callable, x: Array, entries: list[tuple], size: float, method: str) -> Numeric:
    if method == "complex":
        with _complex_errors():
            derivative = [complex_step(f, x, index) for index in entries]
        return Numeric(entries, np.array(derivative), np.zeros(len(entries)))
    difference = central_difference if method == "central" else forward_difference
    derivative, uncertainty = [], []
    for index in entries:
        h = difference_step(method, x, index)
        fine, coarse = difference(f, x, index, h), difference(f, x, index, 2 * h)
        derivative.append(fine)
        uncertainty.append(2 * abs(coarse - fine) + 64 * EPS * size / h)
    return Numeric(entries, np.array(derivative), np.array(uncertainty))


def _judge(name: str, shape: tuple, gradient, numeric: Numeric, largest: float, method: str) -> Result:
    analytic, dtype = _claimed(gradient, numeric.entries)
    n = numeric.derivative
    scale = _largest(n)
    if scale < ZERO_TO_ROUNDING * largest:
        scale = largest
    denominator = np.maximum(np.maximum(np.abs(analytic), np.abs(n)), scale)
    denominator[denominator == 0] = 1.0
    error = np.abs(analytic - n) / denominator
    rounding = ROUNDING * float(np.finfo(dtype).eps)
    uncertainty = numeric.uncertainty / denominator
    tolerance = rounding + uncertainty
    conclusive = uncertainty <= UNCERTAIN
    reason = f"{ROUNDING:.0f} eps of {dtype}" + ("" if method == "complex" else " + truncation + round-off")
    if not np.isfinite(analytic).all():
        worst = int(np.argmax(~np.isfinite(analytic)))
        return Result.failed(name, shape, f"the gradient at {numeric.entries[worst]} is {analytic[worst]}")
    worst = int(np.argmax(np.where(conclusive, error / tolerance, -1.0))) if n.size else None
    if (error > tolerance)[conclusive].any():
        verdict, hint = "fail", _sparse_hint(gradient, numeric.entries[worst])
    elif 2 * conclusive.sum() < n.size:
        verdict, hint = "inconclusive", "most derivatives lie below the noise of the method or at a kink"
    else:
        verdict, hint = "pass", ""
    if worst is None:
        return Result(name, shape, verdict, (), 0.0, 0.0, 0.0, rounding, reason, 0, 0, hint)
    return Result(
        name=name,
        shape=shape,
        verdict=verdict,
        index=numeric.entries[worst],
        analytic=float(analytic[worst]),
        numeric=float(n[worst]),
        relative_error=float(error[worst]),
        tolerance=float(tolerance[worst]),
        tolerance_from=reason,
        checked=n.size,
        entries=int(np.prod(shape)),
        hint=hint,
    )


def _require_analytic(f: Callable, x: Array, size: float, rng: np.random.Generator) -> None:
    """Raise NotAnalyticError where complex step and central difference disagree along several random directions.

    A function that drops imaginary parts (abs, norm, a float buffer) shows a derivative that is wrong, often 0, and
    would make a wrong gradient pass. A kink between the two points can disturb one direction, hardly all.
    """
    h = 2.0**-20 * max(1.0, _largest(x))
    for _ in range(3):
        direction = rng.standard_normal(x.shape)
        with _complex_errors():
            exact = complex_step(lambda t, d=direction: f(x + t * d), np.zeros(()), ())
        central = central_difference(lambda t, d=direction: f(x + t * d), np.zeros(()), (), h)
        noise = 64 * EPS * size / h
        if abs(exact - central) <= noise + 1e-3 * max(abs(exact), abs(central)):
            return
    raise NotAnalyticError(f"along a random direction it gives {exact:.3g}, the central difference {central:.3g}")


@contextmanager
def _complex_errors() -> Iterator[None]:
    """Turn NumPy's word that it cuts complex numbers to real ones, or refuses them, into NotAnalyticError."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ComplexWarning)
        try:
            yield
        except (TypeError, ComplexWarning) as error:
            raise NotAnalyticError(str(error)) from error


def _complaint(gradient, x: Array) -> str:
    """What is wrong with a gradient before any of its numbers is looked at; empty if nothing is."""
    if gradient is None:
        return "there is no gradient for it"
    if not _is_row_gradient(gradient):
        shape = np.shape(gradient)
        return "" if shape == x.shape else f"the gradient has shape {shape}, should be {x.shape}"
    rows, values = np.asarray(gradient.rows), np.asarray(gradient.values)
    if rows.ndim != 1 or values.shape != (rows.size, *x.shape[1:]):
        expected = ("r", *x.shape[1:])
        return f"rows {rows.shape} and values {values.shape} do not fit; should be ('r',) and {expected}"
    if rows.size and (rows.min() < 0 or rows.max() >= len(x)):
        return f"rows must lie in [0, {len(x)})"
    if np.unique(rows).size != rows.size:
        return "a row appears twice: gradients of slots that share a row must be summed"
    return ""


def _entries(gradient, shape: tuple, rng: np.random.Generator) -> list[tuple]:
    """Multi-indices to check: all, or for a row gradient the touched rows and a sample of the others."""
    if not _is_row_gradient(gradient):
        return list(np.ndindex(shape))
    untouched = np.setdiff1d(np.arange(shape[0]), gradient.rows)
    sample = rng.choice(untouched, min(UNTOUCHED_ROWS, untouched.size), replace=False)
    rows = [*np.asarray(gradient.rows), *np.sort(sample)]
    return [(int(row), *rest) for row in rows for rest in np.ndindex(shape[1:])]


def _claimed(gradient, entries: list[tuple]) -> tuple[Array, np.dtype]:
    """The analytic derivative at each entry, 0 in rows a row gradient leaves out; and its dtype."""
    if not _is_row_gradient(gradient):
        gradient = np.asarray(gradient)
        return np.array([gradient[index] for index in entries], float), gradient.dtype
    values = np.asarray(gradient.values)
    position = {int(row): i for i, row in enumerate(gradient.rows)}
    claimed = [values[(position[row], *rest)] if row in position else 0.0 for row, *rest in entries]
    return np.array(claimed, float), values.dtype


def _sparse_hint(gradient, index: tuple) -> str:
    if _is_row_gradient(gradient) and index[0] not in gradient.rows:
        return f"row {index[0]} is left out, but the function depends on it"
    return ""


def _require_known(wrt: Sequence[str], inputs: Mapping[str, Array]) -> None:
    for name in wrt:
        if name not in inputs:
            raise ValueError(f"wrt names {name!r}, which is not an input: {', '.join(inputs)}")
        if not _is_floating(inputs[name]):
            raise ValueError(f"wrt names {name!r}, which is {inputs[name].dtype}: only floating inputs have a gradient")


def _is_floating(x: Array) -> bool:
    return x.dtype.kind == "f"


def _is_row_gradient(gradient) -> bool:
    return hasattr(gradient, "rows") and hasattr(gradient, "values")


def _to_double(x: Array) -> Array:
    return x.astype(np.float64) if _is_floating(x) else x


def _largest(x: Array) -> float:
    return float(np.abs(x).max(initial=0.0))
