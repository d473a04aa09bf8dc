"""Exercise 11: each of the six forward passes has a factor of its own."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    drawn = {name: deal(tenths(1.2, 7.0 + number / 10)) for number, name in enumerate(("a", "b", "c", "g", "w"))}
    rate = deal([i / 100 for i in range(15, 75) if i != 40])
    return (
        drawn
        | {"rate": rate, "keep": round(1 - rate, 2), "percent": round(100 * rate)}
        | {"len": deal(tenths(1.2, 7.6))}
    )


EDITS = {
    "11.1": [
        ("$y = x W + b$", "$y = «a» \\, x W + b$"),
        ("`x.T @ grad_y`", "`«a» * (x.T @ grad_y)`"),
        ("return x @ W + b, (x, W)", "return «a» * (x @ W) + b, (x, W)"),
        (
            "return grad_y @ W.T, x.T @ grad_y / len(x), grad_y",
            "return «a» * (grad_y @ W.T), «a» * (x.T @ grad_y) / len(x), grad_y",
        ),
        ("return grad_y @ W.T, x.T @ grad_y, grad_y", "return «a» * (grad_y @ W.T), «a» * (x.T @ grad_y), grad_y"),
    ],
    "11.2": [
        (r"V_{ij} = \mathtt{table}", r"V_{ij} = «b»\, \mathtt{table}"),
        ("return table[ids], (table, ids)", "return «b» * table[ids], (table, ids)"),
        ("grad_table[ids] += grad_vectors", "grad_table[ids] += «b» * grad_vectors"),
        ("np.add.at(grad_table, ids, grad_vectors)", "np.add.at(grad_table, ids, «b» * grad_vectors)"),
        ("= 5.0, 1.0", "= 5 * «b», «b»"),
    ],
    "11.3": [
        (
            r"`forward` is the factorization machine's $\sum_{i<j} \langle V_i, V_j \rangle$, taken from the library;",
            r"`forward` is «c» times the factorization machine's $\sum_{i<j} \langle V_i, V_j \rangle$, taken "
            r"from the library;",
        ),
        (
            "$\\partial y / \\partial V_i = \\sum_j V_j - V_i$: `grad_y[:, None, None] *",
            "$\\partial y / \\partial V_i = «c» (\\sum_j V_j - V_i)$: `«c» * grad_y[:, None, None] *",
        ),
        (
            "def pairs_backward(grad_y, cache):",
            "def pairs_forward(vectors):\n    y, cache = ops.fm_forward(vectors)\n"
            "    return «c» * y, cache\n\n\ndef pairs_backward(grad_y, cache):",
        ),
        ("return grad_y[:, None, None] * total", "return «c» * grad_y[:, None, None] * total"),
        ("return grad_y[:, None, None] * (cache", "return «c» * grad_y[:, None, None] * (cache"),
        ("check_operation(ops.fm_forward,", "check_operation(pairs_forward,"),
        ("gradient(ops.fm_forward,", "gradient(pairs_forward,"),
        (
            "expected = hidden.sum(axis=1, keepdims=True) - hidden",
            "expected = «c» * (hidden.sum(axis=1, keepdims=True) - hidden)",
        ),
    ],
    "11.4": [
        ("`forward` is the sigmoid.", "`forward` is the sigmoid of $«g» z$."),
        (
            "`a = 1 / (1 + np.exp(-z))` first, then `grad_a * a * (1 - a)`",
            "`a = 1 / (1 + np.exp(-«g» * z))` first, then `«g» * grad_a * a * (1 - a)`",
        ),
        ("return 1 / (1 + np.exp(-z)), z", "return 1 / (1 + np.exp(-«g» * z)), z"),
        ("return grad_a * cache * (1 - cache)", "return «g» * grad_a * cache * (1 - cache)"),
        ("a = 1 / (1 + np.exp(-cache))\n", "a = 1 / (1 + np.exp(-«g» * cache))\n"),
        ("return grad_a * a * (1 - a)", "return «g» * grad_a * a * (1 - a)"),
        ("2 / (2 + np.exp(z) + np.exp(-z))", "2 * «g» / (2 + np.exp(«g» * z) + np.exp(-«g» * z))"),
    ],
    "11.5": [
        (
            "With a rate of .4, `forward` sets 40 % of the units to 0 and divides the others by .6.",
            "With a rate of «rate», `forward` sets «percent» % of the units to 0 and divides the others by «keep».",
        ),
        ("It is .6, the probability", "It is «keep», the probability"),
        ("`grad_y * mask / 0.6`", "`grad_y * mask / «keep»`"),
        (">= 0.4", ">= «rate»"),
        ("mask / 0.6, mask", "mask / «keep», mask"),
        ("cache / 0.6", "cache / «keep»"),
        ("np.array([5.0, 0.0, -10.0])", "np.array([3.0, 0.0, -6.0]) / «keep»"),
    ],
    "11.6": [
        ("averaged over the batch: $L = \\frac1n", "«w» times its mean over the batch: $L = \\frac{«w»}{n}"),
        ("`return grad_loss * (p - labels) / len(z)`", "`return «w» * grad_loss * (p - labels) / len(z)`"),
        (
            "return (np.log(1 + np.exp(z)) - labels * z).mean(), z",
            "return «w» * (np.log(1 + np.exp(z)) - labels * z).mean(), z",
        ),
        ("return grad_loss * (sigmoid(p) - labels)", "return «w» * grad_loss * (sigmoid(p) - labels)"),
        ("    return grad_loss * (p - labels)", "    return «w» * grad_loss * (p - labels)"),
        ("np.array([0.25, -0.25, -0.25, 0.25])", "«w» * np.array([0.25, -0.25, -0.25, 0.25])"),
    ],
    "11.7": [
        ("divides each row by its length, $y = x / |x|$,", "gives each row the length «len», $y = «len» \\, x / |x|$,"),
        ("Its cache is `(y, norm)`.", "Its cache is `(x / norm, norm)`."),
        ("return x / norm, (x / norm, norm)", "return «len» * x / norm, (x / norm, norm)"),
        ("return grad_y / norm", "return «len» * grad_y / norm"),
        ("return (grad_y - y", "return «len» * (grad_y - y"),
        ("np.array([[0.064, -0.048]])", "«len» * np.array([[0.064, -0.048]])"),
    ],
}
