"""When a rule fits: the matcher that rules share, and how a factor is found and named."""

from collections.abc import Callable, Iterator
from functools import wraps

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.evidence import SLACK, Evidence, Operation

FEW = 4  # entries; with fewer, a constant factor fits too easily

Rule = Callable[[Evidence], str]
Candidates = Iterator[tuple]  # (sentence, what the mistake would have made of the gradient), and perhaps a scale


def candidates(rule: Callable[[Evidence], Candidates]) -> Rule:
    """A rule as a list of sentences, each with what A would be: it tells the first that A equals and N does not.

    A single wrong entry is no evidence of a mistake that changes a whole tensor.
    """

    @wraps(rule)
    def explain(e: Evidence) -> str:
        if e.wrong.sum() < 2:
            return ""
        with np.errstate(all="ignore"):
            return next((what for what, *made in rule(e) if _fits(e, *made)), "")

    return explain


def _fits(e: Evidence, candidate: Array, scale: float = 1.0) -> bool:
    if not np.isfinite(candidate).all() or not np.isfinite(scale):
        return False
    return e.is_explained_by(candidate, scale) and not e.agree(e.numeric, candidate)


def factor_of(e: Evidence, of: Array, what: Array, few: int = FEW) -> float | None:
    """The c with what = c of in every entry; None if there is none, or fewer than `few` entries determine it."""
    square = of @ of
    if square == 0 or not np.isfinite(square):
        return None
    c = float(what @ of / square)
    telling = np.abs(c * of) > SLACK * e.allowed
    return c if telling.sum() >= few and e.agree(what, c * of, c) else None


def usual_factors(e: Evidence) -> list[tuple[float, str]]:
    """Factors that are forgotten easily, in words."""
    usual = [pair for n in _batch_sizes(e) if n > 2 for pair in ((n, f"n (n = {n})"), (1 / n, f"1/n (n = {n})"))]
    return [*usual, (2, "2"), (1 / 2, "1/2"), (4, "4"), (1 / 4, "1/4")]


def _batch_sizes(e: Evidence) -> list[int]:
    if e.batch_size is not None:
        return [e.batch_size]
    if e.operation is None:
        return []
    arrays = [e.operation.y, *e.operation.inputs.values()]
    return sorted({array.shape[0] for array in arrays if array.ndim})


def example_factor(op: Operation, x: Array) -> Array | None:
    """grad_y spread over the entries of the examples, where y has one entry per example of x."""
    if op.grad_y.ndim != 1 or x.ndim < 2 or len(op.grad_y) != len(x):
        return None
    return np.broadcast_to(op.grad_y.reshape(-1, *[1] * (x.ndim - 1)), x.shape)


def spreads(array: Array, shape: tuple) -> Iterator[Array]:
    """The array in this shape: by NumPy's broadcasting, and along the first axes."""
    for fitted in (array, array.reshape(array.shape + (1,) * (len(shape) - array.ndim))):
        try:
            yield np.broadcast_to(fitted, shape)
        except ValueError:
            continue
