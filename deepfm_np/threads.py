"""A batch shared out among threads: each takes some of its rows, and the gradients are added up.

The loss is a mean over n examples. With n_p of them in part p, and L_p the mean over these,

L = sum_p n_p / n L_p,        dL/dtheta = sum_p n_p / n dL_p/dtheta

NumPy lets other threads run while it computes. By itself only a matrix product uses several cores; here all operations
do, each on its part, and the matrix products keep to one thread each.
"""

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import reduce
from itertools import pairwise
from pathlib import Path
from threading import Lock

import numpy as np

from deepfm_np.ops.rows import Array, RowGradient


class Threads:
    """A context manager: inside it, `count` threads stand ready and OpenBLAS keeps to one thread a call.

    OpenBLAS is held back in the whole process until the last of several has ended, and only if it came with NumPy, as
    in the wheels from PyPI; of another BLAS set the number of threads to 1 yourself. Raises ValueError unless count is
    a whole number from 1 on.
    """

    _lock, _open, _blas_before = Lock(), 0, None  # of the whole process, as the threads of OpenBLAS are

    def __init__(self, count: int):
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise ValueError(f"threads must be a whole number from 1 on, got {count!r}")
        self.count = int(count)

    def __enter__(self) -> "Threads":
        self._pool = ThreadPoolExecutor(self.count)
        with Threads._lock:
            if Threads._open == 0:
                Threads._blas_before = blas_threads()
                set_blas_threads(1)
            Threads._open += 1
        return self

    def __exit__(self, *_) -> None:
        with Threads._lock:
            Threads._open -= 1
            if Threads._open == 0:
                set_blas_threads(Threads._blas_before)
        self._pool.shutdown()

    def map(self, function: Callable, *arguments: Iterable) -> list:
        """[function(of the first arguments), function(of the second), ...], several at a time."""
        return list(self._pool.map(function, *arguments))

    def parts(self, n: int) -> list[slice]:
        """n rows in at most `count` parts, in order, none of which is empty if n is not 0."""
        bounds = np.linspace(0, n, max(1, min(self.count, n)) + 1).astype(int).tolist()
        return [slice(start, stop) for start, stop in pairwise(bounds)]


def team(count: int) -> AbstractContextManager[Threads | None]:
    """`Threads`, or for a count of 1 None: then nothing is shared out, and OpenBLAS goes on as it was."""
    threads = Threads(count)
    return nullcontext() if threads.count == 1 else threads


def shared(threads: Threads | None, function: Callable, n: int, rng: np.random.Generator | None) -> list:
    """[function(rows, rng) for each part of n rows]; without threads there is one.

    Each part has a generator of its own, drawn from that of the batch: threads that shared one would draw in any order.
    """
    if threads is None:
        return [function(slice(0, n), rng)]
    parts = threads.parts(n)
    if rng is None:
        return threads.map(function, parts, [None] * len(parts))
    return threads.map(function, parts, map(np.random.default_rng, rng.integers(2**63, size=len(parts))))


def added(gradients: Sequence[Mapping[str, Array | RowGradient]]) -> dict[str, Array | RowGradient]:
    """The sum of the parts' gradients, name by name; those of a table are all of the same rows."""
    return {name: reduce(_add, (part[name] for part in gradients)) for name in gradients[0]}


def _add(left: Array | RowGradient, right: Array | RowGradient) -> Array | RowGradient:
    if isinstance(left, RowGradient):
        return RowGradient(left.rows, left.values + right.values)
    return left + right


def blas_threads() -> int | None:
    """How many threads NumPy's own OpenBLAS may use; None where NumPy has another BLAS."""
    get = _openblas("get_num_threads")
    return None if get is None else get()


def set_blas_threads(count: int | None) -> None:
    """Let NumPy's own OpenBLAS use `count` threads; does nothing where NumPy has another BLAS."""
    if count is not None and (put := _openblas("set_num_threads")) is not None:
        put(count)


def _openblas(name: str) -> Callable | None:
    """A function of the OpenBLAS library beside NumPy, whose wheels add a prefix and a suffix to its names."""
    package = Path(np.__file__).parent
    for path in (*package.parent.glob("numpy.libs/*openblas*"), *package.glob(".dylibs/*openblas*")):
        library = ctypes.CDLL(str(path))
        for full_name in (f"scipy_openblas_{name}64_", f"scipy_openblas_{name}", f"openblas_{name}"):
            if hasattr(library, full_name):
                return getattr(library, full_name)
    return None
