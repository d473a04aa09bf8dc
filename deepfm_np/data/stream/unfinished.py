"""FOLDER.part, where `encode` works until FOLDER is complete: how it is recognised, and how it is cleared away.

The first file that encode writes in it says that encode made it. No other folder is continued, and of one that is
taken away only the files that encode writes are deleted.
"""

import re
from pathlib import Path

from deepfm_np.system.files import LEFTOVER, is_leftover
from deepfm_np.system.lock import LOCK_FILE
from deepfm_np.system.sealed import unsealed

WRITTEN = re.compile(
    rf"(ids|values|labels)\.npy|(encoder|meta)\.json|[0-9]{{6,}}\.(arrays|json)|{re.escape(LOCK_FILE)}"
)


def open_part(part: Path, marker: str, *formats: str) -> dict | None:
    """Make the folder, and None; or what its marker holds, `sealed` JSON of these formats, where encode made it before.

    Raises ValueError for a folder or file that encode did not make. An empty folder may be one whose making was cut
    short, and nothing is lost in it.
    """
    try:
        part.mkdir()
        return None
    except FileExistsError:
        pass
    except OSError as error:
        raise type(error)(f"{part.parent}: nothing can be written there: {error.strerror}") from None
    foreign = ValueError(f"{part} is there, and encode did not make it; rename it or encode to elsewhere")
    if not part.is_dir():
        raise foreign
    if all(path.name == LOCK_FILE or is_leftover(path.name, marker) for path in part.iterdir()):
        return None
    try:
        contents = unsealed((part / marker).read_text(encoding="utf-8"), *formats)
    except (OSError, ValueError):
        raise foreign from None
    if not isinstance(contents.get("run"), dict):
        raise foreign
    return contents


def remove(folder: Path) -> None:
    """Delete the files that encode writes, and the folder if it is then empty."""
    for path in list(folder.iterdir()):
        target = path.name.partition(LEFTOVER)[0]
        if WRITTEN.fullmatch(path.name) or (WRITTEN.fullmatch(target) and is_leftover(path.name, target)):
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
