"""Derivatives from values of the function alone, one entry at a time.

    complex      Im f(x + i h) / h                      error of order h^2, no subtraction: h = 1e-30 gives every digit
    forward      F(h) = (f(x + h) - f(x)) / h           error of order h    + eps |f| / h
    central      C(h) = (f(x + h) - f(x - h)) / (2 h)   error of order h^2  + eps |f| / h
    richardson   (4 C(h) - C(2 h)) / 3                  error of order h^4  + eps |f| / h

(Squire & Trapp 1998 for the complex step, Richardson 1911.) The complex step needs an analytic f: one that treats a
complex number as it treats a real one. The differences work for any f but give only some of the digits, so each comes
with an estimate of its error. Everywhere, f takes an array of the shape of x and returns a scalar.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.not_analytic import NotAnalyticError

if TYPE_CHECKING:
    import pandas as pd

EPS = float(np.finfo(np.float64).eps)

COMPLEX_STEP = 1e-30
CERTAIN = 1e-7  # of the largest derivative: an uncertainty below it needs no second method
ROUNDINGS = 64  # how often a value of f is assumed to be rounded, each time by eps |f|


class Difference(NamedTuple):
    """A derivative by differences, and three estimates of its error, in the same unit."""

    derivative: float
    truncation: float  # how much it changes when the step is doubled
    round_off: float  # ROUNDINGS eps |f| / h
    kink: float  # by how much the slopes on the two sides differ beyond what curvature explains

    @property
    def uncertainty(self) -> float:
        """An upper estimate of the error."""
        return self.truncation + self.round_off + self.kink


def complex_step(f: Callable, x: Array, index: tuple, h: float = COMPLEX_STEP) -> float:
    """df/dx[index] at x, from one evaluation at a point moved along the imaginary axis.

    Raises NotAnalyticError where the result is not complex.
    """
    moved = x.astype(np.complex128)
    moved[index] += 1j * h
    return _imaginary(f(moved)) / h


def directional_step(f: Callable, x: Array, direction: Array) -> float:
    """The derivative of f at x along a direction of the shape of x, by the complex step."""
    return _imaginary(f(x + 1j * COMPLEX_STEP * direction)) / COMPLEX_STEP


def forward_difference(f: Callable, x: Array, index: tuple, h: float) -> float:
    """df/dx[index] at x, from x and the point h above it."""
    return (_moved(f, x, index, h) - _moved(f, x, index, 0.0)) / h


def central_difference(f: Callable, x: Array, index: tuple, h: float) -> float:
    """df/dx[index] at x, from the points h above and h below."""
    return (_moved(f, x, index, h) - _moved(f, x, index, -h)) / (2 * h)


def richardson(f: Callable, x: Array, index: tuple, h: float) -> float:
    """df/dx[index] at x, from two central differences whose errors of order h^2 cancel."""
    return (4 * central_difference(f, x, index, h) - central_difference(f, x, index, 2 * h)) / 3


class Method(NamedTuple):
    """A way to differentiate."""

    words: str  # how a report calls it
    order: int  # p: the truncation error is of order h^p
    formula: Callable[..., float]  # (f, x, index, h) -> df/dx[index] at x


METHODS = {
    "complex": Method("the complex step, a numerical derivative exact to rounding", 2, complex_step),
    "forward": Method("forward differences", 1, forward_difference),
    "central": Method("central differences", 2, central_difference),
    "richardson": Method("Richardson extrapolation", 4, richardson),
}


def difference(
    f: Callable, x: Array, index: tuple, method: str, f0: float, size: float, eps: float = EPS
) -> Difference:
    """df/dx[index] at x by one of the differences, with the balanced step, and estimates of its error.

    f0: f(x).  size: of the numbers that add up to f, at least |f0|.  eps: of the precision in which f is computed.

    All estimates come from the slopes on the two sides of x, so the formulas above are written here in terms of
    these: C(h) is their mean. Their difference is S(h) = (f(x + h) - 2 f(x) + f(x - h)) / h. A smooth f has
    S(2 h) = 2 S(h) up to order h^3; at a kink inside the step this fails, or else C(2 h) differs from C(h).
    """
    h = difference_step(method, x, index, eps)
    steps = h * np.array([1, 2, 4] if method == "richardson" else [1, 2])
    up, down = (np.array([_moved(f, x, index, sign * step) for step in steps]) for sign in (1, -1))
    forward, backward = (up - f0) / steps, (f0 - down) / steps
    central = (forward + backward) / 2
    bend = forward - backward
    by_method = {"forward": forward, "central": central, "richardson": (4 * central[:-1] - central[1:]) / 3}
    derivative, coarse = by_method[method][:2]
    round_off = ROUNDINGS * eps * size / h
    kink = max(0.0, abs(bend[1] - 2 * bend[0]) - 4 * round_off)
    return Difference(derivative, 2 * abs(coarse - derivative), round_off, kink)


def best_differences(f: Callable, x: Array, entries: Sequence[tuple], f0: float, size: float, eps: float) -> list:
    """The derivatives by Richardson extrapolation, or by central differences where these are more certain.

    Richardson has more digits, but its step is some hundred times as wide, and more kinks lie within it.
    """
    found = [difference(f, x, index, "richardson", f0, size, eps) for index in entries]
    largest = max((abs(one.derivative) for one in found), default=0.0)
    for i, index in enumerate(entries):
        if found[i].uncertainty > CERTAIN * largest:
            found[i] = min(found[i], difference(f, x, index, "central", f0, size, eps), key=lambda d: d.uncertainty)
    return found


class Slopes(NamedTuple):
    """The slopes of a function on the two sides of a point."""

    left: float
    right: float
    uncertainty: float

    @property
    def differ(self) -> bool:
        """Whether there is a kink at the point."""
        return abs(self.right - self.left) > 4 * self.uncertainty

    def hold(self, slope: float, slack: float) -> bool:
        """Whether a slope lies between the two, or equals one of them."""
        slack += self.uncertainty
        return min(self.left, self.right) - slack <= slope <= max(self.left, self.right) + slack


def slopes(f: Callable, x: Array, index: tuple, f0: float, size: float) -> Slopes:
    """The one-sided slopes along an entry, 2 F(h) - F(2 h) with F the difference from x, error of order h^2.

    Further kinks close by show as a change when the step is doubled; then smaller steps are tried.
    """
    for h in (2.0**-17, 2.0**-22, 2.0**-27):
        h *= max(1.0, 2.0 ** np.ceil(np.log2(abs(float(x[index])) or 1.0)))
        steps = h * np.array([1, 2, 4])
        sides = []
        for sign in (-1, 1):
            one, two, four = np.array([_moved(f, x, index, sign * step) - f0 for step in steps]) / (sign * steps)
            sides.append((2 * one - two, abs(2 * one - two - (2 * two - four))))
        (left, left_change), (right, right_change) = sides
        found = Slopes(left, right, left_change + right_change + ROUNDINGS * EPS * size / h)
        if found.differ:
            break
    return found


def roughness(f: Callable[[float], float], h: float) -> float:
    """How far three equidistant values of f lie off a straight line: rounding, if h is small."""
    bend = abs(f(2 * h) - 2 * f(h) + f(0.0))
    return float(bend) if np.isfinite(bend) else 0.0


def difference_step(method: str, x: Array, index: tuple, eps: float = EPS) -> float:
    """The step that balances truncation, of order h^p, against round-off, of order eps / h: eps^(1 / (p + 1)).

    Relative to the entry where that is larger than 1, and rounded to a power of two, so that x + h - x is h.
    """
    balanced = eps ** (1 / (METHODS[method].order + 1))
    return 2.0 ** round(np.log2(balanced * max(1.0, abs(float(x[index])))))


def step_sweep(f: Callable, x: Array, index: tuple = (), steps: Sequence[float] | None = None) -> "pd.DataFrame":
    """The error of every method against its step, at one entry of x.

    f: analytic.  steps: by default from 1 down to 1e-18, four per decade.

    Returns a DataFrame with the columns method, step, derivative and error, the last relative to the complex step at
    1e-30. `plots.step_sweep_figure` draws it: towards smaller steps truncation falls and round-off rises.
    """
    import pandas as pd

    sizes = 10.0 ** -np.arange(0, 18.25, 0.25) if steps is None else np.asarray(steps, float)
    x = np.asarray(x, float)
    exact = complex_step(f, x, index)
    differences = [name for name in METHODS if name != "complex"]
    rows = [(name, h, METHODS[name].formula(f, x, index, h)) for name in (*differences, "complex") for h in sizes]
    frame = pd.DataFrame(rows, columns=["method", "step", "derivative"])
    return frame.assign(error=(frame["derivative"] - exact).abs() / (abs(exact) or 1.0))


def _imaginary(y: complex) -> float:
    if not np.iscomplexobj(y):
        raise NotAnalyticError("it is handed a complex number there and returned a real one")
    return float(np.imag(y))


def _moved(f: Callable, x: Array, index: tuple, h: float) -> float:
    moved = x.copy()
    moved[index] += h
    return float(f(moved))
