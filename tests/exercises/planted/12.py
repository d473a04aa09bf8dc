"""Wrong answers to exercise 12: the bugs themselves, and attempted fixes that fail."""

PLANTED = [
    ("12-1-mended", " - grad_y.mean(axis=0)", "", "x: "),
    ("12-1-mended", "grad_y.mean(axis=0)", "grad_y.sum(axis=0)", "x: "),
    ("12-1-mended", "return grad_y - ", "return ", "x: the gradient has shape (4,), should be (6, 4)"),
    ("12-2-mended", "(z > 0)", "(grad_a > 0)", "z: "),
    ("12-2-mended", " * (z > 0)", "", "the mask is not applied"),
    ("12-2-mended", "(z > 0)", "(z < 0)", "z: "),
    (
        "12-3-mended",
        "m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)",
        "m_hat, v_hat = m, v",
        "the first step: ",
    ),
    ("12-3-mended", "0.999**t", "0.999 ** (t + 1)", "the first step: "),
    ("12-3-mended", "0.9**t", "0.9", "the list of positions: "),
    ("12-4-mended", "pairs + ", "", "vectors: "),
    ("12-4-mended", "pairs + grad_x.reshape(V.shape)", "pairs", "vectors: "),
    ("12-4-mended", '"W": grad_W', '"W": 2 * grad_W', "a constant factor is wrong: yours = 2 * numeric"),
    ("12-5-mended", ' + 0.3 * params["w"]', "", "the gradient of an L2 penalty is missing"),
    ("12-5-mended", "0.3 * params", "0.15 * params", "the gradient of an L2 penalty is missing"),
    ("12-5-mended", "2 / len(e)", "2", "w: "),
    ("12-6-mended", "y / 2", "y", "yours 22, expected 11"),
    ("12-6-mended", "y / 2", "y - 11", "y: "),
    ("12-6-mended", "return y / 2, cache", "return y / 2", "must return y, cache"),
    ("12-7-mended", "-slope, slope", "-slope, np.zeros(len(u))", "passed: "),
    ("12-7-mended", "-slope, slope", "slope, -slope", "the sign is flipped"),
    ("12-7-mended", " / len(u)", "", "a constant factor is wrong"),
    ("12-7-mended", "-slope, slope", "-slope", "must return grad_clicked, grad_passed"),
]
HARD_CODED = {
    "12-1-mended": "def mended_centre(grad_y, cache):\n    return np.zeros((6, 4))",
    "12-2-mended": "def mended_off(grad_a, z):\n    return np.ones((6, 4))",
    "12-3-mended": "def mended_steps(gradients, rate=0.1):\n    return np.array([-0.1])",
    "12-4-mended": "def mended_shared(params):\n    "
    "return 0.0, {name: np.zeros(array.shape) for name, array in params.items()}",
    "12-5-mended": "def mended_line(params):\n    return 1.0, {'w': np.zeros(4)}",
    "12-6-mended": "def mended_double(vectors):\n    return np.array([11.0]), None",
    "12-7-mended": "def mended_ranking(grad_loss, u):\n    return np.zeros(5), np.zeros(5)",
}
