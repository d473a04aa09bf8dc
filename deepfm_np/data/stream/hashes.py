"""Millions of categories of at most 8 bytes, such as Criteo's hashes, held as integers.

A text of at most 8 bytes fits into a 64-bit integer: first byte highest, unused bytes 0. These integers sort as their
texts do, and the empty text is 0. The result is what `Categorical` learns and encodes from the texts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd

from deepfm_np.constraints import checked
from deepfm_np.data.cells import quoted
from deepfm_np.data.fields import FIRST_VALUE, MISSING, UNKNOWN
from deepfm_np.ops.rows import Array

MERGED_AT_ONCE = 2**21  # hashes; bounds the memory for counting


class HashCells(NamedTuple):
    """A piece of a column of hashes; for texts, see `Cells`."""

    codes: Array  # (n,) unsigned, which of the distinct hashes
    hashes: Array  # uint64, sorted


@dataclass(frozen=True)
class HashCategorical:
    """Does for columns of (n,) hashes what `Categorical` does for texts, and is saved as a `Categorical`."""

    kind: ClassVar[str] = "categorical"
    name: str
    min_count: int = 1

    def __post_init__(self):
        checked("min_count", self.min_count, owner=f"{self.name}: ")

    def scan(self, column: Array) -> HashCells:
        """(n,) uint64 hashes -> the distinct ones and which of them each row holds."""
        codes, hashes = pd.factorize(column)
        order = np.argsort(hashes)
        rank = np.empty(len(hashes), np.min_scalar_type(len(hashes)))
        rank[order] = np.arange(len(hashes))
        return HashCells(rank[codes], hashes[order])

    def combine(self, parts: Iterable[HashCells]) -> dict:
        """{"values": the frequent texts, sorted}. Merges one range of hashes at a time, to save memory."""
        hashes, counts = [], []
        for part in parts:
            hashes.append(part.hashes)
            counts.append(np.bincount(part.codes.astype(np.intp)).astype(np.uint32))
        kept = [_frequent(*some, self.min_count) for some in _ranges(hashes, counts)]
        return {"values": unpack(np.concatenate([np.empty(0, np.uint64), *kept]))}

    def layout(self, state: dict) -> tuple[int, int]:
        """The rows of its table and its slots, as for `Categorical`."""
        return FIRST_VALUE + len(state["values"]), 1

    def lookup(self, state: dict) -> Callable[[HashCells], tuple[Array, Array]]:
        """A function from a part to its (n, 1) int32 rows and (n, 1) float32 values."""
        known = np.append(pack(state["values"]), ~np.uint64(0))  # a sentinel above every text

        def look_up(part: HashCells) -> tuple[Array, Array]:
            at = np.searchsorted(known, part.hashes)
            rows = np.where(known[at] == part.hashes, at + FIRST_VALUE, UNKNOWN)
            rows[part.hashes == 0] = MISSING
            return rows.astype(np.int32)[part.codes][:, None], np.ones((len(part.codes), 1), np.float32)

        return look_up


def pack(texts: Sequence[str]) -> Array:
    """n texts -> (n,) uint64 hashes. Raises ValueError for a text of more than 8 bytes in UTF-8 or with a NUL."""
    encoded = [text.encode() for text in texts]
    for text in encoded:
        if len(text) > 8 or 0 in text:
            raise ValueError(f"must have at most 8 bytes and no NUL, got {quoted(text.decode())}")
    return np.array(encoded, "S8").view(">u8").astype(np.uint64)


def unpack(hashes: Array) -> list[str]:
    """(n,) uint64 hashes -> their n texts."""
    return [text.decode() for text in hashes.astype(">u8").view("S8").tolist()]


def _ranges(hashes: list[Array], counts: list[Array]) -> Iterable[tuple[Array, Array]]:
    """The hashes and counts of all parts, regrouped into ranges of hashes, lowest range first."""
    ranges = sum(map(len, hashes)) // MERGED_AT_ONCE + 1
    sample = np.sort(np.concatenate([part[::64] for part in hashes]))
    bounds = sample[np.arange(1, ranges) * len(sample) // ranges]
    cuts = [[0, *np.searchsorted(part, bounds), len(part)] for part in hashes]

    def in_range(i: int, parts: list[Array]) -> Array:
        return np.concatenate([part[cut[i] : cut[i + 1]] for part, cut in zip(parts, cuts, strict=True)])

    for i in range(ranges):
        yield in_range(i, hashes), in_range(i, counts)


def _frequent(hashes: Array, counts: Array, min_count: int) -> Array:
    """The hashes with a total count of at least `min_count`, sorted, without that of the empty text."""
    order = np.argsort(hashes, kind="stable")
    hashes, counts = hashes[order], counts[order]
    first = np.flatnonzero(np.diff(hashes, prepend=~hashes[:1]))
    often = np.add.reduceat(counts, first, dtype=np.int64) >= min_count if first.size else first
    kept = hashes[first][often]
    return kept[kept != 0]
