"""Wrong answers to exercise 6: links of the chain that are missing, in the wrong order, or wrongly connected."""

SIGMOID, AFFINE = "sigmoid_backward(grad_a, sigmoid_cache)", "return affine_backward(grad_z, affine_cache)"
OUTPUT = 'affine_forward(a, params[f"W{H}"], params[f"b{H}"])'
PLANTED = [
    ("6-1-x", SIGMOID, "grad_a", "x: 1 stands for a (1 - a), the slope of the sigmoid"),
    (
        "6-1-x",
        AFFINE,
        "return affine_backward(grad_z, affine_cache)[::-1]",
        "x: the gradient has shape (3,), should be (5, 4)",
    ),
    ("6-1-x", AFFINE, "return affine_backward(grad_z, affine_cache)[0]", "must return grad_x, grad_W, grad_b"),
    ("6-1-x", AFFINE, "return affine_backward(-grad_z, affine_cache)", "x: the sign is flipped"),
    ("6-1-weights", SIGMOID, "grad_a * sigmoid_forward(grad_a)[1].slope", "W0: no known mistake fits"),
    ("6-1-weights", SIGMOID, SIGMOID + " / len(grad_a)", "W0: a constant factor is wrong"),
    (
        "6-1-weights",
        SIGMOID,
        "sigmoid_backward(" + SIGMOID + ", sigmoid_cache)",
        "W0: (a (1 - a))^2 stands for a (1 - a)",
    ),
    ("6-1-weights", SIGMOID, "sigmoid_backward(grad_a, affine_cache)", "no attribute 'slope'"),
    ("6-2-values", "y, output = " + OUTPUT, "y, (output, _) = hidden_layer" + OUTPUT[6:], "y of a net"),
    ("6-2-values", "range(H)", "range(H - 1)", "do not fit"),
    ("6-2-values", "// 2 - 1", "// 2", "KeyError"),
    ("6-2-values", "y[:, 0]", "y", "has shape (1, 1), should be (1,)"),
    ("6-2-values", "hidden_layer_forward(a,", "hidden_layer_forward(x,", "do not fit: (5, 4), (3, 3)"),
    ("6-2-values", "hidden_layer_forward(a,", "affine_forward(a,", "y of a net whose two hidden units are 1/2 and 3/4"),
    ("6-2-cache", "caches.append(cache)", "caches = [cache]", "the number of hidden caches"),
    ("6-2-cache", "caches.append(cache)", "caches.insert(0, cache)", "x in the first cache has shape (5, 3)"),
    ("6-2-cache", "caches.append(cache)", "caches.append(cache[0])", "reading_the_cache raised"),
    ("6-2-cache", "(caches, output)\n    ###", "caches\n    ###", "reading_the_cache raised"),
    ("6-3-weights", "reversed(range(H))", "range(H)", "raised ValueError"),
    ("6-3-weights", "grad_z = " + SIGMOID, "grad_z = grad_a", "W0: no known mistake fits"),
    ("6-3-weights", "grad_y[:, None]", "grad_y", "network_backward raised ValueError"),
    ("6-3-weights", "reversed(range(H))", "reversed(range(1, H))", "KeyError: 'W0'"),
    (
        "6-3-weights",
        "grad_y[:, None]",
        "grad_y[:, None] / len(grad_y)",
        "a constant factor is wrong: yours = 1/n (n = 5)",
    ),
    ("6-3-weights", "return grad_a, grads", "return grads", "must return grad_x, grads"),
    ("6-3-input", "return grad_a, grads", "return grad_z, grads", "should be (5, 4)"),
    ("6-3-input", "grad_z = " + SIGMOID, "grad_z = grad_a", "x: no known mistake fits"),
    ("6-3-input", "return grad_a, grads", "return 0 * grad_a, grads", "x: the gradient is zero everywhere"),
    ("6-3-input", "reversed(range(H))", "range(H)", "raised ValueError"),
    ("6-4-count", "(widths[i] + 1)", "widths[i]", "yours 15, expected 19"),
    ("6-4-count", "(widths[i] + 1) * widths[i + 1]", "widths[i] * (widths[i + 1] + 1)", "yours 22, expected 19"),
    ("6-4-count", "len(widths) - 1", "len(widths) - 2", "yours 15, expected 19"),
    ("6-5-tanh", "sigmoid_forward(2 * z)", "sigmoid_forward(z)", "tanh of 0 and log 2: "),
    ("6-5-tanh", "4 * cache.slope", "2 * cache.slope", "its slopes: "),
    ("6-5-tanh", "4 * cache.slope", "1 - (2 * s - 1) ** 2", "the slope at 20 and -20: "),
    ("6-5-tanh", "2 * s - 1,", "s,", "tanh of 0 and log 2: "),
]
HARD_CODED = {
    "6-1-x": "def hidden_layer_backward(grad_a, cache):\n    return np.zeros((5, 4)), np.zeros((4, 3)), np.zeros(3)",
    "6-1-weights": "def hidden_layer_backward(grad_a, cache):\n"
    "    return np.zeros((5, 4)), np.zeros((4, 3)), np.zeros(3)",
    "6-2-values": "def network_forward(params, x):\n    return np.array([5.0]), ([], None)",
    "6-2-cache": "def network_forward(params, x):\n"
    "    _, cache = hidden_layer_forward(x, params['W0'], params['b0'])\n    return None, ([cache, cache], cache[0])",
    "6-3-weights": "def network_backward(grad_y, cache):\n    return np.zeros((5, 4)), "
    "{'W0': np.zeros((4, 3)), 'b0': np.zeros(3), 'W1': np.zeros((3, 1)), 'b1': grad_y.sum(keepdims=True)}",
    "6-3-input": "def network_backward(grad_y, cache):\n    return np.zeros((5, 4)), "
    "{'W0': np.zeros((4, 3)), 'b0': np.zeros(3), 'W1': np.zeros((3, 1)), 'b1': np.zeros(1)}",
    "6-4-count": "def parameter_count(widths):\n    return 19",
    "6-5-tanh": "def tanh_and_slope(z):\n    return np.array([0.0, 0.6]), np.array([1.0, 0.64])",
}
