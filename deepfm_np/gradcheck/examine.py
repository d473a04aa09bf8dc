"""The examination behind every check: the gradients under check against numeric ones, one verdict per tensor."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.diagnose import diagnose, how_many_wrong
from deepfm_np.gradcheck.doubts import in_float32, noise, require_exact, with_kinks
from deepfm_np.gradcheck.evidence import Evidence, Operation
from deepfm_np.gradcheck.fast import DIRECTIONS, along_directions, suspects
from deepfm_np.gradcheck.gradient import RowGradient, complaint, is_row_gradient, to_dense
from deepfm_np.gradcheck.judge import Measured, judge
from deepfm_np.gradcheck.not_analytic import NotAnalyticError, complex_errors, with_line
from deepfm_np.gradcheck.numeric import METHODS
from deepfm_np.gradcheck.problem import Problem, at, precision_of
from deepfm_np.gradcheck.report import Report, Result
from deepfm_np.gradcheck.shapes import explain_shape
from deepfm_np.gradcheck.slots import Slots, entries_to_check, explain_zeros, rows_compared

NOT_ANALYTIC = "forward is not analytic, so the complex step says nothing"
NO_DERIVATIVE = ", so there is no derivative to compare with. Next: another point, or a forward that stays finite"
OTHERWISE = 'Your backward pass may be right or wrong. Next: method="auto", which compares with differences'
NEARLY_RIGHT = 1e-5  # a relative error of which an epsilon such as log(p + 1e-7) may be the cause
NEARLY = ". It is nearly right: if forward holds an epsilon that backward leaves out, tolerance= allows for it"
IN_FLOAT32 = "backward computes in float32 although its inputs are float64"


@dataclass(frozen=True)
class Examination:
    """The gradients under check, and what it takes to compare them with numeric ones."""

    problem: Problem
    gradients: Mapping[str, object]  # name -> gradient under check
    method: str
    fast: bool
    slots: Slots | None
    elsewhere: tuple[Mapping[str, Array], Mapping[str, object]]  # point and gradients of an earlier call
    tolerance: float | None  # relative, if the user gave one
    slots_are_guessed: bool = False
    operation: Operation | None = None
    terms: Mapping[str, Mapping[str, Array | RowGradient]] | None = None

    def report(self) -> Report:
        """One verdict per gradient."""
        point, results, measured = self.problem.point, {}, {}
        if not np.isfinite(self.problem.f0):
            hint = f"the function gives {self.problem.f0} in double precision{NO_DERIVATIVE}"
            return Report.of_all(Result.inconclusive, point, self.gradients, hint, self.method)
        shapes = {} if self.slots is None else {"ids": self.slots.ids.shape}
        shapes |= {name: x.shape for name, x in point.items()}
        misfits = {name: complaint(gradient, shapes[name]) for name, gradient in self.gradients.items()}
        for name, gradient in self.gradients.items():
            if not misfits[name][1] or not (self.fast or is_row_gradient(gradient)):
                measured[name] = self._measured(name)  # of a misfit as well: it may be the gradient of another tensor
        found = {name: m for name, (m, _) in measured.items() if m is not None}
        largest = max((found[name].largest for name in found if not misfits[name][1]), default=0.0)
        whole = {name: m.derivative for name, m in found.items() if len(m.entries) == prod(shapes[name])}
        numerics = {name: derivative.reshape(shapes[name]) for name, derivative in whole.items()}
        for name, (rule, sentence) in misfits.items():
            if not sentence:
                results[name] = self._result(name, *measured[name], largest, numerics)
                continue
            if rule == "shape":
                rule, sentence = explain_shape(name, self.gradients, shapes, numerics, sentence)
            results[name] = Result.failed(name, shapes[name], sentence, rule)
        return Report([results[name] for name in self.gradients], self.method)

    def _measured(self, name: str) -> tuple[Measured | None, NotAnalyticError | None]:
        """The numeric derivatives of a tensor by the method asked for, and why not by the complex step."""
        problem = self.problem
        if self.method not in ("complex", "auto"):
            return problem.numeric(name, self._chosen(name), self.method), None
        try:
            problem.require_analytic(name)
            if not self.fast:
                return problem.numeric(name, self._chosen(name), "complex"), None
            x = problem.double[name]
            with complex_errors():
                dense = to_dense(self.gradients[name], x.shape)
                return along_directions(problem.along(name), x, dense, problem.rng), None
        except NotAnalyticError as error:
            return self._by_differences(name), error

    def _by_differences(self, name: str) -> Measured | None:
        """The best of the differences, where the method leaves it to the check."""
        if self.method == "complex" or self.fast:
            return None
        return self.problem.numeric(name, self._chosen(name), "best")

    def _result(
        self,
        name: str,
        measured: Measured | None,
        error: NotAnalyticError | None,
        largest: float,
        numerics: Mapping[str, Array],
    ) -> Result:
        """The verdict; by differences where there is no complex step, or where it turns out to be wrong."""
        problem = self.problem
        if measured is not None and error is None:
            try:
                return self._verdict(name, measured, largest, numerics)
            except NotAnalyticError as late:
                measured, error = self._by_differences(name), late
        assert error is not None
        error = with_line(error, lambda: problem.function(problem.double))
        if measured is None:
            hint = f"{NOT_ANALYTIC}: {error}. To have one: {error.advice}. {OTHERWISE}"
            return Result.inconclusive(name, problem.point[name].shape, hint)
        result = self._verdict(name, measured, max(largest, measured.largest), numerics)
        return result.with_notes(f"by {METHODS[measured.method].words}, since forward is not analytic: {error}")

    def _verdict(self, name: str, measured: Measured, largest: float, numerics: Mapping[str, Array]) -> Result:
        """The verdict by these derivatives. Raises NotAnalyticError where they prove wrong."""
        problem, gradient, x = self.problem, self.gradients[name], self.problem.double[name]
        dense, notes = to_dense(gradient, x.shape), []
        single = "" if measured.method == "complex" else problem.rounded_to_float32

        def judged(seen: float = 0.0) -> tuple[Result, Array]:
            precisions = [problem.precision, precision_of(dense.dtype), *([np.finfo(np.float32)] if single else [])]
            precision = max(precisions, key=lambda info: info.eps)
            return judge(name, dense, measured, largest, precision, seen, self.tolerance)

        result, allowed = judged()
        if result.verdict == "fail" and self.fast:
            rows = np.unique(gradient.rows) if is_row_gradient(gradient) else None
            entries = suspects(problem.along(name), x, dense, rows, problem.rng)
            measured = problem.numeric(name, entries, "complex")
            result, allowed = judged()
            notes.append(f"a check along {DIRECTIONS} random directions failed")
        if result.verdict == "fail" and not single:
            of_doubles = problem.point[name].dtype == np.float64 and in_float32(dense)
            single = problem.rounded_to_float32 or (IN_FLOAT32 if of_doubles else "")
            result, allowed = judged()
        yours = at(dense, measured.entries)
        if measured.entries and (result.verdict == "fail" or measured.kink.any()):
            measured = with_kinks(problem, name, yours, measured, allowed)
            result, allowed = judged()
        if result.verdict == "fail":
            result, allowed = judged(noise(problem, name, measured, allowed))
        if result.verdict == "fail" and measured.method == "complex":
            require_exact(problem, name, yours, measured, allowed)
        slots = self._explaining(name, measured)
        if result.verdict == "fail":
            evidence = self._evidence(name, dense, measured, allowed, slots, numerics)
            rule, hint = diagnose(evidence)
            hint += NEARLY if not rule and result.relative_error < NEARLY_RIGHT else ""
            result = replace(result, rule=rule, hint=hint)
            notes.append(how_many_wrong(evidence))
        if slots is not None:
            result = result if self.slots_are_guessed else _without_idle_rows(result, gradient, slots)
            notes += [rows_compared(measured.entries, len(x), slots)] if measured.entries else []
        return result.with_notes(*notes, f"{single}: judged as float32" if single else "")

    def _evidence(
        self,
        name: str,
        dense: Array,
        measured: Measured,
        allowed: Array,
        slots: Slots | None,
        numerics: Mapping[str, Array],
    ) -> Evidence:
        problem, entries, shape = self.problem, measured.entries, dense.shape

        def both(point: Mapping[str, Array], gradients: Mapping[str, object]) -> tuple[Array, Array]:
            analytic = np.full(len(entries), np.nan)
            if not complaint(gradients[name], shape)[1]:
                analytic = at(to_dense(gradients[name], shape), entries)
            return analytic, problem.numeric(name, entries, measured.method, point).derivative

        def far_away(times: float) -> tuple[Array, Array]:
            x = problem.point[name]
            point = {**problem.point, name: np.asarray(times * x, x.dtype)}
            return both(point, dict(zip(problem.names, problem.gradients_at(point), strict=True)))

        return Evidence(
            name=name,
            x=problem.double[name],
            gradient=self.gradients[name],
            entries=entries,
            analytic=at(dense, entries),
            numeric=measured.derivative,
            method=measured.method,
            allowed=allowed,
            slots=slots,
            batch_size=None if self.slots is None or self.slots_are_guessed else len(self.slots.ids),
            terms={label: at(to_dense(t, shape), entries) for label, t in (self.terms or {}).get(name, {}).items()},
            operation=self.operation,
            elsewhere=lambda: both(*self.elsewhere),
            far_away=far_away,
            numerics=numerics,
            analytics=self.gradients,
        )

    def _chosen(self, name: str) -> list[tuple]:
        gradient, shape = self.gradients[name], self.problem.point[name].shape
        return entries_to_check(gradient, shape, self._slots(name), self.problem.rng)

    def _slots(self, name: str) -> Slots | None:
        """The slots, if the tensor is a table whose rows they name."""
        x = self.problem.point[name]
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
