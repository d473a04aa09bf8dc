"""Your own click log: a CSV, Parquet or JSON lines file with a column of labels."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np.data.cells import quoted
from deepfm_np.data.click_data import ClickData
from deepfm_np.data.columns import Column, announce
from deepfm_np.data.fields import Categorical, CellError, Field, MultiValued, Numerical
from deepfm_np.data.first_bytes import open_table
from deepfm_np.data.kinds import decide, fields_of, settled
from deepfm_np.data.table_file import TableFile
from deepfm_np.ops.checks import brief, shown


def load_table(
    path: str | Path,
    label: str,
    categorical: Sequence[str] = (),
    numerical: Sequence[str] = (),
    multi_valued: Sequence[str] = (),
    separator: str = "|",
    column_separator: str | None = None,
    encoding: str | None = None,
    time: str | None = None,
) -> ClickData:
    """Read a click log from a table.

    label: the column of 0 and 1.  categorical, numerical, multi_valued: the columns to use, by kind; if none is named,
    `kinds` decides on every other column, as far as it can without the labels: `settle` the training part.
    separator: between the values of a multi-valued cell.  column_separator, encoding: as in `read_frame`.
    time: a column that is no field unless it is named as one.
    Raises as `read_frame` does; ValueError for a missing column (listing those there are), a column named twice, a
    copy of the label, or a label other than 0 or 1 (naming file and line). Issues a TableWarning for a column that
    looks wrong.
    """
    fields = declared_fields(label, categorical, numerical, multi_valued, separator)
    file = open_table(path, column_separator, encoding)
    frame = _with_fields(file, fields) if fields else _rows(file)
    require_columns(path, frame, [label, *(field.name for field in fields), *([time] if time else [])])
    labels = read_labels(frame[label], file)
    columns = decide(frame.drop(columns=label), fields or None, frame[label])
    columns = columns if fields else [_unless_time(column, time) for column in columns]
    announce(columns)
    if not fields:
        fields = fields_of(columns)
        frame = _with_fields(file, fields)
    return ClickData(frame.drop(columns=label), labels, fields, columns=columns)


def settle(train: ClickData) -> ClickData:
    """The training part of a table, ids told from amounts by its labels (see `ids_or_amounts`).

    All parts are to be encoded with its fields: no label of another part had a say in them.
    """
    columns = settled(train.columns, train.frame, train.labels)
    return replace(train, fields=fields_of(columns) if columns else train.fields, columns=columns)


def load_labelled(
    path: str | Path,
    label: str,
    fields: Sequence[Field],
    column_separator: str | None = None,
    encoding: str | None = None,
) -> ClickData:
    """Read another file with the fields of a log. Raises as `load_table` does."""
    file = open_table(path, column_separator, encoding)
    frame = _with_fields(file, fields)
    require_columns(path, frame, [label, *(field.name for field in fields)])
    labels = read_labels(frame[label], file)
    return ClickData(frame.drop(columns=label), labels, list(fields))


def read_fields(
    path: str | Path, fields: Sequence[Field], column_separator: str | None = None, encoding: str | None = None
) -> pd.DataFrame:
    """`read_frame` with numerical fields as float64 and all others as text, whatever the file alone would suggest.

    Raises as `read_frame` does, and ValueError, naming file and line, for a cell that a numerical field cannot hold.
    """
    return _with_fields(open_table(path, column_separator, encoding), fields)


def read_frame(
    path: str | Path, as_text: Sequence[str] = (), column_separator: str | None = None, encoding: str | None = None
) -> pd.DataFrame:
    """Read a CSV, Parquet or JSON lines file, perhaps compressed. An empty line of CSV is a row without values.

    as_text: CSV columns to read as text: the zip code 01234 keeps its zero, and NA is Namibia. In other columns,
        integers stay integers even if cells are missing.
    column_separator, encoding: of CSV; None recognises them, see `first_bytes.open_table`.
    Raises FileNotFoundError, IsADirectoryError, ImportError if a package is needed to read the file, ValueError for
    one that is empty, malformed or not read.
    """
    return _rows(open_table(path, column_separator, encoding), as_text)


def _rows(file: TableFile, as_text: Sequence[str] = ()) -> pd.DataFrame:
    frame = file.frame(as_text)
    if not len(frame):
        raise ValueError(f"{file.path} has a header and no rows")
    return frame


def _with_fields(file: TableFile, fields: Sequence[Field]) -> pd.DataFrame:
    frame = _rows(file, text_columns(fields))
    for field in fields:
        if isinstance(field, Numerical) and field.name in frame:
            with naming_places(file):
                frame[field.name] = field.numbers(frame[field.name])
    return frame


def _unless_time(column: Column, time: str | None) -> Column:
    """The column; that of the time left out, without a remark, since it has its use."""
    if time is None or column.name != time:
        return column
    return column._replace(field=None, remarks=(), why="the time", open=False)


@contextmanager
def naming_places(file: TableFile, first: int = 0) -> Iterator[None]:
    """Turn a CellError inside into a ValueError naming file and line; row 0 inside is row `first` of the file."""
    try:
        yield
    except CellError as error:
        raise ValueError(f"{file.place(first + error.row)}: {error.what}") from None


def text_columns(fields: Sequence[Field]) -> list[str]:
    """The names of the columns to read as text: all but the numerical ones."""
    return [field.name for field in fields if not isinstance(field, Numerical)]


def declared_fields(
    label: str, categorical: Sequence[str], numerical: Sequence[str], multi_valued: Sequence[str], separator: str
) -> list[Field]:
    """The fields that are named, [] if none is. Raises ValueError for a column named twice."""
    fields: list[Field] = [
        *(Categorical(name) for name in categorical),
        *(Numerical(name) for name in numerical),
        *(MultiValued(name, separator=separator) for name in multi_valued),
    ]
    named = [label, *(field.name for field in fields)]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise ValueError(f"named twice: {', '.join(twice)}; a column is the label or one kind of field")
    return fields


def require_columns(path: str | Path, frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise ValueError, listing the columns there are, if one of these is missing."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        there = brief(", ".join(map(str, frame.columns)))
        raise ValueError(f"{path} has no column {', '.join(missing)}; it has {there}")


def read_labels(column: pd.Series, file: TableFile, first: int = 0) -> np.ndarray:
    """(n,) float32. Raises ValueError, naming file and line, unless all are 0 or 1. first: as in `naming_places`."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float32, na_value=np.nan)
    wrong = ~((numbers == 0) | (numbers == 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        cell = quoted(column.iloc[row], str)
        where = f"{file.place(first + row)}, column {shown(column.name)}"
        raise ValueError(f"labels must be 0 or 1; {where} holds {cell}")
    return numbers
