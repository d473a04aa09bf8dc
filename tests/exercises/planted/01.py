"""Wrong answers to exercise 1: transposes, sums and orders."""

BACK = "return grad_y @ W.T, x.T @ grad_y, grad_y.sum(axis=0)"
PLANTED = [
    ("1-1-values", " + b", "", "yours 5, expected 15"),
    ("1-1-values", "x @ W", "x @ W.T", "expected"),
    ("1-1-values", "x @ W", "x * W", "has shape (2, 2), should be (1, 2)"),
    ("1-1-values", "return x @ W + b, (x, W)", "return x @ W + b", "must return y, cache"),
    ("1-2-x", "grad_y @ W.T", "grad_y @ W", "raised ValueError"),
    ("1-2-x", "grad_y @ W.T", "2 * grad_y @ W.T", "x: a constant factor is wrong: yours = 2 * numeric"),
    ("1-2-x", "grad_y @ W.T", "-grad_y @ W.T", "x: the sign is flipped"),
    ("1-2-x", BACK, "return x.T @ grad_y, grad_y @ W.T, grad_y.sum(axis=0)", "x: the gradient has shape (4, 3)"),
    ("1-2-W", "x.T @ grad_y", "grad_y.T @ x", "W: the gradient has shape (3, 4), should be (4, 3): it is transposed"),
    ("1-2-W", "x.T @ grad_y", "x.T @ grad_y / len(x)", "W: a constant factor is wrong: yours = 1/n (n = 6) * numeric"),
    ("1-2-W", "x.T @ grad_y", "x.T @ abs(grad_y)", "W: no known mistake fits"),
    ("1-2-b", "grad_y.sum(axis=0)", "grad_y", "sum it over the batch, axis 0"),
    ("1-2-b", "grad_y.sum(axis=0)", "grad_y.mean(axis=0)", "b: a constant factor is wrong"),
    ("1-2-b", "grad_y.sum(axis=0)", "grad_y[-1]", "b: only the last example counts"),
    ("1-2-b", "grad_y.sum(axis=0)", "None", "b: there is no gradient for it"),
    ("1-3-count", "2 * n", "n", "expected"),
    ("1-3-count", "return n * d_in * d_out,", "return n * d_in,", "yours 2, expected 6"),
    ("1-3-count", ", 2 * n * d_in * d_out", "", "must return forward, backward"),
    ("1-4-low-rank", "(x @ U).T @ grad_y", "grad_h.T @ grad_y", "V: "),
    ("1-4-low-rank", "x.T @ grad_h", "x.T @ (x @ U)", "U: "),
    ("1-4-low-rank", "grad_h @ U.T", "grad_h", "x: the gradient has shape"),
    ("1-4-low-rank", "grad_y.sum(axis=0)", "grad_y.mean(axis=0)", "b: a constant factor is wrong"),
]
HARD_CODED = {
    "1-1-values": "def affine_forward(x, W, b):\n    return np.array([[15.0, 18.0]]), (x, W)",
    "1-2-x": "def affine_backward(grad_y, cache):\n    return np.ones((6, 4)), np.ones((4, 3)), np.ones(3)",
    "1-2-W": "def affine_backward(grad_y, cache):\n    return np.ones((6, 4)), np.ones((4, 3)), np.ones(3)",
    "1-2-b": "def affine_backward(grad_y, cache):\n    return np.ones((6, 4)), np.ones((4, 3)), np.ones(3)",
    "1-3-count": "def multiplications(n, d_in, d_out):\n    return 6, 12",
    "1-4-low-rank": "def low_rank_backward(grad_y, cache):\n"
    "    return tuple(np.zeros(shape) for shape in ((6, 4), (4, 2), (2, 3), 3))",
}
