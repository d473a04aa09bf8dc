"""The file of a table, CSV, Parquet or JSON lines, perhaps compressed, read as a whole or in pieces."""

import lzma
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

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
            return pd.read_parquet(self.path) if self.form == "parquet" else self._read(as_text)

    def frames(self, as_text: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
        """`frame` in pieces of this many rows; the last may have fewer. Raises as `reading` does."""
        with reading(self.path):
            parquet = self.form == "parquet"
            frames = _parquet_frames(self.path, rows) if parquet else self._read(as_text, chunksize=rows)
        with closing(frames):
            while True:
                with reading(self.path):
                    frame = next(frames, None)
                if frame is None or not len(frame):
                    break
                yield frame

    def rows(self) -> int | None:
        """The number of rows, if the file says it."""
        if self.form != "parquet":
            return None
        import pyarrow.parquet as pq

        with reading(self.path):
            return pq.read_metadata(self.path).num_rows

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
    except (ValueError, OSError, EOFError, lzma.LZMAError, pd.errors.ParserWarning) as error:
        raise ValueError(f"{path} cannot be read as a table: {' '.join(str(error).split())}") from error


def _parquet_frames(path: Path, rows: int) -> Generator[pd.DataFrame, None, None]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(rows):
            yield pa.Table.from_batches([batch]).to_pandas()
