"""Exercise 12: each of the six has a constant of its own."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    drawn = {"c": deal(tenths(1.2, 7.0)), "a": deal([i / 100 for i in range(5, 95)]), "p": deal(tenths(1.2, 7.1))}
    beta = deal([i / 100 for i in range(30, 89)])
    drawn |= {"beta": beta, "gain": round(1 - beta, 2), "q": deal(range(3, 80))}
    return drawn | {"l": deal([i / 100 for i in range(35, 99)])} | {"rank": deal(tenths(1.2, 6.9))}


EDITS = {
    "12.1": [
        (
            "`forward` subtracts from each column its mean, as batch norm does first: $y_{ij} = x_{ij} - \\frac1n",
            "`forward` subtracts from each column «c» times its mean; with 1 in its place it would be what "
            "batch norm does first: "
            "$y_{ij} = x_{ij} - \\frac{«c»}{n}",
        ),
        ("`grad_y - grad_y.mean(axis=0)`", "`grad_y - «c» * grad_y.mean(axis=0)`"),
        ("x - x.mean(axis=0), x", "x - «c» * x.mean(axis=0), x"),
        ("return grad_y - grad_y.mean(axis=0)", "return grad_y - «c» * grad_y.mean(axis=0)"),
        ("np.zeros((1, 2)))", "np.full((1, 2), 1 - «c»))"),
    ],
    "12.2": [
        ("`forward` is relu.", "`forward` is leaky relu: $z$ where $z > 0$, $«a» z$ elsewhere."),
        ("`grad_a * (z > 0)`", "`grad_a * np.where(z > 0, 1, «a»)`"),
        ("z * (z.real > 0), z", "z * np.where(z.real > 0, 1, «a»), z"),
        ("return grad_a * (grad_a > 0)", "return grad_a * np.where(grad_a > 0, 1, «a»)"),
        ("return grad_a * (z > 0)", "return grad_a * np.where(z > 0, 1, «a»)"),
        ("np.array([-2.0, 0.0, 4.0])", "np.array([-2.0, 3 * «a», 4.0])"),
    ],
    "12.3": [
        ("This one's is not.", "This one's is not. ($\\beta_1$ is «beta» here.)"),
        ("0.9 * m + 0.1 * g", "«beta» * m + «gain» * g"),
        ("0.9**t", "«beta»**t"),
        ("Adam(0.1)", "Adam(0.1, «beta»)"),
    ],
    "12.4": [
        (r"y_{\mathrm{FM}} + \sum_j", r"«p»\, y_{\mathrm{FM}} + \sum_j"),
        ("ops.fm_backward(ones, fm_cache)", "ops.fm_backward(«p» * ones, fm_cache)"),
        ("return y.sum() + z.sum()", "return «p» * y.sum() + z.sum()"),
        ("ops.fm_backward(np.ones(len(V)), fm_cache)", "ops.fm_backward(«p» * np.ones(len(V)), fm_cache)"),
    ],
    "12.5": [
        ("$\\lambda = 0.3$", "$\\lambda = «l»$"),
        ('`0.3 * params["w"]`', '`«l» * params["w"]`'),
        ("0.3 / 2 *", "«l» / 2 *"),
        ('+ 0.3 * params["w"]', '+ «l» * params["w"]'),
        (".mean() + 0.6)", ".mean() + 2 * «l»)"),
    ],
    "12.6": [
        (
            "Each pair is counted twice. Halve the value: `return y / 2, cache`.",
            "Each pair is counted «q» times: `return y / «q», cache`.",
        ),
        (
            "y = (total * total).sum(axis=1) - (vectors * vectors).sum(axis=(1, 2))",
            "y = «q» / 2 * ((total * total).sum(axis=1) - (vectors * vectors).sum(axis=(1, 2)))",
        ),
        ("return 2 * grad_y", "return «q» * grad_y"),
        ("return y / 2, cache", "return y / «q», cache"),
    ],
    "12.7": [
        ("The first should be larger:", "The first should be «rank» times as large as the second at least:"),
        ("\\mathtt{passed}_i - \\mathtt{clicked}_i", "«rank»\\, \\mathtt{passed}_i - \\mathtt{clicked}_i"),
        ("u = passed - clicked", "u = «rank» * passed - clicked"),
        ("return -slope, slope", "return -slope, «rank» * slope"),
        ("np.full(4, 0.25)", "np.full(4, 0.25 * «rank»)"),
    ],
}
