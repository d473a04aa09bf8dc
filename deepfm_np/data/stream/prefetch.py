"""Prefetching: the next item is prepared while the current one is used."""

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterable[Item]) -> Generator[Item, None, None]:
    """Yield the same items while a thread prepares the next; an error is raised in its item's place.

    No item may be None. The thread runs in parallel because NumPy and file reads release Python's lock.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(1) as thread:
        item = thread.submit(next, remaining, None)
        while (made := item.result()) is not None:
            item = thread.submit(next, remaining, None)
            yield made
