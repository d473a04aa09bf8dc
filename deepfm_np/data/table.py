"""A click log of one's own: a CSV or Parquet file with a column of labels."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.io.parsers import TextFileReader

from deepfm_np.data import columns
from deepfm_np.data.click_data import ClickData, Piece
from deepfm_np.data.columns import Categorical, CellError, Field, MultiValued, Numerical, infer_fields
from deepfm_np.data.fields import scan

MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "None"]  # in a column that is not kept as text


def load_table(
    path: str | Path,
    label: str,
    categorical: Sequence[str] = (),
    numerical: Sequence[str] = (),
    multi_valued: Sequence[str] = (),
    separator: str = "|",
) -> ClickData:
    """Read a table and say which columns are what.

    label: the column of 0 and 1.  categorical, numerical, multi_valued: the columns to use; with none named, all but
    the label are used and inferred from their dtypes.  separator: between the values of a multi-valued cell.
    Raises FileNotFoundError; ValueError for an empty or malformed file, a column that is not there (listing those that
    are), a column named twice, or a label other than 0 or 1, with file and line.
    """
    fields = _declared(label, categorical, numerical, multi_valued, separator)
    fields = fields or infer_fields(read_frame(path).drop(columns=label, errors="ignore"))
    frame = read_fields(path, fields)
    _check_columns(path, frame, label, fields)
    labels = _labels(frame.pop(label), path)
    return ClickData(frame, labels, fields)


class TableStream:
    """A CSV or Parquet file, read as `load_table` reads it, in pieces.

    Where no column is named, all rows are read once more beforehand to infer what each column is. A run that goes on
    reads the rows before again, and drops them. Raises as `load_table` does, for the label when its piece is reached.
    """

    unit = "rows"

    def __init__(
        self,
        path: str | Path,
        label: str,
        categorical: Sequence[str] = (),
        numerical: Sequence[str] = (),
        multi_valued: Sequence[str] = (),
        separator: str = "|",
    ):
        self.path, self.label = Path(path), label
        self.fields = _declared(label, categorical, numerical, multi_valued, separator) or _inferred(path, label)
        kinds = {field.name: field.kind for field in self.fields}
        self.settings = {"data": "table", "label": label, "separator": separator, "fields": kinds}
        self.total = _parquet_rows(self.path) if _is_parquet(self.path) else None
        _check_columns(path, next(_frames(path, (), 1)), label, self.fields)

    def pieces(self, after: dict | None = None) -> Iterator[Piece]:
        """The log in pieces, as `Stream` says."""
        first, done = 0, after["rows"] if after else 0
        for frame in _frames(self.path, _as_text(self.fields), columns.BLOCK_ROWS):
            end = first + len(frame)
            if end > done:
                labels = _labels(frame[self.label], self.path, first).astype(np.uint8)
                parts = _scanned(self.path, frame, self.fields, first)
                yield Piece(labels, parts, {"rows": end, "done": end, "skipped": 0})
            first = end


def read_fields(path: str | Path, fields: Sequence[Field]) -> pd.DataFrame:
    """Like `read_frame`, with the columns of all but numerical fields as text, so that every file is read alike.

    Raises as `read_frame` does, and ValueError with file and line for a cell that a numerical field cannot hold.
    """
    frame = read_frame(path, as_text=_as_text(fields))
    _scanned(path, frame, [field for field in fields if isinstance(field, Numerical) and field.name in frame])
    return frame


def read_frame(path: str | Path, as_text: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV file, or a Parquet file by its ending. An empty line is a row without values.

    as_text: CSV columns to keep as they are written: the zip code 01234 keeps its zero, and NA is Namibia. Of the
        others, whole numbers stay whole where cells are missing.
    Raises FileNotFoundError, ImportError where Parquet needs pyarrow, ValueError for an empty or malformed file.
    """
    path = Path(path)
    with _reading(path):
        frame = pd.read_parquet(path) if _is_parquet(path) else _read_csv(path, as_text)
    if not len(frame):
        raise ValueError(f"{path} has a header and no rows")
    return frame


def _frames(path: str | Path, as_text: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
    """`read_frame` in pieces of so many rows, the last of which may be shorter."""
    path, read = Path(path), 0
    with _reading(path):
        frames = _parquet_frames(path, rows) if _is_parquet(path) else _read_csv(path, as_text, chunksize=rows)
    with closing(frames):
        while True:
            with _reading(path):
                frame = next(frames, None)
            if frame is None or not len(frame):
                break
            read += len(frame)
            yield frame
    if not read:
        raise ValueError(f"{path} has a header and no rows")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Raises what `read_frame` says, whatever pandas raises inside."""
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


def _read_csv(path: Path, as_text: Sequence[str], **options) -> pd.DataFrame | TextFileReader:
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


def _parquet_frames(path: Path, rows: int) -> Iterator[pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(rows):
            yield pa.Table.from_batches([batch]).to_pandas()


def _parquet_rows(path: Path) -> int:
    import pyarrow.parquet as pq

    with _reading(path):
        return pq.read_metadata(path).num_rows


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


def _scanned(path: str | Path, frame: pd.DataFrame, fields: Sequence[Field], first: int = 0) -> list:
    """`scan`, with file and line in its errors; the frame begins at row `first` of the file."""
    try:
        return scan(frame, fields)
    except CellError as error:
        raise ValueError(f"{path} line {first + error.row + 2}: {error.what}") from None


def _as_text(fields: Sequence[Field]) -> list[str]:
    return [field.name for field in fields if not isinstance(field, Numerical)]


def _declared(label: str, categorical, numerical, multi_valued, separator: str) -> list[Field]:
    fields = [
        *(Categorical(name) for name in categorical),
        *(Numerical(name) for name in numerical),
        *(MultiValued(name, separator=separator) for name in multi_valued),
    ]
    named = [label, *(field.name for field in fields)]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise ValueError(f"named twice: {', '.join(twice)}; a column is the label or one kind of field")
    return fields


def _inferred(path: str | Path, label: str) -> list[Field]:
    """`infer_fields` of the whole: a column is numerical where every piece holds numbers, and one of them fractions."""
    kinds: dict[str, set[type]] = {}
    for frame in _frames(path, (), columns.BLOCK_ROWS):
        for field in infer_fields(frame.drop(columns=label, errors="ignore")):
            numbers = pd.api.types.is_integer_dtype(frame[field.name].dtype)
            kinds.setdefault(field.name, set()).add(int if numbers else type(field))
    return [
        Numerical(name) if Numerical in kind <= {Numerical, int} else Categorical(name) for name, kind in kinds.items()
    ]


def _check_columns(path: str | Path, frame: pd.DataFrame, label: str, fields: Sequence[Field]) -> None:
    missing = [name for name in (label, *(field.name for field in fields)) if name not in frame.columns]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}; it has {', '.join(frame.columns)}")


def _labels(column: pd.Series, path: str | Path, first: int = 0) -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float32, na_value=np.nan)
    wrong = ~((numbers == 0) | (numbers == 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"labels must be 0 or 1; {path} line {first + row + 2}, column {column.name!r} holds {column.iloc[row]}"
        )
    return numbers
