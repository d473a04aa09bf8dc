"""Dropout, in its inverted form: units are dropped in training and the kept ones scaled up.

y = x * mask / (1 - rate),  mask ~ Bernoulli(1 - rate) for each unit      (Srivastava et al. 2014, section 10)

The expectation of y is x, so nothing needs scaling at prediction time. `rate` is the probability of being
dropped; the DeepFM paper's "dropout" is the probability of being kept.

A unit is dropped if its 16 random bits, read as an integer, are below rate * 2^16. The rate is thus rounded to a
multiple of 2^-16, which no one can see; random floats would need at least twice as many bits. A rate of 1/2 needs one.
"""

from numbers import Real
from typing import NamedTuple

import numpy as np

from deepfm_np.ops.checks import check_floats, check_gradient, shown
from deepfm_np.ops.rows import Array

WORDS = 2**16  # values of 16 random bits


class DropoutCache(NamedTuple):
    shape: tuple[int, ...]  # of x
    scale: Array | None  # mask / (1 - rate), None where rate is 0


def dropout_forward(x: Array, rate: float, rng: np.random.Generator) -> tuple[Array, DropoutCache]:
    """Any shape -> the same shape and dtype. Rate 0 is the exact identity and draws nothing.

    The mask depends on the generator and the shape alone, so a generator in the same state draws the same mask
    for every dtype: a gradient check builds a new one from a fixed seed for each call of the forward pass.
    Raises ValueError for a rate outside [0, 1).
    """
    check_floats(x=x)
    if not isinstance(rate, Real) or not 0 <= rate < 1:
        raise ValueError(f"rate, the probability of being dropped, must lie in [0, 1), got {shown(rate)}")
    rate = float(rate)  # a NumPy number would compute the scale in its own precision
    if rate == 0:
        return x.copy(), DropoutCache(x.shape, None)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {shown(rng)}")
    scale = _kept(x.size, rate, rng).reshape(x.shape) * x.real.dtype.type(1 / (1 - rate))
    return x * scale, DropoutCache(x.shape, scale)


def dropout_backward(grad_y: Array, cache: DropoutCache) -> Array:
    """dL/dx = dL/dy * mask / (1 - rate), with the mask of the forward pass. Any shape -> the same shape."""
    check_gradient("grad_y", "like x", grad_y, cache.shape)
    return grad_y.copy() if cache.scale is None else grad_y * cache.scale


def _kept(size: int, rate: float, rng: np.random.Generator) -> Array:
    """(size,) 1 or True for each unit that is kept. 64 bits are drawn at a time."""
    if rate == 0.5:
        return np.unpackbits(rng.integers(2**64, size=-(-size // 64), dtype="<u8").view(np.uint8), count=size)
    words = rng.integers(2**64, size=-(-size // 4), dtype="<u8").view("<u2")[:size]
    return words >= min(round(rate * WORDS), WORDS - 1)
