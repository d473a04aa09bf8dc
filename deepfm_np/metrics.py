"""Metrics of predicted click probabilities: ranking (AUC), surprise (log loss), calibration.

All of them take (n,) labels of 0 and 1 and (n,) scores, and compute in float64. `weights`, (n,) positive, say what each
example counts; None: all the same.
"""

import warnings
from typing import TYPE_CHECKING

import numpy as np

from deepfm_np.ops.checks import numbers_of, shown
from deepfm_np.ops.log_loss import checked_labels, checked_weights
from deepfm_np.ops.rows import Array

if TYPE_CHECKING:
    import pandas as pd

SMALLEST_PROBABILITY = 1e-15


def auc(labels: Array, scores: Array, weights: Array | None = None) -> float:
    """The probability that a random click is scored above a random non-click, ties counting half.

    By ranks, ties sharing their mean rank, with P clicks among n (Mann & Whitney 1947):

        AUC = (sum of the ranks of the clicks - P (P + 1) / 2) / (P (n - P))

    With weights, a click of weight w against a non-click of weight v counts as w v comparisons.
    With labels of a single class there is nothing to rank: the result is nan, with a RuntimeWarning.
    Raises ValueError, naming the row, for a label other than 0 or 1 or a score that is nan.
    """
    labels, scores = _checked(labels, scores, "scores")
    n, P = len(labels), int(labels.sum())
    if P in (0, n):
        warnings.warn(f"all {n} labels are {int(P > 0)}: the AUC is undefined", RuntimeWarning, stacklevel=2)
        return float("nan")
    _, tie, count = np.unique(scores, return_inverse=True, return_counts=True)
    if weights is not None:
        w = checked_weights(weights, n)
        clicks, others = (np.bincount(tie.reshape(-1), w * (labels == label)) for label in (1, 0))
        below = np.cumsum(others) - others / 2
        return float((clicks * below).sum() / (clicks.sum() * others.sum()))
    mean_rank = np.cumsum(count) - (count - 1) / 2
    rank_sum = mean_rank[tie.reshape(-1)][labels == 1].sum()
    return float((rank_sum - P * (P + 1) / 2) / (P * (n - P)))


def log_loss(labels: Array, probabilities: Array, weights: Array | None = None) -> float:
    """Mean, weighted if there are weights, of -log(probability given to what happened), in nats.

    Probabilities are clipped to [1e-15, 1 - 1e-15], so that a single certain mistake costs 34.5 nats, not infinity.
    (The loss that is trained needs no clipping: `ops.log_loss` works on logits.)
    Raises ValueError, naming the row, for a label other than 0 or 1 or a probability outside [0, 1].
    """
    labels, p = _checked_probabilities(labels, probabilities)
    p = np.clip(p, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    losses = -np.where(labels == 1, np.log(p), np.log1p(-p))
    return float(losses.mean() if weights is None else np.average(losses, weights=checked_weights(weights, len(p))))


def calibration(labels: Array, probabilities: Array, bins: int = 10) -> "pd.DataFrame":
    """Predicted against observed click rate, in bins of equal numbers of examples, lowest probabilities first.

    Returns one row per bin: count, mean_probability, click_rate. With fewer examples than bins, each example is a
    bin. Raises ValueError as `log_loss` does, and for bins < 1.
    """
    import pandas as pd

    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise ValueError(f"bins must be an integer of at least 1, got {shown(bins)}")
    labels, p = _checked_probabilities(labels, probabilities)
    parts = np.array_split(np.argsort(p, kind="stable"), min(bins, len(p)))
    rows = [(len(part), p[part].mean(), labels[part].mean()) for part in parts]
    return pd.DataFrame(rows, columns=["count", "mean_probability", "click_rate"])


def base_rate_log_loss(labels: Array, weights: Array | None = None) -> float:
    """The log loss of always predicting the share of clicks: what a model must beat."""
    labels = checked_labels(labels).astype(np.float64)
    return log_loss(labels, np.full(len(labels), np.average(labels, weights=weights)), weights)


def _checked_probabilities(labels: Array, probabilities: Array) -> tuple[Array, Array]:
    labels, p = _checked(labels, probabilities, "probabilities")
    outside = (p < 0) | (p > 1)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(f"probabilities must lie in [0, 1]; row {row} holds {p[row]}")
    return labels, p


def _checked(labels: Array, scores: Array, name: str) -> tuple[Array, Array]:
    labels, scores = checked_labels(labels), numbers_of(name, scores).astype(np.float64)
    if scores.shape != labels.shape:
        raise ValueError(f"labels and {name} must both be (n,); they are {labels.shape} and {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError(f"{name} must be numbers; row {int(np.argmax(np.isnan(scores)))} holds nan")
    return labels, scores
