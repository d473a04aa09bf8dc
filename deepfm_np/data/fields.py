"""The kinds of fields: how a raw column becomes rows of a table and the values that multiply them.

    Categorical   one slot, value 1.  Rows: 0 unknown or rare, 1 missing, then one per value.
    Numerical     one slot.           Rows: 0 carries the scaled number, 1 says that it is missing (value 1).
                  in buckets          Rows: 0 missing, then one per bucket; value 1.
    MultiValued   several slots.      Rows as for Categorical; slots that are not needed have value 0.

A missing number needs one slot, not two: the row of the missing learns both what to fill in and what missing means.
Each kind has

    scan(column) -> part              all that is needed of a piece of a column: `Cells`, or (n,) numbers
    combine(parts) -> state           what is learned from the training part, a dict that JSON can hold
    layout(state) -> (rows, slots)    how many rows of the table and how many slots the field takes
    lookup(state) -> look_up          the function that turns cells into rows:
    look_up(part) -> (rows, values)   (n, slots) each; rows count from 0 within the field: the encoder makes ids of them

A column may come in pieces of PIECE_ROWS rows (the last may be shorter); the state is then the same, bit for bit.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from deepfm_np.constraints import checked
from deepfm_np.data.cells import (
    CellError,
    Cells,
    factorize,
    frequent_members,
    hashable_cells,
    is_empty,
    is_missing,
    key_of,
    quoted,
    rows_of,
    to_numbers,
)
from deepfm_np.ops.checks import brief, shown
from deepfm_np.ops.rows import Array

UNKNOWN, MISSING, FIRST_VALUE = 0, 1, 2
PIECE_ROWS = 2**17  # rows of a piece; mean and standard deviation are merged from blocks of this size


@dataclass(frozen=True)
class Categorical:
    """One of many values. Values seen fewer than `min_count` times in training share the row of the unknown.

    12, 12.0, "12" and "12.0" are the same value, since integers become floats in a column with missing cells. In a
    column of booleans, so are True, "true" and 1. None, NaN and the empty string are missing, which is a value of its
    own.
    """

    kind: ClassVar[str] = "categorical"
    name: str
    min_count: int = 1

    def __post_init__(self):
        _check(self, "min_count")

    def scan(self, column: pd.Series) -> Cells:
        return Cells(*factorize(column, key_of, "holds lists or other unhashable cells; declare it as MultiValued"))

    def combine(self, parts: Iterable[Cells]) -> dict:
        single = (Cells(codes, [(key,) if key else () for key in keys]) for codes, keys in parts)
        return {"values": frequent_members(single, self.min_count)}

    def layout(self, state: dict) -> tuple[int, int]:
        return FIRST_VALUE + len(state["values"]), 1

    def lookup(self, state: dict) -> Callable[[Cells], tuple[Array, Array]]:
        row_of = {"": MISSING, **rows_of(state["values"], FIRST_VALUE)}

        def look_up(part: Cells) -> tuple[Array, Array]:
            rows = np.array([*(row_of.get(key, UNKNOWN) for key in part.keys), MISSING])
            return rows[part.codes][:, None], np.ones((len(part.codes), 1), np.float32)

        return look_up


@dataclass(frozen=True)
class Numerical:
    """A number, multiplied into its row.

    scaling: "standard" (mean 0, std 1 on the training part), "log" (sign(x) log(1 + |x|), then standardised),
        "min-max" (to [0, 1] on the training part), "identity", or "quantile" (buckets of equal counts, each a row).
    bins: how many buckets "quantile" makes, fewer where many numbers are equal.
    """

    kind: ClassVar[str] = "numerical"
    name: str
    scaling: str = "standard"
    bins: int = 10

    def __post_init__(self):
        _check(self, "scaling", "bins")

    def scan(self, column: pd.Series) -> Array:
        """(n,) float64, on a log scale if that is the scaling; nan where missing. Raises as `numbers` does."""
        numbers = self.numbers(column)
        return np.sign(numbers) * np.log1p(np.abs(numbers)) if self.scaling == "log" else numbers

    def numbers(self, column: pd.Series) -> Array:
        """(n,) float64, nan where missing.

        Raises CellError, a ValueError naming column and row, for text and infinities; ValueError for dates.
        """
        if column.dtype.kind in "mMc":
            raise ValueError(f"column {shown(self.name)} must hold finite numbers; it holds {column.dtype}")
        numbers = to_numbers(column)
        unread = np.flatnonzero(~(np.abs(numbers) <= np.finfo(np.float32).max))
        unread = unread[column.iloc[unread].notna().to_numpy()]
        for row, cell in zip(unread.tolist(), column.iloc[unread], strict=True):
            if not is_empty(cell):
                raise CellError(self.name, row, "must hold finite numbers", quoted(cell).replace("\n", " "))
        return numbers

    def combine(self, parts: Iterable[Array]) -> dict:
        """Quantiles need all the numbers in memory at once; everything else is merged piece by piece."""
        if self.scaling == "quantile":
            x = np.concatenate(list(_blocks(parts)) or [np.empty(0)])
            inner = np.linspace(0, 1, self.bins + 1)[1:-1]
            return {"edges": np.unique(np.quantile(x, inner)).tolist() if x.size else []}
        center, scale = 0.0, 1.0
        if self.scaling == "min-max":
            ends = [(x.min(), x.max()) for x in _blocks(parts)]
            if ends:
                center = min(low for low, _ in ends)
                scale = max(high for _, high in ends) - center
        elif self.scaling != "identity":
            center, scale = _mean_and_std(_blocks(parts))
        constant = scale <= 1e-12 * abs(center)
        return {"center": float(center), "scale": 1.0 if constant else float(scale)}

    def layout(self, state: dict) -> tuple[int, int]:
        return (2 + len(state["edges"]) if self.scaling == "quantile" else 2), 1

    def lookup(self, state: dict) -> Callable[[Array], tuple[Array, Array]]:
        return lambda x: self._buckets(x, state) if self.scaling == "quantile" else self._scaled(x, state)

    def _buckets(self, x: Array, state: dict) -> tuple[Array, Array]:
        rows = np.where(np.isnan(x), 0, 1 + np.searchsorted(state["edges"], x, side="right"))
        return rows[:, None], np.ones((len(x), 1), np.float32)

    def _scaled(self, x: Array, state: dict) -> tuple[Array, Array]:
        missing = np.isnan(x)
        with np.errstate(over="ignore"):
            values = ((x - state["center"]) / state["scale"]).astype(np.float32)
        values[missing] = 1.0
        if np.isinf(values).any():
            row = int(np.argmax(np.isinf(values)))
            reason = f"the training part has center {state['center']:.3g} and scale {state['scale']:.3g}"
            raise ValueError(f"column {shown(self.name)}: row {row} holds {x[row]:.3g}, too far out; {reason}")
        return missing.astype(np.int64)[:, None], values[:, None]


@dataclass(frozen=True)
class MultiValued:
    """Several values at once, such as the genres of a film: a text with a separator, or a list, tuple or set.

    pooling: "sum" gives every member value 1, "mean" 1 / (number of members).
    There are as many slots as the longest training row needs. Unknown members share one slot. A later row with more
    members keeps the first ones, and a warning says how many rows were cut.
    """

    kind: ClassVar[str] = "multi-valued"
    name: str
    pooling: str = "sum"
    separator: str = "|"
    min_count: int = 1

    def __post_init__(self):
        _check(self, "min_count", "pooling")
        if not isinstance(self.separator, str) or not self.separator:
            raise ValueError(f"{brief(self.name)}: separator must not be empty, a text, got {shown(self.separator)}")

    def scan(self, column: pd.Series) -> Cells:
        return Cells(*factorize(hashable_cells(column), self._members, "must hold texts or flat lists of values"))

    def combine(self, parts: Iterable[Cells]) -> dict:
        """Reads the parts twice: the number of slots a cell needs depends on which of its members are known."""
        values = frequent_members(parts, self.min_count)
        row_of = rows_of(values, FIRST_VALUE)
        return {
            "values": values,
            "slots": max((len(_slots(cell, row_of)) for _, keys in parts for cell in keys), default=1),
        }

    def layout(self, state: dict) -> tuple[int, int]:
        return FIRST_VALUE + len(state["values"]), state["slots"]

    def lookup(self, state: dict) -> Callable[[Cells], tuple[Array, Array]]:
        row_of = rows_of(state["values"], FIRST_VALUE)

        def look_up(part: Cells) -> tuple[Array, Array]:
            needed = [_slots(cell, row_of) for cell in [*part.keys, ()]]
            self._warn_of_cuts(part.codes, needed, state["slots"])
            rows, values = self._padded(needed, state["slots"])
            return rows[part.codes], values[part.codes]

        return look_up

    def _padded(self, needed: list[list[tuple[int, int]]], slots: int) -> tuple[Array, Array]:
        rows = np.full((len(needed), slots), UNKNOWN)
        values = np.zeros(rows.shape, np.float32)
        for cell, pairs in enumerate(needed):
            kept = pairs[:slots]
            rows[cell, : len(kept)] = [row for row, _ in kept]
            values[cell, : len(kept)] = [value for _, value in kept]
        if self.pooling == "mean":
            values /= values.sum(axis=1, keepdims=True)
        return rows, values

    def _warn_of_cuts(self, codes: Array, needed: list[list[tuple[int, int]]], slots: int) -> None:
        cut = sum(np.array([len(pairs) > slots for pairs in needed])[codes])
        if cut:
            message = f"column {shown(self.name)}: {cut} rows hold more than {slots} values; the first ones were kept"
            warnings.warn(message, UserWarning, stacklevel=7)

    def _members(self, cell) -> tuple[str, ...]:
        parts = cell.split(self.separator) if isinstance(cell, str) else cell if isinstance(cell, tuple) else (cell,)
        keys = (key_of(part).strip() for part in parts if not is_missing(part))
        return tuple(dict.fromkeys(key for key in keys if key))


@runtime_checkable
class Field(Protocol):
    """What every kind of field offers. The part that its `scan` returns is for its own `combine` and `lookup` alone."""

    kind: ClassVar[str]

    @property
    def name(self) -> str: ...

    def scan(self, column: Any) -> Any: ...
    def combine(self, parts: Iterable[Any]) -> dict: ...
    def layout(self, state: dict) -> tuple[int, int]: ...
    def lookup(self, state: dict) -> Callable[[Any], tuple[Array, Array]]: ...


KINDS: dict[str, type[Categorical | Numerical | MultiValued]] = {
    kind.kind: kind for kind in (Categorical, Numerical, MultiValued)
}


def _blocks(parts: Iterable[Array]) -> Iterator[Array]:
    """The numbers that are not missing, in blocks of PIECE_ROWS rows; blocks without any are left out."""
    for part in parts:
        for start in range(0, len(part), PIECE_ROWS):
            block = part[start : start + PIECE_ROWS]
            block = block[~np.isnan(block)]
            if block.size:
                yield block


def _mean_and_std(blocks: Iterable[Array]) -> tuple[float, float]:
    """Mean and standard deviation, merged block by block (Chan, Golub & LeVeque 1979, eq. 2.1); (0, 1) if empty."""
    n, mean, squares = 0, 0.0, 0.0  # squares: the sum of the squared deviations from the mean
    for x in blocks:
        step = x.mean() - mean
        squares += x.var() * len(x) + step**2 * (n * len(x) / (n + len(x)))
        n += len(x)
        mean += step * (len(x) / n)
    return (mean, np.sqrt(squares / n)) if n else (0.0, 1.0)


def _slots(members: tuple[str, ...], row_of: dict[str, int]) -> list[tuple[int, int]]:
    """(row, value) of each slot that the members need. Unknown members share one slot; its value is their count."""
    if not members:
        return [(MISSING, 1)]
    known = [(row_of[key], 1) for key in members if key in row_of]
    unknown = len(members) - len(known)
    return known + ([(UNKNOWN, unknown)] if unknown else [])


def _check(field: Field, *settings: str) -> None:
    for name in settings:
        checked(name, getattr(field, name), owner=f"{brief(field.name)}: ")
