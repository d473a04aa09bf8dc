"""Exercise 7: units are normalised to another spread, and the running variance has a rate of its own."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    rate = deal([i / 100 for i in range(12, 80)])
    return {"s": deal(tenths(1.3, 7.0)), "u": deal(tenths(1.3, 7.5)), "rate": rate, "rest": round(1 - rate, 2)} | {
        "k": deal(tenths(1.3, 6.8))
    }


EDITS = {
    "7.1": [
        (
            r"\hat x_e = \frac{x_e - \mu}{\sqrt{v + \epsilon}}",
            r"\hat x_e = «s»\, \frac{x_e - \mu}{\sqrt{v + \epsilon}}",
        ),
        (
            "`inverse_std` $(d,)$ is $1/\\sqrt{v + \\epsilon}$.",
            "`inverse_std` $(d,)$ is $1/\\sqrt{v + \\epsilon}$, without the «s».",
        ),
        ("normalized = centered * inverse_std", "normalized = «s» * centered * inverse_std"),
        ("y, [[7.0, 20.0], [13.0, 20.0]], rtol", "y, [[10 - 3 * «s», 20.0], [10 + 3 * «s», 20.0]], rtol"),
        (
            "(shift[unit] + 1) * (hidden[:, unit] - mean) / std",
            "(shift[unit] + 1) * «s» * (hidden[:, unit] - mean) / std",
        ),
        ("normalized, (hidden - hidden.mean(axis=0)) *", "normalized, «s» * (hidden - hidden.mean(axis=0)) *"),
    ],
    "7.2": [
        (
            r"\mathrm{variance} \leftarrow 0.9\, \mathrm{variance} + 0.1\,",
            r"\mathrm{variance} \leftarrow «rest»\, "
            r"\mathrm{variance} + «rate»\,",
        ),
        (
            "with 0.1 = `MOMENTUM`.",
            "with 0.1 = `MOMENTUM`; the variance has «rate» in its place, since it moves faster.",
        ),
        (
            "(1 - MOMENTUM) * variance + MOMENTUM * x.var(axis=0, ddof=1)",
            "«rest» * variance + «rate» * x.var(axis=0, ddof=1)",
        ),
        ("found[1], [1.7, 23.6])", "found[1], [«rest» + 8 * «rate», 4 * «rest» + 200 * «rate»])"),
        ("variance = variance + 0.1 *", "variance = variance + «rate» *"),
        (
            "found[0], 0.9 * np.arange(3.0))",
            "found[0], 0.9 * np.arange(3.0))\n"
            'equal("the running variance after a batch of two", found[1], «rest» * (np.arange(3.0) + 0.5))',
        ),
    ],
    "7.3": [
        (
            "the rest is as in training.",
            "and instead of «s», the units are multiplied by «u»; the rest is as in training.",
        ),
        ("return gamma * (x - mean)", "return gamma * «u» * (x - mean)"),
        ("y, [[10.0], [16.0]], rtol", "y, [[10.0], [10 + 6 * «u»]], rtol"),
        ("gamma[unit] * (x[e, unit]", "gamma[unit] * «u» * (x[e, unit]"),
    ],
    "7.4": [
        (
            "Two of them are short: $y_e = \\gamma \\hat x_e + \\beta$,",
            "Mind the «s» in $\\hat x$. Two of them are short: $y_e = \\gamma \\hat x_e + \\beta$,",
        ),
        ("g = grad_y * gamma", "g = «s» * grad_y * gamma"),
        (r"Let $g = \partial L / \partial \hat x$.", r"Let $g = «s»\, \partial L / \partial \hat x$."),
        (r"\hat x_e\, \mathrm{mean}(g\, \hat x)}", r"\hat x_e\, \mathrm{mean}(g\, \hat x) / «s»^2}"),
        ("- normalized * (g * normalized).mean(axis=0))", "- normalized * (g * normalized).mean(axis=0) / «s» ** 2)"),
        ("normalized = C @ x * inverse_std", "normalized = «s» * (C @ x) * inverse_std"),
        ("hat, r = cache[0][:, unit], cache[2][unit]", "hat, r = cache[0][:, unit] / «s», cache[2][unit] * «s»"),
    ],
    "7.5": [
        ("y_{ed} = \\frac{x_{ed} - \\mu_e}", "y_{ed} = «k»\\, \\frac{x_{ed} - \\mu_e}"),
        ("`inverse_std` $(n,)$.", "`inverse_std` $(n,)$ without the «k»."),
        ("y = centered * inverse_std", "y = «k» * centered * inverse_std"),
        (
            "return inverse_std[:, None] * (grad_y - mean - y * along)",
            "return inverse_std[:, None] * («k» * (grad_y - mean) - y * along / «k»)",
        ),
    ],
}
