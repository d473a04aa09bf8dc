"""What a gradient check found: one result per tensor, as text, as HTML and as a DataFrame."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from html import escape
from math import isnan, nan, prod
from typing import TYPE_CHECKING

from deepfm_np.gradcheck.numeric import METHODS

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("tensor", "shape", "verdict", "checked", "worst at", "yours", "numeric", "ratio", "rel. error", "allowed")
METHOD_IN_WORDS = {name: method.words for name, method in METHODS.items()} | {
    "auto": "the complex step where it can be taken, differences elsewhere"
}
WIDTH = 100  # of remarks outside a terminal
ERROR = "rel. error: |yours - numeric| / max(|yours|, |numeric|, the largest |numeric| of the tensor)"
VERDICTS = {"pass": "#1a7f37", "fail": "#cf222e", "inconclusive": "#9a6700"}


class GradientCheckError(AssertionError):
    """Some verdict is not "pass". The message is the report."""


@dataclass(frozen=True)
class Result:
    """The verdict on one tensor, with its worst entry: the one with the largest error in units of its tolerance."""

    name: str
    shape: tuple
    verdict: str  # "pass", "fail" or "inconclusive"
    index: tuple  # of the worst entry; () where directions were checked
    analytic: float
    numeric: float
    relative_error: float
    tolerance: float
    tolerance_from: str
    checked: int  # entries compared, those set aside not counted
    entries: int  # entries there are
    hint: str = ""  # the likely mistake, or why there is no verdict
    rule: str = ""  # the rule of `diagnose` that gave the hint
    note: str = ""  # what else is worth knowing: groups of rows, entries set aside
    derived_tolerance: float = nan  # what would be allowed if no tolerance were given
    method: str = ""  # by which the numeric side was found

    @property
    def ratio(self) -> float:
        """analytic / numeric, which shows a forgotten factor; nan where numeric is 0."""
        return self.analytic / self.numeric if self.numeric else nan

    @property
    def is_compared(self) -> bool:
        """Whether the verdict comes from comparing two numbers."""
        return bool(self.tolerance_from) and self.verdict != "inconclusive"

    @classmethod
    def failed(cls, name: str, shape: tuple, hint: str, rule: str = "") -> "Result":
        """A gradient that is wrong before any number is compared."""
        return cls(name, tuple(shape), "fail", (), nan, nan, nan, nan, "", 0, prod(shape), hint, rule)

    @classmethod
    def inconclusive(cls, name: str, shape: tuple, hint: str) -> "Result":
        """A check that could not be made."""
        return cls(name, tuple(shape), "inconclusive", (), nan, nan, nan, nan, "", 0, prod(shape), hint)

    def with_notes(self, *notes: str) -> "Result":
        """The same result with further notes."""
        return replace(self, note="; ".join(note for note in (self.note, *notes) if note))

    def cells(self) -> tuple[str, ...]:
        """One text for each of `COLUMNS`."""
        head = (self.name, _tuple(self.shape), self.verdict, f"{self.checked} of {self.entries}")
        if not self.is_compared:
            return (*head, "", "", "", "", "", "")
        numbers = (f"{self.analytic:.9g}", f"{self.numeric:.9g}", "" if isnan(self.ratio) else f"{self.ratio:.6g}")
        where = _tuple(self.index) if self.index or not self.shape else ""
        allowed = f"{self.tolerance:.1e}"
        if self.tolerance > self.derived_tolerance:
            allowed += f" (derived: {self.derived_tolerance:.1e})"
        return (*head, where, *numbers, f"{self.relative_error:.1e}", allowed)


@dataclass(frozen=True, repr=False)
class Report:
    """The results of one check: `print(report)` shows a table, a notebook shows it in HTML, `explain()` says more."""

    results: list[Result]
    method: str
    notes: tuple[str, ...] = ()  # on the whole check: warnings, what was not differentiated

    @classmethod
    def of_all(
        cls, make: Callable[..., Result], point: Mapping, names: Iterable[str], hint: str, method: str, *rule: str
    ) -> "Report":
        """The same finding, `Result.failed` or `Result.inconclusive`, for every tensor."""
        return cls([make(name, point[name].shape, hint, *rule) for name in names], method)

    @classmethod
    def merged(cls, reports: Iterable[tuple[str, "Report"]]) -> "Report":
        """Several named reports by one method as one; each tensor's name begins with that of its report."""
        reports = list(reports)
        results = [replace(r, name=f"{name}: {r.name}") for name, report in reports for r in report.results]
        notes = tuple(f"{name}: {note}" for name, report in reports for note in report.notes)
        return cls(results, reports[0][1].method if reports else "", notes)

    def with_notes(self, *notes: str) -> "Report":
        """The same report with further notes."""
        return replace(self, notes=(*self.notes, *notes))

    @property
    def ok(self) -> bool:
        """Whether there are results and every verdict is "pass"."""
        return bool(self.results) and all(result.verdict == "pass" for result in self.results)

    @property
    def worst(self) -> float:
        """The largest relative error of any tensor; nan if some tensor has none."""
        errors = [result.relative_error for result in self.results]
        return max(errors) if errors and not any(map(isnan, errors)) else nan

    def raise_if_failed(self) -> None:
        """Raise GradientCheckError, with the report as its message, unless `ok`. pytest shows that alone."""
        __tracebackhide__ = True
        if not self.ok:
            raise GradientCheckError(f"\n{self}")

    def to_frame(self) -> "pd.DataFrame":
        """One row per tensor, one column per attribute of `Result`, and the ratio."""
        import pandas as pd

        names = [field.name for field in fields(Result)]
        names.insert(names.index("relative_error"), "ratio")
        return pd.DataFrame([[getattr(result, name) for name in names] for result in self.results], columns=names)

    def __str__(self) -> str:
        rows = [COLUMNS, *(result.cells() for result in self.results)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        remarks = [_wrapped(f"  {remark}") for remark in self._remarks()]
        return "\n".join([*lines, *remarks, _wrapped(self._summary())])

    def explain(self) -> str:
        """The report with what its columns mean and where the tolerances come from."""
        return "\n".join([str(self), *map(_wrapped, self._legend())])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{column}</th>" for column in COLUMNS)
        body = "".join(_html_row(result) for result in self.results)
        remarks = "".join(f"<li>{escape(remark)}</li>" for remark in self._remarks())
        remarks = f"<ul>{remarks}</ul>" if remarks else ""
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        legend = "<br>".join(map(escape, self._legend()))
        folded = f"<details><summary>How to read this</summary>{legend}</details>" if legend else ""
        return f"{table}{remarks}<p>{escape(self._summary())}</p>{folded}"

    def _remarks(self) -> list[str]:
        """Each hint and note once, with the tensors it is about."""
        about: dict[str, list[str]] = {}
        for result in self.results:
            for text in (result.hint, result.note):
                if text:
                    about.setdefault(text, []).append(result.name)
        return [*(f"{', '.join(names)}: {text}" for text, names in about.items()), *self.notes]

    def _summary(self) -> str:
        counts = {verdict: sum(result.verdict == verdict for result in self.results) for verdict in VERDICTS}
        others = [f"{count} {verdict}" for verdict, count in counts.items() if count and verdict != "pass"]
        found = ", ".join([f"{counts['pass']} of {len(self.results)} tensors pass", *others])
        if not any(result.checked for result in self.results):
            return found
        methods = {result.method for result in self.results if result.method}
        method = methods.pop() if len(methods) == 1 else self.method
        return f"{found}, by {METHOD_IN_WORDS.get(method, method)}"

    def _legend(self) -> list[str]:
        compared = [result for result in self.results if result.is_compared]
        reasons: dict[str, list[str]] = {}
        for result in compared:
            reasons.setdefault(result.tolerance_from, []).append(result.name)
        lines = [ERROR] if compared else []
        for reason, names in reasons.items():
            lines.append(f"allowed: {reason}" if len(reasons) == 1 else f"allowed for {', '.join(names)}: {reason}")
        return lines


def _html_row(result: Result) -> str:
    cells = [f"<td>{escape(cell)}</td>" for cell in result.cells()]
    cells[2] = f'<td style="color: {VERDICTS[result.verdict]}; font-weight: bold">{result.verdict}</td>'
    return f"<tr>{''.join(cells)}</tr>"


def _wrapped(line: str) -> str:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    return textwrap.fill(line, width, subsequent_indent="    ")


def _tuple(numbers: tuple) -> str:
    return f"({', '.join(str(number) for number in numbers)})"
