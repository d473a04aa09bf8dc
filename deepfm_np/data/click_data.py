"""A click log before encoding: raw columns, labels, and the kind of each field."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from deepfm_np.constraints import checked
from deepfm_np.data.columns import Column
from deepfm_np.data.fields import Field
from deepfm_np.ops.log_loss import checked_labels
from deepfm_np.ops.rows import Array


@dataclass(frozen=True)
class ClickData:
    """What every loader returns.

    frame: n rows of raw columns.  labels: (n,) float32 of 0 and 1.  fields: which columns to use, and how.
    click_probabilities: (n,) the true ones, if known.  skipped: the number of malformed lines left out.
    columns: of a table, what was found in each column and decided.

    Raises ValueError for a label other than 0 or 1, naming the row, and if the lengths differ.
    """

    frame: pd.DataFrame
    labels: Array
    fields: list[Field]
    click_probabilities: Array | None = None
    skipped: int = 0
    columns: Sequence[Column] = ()

    def __post_init__(self):
        checked_labels(self.labels)
        if len(self.frame) != len(self.labels):
            raise ValueError(f"there are {len(self.frame)} rows and {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Array) -> "ClickData":
        """The examples at these positions, in this order."""
        p = self.click_probabilities
        return replace(
            self,
            frame=self.frame.iloc[rows].reset_index(drop=True),
            labels=self.labels[rows],
            click_probabilities=None if p is None else p[rows],
        )


def split(data: ClickData, fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0) -> tuple[ClickData, ...]:
    """Split at random into disjoint parts that cover all rows, in sizes close to the fractions.

    Raises ValueError unless the fractions are positive and sum to 1, and if a part would be empty.
    """
    return tuple(data.take(rows) for rows in random_parts(len(data), fractions, seed))


def split_by_time(data: ClickData, times: Array, fractions: Sequence[float] = (0.8, 0.1, 0.1)) -> tuple[ClickData, ...]:
    """Split into parts that follow each other in time, the earliest first, in sizes close to the fractions.

    times: (n,) numbers or dates. Rows of the same time stay together. Raises ValueError as `split` does.
    """
    fractions = checked("fractions", fractions)
    order = np.argsort(times, kind="stable")
    ends = np.round(np.cumsum(fractions) * len(data)).astype(int)
    last = times[order][np.maximum(ends, 1) - 1]
    ends = np.searchsorted(times[order], last, side="right")
    if np.diff([0, *ends]).min() < 1:
        distinct = len(np.unique(times))
        raise ValueError(f"{len(data)} rows of {distinct} times are too few for a split by time: a part would be empty")
    return tuple(data.take(rows) for rows in np.split(order, ends[:-1]))


def random_parts(rows: int, fractions: Sequence[float], seed: int) -> list[Array]:
    """The row numbers 0 to rows - 1 in random order, cut into parts. Raises as `split` does."""
    fractions, seed = checked("fractions", fractions), checked("seed", seed)
    ends = np.round(np.cumsum(fractions) * rows).astype(int)
    if np.diff([0, *ends]).min() < 1:
        raise ValueError(f"{rows} rows are too few for the fractions {tuple(fractions)}: a part would be empty")
    return np.split(np.random.default_rng(seed).permutation(rows), ends[:-1])
