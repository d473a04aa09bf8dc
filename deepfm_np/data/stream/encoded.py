"""Encode a click log of any size into a folder of arrays that can be memory-mapped.

    ids.npy       (n, s) int32, or int64 where the table has more rows than that can count
    values.npy    (n, s) float32
    labels.npy    (n,) uint8 of 0 and 1
    encoder.json  the fields, as `FieldEncoder.save` writes them
    meta.json     the number of rows, clicks and malformed lines, where they came from, and a checksum of each file

The id of a value depends on the whole log (is the value frequent enough? where does it sort?), so one pass cannot do:

    pass 1, `_scan`   reads the log in pieces of PIECE_ROWS rows. For each piece and each column it stores the distinct
                      cells and which of them each row holds (for a number, the number itself), not the text.
    `_learned`        combines the stored pieces, one column at a time, into vocabularies and scales: encoder.json.
    pass 2, `_write`  reads the stored pieces, not the log, and appends their ids, values and labels to the arrays.

The result equals `FieldEncoder().fit_transform` on all rows at once, bit for bit. The encoder therefore knows the
vocabulary and the scales of rows that are held out later, but never their labels.

All of this happens in FOLDER.part, which is renamed at the end and locked meanwhile. A run that was interrupted, even
killed, resumes after the last stored piece; after a power cut, delete FOLDER.part. For Criteo, the pieces take about
200 bytes of disk a row.
"""

import math
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from deepfm_np.data import fields
from deepfm_np.data.encoder import FieldEncoder
from deepfm_np.data.stream import unfinished
from deepfm_np.data.stream.growing import GrowingArray
from deepfm_np.data.stream.pieces import StoredColumn, load, store, stored_pieces
from deepfm_np.data.stream.prefetch import prefetch
from deepfm_np.data.stream.protocol import Stream
from deepfm_np.ops.checks import brief
from deepfm_np.ops.rows import Array
from deepfm_np.system.archive import read_header
from deepfm_np.system.files import write_text
from deepfm_np.system.lock import locked
from deepfm_np.system.sealed import file_crc32, sealed, unsealed

