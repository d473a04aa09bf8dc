"""Your own click log: a CSV or Parquet file with a column of labels."""

import csv
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.common import get_handle

from deepfm_np.data.cells import quoted
from deepfm_np.data.click_data import ClickData
from deepfm_np.data.fields import Categorical, CellError, Field, MultiValued, Numerical, infer_fields
from deepfm_np.ops.checks import brief, shown

MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "None"]  # in a column that is not kept as text


def load_table(
    path: str | Path,
    label: str,
    categorical: Sequence[str] = (),
    numerical: Sequence[str] = (),
    multi_valued: Sequence[str] = (),
    separator: str = "|",
) -> ClickData:
    """Read a click log from a table.

    label: the column of 0 and 1.  categorical, numerical, multi_valued: the columns to use, by kind; if none is named,
    every other column is used and its kind inferred.  separator: between the values of a multi-valued cell.
    Raises FileNotFoundError; ValueError for an empty or malformed file, a missing column (listing those there are), a
    column named twice, or a label other than 0 or 1 (naming file and line).
    """
    fields = declared_fields(label, categorical, numerical, multi_valued, separator)
    fields = fields or infer_fields(read_frame(path).drop(columns=label, errors="ignore"))
    frame = read_fields(path, fields)
    require_columns(path, frame, label, fields)
    labels = read_labels(frame.pop(label), path)
    return ClickData(frame, labels, fields)


def read_fields(path: str | Path, fields: Sequence[Field]) -> pd.DataFrame:
    """`read_frame` with numerical fields as float64 and all others as text, whatever the file alone would suggest.

    Raises as `read_frame` does, and ValueError, naming file and line, for a cell that a numerical field cannot hold.
    """
    frame = read_frame(path, as_text=text_columns(fields))
    for field in fields:
        if isinstance(field, Numerical) and field.name in frame:
            with naming_lines(path):
                frame[field.name] = field.numbers(frame[field.name])
    return frame


def read_frame(path: str | Path, as_text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV file or, by its extension, a Parquet file. An empty line is a row without values.

    as_text: CSV columns to read as text: the zip code 01234 keeps its zero, and NA is Namibia. In other columns,
        integers stay integers even if cells are missing.
    Raises FileNotFoundError, ImportError if Parquet needs pyarrow, ValueError for an empty or malformed file.
    """
    path = Path(path)
    with reading(path):
        frame = _read_parquet(path) if is_parquet(path) else read_csv(path, as_text)
    if not len(frame):
        raise ValueError(f"{path} has a header and no rows")
    if not is_parquet(path):
        require_full_rows(path, frame)
    return frame


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    table.validate(full=True)  # pandas would notice a text that is not UTF-8 when it is used
    return table.to_pandas()


def require_full_rows(path: Path, frame: pd.DataFrame) -> bool:
    """Raise ValueError, naming file and line, for a row with fewer cells than the header, unless it is empty.

    pandas takes the cells that are not there for missing ones. The file is therefore read once more, but only where
    some row of the frame lacks its last cell; whether it was.
    """
    if not frame.iloc[:, -1].isna().any():
        return False
    limit = csv.field_size_limit(2**31 - 1)
    try:
        with get_handle(path, "r", encoding="utf-8-sig", compression="infer", errors="replace") as handles:
            rows = csv.reader(handles.handle)  # type: ignore[call-overload]  # a text file, by the mode
            width = len(next(rows))
            for row in rows:
                if 0 < len(row) < width:
                    raise ValueError(f"{path} line {rows.line_num} has {len(row)} cells, the header has {width}")
    finally:
        csv.field_size_limit(limit)
    return True


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever pandas raises inside into the errors of `read_frame`."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # cells beyond the last named column
            yield
    except ImportError as error:
        raise ImportError(f"{path}: reading Parquet needs pyarrow (pip install pyarrow)") from error
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path} is empty; the first line must name the columns") from None
    except MemoryError:
        raise
    except Exception as error:  # damage can make pandas, PyArrow, gzip and zlib raise nearly anything
        raise ValueError(f"{path} cannot be read as a table: {brief(error, 300) or type(error).__name__}") from error


def read_csv(path: Path, as_text: Sequence[str], **options: Any) -> Any:
    """`pandas.read_csv` with our rules for text and missing cells; with `chunksize`, an iterator of frames."""
    names = pd.read_csv(path, nrows=0, index_col=False).columns
    return pd.read_csv(
        path,
        dtype={name: "string" for name in as_text},
        na_values={name: [""] if name in as_text else MISSING for name in names},
        keep_default_na=False,
        dtype_backend="numpy_nullable",
        index_col=False,
        skip_blank_lines=False,
        **options,
    )


def is_parquet(path: Path) -> bool:
    """Whether the file's extension is that of Parquet."""
    return path.suffix.lower() in (".parquet", ".pq")


@contextmanager
def naming_lines(path: str | Path, first: int = 0) -> Iterator[None]:
    """Turn a CellError inside into a ValueError naming file and line; row 0 inside is row `first` of the file."""
    try:
        yield
    except CellError as error:
        raise ValueError(f"{path} line {first + error.row + 2}: {error.what}") from None


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


def require_columns(path: str | Path, frame: pd.DataFrame, label: str, fields: Sequence[Field]) -> None:
    """Raise ValueError, listing the columns there are, if the label or a field is missing."""
    missing = [name for name in (label, *(field.name for field in fields)) if name not in frame.columns]
    if missing:
        raise ValueError(
            f"{path} has no column {', '.join(missing)}; it has {brief(', '.join(map(str, frame.columns)))}"
        )


def read_labels(column: pd.Series, path: str | Path, first: int = 0) -> np.ndarray:
    """(n,) float32. Raises ValueError, naming file and line, unless all are 0 or 1. first: as in `naming_lines`."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float32, na_value=np.nan)
    wrong = ~((numbers == 0) | (numbers == 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        cell = quoted(column.iloc[row], str)
        where = f"{path} line {first + row + 2}, column {shown(column.name)}"
        raise ValueError(f"labels must be 0 or 1; {where} holds {cell}")
    return numbers
