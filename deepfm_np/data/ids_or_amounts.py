"""Whether whole numbers that repeat are ids or amounts: a test on the labels of the training part.

What is known of an amount is known of its neighbours too: 119 seconds tell nearly what 120 tell. An id tells nothing of
the next id. So the label of each row is predicted twice, without that row: by the rate of the rows that hold the same
value, and by the rate of the rows in the same of BINS ranges of the column. Both rates are shrunk towards the base
rate, by as much as predicts best:

    p_i = (clicks of the others + strength * base rate) / (number of the others + strength)

Where the ranges predict better, order is what can be learned, and a row of the table for each value would forget it.
"""

import numpy as np
import pandas as pd

from deepfm_np.ops.rows import Array

BINS = 20  # as many as the values that are categories without a question
STRENGTHS = (1, 10, 100, 1000, 10_000)
ERRORS = 2  # standard errors by which the ranges must be ahead: in doubt, a category can learn an order, if not well


def ranges_tell_more(numbers: Array, labels: Array) -> bool:
    """Whether the ranges of a column predict the labels better than its values, beyond doubt.

    numbers: (n,) float, nan where missing; those rows have no say.  labels: (n,) of 0 and 1, of the training part.

    The gain in log loss is summed for each value, since rows of one value share what is peculiar to it: with s_v the
    sum of value v, the standard error of sum_v s_v is sqrt(sum_v s_v^2).
    """
    present = ~np.isnan(numbers)
    labels = labels[present].astype(np.float64)
    if not 0 < labels.sum() < len(labels):
        return False
    codes = np.unique(numbers[present], return_inverse=True)[1]
    ranges = _ranges(np.bincount(codes))[codes]
    gains = np.bincount(codes, _losses(codes, labels) - _losses(ranges, labels))
    return bool(gains.sum() > ERRORS * np.sqrt((gains**2).sum()))


def _ranges(counts: Array) -> Array:
    """The range of each value, of (v,) counts in the order of the values.

    A value with a BINS-th of all rows or more is a range of its own; the rows of the others are cut into BINS ranges.
    """
    own = counts * BINS >= counts.sum()
    before = np.cumsum(np.where(own, 0, counts)) - np.where(own, 0, counts)
    shared = before * BINS // max(int(counts[~own].sum()), 1)
    return pd.factorize(np.where(own, BINS + np.arange(len(counts)), shared))[0]


def _losses(codes: Array, labels: Array) -> Array:
    """(n,) the log loss of each row, predicted by the other rows of its group, at the strength that predicts best."""
    rows, clicks = np.bincount(codes)[codes] - 1, np.bincount(codes, labels)[codes] - labels
    base = (labels.sum() - labels + 1) / (len(labels) + 1)  # one click more of two: never 0 or 1
    rates = ((clicks + strength * base) / (rows + strength) for strength in STRENGTHS)
    losses = [-np.log(np.where(labels == 1, rate, 1 - rate)) for rate in rates]
    return min(losses, key=np.mean)
