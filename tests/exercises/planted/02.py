"""Wrong answers to exercise 2: textbook formulas, and slopes taken at the wrong point."""

SAFE = "np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))"
SLOPE = "safe_sigmoid(z) * safe_sigmoid(-z)"
LOSS = "np.maximum(u, 0) + np.log1p(np.exp(-np.abs(u)))"
PLANTED = [
    ("2-1-values", SAFE, "1 / (1 + np.exp(z))", "sigmoid of 0 and log 3: "),
    ("2-1-values", SAFE, "np.tanh(z)", "sigmoid of 0 and log 3: "),
    ("2-1-values", "np.minimum(z, 0)", "np.minimum(-z, 0)", "expected"),
    ("2-1-saturated", SAFE, "1 / (1 + np.exp(-z))", "sigmoid raised FloatingPointError: overflow"),
    ("2-1-saturated", SAFE, "np.exp(z) / (1 + np.exp(z))", "sigmoid raised FloatingPointError: overflow"),
    ("2-1-saturated", SAFE, f"({SAFE}).astype(np.float64)", "is float64, should be float32"),
    ("2-2-gradient", SLOPE, "z * (1 - z)", "z: a (1 - a) is given the input z"),
    ("2-2-gradient", SLOPE, "safe_sigmoid(z)", "z: a is used for the derivative itself"),
    (
        "2-2-gradient",
        SLOPE,
        "safe_sigmoid(safe_sigmoid(z)) * safe_sigmoid(-safe_sigmoid(z))",
        "at the output a instead",
    ),
    ("2-2-saturated", SLOPE, "safe_sigmoid(z) * (1 - safe_sigmoid(z))", "the slope at 40: "),
    ("2-2-saturated", SLOPE, "safe_sigmoid(z) ** 2", "the slope at 40: "),
    ("2-2-saturated", "safe_sigmoid(-z)", "safe_sigmoid(-z) / 2", "the slope at 40: "),
    ("2-3-values", "np.maximum(u, 0) + ", "", "the loss of a click at z = -800: "),
    ("2-3-values", ".mean()", ".sum()", "the loss at z = 0: "),
    ("2-3-values", "(1 - 2 * labels)", "(2 * labels - 1)", "the loss of a click at z = -800: "),
    ("2-3-values", "np.log1p(np.exp(-np.abs(u)))", "np.log(1 + np.exp(-np.abs(u)))", "at z = 50, times 1e20: "),
    ("2-4-gradient", "return sign *", "return -sign *", "the gradient at z = 0: "),
    ("2-4-gradient", " / len(z)", "", "the gradient at z = 0: "),
    (
        "2-4-gradient",
        "safe_sigmoid(sign * z)",
        "safe_sigmoid(safe_sigmoid(sign * z))",
        "the gradient at z = 0: ",
    ),
    (
        "2-4-gradient",
        "sign * safe_sigmoid(sign * z)",
        "(safe_sigmoid(z) - labels)",
        "where the model is sure and right: ",
    ),
    ("2-5-focal", "2 * q**2 * (1 - q) * log_loss + q**3", "q**3", "z: "),
    ("2-5-focal", "2 * q**2 * (1 - q) * log_loss + q**3", "2 * q**2 * (1 - q) * log_loss", "z: "),
    ("2-5-focal", "(q**2 * log_loss).mean()", "log_loss.mean()", "the focal loss at z = 0: "),
    ("2-5-focal", "sign * slope / len(z)", "slope / len(z)", "z: "),
]
HARD_CODED = {
    "2-1-values": "def sigmoid(z):\n    return np.array([0.5, 0.75])",
    "2-1-saturated": "def sigmoid(z):\n    return (z > 0).astype(z.dtype)",
    "2-2-gradient": "def sigmoid_backward(grad_a, z):\n    return 0.25 * grad_a",
    "2-2-saturated": "def sigmoid_backward(grad_a, z):\n    return np.full(z.shape, np.exp(-40.0))",
    "2-3-values": "def log_loss(z, labels):\n    return np.log(2.0) if z[0] == 0 else -z[0]",
    "2-4-gradient": "def log_loss_backward(z, labels):\n    return np.where(labels == 0, 0.25, -0.25)",
    "2-5-focal": "def focal_loss(z, labels):\n    return np.log(2.0) / 4, np.zeros(len(z))",
}
