"""Batch normalisation: scale every unit to mean 0 and variance 1 over the batch, then by a learned scale and shift.

normalized = (x - mean) / sqrt(var + epsilon),   y = gamma * normalized + beta      (Ioffe & Szegedy 2015, alg. 1)

In training, mean and var are those of the batch (var is biased: divided by n). In evaluation they are running averages
from training; the running variance averages the unbiased one, as in torch.nn.BatchNorm1d.

A batch may be computed in parts. They meet twice: in the forward pass their `moments` are pooled, in the backward pass
the gradients of gamma and beta are added, before any part can go on.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np

from deepfm_np.ops.checks import check_floats, check_gradient
from deepfm_np.ops.rows import Array

EPSILON = 1e-5
MOMENTUM = 0.1


class Moments(NamedTuple):
    """Of some rows: how many they are, the mean of every unit, and the sum of the squared deviations from it."""

    n: int
    mean: Array  # (d,)
    squares: Array  # (d,)


class BatchNormCache(NamedTuple):
    normalized: Array  # (n, d)
    gamma: Array  # (d,)
    inverse_std: Array  # (d,), 1 / sqrt(var + epsilon)
    training: bool
    running: tuple[Array, Array]  # the running mean and variance after this batch
    batch: int  # rows of the whole batch, of which x may be a part


def batch_norm_forward(
    x: Array, gamma: Array, beta: Array, running: tuple[Array, Array], training: bool
) -> tuple[Array, BatchNormCache]:
    """(n, d) x, (d,) gamma and beta, running = ((d,) mean, (d,) variance) -> (n, d).

    The running statistics passed in are not changed; the new ones are `cache.running`. A batch of one has no
    variance: in training it gives y = beta, a zero gradient for x, and unchanged running statistics.
    Raises ValueError if the shapes do not fit, and in training for an empty batch.
    """
    mean, var = running
    check_floats(x=x, gamma=gamma, beta=beta, mean=mean, variance=var)
    d = x.shape[1:]
    if x.ndim != 2 or any(array.shape != d for array in (gamma, beta, *running)):
        shapes = [array.shape for array in (gamma, beta, *running)]
        raise ValueError(f"x is {x.shape}: gamma, beta, mean and variance must be {d}, they are {shapes}")
    if training and not len(x):
        raise ValueError("x has no rows, and in training mean and variance are those of the batch")
    return normalize(x, gamma, beta, running, moments(x) if training else None)


def batch_norm_backward(grad_y: Array, cache: BatchNormCache) -> tuple[Array, Array, Array]:
    """(n, d) dL/dy -> dL/dx (n, d), dL/dgamma (d,), dL/dbeta (d,): see `normalize_backward`."""
    check_gradient("grad_y", "(n, d)", grad_y, cache.normalized.shape)
    grad_gamma, grad_beta = scale_and_shift_backward(grad_y, cache)
    return normalize_backward(grad_y, cache, grad_gamma, grad_beta), grad_gamma, grad_beta


def moments(x: Array) -> Moments:
    """(n, d) x -> the moments of its rows."""
    mean = x.mean(axis=0)
    centered = x - mean
    return Moments(len(x), mean, (centered * centered).sum(axis=0))


def pooled(parts: Sequence[Moments]) -> Moments:
    """The moments of all rows from those of the parts.

    squares = sum over the parts p of squares_p + n_p (mean_p - mean)^2      (Chan, Golub & LeVeque 1983)
    """
    n = sum(part.n for part in parts)
    mean = reduce(add, (part.n / n * part.mean for part in parts))
    squares = reduce(add, (part.squares + part.n * (part.mean - mean) ** 2 for part in parts))
    return Moments(n, mean, squares)


def normalize(
    x: Array, gamma: Array, beta: Array, running: tuple[Array, Array], batch: Moments | None
) -> tuple[Array, BatchNormCache]:
    """y by the moments of the batch that x belongs to, or by the running statistics if they are None."""
    mean, var = running if batch is None else (batch.mean, batch.squares / batch.n)
    if batch is not None:
        running = _updated(running, batch)
    inverse_std = 1 / np.sqrt(var + EPSILON)
    normalized = (x - mean) * inverse_std
    cache = BatchNormCache(normalized, gamma, inverse_std, batch is not None, running, 0 if batch is None else batch.n)
    return gamma * normalized + beta, cache


def scale_and_shift_backward(grad_y: Array, cache: BatchNormCache) -> tuple[Array, Array]:
    """dL/dgamma = sum of dL/dy * normalized over the rows,  dL/dbeta = sum of dL/dy"""
    return (grad_y * cache.normalized).sum(axis=0), grad_y.sum(axis=0)


def normalize_backward(grad_y: Array, cache: BatchNormCache, grad_gamma: Array, grad_beta: Array) -> Array:
    """dL/dx, from the gradients of gamma and beta over the whole batch of n rows.

    In training, mean and variance depend on x as well. With g = gamma * dL/dy, the gradient of `normalized`,

        dL/dx = (g - mean(g) - normalized * mean(g * normalized)) / sqrt(var + epsilon),   means over the batch

    where mean(g) = gamma * dL/dbeta / n and mean(g * normalized) = gamma * dL/dgamma / n. In evaluation mean and
    variance are constants, and dL/dx = g / sqrt(var + epsilon).
    """
    if cache.training:
        grad_y = grad_y - grad_beta / cache.batch - cache.normalized * (grad_gamma / cache.batch)
    return grad_y * (cache.gamma * cache.inverse_std)


def _updated(running: tuple[Array, Array], batch: Moments) -> tuple[Array, Array]:
    if batch.n == 1:
        return running
    old_mean, old_var = running
    unbiased = batch.squares.real / (batch.n - 1)
    new_mean = (1 - MOMENTUM) * old_mean + MOMENTUM * batch.mean.real
    new_var = (1 - MOMENTUM) * old_var + MOMENTUM * unbiased
    return new_mean.astype(old_mean.dtype), new_var.astype(old_var.dtype)
