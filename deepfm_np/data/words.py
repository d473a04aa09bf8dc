"""Categories of at most 8 bytes, as Criteo's hashes are, by the million.

A text of at most 8 bytes is held in a 64-bit word, its first byte the highest, the free ones 0: words sort as their
texts do, and the empty text is 0. What is learned and encoded is what `Categorical` learns from the texts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from deepfm_np.data.columns import FIRST_VALUE, MISSING, UNKNOWN, Array, Categorical

MERGED_AT_ONCE = 2**21  # words, which bounds the memory that counting takes


class WordCells(NamedTuple):
    """A piece of a column of words, as `Cells` is of one of texts."""

    codes: Array  # (n,) unsigned, which of the distinct words
    words: Array  # uint64, sorted


@dataclass(frozen=True)
class WordCategorical(Categorical):
    """A `Categorical` whose columns are (n,) words; it is saved as a plain one."""

    def scan(self, column: Array) -> WordCells:
        codes, words = pd.factorize(column)
        order = np.argsort(words)
        rank = np.empty(len(words), np.min_scalar_type(len(words)))
        rank[order] = np.arange(len(words))
        return WordCells(rank[codes], words[order])

    def combine(self, parts: Iterable[WordCells]) -> dict:
        """One range of words after the other, so that few are merged at a time."""
        words, counts = [], []
        for part in parts:
            words.append(part.words)
            counts.append(np.bincount(part.codes).astype(np.uint32))
        kept = [_frequent(*some, self.min_count) for some in _ranges(words, counts)]
        return {"values": unpack(np.concatenate([np.empty(0, np.uint64), *kept]))}

    def coder(self, state: dict) -> Callable[[WordCells], tuple[Array, Array]]:
        known = np.append(pack(state["values"]), ~np.uint64(0))  # the last is no text, and stands behind all

        def encode(part: WordCells) -> tuple[Array, Array]:
            at = np.searchsorted(known, part.words)
            rows = np.where(known[at] == part.words, at + FIRST_VALUE, UNKNOWN)
            rows[part.words == 0] = MISSING
            return rows.astype(np.int32)[part.codes][:, None], np.ones((len(part.codes), 1), np.float32)

        return encode


def pack(texts: Sequence[str]) -> Array:
    """(n,) uint64. Raises ValueError for a text of more than 8 bytes in UTF-8, and for one with a NUL."""
    encoded = [text.encode() for text in texts]
    for text in encoded:
        if len(text) > 8 or 0 in text:
            raise ValueError(f"must have at most 8 bytes and no NUL, got {text.decode()!r}")
    return np.array(encoded, "S8").view(">u8").astype(np.uint64)


def unpack(words: Array) -> list[str]:
    """The texts of (n,) words."""
    return [text.decode() for text in words.astype(">u8").view("S8").tolist()]


def _ranges(words: list[Array], counts: list[Array]) -> Iterable[tuple[Array, Array]]:
    """The same words and counts, put together by ranges of words, from low to high."""
    ranges = sum(map(len, words)) // MERGED_AT_ONCE + 1
    sample = np.sort(np.concatenate([part[::64] for part in words]))
    bounds = sample[np.arange(1, ranges) * len(sample) // ranges]
    cuts = [[0, *np.searchsorted(part, bounds), len(part)] for part in words]
    for i in range(ranges):
        yield tuple(
            np.concatenate([part[cut[i] : cut[i + 1]] for part, cut in zip(parts, cuts, strict=True)])
            for parts in (words, counts)
        )


def _frequent(words: Array, counts: Array, min_count: int) -> Array:
    """Words that were counted at least `min_count` times in all, sorted, without the empty one."""
    order = np.argsort(words, kind="stable")
    words, counts = words[order], counts[order]
    first = np.flatnonzero(np.diff(words, prepend=~words[:1]))
    often = np.add.reduceat(counts, first, dtype=np.int64) >= min_count if first.size else first
    kept = words[first][often]
    return kept[kept != 0]
