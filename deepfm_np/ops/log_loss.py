"""Log loss of logits: how surprised the model is by the clicks.

loss_i = -y log p - (1 - y) log(1 - p) with p = sigmoid(z)
       = log(1 + exp(u)),   u = (1 - 2y) z      since 1 - sigmoid(z) = sigmoid(-z)

The second form needs no probability, so none can round to 0 or 1. The loss of a batch is the mean, weighted if
examples count differently:

L = sum_i w_i loss_i / sum_i w_i      w_i > 0; equal weights give the plain mean
"""

from typing import NamedTuple

import numpy as np

from deepfm_np.ops.activation import minus_abs, sigmoid_forward
from deepfm_np.ops.checks import array_of, check_floats, check_gradient, numbers_of, shown
from deepfm_np.ops.rows import Array


class LogLossCache(NamedTuple):
    sign: Array  # (n,), 1 - 2y: +1 where nothing was clicked, -1 where something was
    u: Array  # (n,), sign * logits
    shares: Array | None = None  # (n,), w_i / sum_i w_i; None for the plain mean


def log_loss_forward(logits: Array, labels: Array, weights: Array | None = None) -> tuple[np.inexact, LogLossCache]:
    """(n,) logits, (n,) labels of 0 or 1 -> the mean loss in nats, a scalar in the dtype of the logits.

    weights: (n,) positive numbers, what each example counts in the mean; None: all the same.
    log(1 + exp(u)) = -min(-u, 0) + log(1 + exp(-|u|)) is finite at any logit.
    Raises ValueError for a label other than 0 or 1 or a weight that is not positive (naming the row), different shapes,
    or an empty batch.
    """
    check_floats(logits=logits)
    labels = checked_labels(labels)
    if logits.shape != labels.shape:
        raise ValueError(f"logits and labels must both be (n,); they are {logits.shape} and {labels.shape}")
    sign = 1 - 2 * labels.astype(logits.real.dtype)
    u = sign * logits
    losses = -_negative_part(-u) + np.log1p(np.exp(minus_abs(u)))
    if weights is None:
        return losses.mean(), LogLossCache(sign, u)
    weights = checked_weights(weights, len(labels))
    shares = (weights / weights.sum()).astype(sign.dtype)
    return (shares * losses).sum(), LogLossCache(sign, u, shares)


def log_loss_backward(grad_loss: float, cache: LogLossCache) -> Array:
    """dL/dz_i = (1 - 2y) sigmoid((1 - 2y) z) / n, which is (p - y) / n without its cancellation. scalar -> (n,)

    With weights, w_i / sum_i w_i stands for 1 / n.
    """
    check_gradient("grad_loss", "a scalar", grad_loss, ())
    slopes = grad_loss * cache.sign * sigmoid_forward(cache.u)[0]
    return slopes / len(cache.u) if cache.shares is None else slopes * cache.shares


def _negative_part(z: Array) -> Array:
    """min(z, 0), analytic away from 0 as `minus_abs` is."""
    return np.where(z.real < 0, z, 0) if np.iscomplexobj(z) else np.minimum(z, 0)


def checked_labels(labels: Array) -> Array:
    """The labels as an array. Raises ValueError unless they are (n,), n >= 1, of 0 and 1."""
    labels = array_of("labels", labels)
    if labels.ndim != 1 or not labels.size:
        raise ValueError(f"labels must be (n,) with n >= 1, they are {labels.shape}")
    strange = labels.dtype.kind in "cmMV"  # a duration of 0 would equal 0
    wrong = np.ones(len(labels), bool) if strange else ~((labels == 0) | (labels == 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"labels must be 0 or 1; row {row} holds {shown(labels.tolist()[row])}")
    return labels


def checked_weights(weights: Array, n: int) -> Array:
    """The weights of n examples as (n,) float64. Raises ValueError unless all are positive and finite."""
    weights = numbers_of("weights", weights).astype(np.float64)
    if weights.shape != (n,):
        raise ValueError(f"weights must be (n,), one for each of {n} examples; they are {weights.shape}")
    wrong = ~((weights > 0) & (weights < np.inf))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"weights must be positive and finite; row {row} holds {weights[row]}")
    return weights
