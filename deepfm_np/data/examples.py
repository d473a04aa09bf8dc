"""Encoded examples, in memory or read from files block by block; both are trained and scored in the same way."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from deepfm_np.data.click_data import random_parts
from deepfm_np.ops.rows import Array

BLOCK_ROWS = 4096  # read at once; 1.3 MB with 39 slots
LEAST_BLOCKS = 1024  # shorter blocks for shorter logs, so that there is something to shuffle
WINDOW_ROWS = 2**18  # shuffled in memory; 83 MB with 39 slots


class Examples(NamedTuple):
    """Encoded examples with their labels, in memory."""

    ids: Array  # (n, s) int
    values: Array  # (n, s) float
    labels: Array  # (n,) of 0 and 1

    def parts(self) -> Iterator["Examples"]:
        """All examples in order, as many at a time as fit into memory: here, all at once."""
        yield self

    def windows(self, rng: np.random.Generator) -> Iterator["Examples"]:
        """All examples, as many at a time as are shuffled together: here, all at once, so `rng` is not used."""
        yield self


class WeightedExamples(NamedTuple):
    """Encoded examples that count differently, in memory."""

    ids: Array  # (n, s) int
    values: Array  # (n, s) float
    labels: Array  # (n,) of 0 and 1
    weights: Array  # (n,) positive, what each example counts

    def parts(self) -> Iterator["WeightedExamples"]:
        """As of `Examples`."""
        yield self

    def windows(self, rng: np.random.Generator) -> Iterator["WeightedExamples"]:
        """As of `Examples`."""
        yield self


class Blocks:
    """Blocks of rows of encoded arrays; takes the place of `Examples` in training and prediction.

    read: opens ids, values and labels, (n, s), (n, s) and (n,), usually memory-mapped. It is called again for every
        window, so that the memory of pages read before can be released.
    numbers: which blocks to use.  block_rows: rows of a block; the last block of the arrays may be shorter.

    In each epoch the blocks come in random order. A window of WINDOW_ROWS rows is read at a time, shuffled and cut into
    batches. A full shuffle makes every order of the rows equally likely; here, rows of one block stay within a window,
    so a batch samples the blocks of its window and not the whole log. If neighbouring rows resemble each other (by the
    hour, say), batches vary a little more. Up to WINDOW_ROWS rows, the shuffle is full.
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
        """All examples, a window of random blocks at a time; the caller shuffles its rows."""
        one = len(self._windows(self.numbers)) == 1  # then `rng` is not used, as in `Examples`
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


AnyExamples = Examples | WeightedExamples | Blocks


def split_blocks(
    read: Callable[[], Sequence[Array]], fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0
) -> tuple[Blocks, ...]:
    """Split at random, block by block, into disjoint parts that cover all rows, in sizes close to the fractions.

    Raises ValueError unless the fractions are positive and sum to 1, and if a part would be empty.
    """
    rows = len(read()[2])
    block_rows = min(max(rows // LEAST_BLOCKS, 1), BLOCK_ROWS)
    parts = random_parts(-(-rows // block_rows), fractions, seed)
    return tuple(Blocks(read, np.sort(numbers), block_rows) for numbers in parts)
