"""The examination behind every check: a scalar function at one point, and its analytic gradient there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np

from deepfm_np.gradcheck.arrays import Array, to_double
from deepfm_np.gradcheck.diagnose import diagnose, how_many_wrong
from deepfm_np.gradcheck.evidence import Evidence, Operation
from deepfm_np.gradcheck.fast import DIRECTIONS, along_directions, suspects
from deepfm_np.gradcheck.gradient import complaint, is_row_gradient, to_dense
from deepfm_np.gradcheck.judge import Measured, judge
from deepfm_np.gradcheck.numeric import (
    EPS,
    ROUNDINGS,
    NotAnalyticError,
    complex_errors,
    complex_step,
    difference,
    directional_step,
)
from deepfm_np.gradcheck.report import Report, Result
from deepfm_np.gradcheck.shapes import explain_shape
from deepfm_np.gradcheck.slots import Slots, entries_to_check, rows_compared

JITTERS = 4  # points tried to measure the rounding error
JITTERED = 32  # entries whose numeric derivative is taken at each
NOT_ANALYTIC = "forward is not analytic, so the complex step says nothing"
NO_DERIVATIVE = ", so there is no derivative to compare with. Next: another point, or a forward that stays finite"
OTHERWISE = (
    'Your backward pass may be right or wrong. Next: method="central", or a forward without abs, maximum, norm or real'
)


@dataclass(frozen=True)
class Examination:
    """A function at a point, the gradients under check, and what it takes to compare them with numeric ones."""

    function: Callable  # dict of arrays -> scalar
    point: Mapping[str, Array]
    gradients: Mapping[str, object]  # name -> gradient under check
    size: float  # of the numbers that add up to the scalar
    method: str
    fast: bool
    rng: np.random.Generator
    slots: Slots | None
    gradients_at: Callable  # point -> the analytic gradients there, in the order of `gradients`
    elsewhere: tuple[Mapping[str, Array], Mapping[str, object]]  # point and gradients of an earlier call
    operation: Operation | None = None
    terms: Mapping[str, Mapping[str, Array]] | None = None

    @cached_property
    def double(self) -> dict[str, Array]:
        """The point in double precision, in which the numeric side works."""
        return {name: to_double(value) for name, value in self.point.items()}

    @cached_property
    def f0(self) -> Array:
        """() the function at the point."""
        return np.asarray(self.function(self.double))

    @cached_property
    def precision(self) -> np.finfo:
        """The precision in which the function is computed, which may be lower than that of the point."""
        y = self.f0 if self.operation is None else self.operation.forward(*self.double.values())[0]
        return _precision(np.asarray(y).dtype)

    def report(self) -> Report:
        """One verdict per gradient."""
        if not np.isfinite(self.f0):
            hint = f"the function gives {self.f0} in double precision{NO_DERIVATIVE}"
            return Report.of_all(Result.inconclusive, self.point, self.gradients, hint, self.method)
        results, measured = {}, {}
        misfits = {name: complaint(gradient, self.point[name].shape) for name, gradient in self.gradients.items()}
        for name, gradient in self.gradients.items():
            if misfits[name][1] and (self.fast or is_row_gradient(gradient)):
                continue
            try:
                measured[name] = self._measure(name)  # also for a gradient of the wrong shape: to find out whose it is
            except NotAnalyticError as error:
                hint = f"{NOT_ANALYTIC}: {error}. {OTHERWISE}"
                results[name] = Result.inconclusive(name, self.point[name].shape, hint)
        largest = max((m.largest for m in measured.values()), default=0.0)
        shapes = {} if self.slots is None else {"ids": self.slots.ids.shape}
        shapes |= {name: value.shape for name, value in self.point.items()}
        numerics = {
            name: m.derivative.reshape(shapes[name])
            for name, m in measured.items()
            if len(m.entries) == prod(shapes[name])
        }
        for name, (rule, sentence) in misfits.items():
            if rule:
                if rule == "shape":
                    rule, sentence = explain_shape(name, self.gradients, shapes, numerics, sentence)
                results[name] = Result.failed(name, shapes[name], sentence, rule)
            elif name in measured:
                results[name] = self._verdict(name, measured[name], largest, numerics)
        return Report([results[name] for name in self.gradients], self.method)

    def _measure(self, name: str) -> Measured:
        f, x, method = self._along(name), self.double[name], self.method
        if method in ("complex", "auto"):
            try:
                _require_analytic(f, x, self.size, self.rng)
                method = "complex"
            except NotAnalyticError:
                if method == "complex" or self.fast:
                    raise
                method = "central"
        if self.fast:
            with complex_errors():
                return along_directions(f, x, to_dense(self.gradients[name], x.shape), self.rng)
        return self._entries(name, entries_to_check(self.gradients[name], x.shape, self._slots(name), self.rng), method)

    def _entries(self, name: str, entries: list[tuple], method: str, point: Mapping | None = None) -> Measured:
        """Numeric derivatives of single entries, here or at another point."""
        f, x = self._along(name, point), to_double((point or self.point)[name])
        if method == "complex":
            with complex_errors():
                return Measured.exact(entries, [complex_step(f, x, index) for index in entries])
        f0 = float(self.f0)
        differences = [difference(f, x, index, method, f0, self.size, float(self.precision.eps)) for index in entries]
        return Measured.by_differences(entries, differences, method)

    def _verdict(self, name: str, measured: Measured, largest: float, numerics: Mapping[str, Array]) -> Result:
        gradient, x, slots = self.gradients[name], self.double[name], self._slots(name)
        dense = to_dense(gradient, x.shape)
        precision = max(self.precision, _precision(dense.dtype), key=lambda info: info.eps)
        result, allowed = judge(name, dense, measured, largest, precision)
        notes = []
        if result.verdict == "fail" and self.fast:
            rows = np.unique(gradient.rows) if is_row_gradient(gradient) else None
            measured = self._entries(name, suspects(self._along(name), x, dense, rows, self.rng), "complex")
            result, allowed = judge(name, dense, measured, largest, precision)
            notes.append(f"a check along {DIRECTIONS} random directions failed")
        if result.verdict == "fail":
            noise = self._noise(name, dense, measured)
            result, allowed = judge(name, dense, measured, largest, precision, noise)
        if result.verdict == "fail":
            evidence = self._evidence(name, dense, measured, allowed, numerics)
            rule, hint = diagnose(evidence)
            result = replace(result, rule=rule, hint=hint)
            notes.append(how_many_wrong(evidence))
        if slots is not None:
            result = _without_idle_rows(result, gradient, slots)
            notes += [rows_compared(measured.entries, len(x), slots)] if measured.entries else []
        if self.method == "auto" and measured.method != "complex":
            notes.append("not analytic: central differences instead of the complex step")
        return result.with_notes(*notes)

    def _noise(self, name: str, dense: Array, measured: Measured) -> float:
        """How far both derivatives jump when the point moves by a few units in its last digit: their rounding error.

        Where large terms cancel, it exceeds the usual tolerance. The point in double precision is one of the points
        tried: data that the functions hold and round to the point's precision then jump, too.
        """
        analytic, numeric, position = [], [], list(self.gradients).index(name)
        some = measured.entries[:: -(-len(measured.entries) // JITTERED)]
        before = self._entries(name, some, measured.method).derivative
        moved = ({other: self._jittered(value) for other, value in self.point.items()} for _ in range(JITTERS))
        for point in (self.double, *moved):
            gradient = self.gradients_at(point)[position]
            if complaint(gradient, dense.shape)[1]:
                continue
            analytic.append(np.abs(to_dense(gradient, dense.shape) - dense).max())
            double = {other: to_double(value) for other, value in point.items()}
            numeric.append(np.abs(self._entries(name, some, measured.method, double).derivative - before).max())
        return JITTERS * float(max([0.0, *analytic, *numeric]))

    def _jittered(self, x: Array) -> Array:
        if x.dtype.kind != "f":
            return x.copy()
        return np.asarray(x * (1 + np.finfo(x.dtype).eps * self.rng.integers(-2, 3, x.shape)), x.dtype)

    def _evidence(
        self, name: str, dense: Array, measured: Measured, allowed: Array, numerics: Mapping[str, Array]
    ) -> Evidence:
        entries, shape = measured.entries, dense.shape

        def at(array: Array) -> Array:
            return np.array([array[index] for index in entries], float)

        def far_away(times: float) -> tuple[Array, Array]:
            point = {**self.point, name: np.asarray(times * self.point[name], self.point[name].dtype)}
            return both(point, dict(zip(self.gradients, self.gradients_at(point), strict=True)))

        def both(point: Mapping[str, Array], gradients: Mapping[str, object]) -> tuple[Array, Array]:
            double = {other: to_double(value) for other, value in point.items()}
            analytic = np.full(len(entries), np.nan)
            if not complaint(gradients[name], shape)[1]:
                analytic = at(to_dense(gradients[name], shape))
            return analytic, self._entries(name, entries, measured.method, double).derivative

        return Evidence(
            name=name,
            x=self.double[name],
            gradient=self.gradients[name],
            entries=entries,
            analytic=at(dense),
            numeric=measured.derivative,
            method=measured.method,
            allowed=allowed,
            slots=self._slots(name),
            batch_size=None if self.slots is None else len(self.slots.ids),
            terms={label: at(to_dense(term, shape)) for label, term in (self.terms or {}).get(name, {}).items()},
            operation=self.operation,
            elsewhere=lambda: both(*self.elsewhere),
            far_away=far_away,
            numerics=numerics,
            analytics=self.gradients,
        )

    def _along(self, name: str, point: Mapping[str, Array] | None = None) -> Callable:
        """The function of one tensor alone, the others held fixed."""
        rest = self.double if point is None else point
        return lambda x: self.function({**rest, name: x})

    def _slots(self, name: str) -> Slots | None:
        """The slots, if the tensor is a table whose rows they name."""
        x = self.point[name]
        if self.slots is None or x.ndim == 0 or len(x) <= self.slots.ids.max(initial=-1):
            return None
        if is_row_gradient(self.gradients[name]):
            return self.slots
        return self.slots if self.operation is not None and x.shape != self.slots.values.shape else None


def _without_idle_rows(result: Result, gradient: object, slots: Slots) -> Result:
    """The result, but a failure if the gradient holds rows that no slot touches: an optimiser would update them."""
    if result.verdict != "pass" or not is_row_gradient(gradient):
        return result
    rows = np.asarray(gradient.rows)
    idle = rows[slots.touches(result.shape[0])[rows] == 0]
    if not idle.size:
        return result
    hint = f"row {idle[0]} is touched by {'padding alone' if slots.paddings(result.shape[0])[idle[0]] else 'no slot'}"
    hint += ": its gradient is 0, leave the row out, or an optimiser moves its moments"
    return replace(result, verdict="fail", rule="padding", hint=hint)


def _require_analytic(f: Callable, x: Array, size: float, rng: np.random.Generator) -> None:
    """Raise NotAnalyticError where complex step and central difference disagree here and at two points nearby.

    A function that drops imaginary parts (abs, norm, a float buffer) has a wrong complex step, often 0, which would
    let a wrong gradient pass. Close to a kink the two may differ though both are right; a little away they agree.
    """
    size_of_x = max(1.0, float(np.abs(x).max(initial=0.0)))
    h = 2.0**-20 * size_of_x
    for away in (0.0, 1e-3, 1e-2):
        at, direction = x + away * size_of_x * rng.standard_normal(x.shape), rng.standard_normal(x.shape)
        with complex_errors():
            exact = directional_step(f, at, direction)
        central = (float(f(at + h * direction)) - float(f(at - h * direction))) / (2 * h)
        noise = ROUNDINGS * EPS * size / h
        if abs(exact - central) <= noise + 1e-3 * max(abs(exact), abs(central)):
            return
    raise NotAnalyticError(f"along a random direction it gives {exact:.3g}, the central difference {central:.3g}")


def _precision(dtype: np.dtype) -> np.finfo:
    return np.finfo(dtype if dtype.kind in "fc" else np.float64)
