"""Encode a click log of any size into a folder of arrays that can be memory-mapped.

    ids.npy       (n, s) int32, or int64 where the table has more rows than that can count
    values.npy    (n, s) float32
    labels.npy    (n,) uint8 of 0 and 1
    encoder.json  the fields, as `FieldEncoder.save` writes them
    meta.json     the number of rows, clicks and malformed lines, and where they came from

The id of a value depends on the whole log (is the value frequent enough? where does it sort?), so one pass cannot do:

    pass 1, `_scan`   reads the log in pieces of PIECE_ROWS rows. For each piece and each column it stores the distinct
                      cells and which of them each row holds (for a number, the number itself), not the text.
    `_learned`        combines the stored pieces, one column at a time, into vocabularies and scales: encoder.json.
    pass 2, `_write`  reads the stored pieces, not the log, and appends their ids, values and labels to the arrays.

The result equals `FieldEncoder().fit_transform` on all rows at once, bit for bit. The encoder therefore knows the
vocabulary and the scales of rows that are held out later, but never their labels.

All of this happens in FOLDER.part, which is renamed at the end. A run that was interrupted, even killed, resumes after
the last stored piece; after a power cut, delete FOLDER.part. For Criteo, the pieces take about 200 bytes of disk a row.
"""

import json
import os
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from deepfm_np.data import fields
from deepfm_np.data.encoder import FieldEncoder
from deepfm_np.data.stream.pieces import StoredColumn, load, store, stored_pieces
from deepfm_np.data.stream.prefetch import prefetch
from deepfm_np.data.stream.protocol import Stream
from deepfm_np.ops.rows import Array
from deepfm_np.system.files import write_text

FORMAT = "deepfm_np encoded 1"
ARRAYS = ("ids", "values", "labels")
ENCODER_FILE, META_FILE, PIECES = "encoder.json", "meta.json", "pieces"


class Encoded(NamedTuple):
    """An encoded folder. The arrays are memory-mapped and read-only."""

    ids: Array  # (n, s) int32 or int64
    values: Array  # (n, s) float32
    labels: Array  # (n,) uint8
    encoder: FieldEncoder
    meta: dict


def encode(stream: Stream, folder: str | Path, progress: bool = True) -> Encoded:
    """Encode a log into a folder, or resume where an earlier run was interrupted.

    progress: show a bar on a terminal (never in a pipe).

    Raises ValueError if the folder already exists, if FOLDER.part belongs to another log or other settings, or if the
    log is malformed (naming file and line, and deleting FOLDER.part); OSError if the folder cannot be written.
    """
    folder = Path(folder)
    if folder.exists():
        raise ValueError(f"{folder} already exists; delete it or name another folder")
    part = folder.with_name(f"{folder.name}.part")
    meta = _begin(part, stream)
    if "rows" not in meta:
        _scan(stream, part / PIECES, progress)
        encoder = _learned(stream, part)
        _write(part, encoder, progress)
        _finish(part, meta)
    shutil.rmtree(part / PIECES, ignore_errors=True)
    part.rename(folder)
    return open_encoded(folder)


def open_encoded(folder: str | Path) -> Encoded:
    """Map a folder that `encode` wrote. Raises FileNotFoundError or ValueError, naming the missing or damaged file."""
    folder = Path(folder)
    meta = _read_meta(folder / META_FILE)
    encoder = FieldEncoder.load(folder / ENCODER_FILE)
    arrays = open_arrays(folder)
    shape = meta["rows"], encoder.num_slots
    for name, array, expected in zip(ARRAYS, arrays, (shape, shape, shape[:1]), strict=True):
        if array.shape != expected:
            known = f"{META_FILE} and {ENCODER_FILE}"
            raise ValueError(f"{folder / name}.npy is {array.shape}, should be {expected} according to {known}")
    return Encoded(*arrays, encoder, meta)


def open_arrays(folder: str | Path) -> tuple[Array, Array, Array]:
    """Map only the arrays: (n, s) ids, (n, s) values, (n,) labels. Raises as `open_encoded` does."""
    ids, values, labels = (_map(Path(folder) / f"{name}.npy") for name in ARRAYS)
    return ids, values, labels


def _begin(part: Path, stream: Stream) -> dict:
    """Create FOLDER.part, or check that it belongs to this run; return the contents of meta.json."""
    about = stream.path.stat()
    run = {"file": stream.path.name, "bytes": about.st_size, "changed": about.st_mtime_ns, **stream.settings}
    if (part / META_FILE).exists():
        meta = json.loads((part / META_FILE).read_text(encoding="utf-8"))
        differing = [name for name in {**run, **meta["run"]} if run.get(name) != meta["run"].get(name)]
        if meta["format"] == FORMAT and not differing:
            return meta
        changes = ", ".join(f"{name} was {meta['run'].get(name)}, is {run.get(name)}" for name in differing)
        raise ValueError(f"{part} belongs to another run: {changes}; delete it to start over")
    (part / PIECES).mkdir(parents=True, exist_ok=True)
    meta = {"format": FORMAT, "run": run}
    write_text(part / META_FILE, json.dumps(meta, indent=2) + "\n")
    return meta


