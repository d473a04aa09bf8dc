"""Wrong answers to exercise 5: (check, text in the solution, its replacement, what the reason says)."""

PLANTED = [
    ("5-1-values", ") / 2", ")", "yours 22, expected 11"),
    ("5-1-values", "(total * total).sum(axis=1)", "(vectors * vectors).sum(axis=(1, 2))", "yours 0, expected 11"),
    ("5-1-values", "vectors.sum(axis=1)", "vectors.sum(axis=2)", "expected"),
    ("5-1-values", "return y, (vectors, total)", "return y", "must return y, (vectors, total)"),
    ("5-1-values", "return y, (vectors, total)", "return y, total", "the cache of fm_forward must be (vectors, total)"),
    ("5-1-values", "return y, (vectors, total)", "return", "returned None"),
    ("5-1-edges", ") / 2", ") // 2 + 1", "no partner"),
    ("5-1-edges", "(vectors * vectors)", "(vectors * vectors).astype(float)", "should be float32"),
    ("5-1-edges", "total = vectors.sum(axis=1)", "total = vectors.sum(axis=1); vectors[0]", "index 0 is out of bounds"),
    (
        "5-1-edges",
        "return y",
        "vectors @ vectors.transpose(0, 2, 1); return y",
        "400,000 fields: fm_forward needs more memory",
    ),
    ("5-2-gradient", "- vectors", "+ 0 * vectors", "a term proportional to vectors is missing"),
    ("5-2-gradient", "total[:, None, :] - vectors", "vectors - total[:, None, :]", "sign"),
    ("5-2-gradient", "grad_y[:, None, None] *", "2 * grad_y[:, None, None] *", "yours = 2 * numeric"),
    ("5-2-gradient", "grad_y[:, None, None] *", "grad_y *", "raised ValueError"),
    ("5-3-count", "/ (m + 1)", "// (m + 1)", "yours 0, expected 0.75"),
    ("5-3-count", "/ 2", "", "yours 1.5, expected 0.75"),
    ("5-3-count", "(m - 1)", "m", "expected 0.75"),
    ("5-3-count", "(m + 1)", "m", "expected 0.75"),
    ("5-4-field-aware", "vectors.transpose(0, 2, 1, 3)", "vectors", "vectors: "),
    ("5-4-field-aware", "grad_vectors[:, range(m), range(m)] = 0", "pass", "vectors: "),
    (
        "5-4-field-aware",
        "grad_y[:, None, None, None] * vectors",
        "grad_y[:, None, None, None] * 2 * vectors",
        "yours = 2 * numeric",
    ),
    (
        "5-4-field-aware",
        "grad_y[:, None, None, None] * vectors.transpose(0, 2, 1, 3)",
        "grad_y[:, None, None, None] * (vectors.sum(axis=1, keepdims=True) - vectors)",
        "vectors: ",
    ),
]
BUFFER = "y = np.zeros(len(vectors)); y[:] = ((total"
SUMMED = "(total * total).sum(axis=1) - (vectors * vectors).sum(axis=(1, 2))"
NOT_SUMMED = "total * total - (vectors * vectors).sum(axis=1)"
EARLIER = [
    ("5-2-gradient", "task-5-1", SUMMED, NOT_SUMMED, "5.2 waits for 5.1: y has shape (3, 2)"),
    ("5-2-gradient", "task-5-1", ") / 2", ")", "5.2 waits for 5.1: y: 3 of 3 entries are wrong"),
    ("5-2-gradient", "task-5-1", "return y, (vectors, total)", "return y, total", "5.2 waits for 5.1: the cache of"),
    ("5-2-gradient", "task-5-1", "y = ((total", BUFFER, "right"),
]
HARD_CODED = {
    "5-1-values": "def fm_forward(vectors):\n    return np.array([11.0]), (vectors, vectors.sum(axis=1))",
    "5-1-edges": "def fm_forward(vectors):\n    return np.zeros(2), (vectors, vectors.sum(axis=1))",
    "5-2-gradient": "def fm_backward(grad_y, cache):\n    return np.zeros(cache[0].shape)",
    "5-3-count": "def times_as_many(m):\n    return 0.75",
    "5-4-field-aware": "def field_aware_backward(grad_y, vectors):\n    return np.zeros(vectors.shape)",
}
