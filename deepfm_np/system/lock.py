"""One process at a time works in a folder; the next one is told which.

The lock is the system's (flock) on a file that holds the number of the process. It ends with the process, however that
ends: a file that a killed one left behind holds nobody up. Where there is no flock (Windows, some network drives)
nothing is locked.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = ".deepfm_np.lock"


def try_lock(handle: int) -> bool:
    """Lock an open file until it is closed; False where another process, or another opening of it, has locked it."""
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a drive without locks
        pass
    return True


@contextmanager
def locked(folder: Path, moved_to: Path | None = None) -> Iterator[None]:
    """Hold the folder until the end of the block, which may rename it to `moved_to`.

    Raises BlockingIOError, naming the process that holds it already.
    """
    if fcntl is None:  # Windows could not even rename a folder with an open file in it
        yield
        return
    handle = _acquired(folder / LOCK_FILE, moved_to or folder)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, b"%d\n" % os.getpid())
        yield
    finally:
        for place in (folder, moved_to or folder):
            if _is_open_as(handle, place / LOCK_FILE):
                (place / LOCK_FILE).unlink()
        os.close(handle)


def _acquired(path: Path, shown: Path) -> int:
    """The lock file, open and locked. One that was deleted between opening and locking protects nothing."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not try_lock(handle):
            holder = os.read(handle, 20).decode(errors="replace").strip() or "that has just begun"
            os.close(handle)
            raise BlockingIOError(f"{shown} is being written by process {holder}; wait for it to end, or stop it")
        if _is_open_as(handle, path):
            return handle
        os.close(handle)


def _is_open_as(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
