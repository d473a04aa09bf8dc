"""Public data sets: downloaded, verified, unpacked.

Nothing appears under its final name before it is complete: NAME.zip.part becomes NAME.zip when its checksum is right,
and the folder NAME is renamed into place when every file is in it. A download that broke off stays as NAME.zip.part,
and the next one continues it.
"""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zipfile import ZipFile

from tqdm.auto import tqdm

from deepfm_np.system.lock import locked

LARGEST = 2**26  # bytes of an archive when unpacked; MovieLens 1M has 25 million
TIMEOUT = 30  # seconds without an answer


class Archive(NamedTuple):
    """A zip file on the web, with one folder in it that has the archive's name."""

    url: str
    size: int  # bytes
    sha256: str

    @property
    def name(self) -> str:
        """The name of the zip file and, without .zip, of the folder in it."""
        return self.url.rpartition("/")[2]


# Sizes and checksums are those that TensorFlow Datasets verifies (tensorflow_datasets/url_checksums/movielens.txt).
# GroupLens publishes MD5 sums, in NAME.zip.md5: 0e33842e24a9c977be4e0107933c0723 and c4d9eecfca2ab87c1945afe126590906.
ARCHIVES = {
    "movielens-100k": Archive(
        "https://files.grouplens.org/datasets/movielens/ml-100k.zip",
        4_924_029,
        "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    ),
    "movielens-1m": Archive(
        "https://files.grouplens.org/datasets/movielens/ml-1m.zip",
        5_917_549,
        "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
    ),
}


def download(name: str, folder: str | Path | None = None) -> Path:
    """The folder of a data set of ARCHIVES, downloaded where it is not there yet.

    folder: where archive and folder are kept, by default the user's cache.
    Raises ImportError without pooch; ConnectionError if the archive cannot be had; ValueError if it is not the known
    one; BlockingIOError if another process downloads to the same place.
    """
    archive = ARCHIVES[name]
    pooch = _pooch(archive)
    folder = Path(folder or pooch.os_cache("deepfm_np")).absolute()
    target = folder / archive.name.removesuffix(".zip")
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        _retrieve(archive, folder / archive.name, pooch)
        _unpack(folder / archive.name, target)
    return target


def _pooch(archive: Archive) -> Any:
    """The library that keeps downloads, and brings requests with it."""
    try:
        import pooch
    except ImportError as error:
        by_hand = f"or fetch {archive.url}, unpack it, and give its folder as --path"
        raise ImportError(f"downloading needs pooch, which is not installed: pip install pooch; {by_hand}") from error
    pooch.get_logger().setLevel("WARNING")
    return pooch


def _retrieve(archive: Archive, path: Path, pooch: Any) -> None:
    """Make `path` the archive, unless it is there, put by hand or by an earlier download."""
    if path.exists() and (found := pooch.file_hash(path)) != archive.sha256:
        expected = f"its SHA-256 is {found}, not {archive.sha256}"
        raise ValueError(f"{path} is not the archive of {archive.url}: {expected}; delete it")
    part = path.with_name(f"{path.name}.part")

    def complete(url: str, temporary: str, _: Any) -> None:
        _continue(archive, part)
        os.replace(part, temporary)

    pooch.retrieve(archive.url, f"sha256:{archive.sha256}", path.name, path.parent, downloader=complete)


def _continue(archive: Archive, part: Path) -> None:
    """Append to `part` what is missing of the archive; from its beginning, where the server knows no ranges."""
    import requests

    have = part.stat().st_size if part.exists() else 0
    if have >= archive.size:
        return
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(archive.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            response.raise_for_status()
            _receive(response, archive, part, have)
    except requests.RequestException as error:
        answer = error.response
        what = "cannot be reached" if answer is None else f"was answered by {answer.status_code} {answer.reason}"
        by_hand = f"fetch it by hand, save it as {part.with_suffix('')}, and run this again"
        raise ConnectionError(f"{archive.url} {what} ({type(error).__name__}); {by_hand}") from None


def _receive(response: Any, archive: Archive, part: Path, have: int) -> None:
    """Write the body of the response to `part`. Raises as `download` does."""
    import requests

    resumed = response.status_code == requests.codes.partial_content
    start = have if resumed else 0
    length = response.headers.get("Content-Length", str(archive.size - start))
    if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        raise ValueError(f"{archive.url}: the server sent another range than was asked for; delete {part}")
    if length != str(archive.size - start):
        expected = f"{archive.size - start:,} bytes are missing"
        raise ValueError(f"{archive.url}: the server offers {length} bytes where {expected}: not the known archive")
    bar = tqdm(desc=archive.name, total=archive.size, initial=start, unit="B", unit_scale=True, disable=None)
    with open(part, "ab" if resumed else "wb") as file, bar:
        with suppress(requests.RequestException):  # the length of the file then says that it broke off
            for chunk in response.iter_content(2**14):
                if file.tell() + len(chunk) > archive.size:
                    raise ValueError(f"{archive.url}: the server sends more than the archive's {archive.size:,} bytes")
                file.write(chunk)
                bar.update(len(chunk))
        if file.tell() < archive.size:
            arrived = f"{file.tell():,} of {archive.size:,} bytes"
            raise ConnectionError(f"{archive.url} broke off after {arrived}; run this again to continue")


def _unpack(path: Path, target: Path) -> None:
    """Make `target` the archive's folder of that name: the plain files directly in it, no other entry."""
    with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary, ZipFile(path) as archive:
        unpacked = Path(temporary) / target.name
        unpacked.mkdir()
        plain = re.compile(rf"{re.escape(target.name)}/(\w[\w.-]*)", re.ASCII)
        members = {match[1]: member for member in archive.infolist() if (match := plain.fullmatch(member.filename))}
        size = sum(member.file_size for member in members.values())
        if size > LARGEST:
            raise ValueError(f"{path} unpacks to {size:,} bytes; at most {LARGEST:,} are allowed")
        for name, member in members.items():
            with archive.open(member) as source, open(unpacked / name, "wb") as file:
                shutil.copyfileobj(source, file)
        unpacked.rename(target)
