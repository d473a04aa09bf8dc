"""Wrong answers to exercise 11: lost paths through mean and variance, and the wrong kind of variance."""

SHORT, GAMMA = ", grad_y.sum(axis=0)\n", "(grad_y * normalized).sum(axis=0)"
VARIANCE = " - normalized * (g * normalized).mean(axis=0)"
SQUARES = "(centered * centered).mean(axis=0)"
PLANTED = [
    ("11-1-values", "x.mean(axis=0)", "x.mean(axis=1, keepdims=True)", "y for units of 1, 5 and of 7, 7: "),
    ("11-1-values", " + EPSILON", "", "y for units of 1, 5 and of 7, 7: "),
    ("11-1-values", "1 / np.sqrt", "1 / ", "yours 8.5"),
    ("11-1-values", SQUARES, "x.var(axis=0, ddof=1)", "yours 7.87"),
    (
        "11-1-values",
        "gamma * normalized + beta",
        "gamma * (normalized + beta)",
        "y for units of 1, 5 and of 7, 7: ",
    ),
    (
        "11-1-values",
        "centered = x - x.mean(axis=0)",
        "x -= x.mean(axis=0); centered = x",
        "changes its argument number 1",
    ),
    ("11-1-cache", "(normalized, gamma, inverse_std)", "(normalized, inverse_std)", "the length of the tuple"),
    (
        "11-1-cache",
        "(normalized, gamma, inverse_std)",
        "(centered, gamma, inverse_std)",
        "with normalized from the cache",
    ),
    (
        "11-1-cache",
        "(normalized, gamma, inverse_std)",
        "(normalized, gamma, 1 / inverse_std)",
        "inverse_std in the cache",
    ),
    (
        "11-1-cache",
        "(normalized, gamma, inverse_std)",
        "(x, gamma, inverse_std)",
        "with normalized from the cache",
    ),
    ("11-2-running", ", ddof=1", "", "yours 1.3, expected 1.7"),
    (
        "11-2-running",
        "(1 - MOMENTUM) * mean + MOMENTUM * x.mean(axis=0)",
        "MOMENTUM * mean + (1 - MOMENTUM) * x.mean(axis=0)",
        "the running mean: ",
    ),
    ("11-2-running", "mean, variance = running", "mean, variance = running; mean *= 1 - MOMENTUM", "the running mean"),
    ("11-2-running", "mean, variance = running", "mean, variance = running; variance += 1e-9", "the running variance"),
    ("11-2-running", "x.var(axis=0, ddof=1)", "x.std(axis=0, ddof=1)", "the running variance: "),
    ("11-2-one", "if len(x) == 1:", "if len(x) == 0:", "yours 1.4, expected 1"),
    ("11-2-one", "return running", "return x[0], running[1]", "yours 5, expected 1"),
    ("11-2-one", "return running\n", "return\n", "returned None"),
    ("11-2-one", "if len(x) == 1:", "if len(x) <= 2:", "the running mean after a batch of two: "),
    ("11-3-evaluation", "mean, variance = running", "mean, variance = x.mean(axis=0), x.var(axis=0)", "yours 7"),
    ("11-3-evaluation", "np.sqrt(variance + EPSILON)", "(variance + EPSILON)", "yours 12.99"),
    ("11-3-evaluation", "x - mean", "x", "where the running mean is 1 and the variance 4: "),
    ("11-3-evaluation", " + EPSILON", "", "y of an example: "),
    ("11-4-gamma-beta", GAMMA, "grad_y.sum(axis=0)", "gamma: it is the gradient of beta"),
    ("11-4-gamma-beta", SHORT, ", grad_y.mean(axis=0)\n", "beta: a constant factor is wrong: yours = 1/n (n = 6)"),
    ("11-4-gamma-beta", SHORT, ", grad_y\n", "sum it over the batch"),
    ("11-4-gamma-beta", SHORT, "\n", "must return grad_x, grad_gamma, grad_beta"),
    ("11-4-x", VARIANCE, "", "x: the path through the variance over axis 0"),
    ("11-4-x", "g - g.mean(axis=0)" + VARIANCE, "g", "x: the paths through mean and variance over axis 0"),
    ("11-4-x", "g = grad_y * gamma", "g = grad_y", "x: a factor gamma is missing"),
    ("11-4-x", "grad_x = inverse_std * ", "grad_x = -inverse_std * ", "x: the sign is flipped"),
    ("11-4-one", "g - g.mean(axis=0)" + VARIANCE, "g", "grad_x for a batch of one: "),
    ("11-4-one", "grad_x = inverse_std", "grad_x = (inverse_std / (len(g) - 1))", "grad_x for a batch of one: "),
    ("11-4-one", SHORT, ", grad_y\n", "grad_beta for a batch of one has shape (1, 3), should be (3,)"),
]
HARD_CODED = {
    "11-1-values": "def batch_norm_forward(x, gamma, beta):\n"
    "    return beta + 3 * np.sign(x - x.mean(axis=0)), (x, gamma, gamma)",
    "11-1-cache": "def batch_norm_forward(x, gamma, beta):\n    return gamma * x + beta, (x, gamma, gamma)",
    "11-2-running": "def new_running(running, x):\n    return np.array([1.2, 3.8]), np.array([1.7, 23.6])",
    "11-2-one": "def new_running(running, x):\n    return running",
    "11-3-evaluation": "def batch_norm_predict(x, gamma, beta, running):\n    return np.array([[10.0], [16.0]])",
    "11-4-gamma-beta": "def batch_norm_backward(grad_y, cache):\n    return np.zeros((6, 3)), np.zeros(3), np.zeros(3)",
    "11-4-x": "def batch_norm_backward(grad_y, cache):\n    return np.zeros((6, 3)), np.zeros(3), np.zeros(3)",
    "11-4-one": "def batch_norm_backward(grad_y, cache):\n    return np.zeros((1, 3)), np.zeros(3), np.ones(3)",
}
