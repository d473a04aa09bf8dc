"""The activations of the deep part, entry by entry: sigmoid, relu, tanh.

The derivatives are written so that they stay accurate where the function saturates: the textbook forms a (1 - a) and
1 - a^2 subtract nearly equal numbers there and have lost every digit at |z| = 40.
"""

from typing import NamedTuple

import numpy as np

from deepfm_np.ops.checks import check_floats, check_gradient
from deepfm_np.ops.rows import Array


def minus_abs(z: Array) -> Array:
    """-|z| for real z; for complex z, the sign of the real part decides, which is analytic away from 0."""
    return np.where(z.real > 0, -z, z) if np.iscomplexobj(z) else -np.abs(z)


class SigmoidCache(NamedTuple):
    slope: Array  # da/dz


def sigmoid_forward(z: Array) -> tuple[Array, SigmoidCache]:
    """a = 1 / (1 + e) with e = exp(-z), exactly 0 where e is inf. Any shape -> the same shape and dtype.

    da/dz = sigmoid(z) sigmoid(-z) = e / (1 + e)^2 = e a a: a product, so it keeps its digits where a saturates.
    """
    check_floats(z=z)
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(-z)
    if np.iscomplexobj(z):
        e = np.where(np.isinf(e), np.inf, e)  # inf + inf j would turn into nan
    a = 1 / (1 + e)
    slope = finite(e)
    slope *= a
    slope *= a
    return a, SigmoidCache(slope)


def sigmoid_in_place(z: Array) -> None:
    """z <- sigmoid(z), for real z: the same bits as `sigmoid_forward`, with no array beside z."""
    np.negative(z, out=z)
    with np.errstate(over="ignore"):
        np.exp(z, out=z)
    z += 1
    np.divide(1, z, out=z)


def sigmoid_backward(grad_a: Array, cache: SigmoidCache) -> Array:
    """dL/dz = dL/da * da/dz. Any shape -> the same shape."""
    check_gradient("grad_a", "like a", grad_a, cache.slope.shape)
    return grad_a * cache.slope


def finite(e: Array) -> Array:
    """e, where inf is replaced by the largest number: times a, which is 0 there, that is 0 and not nan."""
    return np.minimum(e, np.finfo(e.dtype).max) if np.isinf(e.real.max(initial=0)) else e


class ReluCache(NamedTuple):
    positive: Array  # bool, where z > 0


def relu_forward(z: Array) -> tuple[Array, ReluCache]:
    """a = z where z > 0, else 0. Any shape -> the same shape and dtype."""
    check_floats(z=z)
    positive = z.real > 0
    return z * positive, ReluCache(positive)


def relu_backward(grad_a: Array, cache: ReluCache) -> Array:
    """dL/dz = dL/da where z > 0, else 0. At z = 0, where no derivative exists, it is taken as 0."""
    check_gradient("grad_a", "like a", grad_a, cache.positive.shape)
    return grad_a * cache.positive


class TanhCache(NamedTuple):
    z: Array


def tanh_forward(z: Array) -> tuple[Array, TanhCache]:
    """a = tanh z. Any shape -> the same shape and dtype."""
    check_floats(z=z)
    return np.tanh(z), TanhCache(z)


def tanh_backward(grad_a: Array, cache: TanhCache) -> Array:
    """dL/dz = dL/da * sech^2 z,  where sech^2 z = 4 e / (1 + e)^2 with e = exp(-2 |z|)"""
    check_gradient("grad_a", "like a", grad_a, cache.z.shape)
    e = np.exp(minus_abs(2 * cache.z))
    return grad_a * (4 * e / ((1 + e) * (1 + e)))
