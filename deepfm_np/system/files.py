"""Files, written atomically and read without executing anything."""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np


def write_atomically(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it: a reader sees the old file or the new one.

    Raises OSError if the folder does not exist or cannot be written; `path` is then unchanged.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such folder; {path.name} was to be written there")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a file")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file atomically. Raises as `write_atomically` does."""
    write_atomically(path, lambda file: file.write(text.encode()))


def plain(value):
    """For json.dumps(default=plain): a NumPy scalar as a Python number. Raises TypeError for anything else."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} cannot be saved: JSON holds numbers and texts")


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a .npz file of the named arrays atomically. Raises ValueError for an array of Python objects."""
    objects = [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]
    if objects:
        raise ValueError(f"{path}: {', '.join(objects)} would need pickle, which is never written")
    write_atomically(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]  # no array is named allow_pickle


def read_arrays(path: str | Path, kind: str) -> dict[str, np.ndarray]:
    """Read all arrays of a .npz file, without pickle.

    kind: what the file should be, for the message ("a deepfm_np model"). Raises FileNotFoundError if there is no file,
    ValueError if it is truncated, damaged or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected {kind}")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # damage can make NumPy, zipfile and zlib raise nearly anything
        raise ValueError(f"{path} is not {kind}, or it is damaged: {error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
