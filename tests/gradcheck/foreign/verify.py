"""The numeric gradient by which the cases are known to be right: nothing here is taken from the checker.

At a smooth point: (4 C(h) - C(2 h)) / 3, C the central difference. On a corner: anything between the smallest and the
largest derivative at points nearby. The slopes of both sides are not enough: where several units have their corner at
one place, all of them moved by one entry, a backward pass that takes 0 for each lies outside of both.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
from gradcheck.foreign.case import Array, Case

STEP = 1e-4
TOLERANCE = 1e-6  # of the largest entry of the tensor
FLOAT32_STEP, FLOAT32_TOLERANCE = 0.03, 2e-3
NEARBY, NEARBY_STEP, NEARBY_TOLERANCE, NEARBY_POINTS = 1e-5, 1e-7, 1e-4, 48


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
    if case.kinks:
        return _slopes_around(case, name)
    h, relative = (STEP, TOLERANCE) if case.exact else (FLOAT32_STEP, FLOAT32_TOLERANCE)
    derivative = np.empty(case.inputs[name].shape)
    for index in np.ndindex(derivative.shape):
        near, far = (_central(case, case.inputs, name, index, step) for step in (h, 2 * h))
        derivative[index] = (4 * near - far) / 3
    return Slopes(derivative, derivative, relative * _size(derivative))


def _slopes_around(case: Case, name: str) -> Slopes:
    rng = np.random.default_rng(11)
    points = [_moved(case, rng) for _ in range(NEARBY_POINTS)]
    shape = case.inputs[name].shape
    found = np.empty((len(points), *shape))
    for derivative, point in zip(found, points, strict=True):
        for index in np.ndindex(shape):
            derivative[index] = _central(case, point, name, index, NEARBY_STEP)
    return Slopes(found.min(axis=0), found.max(axis=0), NEARBY_TOLERANCE * _size(found))


def _moved(case: Case, rng: np.random.Generator) -> dict[str, Array]:
    return {
        key: value + NEARBY * rng.standard_normal(value.shape) if value.dtype.kind == "f" else value
        for key, value in case.inputs.items()
    }


def _central(case: Case, point: Mapping[str, Array], name: str, index: tuple, h: float) -> float:
    sums = []
    for step in (h, -h):
        moved = {key: value.copy() for key, value in point.items()}
        moved[name][index] += step
        y = case.forward(*moved.values())[0]
        weights = outputs(grad_y(y))
        sums.append(sum((w * part).sum(dtype=float) for w, part in zip(weights, outputs(y), strict=True)))
    return float(sums[0] - sums[1]) / (2 * h)


def _size(derivative: Array) -> float:
    return max(1e-6, float(np.abs(derivative).max(initial=0)))
