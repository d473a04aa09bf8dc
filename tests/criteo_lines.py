"""Synthetic lines in the format of Criteo's train.txt."""

import numpy as np


def lines(rows: int, seed: int = 0) -> list[str]:
    """Skewed categories; integers, some of them negative or missing."""
    rng = np.random.default_rng(seed)
    numbers = np.floor(rng.lognormal(2, 2, (rows, 13))).astype(int) - 2
    codes = np.floor(rng.pareto(0.7, (rows, 26)) * 3).astype(np.int64) % 50_000 * 7919 + np.arange(26)
    missing = rng.random((rows, 39)) < 0.1
    made = []
    for row in range(rows):
        cells = [*map(str, numbers[row]), *(f"{code:08x}" for code in codes[row])]
        cells = ["" if gone else cell for cell, gone in zip(cells, missing[row], strict=True)]
        made.append("\t".join([str(int(rng.random() < 0.3)), *cells]))
    return made
