"""Every backward refuses a gradient of another shape than its forward's result; NumPy would broadcast it silently."""

import re

import numpy as np
import pytest

from deepfm_np import ops

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 3))
IDS, VALUES = np.array([[0, 2, 3], [1, 2, 3], [0, 2, 4], [1, 2, 5]]), np.ones((4, 3))
TABLE = RNG.standard_normal((6, 2))
STATISTICS = np.zeros(3), np.ones(3)

# Of every backward: its forward, and how the message begins.
DOORS = {
    "affine": (lambda: ops.affine_forward(X, X.T @ X, X[0]), "grad_y must be (n, d_out), here (4, 3)"),
    "batch_norm": (
        lambda: ops.batch_norm_forward(X, X[0], X[1], STATISTICS, training=True),
        "grad_y must be (n, d), here (4, 3)",
    ),
    "dropout": (lambda: ops.dropout_forward(X, 0.5, np.random.default_rng(0)), "grad_y must be like x, here (4, 3)"),
    "dropout off": (lambda: ops.dropout_forward(X, 0.0, RNG), "grad_y must be like x, here (4, 3)"),
    "embedding": (lambda: ops.embedding_forward(TABLE, IDS, VALUES), "grad_vectors must be (n, m, k), here (4, 3, 2)"),
    "embedding of two fields": (
        lambda: ops.embedding_forward(TABLE, IDS, VALUES, [0, 1]),
        "grad_vectors must be (n, m, k), here (4, 2, 2)",
    ),
    "first_order": (lambda: ops.first_order_forward(TABLE[:, 0], IDS, VALUES), "grad_y must be (n,), here (4,)"),
    "fm": (lambda: ops.fm_forward(X[:, :, None]), "grad_y must be (n,), here (4,)"),
    "inner_product": (
        lambda: ops.inner_product_forward(X[:, :, None]),
        "grad_y must be (n, m (m - 1) / 2), here (4, 3)",
    ),
    "l2": (lambda: ops.l2_forward(X), "grad_y must be a scalar, here ()"),
    "l2_rows": (lambda: ops.l2_rows_forward(TABLE, IDS, VALUES), "grad_y must be a scalar, here ()"),
    "log_loss": (
        lambda: ops.log_loss_forward(X[:, 0], np.array([0, 1, 1, 0])),
        "grad_loss must be a scalar, here ()",
    ),
    "outer_product": (lambda: ops.outer_product_forward(X[:, :, None]), "grad_y must be (n, k k), here (4, 1)"),
    "relu": (lambda: ops.relu_forward(X), "grad_a must be like a, here (4, 3)"),
    "sigmoid": (lambda: ops.sigmoid_forward(X), "grad_a must be like a, here (4, 3)"),
    "tanh": (lambda: ops.tanh_forward(X), "grad_a must be like a, here (4, 3)"),
}
SHAPES = [
    (),
    (1,),
    (2,),
    (3,),
    (4,),
    (1, 1),
    (4, 1),
    (1, 4),
    (3, 4),
    (4, 3),
    (1, 1, 1),
    (4, 1, 2),
    (4, 3, 1),
    (4, 3, 2),
]


def backward_of(door):
    return getattr(ops, f"{door.split()[0]}_backward")


def test_every_backward_has_a_door():
    backwards = {name for name in ops.__all__ if name.endswith("_backward")}
    assert {backward_of(door).__name__ for door in DOORS} == backwards


@pytest.mark.parametrize("door", DOORS)
def test_a_gradient_of_another_shape_is_named(door):
    forward, message = DOORS[door]
    y, cache = forward()
    for shape in SHAPES:
        if shape != np.shape(y):
            with pytest.raises(ValueError, match=f"^{re.escape(f'{message}; it is {shape}')}$"):
                backward_of(door)(np.ones(shape), cache)


@pytest.mark.parametrize(
    "gradient, found", [(None, "NoneType"), ("1", "str"), ([1.0], "list"), (np.array(["1"]), "<U1")]
)
@pytest.mark.parametrize("door", DOORS)
def test_a_gradient_that_is_no_array_of_numbers_is_named(door, gradient, found):
    _, cache = DOORS[door][0]()
    name = DOORS[door][1].split()[0]
    with pytest.raises(TypeError, match=rf"^{name} must be an array of numbers, it is (a )?{found}$"):
        backward_of(door)(gradient, cache)


@pytest.mark.parametrize("door", DOORS)
def test_a_gradient_of_the_right_shape_passes(door):
    y, cache = DOORS[door][0]()
    backward_of(door)(np.ones(np.shape(y)), cache)


@pytest.mark.parametrize("door", ["embedding", "first_order", "l2_rows"])
def test_touched_rows_of_another_batch_are_named(door):
    y, cache = DOORS[door][0]()
    touched = ops.touched_rows(IDS[:1], VALUES[:1])
    with pytest.raises(ValueError, match=r"^touched must be of this batch of \(4, 3\) slots, it is of \(1, 3\)$"):
        backward_of(door)(np.ones(np.shape(y)), cache, touched)
