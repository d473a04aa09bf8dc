"""Split a batch among threads: each computes some of the rows, and their gradients are added.

The loss is a mean over n examples. With n_p of them in part p, and L_p the mean over these,

L = sum_p n_p / n L_p,        dL/dtheta = sum_p n_p / n dL_p/dtheta

NumPy releases Python's lock while it computes. On its own it uses several cores only for matrix products; here every
operation does, each thread on its part, and BLAS is limited to one thread per matrix product.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache, reduce
from itertools import pairwise
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from deepfm_np.constraints import checked
from deepfm_np.ops.rows import Array, RowGradient

Result = TypeVar("Result")


def parallel_map(function: Callable[..., Result], *arguments: Iterable, threads: int) -> list[Result]:
    """Like list(map(function, *arguments)), with up to `threads` calls at once.

    With one thread it is a plain loop, and BLAS is left alone. Raises ValueError unless threads is a positive integer.
    """
    if checked("threads", threads) == 1:
        return list(map(function, *arguments))
    with one_blas_thread():
        return list(_pool(threads).map(function, *arguments))


def map_parts(
    function: Callable[[slice, np.random.Generator | None], Result],
    n: int,
    rng: np.random.Generator | None,
    threads: int,
) -> list[Result]:
    """[function(rows, rng) for each part of n rows]; with one thread, a single part and `rng` itself.

    With several threads, each part gets its own generator, seeded from `rng`: threads that shared one would draw in an
    order that varies from run to run.
    """
    if checked("threads", threads) == 1:
        return [function(slice(0, n), rng)]
    parts = split_rows(n, threads)
    if rng is None:
        return parallel_map(function, parts, [None] * len(parts), threads=threads)
    seeds = rng.integers(2**63, size=len(parts))
    return parallel_map(function, parts, map(np.random.default_rng, seeds), threads=threads)


def split_rows(n: int, count: int) -> list[slice]:
    """Split n rows into at most `count` parts, in order; none is empty unless n is 0."""
    bounds = np.linspace(0, n, max(1, min(count, n)) + 1).astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def sum_gradients(parts: Sequence[Mapping[str, Array | RowGradient]]) -> dict[str, Array | RowGradient]:
    """Add the gradients of the parts, name by name. The row gradients of a table must all have the same rows."""
    return {name: reduce(_add, (part[name] for part in parts)) for name in parts[0]}


def _add(left: Any, right: Any) -> Array | RowGradient:
    if isinstance(left, RowGradient):
        return RowGradient(left.rows, left.values + right.values)
    return left + right


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread, in the whole process, until the last of all overlapping uses ends."""
    _BLAS.acquire()
    try:
        yield
    finally:
        _BLAS.release()


class _BlasLimit:
    """The process-wide limit on the threads of BLAS, and the number of current uses."""

    def __init__(self):
        self.lock, self.uses, self.limit = Lock(), 0, ExitStack()

    def acquire(self) -> None:
        with self.lock:
            if self.uses == 0:
                self.limit.enter_context(_controller().limit(limits=1, user_api="blas"))
            self.uses += 1

    def release(self) -> None:
        with self.lock:
            self.uses -= 1
            if self.uses == 0:
                self.limit.close()


_BLAS = _BlasLimit()


@cache
def _controller():
    """OpenBLAS, MKL or BLIS, whichever NumPy has loaded."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """A pool that is kept between steps: starting threads anew would cost 0.1 ms per step."""
    return ThreadPoolExecutor(threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked child has the pool but not its threads
