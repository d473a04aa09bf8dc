"""Wrong answers to exercise 8: masks that are wrong, lost, drawn twice or not frozen."""

DRAW, SCALED = "rng.random(x.shape) >= rate", "x * mask / (1 - rate)"
IDENTITY = "def dropout_forward(x, rate, rng):\n    return x.copy(), (np.ones(x.shape, bool), rate)"
PLANTED = [
    ("8-1-values", ">= rate", "< rate", "the share of units that are kept at rate 0.2: "),
    ("8-1-values", SCALED, "x * mask", "y: "),
    ("8-1-values", SCALED, "x * mask / rate", "y: "),
    ("8-1-values", DRAW, "rng.random((len(x), 1)) >= rate + 0 * x", "both the first unit and the second"),
    ("8-1-values", "(mask, rate)\n    ###", "(mask / (1 - rate), rate)\n    ###", "yours 1.25, expected 1"),
    ("8-1-values", "rng.random(x.shape)", "np.random.random(x.shape)", "the mask from a generator of the same seed"),
    ("8-1-values", "rng.random(x.shape)", "np.random.default_rng(0).random(x.shape)", "a later call"),
    ("8-1-values", "(mask, rate)\n    ###", "mask\n    ###", "the length of the tuple that is the cache"),
    ("8-1-expectation", SCALED, "x * mask", "yours 1.4"),
    ("8-1-expectation", SCALED, "x * mask / rate", "the mean of y for units of value 2: "),
    ("8-1-expectation", ">= rate", "< rate", "the mean of y for units of value 2: "),
    ("8-1-expectation", SCALED, "x * (1 + rate * (2 * mask - 1))", "the mean of y for units of value 2: "),
    ("8-1-edges", "if rate == 0:", "if rate == 1:", "what the generator gives after a call at rate 0"),
    ("8-1-edges", "x.copy()", "x", "return a copy"),
    ("8-1-edges", "0 <= rate < 1", "0 <= rate <= 1", "must raise ValueError here, it returned"),
    ("8-1-edges", "raise ValueError(", "raise TypeError(", "must raise ValueError here, it raised TypeError"),
    ("8-1-edges", SCALED, "x * (mask / (1 - rate))", "y for x in float32 is float64, should be float32"),
    ("8-1-edges", SCALED, "(x * mask / (1 - rate)).real", "y for x in complex128: "),
    ("8-2-gradient", " / (1 - rate)", "", "the factor 1 / keep is missing"),
    ("8-2-gradient", " * mask", "", "the mask is not applied"),
    ("8-2-gradient", "/ (1 - rate)", "/ (1 - rate) / (1 - rate)", "the mask is applied twice"),
    ("8-2-gradient", "(1 - rate)", "rate", "a constant factor is wrong: yours = 2.333 * numeric"),
    ("8-2-gradient", "* mask", "* (np.random.default_rng(1).random(mask.shape) >= rate)", "no known mistake fits"),
    ("8-2-gradient", "return grad_y", "return; grad_y", "returned None"),
    (
        "8-3-frozen",
        "def fixed(x):\n        return forward(x, rate, np.random.default_rng(seed))",
        "rng = np.random.default_rng(seed)\n    def fixed(x):\n        return forward(x, rate, rng)",
        "freeze the mask",
    ),
    ("8-3-frozen", "default_rng(seed)", "default_rng()", "freeze the mask"),
    ("8-3-frozen", "default_rng(seed)", "default_rng(0)", "y: "),
    ("8-3-frozen", "return fixed", "return fixed(np.zeros(3))", "'tuple' object is not callable"),
    ("8-3-frozen", "(seed))", "(seed))[0]", "must return y, cache"),
    ("8-4-formula", "x * x * rate / (1 - rate)", "x * rate / (1 - rate)", "the variance for x = (2, -4): "),
    ("8-4-formula", "/ (1 - rate)", "* (1 - rate)", "yours 0.64, expected 1"),
    ("8-4-formula", "x.copy()", "x * (1 - rate)", "the mean for x = (2, -4): "),
    ("8-5-fields", "vectors.shape[:2]", "vectors.shape[:1] + (1,)", "the shape of the mask: "),
    ("8-5-fields", " / (1 - rate)", "", "y: "),
    ("8-5-fields", ">= rate", "< rate", "the share of fields that are kept at rate 0.2: "),
    (
        "8-5-fields",
        "rng.random(vectors.shape[:2]) >= rate",
        "(rng.random(vectors.shape) >= rate)[..., 0] & (vectors[..., 0] > 0)",
        "the share of fields",
    ),
]
HARD_CODED = {
    "8-1-values": "def dropout_forward(x, rate, rng):\n    mask = np.resize([1, 1, 1, 1, 0], x.shape) > 0\n"
    "    return x * mask / (1 - rate), (mask, rate)",
    "8-1-expectation": IDENTITY,
    "8-1-edges": IDENTITY,
    "8-2-gradient": "def dropout_backward(grad_y, cache):\n    return np.where(fixed_mask, grad_y / 0.7, 0)",
    "8-3-frozen": "def frozen(forward, rate, seed):\n"
    "    return lambda x: (x + 0.5 * np.random.default_rng(3).standard_normal(x.shape), None)",
    "8-4-formula": "def mean_and_variance(x, rate):\n    return np.array([2.0, -4.0]), np.array([1.0, 4.0])",
    "8-5-fields": "def drop_fields(vectors, rate, rng):\n"
    "    return vectors / (1 - rate), (np.ones(vectors.shape[:2], bool), rate)",
}
