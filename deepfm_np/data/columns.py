"""A column of a table as it was read: its kind, why, and what looks wrong; as a frame, as text, as warnings."""

import warnings
from collections.abc import Iterable, Sequence
from shutil import get_terminal_size
from typing import Any, NamedTuple

import pandas as pd

from deepfm_np.data.fields import FIRST_VALUE, Field
from deepfm_np.ops.checks import shown

LEFT_OUT = "left out"


class TableWarning(UserWarning):
    """Something in a table looks wrong, or was decided in a way that its owner should know."""


class Column(NamedTuple):
    """A column and what was decided: its field, or why it is left out."""

    name: Any
    field: Field | None
    rows: int | None  # None where it is not known, after loading
    missing: int | None
    distinct: int | None
    example: str
    remarks: tuple[str, ...] = ()
    why: str = ""
    open: bool = False  # whether the labels have a say: these may be ids or amounts

    @property
    def kind(self) -> str:
        return LEFT_OUT if self.field is None else self.field.kind


def sentences(columns: Iterable[Column]) -> list[str]:
    """All remarks, each with its column."""
    return [f"column {shown(column.name)} {remark}" for column in columns for remark in column.remarks]


def announce(columns: Sequence[Column], verbose: bool = False) -> None:
    """Issue a TableWarning for each remark; verbose: print the table first."""
    if verbose:
        print(to_text(columns))
    for sentence in sentences(columns):
        warnings.warn(sentence, TableWarning, stacklevel=3)


def learned(fields: Sequence[Field], field_dims: Sequence[int]) -> list[Column]:
    """What an encoder still knows of the columns. field_dims: as in `FieldEncoder`."""
    distinct = [
        None if field.kind == "numerical" else rows - FIRST_VALUE
        for field, rows in zip(fields, field_dims, strict=True)
    ]
    return [Column(field.name, field, None, None, number, "") for field, number in zip(fields, distinct, strict=True)]


class WholeFrame(pd.DataFrame):
    """A frame of texts that prints all its columns, and each cell to its end, however narrow the terminal."""

    def __repr__(self) -> str:
        return self.to_string(line_width=get_terminal_size().columns)


def to_frame(columns: Sequence[Column]) -> pd.DataFrame:
    """One row per column: column, kind (or "left out"), distinct, missing, example, why it is of that kind, remarks."""
    rows = [(c.name, c.kind, c.distinct, c.missing, c.example, c.why, "; ".join(c.remarks)) for c in columns]
    frame = pd.DataFrame(rows, columns=["column", "kind", "distinct", "missing", "example", "why", "remarks"])
    return WholeFrame(frame.astype({"distinct": "Int64", "missing": "Int64"}))


def to_text(columns: Sequence[Column]) -> str:
    """The table of `to_frame` as text, without the remarks."""
    rows = [("column", "kind", "distinct", "missing", "example", "why")]
    rows += [(str(c.name), c.kind, thousands(c.distinct), thousands(c.missing), c.example, c.why) for c in columns]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = []
    for name, kind, distinct, missing, example, why in rows:
        left = f"{name:{widths[0]}}  {kind:{widths[1]}}  {distinct:>{widths[2]}}  {missing:>{widths[3]}}"
        lines.append(f"{left}  {example:{widths[4]}}  {why}".rstrip())
    return "\n".join(lines)


def thousands(number: int | None) -> str:
    """12,345; nothing where it is not known."""
    return "" if number is None else f"{number:,}"
