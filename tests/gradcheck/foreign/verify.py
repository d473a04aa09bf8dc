"""The numeric gradient by which the cases are known to be right: nothing here is taken from the checker.

Smooth entries: (4 C(h) - C(2 h)) / 3, C the central difference. On a corner: anything between the slopes of both sides.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
from gradcheck.foreign.case import Array, Case

STEP = 1e-4
TOLERANCE = 1e-6  # of the largest entry of the tensor
FLOAT32_STEP, FLOAT32_TOLERANCE = 0.03, 2e-3


class Slopes(NamedTuple):
    """The derivative of sum(weights * y) by each entry of a tensor: somewhere between low and high."""

    low: Array
    high: Array
    tolerance: float  # absolute

    def accept(self, gradient) -> bool:
        """Whether this may be the gradient."""
        gradient = np.asarray(gradient)
        if gradient.shape != self.low.shape or not np.isfinite(gradient).all():
            return False
        above, below = gradient <= self.high + self.tolerance, gradient >= self.low - self.tolerance
        return bool((above & below).all())


def outputs(y) -> list[Array]:
    """The arrays that a forward pass returned, one or several."""
    return [np.asarray(part) for part in (y if isinstance(y, tuple) else (y,))]


def grad_y(y):
    """Gaussian weights for each output, in the form of the output."""
    rng = np.random.default_rng(7)
    weights = [rng.standard_normal(part.shape)[()] for part in outputs(y)]
    return tuple(weights) if isinstance(y, tuple) else weights[0]


def gradients(case: Case, backward: Callable | None = None) -> dict[str, Array]:
    """What the backward pass of a case, or another one, returns for grad_y: name -> array."""
    y, saved = case.forward(*(value.copy() for value in case.inputs.values()))
    returned = (backward or case.backward)(grad_y(y), saved)
    return {name: np.array(gradient) for name, gradient in named(returned, case.wrt).items()}


def named(returned, wrt) -> dict:
    """Gradients in any form as a dict."""
    if isinstance(returned, Mapping):
        return {name: returned[name] for name in wrt}
    returned = returned if isinstance(returned, tuple | list) else [returned]
    return dict(zip(wrt, returned, strict=True))


@cache
def slopes(case: Case) -> dict[str, Slopes]:
    """The numeric gradients of a case, computed once."""
    return {name: _slopes_of(case, name) for name in case.wrt}


def _slopes_of(case: Case, name: str) -> Slopes:
    weights = outputs(grad_y(case.forward(*case.inputs.values())[0]))
    h, relative = (STEP, TOLERANCE) if case.exact else (FLOAT32_STEP, FLOAT32_TOLERANCE)

    def f(index: tuple, step: float) -> float:
        moved = {key: value.copy() for key, value in case.inputs.items()}
        moved[name][index] += step
        y = outputs(case.forward(*moved.values())[0])
        return float(sum((w * part).sum(dtype=float) for w, part in zip(weights, y, strict=True)))

    low, high = np.empty(case.inputs[name].shape), np.empty(case.inputs[name].shape)
    for index in np.ndindex(low.shape):
        if case.kinks:
            h = 1e-7
            sides = (f(index, h) - f(index, 0)) / h, (f(index, 0) - f(index, -h)) / h
            low[index], high[index] = min(sides), max(sides)
        else:
            central = [(f(index, step) - f(index, -step)) / (2 * step) for step in (h, 2 * h)]
            low[index] = high[index] = (4 * central[0] - central[1]) / 3
    return Slopes(low, high, relative * max(1e-6, np.abs([low, high]).max(initial=0)))
