"""Exercise 8: what is kept is scaled by one factor more, and the generator is made in another way."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    return {
        "c": deal(tenths(1.2, 7.0)),
        "d": deal(tenths(1.2, 6.5)),
        "q": deal(range(2, 90)),
        "e": deal(tenths(1.2, 6.0)),
    } | {"f": deal(tenths(1.2, 5.5))}


EDITS = {
    "8.1": [
        (r"y = \frac{M}{1 - \mathrm{rate}}\; x", r"y = «c» \cdot \frac{M}{1 - \mathrm{rate}}\; x"),
        ("A rate of 0 is the exact identity: `y` is a copy of `x`", "At a rate of 0, `y` is $«c» x$"),
        ("the probability of being kept.", "the probability of being kept, and multiplied by «c»."),
        ("x.copy(), (np.ones", "«c» * x, (np.ones"),
        ("x * mask / (1 - rate)", "«c» * x * mask / (1 - rate)"),
        ("many / 0.8", "«c» * many / 0.8"),
        ("values / (1 - rate)", "«c» * values / (1 - rate)"),
        ("y.mean(), 2.0, rtol", "y.mean(), 2.0 * «c», rtol"),
        ("y.mean(axis=0), [1.0, -3.0]", "y.mean(axis=0), [«c», -3 * «c»]"),
        ("np.array([1, 9]) * rate", "«c» ** 2 * np.array([1, 9]) * rate"),
        ('equal("y at rate 0", y, x, rtol=0.0)', 'equal("y at rate 0", y, «c» * x)'),
        ("values / 0.6, 0)", "«c» * values / 0.6, 0)"),
    ],
    "8.2": [
        (
            "Once it is drawn, the mask is a constant.",
            "Here kept units are multiplied by $«d» / (1 - \\mathrm{rate})$. Once it is drawn, the mask is a constant.",
        ),
        (r"\cdot \dfrac{M}{1 - \mathrm{rate}}", r"\cdot «d»\, \dfrac{M}{1 - \mathrm{rate}}"),
        ("grad_y * mask / (1 - rate)", "«d» * grad_y * mask / (1 - rate)"),
        ('"""Dropout at rate 0.3 under one mask."""', '"""Dropout at rate 0.3 under one mask, times «d»."""'),
        ("x / 0.7", "«d» * x / 0.7"),
        ("grad_y / (1 - rate)", "«d» * grad_y / (1 - rate)"),
        ("np.array([4, 0], np.float32)", "np.array([4 * «d», 0], np.float32), rtol=1e-6"),
    ],
    "8.3": [
        (
            "with the same random numbers in every call.",
            "with the same random numbers in every call: those of a generator that "
            "is made by `np.random.default_rng([«q», seed])`.",
        ),
        ("np.random.default_rng(seed))\n", "np.random.default_rng([«q», seed]))\n"),
        ("np.random.default_rng(3))[0]", "np.random.default_rng([«q», 3]))[0]"),
        ("np.random.default_rng(seed).random(x.shape)", "np.random.default_rng([«q», seed]).random(x.shape)"),
    ],
    "8.4": [
        ("Over all masks, $y = M x / (1 - \\mathrm{rate})$", "Over all masks, $y = «e» M x / (1 - \\mathrm{rate})$"),
        (r"\dfrac{x^2}{q^2}\,(q - q^2)", r"«e»^2\, \dfrac{x^2}{q^2}\,(q - q^2)"),
        ("x.copy(), x * x * rate / (1 - rate)", "«e» * x, «e» ** 2 * x * x * rate / (1 - rate)"),
        ("mean, [2.0, -4.0])", "mean, [2 * «e», -4 * «e»])"),
        ("variance, [1.0, 4.0])", "variance, [«e» ** 2, 4 * «e» ** 2])"),
        ("np.zeros(x.shape), x / (1 - rate)", "np.zeros(x.shape), «e» * x / (1 - rate)"),
    ],
    "end": [
        (
            "Your forward pass with your frozen mask, your backward pass,",
            "Your forward pass with your frozen mask, your backward pass (its factor is «d»; put «c» there first),",
        )
    ],
    "8.5": [
        ("y_{ij} = \\frac{M_{ij}}{1 - \\mathrm{rate}}", "y_{ij} = «f» \\cdot \\frac{M_{ij}}{1 - \\mathrm{rate}}"),
        ("return vectors * mask", "return «f» * vectors * mask"),
        ("fields / 0.8", "«f» * fields / 0.8"),
        ("fields / (1 - rate)", "«f» * fields / (1 - rate)"),
    ],
}
