"""Exercise 2: a sigmoid with a gain, and a loss in which a click weighs more."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    drawn = {"g": deal(tenths(1.1, 6.0)), "h": deal(tenths(1.1, 6.5)), "w": deal(tenths(1.5, 9.0))}
    gamma = deal(tenths(1.2, 5.5))
    return drawn | {"gamma": gamma, "more": round(gamma + 1, 1), "less": round(gamma - 1, 1)}


EDITS = {
    "2.1": [
        (
            "$\\sigma(z) = \\dfrac{1}{1 + e^{-z}}$ is right on paper.",
            "This sigmoid has a gain of «g»: $s(z) = \\sigma(«g» z) "
            "= \\dfrac{1}{1 + e^{-«g» z}}$. That is right on paper.",
        ),
        (
            "There is a second form, $\\sigma(z) = \\dfrac{e^{z}}{1 + e^{z}}$.",
            "There is a second form, $\\sigma(u) = \\dfrac{e^{u}}{1 + e^{u}}$.",
        ),
        ("find one formula with $e^{-|z|}$", "find one formula with $e^{-«g» |z|}$"),
        (
            "$e^{-|z|}$ is never larger than 1. For $z \\ge 0$ the sigmoid is $1 / (1 + e^{-|z|})$, for $z < 0$ it is "
            "$e^{-|z|} / (1 + e^{-|z|})$.",
            "With $u = «g» z$, $e^{-|u|}$ is never larger than 1. For $u \\ge 0$ the sigmoid is "
            "$1 / (1 + e^{-|u|})$, for $u < 0$ it is $e^{-|u|} / (1 + e^{-|u|})$.",
        ),
        (
            "$\\sigma(z) = \\dfrac{e^{\\min(z, 0)}}{1 + e^{-|z|}}$",
            "$s(z) = \\dfrac{e^{\\min(«g» z, 0)}}{1 + e^{-«g» |z|}}$",
        ),
        (
            "np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))",
            "np.exp(np.minimum(«g» * z, 0)) / (1 + np.exp(-np.abs(«g» * z)))",
        ),
        ("np.array([0.5, 0.75])", "np.array([0.5, 3**«g» / (1 + 3**«g»)])"),
        ("1 / (1 + np.exp(-grid))", "1 / (1 + np.exp(-«g» * grid))"),
        ("np.exp(np.array([-40.0])))", "np.exp(-40 * np.array([«g»])))"),
        ("call(sigmoid, np.array([-700.0])) * 1e300", "call(sigmoid, np.array([-700 / «g»])) * 1e300"),
        ("sigmoid of -700, times", "sigmoid where the exponent is -700, times"),
        ("np.exp(np.array([-700.0])) * 1e300)", "np.exp(«g» * np.array([-700 / «g»])) * 1e300)"),
    ],
    "2.2": [
        (
            "The textbook slope is $a (1 - a)$ with $a = \\sigma(z)$. At $z = 40$ it is 0 in float64, since $a$ "
            "rounds to "
            "exactly 1. The same slope without subtraction is $\\sigma(z)\\, \\sigma(-z)$.",
            "Here the gain is «h»: $a = \\sigma(«h» z)$. The slope of $\\sigma(u)$ is $a (1 - a)$. At $u = 40$ "
            "it is 0 in "
            "float64, since $a$ rounds to exactly 1. The same slope without subtraction is $\\sigma(u)\\, "
            "\\sigma(-u)$. And then "
            "there is $\\mathrm{d}u / \\mathrm{d}z$.",
        ),
        ("also at $z = 40$", "also where $u = 40$; `safe_sigmoid(u)` below is $\\sigma(u)$, without the gain"),
        (
            "return grad_a * sigmoid(z) * sigmoid(-z)",
            "return grad_a * «h» * safe_sigmoid(«h» * z) * safe_sigmoid(-«h» * z)",
        ),
        (
            "return grad_a * safe_sigmoid(z) * safe_sigmoid(-z)",
            "return grad_a * «h» * safe_sigmoid(«h» * z) * safe_sigmoid(-«h» * z)",
        ),
        ("gradient(lambda z: (safe_sigmoid(z), z)", "gradient(lambda z: (safe_sigmoid(«h» * z), z)"),
        ("uniform(-6, 6, (3, 4))", "uniform(-6, 6, (3, 4)) / «h»"),
        (
            "found = call(sigmoid_backward, np.ones(1), np.array([40.0]))",
            "found = call(sigmoid_backward, np.ones(1), np.array([40.0 / «h»]))",
        ),
        (
            'equal("the slope at 40", found, np.exp(np.array([-40.0])), rtol=1e-10)',
            'equal("the slope where the exponent is 40", found, «h» * np.exp(np.array([-40.0])), rtol=1e-10)',
        ),
        ("np.exp(-np.abs(far)))", "«h» * np.exp(-np.abs(«h» * far)))"),
    ],
    "2.3": [
        (
            "the log loss is $-y \\log \\sigma(z) - (1 - y) \\log(1 - \\sigma(z))$.",
            "the log loss is $-y \\log \\sigma(z) - (1 - y) \\log(1 - \\sigma(z))$; here a click weighs as much "
            "as «w» examples "
            "without one, so the first term is multiplied by «w».",
        ),
        (
            "both cases are one: $\\ell = \\log(1 + e^{u})$.",
            "both cases are one, but for that weight: $\\ell = \\log(1 + e^{u})$.",
        ),
        ("the mean over the batch, finite", "the mean over the batch (of the weighted losses, divided by $n$), finite"),
        ("Three lines: $u$, the formula above, the mean.", "$u$, the formula above, a weight of «w» or 1, the mean."),
        (
            "return (np.maximum(u, 0) + np.log1p(np.exp(-np.abs(u)))).mean()",
            "return (np.where(labels == 1, «w», 1) * (np.maximum(u, 0) + np.log1p(np.exp(-np.abs(u))))).mean()",
        ),
        ("np.array([0.0, 1.0])), np.log(2.0))", "np.array([0.0, 1.0])), np.log(2.0) * (1 + «w») / 2)"),
        ("np.ones(1)), 800.0)", "np.ones(1)), 800.0 * «w»)"),
        ("-(labels * np.log(p)", "-(«w» * labels * np.log(p)"),
        ("sure, np.exp(-50.0) * 1e20)", "sure, «w» * np.exp(-50.0) * 1e20)"),
    ],
    "2.4": [
        (
            "of the mean loss. The textbook form is $(p - y) / n$",
            "of the same weighted mean: where $y = 1$, it is «w» times "
            "what it is without weights. Without them the textbook form is $(p - y) / n$",
        ),
        (
            "sign * safe_sigmoid(sign * z) / len(z)",
            "np.where(labels == 1, «w», 1) * sign * safe_sigmoid(sign * z) / len(z)",
        ),
        (
            "(np.log(1 + np.exp(z)) - labels * z).mean()",
            "(np.where(labels == 1, «w», 1) * (np.log(1 + np.exp(z)) - labels * z)).mean()",
        ),
        ("np.array([0.25, -0.25])", "np.array([0.25, -0.25 * «w»])"),
        ("np.array([-0.5, 0.5])", "np.array([-0.5 * «w», 0.5])"),
    ],
    "2.5": [
        ("$$\n\\ell = q^2 \\log", "$$\n\\ell = q^{«gamma»} \\log"),
        ("with $\\gamma = 2$", "with $\\gamma = «gamma»$"),
        ("slope $2 q\\, q'$", "slope $«gamma» \\, q^{«less»} q'$"),
        ("= 2\\, q^2 (1 - q) \\log(1 + e^u) + q^3$", "= «gamma»\\, q^{«gamma»} (1 - q) \\log(1 + e^u) + q^{«more»}$"),
        ("2 * q**2 * (1 - q) * log_loss + q**3", "«gamma» * q**«gamma» * (1 - q) * log_loss + q**«more»"),
        ("(q**2 * log_loss)", "(q**«gamma» * log_loss)"),
        ("np.log(2.0) / 4)", "np.log(2.0) / 2**«gamma»)"),
        ("(-(q**2) *", "(-(q**«gamma») *"),
    ],
}
