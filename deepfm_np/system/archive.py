"""Arrays in a .npz file, without pickle: written atomically, and never larger than the file they are read from."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from deepfm_np.ops.checks import brief
from deepfm_np.system.files import write_atomically


class Header(NamedTuple):
    """What the beginning of an array in a file says about it."""

    dtype: np.dtype
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


def check_headers(found: Mapping[str, Header], expected: Mapping[str, Header]) -> None:
    """Raise ValueError for the first array that is missing, of another dtype or shape, or not expected."""
    for name, header in expected.items():
        if name not in found:
            raise ValueError(f"{name} is missing")
        if found[name] != header:
            raise ValueError(f"{name} is {found[name]}, should be {header}")
    for name in found:
        if name not in expected:
            raise ValueError(f"{name} is not expected")


class Archive(Mapping[str, np.ndarray]):
    """The arrays of an open .npz file, each read when it is asked for.

    headers: dtype and shape of each, which together fill the file: an array is never larger than what it is read from.
    """

    def __init__(self, archive: ZipFile, headers: dict[str, Header], prefix: str = ""):
        self._archive, self.headers, self._prefix = archive, headers, prefix

    def part(self, name: str) -> "Archive":
        """The arrays whose names begin with NAME/, under the rest of their names."""
        prefix = f"{name}/"
        headers = {name[len(prefix) :]: header for name, header in self.headers.items() if name.startswith(prefix)}
        return Archive(self._archive, headers, self._prefix + prefix)

    def text(self, name: str) -> str:
        """The array that is a single text. Raises ValueError where it is missing or something else."""
        if name not in self.headers or self.headers[name].dtype.kind != "U" or self.headers[name].shape:
            raise ValueError(f"there is no text {name!r}")
        return str(self[name])

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.headers:
            raise KeyError(name)
        with self._archive.open(f"{self._prefix}{name}.npy") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
            if file.read(1):
                raise ValueError(f"{name} goes on after its end")
            return array

    def __iter__(self) -> Iterator[str]:
        return iter(self.headers)

    def __len__(self) -> int:
        return len(self.headers)


def _headers(archive: ZipFile, size: int) -> dict[str, Header]:
    """Of all members, which must fit a file of this size. Raises ValueError where they do not."""
    members = archive.infolist()
    headers = {member.filename.removesuffix(".npy"): _header(archive, member) for member in members}
    if len(headers) != len(members):
        raise ValueError("two of its arrays have the same name")
    if sum(member.file_size for member in members) > size:
        raise ValueError("its arrays claim to be larger than the file")
    return headers


def _header(archive: ZipFile, member: ZipInfo) -> Header:
    if not member.filename.endswith(".npy"):
        raise ValueError(f"{member.filename} is not an array")
    if member.compress_type != ZIP_STORED or member.compress_size != member.file_size:
        raise ValueError(f"{member.filename} is compressed, which is never written")
    with archive.open(member) as file:
        header = read_header(file)
        expected = file.tell() + header.dtype.itemsize * math.prod(header.shape)
    if member.file_size != expected:
        raise ValueError(f"{member.filename} has {member.file_size} bytes, should have {expected} as {header}")
    return header


def read_header(file) -> Header:
    """The header of a .npy file, which is then at its data. Raises ValueError for an array of Python objects."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if min(shape, default=0) < 0:
        raise ValueError(f"it has the shape {shape}")
    return Header(dtype, shape)


@contextmanager
def open_archive(path: str | Path, kind: str) -> Iterator[Archive]:
    """The arrays of a .npz file. kind: what the file should be, for the message ("a deepfm_np model").

    Raises FileNotFoundError where there is no file; ValueError, naming the file, where it is cut short, damaged or
    something else, and for whatever is raised inside, where its contents are judged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected {kind}")
    try:
        with open(path, "rb") as file, ZipFile(file) as archive:
            yield Archive(archive, _headers(archive, path.stat().st_size))
    except MemoryError:
        raise
    except Exception as error:  # damage can make NumPy, zipfile and zlib raise nearly anything
        raise ValueError(f"{path} is not {kind}, or it is damaged: {brief(error, 300)}") from error


def read_arrays(path: str | Path, kind: str) -> dict[str, np.ndarray]:
    """All arrays of a .npz file. Raises as `open_archive` does."""
    with open_archive(path, kind) as archive:
        return dict(archive)


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a .npz file of the named arrays, atomically. Raises ValueError for an array of Python objects."""
    objects = [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]
    if objects:
        raise ValueError(f"{path}: {', '.join(objects)} would need pickle, which is never written")
    write_atomically(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]  # no array is named allow_pickle
