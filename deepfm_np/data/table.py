"""Your own click log: a CSV or Parquet file with a column of labels."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepfm_np.data.cells import quoted
from deepfm_np.data.click_data import ClickData
from deepfm_np.data.fields import Categorical, CellError, Field, MultiValued, Numerical
from deepfm_np.data.kinds import announce, decide, fields_of

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
    `kinds` decides on every other column.  separator: between the values of a multi-valued cell.
    Raises FileNotFoundError; ValueError for an empty or malformed file, a missing column (listing those there are), a
    column named twice, a copy of the label, or a label other than 0 or 1 (naming file and line). Issues a TableWarning
    for a column that looks wrong.
    """
    fields = declared_fields(label, categorical, numerical, multi_valued, separator)
    frame = read_fields(path, fields) if fields else read_frame(path)
    require_columns(path, frame, label, fields)
    labels = read_labels(frame[label], path)
    columns = decide(frame.drop(columns=label), fields or None, frame[label])
    announce(columns)
    if not fields:
        fields = fields_of(columns)
        frame = read_fields(path, fields)
    return ClickData(frame.drop(columns=label), labels, fields, columns=columns)


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
        frame = pd.read_parquet(path) if is_parquet(path) else read_csv(path, as_text)
    if not len(frame):
        raise ValueError(f"{path} has a header and no rows")
    return frame


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
    except (ValueError, OSError, pd.errors.ParserWarning) as error:
        raise ValueError(f"{path} cannot be read as a table: {' '.join(str(error).split())}") from error


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
        raise ValueError(f"{path} has no column {', '.join(missing)}; it has {', '.join(frame.columns)}")


def read_labels(column: pd.Series, path: str | Path, first: int = 0) -> np.ndarray:
    """(n,) float32. Raises ValueError, naming file and line, unless all are 0 or 1. first: as in `naming_lines`."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float32, na_value=np.nan)
    wrong = ~((numbers == 0) | (numbers == 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        cell = quoted(column.iloc[row], str)
        raise ValueError(f"labels must be 0 or 1; {path} line {first + row + 2}, column {column.name!r} holds {cell}")
    return numbers
