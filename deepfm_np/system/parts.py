"""Compute a batch in parts, several at a time, to the same bits on any number of cores.

The loss is a mean over n examples. With n_p of them in part p, and L_p the mean over these,

L = sum_p n_p / n L_p,        dL/dtheta = sum_p n_p / n dL_p/dtheta

The number of parts follows from the batch and the net, never from the number of threads, and the sum runs in the order
of the parts. A part is a generator. Where it needs to know something of the whole batch, it yields what it found in its
own rows, and gets back the list of what every part found.
"""

from collections.abc import Generator, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np

from deepfm_np.ops.rows import Array, RowGradient
from deepfm_np.system.threads import parallel_map

Result = TypeVar("Result")
Part = Generator[Any, Any, Result]

PART_ROWS, LEAST_ROWS, MOST_PARTS = 1024, 128, 8
LEAST_WORK = 2**25  # multiplications of a forward pass in a part, a few milliseconds for both; less does not pay


class _End(NamedTuple):
    result: Any


def split_batch(n: int, work: int) -> list[slice]:
    """Split a batch of n rows, each of which takes `work` multiplications: PART_ROWS in a part, but two parts at least.

    Smaller parts would keep more cores busy, but adding up the gradients costs as much for them as for larger ones.
    Batches of few rows or little work are a single part.
    """
    if n < 2 * LEAST_ROWS or n * work < 2 * LEAST_WORK:
        return [slice(0, n)]
    return split_rows(n, min(MOST_PARTS, max(2, n // PART_ROWS)))


def split_rows(n: int, count: int) -> list[slice]:
    """Split n rows into at most `count` parts, in order; none is empty unless n is 0."""
    bounds = np.linspace(0, n, max(1, min(count, n)) + 1).astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def generators(rng: np.random.Generator | None, count: int) -> Sequence[np.random.Generator | None]:
    """A generator for each part, seeded from `rng`: parts that shared one would draw in an order that varies."""
    if rng is None or count == 1:
        return [rng] * count
    return [np.random.default_rng(seed) for seed in rng.integers(2**63, size=count)]


def side_by_side(parts: Sequence[Part[Result]], threads: int | None) -> list[Result]:
    """The results of the parts. Wherever they yield, all wait until the last has come as far."""
    found = parallel_map(_advance, parts, [None] * len(parts), threads=threads)
    while not isinstance(found[0], _End):
        found = parallel_map(_advance, parts, [found] * len(parts), threads=threads)
    return [end.result for end in found]


def whole(part: Part[Result]) -> Result:
    """The result of a part that is the whole batch."""
    return side_by_side([part], threads=1)[0]


def _advance(part: Part[Result], found: list[Any] | None) -> Any:
    try:
        return part.send(found)
    except StopIteration as end:
        return _End(end.value)


def sum_gradients(parts: Sequence[Mapping[str, Array | RowGradient]]) -> dict[str, Array | RowGradient]:
    """Add the gradients of the parts, name by name. The row gradients of a table must all have the same rows."""
    return {name: reduce(_add, (part[name] for part in parts)) for name in parts[0]}


def _add(left: Any, right: Any) -> Array | RowGradient:
    if isinstance(left, RowGradient):
        return RowGradient(left.rows, left.values + right.values)
    return left + right