def _scan(stream: Stream, folder: Path, progress: bool) -> None:
    """Pass 1: store every piece in a file of its own, after those that are already there."""
    done = stored_pieces(folder)
    end = done[-1].end if done else None
    at = end["done"] if end else 0
    try:
        with _bar("count", stream.total, at, stream.unit, progress) as bar:
            for number, piece in enumerate(stream.pieces(end), len(done)):
                store(folder / f"{number:06}", piece)
                bar.update(piece.end["done"] - bar.n)
    except ValueError:
        shutil.rmtree(folder.parent)
        raise


def _learned(stream: Stream, part: Path) -> FieldEncoder:
    """Between the passes: learn the encoder from all pieces, or load it if an earlier run got that far.

    It is given the stream's own fields, which can read the stored parts: a saved `HashCategorical` loads as a
    `Categorical`, which expects texts.
    """
    path = part / ENCODER_FILE
    if not path.exists():
        pieces = stored_pieces(part / PIECES)
        FieldEncoder().combine(stream.fields, [StoredColumn(pieces, i) for i in range(len(stream.fields))]).save(path)
    encoder = FieldEncoder.load(path)
    encoder.fields = stream.fields
    return encoder


def _write(part: Path, encoder: FieldEncoder, progress: bool) -> None:
    """Pass 2: encode the pieces and append them to the arrays, after the last piece that all three arrays hold."""
    pieces = stored_pieces(part / PIECES)
    n, s = pieces[-1].end["rows"], encoder.num_slots
    dtype = id_dtype(sum(encoder.field_dims))
    code = encoder.lookup(dtype)
    shapes = {"ids": ((n, s), dtype), "values": ((n, s), np.float32), "labels": ((n,), np.uint8)}
    with ExitStack() as files:
        arrays = [files.enter_context(closing(_Growing(part / f"{name}.npy", *shapes[name]))) for name in ARRAYS]
        done = min(array.rows() for array in arrays) // fields.PIECE_ROWS
        rows = min(n, done * fields.PIECE_ROWS)
        for array in arrays:
            array.cut(rows)
        with _bar("write", n, rows, "rows", progress) as bar:
            for piece in prefetch(load(stored) for stored in pieces[done:]):
                for ids_and_values in code(piece.parts):
                    for array, more in zip(arrays, ids_and_values, strict=False):
                        array.append(more)
                arrays[-1].append(piece.labels)
                for array in arrays:
                    array.sync()
                bar.update(len(piece.labels))


def _finish(part: Path, meta: dict) -> None:
    """Add the counts to meta.json; "rows" in it marks the arrays as complete."""
    end = stored_pieces(part / PIECES)[-1].end
    labels = np.load(part / "labels.npy", mmap_mode="r")
    meta |= {"rows": end["rows"], "clicks": int(labels.sum(dtype=np.int64)), "skipped": end["skipped"]}
    write_text(part / META_FILE, json.dumps(meta, indent=2) + "\n")


def id_dtype(rows: int) -> type:
    """np.int32 if it can hold every id of a table of this many rows, else np.int64."""
    return np.int32 if rows <= 2**31 else np.int64


def _bar(name: str, total: int | None, initial: int, unit: str, progress: bool) -> tqdm:
    disable = None if progress else True
    return tqdm(desc=name, total=total, initial=initial, unit=unit, unit_scale=True, disable=disable)


class _Growing:
    """A .npy file that grows row by row. Ordinary writes, since pages of a memory map would count as memory in use."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: type):
        header = BytesIO()
        about = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, about)
        self.header, self.row_bytes = header.getvalue(), np.dtype(dtype).itemsize * int(np.prod(shape[1:]))
        self.file = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115
        self.thread = ThreadPoolExecutor(1)
        self.syncing: Future[None] | None = None

    def rows(self) -> int:
        """How many complete rows the file holds."""
        return max(0, self.file.seek(0, os.SEEK_END) - len(self.header)) // self.row_bytes

    def cut(self, rows: int) -> None:
        """Keep only the first `rows` rows; the next append follows them."""
        self.file.seek(0)
        self.file.write(self.header)
        self.file.seek(len(self.header) + rows * self.row_bytes)
        self.file.truncate()

    def append(self, rows: Array) -> None:
        """Write rows of the file's shape and dtype after the last one."""
        self.file.write(np.ascontiguousarray(rows).data)

    def sync(self) -> None:
        """Wait until the previous `sync` has reached the disk, then start one for what was written since."""
        if self.syncing is not None:
            self.syncing.result()
        self.file.flush()
        self.syncing = self.thread.submit(os.fsync, self.file.fileno())

    def close(self) -> None:
        """Close the file. Raises OSError if the last `sync` failed."""
        self.thread.shutdown()
        self.file.close()
        if self.syncing is not None:
            self.syncing.result()


def _read_meta(path: Path) -> dict:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a folder that `python -m deepfm_np encode` wrote")
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        if meta["format"] != FORMAT:
            raise ValueError(f"its format is {meta['format']!r}, should be {FORMAT!r}")
        if int(meta["rows"]) < 1:
            raise ValueError("it has no rows")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} does not describe an encoded log: {error}") from error
    return meta


def _map(path: Path) -> Array:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; the folder is incomplete") from None
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
