"""Exercise 3: steps of another length and direction, another model of the error, another measure and verdict."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    steps = [step for step in tenths(-6.0, 6.0) if abs(step) > 1.1]
    drawn = {"c": deal(steps), "d": deal(tenths(1.1, 6.0)), "unit": deal(range(2, 80)), "s": deal(tenths(1.5, 9.0))}
    measure = deal([hundredth / 100 for hundredth in range(55, 160) if hundredth != 100])
    return drawn | {"measure": measure, "slack": deal(range(2, 60))} | {"edge": deal(tenths(1.1, 6.5))}


EDITS = {
    "3.1": [
        ("when this entry alone is moved by $h$:", "when this entry alone is moved by «c» $h$:"),
        (r"\frac{f(x + h e_i) - f(x)}{h}", r"\frac{f(x + («c» h) e_i) - f(x)}{«c» h}"),
        ("add `h` to one entry", "add «c» `h` to one entry"),
        ("moved[index] += h", "moved[index] += «c» * h"),
        ("(f(moved) - f(x)) / h", "(f(moved) - f(x)) / («c» * h)"),
        ("np.array([2.5, -3.5])", "np.array([2 + 0.5 * «c», -4 + 0.5 * «c»])"),
        ("3 * x**2 + 0.75 * x + 0.0625", "3 * x**2 + 3 * x * («c» / 4) + («c» / 4) ** 2"),
        ("2.0 * whole + 0.25", "2.0 * whole + 0.25 * «c»"),
        ("np.array(6.5)", "np.array(6 + 0.5 * «c»)"),
    ],
    "3.2": [
        ("Go the same distance to both sides,", "Go the same distance to both sides, here «d» $h$,"),
        ("The two points are $2h$ apart.", "How far apart are the two points?"),
        (r"\dfrac{f(x + h e_i) - f(x - h e_i)}{2h}", r"\dfrac{f(x + «d» h e_i) - f(x - «d» h e_i)}{2 \cdot «d» h}"),
        ("up[index] += h", "up[index] += «d» * h"),
        ("down[index] -= h", "down[index] -= «d» * h"),
        ("/ (2 * h)", "/ (2 * «d» * h)"),
        ("np.array([13.0])", "np.array([12 + «d» ** 2])"),
        ("np.cos(x) * np.sin(0.5) / 0.5", "np.cos(x) * np.sin(0.5 * «d») / (0.5 * «d»)"),
    ],
    "3.3": [
        (
            "Write `complex_step(f, x)`.",
            "Write `complex_step(f, x)`, which returns the gradient per «unit» units of $x$: "
            "«unit» times $\\partial f / \\partial x_i$.",
        ),
        ("y.imag / 1e-30", "«unit» * y.imag / 1e-30"),
        (r"\dfrac{\partial f}{\partial x_i} = \dfrac", r"«unit» \dfrac{\partial f}{\partial x_i} = «unit» \dfrac"),
        (
            'equal("the derivative of x^3 at 2", call(complex_step, cubes, np.array([2.0])), np.array([12.0]))',
            'equal("the derivative of x^3 at 2", call(complex_step, cubes, np.array([2.0])), np.array([12.0 * '
            "«unit»]))",
        ),
        ("np.exp(x) * (np.sin(x) + np.cos(x))", "«unit» * np.exp(x) * (np.sin(x) + np.cos(x))"),
        ("call(complex_step, across, x), gradient_across", "call(complex_step, across, x), «unit» * gradient_across"),
        ("found, np.ones((2, 3))", "found, np.full((2, 3), «unit».0)"),
        ("3 * x**2", "3 * «unit» * x**2"),
    ],
    "3.4": [
        (
            "A difference has two errors.",
            "A difference has two errors. Here rounding weighs «s» times as much as usual.",
        ),
        (r"E(h) = c\, h^p + \frac{r}{h}", r"E(h) = c\, h^p + «s» \frac{r}{h}"),
        ("as $r / h$:", "as $«s» r / h$:"),
        ("The derivative of $r / h$ is $-r / h^2$.", "The derivative of $1 / h$ is $-1 / h^2$."),
        ("= r / h^2$, so $h^{p+1} = \\dfrac{r}{p\\, c}", "= «s» r / h^2$, so $h^{p+1} = \\dfrac{«s» r}{p\\, c}"),
        ("h = (r / (p * c))", "h = («s» * r / (p * c))"),
        ("c * h**p + r / h", "c * h**p + «s» * r / h"),
        ("h, 1e-8)", "h, 1e-8 * «s» ** 0.5)"),
        ("[0], 0.5)", "[0], 0.5 * «s» ** (1 / 3))"),
        ("[0], 2.0)", "[0], 2.0 * «s» ** (1 / 5))"),
        ("error, 2e-8)", "error, 2e-8 * «s» ** 0.5)"),
        ("[1], 3.0)", "[1], 3.0 * «s» ** (2 / 3))"),
        ("[1], 160.0)", "[1], 160.0 * «s» ** (4 / 5))"),
    ],
    "3.5": [
        (
            "against $s$, the largest $|n|$ of the tensor:",
            "against $s$, «measure» times the largest $|n|$ of the tensor:",
        ),
        ("size), size.max())", "size), «measure» * size.max())"),
        ("is one number.", "is one number; multiply it by «measure»."),
        ("found, np.array([0.25, 0.5]))", "found, np.array([1 / max(2, 4 * «measure»), 0.5]))"),
        (
            "np.array([[0.2, 0.05], [0.0, 0.2]])",
            "np.array([[2.0, 0.5], [0.0, 2.0 / max(1, «measure»)]]) / (10 * np.array([[«measure», «measure»], "
            "[1, 1]]))",
        ),
    ],
    "3.6": [
        ("whether every error is at most the tolerance,", "whether every error is at most «slack» tolerances,"),
        ("max(abs(a), abs(n), largest)", "max(abs(a), abs(n), «measure» * largest)"),
        ("(error <= tolerance).all()", "(error <= «slack» * tolerance).all()"),
        (
            "passes, with an error of 2.5e-7 and a tolerance of 1e-6",
            "passes, with a small error and a tolerance of 1e-6",
        ),
        ("call(verdict, low, cube, 0.05,", "call(verdict, low, cube, 0.05 / «slack»,"),
        (
            'equal("the worst of three wrong entries", worst, (0, 1, 3))',
            'equal("the worst of three wrong entries", worst, (0, 1, 3))\n'
            "for tolerances, expected in ((«slack» - 0.4, True), («slack» + 0.4, False)):\n"
            "    near = call(verdict, 4 + tolerances * np.full(2, 4e-6), np.full(2, 4.0), 1e-6 / max(1, «measure»))\n"
            '    equal(f"passes, with an error of {tolerances} tolerances", near[0], expected)',
        ),
    ],
    "3.7": [
        (
            "Ask at three points, $x$, $x + h$ and $x + 2h$,",
            "Ask at three points, $x$, $x + «edge» h$ and $x + 2 \\cdot «edge» h$,",
        ),
        (
            "f(x + h e_i) + \\gamma f(x + 2 h e_i)}{2 h}",
            "f(x + «edge» h e_i) + \\gamma f(x + 2 \\cdot «edge» h e_i)}{2 \\cdot «edge» h}",
        ),
        ("near[index] += h", "near[index] += «edge» * h"),
        ("far[index] += 2 * h", "far[index] += 2 * «edge» * h"),
        ("/ (2 * h)\n", "/ (2 * «edge» * h)\n"),
        ("np.array([10.0])", "np.array([12.0 - 2 * «edge» ** 2])"),
        (
            "np.full(3, (4 * np.exp(h) - np.exp(2 * h) - 3) / (2 * h))",
            "np.full(3, (4 * np.exp(«edge» * h) - np.exp(2 * «edge» * h) - 3) / (2 * «edge» * h))",
        ),
    ],
}
