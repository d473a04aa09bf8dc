"""The check of a large tensor along a few random directions, and the search for wrong entries where it fails.

The derivative along v is <gradient, v>. The complex step gives every digit of it, so a single wrong entry of any size
above the tolerance shows along any Gaussian direction; the noise of a difference quotient would hide it.
"""

from collections.abc import Callable

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.judge import Measured
from deepfm_np.gradcheck.numeric import directional_step

DIRECTIONS = 3
SUSPECTS = 8  # wrong entries to search for
SAMPLE = 64  # further entries to look at


def along_directions(f: Callable, x: Array, gradient: Array, rng: np.random.Generator) -> Measured:
    """Analytic and numeric derivatives along Gaussian directions.

    f: array of the shape of x -> scalar.  gradient: the one under check, dense.
    """
    directions = [rng.standard_normal(x.shape) for _ in range(DIRECTIONS)]
    numeric = np.array([directional_step(f, x, v) for v in directions])
    analytic = np.array([(gradient * v).sum(dtype=float) for v in directions])
    nothing = np.zeros(DIRECTIONS)
    size = max(float(np.linalg.norm(gradient)), float(np.abs(numeric).max()))
    return Measured([], numeric, nothing, nothing, nothing, "complex", analytic, size)


def suspects(f: Callable, x: Array, gradient: Array, rows: Array | None, rng: np.random.Generator) -> list[tuple]:
    """Entries to check one by one: the wrong ones, found by halving, and a random sample.

    rows: the rows of a table to sample from; None for an array, whose every entry may be sampled.
    """
    direction = rng.standard_normal(x.shape).reshape(-1)
    flat = gradient.reshape(-1)

    def mismatch(part: Array) -> float:
        v = np.zeros(x.size)
        v[part] = direction[part]
        return abs(directional_step(f, x, v.reshape(x.shape)) - float((flat * v).sum()))

    found: list[int] = []
    _search(np.arange(x.size), mismatch, found)
    width = int(np.prod(x.shape[1:]))
    pool = np.arange(x.size) if rows is None else (rows[:, None] * width + np.arange(width)).reshape(-1)
    sample = rng.choice(pool, min(SAMPLE, pool.size), replace=False)
    return [tuple(map(int, np.unravel_index(i, x.shape))) for i in np.unique([*found, *sample]).astype(np.intp)]


def _search(part: Array, mismatch: Callable[[Array], float], found: list[int]) -> None:
    """Halve the part, worse half first, down to single entries."""
    if part.size == 1:
        found.append(int(part[0]))
        return
    halves = [half for half in np.array_split(part, 2) if half.size]
    sizes = [mismatch(half) for half in halves]
    for i in np.argsort(sizes)[::-1]:
        if len(found) < SUSPECTS and sizes[i] > 1e-6 * max(sizes):
            _search(halves[i], mismatch, found)