FORMAT, OLDER = "deepfm_np encoded 2", "deepfm_np encoded 1"  # the older one has no checksums
ARRAYS = ("ids", "values", "labels")
DTYPES = {"ids": (np.int32, np.int64), "values": (np.float32,), "labels": (np.uint8,)}
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

    Raises ValueError if the folder already exists, if FOLDER.part was not made here or belongs to another log or other
    settings, or if the log is malformed (naming file and line, and deleting FOLDER.part); OSError if the folder cannot
    be written; BlockingIOError if another process, which it names, encodes to the same folder. Only files that were
    written here are ever deleted.
    """
    folder = Path(folder)
    _check_new(folder)
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"{folder.parent}: no such folder; {folder.name} was to be written there")
    part = folder.with_name(f"{folder.name}.part")
    unfinished.open_part(part, META_FILE, FORMAT, OLDER)  # before the lock puts a file in it
    with locked(part, folder):
        _encode(stream, part, folder, progress)
    return open_encoded(folder)


def _check_new(folder: Path) -> None:
    if folder.exists():
        raise ValueError(f"{folder} already exists; delete it or name another folder")


def _encode(stream: Stream, part: Path, folder: Path, progress: bool) -> None:
    """Both passes, or what is left of them, and the rename."""
    meta = _begin(part, stream)
    if "rows" not in meta:
        _scan(stream, part / PIECES, progress)
        encoder = _learned(stream, part)
        checksums = _write(part, encoder, progress)
        _finish(part, meta, checksums)
    unfinished.remove(part / PIECES)
    _check_new(folder)
    part.rename(folder)


def open_encoded(folder: str | Path, verify: bool = False) -> Encoded:
    """Map a folder that `encode` wrote.

    The sizes of the files and what they say of themselves are always checked. verify: also read all of them once, and
    compare their checksums, as train and compare do (a folder of an earlier version has none).

    Raises FileNotFoundError or ValueError, naming the missing or damaged file.
    """
    folder = Path(folder)
    meta = _read_meta(folder / META_FILE)
    for name, checksum in meta.get("checksums", {}).items() if verify else ():
        if (folder / name).exists() and file_crc32(folder / name) != checksum:
            raise ValueError(f"{folder / name} is damaged: its checksum is not that in {META_FILE}")
    encoder = FieldEncoder.load(folder / ENCODER_FILE)
    arrays = open_arrays(folder)
    shape = meta["rows"], encoder.num_slots
    for name, array, expected in zip(ARRAYS, arrays, (shape, shape, shape[:1]), strict=True):
        known = f"according to {META_FILE} and {ENCODER_FILE}"
        if array.shape != expected:
            raise ValueError(f"{folder / name}.npy is {array.shape}, should be {expected} {known}")
        if array.dtype not in DTYPES[name]:
            dtypes = " or ".join(np.dtype(dtype).name for dtype in DTYPES[name])
            raise ValueError(f"{folder / name}.npy is {array.dtype}, should be {dtypes}")
    return Encoded(*arrays, encoder, meta)


def open_arrays(folder: str | Path) -> tuple[Array, Array, Array]:
    """Map only the arrays: (n, s) ids, (n, s) values, (n,) labels. Raises as `open_encoded` does."""
    ids, values, labels = (_map(Path(folder) / f"{name}.npy") for name in ARRAYS)
    return ids, values, labels


def _begin(part: Path, stream: Stream) -> dict:
    """Create FOLDER.part, or check that it belongs to this run; return the contents of meta.json."""
    about = stream.path.stat()
    run = {"file": stream.path.name, "bytes": about.st_size, "changed": about.st_mtime_ns, **stream.settings}
    meta = unfinished.open_part(part, META_FILE, FORMAT, OLDER)
    if meta is not None:
        (part / PIECES).mkdir(exist_ok=True)
        differing = [name for name in {**run, **meta["run"]} if run.get(name) != meta["run"].get(name)]
        if not differing:
            return meta
        changes = ", ".join(f"{name} was {meta['run'].get(name)}, is {run.get(name)}" for name in differing)
        raise ValueError(f"{part} belongs to another run: {changes}; delete it to start over")
    meta = {"format": FORMAT, "run": run}
    write_text(part / META_FILE, sealed(meta, indent=2))
    (part / PIECES).mkdir()
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
        unfinished.remove(folder)
        unfinished.remove(folder.parent)
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


def _write(part: Path, encoder: FieldEncoder, progress: bool) -> dict[str, int]:
    """Pass 2: encode the pieces and append them to the arrays, after the last piece that all three hold; checksums."""
    pieces = stored_pieces(part / PIECES)
    n, s = pieces[-1].end["rows"], encoder.num_slots
    dtype = id_dtype(sum(encoder.field_dims))
    code = encoder.lookup(dtype)
    shapes = {"ids": ((n, s), dtype), "values": ((n, s), np.float32), "labels": ((n,), np.uint8)}
    with ExitStack() as files:
        arrays = [files.enter_context(closing(GrowingArray(part / f"{name}.npy", *shapes[name]))) for name in ARRAYS]
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
    checksums = {f"{name}.npy": array.crc32 for name, array in zip(ARRAYS, arrays, strict=True)}
    return {**checksums, ENCODER_FILE: file_crc32(part / ENCODER_FILE)}


def _finish(part: Path, meta: dict, checksums: dict[str, int]) -> None:
    """Add the counts and checksums to meta.json; "rows" in it marks the arrays as complete."""
    end = stored_pieces(part / PIECES)[-1].end
    labels = np.load(part / "labels.npy", mmap_mode="r")
    meta |= {"rows": end["rows"], "clicks": int(labels.sum(dtype=np.int64)), "skipped": end["skipped"]}
    meta |= {"format": FORMAT, "checksums": checksums}
    write_text(part / META_FILE, sealed(meta, indent=2))


def id_dtype(rows: int) -> type:
    """np.int32 if it can hold every id of a table of this many rows, else np.int64."""
    return np.int32 if rows <= 2**31 else np.int64


def _bar(name: str, total: int | None, initial: int, unit: str, progress: bool) -> tqdm:
    disable = None if progress else True
    return tqdm(desc=name, total=total, initial=initial, unit=unit, unit_scale=True, disable=disable)


def _read_meta(path: Path) -> dict:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a folder that `python -m deepfm_np encode` wrote")
    try:
        meta = unsealed(path.read_text(encoding="utf-8"), FORMAT, OLDER)
        for name, least in {"rows": 1, "clicks": 0, "skipped": 0}.items():
            if type(meta.get(name)) is not int or meta[name] < least:
                raise ValueError(f"{name} should be a count, it is {meta.get(name)!r}")
        if meta["clicks"] > meta["rows"]:
            raise ValueError("it has more clicks than rows")
    except ValueError as error:
        raise ValueError(f"{path} does not describe an encoded log: {brief(error, 300)}") from error
    return meta


def _map(path: Path) -> Array:
    """The array of a .npy file, mapped, if its header and its size agree."""
    try:
        with open(path, "rb") as file:
            header = read_header(file)
            expected = file.tell() + header.dtype.itemsize * math.prod(header.shape)
        if path.stat().st_size != expected:
            raise ValueError(f"it has {path.stat().st_size} bytes, should have {expected} as {header}")
        return np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; the folder is incomplete") from None
    except Exception as error:  # a damaged header can make NumPy raise nearly anything
        raise ValueError(f"{path} is damaged: {brief(error, 300)}") from error
