"""Wrong answers to exercise 9: common mistakes in Adam, and rows that move although no example touches them."""

FORMULA = "rate * m_hat / (np.sqrt(v_hat) + epsilon)"
ROWS = "theta[rows], m[rows], v[rows] = step(theta[rows], m[rows], v[rows], t, g)"
WHOLE = "whole = np.zeros_like(theta); whole[rows] = g; theta, m, v = step(theta, m, v, t, whole)"
CORRECTED = "m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)"
PLANTED = [
    ("9-1-values", "* g * g", "* g", "the new v: "),
    ("9-1-values", "beta1 * m + (1 - beta1) * g", "beta1 * g + (1 - beta1) * m", "the new m: "),
    ("9-1-values", "(1 - beta1) * g,", "g,", "yours 3.9, expected 1.2"),
    ("9-1-values", "return", "m *= 1.0 * beta1; return m + (1 - beta1) * g, v #", "changes its argument number 1"),
    ("9-1-values", "return", "return (", "an earlier cell failed: SyntaxError"),
    ("9-1-values", "(1 - beta2)", "0.001", "the new v for beta2 = 0.9: "),
    ("9-2-correction", CORRECTED, "m_hat, v_hat = m, v", "yours 0.00316"),
    ("9-2-correction", "v / (1 - beta2**t)", "v", "yours 0.0316"),
    ("9-2-correction", "np.sqrt(v_hat)", "v_hat", "yours 0.000333"),
    ("9-2-correction", "beta1**t", "beta1", "the change in step 2: "),
    ("9-2-correction", CORRECTED, CORRECTED.replace("**t", "**(t - 1)"), "the first step"),
    ("9-2-correction", CORRECTED, "m /= 1 - beta1**t; m_hat, v_hat = m, v / (1 - beta2**t)", "changes its argument"),
    ("9-2-epsilon", "(np.sqrt(v_hat) + epsilon)", "np.sqrt(v_hat + epsilon)", "for a gradient of 1e-8: "),
    ("9-2-epsilon", " + epsilon", "", "where no gradient ever came: "),
    (
        "9-2-epsilon",
        FORMULA,
        "rate * m_hat * np.sqrt(1 - beta2**t) / (np.sqrt(v) + epsilon)",
        "for a gradient of 1e-8: ",
    ),
    ("9-2-epsilon", "+ epsilon", "+ 1e-8", "the change in step 3 with epsilon 0.001: "),
    ("9-3-loop", "start=1", "start=0", "yours 9, expected 8"),
    ("9-3-loop", "theta = theta - ", "theta = theta + ", "yours 12, expected 8"),
    ("9-3-loop", "theta = theta - ", "theta -= ", "changes its argument number 1"),
    (
        "9-3-loop",
        "m, v = new_moments(m, v, g)",
        "m, v = new_moments(0 * m, 0 * v, g)",
        "theta after two steps: ",
    ),
    ("9-3-loop", "change(m, v, t)", "change(m, v, 1)", "theta after two steps: "),
    ("9-3-loop", "    return theta", "        return theta", "theta after two steps: "),
    ("9-4-rows", ROWS, WHOLE, "m, of which rows 0 and 2 are touched: "),
    ("9-4-rows", "theta, m, v = theta.copy(), m.copy(), v.copy()", "", "changes its argument number 2"),
    ("9-4-rows", ROWS, ROWS.replace(", m[rows], v[rows] =", ", *_ ="), "m, of which rows 0 and 2 are touched: "),
    ("9-4-rows", ROWS, "theta, m, v = step(theta[rows], m[rows], v[rows], t, g)", "has shape (2, 1), should be (4, 1)"),
    ("9-4-rows", "theta[rows], m[rows], v[rows], t, g", "theta, m, v, t, g", "raised ValueError"),
    ("9-4-one-count", "v[rows], t, g", "v[rows], 1, g", "as in the dense step,: "),
    ("9-4-one-count", ROWS, WHOLE, "the table after step 2 of Adam: "),
    ("9-4-one-count", ROWS, ROWS.replace(", v[rows] =", ", _ ="), "v where every row is touched"),
    (
        "9-5-adamw",
        "step(theta, m, v, t, g)\n",
        "step(theta, m, v, t, g + decay * theta)\n",
        "theta of 10 after a step: ",
    ),
    ("9-5-adamw", "rate * decay * theta", "rate * decay * new", "theta of 10 after a step: "),
    ("9-5-adamw", "rate * decay * theta", "decay * theta", "theta of 10 after a step: "),
    ("9-5-adamw", "new - rate", "new + rate", "theta of 10 after a step: "),
]
HARD_CODED = {
    "9-1-values": "def new_moments(m, v, g, *betas):\n    return np.array([1.2, -2.0]), np.array([2.007, 0.4])",
    "9-2-correction": "def change(m, v, t, rate=0.001, *others):\n    return rate * np.sign(m)",
    "9-2-epsilon": "def change(m, v, t, *others):\n    return np.array([0.0005]) if m.any() else m",
    "9-3-loop": "def adam(theta, gradients, *functions):\n    return np.array([[8.0], [-2.0]][len(gradients) - 1])",
    "9-4-rows": "def rows_step(step, theta, m, v, t, rows, g):\n    return np.array([[2.0], [10.0], [-4.0], [10.0]]), "
    "np.array([[2.0], [2.0], [3.0], [2.0]]), np.array([[2.0], [1.0], [5.0], [1.0]])",
    "9-4-one-count": "def rows_step(step, theta, m, v, t, rows, g):\n    return step(theta, m, v, t, g)",
    "9-5-adamw": "def adamw_step(step, theta, m, v, t, g, rate, decay):\n"
    "    return np.array([1.5]), np.array([2.0]), np.array([2.0])",
}
