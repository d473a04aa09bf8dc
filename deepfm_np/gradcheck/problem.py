"""A scalar function at one point, with its derivatives by any method, there and nearby."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from deepfm_np.gradcheck.arrays import Array, to_double
from deepfm_np.gradcheck.gradient import complaint, to_dense
from deepfm_np.gradcheck.judge import Measured
from deepfm_np.gradcheck.not_analytic import SINGLE, NotAnalyticError, complex_errors, executed_line
from deepfm_np.gradcheck.numeric import (
    EPS,
    ROUNDINGS,
    Slopes,
    best_differences,
    complex_step,
    difference,
    directional_step,
    roughness,
    slopes,
)

ROUGH, ROUGH_STEP, DIRECTIONS = 1e-10, 2.0**-24, 8  # values that jump by more than ROUGH over such a step are float32
APART = 1e-5  # how far the complex step and a central difference may lie apart
NEAR, FAR = 1e-8, 1e-3  # how far a point is moved off a kink, relative to the tensor; FAR is many steps of a difference


@dataclass(frozen=True)
class Problem:
    """The function, the point, and the gradients that are under check."""

    function: Callable  # dict of arrays -> scalar
    point: Mapping[str, Array]
    names: list[str]  # of the tensors whose gradients are checked
    size: float  # of the numbers that add up to the scalar
    gradients_at: Callable  # point -> the gradients under check, in the order of `names`
    computed: Callable  # point in double precision -> what the function sums up, by whose dtype its precision is known
    rng: np.random.Generator

    @cached_property
    def double(self) -> dict[str, Array]:
        """The point in double precision, in which the numeric side works."""
        return in_double(self.point)

    @cached_property
    def f0(self) -> float:
        """The function at the point."""
        return float(self.function(self.double))

    @cached_property
    def precision(self) -> np.finfo:
        """The precision in which the function is computed, by its dtype, which may be lower than that of the point."""
        return precision_of(np.asarray(self.computed(self.double)).dtype)

    @cached_property
    def roughness(self) -> float:
        """By how much the values of a function of a float64 point jump, relative to their size; 0 if by ulps alone."""
        floats = {name: x for name, x in self.point.items() if x.dtype.kind == "f"}
        if any(x.dtype != np.float64 for x in floats.values()):
            return 0.0

        def along(directions: Mapping[str, Array]) -> Callable[[float], float]:
            return lambda t: self.function({**self.point, **{n: x + t * directions[n] for n, x in floats.items()}})

        draws = ({n: x * self.rng.standard_normal(x.shape) for n, x in floats.items()} for _ in range(DIRECTIONS))
        found = max(roughness(along(directions), ROUGH_STEP) for directions in draws) / (self.size or 1.0)
        return found if found > ROUGH else 0.0

    @cached_property
    def rounded_to_float32(self) -> str:
        """Where a float32 array on the way rounds the function, as a sentence; empty if none does."""
        if not self.roughness:
            return ""
        where = executed_line(lambda: self.function(self.double), SINGLE)
        return "forward computes in float32 although its inputs are float64" + (f" ({where[:-1]})" if where else "")

    def along(self, name: str, point: Mapping[str, Array] | None = None) -> Callable:
        """The function of one tensor alone, the others held fixed, here or at another point."""
        rest = self.double if point is None else point
        return lambda x: self.function({**rest, name: x})

    def numeric(self, name: str, entries: list[tuple], method: str, point: Mapping | None = None) -> Measured:
        """Derivatives by single entries, here or at another point; the method "best" is the best of the differences."""
        double = self.double if point is None else in_double(point)
        f, x = self.along(name, double), double[name]
        if method == "complex":
            with complex_errors():
                return Measured.exact(entries, [complex_step(f, x, index) for index in entries])
        f0, eps = float(f(x)), max(float(self.precision.eps), self.roughness / ROUNDINGS * 4)
        if method == "best":
            return Measured.by_differences(entries, best_differences(f, x, entries, f0, self.size, eps), "richardson")
        found = [difference(f, x, index, method, f0, self.size, eps) for index in entries]
        return Measured.by_differences(entries, found, method)

    def analytic(self, name: str, entries: list[tuple], point: Mapping[str, Array]) -> Array | None:
        """(e,) the gradient under check at another point; None if its form is wrong there."""
        gradient, shape = self.gradients_at(point)[self.names.index(name)], self.point[name].shape
        return None if complaint(gradient, shape)[1] else at(to_dense(gradient, shape), entries)

    def slopes(self, name: str, index: tuple) -> Slopes:
        """The slopes along an entry on the two sides of the point."""
        return slopes(self.along(name), self.double[name], index, self.f0, self.size)

    def jittered(self, point: Mapping[str, Array]) -> dict[str, Array]:
        """The point moved by a few units in the last digit; zeros stay, so that what lies on a kink at 0 does."""
        moved = dict(point)
        for name, x in point.items():
            if x.dtype.kind == "f":
                ulps = np.finfo(x.dtype).eps * self.rng.integers(-2, 3, x.shape)
                moved[name] = np.asarray(x * (1 + ulps), x.dtype)
        return moved

    def moved(self, method: str) -> dict[str, Array]:
        """A point off every kink: all entries moved, zeros included, by a little or, for differences, by much more."""
        moved = dict(self.point)
        for name, x in self.point.items():
            if x.dtype.kind == "f":
                step = max(NEAR, float(np.finfo(x.dtype).eps) ** 0.5) if method == "complex" else FAR
                size = np.abs(x).max(initial=0.0) or 1.0
                moved[name] = np.asarray(x + step * size * self.rng.standard_normal(x.shape), x.dtype)
        return moved

    def require_analytic(self, name: str) -> None:
        """Raise NotAnalyticError where complex step and central difference disagree here and at two points nearby.

        A function that drops imaginary parts (abs, norm, a float buffer) has a wrong complex step, often 0, which would
        let a wrong gradient pass. Close to a kink the two may differ though both are right; a little away they agree.
        """
        f, x = self.along(name), self.double[name]
        size_of_x = max(1.0, float(np.abs(x).max(initial=0.0)))
        h = 2.0**-20 * size_of_x
        for away in (0.0, 1e-3, 1e-2):
            here = x + away * size_of_x * self.rng.standard_normal(x.shape)
            direction = self.rng.standard_normal(x.shape)
            with complex_errors():
                exact = directional_step(f, here, direction)
            central = (float(f(here + h * direction)) - float(f(here - h * direction))) / (2 * h)
            noise = ROUNDINGS * EPS * self.size / h
            if abs(exact - central) <= noise + APART * max(abs(exact), abs(central)):
                return
        raise NotAnalyticError(f"along a random direction it gives {exact:.3g}, the central difference {central:.3g}")


def at(array: Array, entries: list[tuple]) -> Array:
    """(e,) the entries of an array, as floats."""
    return np.array([array[index] for index in entries], float)


def in_double(point: Mapping[str, Array]) -> dict[str, Array]:
    """The point in double precision."""
    return {name: to_double(value) for name, value in point.items()}


def precision_of(dtype: np.dtype) -> np.finfo:
    """The precision of a dtype; of integers and others, that of float64."""
    return np.finfo(dtype if dtype.kind in "fc" else np.float64)
