"""Batch normalisation: scale every unit to mean 0 and variance 1 over the batch, then by a learned scale and shift.

normalized = (x - mean) / sqrt(var + epsilon),   y = gamma * normalized + beta      (Ioffe & Szegedy 2015, alg. 1)

In training, mean and var are those of the batch (var is biased: divided by n). In evaluation they are running averages
from training; the running variance averages the unbiased one, as in torch.nn.BatchNorm1d.
"""

from typing import NamedTuple

import numpy as np

from deepfm_np.ops.checks import check_floats, check_gradient
from deepfm_np.ops.rows import Array

EPSILON = 1e-5
MOMENTUM = 0.1


class BatchNormCache(NamedTuple):
    normalized: Array  # (n, d)
    gamma: Array  # (d,)
    inverse_std: Array  # (d,), 1 / sqrt(var + epsilon)
    training: bool
    running: tuple[Array, Array]  # the running mean and variance after this batch


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
    if training:
        mean = x.mean(axis=0)
        centered = x - mean
        var = (centered * centered).mean(axis=0)
        running = _updated(running, mean.real, var.real, len(x))
    else:
        centered = x - mean
    inverse_std = 1 / np.sqrt(var + EPSILON)
    normalized = centered * inverse_std
    return gamma * normalized + beta, BatchNormCache(normalized, gamma, inverse_std, training, running)


def batch_norm_backward(grad_y: Array, cache: BatchNormCache) -> tuple[Array, Array, Array]:
    """(n, d) dL/dy -> dL/dx (n, d), dL/dgamma (d,), dL/dbeta (d,).

    With g = dL/dy * gamma, the gradient of `normalized`; in training, mean and variance depend on x as well:

        dL/dx = (g - mean(g) - normalized * mean(g * normalized)) / sqrt(var + epsilon),   means over the batch

    In evaluation they are constants, and dL/dx = g / sqrt(var + epsilon).
    """
    check_gradient("grad_y", "(n, d)", grad_y, cache.normalized.shape)
    g = grad_y * cache.gamma
    if cache.training:
        g = g - g.mean(axis=0) - cache.normalized * (g * cache.normalized).mean(axis=0)
    return g * cache.inverse_std, (grad_y * cache.normalized).sum(axis=0), grad_y.sum(axis=0)


def _updated(running: tuple[Array, Array], mean: Array, var: Array, n: int) -> tuple[Array, Array]:
    if n == 1:
        return running
    old_mean, old_var = running
    new_mean = (1 - MOMENTUM) * old_mean + MOMENTUM * mean
    new_var = (1 - MOMENTUM) * old_var + MOMENTUM * var * (n / (n - 1))
    return new_mean.astype(old_mean.dtype), new_var.astype(old_var.dtype)
