"""Derivatives from values of the function alone, one entry at a time.

    complex   Im f(x + i h) / h                error of order h^2, no subtraction: h = 1e-30 gives every digit
    central   (f(x + h) - f(x - h)) / (2 h)    error of order h^2 + eps |f| / h
    forward   (f(x + h) - f(x)) / h            error of order h   + eps |f| / h

(Squire & Trapp 1998 for the complex step.) It needs an analytic f: one that treats a complex number as it treats a
real one. The differences need no such thing, but they tell at best half to two thirds of the digits.
"""

from collections.abc import Callable

import numpy as np

Array = np.ndarray
EPS = float(np.finfo(np.float64).eps)

COMPLEX_STEP = 1e-30
# The step that balances truncation and round-off: eps^(1/3) where the truncation is h^2, eps^(1/2) where it is h.
RELATIVE_STEP = {"central": EPS ** (1 / 3), "forward": EPS ** (1 / 2)}
METHODS = ("complex", "central", "forward")


class NotAnalyticError(Exception):
    """The function does not treat a complex number as it treats a real one, so it has no complex step."""


def complex_step(f: Callable[[Array], complex], x: Array, index: tuple, h: float = COMPLEX_STEP) -> float:
    """df/dx[index] at x, from one evaluation at a point that is moved along the imaginary axis.

    f: array of the shape of x -> scalar. Raises NotAnalyticError where the result is not complex.
    """
    moved = x.astype(np.complex128)
    moved[index] += 1j * h
    y = f(moved)
    if not np.iscomplexobj(y):
        raise NotAnalyticError("it returned a real number for a complex input")
    return float(np.imag(y)) / h


def central_difference(f: Callable[[Array], float], x: Array, index: tuple, h: float) -> float:
    """df/dx[index] at x, from the points h above and h below."""
    return (_moved(f, x, index, h) - _moved(f, x, index, -h)) / (2 * h)


def forward_difference(f: Callable[[Array], float], x: Array, index: tuple, h: float) -> float:
    """df/dx[index] at x, from x and the point h above."""
    return (_moved(f, x, index, h) - _moved(f, x, index, 0.0)) / h


def difference_step(method: str, x: Array, index: tuple) -> float:
    """The balanced step for a difference at one entry, relative to the entry where it is larger than 1.

    Rounded to a power of two, so that x + h - x is h.
    """
    return 2.0 ** round(np.log2(RELATIVE_STEP[method] * max(1.0, abs(float(x[index])))))


def _moved(f: Callable[[Array], float], x: Array, index: tuple, h: float) -> float:
    moved = x.copy()
    moved[index] += h
    return float(f(moved))
