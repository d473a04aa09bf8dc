"""Wrong answers to exercise 4: rows that lose gradients, and padding that receives some."""

ADD = "np.add.at(grad, ids, grad_vectors * values[:, :, None])"
REPEATED = "only rows that several slots touch are wrong"
PLANTED = [
    ("4-1-values", " * values[:, :, None]", "", "vectors of example 1, field 1: "),
    ("4-1-values", "values[:, :, None]", "values", "raised ValueError"),
    ("4-1-values", "table[ids] *", "table[ids - 1] *", "vectors of example 1, field 1: "),
    ("4-1-values", ", (ids, values)", "", "must return vectors, cache"),
    ("4-2-by-hand", ADD, "grad[ids] += grad_vectors * values[:, :, None]", "yours -2, expected -1"),
    ("4-2-by-hand", "np.zeros((D,", "np.zeros((len(ids),", "has shape (2, 1), should be (3, 1)"),
    ("4-2-by-hand", ADD, "np.add.at(grad, ids, grad_vectors)", "yours 2, expected -1"),
    ("4-2-gradient", ADD, "grad[ids] += grad_vectors * values[:, :, None]", REPEATED),
    ("4-2-gradient", ADD, "grad[ids] = grad_vectors * values[:, :, None]", "table: "),
    ("4-2-gradient", ADD, "np.add.at(grad, ids, grad_vectors)", "table: values are forgotten"),
    ("4-2-gradient", "* values[:, :, None]", "* values[:, :, None] / len(ids)", "a constant factor is wrong"),
    ("4-3-rows", "keep = values != 0", "keep = values == values", "yours [0, 1, 2, 3, 4], expected [0, 1, 2, 3]"),
    ("4-3-rows", "keep = values != 0", "keep = ids != 0", "rows: "),
    ("4-3-rows", "RowGradient(rows, sums)", "sums", "must return a RowGradient, it returned one ndarray"),
    ("4-3-rows", "RowGradient(rows, sums)", "(rows, sums)", "must return a RowGradient, it returned a tuple"),
    ("4-3-rows", "sums = np.zeros((len(rows),", "np.zeros((ids.max() + 1, 1)); sums = np.zeros((len(rows),", "10^12: "),
    ("4-3-rows", "RowGradient(rows, sums)", "RowGradient(rows[::-1], sums[::-1])", "rows: "),
    ("4-3-gradient", "np.add.at(sums, place, ", "sums.__setitem__(place, ", REPEATED),
    ("4-3-gradient", " * values[keep][:, None]", "", "table: values are forgotten"),
    ("4-3-gradient", "values != 0", "values == values", "touched by padding alone"),
    ("4-3-gradient", "RowGradient(rows, sums)", "RowGradient(ids[keep], grad_vectors[keep])", "a row appears twice"),
    ("4-4-max", "np.where(values[:, :, None] != 0, vectors, -np.inf)", "vectors", "grad_vectors by hand: "),
    ("4-4-max", "argmax", "argmin", "grad_vectors by hand: "),
    (
        "4-4-max",
        "np.where(values[:, :, None] != 0, vectors, -np.inf)",
        "(vectors * values[:, :, None])",
        "grad_vectors by hand: ",
    ),
    ("4-4-max", "grad_y[:, None, :], axis=1)", "1.0, axis=1)", "grad_vectors by hand: "),
]
HARD_CODED = {
    "4-1-values": "def lookup_forward(table, ids, values):\n"
    "    vectors = np.zeros((4, 2, 2))\n    vectors[1, 1] = -2 * table[3]\n    return vectors, (ids, values)",
    "4-2-by-hand": "def lookup_backward(grad_vectors, cache, D):\n    return np.array([[0.0], [-1.0], [0.0]])",
    "4-2-gradient": "def lookup_backward(grad_vectors, cache, D):\n    return np.ones((6, 2))",
    "4-3-rows": "def touched_backward(grad_vectors, cache):\n    return RowGradient(np.arange(4), np.ones((4, 2)))",
    "4-3-gradient": "def touched_backward(grad_vectors, cache):\n    return RowGradient(np.arange(4), np.ones((4, 2)))",
    "4-4-max": "def max_pool_backward(grad_y, cache):\n    return np.array([[[0.0, 20.0], [10.0, 0.0], [0.0, 0.0]]])",
}
