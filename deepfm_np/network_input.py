"""What the network reads of an example: its field vectors and, in PNN, products of them.

a_0 = [V_1, ..., V_m, inner products, outer products]

(Qu et al. 2016, the product layer: l_z is the affine map of the vectors, l_p that of the products, and the first layer
takes their sum, which is one affine map of both side by side.) Without products it is a_0 of DeepFM.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from deepfm_np import ops
from deepfm_np.ops.rows import Array

# Forward and backward of each product; every pair has a cache of its own.
PRODUCTS: dict[str, tuple[Callable[[Array], tuple[Array, Any]], Callable[[Array, Any], Array]]] = {
    "inner": (ops.inner_product_forward, ops.inner_product_backward),
    "outer": (ops.outer_product_forward, ops.outer_product_backward),
}


class InputCache(NamedTuple):
    """The shape (n, m, k) of the field vectors, and the cache of each product by its name."""

    shape: tuple[int, ...]
    products: dict[str, tuple]


def input_widths(m: int, k: int, products: Sequence[str]) -> list[int]:
    """How many numbers the network reads: of the m field vectors of length k, then of each product in its order."""
    widths = {"inner": m * (m - 1) // 2, "outer": k * k}
    return [m * k, *(widths[name] for name in products)]


def input_forward(vectors: Array, products: Sequence[str]) -> tuple[Array, InputCache]:
    """(n, m, k) field vectors -> (n, sum of `input_widths`) a_0."""
    parts, caches = [vectors.reshape(len(vectors), vectors.shape[1] * vectors.shape[2])], {}
    for name in products:
        forward, _ = PRODUCTS[name]
        y, caches[name] = forward(vectors)
        parts.append(y)
    a0 = np.concatenate(parts, axis=1) if products else parts[0]
    return a0, InputCache(vectors.shape, caches)


def input_backward(grad_a0: Array, cache: InputCache) -> dict[str, Array]:
    """(n, ...) dL/da_0 -> (n, m, k) terms that add up to dL/dV: "deep part", and "inner product" and so on if used.

    The deep part comes from the vectors themselves, the others through their products.
    """
    _, m, k = cache.shape
    bounds = np.cumsum(input_widths(m, k, list(cache.products)))[:-1]
    grad_own, *grad_products = np.split(grad_a0, bounds, axis=1)
    terms = {"deep part": grad_own.reshape(cache.shape)}
    for (name, product), grad_y in zip(cache.products.items(), grad_products, strict=True):
        _, backward = PRODUCTS[name]
        terms[f"{name} product"] = backward(grad_y, product)
    return terms
