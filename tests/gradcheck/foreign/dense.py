"""One affine layer."""

import numpy as np
from gradcheck.foreign.case import case


def rows_forward(x, W, b):
    return np.dot(x, W) + b, (x, W, b)


def rows_backward(dout, cache):
    x, W, _ = cache
    dx = dout.dot(W.T)
    dW = x.T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dW, db


def columns_forward(A_prev, W, b):
    """One example per column, the bias a column."""
    Z = W @ A_prev + b
    return Z, {"A_prev": A_prev, "W": W}


def columns_backward(dZ, cache):
    dW = dZ @ cache["A_prev"].T
    db = np.sum(dZ, axis=1, keepdims=True)
    dA_prev = cache["W"].T @ dZ
    return [dA_prev, dW, db]


def output_first_forward(x, weight, bias):
    return x @ weight.T + bias, [x, weight]


def output_first_backward(grad_output, saved):
    x, weight = saved
    grad_x = grad_output @ weight
    grad_weight = grad_output.T @ x
    return grad_x, grad_weight, grad_output.sum(0)


def loops_forward(x, w, b):
    n, d_in = x.shape
    out = np.zeros((n, w.shape[1]))
    for i in range(n):
        for j in range(w.shape[1]):
            for k in range(d_in):
                out[i, j] += x[i, k] * w[k, j]
            out[i, j] += b[j]
    return out, (x, w)


def loops_backward(dout, cache):
    x, w = cache
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[1])
    for i in range(x.shape[0]):
        for j in range(w.shape[1]):
            db[j] += dout[i, j]
            for k in range(x.shape[1]):
                dx[i, k] += dout[i, j] * w[k, j]
                dw[k, j] += dout[i, j] * x[i, k]
    return dx, dw, db


def einsum_forward(x, W):
    return np.einsum("bi,ij->bj", x, W), (x, W)


def einsum_backward(g, cache):
    x, W = cache
    return np.einsum("bj,ij->bi", g, W), np.einsum("bi,bj->ij", x, g)


def bias_trick_forward(x, Wb):
    """The bias is the last row of the weights, a column of ones is appended to x."""
    extended = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    return extended.dot(Wb), (extended, Wb)


def bias_trick_backward(dout, cache):
    extended, Wb = cache
    return dout.dot(Wb.T)[:, :-1], extended.T.dot(dout)


def images_forward(x, w, b):
    """Flattens all axes but the first."""
    flat = x.reshape(x.shape[0], -1)
    return flat @ w + b, (x, w)


def images_backward(dout, cache):
    x, w = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


def tokens_forward(x, W, b):
    """(batch, time, d_in) -> (batch, time, d_out)"""
    return np.matmul(x, W) + b, {"x": x, "W": W}


def tokens_backward(dy, cache):
    x, W = cache["x"], cache["W"]
    dW = x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])
    db = dy.sum(axis=(0, 1))
    return dy @ W.T, dW, db


def one_example_forward(x, W, b):
    """Vectors without a batch axis."""
    return W @ x + b, (x, W)


def one_example_backward(delta, cache):
    x, W = cache
    return W.T @ delta, np.outer(delta, x), delta


LAYER = {"x": (4, 3), "W": (3, 2), "b": (2,)}
SQUARE = {"x": (3, 3), "W": (3, 3), "b": (3,)}

CASES = [
    case("dense, rows, np.dot", rows_forward, rows_backward, LAYER),
    case(
        "dense, rows, square",
        rows_forward,
        rows_backward,
        SQUARE,
        faults=[
            ("other", "np.sum(dout, axis=0)", "np.sum(dout, axis=1)"),
            ("other", "dout.dot(W.T)", "dout.dot(x.T)"),
            ("other", "x.T.dot(dout)", "W.T.dot(dout)"),
        ],
    ),
    case(
        "dense, one example per column",
        columns_forward,
        columns_backward,
        {"A_prev": (3, 5), "W": (2, 3), "b": (2, 1)},
        faults=[
            ("factor", 'cache["A_prev"].T', 'cache["A_prev"].T / dZ.shape[1]'),
            ("other", "np.sum(dZ, axis=1, keepdims=True)", "np.sum(dZ) * np.ones((2, 1))"),
        ],
    ),
    case(
        "dense, columns, square",
        columns_forward,
        columns_backward,
        {"A_prev": (4, 4), "W": (4, 4), "b": (4, 1)},
        faults=[("other", "np.sum(dZ, axis=1, keepdims=True)", "np.sum(dZ, axis=0, keepdims=True).T")],
    ),
    case(
        "dense, weights (out, in)", output_first_forward, output_first_backward, {"x": (4, 3), "w": (2, 3), "b": (2,)}
    ),
    case(
        "dense, three loops",
        loops_forward,
        loops_backward,
        {"x": (3, 4), "w": (4, 2), "b": (2,)},
        faults=[
            ("not summed", "db[j] += dout[i, j]", "db[j] = dout[i, j]"),
            ("not summed", "dw[k, j] += dout[i, j] * x[i, k]", "dw[k, j] = dout[i, j] * x[i, k]"),
            ("other", "dx[i, k] += dout[i, j] * w[k, j]", "dx[i, k] = dout[i, j] * w[k, j]"),
            ("other", "range(x.shape[0])", "range(x.shape[0] - 1)"),
            ("other", "range(w.shape[1])", "range(1, w.shape[1])"),
        ],
    ),
    case(
        "dense, einsum",
        einsum_forward,
        einsum_backward,
        {"x": (3, 3), "W": (3, 3)},
        faults=[
            ("wrong product", '"bj,ij->bi"', '"bj,ji->bi"'),
            ("transposed", '"bi,bj->ij"', '"bi,bj->ji"'),
            ("wrong product", '"bi,bj->ij"', '"ib,bj->ij"'),
        ],
    ),
    case(
        "dense, bias as a row of ones",
        bias_trick_forward,
        bias_trick_backward,
        {"x": (4, 2), "Wb": (3, 2)},
        faults=[
            ("other", "[:, :-1]", "[:, 1:]"),
            ("missing term", "extended.T.dot(dout)", "(extended * [1, 1, 0]).T.dot(dout)"),
        ],
    ),
    case("dense, flattened images", images_forward, images_backward, {"x": (3, 2, 2), "w": (4, 4), "b": (4,)}),
    case("dense, tokens", tokens_forward, tokens_backward, {"x": (2, 3, 4), "W": (4, 4), "b": (4,)}),
    case(
        "dense, a single vector",
        one_example_forward,
        one_example_backward,
        {"x": (3,), "W": (3, 3), "b": (3,)},
        faults=[
            ("transposed", "np.outer(delta, x)", "np.outer(x, delta)"),
            ("exchanged", "W.T @ delta, np.outer(delta, x), delta", "delta, np.outer(delta, x), W.T @ delta"),
        ],
    ),
]
