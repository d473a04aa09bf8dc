"""Reading ahead: the next item is made while the last one is used."""

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterable[Item]) -> Generator[Item, None, None]:
    """Yield the same items while a thread prepares the next; an error is raised in its item's place.

    None may not be an item. NumPy releases Python's lock while it computes, and so does a file while it is read.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(1) as thread:
        item = thread.submit(next, remaining, None)
        while (made := item.result()) is not None:
            item = thread.submit(next, remaining, None)
            yield made
