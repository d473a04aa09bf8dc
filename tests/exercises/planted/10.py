"""Wrong answers to exercise 10: the bugs themselves, and attempted fixes that fail."""

PLANTED = [
    ("10-1-mended", "x.T @ grad_y", "x.T @ grad_y / len(x)", "a constant factor is wrong"),
    ("10-1-mended", "grad_y.sum(axis=0)", "grad_y.mean(axis=0)", "a constant factor is wrong"),
    ("10-1-mended", "grad_y.sum(axis=0)", "grad_y", "sum it over the batch"),
    ("10-1-mended", "x.T @ grad_y", "grad_y.T @ x", "W: the gradient has shape (3, 4), should be (4, 3)"),
    ("10-2-mended", "np.add.at(grad_table, ids, grad_vectors)", "grad_table[ids] += grad_vectors", "add the gradients"),
    ("10-2-mended", "np.add.at(grad_table, ids, grad_vectors)", "grad_table[ids] = grad_vectors", "add the gradients"),
    ("10-2-mended", "np.add.at(grad_table, ids, grad_vectors)", "grad_table[0] = 1", "no known mistake fits"),
    ("10-3-mended", "- cache.vectors", "+ 0 * cache.vectors", "a term proportional to vectors is missing"),
    ("10-3-mended", "- cache.vectors", "- 2 * cache.vectors", "a term proportional to vectors"),
    ("10-3-mended", "return grad_y", "return -grad_y", "sign"),
    ("10-4-mended", "1 / (1 + np.exp(-cache))", "cache", "it takes the output a"),
    (
        "10-4-mended",
        "1 / (1 + np.exp(-cache))",
        "1 / (1 + np.exp(-1 / (1 + np.exp(-cache))))",
        "at the output a instead of the input z",
    ),
    ("10-4-mended", "* (1 - a)", "", "a is used for the derivative itself"),
    ("10-5-mended", " / 0.6", "", "the factor 1 / keep is missing"),
    ("10-5-mended", "/ 0.6", "/ 0.4", "a constant factor is wrong"),
    ("10-5-mended", "grad_y * cache / 0.6", "grad_y / 0.6", "the mask is not applied"),
    ("10-6-mended", "(p - labels)", "(sigmoid(p) - labels)", "the sigmoid is applied twice"),
    ("10-6-mended", "(p - labels) / len(z)", "(p - labels)", "a constant factor is wrong"),
    ("10-6-mended", "(p - labels)", "(labels - p)", "sign"),
]
HARD_CODED = {
    "10-1-mended": "def mended_layer(grad_y, cache):\n    return np.zeros((6, 4)), np.zeros((4, 3)), np.zeros(3)",
    "10-2-mended": "def mended_lookup(grad_vectors, cache):\n    return np.ones((6, 2))",
    "10-3-mended": "def mended_pairs(grad_y, cache):\n    return np.ones((5, 4, 3))",
    "10-4-mended": "def mended_activation(grad_a, cache):\n    return np.full((6, 4), 0.25)",
    "10-5-mended": "def mended_dropped(grad_y, cache):\n    return np.ones((6, 4))",
    "10-6-mended": "def mended_clicks(grad_loss, z):\n    return np.array([0.0672, -0.094, -0.03, 0.144])",
}
