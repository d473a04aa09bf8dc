"""Exercise 6: hidden layers and the output are scaled, so the chain has two factors more."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    return {"s": deal(tenths(1.2, 7.0)), "t": deal(tenths(-7.0, -1.2)), "q": deal(range(2, 70))} | {
        "A": deal(tenths(1.2, 6.0)),
        "B": deal([i / 100 for i in range(21, 98)]),
    }


EDITS = {
    "setup": [
        ('"""sigmoid(x W + b), (n, d_in)', '"""«s» times sigmoid(x W + b), (n, d_in)'),
        ("return a, (affine_cache, sigmoid_cache)", "return «s» * a, (affine_cache, sigmoid_cache)"),
    ],
    "6.1": [
        ("$a = \\sigma(z)$", "$a = «s»\\, \\sigma(z)$"),
        (r"\odot \sigma'(z)$", r"\odot «s»\, \sigma'(z)$"),
        ("grad_z = sigmoid_backward(grad_a, sigmoid_cache)", "grad_z = «s» * sigmoid_backward(grad_a, sigmoid_cache)"),
        ("grad_a * a * (1 - a)", "grad_a * a * (1 - a / «s»)"),
    ],
    "6.2": [
        (r"a_{l+1} = \sigma(a_l W_l + b_l)", r"a_{l+1} = «s»\, \sigma(a_l W_l + b_l)"),
        ("y = a_H W_H + b_H", "y = «t» \\, (a_H W_H + b_H)"),
        ("The output has no sigmoid.", "The output has no sigmoid; it is multiplied by «t»."),
        ("`y[:, 0]` is $(n,)$", "`y[:, 0]` is $(n,)$, before it is multiplied"),
        ("return y[:, 0], (caches, output)", "return «t» * y[:, 0], (caches, output)"),
        (
            'y of a net whose two hidden units are 1/2 and 3/4", y, [5.0]',
            'y of a net whose two sigmoids are 1/2 and 3/4", y, [«t» * (4 * «s» + 1)]',
        ),
        ("a = 1 / (1 + np.exp(", "a = «s» / (1 + np.exp("),
        (
            'expected = a @ params[f"W{len(widths) - 2}"][:, 0] + params[f"b{len(widths) - 2}"]',
            'expected = «t» * (a @ params[f"W{len(widths) - 2}"][:, 0] + params[f"b{len(widths) - 2}"])',
        ),
        ("slope, a * (1 - a))", "slope, a / «s» * (1 - a / «s»))"),
    ],
    "6.3": [
        (
            "for `grad_y` $(n,)$ and the cache",
            "(of the net of task 6.2, with «s» and «t») for `grad_y` $(n,)$ and the cache",
        ),
        ("`grad_y[:, None]`.", "`grad_y[:, None]`, and the output was multiplied by «t»."),
        (r"\odot \sigma'(z_l)", r"\odot «s»\, \sigma'(z_l)"),
        ("affine_backward(grad_y[:, None], output)", "affine_backward(«t» * grad_y[:, None], output)"),
        ("grad_z = sigmoid_backward(grad_a, sigmoid_cache)", "grad_z = «s» * sigmoid_backward(grad_a, sigmoid_cache)"),
        ("return y[:, 0], ([first], output)", "return «t» * y[:, 0], ([first], output)"),
        ("return y[:, 0], (caches, output)", "return «t» * y[:, 0], (caches, output)"),
        ("(a * (1 - a))[:, None, :]", "(a * (1 - a / «s»))[:, None, :]"),
        (
            'grad_y[:, None] * (jacobian @ params[f"W{last}"])[..., 0]',
            '«t» * grad_y[:, None] * (jacobian @ params[f"W{last}"])[..., 0]',
        ),
    ],
    "6.4": [
        (
            "how many numbers `params` holds, weights and biases together.",
            "how many numbers an ensemble of «q» such nets learns, weights and biases together.",
        ),
        (r"$\sum_l (d_l + 1)\, d_{l+1}$", r"$«q» \sum_l (d_l + 1)\, d_{l+1}$"),
        ("return sum((widths", "return «q» * sum((widths"),
        ("[4, 3, 1]), 19)", "[4, 3, 1]), 19 * «q»)"),
        ("widths), expected)", "widths), «q» * expected)"),
    ],
    "6.5": [
        ("a = \\tanh z = \\frac", "a = «A» \\tanh(«B» z), \\qquad \\tanh z = \\frac"),
        ("the slope $1 - a^2$ would be 0 in float64", "the slope by way of $1 - \\tanh^2$ would be 0 in float64"),
        ("At $z = 20$", "Where $«B» z = 20$"),
        (
            "by the chain rule its slope is $4\\, \\sigma'(2z)$",
            "by the chain rule its slope is $4\\, \\sigma'(2z)$; «A» and «B» come on top",
        ),
        ("sigmoid_forward(2 * z)", "sigmoid_forward(2 * «B» * z)"),
        ("return 2 * s - 1, 4 * cache.slope", "return «A» * (2 * s - 1), 4 * «A» * «B» * cache.slope"),
        ("np.array([0.0, np.log(2.0)])", "np.array([0.0, np.log(2.0) / «B»])"),
        ('tanh of 0 and log 2", a, np.array([0.0, 0.6])', 'a at 0 and log(2) / «B»", a, «A» * np.array([0.0, 0.6])'),
        ("slope, np.array([1.0, 0.64])", "slope, «A» * «B» * np.array([1.0, 0.64])"),
        ("a, np.tanh(x))", "a, «A» * np.tanh(«B» * x))"),
        ("slope, 1 - np.tanh(x) ** 2, rtol=1e-12", "slope, «A» * «B» / np.cosh(«B» * x) ** 2, rtol=1e-10"),
        ("np.array([20.0, -20.0])", "np.array([20.0, -20.0]) / «B»"),
        ("np.full(2, 4 * np.exp(-40.0)), rtol=1e-12", "np.full(2, 4 * «A» * «B» * np.exp(-40.0)), rtol=1e-10"),
    ],
}
