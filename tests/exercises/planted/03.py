"""Wrong answers to exercise 3: misplaced steps, lost digits, and verdicts that are too lenient."""

FORWARD = "gradient[index] = (f(moved) - f(x)) / h"
CENTRAL = "gradient[index] = (f(up) - f(down)) / (2 * h)"
REFUSE = "if not np.iscomplexobj(y):"
STEP = "(r / (p * c)) ** (1 / (p + 1))"
ERROR = "c * h**p + r / h"
SCALE = "np.maximum(np.maximum(np.abs(analytic), size), size.max())"
SAFE = "np.where(scale == 0, 1, scale)"
PASSES = "(error <= tolerance).all()"
WORST = "np.unravel_index(error.argmax(), error.shape)"
SHAPES = "if analytic.shape != numeric.shape:"
PLANTED = [
    ("3-1-values", FORWARD, "gradient[index] = f(moved) - f(x)", "the first at (0,): yours 1.25, expected 2.5"),
    ("3-1-values", FORWARD, "gradient[index] = (f(x) - f(moved)) / h", "yours -2.5, expected 2.5"),
    ("3-1-values", "moved[index] += h", "moved += h", "the first at (0,): yours -1, expected 2.5"),
    ("3-1-values", "moved = x.astype(float)", "moved = x", "forward_difference changes its argument number 2"),
    ("3-1-values", "return gradient", "return gradient.sum()", "has shape (), should be (2,)"),
    ("3-1-edges", "x.astype(float)", "x.copy()", "the difference at integers: "),
    ("3-1-edges", "np.zeros(x.shape)", "np.zeros_like(x)", "the difference at integers is int64, should be float64"),
    (
        "3-1-edges",
        "for index in np.ndindex(x.shape)",
        "for index in zip(*np.nonzero(x))",
        "the difference at other integers: ",
    ),
    ("3-1-edges", "np.ndindex(x.shape)", "np.ndindex(len(x))", "the difference at other integers: 3 of 3 entries"),
    ("3-2-values", "/ (2 * h)", "/ h", "the difference of x^3 at 2, h = 1: yours 26, expected 13"),
    ("3-2-values", CENTRAL, "gradient[index] = (f(up) - f(x)) / h", "yours 19, expected 13"),
    ("3-2-values", CENTRAL, "gradient[index] = (f(down) - f(up)) / (2 * h)", "yours -13, expected 13"),
    ("3-2-values", "down[index] -= h", "down -= h", "the difference of a sum of sines: "),
    ("3-2-values", "gradient =", "h = 1e-6\n    gradient =", "yours 12, expected 13"),
    ("3-3-values", "+= 1e-30j", "+= 1e-30", "yours 0, expected 12"),
    ("3-3-values", "y.imag / 1e-30", "y.imag", "yours 1.2e-29, expected 12"),
    ("3-3-values", "y.imag / 1e-30", "y.real", "yours 8, expected 12"),
    ("3-3-values", "1e-30", "1e-3", "yours 11.999999, expected 12"),
    ("3-3-values", "moved[index] +=", "moved +=", "the gradient of a sum of exp(x) sin(x): "),
    ("3-3-values", "x.astype(complex)", "x.copy()", "complex_step raised "),
    ("3-3-real", REFUSE, "if False:", "complex_step must raise ValueError here, it returned"),
    ("3-3-real", REFUSE, "if y.imag == 0:", "complex_step raised ValueError: f returns a real number"),
    ("3-3-real", "ValueError", "TypeError", "must raise ValueError here, it raised TypeError"),
    ("3-3-real", REFUSE, "if not isinstance(y, complex) or f(x) == 0:", "complex_step raised ValueError"),
    ("3-4-step", STEP, "(r / c) ** (1 / (p + 1))", "the best step for c = 4, p = 2, r = 1: "),
    ("3-4-step", STEP, "(r / (p * c)) ** (1 / p)", "yours 1e-16, expected 1e-08"),
    ("3-4-step", STEP, "np.sqrt(r / (p * c))", "the best step for c = 4, p = 2, r = 1: "),
    ("3-4-step", STEP, "(p * c / r) ** (1 / (p + 1))", "yours 100000000, expected 1e-08"),
    ("3-4-step", "return h,", "return", "best_step must return step, error; it returned one "),
    ("3-4-error", ERROR, "c * h**p", "yours 1e-08, expected 2e-08"),
    ("3-4-error", ERROR, "r / h", "yours 1e-08, expected 2e-08"),
    ("3-4-error", ERROR, "2 * r / h", "the error for c = 4, p = 2, r = 1: yours 4, expected 3"),
    ("3-4-error", ERROR, "c * h + r / h", "the error for c = 4, p = 2, r = 1: yours 4, expected 3"),
    ("3-5-values", SCALE, "np.maximum(np.abs(analytic), size)", "the first at (0,): yours 0.5, expected 0.25"),
    ("3-5-values", SCALE, "np.abs(analytic) + size", "the error of (1, 8) against (2, 4): "),
    ("3-5-values", SCALE, "np.abs(analytic).max()", "the first at (0,): yours 0.125, expected 0.25"),
    ("3-5-values", SCALE, "size.max()", "the first at (1,): yours 1, expected 0.5"),
    ("3-5-values", "np.abs(analytic - numeric)", "(analytic - numeric)", "yours -0.25, expected 0.25"),
    ("3-5-values", SAFE, "scale", "relative_error raised FloatingPointError: invalid value"),
    ("3-5-values", SAFE, "(scale + 1e-8)", "expected 0.25"),
    ("3-6-verdict", PASSES, "error.mean() <= tolerance", "passes, where the errors cancel on average: "),
    ("3-6-verdict", PASSES, "(error <= tolerance).any()", "passes, where one entry is wrong: yours 1, expected 0"),
    ("3-6-verdict", PASSES, "(error == 0).all()", "passes, where all is right to rounding: yours 0, expected 1"),
    ("3-6-verdict", PASSES, "(error <= 1e-12).all()", "passes, with an error of 2.5e-7 and a tolerance of 1e-6: "),
    ("3-6-verdict", WORST, "error.argmax()", "the worst entry has shape (), should be (2,)"),
    ("3-6-verdict", WORST, "tuple(np.argwhere(error > 0)[0])", "the worst of three wrong entries: "),
    ("3-6-edges", SHAPES, "if False:", "verdict must raise ValueError here, it"),
    ("3-6-edges", SHAPES, "if analytic.size != numeric.size:", "verdict must raise ValueError here, it"),
    ("3-6-edges", PASSES, "not (error > tolerance).any()", "passes, where an entry is nan: yours 1, expected 0"),
    ("3-6-edges", PASSES, "np.nanmax(error) <= tolerance", "passes, where an entry is nan: yours 1, expected 0"),
    ("3-6-edges", "error.argmax()", "np.nanargmax(error)", "the worst entry, which is nan: "),
    ("3-7-values", "-3 * f(x) + 4 * f(near) - f(far)", "-2 * f(x) + 2 * f(near)", "yours 19, expected 10"),
    ("3-7-values", "2 * h\n", "h\n", "expected 10"),
    ("3-7-values", " / (2 * h)", " / h", "yours 20, expected 10"),
    ("3-7-values", "near[index] += h", "near[index] -= h", "expected 10"),
]
HARD_CODED = {
    "3-1-values": "def forward_difference(f, x, h):\n    return np.array([2.5, -3.5])",
    "3-1-edges": "def forward_difference(f, x, h):\n    return 2.0 * x + 0.5",
    "3-2-values": "def central_difference(f, x, h):\n    return np.array([13.0])",
    "3-3-values": "def complex_step(f, x):\n    return 3.0 * x**2",
    "3-3-real": "def complex_step(f, x):\n    raise ValueError",
    "3-4-step": "def best_step(c, p, r):\n    return 1e-8, 2e-8",
    "3-4-error": "def best_step(c, p, r):\n    return 1e-8, 2e-8",
    "3-5-values": "def relative_error(analytic, numeric):\n    return np.array([0.25, 0.5])[: len(analytic)]",
    "3-6-verdict": "def verdict(analytic, numeric, tolerance):\n    return analytic[1, 0] == 2 * x[1, 0], (1, 0)",
    "3-6-edges": "def verdict(analytic, numeric, tolerance):\n    raise ValueError",
    "3-7-values": "def edge_difference(f, x, h):\n    return np.full(x.shape, 10.0)",
}
