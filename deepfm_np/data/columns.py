"""The kinds of fields: how a raw column becomes rows of a table and the values that multiply them.

    Categorical   one slot, value 1.  Rows: 0 unknown or rare, 1 missing, then one per value.
    Numerical     one slot.           Rows: 0 carries the scaled number, 1 says that it is missing (value 1).
                  in buckets          Rows: 0 missing, then one per bucket; value 1.
    MultiValued   several slots.      Rows as for Categorical; slots that are not needed have value 0.

A missing number is filled and flagged in one slot: the row of the missing learns the fill and the flag at once.
Each kind has `fit(column) -> state`, a dict that JSON can hold, `layout(state) -> (rows, slots)`, and
`encode(column, state) -> (n, slots) rows, (n, slots) values`, rows counted within the field.
"""

import warnings
from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import pandas as pd

Array = np.ndarray
UNKNOWN, MISSING, FIRST_VALUE = 0, 1, 2
SCALINGS = ("standard", "log", "min-max", "identity", "quantile")


@dataclass(frozen=True)
class Categorical:
    """One of many values. Values seen fewer than `min_count` times in training share the row of the unknown.

    12, 12.0, "12" and "12.0" are the same value, as integers become floats in a column with missing cells. None, NaN
    and the empty string are missing, which is a value of its own.
    """

    kind: ClassVar[str] = "categorical"
    name: str
    min_count: int = 1

    def __post_init__(self):
        _check_min_count(self)

    def fit(self, column: pd.Series) -> dict:
        codes, keys = _factorize(column, _key)
        return {"values": _frequent(codes, [() if key == "" else (key,) for key in keys], self.min_count)}

    def layout(self, state: dict) -> tuple[int, int]:
        return FIRST_VALUE + len(state["values"]), 1

    def encode(self, column: pd.Series, state: dict) -> tuple[Array, Array]:
        codes, keys = _factorize(column, _key)
        row_of = _row_of(state)
        rows = [MISSING if key == "" else row_of.get(key, UNKNOWN) for key in keys]
        return np.array([*rows, MISSING])[codes][:, None], np.ones((len(codes), 1), np.float32)


@dataclass(frozen=True)
class Numerical:
    """A number, multiplied into its row.

    scaling: "standard" (mean 0, deviation 1 on the training part), "log" (sign(x) log(1 + |x|), then standardised),
        "min-max" (to [0, 1] on the training part), "identity", or "quantile" (buckets of equal counts, each a row).
    bins: how many buckets "quantile" makes, fewer where many numbers are equal.
    """

    kind: ClassVar[str] = "numerical"
    name: str
    scaling: str = "standard"
    bins: int = 10

    def __post_init__(self):
        if self.scaling not in SCALINGS:
            raise ValueError(f"{self.name}: scaling must be one of {', '.join(SCALINGS)}, got {self.scaling!r}")
        if self.bins < 2:
            raise ValueError(f"{self.name}: bins must be at least 2, got {self.bins}")

    def fit(self, column: pd.Series) -> dict:
        x = self._numbers(column)
        x = x[~np.isnan(x)]
        if self.scaling == "quantile":
            inner = np.linspace(0, 1, self.bins + 1)[1:-1]
            return {"edges": np.unique(np.quantile(x, inner)).tolist() if x.size else []}
        if self.scaling == "identity" or not x.size:
            return {"center": 0.0, "scale": 1.0}
        if self.scaling == "min-max":
            center, scale = x.min(), x.max() - x.min()
        else:
            center, scale = x.mean(), x.std()
        constant = scale <= 1e-12 * abs(center)
        return {"center": float(center), "scale": 1.0 if constant else float(scale)}

    def layout(self, state: dict) -> tuple[int, int]:
        return (2 + len(state["edges"]) if self.scaling == "quantile" else 2), 1

    def encode(self, column: pd.Series, state: dict) -> tuple[Array, Array]:
        x = self._numbers(column)
        missing = np.isnan(x)
        if self.scaling == "quantile":
            rows = np.where(missing, 0, 1 + np.searchsorted(state["edges"], x, side="right"))
            return rows[:, None], np.ones((len(x), 1), np.float32)
        with np.errstate(over="ignore"):
            values = np.where(missing, 1.0, (x - state["center"]) / state["scale"]).astype(np.float32)
        if np.isinf(values).any():
            row = int(np.argmax(np.isinf(values)))
            reason = f"the training part has center {state['center']:.3g} and scale {state['scale']:.3g}"
            raise ValueError(f"column {self.name!r}: row {row} holds {x[row]:.3g}, too far out; {reason}")
        return missing.astype(np.int64)[:, None], values[:, None]

    def _numbers(self, column: pd.Series) -> Array:
        """(n,) float64, nan where missing. Raises ValueError, naming column and row, for text, dates and infinities."""
        if column.dtype.kind in "mMc":
            raise ValueError(f"column {self.name!r} must hold finite numbers; it holds {column.dtype}")
        raw = column.to_numpy(dtype=object)
        numbers = pd.to_numeric(pd.Series(raw), errors="coerce").to_numpy(np.float64, na_value=np.nan)
        empty = pd.isna(raw) | (raw == "")
        largest = np.finfo(np.float32).max
        wrong = (np.isnan(numbers) & ~empty) | (np.abs(numbers) > largest)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(f"column {self.name!r} must hold finite numbers; row {row} holds {raw[row]!r}")
        return np.sign(numbers) * np.log1p(np.abs(numbers)) if self.scaling == "log" else numbers


