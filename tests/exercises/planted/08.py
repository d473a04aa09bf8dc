"""Wrong answers to exercise 8: common mistakes in Adam, and rows that move although no example touches them."""

FORMULA = "rate * m_hat / (np.sqrt(v_hat) + epsilon)"
ROWS = "theta[rows], m[rows], v[rows] = step(theta[rows], m[rows], v[rows], t, g)"
WHOLE = "whole = np.zeros_like(theta); whole[rows] = g; theta, m, v = step(theta, m, v, t, whole)"
CORRECTED = "m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)"
PLANTED = [
    ("8-1-values", "* g * g", "* g", "the new v: "),
    ("8-1-values", "beta1 * m + (1 - beta1) * g", "beta1 * g + (1 - beta1) * m", "the new m: "),
    ("8-1-values", "(1 - beta1) * g,", "g,", "yours 3.9, expected 1.2"),
    ("8-1-values", "return", "m *= 1.0 * beta1; return m + (1 - beta1) * g, v #", "changes its argument number 1"),
    ("8-1-values", "return", "return (", "an earlier cell failed: SyntaxError"),
    ("8-1-values", "(1 - beta2)", "0.001", "the new v for beta2 = 0.9: "),
    ("8-2-correction", CORRECTED, "m_hat, v_hat = m, v", "yours 0.00316"),
    ("8-2-correction", "v / (1 - beta2**t)", "v", "yours 0.0316"),
    ("8-2-correction", "np.sqrt(v_hat)", "v_hat", "yours 0.000333"),
    ("8-2-correction", "beta1**t", "beta1", "the change in step 2: "),
    ("8-2-correction", CORRECTED, CORRECTED.replace("**t", "**(t - 1)"), "the first step"),
    ("8-2-correction", CORRECTED, "m /= 1 - beta1**t; m_hat, v_hat = m, v / (1 - beta2**t)", "changes its argument"),
    ("8-2-epsilon", "(np.sqrt(v_hat) + epsilon)", "np.sqrt(v_hat + epsilon)", "for a gradient of 1e-8: "),
    ("8-2-epsilon", " + epsilon", "", "where no gradient ever came: "),
    (
        "8-2-epsilon",
        FORMULA,
        "rate * m_hat * np.sqrt(1 - beta2**t) / (np.sqrt(v) + epsilon)",
        "for a gradient of 1e-8: ",
    ),
    ("8-2-epsilon", "+ epsilon", "+ 1e-8", "the change in step 3 with epsilon 0.001: "),
    ("8-3-loop", "start=1", "start=0", "yours 9, expected 8"),
    ("8-3-loop", "theta = theta - ", "theta = theta + ", "yours 12, expected 8"),
    ("8-3-loop", "theta = theta - ", "theta -= ", "changes its argument number 1"),
    (
        "8-3-loop",
        "m, v = new_moments(m, v, g)",
        "m, v = new_moments(0 * m, 0 * v, g)",
        "theta after two steps: ",
    ),
    ("8-3-loop", "change(m, v, t)", "change(m, v, 1)", "theta after two steps: "),
    ("8-3-loop", "    return theta", "        return theta", "theta after two steps: "),
    ("8-4-rows", ROWS, WHOLE, "m, of which rows 0 and 2 are touched: "),
    ("8-4-rows", "theta, m, v = theta.copy(), m.copy(), v.copy()", "", "changes its argument number 2"),
    ("8-4-rows", ROWS, ROWS.replace(", m[rows], v[rows] =", ", *_ ="), "m, of which rows 0 and 2 are touched: "),
    ("8-4-rows", ROWS, "theta, m, v = step(theta[rows], m[rows], v[rows], t, g)", "has shape (2, 1), should be (4, 1)"),
    ("8-4-rows", "theta[rows], m[rows], v[rows], t, g", "theta, m, v, t, g", "raised ValueError"),
    ("8-4-one-count", "v[rows], t, g", "v[rows], 1, g", "as in the dense step,: "),
    ("8-4-one-count", ROWS, WHOLE, "the table after step 2 of Adam: "),
    ("8-4-one-count", ROWS, ROWS.replace(", v[rows] =", ", _ ="), "v where every row is touched"),
    (
        "8-5-adamw",
        "step(theta, m, v, t, g)\n",
        "step(theta, m, v, t, g + decay * theta)\n",
        "theta of 10 after a step: ",
    ),
    ("8-5-adamw", "rate * decay * theta", "rate * decay * new", "theta of 10 after a step: "),
    ("8-5-adamw", "rate * decay * theta", "decay * theta", "theta of 10 after a step: "),
    ("8-5-adamw", "new - rate", "new + rate", "theta of 10 after a step: "),
]
HARD_CODED = {
    "8-1-values": "def new_moments(m, v, g, *betas):\n    return np.array([1.2, -2.0]), np.array([2.007, 0.4])",
    "8-2-correction": "def change(m, v, t, rate=0.001, *others):\n    return rate * np.sign(m)",
    "8-2-epsilon": "def change(m, v, t, *others):\n    return np.array([0.0005]) if m.any() else m",
    "8-3-loop": "def adam(theta, gradients, *functions):\n    return np.array([[8.0], [-2.0]][len(gradients) - 1])",
    "8-4-rows": "def rows_step(step, theta, m, v, t, rows, g):\n    return np.array([[2.0], [10.0], [-4.0], [10.0]]), "
    "np.array([[2.0], [2.0], [3.0], [2.0]]), np.array([[2.0], [1.0], [5.0], [1.0]])",
    "8-4-one-count": "def rows_step(step, theta, m, v, t, rows, g):\n    return step(theta, m, v, t, g)",
    "8-5-adamw": "def adamw_step(step, theta, m, v, t, g, rate, decay):\n"
    "    return np.array([1.5]), np.array([2.0]), np.array([2.0])",
}
