"""Exercise 5: pairs and squares count with weights of their own, so value and gradient differ in every term."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    a, b = deal(tenths(1.3, 6.0)), deal(tenths(0.2, 3.1))
    return {"a": a, "b": b, "half": round(b - a / 2, 2), "rest": round(2 * b - a, 2), "q": deal(range(2, 60))} | {
        "aware": deal(tenths(-6.6, -1.2))
    }


PAIRS = "(hidden[:, i] * hidden[:, j]).sum(axis=1) for i in range(m) for j in range(i))"
EDITS = {
    "5.1": [
        (
            "For one example with field vectors $V_1, \\dots, V_m$ the pair term is",
            "Here pairs count «a» times and the "
            "square of a field's own vector «b» times. For one example with field vectors $V_1, \\dots, V_m$ "
            "the term is",
        ),
        (
            r"y = \sum_{i<j} \langle V_i, V_j \rangle = \tfrac12 \sum_{f=1}^{k} \Big[ \big(\textstyle\sum_i "
            r"V_{if}\big)^2 - "
            r"\sum_i V_{if}^2 \Big]",
            r"y = «a» \sum_{i<j} \langle V_i, V_j \rangle + «b» \sum_i \langle V_i, V_i \rangle",
        ),
        ("by the right-hand side: no loop", "by way of $(\\sum_i V_{if})^2$: no loop"),
        (
            "holds every pair twice and every square once.",
            "holds every pair twice and every square once; how many squares are then too many, or too few?",
        ),
        (
            "$y = \\frac12 (\\sum_f \\mathtt{total}_f^2 - \\sum_{if} V_{if}^2)$",
            "$y = \\frac{«a»}{2} \\sum_f \\mathtt{total}_f^2 + («half») \\sum_{if} V_{if}^2$",
        ),
        (
            "y = ((total * total).sum(axis=1) - (vectors * vectors).sum(axis=(1, 2))) / 2",
            "y = «a» * (total * total).sum(axis=1) / 2 + «half» * (vectors * vectors).sum(axis=(1, 2))",
        ),
        ("[11.0]", "[11 * «a» + 30 * «b»]"),
        (f"pairs = sum({PAIRS}", f"pairs = «a» * sum({PAIRS} + «b» * (hidden**2).sum(axis=(1, 2))"),
        ('y where a field has no partner", y, [0.0, 0.0]', 'y where a field has no partner", y, [3 * «b», 3 * «b»]'),
        ("np.full(2, 12, np.float32)", "np.full(2, 12 * («a» + «b»), np.float32)"),
        ("[400_000 * 399_999 / 2]", "[«a» * 400_000 * 399_999 / 2 + «b» * 400_000]"),
    ],
    "5.2": [
        ("which terms of $\\sum_{i<j} \\langle V_i, V_j \\rangle$ hold", "which terms of $y$ hold"),
        ("is $V_j$.", "is $V_j$, that of $\\langle V_i, V_i \\rangle$ is $2 V_i$."),
        (r"\big(\sum_j V_j - V_i\big)", r"\big(«a» (\sum_j V_j - V_i) + 2 \cdot «b»\, V_i\big)"),
        ("(total[:, None, :] - vectors)", "(«a» * total[:, None, :] + «rest» * vectors)"),
        (
            'equal("y", y, sum((vectors[:, i] * vectors[:, j]).sum(axis=1) for i in range(4) for j in range(i)))',
            "pairs = sum((vectors[:, i] * vectors[:, j]).sum(axis=1) for i in range(4) for j in range(i))\n"
            '    equal("y", y, «a» * pairs + «b» * (vectors**2).sum(axis=(1, 2)))',
        ),
        ("grad_y[:, None, None] * others)", "grad_y[:, None, None] * («a» * others + 2 * «b» * hidden))"),
    ],
    "5.3": [
        (
            "$k$ for the squares of the sum and",
            "«q» $k$ for what is done with the sum (on a machine where it has to wait, "
            "count each of its $k$ squares «q» times) and",
        ),
        ("{k + m k}", "{«q» k + m k}"),
        ("m * (m - 1) / 2 / (m + 1)", "m * (m - 1) / 2 / (m + «q»)"),
        (", 0.75)", ", 3 / (3 + «q»))"),
        ("m * (m - 1) / (2 * m + 2)", "m * (m - 1) / (2 * m + 2 * «q»)"),
    ],
    "5.4": [
        ("$$\ny = \\sum_{i<j}", "$$\ny = «aware» \\sum_{i<j}"),
        ("once. No sum", "once, with the factor «aware». No sum"),
        ("grad_vectors = grad_y[:, None, None, None] *", "grad_vectors = «aware» * grad_y[:, None, None, None] *"),
        ("return y, vectors", "return «aware» * y, vectors"),
        ("= grad_y[e] * shown", "= «aware» * grad_y[e] * shown"),
    ],
}
