"""A fully connected layer.

y = x W + b      (Guo et al. 2017, eq. 6 before the activation; the paper writes W a with column vectors)
"""

from typing import NamedTuple

from deepfm_np.ops.checks import check_floats, check_gradient
from deepfm_np.ops.rows import Array


class AffineCache(NamedTuple):
    x: Array  # (n, d_in)
    W: Array  # (d_in, d_out)


def affine_forward(x: Array, W: Array, b: Array) -> tuple[Array, AffineCache]:
    """(n, d_in) x, (d_in, d_out) W, (d_out,) b -> (n, d_out). Raises ValueError if the shapes do not fit."""
    check_floats(x=x, W=W, b=b)
    if x.ndim != 2 or W.ndim != 2 or x.shape[1] != W.shape[0] or b.shape != W.shape[1:]:
        raise ValueError(f"x (n, d_in), W (d_in, d_out) and b (d_out,) do not fit: {x.shape}, {W.shape} and {b.shape}")
    return x @ W + b, AffineCache(x, W)


def affine_backward(grad_y: Array, cache: AffineCache) -> tuple[Array, Array, Array]:
    """(n, d_out) grad_y = dL/dy -> grad_x = grad_y W^T, grad_W = x^T grad_y, grad_b = sum of grad_y over the batch.

    Shapes (n, d_in), (d_in, d_out), (d_out,). Raises ValueError if grad_y does not have the shape of y.
    """
    check_gradient("grad_y", "(n, d_out)", grad_y, (len(cache.x), cache.W.shape[1]))
    return grad_y @ cache.W.T, cache.x.T @ grad_y, grad_y.sum(axis=0)