@dataclass(frozen=True)
class MultiValued:
    """Several values at once, as the genres of a film: a text with a separator, or a list, tuple or set.

    pooling: "sum" gives every member value 1, "mean" 1 / (number of members).
    The slots are as many as the longest training row needs. Unknown members share one slot. A later row with more
    members keeps the first ones, and a warning says how many rows were cut.
    """

    kind: ClassVar[str] = "multi-valued"
    name: str
    pooling: str = "sum"
    separator: str = "|"
    min_count: int = 1

    def __post_init__(self):
        _check_min_count(self)
        if self.pooling not in ("sum", "mean"):
            raise ValueError(f"{self.name}: pooling must be 'sum' or 'mean', got {self.pooling!r}")
        if not self.separator:
            raise ValueError(f"{self.name}: separator must not be empty")

    def fit(self, column: pd.Series) -> dict:
        codes, cells = _factorize(column.map(_hashable), self._members)
        values = _frequent(codes, cells, self.min_count)
        row_of = {value: row for row, value in enumerate(values, FIRST_VALUE)}
        return {"values": values, "slots": max((len(_slots(cell, row_of)) for cell in cells), default=1)}

    def layout(self, state: dict) -> tuple[int, int]:
        return FIRST_VALUE + len(state["values"]), state["slots"]

    def encode(self, column: pd.Series, state: dict) -> tuple[Array, Array]:
        codes, cells = _factorize(column.map(_hashable), self._members)
        row_of = _row_of(state)
        needed = [_slots(cell, row_of) for cell in [*cells, ()]]
        rows = np.full((len(needed), state["slots"]), UNKNOWN)
        values = np.zeros(rows.shape, np.float32)
        for cell, slots in enumerate(needed):
            kept = slots[: state["slots"]]
            rows[cell, : len(kept)] = [row for row, _ in kept]
            values[cell, : len(kept)] = [value for _, value in kept]
        if self.pooling == "mean":
            values /= values.sum(axis=1, keepdims=True)
        cut = sum(np.array([len(slots) > state["slots"] for slots in needed])[codes])
        if cut:
            message = (
                f"column {self.name!r}: {cut} rows hold more than {state['slots']} values; the first ones were kept"
            )
            warnings.warn(message, UserWarning, stacklevel=4)
        return rows[codes], values[codes]

    def _members(self, cell) -> tuple[str, ...]:
        parts = cell.split(self.separator) if isinstance(cell, str) else cell if isinstance(cell, tuple) else (cell,)
        keys = (_key(part).strip() for part in parts if not _is_missing(part))
        return tuple(dict.fromkeys(key for key in keys if key))


Field = Categorical | Numerical | MultiValued
KINDS = {kind.kind: kind for kind in (Categorical, Numerical, MultiValued)}


def infer_fields(frame: pd.DataFrame) -> list[Field]:
    """One field per column: floats are numerical; text, categories, booleans and integers are categorical.

    Integers in a click log are ids more often than amounts; name a column of amounts as `Numerical` yourself.
    Raises ValueError for columns of dates, which need a decision: the hour? the weekday? the age in days?
    """
    fields = []
    for name, column in frame.items():
        if column.dtype.kind in "mM" or isinstance(column.dtype, pd.DatetimeTZDtype | pd.PeriodDtype):
            raise ValueError(f"column {name!r} holds dates; derive what matters from it (hour, weekday, age in days)")
        numerical = pd.api.types.is_float_dtype(column.dtype)
        fields.append(Numerical(name) if numerical else Categorical(name))
    return fields


def _factorize(column: pd.Series, describe) -> tuple[Array, list]:
    """(n,) codes and what `describe` says of each distinct cell; code -1 is missing."""
    try:
        codes, distinct = pd.factorize(column)
    except TypeError as error:
        message = f"column {column.name!r} holds lists or other unhashable cells; declare it as MultiValued"
        raise ValueError(message) from error
    return codes, [describe(cell) for cell in distinct]


def _key(cell) -> str:
    """The text under which a value is known, the same for 12, 12.0, "12" and "12.0"."""
    if isinstance(cell, str):
        return cell[:-2] if cell.endswith(".0") and cell[:-2].isdigit() else cell
    if isinstance(cell, bool | np.bool_):
        return str(bool(cell))
    if isinstance(cell, Integral) or (isinstance(cell, Real) and float(cell).is_integer()):
        return str(int(cell))
    return str(cell)


def _hashable(cell):
    if isinstance(cell, set | frozenset):
        return tuple(sorted(cell, key=_key))
    return tuple(cell) if isinstance(cell, list | np.ndarray) else cell


def _is_missing(cell) -> bool:
    return cell is None or cell is pd.NA or cell != cell


def _frequent(codes: Array, cells: list[tuple[str, ...]], min_count: int) -> list[str]:
    """Members that stand in at least `min_count` rows, sorted, so that the order of the rows does not matter."""
    counts: dict[str, int] = {}
    for cell, count in zip(cells, np.bincount(codes[codes >= 0], minlength=len(cells)), strict=True):
        for key in cell:
            counts[key] = counts.get(key, 0) + int(count)
    return sorted(key for key, count in counts.items() if count >= min_count)


def _row_of(state: dict) -> dict[str, int]:
    return {value: row for row, value in enumerate(state["values"], FIRST_VALUE)}


def _slots(members: tuple[str, ...], row_of: dict[str, int]) -> list[tuple[int, int]]:
    """(row, value) of each slot the members need; unknown ones fold into one slot, valued their number."""
    if not members:
        return [(MISSING, 1)]
    known = [(row_of[key], 1) for key in members if key in row_of]
    unknown = len(members) - len(known)
    return known + ([(UNKNOWN, unknown)] if unknown else [])


def _check_min_count(field: Field) -> None:
    if field.min_count < 1:
        raise ValueError(f"{field.name}: min_count must be at least 1, got {field.min_count}")
