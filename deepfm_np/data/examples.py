"""Encoded examples, in memory or read from files block by block: both are trained and scored in the same way."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from deepfm_np.data.click_data import random_parts
from deepfm_np.ops.rows import Array

BLOCK_ROWS = 4096  # read at once, 1.3 MB of a log of 39 slots
LEAST_BLOCKS = 1024  # shorter blocks for shorter logs, so that there is something to shuffle
WINDOW_ROWS = 2**18  # shuffled in memory, 83 MB of 39 slots


class Examples(NamedTuple):
    """Encoded examples with their labels, in memory."""

    ids: Array  # (n, s) int
    values: Array  # (n, s) float
    labels: Array  # (n,) of 0 and 1

    def parts(self) -> Iterator["Examples"]:
        """All examples in order, as many at a time as fit in memory: here all."""
        yield self

    def windows(self, rng: np.random.Generator) -> Iterator["Examples"]:
        """All examples, as many at a time as are shuffled among themselves: here all, so that nothing is drawn."""
        yield self


class Blocks:
    """Some blocks of the rows of encoded arrays; stands in for `Examples` in training and prediction.

    read: opens ids, values and labels, (n, s), (n, s) and (n,), as a rule memory-mapped. It is called anew for every
        window, so that the memory of the pages read before can be given back.
    numbers: which blocks are meant.  block_rows: how many rows each has; the last of the arrays may be shorter.

    In an epoch the blocks come in random order. As many as make WINDOW_ROWS rows are read, their rows shuffled, and
    cut into batches. A full shuffle makes every order of the rows equally likely; here rows of one block are never
    more than a window apart, so that a batch is a sample of the blocks in its window and not of the whole log. A log
    whose neighbours resemble each other, by the hour say, has batches that vary a little more. Up to WINDOW_ROWS rows
    the shuffle is a full one.
    """

    def __init__(self, read: Callable[[], Sequence[Array]], numbers: Array, block_rows: int):
        self.read, self.numbers, self.block_rows = read, np.asarray(numbers), block_rows

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def labels(self) -> Array:
        """(n,), in the order of `parts`."""
        return self._gather(self.numbers, slice(2, 3))[0]

    def parts(self) -> Iterator[Examples]:
        """All examples in order, a window at a time."""
        for numbers in self._windows(self.numbers):
            yield Examples(*self._gather(numbers))

    def windows(self, rng: np.random.Generator) -> Iterator[Examples]:
        """All examples, the blocks in random order, a window at a time; its rows are yet to be shuffled."""
        one = len(self._windows(self.numbers)) == 1  # nothing is drawn, as for `Examples`
        for numbers in self._windows(self.numbers if one else rng.permutation(self.numbers)):
            yield Examples(*self._gather(np.sort(numbers)))

    def _windows(self, numbers: Array) -> list[Array]:
        blocks = max(1, WINDOW_ROWS // self.block_rows)
        return np.split(numbers, range(blocks, len(numbers), blocks))

    def _gather(self, numbers: Array, which: slice = slice(3)) -> list[Array]:
        starts = numbers * self.block_rows
        return [
            np.concatenate([array[start : start + self.block_rows] for start in starts]) for array in self.read()[which]
        ]


def split_blocks(
    read: Callable[[], Sequence[Array]], fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0
) -> tuple[Blocks, ...]:
    """Parts of random blocks that share no row and together hold every row, of sizes close to the fractions.

    Raises ValueError unless the fractions are positive and sum to 1, or where a part would be empty.
    """
    rows = len(read()[2])
    block_rows = min(max(rows // LEAST_BLOCKS, 1), BLOCK_ROWS)
    parts = random_parts(-(-rows // block_rows), fractions, seed)
    return tuple(Blocks(read, np.sort(numbers), block_rows) for numbers in parts)
