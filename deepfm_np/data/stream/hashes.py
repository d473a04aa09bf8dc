"""Categories of at most 8 bytes, as Criteo's hashes are, by the million.

A text of at most 8 bytes is held in a 64-bit integer, its first byte the highest, the free ones 0: these integers sort
as their texts do, and the empty text is 0. What is learned and encoded is what `Categorical` learns from the texts.
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

MERGED_AT_ONCE = 2**21  # hashes, which bounds the memory that counting takes


class HashCells(NamedTuple):
    """A piece of a column of hashes, as `Cells` is of one of texts."""

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
        codes, hashes = pd.factorize(column)
        order = np.argsort(hashes)
        rank = np.empty(len(hashes), np.min_scalar_type(len(hashes)))
        rank[order] = np.arange(len(hashes))
        return HashCells(rank[codes], hashes[order])

    def combine(self, parts: Iterable[HashCells]) -> dict:
        """One range of hashes after the other, so that few are merged at a time."""
        hashes, counts = [], []
        for part in parts:
            hashes.append(part.hashes)
            counts.append(np.bincount(part.codes.astype(np.intp)).astype(np.uint32))
        kept = [_frequent(*some, self.min_count) for some in _ranges(hashes, counts)]
        return {"values": unpack(np.concatenate([np.empty(0, np.uint64), *kept]))}

    def layout(self, state: dict) -> tuple[int, int]:
        return FIRST_VALUE + len(state["values"]), 1

    def lookup(self, state: dict) -> Callable[[HashCells], tuple[Array, Array]]:
        known = np.append(pack(state["values"]), ~np.uint64(0))  # the last is no text, and stands behind all

        def look_up(part: HashCells) -> tuple[Array, Array]:
            at = np.searchsorted(known, part.hashes)
            rows = np.where(known[at] == part.hashes, at + FIRST_VALUE, UNKNOWN)
            rows[part.hashes == 0] = MISSING
            return rows.astype(np.int32)[part.codes][:, None], np.ones((len(part.codes), 1), np.float32)

        return look_up


def pack(texts: Sequence[str]) -> Array:
    """(n,) uint64. Raises ValueError for a text of more than 8 bytes in UTF-8, and for one with a NUL."""
    encoded = [text.encode() for text in texts]
    for text in encoded:
        if len(text) > 8 or 0 in text:
            raise ValueError(f"must have at most 8 bytes and no NUL, got {quoted(text.decode())}")
    return np.array(encoded, "S8").view(">u8").astype(np.uint64)


def unpack(hashes: Array) -> list[str]:
    """The texts of (n,) hashes."""
    return [text.decode() for text in hashes.astype(">u8").view("S8").tolist()]


def _ranges(hashes: list[Array], counts: list[Array]) -> Iterable[tuple[Array, Array]]:
    """The same hashes and counts, put together by ranges of hashes, from low to high."""
    ranges = sum(map(len, hashes)) // MERGED_AT_ONCE + 1
    sample = np.sort(np.concatenate([part[::64] for part in hashes]))
    bounds = sample[np.arange(1, ranges) * len(sample) // ranges]
    cuts = [[0, *np.searchsorted(part, bounds), len(part)] for part in hashes]

    def in_range(i: int, parts: list[Array]) -> Array:
        return np.concatenate([part[cut[i] : cut[i + 1]] for part, cut in zip(parts, cuts, strict=True)])

    for i in range(ranges):
        yield in_range(i, hashes), in_range(i, counts)


def _frequent(hashes: Array, counts: Array, min_count: int) -> Array:
    """Hashes that were counted at least `min_count` times in all, sorted, without the empty one."""
    order = np.argsort(hashes, kind="stable")
    hashes, counts = hashes[order], counts[order]
    first = np.flatnonzero(np.diff(hashes, prepend=~hashes[:1]))
    often = np.add.reduceat(counts, first, dtype=np.int64) >= min_count if first.size else first
    kept = hashes[first][often]
    return kept[kept != 0]
