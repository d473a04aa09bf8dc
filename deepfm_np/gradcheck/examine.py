"""The examination behind every check: a scalar function at one point, and its analytic gradient there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from deepfm_np.gradcheck.arrays import Array, to_double
from deepfm_np.gradcheck.diagnose import diagnose, how_many_wrong
from deepfm_np.gradcheck.evidence import SLACK, Evidence, Operation
from deepfm_np.gradcheck.fast import DIRECTIONS, along_directions, suspects
from deepfm_np.gradcheck.gradient import complaint, is_row_gradient, to_dense
from deepfm_np.gradcheck.judge import UNCERTAIN, Measured, judge
from deepfm_np.gradcheck.not_analytic import SINGLE, NotAnalyticError, complex_errors, executed_line, with_line
from deepfm_np.gradcheck.numeric import (
    EPS,
    METHODS,
    ROUNDINGS,
    Slopes,
    best_differences,
    complex_step,
    difference,
    directional_step,
    roughness,
    slopes,
)
from deepfm_np.gradcheck.report import Report, Result
from deepfm_np.gradcheck.slots import Slots, entries_to_check, explain_zeros, rows_compared

JITTERS = 4  # points tried to measure the rounding error
JITTERED = 32  # entries whose numeric derivative is taken at each
OFF_THE_KINK = 16  # points tried beside a kink
ROUGH_STEP, ROUGH = 2.0**-24, 1e-10  # values that jump by more than ROUGH over such a step are rounded to float32
APART = 1e-5  # how far the complex step and a central difference may lie apart
BESIDE = 1e-3  # how far from a kink differences are taken, relative to the tensor
DOUBTED = 8  # wrong entries at which the complex step is compared with differences
NOT_ANALYTIC = "forward is not analytic, so the complex step says nothing"
NO_DERIVATIVE = ", so there is no derivative to compare with. Next: another point, or a forward that stays finite"
OTHERWISE = 'Your backward pass may be right or wrong. Next: method="auto", which compares with differences'


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
    slots_are_guessed: bool = False
    tolerance: float | None = None  # relative, if the user gave one
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
        """The precision in which the function is computed, by its dtype, which may be lower than that of the point."""
        y = self.f0 if self.operation is None else self.operation.forward(*self.double.values())[0]
        return _precision(np.asarray(y).dtype)

    @cached_property
    def rounded_to_float32(self) -> str:
        """Where a float32 array on the way rounds the function of a float64 point; empty if its values do not jump."""
        if any(x.dtype.kind == "f" and x.dtype != np.float64 for x in self.point.values()):
            return ""
        directions = [{n: x * self.rng.standard_normal(x.shape) for n, x in self._floats()} for _ in range(2 * JITTERS)]
        lines = (
            lambda t, v=v: self.function({**self.double, **{n: self.double[n] + t * v[n] for n in v}})
            for v in directions
        )
        if max(roughness(line, ROUGH_STEP) for line in lines) <= ROUGH * self.size:
            return ""
        where = executed_line(lambda: self.function(self.double), SINGLE)
        return "forward computes in float32 although its inputs are float64" + (f" ({where[:-1]})" if where else "")

    def report(self) -> Report:
        """One verdict per gradient."""
        if not np.isfinite(self.f0):
            hint = f"the function gives {self.f0} in double precision{NO_DERIVATIVE}"
            return Report.of_all(Result.inconclusive, self.point, self.gradients, hint, self.method)
        results, measured = {}, {}
        for name, gradient in self.gradients.items():
            rule, sentence = complaint(gradient, self.point[name].shape)
            if sentence:
                results[name] = Result.failed(name, self.point[name].shape, sentence, rule)
            else:
                measured[name] = self._measured(name)
        largest = max((m.largest for m in measured.values() if isinstance(m, Measured)), default=0.0)
        for name, m in measured.items():
            results[name] = self._result(name, m, largest)
        return Report([results[name] for name in self.gradients], self.method)

    def _floats(self) -> list[tuple[str, Array]]:
        return [(name, x) for name, x in self.double.items() if x.dtype.kind == "f"]

    def _measured(self, name: str) -> Measured | NotAnalyticError:
        """The numeric derivatives of a tensor by the method asked for, or why there is no complex step."""
        if self.method not in ("complex", "auto"):
            return self._by_differences(name, self.method)
        f, x = self._along(name), self.double[name]
        try:
            _require_analytic(f, x, self.size, self.rng)
            if not self.fast:
                return self._entries(name, self._chosen(name), "complex")
            with complex_errors():
                return along_directions(f, x, to_dense(self.gradients[name], x.shape), self.rng)
        except NotAnalyticError as error:
            return error

    def _by_differences(self, name: str, method: str = "best") -> Measured:
        return self._entries(name, self._chosen(name), method)

    def _result(self, name: str, measured: Measured | NotAnalyticError, largest: float) -> Result:
        """The verdict; by differences where there is no complex step, or where it turns out to be wrong."""
        if isinstance(measured, Measured):
            try:
                return self._verdict(name, measured, largest)
            except NotAnalyticError as error:
                measured = error
        shape = self.point[name].shape
        error = with_line(measured, lambda: self.function(self.double))
        if self.method == "complex" or self.fast:
            hint = f"{NOT_ANALYTIC}: {error}. To have one: {error.advice}. {OTHERWISE}"
            return Result.inconclusive(name, shape, hint)
        measured = self._by_differences(name)
        result = self._verdict(name, measured, max(largest, measured.largest))
        return result.with_notes(f"by {METHODS[measured.method].words}, since forward is not analytic: {error}")

    def _chosen(self, name: str) -> list[tuple]:
        return entries_to_check(self.gradients[name], self.point[name].shape, self._slots(name), self.rng)

    def _entries(self, name: str, entries: list[tuple], method: str, point: Mapping | None = None) -> Measured:
        """Numeric derivatives of single entries, here or at another point."""
        f, x = self._along(name, point), to_double((point or self.point)[name])
        if method == "complex":
            with complex_errors():
                return Measured.exact(entries, [complex_step(f, x, index) for index in entries])
        f0 = float(self.f0 if point is None else f(x))
        eps = float(np.finfo(np.float32).eps if self.rounded_to_float32 else self.precision.eps)
        if method == "best":
            return Measured.by_differences(entries, best_differences(f, x, entries, f0, self.size, eps), "richardson")
        found = [difference(f, x, index, method, f0, self.size, eps) for index in entries]
        return Measured.by_differences(entries, found, method)

    def _verdict(self, name: str, measured: Measured, largest: float) -> Result:
        gradient, x = self.gradients[name], self.double[name]
        dense, notes = to_dense(gradient, x.shape), []

        def judged(seen: float = 0.0) -> tuple[Result, Array]:
            precision = max(self.precision, _precision(dense.dtype), key=lambda info: info.eps)
            if single:
                precision = max(precision, np.finfo(np.float32), key=lambda info: info.eps)
            return judge(name, dense, measured, largest, precision, seen, self.tolerance)

        single = "" if measured.method == "complex" else self.rounded_to_float32
        result, allowed = judged()
        if result.verdict == "fail" and self.fast:
            rows = np.unique(gradient.rows) if is_row_gradient(gradient) else None
            measured = self._entries(name, suspects(self._along(name), x, dense, rows, self.rng), "complex")
            result, allowed = judged()
            notes.append(f"a check along {DIRECTIONS} random directions failed")
        if result.verdict == "fail" and not single:
            single = self.rounded_to_float32 or _backward_in_float32(gradient, x)
            result, allowed = judged()
        if measured.entries and (result.verdict == "fail" or measured.kink.any()):
            measured = self._with_kinks(name, dense, measured, allowed)
            result, allowed = judged()
        if result.verdict == "fail":
            noise = self._noise(name, measured, allowed)
            result, allowed = judged(noise)
        if result.verdict == "fail" and measured.method == "complex":
            self._require_exact(name, dense, measured, allowed)
        slots = self._explaining(name, measured)
        if result.verdict == "fail":
            evidence = self._evidence(name, dense, measured, allowed, slots)
            rule, hint = diagnose(evidence)
            result = replace(result, rule=rule, hint=hint)
            notes.append(how_many_wrong(evidence))
        if slots is not None:
            result = result if self.slots_are_guessed else _without_idle_rows(result, gradient, slots)
            notes += [rows_compared(measured.entries, len(x), slots)] if measured.entries else []
        return result.with_notes(*notes, f"{single}: judged as float32" if single else "")

    def _with_kinks(self, name: str, dense: Array, measured: Measured, allowed: Array) -> Measured:
        """The same, with a kink at each wrong entry where the function has a corner and backward takes some side.

        A slope between those on the two sides is one that backward may take. So may be others, where several units
        have their corner there: a sum of them with each unit on or off. Then backward must be right at points nearby.
        """
        a, n = _at(dense, measured.entries), measured.derivative
        doubted = np.flatnonzero((np.abs(a - n) > allowed) | (measured.kink > UNCERTAIN * measured.largest))
        slack = allowed - measured.kink - measured.truncation
        sides = {i: self._slopes(name, measured.entries[i]) for i in doubted}
        corners = [i for i in doubted if sides[i].differ]
        beyond = [i for i in corners if not sides[i].hold(a[i], slack[i])]
        if beyond and self._right_nearby(name, dense, measured, beyond, [sides[i] for i in beyond], slack[beyond]):
            beyond = []
        kink, derivative = measured.kink.copy(), n.copy()
        for i in corners:
            left, right = sorted(sides[i][:2])
            kink[i] = 0.0 if i in beyond else max(right - left, abs(a[i] - n[i]))
            derivative[i] = min(max(a[i], left), right) if i in beyond else n[i]
        return measured._replace(kink=kink, derivative=derivative)

    def _right_nearby(
        self, name: str, dense: Array, measured: Measured, which: list[int], sides: list[Slopes], allowed: Array
    ) -> bool:
        """Whether backward is right beside the kink, and at the kink within twice the range of what occurs there."""
        entries = [measured.entries[i] for i in which]
        left, right = (np.array([getattr(side, end) for side in sides]) for end in ("left", "right"))
        seen = [np.zeros(len(entries)), left, right, left + right]  # all units off, ..., all of them on
        for _ in range(OFF_THE_KINK):
            point = {other: self._moved(x, measured.method) for other, x in self.point.items()}
            gradient = self.gradients_at(point)[list(self.gradients).index(name)]
            if complaint(gradient, dense.shape)[1]:
                return False
            double = {other: to_double(value) for other, value in point.items()}
            beside = self._entries(name, entries, "complex" if measured.method == "complex" else "central", double)
            apart = np.abs(_at(to_dense(gradient, dense.shape), entries) - beside.derivative)
            if (apart > SLACK * (allowed + beside.truncation + beside.round_off + beside.kink)).any():
                return False
            seen.append(beside.derivative)
        low, high = np.min(seen, axis=0), np.max(seen, axis=0)
        a, margin = _at(dense, entries), (high - low) / 2
        return bool(((a >= low - margin) & (a <= high + margin)).all())

    def _slopes(self, name: str, index: tuple) -> Slopes:
        return slopes(self._along(name), self.double[name], index, float(self.f0), self.size)

    def _noise(self, name: str, measured: Measured, allowed: Array) -> float:
        """How far both derivatives jump when the point moves by a few units in its last digit: their rounding error.

        Where large terms cancel, it exceeds the usual tolerance. The point in double precision is one of the points
        tried: data that the functions hold and round to the point's precision then jump, too. A jump at a kink is no
        rounding: where there is one, the point is first moved away.
        """
        jumps = self._jumps(self.point, self.double, name, measured)
        kinks = (self._slopes(name, measured.entries[i]).differ for i in np.flatnonzero(jumps > allowed))
        if measured.kink.any() or any(kinks):
            away = {other: self._moved(x, measured.method) for other, x in self.point.items()}
            jumps = self._jumps(away, {other: to_double(x) for other, x in away.items()}, name, measured)
        return JITTERS * float(jumps.max(initial=0.0))

    def _jumps(self, point: Mapping, double: Mapping, name: str, measured: Measured) -> Array:
        """(e,) how far the derivatives of either side jump around a point."""
        position, entries = list(self.gradients).index(name), measured.entries
        some = np.arange(len(entries))[:: -(-len(entries) // JITTERED)]
        moved = ({other: self._jittered(value) for other, value in point.items()} for _ in range(JITTERS))
        analytic, numeric = [], []
        for near in (point, double, *moved):
            gradient = self.gradients_at(near)[position]
            if complaint(gradient, double[name].shape)[1]:
                continue
            analytic.append(_at(to_dense(gradient, double[name].shape), entries))
            near = {other: to_double(value) for other, value in near.items()}
            numeric.append(self._entries(name, [entries[i] for i in some], measured.method, near).derivative)
        jumps = np.zeros(len(entries))
        if analytic:
            jumps = np.abs(np.array(analytic) - analytic[0]).max(axis=0)
            jumps[some] = np.maximum(jumps[some], np.abs(np.array(numeric) - numeric[0]).max(axis=0))
        return jumps

    def _require_exact(self, name: str, dense: Array, measured: Measured, allowed: Array) -> None:
        """Raise NotAnalyticError where differences contradict the complex step at a wrong entry."""
        wrong = np.flatnonzero(np.abs(_at(dense, measured.entries) - measured.derivative) > allowed)[:DOUBTED]
        checked = self._entries(name, [measured.entries[i] for i in wrong], "best")
        doubt = SLACK * (checked.truncation + checked.round_off + checked.kink)
        apart = np.abs(checked.derivative - measured.derivative[wrong])
        if (apart > doubt).any():
            i = int(np.argmax(apart - doubt))
            raise NotAnalyticError(
                f"it gives {measured.derivative[wrong[i]]:.3g}, differences {checked.derivative[i]:.3g}"
            )

    def _jittered(self, x: Array) -> Array:
        if x.dtype.kind != "f":
            return x.copy()
        return np.asarray(x * (1 + np.finfo(x.dtype).eps * self.rng.integers(-2, 3, x.shape)), x.dtype)

    def _moved(self, x: Array, method: str) -> Array:
        """The tensor moved, zeros included, by a little or, for differences, by many of their steps."""
        if x.dtype.kind != "f":
            return x.copy()
        step = (np.finfo(x.dtype).eps ** 0.5 if method == "complex" else BESIDE) * (np.abs(x).max(initial=0.0) or 1.0)
        return np.asarray(x + step * self.rng.standard_normal(x.shape), x.dtype)

    def _evidence(self, name: str, dense: Array, measured: Measured, allowed: Array, slots: Slots | None) -> Evidence:
        entries, shape = measured.entries, dense.shape

        def elsewhere() -> tuple[Array, Array]:
            point, gradients = self.elsewhere
            double = {other: to_double(value) for other, value in point.items()}
            analytic = np.full(len(entries), np.nan)
            if not complaint(gradients[name], shape)[1]:
                analytic = _at(to_dense(gradients[name], shape), entries)
            return analytic, self._entries(name, entries, measured.method, double).derivative

        return Evidence(
            x=self.double[name],
            gradient=self.gradients[name],
            entries=entries,
            analytic=_at(dense, entries),
            numeric=measured.derivative,
            allowed=allowed,
            slots=slots,
            batch_size=None if self.slots is None else len(self.slots.ids),
            terms={
                label: _at(to_dense(term, shape), entries) for label, term in (self.terms or {}).get(name, {}).items()
            },
            operation=self.operation,
            elsewhere=elsewhere,
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

    def _explaining(self, name: str, measured: Measured) -> Slots | None:
        """The slots; those that were guessed only if the numeric derivative says that they are."""
        slots = self._slots(name)
        if slots is None or not self.slots_are_guessed:
            return slots
        return slots if measured.entries and explain_zeros(slots, measured.entries, measured.derivative) else None


def _at(array: Array, entries: list[tuple]) -> Array:
    return np.array([array[index] for index in entries], float)


def _backward_in_float32(gradient: object, x: Array) -> str:
    values = np.asarray(gradient.values if is_row_gradient(gradient) else gradient)
    if values.dtype != np.float64 or x.dtype != np.float64 or not (values.astype(np.float32) == values).all():
        return ""
    if (values.astype(np.float16) == values).all():  # short numbers, as good in float64
        return ""
    return "backward computes in float32 although its inputs are float64"


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
        if abs(exact - central) <= noise + APART * max(abs(exact), abs(central)):
            return
    raise NotAnalyticError(f"along a random direction it gives {exact:.3g}, the central difference {central:.3g}")


def _precision(dtype: np.dtype) -> np.finfo:
    return np.finfo(dtype if dtype.kind in "fc" else np.float64)
