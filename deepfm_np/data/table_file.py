"""The file of a table, CSV, Parquet or JSON lines, perhaps compressed, read as a whole or in pieces."""

import csv
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.io.common import get_handle

from deepfm_np.ops.checks import brief

MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "None"]  # in a column that is not kept as text


@dataclass(frozen=True)
class TableFile:
    """A file of rows. `first_bytes.open_table` finds out what it is."""

    path: Path
    form: str  # "csv", "parquet" or "json"
    compression: str | None = None
    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"

    def frame(self, as_text: Sequence[str] = ()) -> pd.DataFrame:
        """All rows. as_text: as of `read_frame`. Raises as `reading` does."""
        with reading(self.path):
            frame = _read_parquet(self.path) if self.form == "parquet" else self._read(as_text)
            self._require_full_rows(frame)
        return frame

    def frames(self, as_text: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
        """`frame` in pieces of this many rows; the last may have fewer. Raises as `reading` does."""
        with reading(self.path):
            parquet = self.form == "parquet"
            frames = _parquet_frames(self.path, rows) if parquet else self._read(as_text, chunksize=rows)
        full = False
        with closing(frames):
            while True:
                with reading(self.path):
                    frame = next(frames, None)
                    if frame is None or not len(frame):
                        break
                    full = full or self._require_full_rows(frame)
                yield frame

    def place(self, row: int) -> str:
        """Where a row is, counted from 0: the line of a text file, after a header if it is CSV; the row of Parquet."""
        start = {"csv": 2, "json": 1, "parquet": 0}[self.form]
        return f"{self.path} {'row' if self.form == 'parquet' else 'line'} {start + row}"

    def rows(self) -> int | None:
        """The number of rows, if the file says it."""
        if self.form != "parquet":
            return None
        import pyarrow.parquet as pq

        with reading(self.path):
            return pq.read_metadata(self.path).num_rows

    def _require_full_rows(self, frame: pd.DataFrame) -> bool:
        """Raise ValueError, naming the line, for a row of CSV with fewer cells than the header, unless it is empty.

        pandas takes the cells that are not there for missing ones. The file is therefore read once more, but only where
        some row of the frame lacks its last cell; whether it was.
        """
        if self.form != "csv" or not frame.iloc[:, -1].isna().any():
            return False
        limit = csv.field_size_limit(2**31 - 1)
        try:
            how = {"encoding": self.encoding, "compression": self.compression, "errors": "replace"}
            with get_handle(self.path, "r", **how) as handles:
                rows = csv.reader(handles.handle, delimiter=self.separator)
                width = len(next(rows))
                for row in rows:
                    if 0 < len(row) < width:
                        raise ValueError(f"line {rows.line_num} has {len(row)} cells, the header has {width}")
        finally:
            csv.field_size_limit(limit)
        return True

    def _read(self, as_text: Sequence[str], **options: Any) -> Any:
        """`pandas.read_csv` or `read_json`; with `chunksize`, an iterator of frames."""
        options |= {"compression": self.compression, "encoding": self.encoding, "dtype_backend": "numpy_nullable"}
        if self.form == "json":  # a text stays a text: there is nothing to guess
            return pd.read_json(self.path, lines=True, dtype=False, convert_dates=False, **options)
        layout = {"sep": self.separator, "index_col": False, "encoding": self.encoding}
        names = pd.read_csv(self.path, nrows=0, compression=self.compression, **layout).columns
        return pd.read_csv(
            self.path,
            dtype={name: "string" for name in as_text},
            na_values={name: [""] if name in as_text else MISSING for name in names},
            keep_default_na=False,
            skip_blank_lines=False,
            decimal=self.decimal,
            **layout | options,
        )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever pandas raises inside into FileNotFoundError, ImportError and ValueError that name the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("error", pd.errors.ParserWarning)  # cells beyond the last named column
            yield
    except ImportError as error:
        if "zstandard" in str(error):
            raise
        raise ImportError(f"{path}: reading Parquet needs pyarrow (pip install pyarrow)") from error
    except UnicodeDecodeError as error:
        what = f"{path} is not text in {error.encoding}: {error.reason}"
        raise ValueError(f"{what}; name its encoding, as --encoding cp1252 or encoding='cp1252'") from None
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path} is empty; the first line must name the columns") from None
    except MemoryError:
        raise
    except Exception as error:  # damage can make pandas, PyArrow, gzip, zlib and lzma raise nearly anything
        raise ValueError(f"{path} cannot be read as a table: {brief(error, 300) or type(error).__name__}") from error


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    table.validate(full=True)  # pandas would notice a text that is not UTF-8 when it is used
    return table.to_pandas()


def _parquet_frames(path: Path, rows: int) -> Generator[pd.DataFrame, None, None]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(rows):
            batch.validate(full=True)
            yield pa.Table.from_batches([batch]).to_pandas()
