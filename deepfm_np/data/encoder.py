"""FieldEncoder: encodes raw columns as ids and values of one flat table, learned from the training part alone."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike

from deepfm_np.data import encoder_file
from deepfm_np.data.fields import Field
from deepfm_np.data.kinds import infer_fields
from deepfm_np.ops.checks import brief, shown
from deepfm_np.ops.rows import Array
from deepfm_np.system.files import write_text

ROWS_AT_ONCE = 2048


class FieldEncoder:
    """Encodes the columns of a DataFrame as slots: rows of one flat table and the values that multiply them.

    fields: `Categorical`, `Numerical` and `MultiValued` columns, in the order of the table; None infers them in `fit`.

    After `fit`:  fields, field_names;  field_dims, the rows of each field (their sum is D);  field_starts, the slot at
    which each field begins;  num_slots, s.
    """

    def __init__(self, fields: Sequence[Field] | None = None):
        """Raises TypeError for anything that is not a field, ValueError if two fields have the same name."""
        if not (fields is None or isinstance(fields, Iterable)) or (isinstance(fields, np.ndarray) and not fields.ndim):
            given = shown(fields)
            raise TypeError(f"fields must be a sequence of Categorical, Numerical and MultiValued, got {given}")
        self.fields: list[Field] = list(() if fields is None else fields)
        self._infers = fields is None
        self._states: list[dict] = []
        self._lookups: list[Callable] | None = None  # of each field, made when they are first needed
        for field in self.fields:
            if not isinstance(field, Field):
                raise TypeError(f"a field is Categorical, Numerical or MultiValued, got {shown(field)}")
            try:
                hash(field.name)
            except TypeError:
                raise TypeError(f"the name of a field must be that of a column, got {shown(field.name)}") from None
        names = [field.name for field in self.fields]
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            raise ValueError(f"two fields have the same name: {brief(', '.join(map(str, repeated)))}")

    def fit(self, frame: pd.DataFrame) -> "FieldEncoder":
        """Learn values, scales and slots from the training part.

        Raises ValueError for an empty frame, a missing column, or a cell that its field cannot hold (naming column
        and row, counted from 0); an earlier fit then stays in place.
        """
        self._learn(frame)
        return self

    def combine(self, fields: Sequence[Field], parts: Sequence[Iterable]) -> "FieldEncoder":
        """Learn from a frame in pieces of PIECE_ROWS rows, each of which has been through `scan`.

        parts: for each field, the parts of its column, in order; each field's are iterated at most twice.
        The result equals `fit` on the whole frame, bit for bit.
        """
        self._set(fields, [field.combine(pieces) for field, pieces in zip(fields, parts, strict=True)])
        return self

    def transform(self, frame: pd.DataFrame) -> tuple[Array, Array]:
        """(n, s) int64 ids and (n, s) float32 values. Values not seen in `fit` get the row of the unknown.

        Columns that are not fields are ignored. Raises ValueError before `fit`, for a missing column, and for a cell
        that its field cannot hold (naming column and row, counted from 0).
        """
        self._require_fitted()
        return self._encode(scan(frame, self.fields), len(frame))

    def lookup(self, dtype: DTypeLike = np.int64) -> Callable[[list], Iterator[tuple[Array, Array]]]:
        """The function that turns what `scan` returned into ids and values: prepared once, used for many pieces.

        It yields them block by block, (b, s) ids of this dtype and (b, s) float32 values; a block fits the processor's
        cache. A field's row becomes an id by adding the row at which the field begins. Raises ValueError before `fit`.
        """
        self._require_fitted()
        if self._lookups is None:
            self._lookups = [field.lookup(state) for field, state in zip(self.fields, self._states, strict=True)]
        lookups = self._lookups
        slots = np.diff([*self.field_starts, self.num_slots])
        first_rows = np.repeat(np.cumsum([0, *self.field_dims[:-1]]), slots).astype(dtype)

        def ids_and_values(parts: list) -> Iterator[tuple[Array, Array]]:
            rows, values = zip(*(look_up(part) for look_up, part in zip(lookups, parts, strict=True)), strict=True)
            for start in range(0, len(rows[0]), ROWS_AT_ONCE):
                some = slice(start, start + ROWS_AT_ONCE)
                yield _side_by_side(rows, some, dtype) + first_rows, _side_by_side(values, some, np.float32)

        return ids_and_values

    def fit_transform(self, frame: pd.DataFrame) -> tuple[Array, Array]:
        """`fit`, then `transform` the same frame, scanning its columns only once."""
        parts = self._learn(frame)
        return self._encode(parts, len(frame))

    def summary(self) -> pd.DataFrame:
        """One row per field: name, kind, rows of the table, slots."""
        slots = np.diff([*self.field_starts, self.num_slots])
        kinds = [field.kind for field in self.fields]
        return pd.DataFrame({"field": self.field_names, "kind": kinds, "rows": self.field_dims, "slots": slots})

    def save(self, path: str | Path) -> None:
        """Write a JSON file, atomically. Raises as `to_text` does, and then writes nothing."""
        write_text(path, self.to_text())

    def to_text(self) -> str:
        """The JSON text that `save` writes.

        Raises TypeError or ValueError for a column whose name or values would not come back as they are.
        """
        self._require_fitted()
        return encoder_file.to_text(self.fields, self._states)

    @classmethod
    def load(cls, path: str | Path) -> "FieldEncoder":
        """Read a file that `save` wrote. Raises FileNotFoundError, or ValueError if it is damaged or something else."""
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; expected the fields of a deepfm_np encoder")
        try:
            return cls.from_text(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} does not hold the fields of a deepfm_np encoder: {brief(error, 300)}") from error

    @classmethod
    def from_text(cls, text: str) -> "FieldEncoder":
        """The encoder of which `to_text` made this text. Raises ValueError, whatever is wrong with it."""
        try:
            fields, states = encoder_file.from_text(text)
            encoder = cls(fields)
        except TypeError as error:
            raise ValueError(str(error)) from error
        encoder._set(fields, states)
        return encoder

    def __getstate__(self) -> dict:
        """For pickle: all but the lookups, which are functions made within others and are made anew."""
        return {**vars(self), "_lookups": None}

    def _learn(self, frame: pd.DataFrame) -> list:
        """Fit, and return the result of `scan` for the frame."""
        if not len(frame):
            raise ValueError("cannot fit on a frame without rows")
        fields = infer_fields(frame) if self._infers else self.fields
        if not fields:
            raise ValueError("cannot fit without fields")
        parts = scan(frame, fields)
        self.combine(fields, [[part] for part in parts])
        return parts

    def _encode(self, parts: list, n: int) -> tuple[Array, Array]:
        """The result of `scan` for n rows -> (n, s) ids and (n, s) values."""
        ids, values = np.empty((n, self.num_slots), np.int64), np.empty((n, self.num_slots), np.float32)
        start = 0
        for block in self.lookup()(parts):
            end = start + len(block[0])
            ids[start:end], values[start:end] = block
            start = end
        return ids, values

    def _require_fitted(self) -> None:
        if not self._states:
            raise ValueError("this FieldEncoder is not fitted yet: call fit(frame) first")

    def _set(self, fields: Sequence[Field], states: list[dict]) -> None:
        layouts = [field.layout(state) for field, state in zip(fields, states, strict=True)]
        slots = [number for _, number in layouts]
        self.fields, self._states, self._lookups, self._infers = list(fields), states, None, False
        self.field_names = [field.name for field in fields]
        self.field_dims = [rows for rows, _ in layouts]
        self.field_starts = [0, *np.cumsum(slots)[:-1].tolist()]
        self.num_slots = sum(slots)


def scan(frame: pd.DataFrame, fields: Sequence[Field]) -> list:
    """For each field, what it needs of its column. Raises ValueError for a missing column or a cell it cannot hold."""
    return [field.scan(_column(frame, field, fields)) for field in fields]


def _side_by_side(columns: Sequence[Array], some: slice, dtype: DTypeLike) -> Array:
    """(b, s): some rows of each (n, slots) column, side by side. Stacking the transposes is faster."""
    turned = np.concatenate([column[some].T for column in columns], dtype=dtype, casting="same_kind")
    return np.ascontiguousarray(turned.T)


def _column(frame: pd.DataFrame, field: Field, fields: Sequence[Field]) -> pd.Series:
    if field.name not in frame.columns:
        missing = [other.name for other in fields if other.name not in frame.columns]
        sought, there = (brief(", ".join(map(str, names))) for names in (missing, frame.columns))
        raise ValueError(f"the columns {sought} are missing; there are {there}")
    try:
        column = frame[field.name]
    except (ValueError, pd.errors.InvalidIndexError):  # as a tuple and a number of NumPy, compared to an array
        raise ValueError(f"pandas cannot tell column {shown(field.name)} from the others; rename it") from None
    if isinstance(column, pd.DataFrame):
        raise ValueError(f"there are {column.shape[1]} columns of the name {shown(field.name)}")
    return column
