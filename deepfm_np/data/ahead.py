"""Two things at once: NumPy leaves Python's lock while it computes, and so do files while they are read."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, none of them None. A thread makes the next one while the last is used; errors come in turn."""
    items = iter(items)
    with ThreadPoolExecutor(1) as thread:
        item = thread.submit(next, items, None)
        while (made := item.result()) is not None:
            item = thread.submit(next, items, None)
            yield made
