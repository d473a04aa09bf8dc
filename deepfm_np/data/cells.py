"""The cells of a raw column: distinct cells, missing cells, and the text that identifies each value."""

import sys
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from deepfm_np.data.texts import to_amount
from deepfm_np.ops.checks import shown
from deepfm_np.ops.rows import Array

SPELLINGS = {  # of one value, in a column that holds no others
    **{text: "True" for text in ("1", "True", "true", "TRUE")},
    **{text: "False" for text in ("0", "False", "false", "FALSE")},
}


class Cells(NamedTuple):
    """A piece of a column: its distinct cells, and which of them each row holds."""

    codes: Array  # (n,) int, each row's index into `keys`; -1 is missing
    keys: list  # the text of each distinct cell; for a multi-valued one, the tuple of its members


class CellError(ValueError):
    """A cell that its field cannot hold. row: counted from 0 within the column.  what: the message without the row."""

    def __init__(self, name: str, row: int, must: str, holds: str):
        super().__init__(f"column {shown(name)} {must}; row {row} holds {holds}")
        self.row, self.what = row, f"column {shown(name)} {must}, it holds {holds}"


def factorize(column: pd.Series, describe, must: str) -> tuple[Array, list]:
    """(n,) codes, -1 where missing, and `describe` of each distinct cell. Raises ValueError for unhashable cells.

    must: what the error message says of the column.
    """
    try:
        codes, distinct = _one(column.iloc[0]) if len(column) == 1 else pd.factorize(column)
    except TypeError as error:
        raise ValueError(f"column {shown(column.name)} {must}") from error
    return codes, [describe(cell) for cell in distinct]


def _one(cell) -> tuple[Array, list]:
    """pd.factorize of a column of one cell, in a tenth of the time: the rest of a prediction takes less than that."""
    hash(cell)
    return (np.array([-1]), []) if is_missing(cell) else (np.array([0]), [cell])


def key_of(cell) -> str:
    """The text that identifies a value: the same for 12, 12.0, "12" and "12.0"."""
    if isinstance(cell, str):
        return cell[:-2] if cell.endswith(".0") and cell[:-2].isdigit() else cell
    if isinstance(cell, bool | np.bool_):
        return str(bool(cell))
    whole = isinstance(cell, Integral) or (isinstance(cell, Real) and float(cell).is_integer())
    return str(int(cell)) if whole else str(cell)


def hashable(cell):
    """A list, array or set as a tuple (a set sorted); any other cell as it is."""
    if isinstance(cell, set | frozenset):
        return tuple(sorted(cell, key=key_of))
    return tuple(cell) if isinstance(cell, list | np.ndarray) else cell


def hashable_cells(column: pd.Series) -> pd.Series:
    """`hashable` of each cell, as objects: as strings, pandas would refuse texts that UTF-8 cannot hold."""
    return pd.Series(list(map(hashable, column)), name=column.name, dtype=object)


def quoted(cell, form: Callable[[Any], str] = repr) -> str:
    """The cell as an error quotes it: of a long one the beginning."""
    text = " ".join(form(cell).splitlines())
    return text if len(text) <= 100 else f"{text[:60]}... ({len(str(cell)):,} characters)"


def is_empty(cell) -> bool:
    """Whether a cell is the empty string."""
    return isinstance(cell, str) and not cell


def is_missing(cell) -> bool:
    """Whether a cell is None, pandas' NA or nan."""
    return cell is None or cell is pd.NA or cell != cell


def frequent_members(parts: Iterable[Cells], min_count: int) -> list[str]:
    """The members found in at least `min_count` rows, sorted so that the order of the rows does not matter."""
    counts: dict[str, int] = {}
    for codes, cells in parts:
        for cell, count in zip(cells, np.bincount(codes[codes >= 0], minlength=len(cells)).tolist(), strict=True):
            for key in cell:
                counts[key] = counts.get(key, 0) + count
    if counts.keys() <= SPELLINGS.keys() and not counts.keys() <= {"0", "1"}:
        spelled, counts = counts, {}
        for key, count in spelled.items():
            counts[SPELLINGS[key]] = counts.get(SPELLINGS[key], 0) + count
    return sorted(key for key, count in counts.items() if count >= min_count)


def rows_of(values: Sequence[str], first: int) -> dict[str, int]:
    """The row of each value. In a column of booleans 1, True and true are one, however it was spelled in training."""
    row_of = {value: row for row, value in enumerate(values, first)}
    if row_of.keys() <= SPELLINGS.keys():
        rows = {SPELLINGS[value]: row for value, row in row_of.items()}
        row_of = {text: rows[word] for text, word in SPELLINGS.items() if word in rows} | row_of
    return row_of


def _may_be_a_number(cell) -> bool:
    """Whether pandas can be asked: it fails at arrays and at integers beyond the largest float."""
    return pd.api.types.is_scalar(cell) and not (isinstance(cell, int) and abs(cell) > sys.float_info.max)


def to_numbers(column: pd.Series) -> Array:
    """(n,) float64, nan where a cell is not a number. The texts `$12.25` and `1,234` are numbers."""
    if column.dtype.kind not in "iuf":
        cells = pd.Series(column.to_numpy(dtype=object), dtype=object)
        try:
            column = pd.to_numeric(cells, errors="coerce")
        except (TypeError, ValueError, OverflowError):
            column = pd.to_numeric(cells.where(cells.map(_may_be_a_number), np.nan), errors="coerce")
        unread = cells[column.isna() & cells.map(lambda cell: isinstance(cell, str))]
        amounts = {text: to_amount(text) for text in unread.unique()}
        if any(amount == amount for amount in amounts.values()):
            column = column.astype(np.float64).where(column.notna(), unread.map(amounts))
    if column.dtype.kind == "c":
        column = pd.Series(np.where(column.to_numpy().imag == 0, column.to_numpy().real, np.nan))
    return column.to_numpy(np.float64, na_value=np.nan)
