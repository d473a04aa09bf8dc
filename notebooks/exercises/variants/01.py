"""Exercise 1: the product and the bias have weights of their own."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    return {"s": deal(tenths(1.2, 7.0)), "t": deal(tenths(-7.0, -1.2)), "q": deal(range(2, 70))} | {
        "r": deal(tenths(1.2, 6.5))
    }


EDITS = {
    "setup": [("$y = x W + b$", "here $y = «s» \\, x W + («t») \\, b$")],
    "1.1": [
        (r"y_{eo} = \sum_d x_{ed} W_{do} + b_o", r"y_{eo} = «s» \sum_d x_{ed} W_{do} + («t») \, b_o"),
        (
            "A matrix product, and a bias that NumPy adds to every row.",
            "A matrix product, and a bias that NumPy adds to every row, each with its factor.",
        ),
        ("x @ W + b, (x, W)", "«s» * (x @ W) + «t» * b, (x, W)"),
        ("np.array([[15.0, 18.0]])", "np.array([[5 * «s» + 10 * «t», -2 * «s» + 20 * «t»]])"),
        ("x[e] @ W[:, o] + b[o]", "«s» * (x[e] @ W[:, o]) + «t» * b[o]"),
        ("(x @ W + b).astype(np.float32))", "(«s» * x @ W + «t» * b).astype(np.float32), rtol=1e-5)"),
    ],
    "1.2": [
        (
            "Derive each from one entry first:",
            "It is the layer of task 1.1, with «s» and «t». Derive each from one entry first:",
        ),
        ("with factor $x_{ed}$: a sum", "with factor $«s» x_{ed}$: a sum"),
        ("every example with factor 1.", "every example with factor «t»."),
        ("with factor $W_{do}$.", "with factor $«s» W_{do}$."),
        (
            r"\partial L / \partial x = G W^\top$, $\quad \partial L / \partial W = x^\top G$, $\quad \partial "
            r"L / \partial b_o = ",
            r"\partial L / \partial x = «s» G W^\top$, $\quad \partial L / \partial W = «s» x^\top G$, $\quad "
            r"\partial L / "
            r"\partial b_o = («t») ",
        ),
        (
            "grad_y @ W.T, x.T @ grad_y, grad_y.sum(axis=0)",
            "«s» * (grad_y @ W.T), «s» * (x.T @ grad_y), «t» * grad_y.sum(axis=0)",
        ),
        ("(x[:, :, None] * W).sum(axis=1) + b, (x, W)", "«s» * (x[:, :, None] * W).sum(axis=1) + «t» * b, (x, W)"),
    ],
    "1.3": [
        (
            "How many does one forward pass take, and how many the two products of one backward pass?",
            "How many do «q» forward passes take, and how many the two products of each of «q» backward passes "
            "(count the matrix "
            "products alone)?",
        ),
        ("n * d_in * d_out, 2 * n * d_in * d_out", "«q» * n * d_in * d_out, 2 * «q» * n * d_in * d_out"),
        ("found[0], 6)", "found[0], 6 * «q»)"),
        ("np.array([6000, 12000])", "«q» * np.array([6000, 12000])"),
    ],
    "1.4": [
        ("y = (x\\, U)\\, V + b", "y = «r» (x\\, U)\\, V + b"),
        ("Call the middle $h = x U$.", "Call the middle $h = x U$; the «r» comes after it."),
        ("\\partial h = G V^\\top$", "\\partial h = «r» G V^\\top$"),
        ("\\partial V = h^\\top G$", "\\partial V = «r» h^\\top G$"),
        ("\\partial U = x^\\top (G V^\\top)$", "\\partial U = x^\\top (\\partial L / \\partial h)$"),
        ("\\partial x = (G V^\\top)\\, U^\\top$", "\\partial x = (\\partial L / \\partial h)\\, U^\\top$"),
        ("`grad_h` $(n, r)$ is `grad_y @ V.T`", "`grad_h` $(n, r)$ is a multiple of `grad_y @ V.T`"),
        ("grad_h = grad_y @ V.T", "grad_h = «r» * grad_y @ V.T"),
        ("(x @ U).T @ grad_y,", "«r» * (x @ U).T @ grad_y,"),
        ("return (x @ U) @ V + b", "return «r» * (x @ U) @ V + b"),
    ],
}
