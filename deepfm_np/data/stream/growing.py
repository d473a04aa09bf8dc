"""A .npy file that grows row by row, with its checksum."""

import os
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np

from deepfm_np.ops.rows import Array
from deepfm_np.system.sealed import file_crc32


class GrowingArray:
    """A .npy file that grows row by row. Ordinary writes, since pages of a memory map would count as memory in use."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: type):
        header = BytesIO()
        about = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, about)
        self.header, self.row_bytes = header.getvalue(), np.dtype(dtype).itemsize * int(np.prod(shape[1:]))
        self.path, self.crc32 = path, 0
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
        end = self.file.seek(len(self.header) + rows * self.row_bytes)
        self.file.truncate()
        self.file.flush()
        self.crc32 = file_crc32(self.path, end)

    def append(self, rows: Array) -> None:
        """Write rows of the file's shape and dtype after the last one."""
        data = np.ascontiguousarray(rows).data
        self.file.write(data)
        self.crc32 = zlib.crc32(data, self.crc32)

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
