"""Call a function on several arguments at once, in threads that are kept from one call to the next.

NumPy releases Python's lock while it computes. On its own it uses several cores only for matrix products; in threads,
every operation does, and BLAS is limited to one thread per matrix product.

Python in a browser has no threads: there everything is done in one, BLAS included.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import Lock, Thread
from typing import TypeVar

from deepfm_np.constraints import checked

Result = TypeVar("Result")


def parallel_map(function: Callable[..., Result], *arguments: Sequence, threads: int | None) -> list[Result]:
    """Like list(map(function, *arguments)), with up to `threads` calls at once; None: one for each core.

    With one thread, or for a single call, it is a plain loop, and BLAS is left alone. Raises ValueError unless threads
    is None or a positive integer.
    """
    threads = thread_count(threads)
    if threads == 1 or len(arguments[0]) == 1:
        return list(map(function, *arguments))
    calls = deque(enumerate(zip(*arguments, strict=True)))
    results: list = [None] * len(calls)

    def work() -> None:
        """Make the next call until none is left: all threads take from one queue, this one among them."""
        while calls:
            try:
                number, call = calls.popleft()
            except IndexError:  # another thread was faster
                return
            results[number] = function(*call)

    with one_blas_thread():
        others = [_pool(threads - 1).submit(work) for _ in range(min(threads, len(results)) - 1)]
        try:
            work()
        finally:
            calls.clear()
            started = [other for other in others if not other.cancel()]
            wait(started)
        for other in started:
            other.result()  # raises what it raised
    return results


def thread_count(threads: int | None) -> int:
    """threads, checked; None is one for each core that this process may use. 1 where no thread can be started."""
    wanted = checked("threads", threads) or _cores()
    return wanted if wanted == 1 or _can_start() else 1


@cache
def _can_start() -> bool:
    """Whether this Python has threads: in a browser, start raises RuntimeError."""
    thread = Thread(target=int)
    try:
        thread.start()
    except RuntimeError:
        return False
    thread.join()
    return True


@cache
def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread, in the whole process, until the last of all overlapping uses ends."""
    if not _can_start():
        yield
        return
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
