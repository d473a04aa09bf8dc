"""Files that are written atomically."""

import glob
import os
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from deepfm_np.system.lock import try_lock

LEFTOVER = ".deepfm_np-"  # after the name of the target, in the name of the temporary file


def write_atomically(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it: a reader sees the old file or the new one.

    Raises OSError if the folder does not exist or cannot be written; `path` is then unchanged.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such folder; {path.name} was to be written there")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a file")
    remove_leftovers(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}{LEFTOVER}", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            try_lock(handle)
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_leftovers(path: Path) -> None:
    """Delete the temporary files beside `path` of writes that were killed; those still being written are locked."""
    for other in path.parent.glob(f"{glob.escape(path.name)}{LEFTOVER}*.part"):
        if is_leftover(other.name, path.name):
            with suppress(OSError), open(other, "rb") as file:  # another process may remove it first
                if try_lock(file.fileno()):
                    other.unlink()


def is_leftover(name: str, target: str) -> bool:
    """Whether a file of this name is the temporary file of a write to `target`."""
    return re.fullmatch(rf"{re.escape(target + LEFTOVER)}[a-z0-9_]{{8}}\.part", name) is not None


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file atomically. Raises as `write_atomically` does."""
    write_atomically(path, lambda file: file.write(text.encode()))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
