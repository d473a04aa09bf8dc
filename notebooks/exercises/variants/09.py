"""Exercise 9: gradients are clipped, the rate warms up, the count begins elsewhere, resting moments decay."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    drawn = {"clip": deal(tenths(4.1, 18.0)), "warm": deal(range(2, 70)), "start": deal(range(2, 70))}
    return (
        drawn
        | {"before": drawn["start"] - 1, "decay": deal([i / 100 for i in range(15, 97)])}
        | {"w": deal(tenths(1.2, 7.0))}
    )


EDITS = {
    "9.1": [
        (
            "the first line of the formulas.",
            "the first line of the formulas, in which each entry of $g$ is clipped first: what is "
            "larger than «clip» becomes «clip», what is smaller than -«clip» becomes -«clip».",
        ),
        ("A weighted mean of what was", "`np.clip` clips. Then: a weighted mean of what was"),
        (
            "`return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g`",
            "```\ng = np.clip(g, -«clip», «clip»)\n"
            "return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * (g * g)\n```",
        ),
        (
            "return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g",
            "g = np.clip(g, -«clip», «clip»)\n    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g",
        ),
        ('equal("the new m", m, [1.2, -2.0])', 'equal("the new m", m, [1.2, -0.1 * «clip»])'),
        ('equal("the new v", v, [2.007, 0.4])', 'equal("the new v", v, [2.007, 0.001 * «clip» ** 2])'),
        (
            "m, v, g = rng.standard_normal((3, *shape))",
            "m, v, g = rng.standard_normal((3, *shape))\n    large = g * 30\n"
            "    twice = [call(new_moments, m, v, each, beta1, beta2) for each in (large, "
            "np.maximum(np.minimum(large, «clip»), "
            '-«clip»))]\n    equal("the new m of a clipped gradient", twice[0][0], twice[1][0])',
        ),
    ],
    "9.2": [
        (
            r"$\eta\, \hat m / (\sqrt{\hat v} + \epsilon)$.",
            r"$\eta_t\, \hat m / (\sqrt{\hat v} + \epsilon)$, where the rate warms "
            r"up over «warm» steps: $\eta_t = \eta \min(1, t / «warm»)$.",
        ),
        ("so the change is nearly $\\pm\\eta$", "so the change is nearly $\\pm\\eta / «warm»$"),
        ("`m_hat = m / (1 - beta1**t)`", "`rate * min(1, t / «warm»)`, `m_hat = m / (1 - beta1**t)`"),
        ("return rate * m_hat", "return min(1, t / «warm») * rate * m_hat"),
        ("[0.001, -0.001, 0.001], rtol=1e-6", "np.array([0.001, -0.001, 0.001]) / «warm», rtol=1e-6"),
        ("found, expected, rtol=1e-6", "found, min(1, t / «warm») * expected, rtol=1e-6"),
        ("[0.0005], rtol=1e-9", "[0.0005 / «warm»], rtol=1e-9"),
        (
            "0.01 * g / (np.abs(g) + epsilon), rtol=1e-9",
            "min(1, t / «warm») * 0.01 * g / (np.abs(g) + epsilon), rtol=1e-9",
        ),
        ("as large as epsilon: the root doubles, and the step is halved", "as large as epsilon: half the step"),
    ],
    "9.3": [
        (
            "the first with $t = 1$, and returns",
            "the first with $t = «start»$ (the count goes on from another run), and returns",
        ),
        ("And what would $1 - \\beta^t$ be at $t = 0$?", "And which $t$ comes after «start»?"),
        ("start=1", "start=«start»"),
        ("simple_change), [8.0]", "simple_change), [10.0 - «start» - 1]"),
        ("simple_change), [-2.0]", "simple_change), [9.0 - «start» - 2.5 * («start» + 1) - 5]"),
        ("m / (1 - 0.9**t)", "m / (1 - 0.9 ** (t - «before»))"),
        ("v / (1 - 0.999**t)", "v / (1 - 0.999 ** (t - «before»))"),
    ],
    "9.4": [
        (
            "Rows that are not touched stand still, and so do their moments.",
            "Rows that are not touched stand still; their moments "
            "$m$ and $v$ are multiplied by «decay», since they grow old.",
        ),
        ("Then put them back.", "Then put them back. `np.setdiff1d(np.arange(len(theta)), rows)` are the others."),
        (
            "v[rows], t, g)\nreturn",
            "v[rows], t, g)\nothers = np.setdiff1d(np.arange(len(theta)), rows)\n"
            "m[others] *= «decay»\nv[others] *= «decay»\nreturn",
        ),
        (
            "v[rows], t, g)\n    return",
            "v[rows], t, g)\n    others = np.setdiff1d(np.arange(len(theta)), rows)\n"
            "    m[others] *= «decay»\n    v[others] *= «decay»\n    return",
        ),
        ("new[1], [[2.0], [2.0], [3.0], [2.0]]", "new[1], [[2.0], [2 * «decay»], [3.0], [2 * «decay»]]"),
        ("new[2], [[2.0], [1.0], [5.0], [1.0]]", "new[2], [[2.0], [«decay»], [5.0], [«decay»]]"),
        ("expected = before.copy()", "expected = before * np.reshape([1, «decay», «decay»], (3, *[1] * len(shape)))"),
        (
            'equal(f"the table after step {t} of Adam", new[0], expected, rtol=1e-9)',
            'equal(f"the table after step {t} of Adam", new[0], expected, rtol=1e-9)\n'
            "    for moment in new[1:]:  # the library's do not decay\n"
            "        moment[np.setdiff1d(np.arange(5), touched.rows)] /= «decay»",
        ),
    ],
    "9.5": [
        ("- \\eta\\, \\lambda\\, \\theta", "- «w»\\, \\eta\\, \\lambda\\, \\theta"),
        (
            "Which $\\theta$ is multiplied by $\\eta \\lambda$?",
            "Which $\\theta$ is multiplied by $«w» \\eta \\lambda$?",
        ),
        ("return new - rate * decay * theta, m, v", "return new - «w» * rate * decay * theta, m, v"),
        ("new[0], [1.5])", "new[0], [2 - 0.5 * «w»])"),
        ("(theta - rate * decay * before[0], m, v)", "(theta - «w» * rate * decay * before[0], m, v)"),
    ],
}
