"""What a gradient check found: one result per tensor, as text, as HTML and as a DataFrame."""

from dataclasses import dataclass, fields
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("tensor", "shape", "verdict", "checked", "worst at", "analytic", "numeric", "rel. error", "allowed")


class GradientCheckError(AssertionError):
    """A verdict was not pass. The message is the report."""


@dataclass(frozen=True)
class Result:
    """The verdict on one tensor, with the entry that exceeds its tolerance most or comes closest to it."""

    name: str
    shape: tuple
    verdict: str  # "pass", "fail" or "inconclusive"
    index: tuple  # of the worst entry
    analytic: float
    numeric: float
    relative_error: float
    tolerance: float
    tolerance_from: str
    checked: int  # entries compared
    entries: int  # entries there are
    hint: str

    @classmethod
    def failed(cls, name: str, shape: tuple, hint: str) -> "Result":
        """A gradient that is wrong before any number was compared."""
        return cls._without_numbers(name, shape, "fail", hint)

    @classmethod
    def inconclusive(cls, name: str, shape: tuple, hint: str) -> "Result":
        """A check that could not be made."""
        return cls._without_numbers(name, shape, "inconclusive", hint)

    @classmethod
    def _without_numbers(cls, name: str, shape: tuple, verdict: str, hint: str) -> "Result":
        nan, entries = float("nan"), 1
        for length in shape:
            entries *= length
        return cls(name, tuple(shape), verdict, (), nan, nan, nan, nan, "", 0, entries, hint)

    def cells(self) -> tuple[str, ...]:
        """The texts under `COLUMNS`."""
        head = (self.name, _tuple(self.shape), self.verdict, f"{self.checked} of {self.entries}")
        if self.analytic != self.analytic:
            return (*head, "", "", "", "", "")
        numbers = (f"{self.analytic:.9g}", f"{self.numeric:.9g}", f"{self.relative_error:.1e}", f"{self.tolerance:.1e}")
        return (*head, _tuple(self.index), *numbers)


@dataclass(frozen=True)
class Report:
    """The results of one check. `print(report)` shows a table, a notebook an HTML one."""

    results: list[Result]
    method: str

    @property
    def ok(self) -> bool:
        """Whether there is a result and every verdict is pass."""
        return bool(self.results) and all(result.verdict == "pass" for result in self.results)

    @property
    def worst(self) -> float:
        """The largest relative error of any tensor; nan where one has none."""
        errors = [result.relative_error for result in self.results]
        return max(errors) if errors and all(error == error for error in errors) else float("nan")

    def raise_if_failed(self) -> None:
        """Raise GradientCheckError, with the report as its message, unless `ok`."""
        if not self.ok:
            raise GradientCheckError(f"\n{self}")

    def to_frame(self) -> "pd.DataFrame":
        """One row per tensor, one column per attribute of `Result`."""
        import pandas as pd

        rows = [[getattr(result, field.name) for field in fields(Result)] for result in self.results]
        return pd.DataFrame(rows, columns=[field.name for field in fields(Result)])

    def __str__(self) -> str:
        rows = [COLUMNS, *(result.cells() for result in self.results)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        hints = [f"  {result.name}: {result.hint}" for result in self.results if result.hint]
        return "\n".join([*lines, *hints, self._summary()])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{column}</th>" for column in (*COLUMNS, "hint"))
        body = "".join(_html_row(result) for result in self.results)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{escape(self._summary())}</p>"

    def _summary(self) -> str:
        passed = sum(result.verdict == "pass" for result in self.results)
        reasons = sorted({result.tolerance_from for result in self.results if result.tolerance_from})
        allowed = f"; allowed: {', '.join(reasons)}" if reasons else ""
        return f"{passed} of {len(self.results)} tensors pass, by {self.method} differentiation{allowed}"


def _html_row(result: Result) -> str:
    colour = {"pass": "#1a7f37", "fail": "#cf222e", "inconclusive": "#9a6700"}[result.verdict]
    cells = [f"<td>{escape(cell)}</td>" for cell in (*result.cells(), result.hint)]
    cells[2] = f'<td style="color: {colour}; font-weight: bold">{result.verdict}</td>'
    return f"<tr>{''.join(cells)}</tr>"


def _tuple(numbers: tuple) -> str:
    return f"({', '.join(str(number) for number in numbers)})"
