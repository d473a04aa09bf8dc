"""Whether a hint is a statement on the numbers that holds, found by the right backward pass of the case alone.

Nothing is taken from the checker but its sentence. Where a sentence speaks of grad_y or of the Jacobian, the right
backward pass is called again, with something else in the place of grad_y.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from itertools import combinations, permutations

import numpy as np
from gradcheck.foreign.case import Array, Case
from gradcheck.foreign.mutate import Mutant
from gradcheck.foreign.verify import grad_y, gradients, outputs

FAR = 2.0**30
NEARLY = 1e-3


class Facts:
    """The numbers of a wrong tensor. claimed: what the mutant gives for it; right: what it should."""

    def __init__(self, mutant: Mutant, original: Case, name: str):
        self.mutant, self.case, self.name = mutant, original, name
        self.claimed, self.right = mutant.claimed[name], mutant.right[name]
        self.inputs, self.x = original.inputs, original.inputs[name]
        self.output = original.forward(*(value.copy() for value in self.inputs.values()))[0]
        self.y, self.d = self._joined(self.output), self._joined(grad_y(self.output))

    def _joined(self, parts) -> Array:
        """Several outputs in one row."""
        arrays = outputs(parts)
        return np.concatenate([part.ravel() for part in arrays]) if isinstance(self.output, tuple) else arrays[0]

    def back(self, d: Array) -> Array:
        """The right gradient for another grad_y."""
        form, start = [], 0
        for part in outputs(self.output):
            form.append(np.array(d.reshape(-1)[start : start + part.size].reshape(part.shape), float)[()])
            start += part.size
        given = tuple(form) if isinstance(self.output, tuple) else form[0]
        return gradients(self.case, lambda _, saved: self.case.backward(given, saved))[self.name]

    @cached_property
    def shares(self) -> Array:
        """(*shape of x, *shape of y) what each entry of grad_y sends back."""
        shares = np.zeros((*self.x.shape, *self.d.shape))
        for index in np.ndindex(self.d.shape):
            one = np.zeros_like(self.d)
            one[index] = self.d[index]
            shares[(..., *index)] = self.back(one)
        return shares

    def __call__(self, made: Array) -> bool:
        """Whether the claimed gradient is this."""
        return self.equal(self.claimed, np.asarray(made))

    def equal(self, left: Array, right: Array) -> bool:
        """To 1e-6 of the largest entry; less where the case itself computes in float32."""
        allowed = (1e-6 if self.case.exact else NEARLY) * np.abs(right).max(initial=0)
        return left.shape == right.shape and bool((np.abs(left - right) <= allowed).all())

    def is_multiple(self, array: Array, of: Array) -> bool:
        """Whether array = c of."""
        return self.equal(array, (array * of).sum() / (of * of).sum() * of)

    def forward(self, x: Array) -> Array:
        """y at another x."""
        return self._joined(self.case.forward(*{**self.inputs, self.name: x}.values())[0])


def moved(array: Array, by: str, axis: str, around: bool) -> Array:
    """Shifted by 1 or -1, round the end or with zeros in the place that gets free."""
    rolled = np.moveaxis(np.roll(array, int(by), int(axis)), int(axis), 0)
    if not around:
        rolled[0 if int(by) == 1 else -1] = 0
    return np.moveaxis(rolled, 0, int(axis))


def only(array: Array, which: str, axis: str) -> Array:
    """Zero but at the first or the last index of an axis."""
    kept, at = np.zeros_like(array), 0 if which == "first" else -1
    np.moveaxis(kept, int(axis), 0)[at] = np.moveaxis(array, int(axis), 0)[at]
    return kept


def axes_of(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))


def value_of(text: str) -> float:
    """2, 1/4, 0.5, n (n = 8), 1/n (n = 8)"""
    count = re.search(r"\(n = (\d+)\)", text)
    above, _, below = text.replace("n", count[1] if count else "n").split(" ")[0].partition("/")
    return float(above) / float(below or 1)


def share_alone(f: Facts, which: str) -> bool:
    """Of what comes from the places of some axes of y, the first or last that is not 0 counts, or their mean."""
    axes = range(f.x.ndim, f.shares.ndim)
    for places in (places for count in range(1, len(axes) + 1) for places in combinations(axes, count)):
        at = f.shares.sum(axis=tuple(set(axes) - set(places))).reshape(f.x.size, -1)
        nonzero = [row[row != 0] for row in at]
        one = [
            0.0 if not row.size else {"first": row[0], "last": row[-1], "averaged": row.mean()}[which]
            for row in nonzero
        ]
        if f(np.reshape(one, f.x.shape)):
            return True
    return False


def diagonal(f: Facts) -> Array:
    return np.reshape([f.shares[(*i, *i)] for i in np.ndindex(f.x.shape)], f.x.shape)


def own_index(f: Facts, a: str, b: str) -> Array:
    """What the same index of axis b of grad_y sends to each index of axis a of x."""
    own = np.zeros(f.x.shape)
    for i in range(f.x.shape[int(a)]):
        from_i = np.take(f.shares, i, axis=f.x.ndim + int(b))
        sent = from_i.sum(axis=tuple(range(f.x.ndim, from_i.ndim)))
        np.moveaxis(own, int(a), 0)[i] = np.take(sent, i, axis=int(a))
    return own


def nothing_arrives(f: Facts, where: str, more: str, axis: str) -> bool:
    """Zero there, where it should not be; right at indices where it is not zero."""
    claimed, right = np.moveaxis(f.claimed, int(axis), 0), np.moveaxis(f.right, int(axis), 0)
    lost = [i for i in range(len(right)) if not claimed[i].any() and right[i].any()]
    kept = [i for i in range(len(right)) if i not in lost]
    return f.equal(claimed[kept], right[kept]) and lost[: len(axes_of(where))] == list(axes_of(where))


def other_order(f: Facts) -> bool:
    turned = (f.d.transpose(order).reshape(f.d.shape) for order in permutations(range(f.d.ndim)))
    return any(f(f.back(d)) for d in turned)


def factor(f: Facts, name: str, which: str) -> bool:
    """A factor at the gradient, or at what arrives."""
    value = f.y if name == "y" else f.d if name == "grad_y" else f.inputs[name]

    def times(array: Array, by: Array) -> Array:
        return array * by if which == "too much" else array / by

    at_x, at_y = (_broadcasting(value, shape) for shape in (f.x.shape, f.d.shape))
    return any(f(times(f.right, by)) for by in at_x) or any(f(f.back(times(f.d, by))) for by in at_y)


def _broadcasting(value: Array, shape: tuple) -> list[Array]:
    """The array in this shape, by its last axes or by its first ones."""
    fitted = []
    for array in (value, value.reshape(value.shape + (1,) * (len(shape) - value.ndim))):
        try:
            fitted.append(np.broadcast_to(array, shape))
        except ValueError:
            continue
    return fitted


def factor_per_index(f: Facts, axis: str, told: str) -> bool:
    claimed, right = np.moveaxis(f.claimed, int(axis), 0), np.moveaxis(f.right, int(axis), 0)
    factors = [float((a * n).sum() / (n * n).sum()) if n.any() else 1.0 for a, n in zip(claimed, right, strict=True)]
    made = np.stack([c * n for c, n in zip(factors, right, strict=True)])
    return f.equal(claimed, made) and np.allclose([float(c) for c in told.split(", ")], factors[:3], rtol=1e-2)


def path_lost(f: Facts, through: str, axes: str) -> bool:
    """y does not change with the mean, the scale round it, or the norm; the difference lies that way alone."""
    over = axes_of(axes)
    centred = f.x - f.x.mean(axis=over, keepdims=True)
    difference, y, left = f.claimed - f.right, f.forward(f.x), np.zeros(f.x.shape)
    ways = {"the mean": [1 + 0 * f.x], "the variance": [centred], "the norm": [f.x]}
    for way in ways.get(through, [1 + 0 * f.x, centred]):
        if np.abs(f.forward(f.x + 0.01 * way) - y).max() > NEARLY * np.abs(y).max():
            return False
        left += way * (difference * way).sum(axis=over, keepdims=True) / (way * way).sum(axis=over, keepdims=True)
    return f.equal(difference, left)


def true_class(f: Facts, labels: str) -> bool:
    """Right but at the labels."""
    given = f.inputs[labels]
    chosen = given == 1 if given.shape == f.x.shape else np.arange(f.x.shape[-1]) == given[..., None]
    return f.equal(f.claimed[~chosen], f.right[~chosen]) and not f(f.right)


def penalty(f: Facts, times: float | None, more: bool | None = None) -> bool:
    """The difference is a multiple of x; far away, where the penalty outgrows the rest, claimed = times * right."""
    difference = f.claimed - f.right
    if not f.is_multiple(difference, f.x):
        return False
    if times is None:
        return bool(((difference * f.x).sum() * f.d > 0) == more)
    far = {**f.inputs, f.name: f.x * FAR}
    claimed, right = (gradients(replace(case, inputs=far))[f.name] for case in (f.mutant.case, f.case))
    return bool(np.abs(claimed - times * right).max() <= 1e-2 * np.abs(right).max())


def term(f: Facts, name: str) -> bool:
    """The difference is a multiple of an input, or of one times grad_y."""
    value, difference = f.inputs[name], f.claimed - f.right
    spread = f.d.reshape(f.d.shape + (1,) * (value.ndim - f.d.ndim)) if f.d.ndim <= value.ndim else 0 * value
    return f.is_multiple(difference, value) or f.is_multiple(difference, value * spread)


def not_reduced(f: Facts, axes: str) -> bool:
    over = axes_of(axes)
    return any(f(how(f.right, axis=over).reshape(f.claimed.shape)) for how in (np.sum, np.mean))


def exchanged(f: Facts, other: str) -> bool:
    return f(f.mutant.right[other])


MEAN, SUM = "grad_y counts by its mean alone", "grad_y counts by its sum alone"
SENTENCES: dict[str, Callable[..., bool]] = {
    r"has shape [^:]*$": lambda f: f.claimed.shape != f.right.shape,
    r"the numbers are right, reshape it": lambda f: f.equal(f.claimed.reshape(f.right.shape), f.right),
    r"sum it over (?:the batch, )?(ax[ei]s [\d, ]+)": lambda f, axes: f.equal(
        f.claimed.sum(axis=axes_of(axes)).reshape(f.right.shape), f.right
    ),
    r"do not sum or average it over (.*)": not_reduced,
    r"it is transposed": lambda f: f(f.right.T),
    r"the gradient is zero everywhere": lambda f: not f.claimed.any(),
    r"the sign is flipped": lambda f: f(-f.right),
    r"it is the gradient of (\w+)": exchanged,
    r"the gradients of \w+ and (\w+) are exchanged": exchanged,
    r"should be .*: those of \w+ and (\w+) are exchanged": exchanged,
    r"yours \* grad_y = numeric": lambda f: any(f.equal(f.claimed * d, f.right) for d in _broadcasting(f.d, f.x.shape)),
    r"what 1 would give in its place": lambda f: f(f.back(np.ones_like(f.d))),
    MEAN: lambda f: f(f.back(np.full_like(f.d, f.d.mean()))),
    SUM: lambda f: f(f.back(np.full_like(f.d, f.d.sum()))),
    r"a constant factor is wrong: yours = (.*) \* numeric": lambda f, c: (
        f.is_multiple(f.claimed, f.right)
        and np.isclose((f.claimed * f.right).sum() / (f.right**2).sum(), value_of(c), rtol=1e-3)
    ),
    r"yours is numeric shifted by (-?1) along axis (\d), round": lambda f, *by: f(moved(f.right, *by, True)),
    r"yours is numeric shifted by (-?1) along axis (\d)$": lambda f, *by: f(moved(f.right, *by, False)),
    r"yours is numeric reversed along axis (\d)": lambda f, axis: f(np.flip(f.right, int(axis))),
    r"grad_y is shifted by (-?1) along axis (\d), round": lambda f, *by: f(f.back(moved(f.d, *by, True))),
    r"grad_y is shifted by (-?1) along axis (\d)$": lambda f, *by: f(f.back(moved(f.d, *by, False))),
    r"grad_y is reversed along axis (\d)": lambda f, axis: f(f.back(np.flip(f.d, int(axis)))),
    r"the (first|last) index of axis (\d) of grad_y is left out": lambda f, *at: f(f.back(f.d - only(f.d, *at))),
    r"only the (first|last) index of axis (\d) of grad_y counts": lambda f, *at: f(f.back(only(f.d, *at))),
    r"only the (first|last) (?:example|row of grad_y) counts": lambda f, which: f(f.d[0 if which == "first" else -1]),
    r"yours is numeric\.transpose\((.*)\)": lambda f, axes: f(f.right.transpose(axes_of(axes)).reshape(f.right.shape)),
    r"the (first|last) share alone counts": share_alone,
    r"what arrives at each entry is (averaged)": share_alone,
    r"only the diagonal of the Jacobian is in it": lambda f: f(diagonal(f)),
    r"the diagonal of the Jacobian is lost": lambda f: f(f.right - diagonal(f)),
    r"only grad_y \* p of the softmax": lambda f: f(f.d * f.y),
    r"grad_y is multiplied by p twice": lambda f: f(f.d * f.y**2),
    r"right at the last index of axis (\d) and 0 before": lambda f, axis: f(only(f.right, "last", axis)),
    r"each index of axis (\d) gets only what the same index of axis (\d)": lambda f, a, b: f(own_index(f, a, b)),
    r"what index i of axis (\d) of grad_y sends back to index i of axis (\d) is lost": lambda f, b, a: f(
        f.right - own_index(f, a, b)
    ),
    r"nothing arrives at index ([\d, ]*\d)(, \.\.\.)? of axis (\d)": nothing_arrives,
    r"the axes of grad_y are in another order": other_order,
    r"it goes back by the way forward": lambda f: f(
        ((f.shares / f.d).reshape(f.x.size, -1).T @ f.d.reshape(-1)).reshape(f.x.shape)
    ),
    r"yours is grad_y itself": lambda f: f(f.d),
    r"a factor (\w+) is (too much|missing): with": factor,
    r"each index of axis (\d) has a wrong factor of its own: yours = c \* numeric, c = (.*), \.\.\.": factor_per_index,
    r"paths? through (.*) over (ax[ei]s [\d, ]+) (?:is|are) missing or wrong": path_lost,
    r"true class alone is wrong: its own term, by (\w+)": true_class,
    r"a multiple of x is lacking": lambda f: penalty(f, None, more=False),
    r"a multiple of x is too much": lambda f: penalty(f, None, more=True),
    r"the gradient of the L2 penalty is missing": lambda f: penalty(f, 0.0),
    r"the sign of the L2 penalty": lambda f: penalty(f, -1.0),
    r"the gradient of the L2 penalty is (.*) times": lambda f, times: penalty(f, float(times)),
    r"a factor and a multiple of x are wrong: yours = (.*) \* numeric": lambda f, c: f.is_multiple(
        f.claimed - value_of(c) * f.right, f.x
    ),
    r"a term proportional to (\w+) is missing or too much": term,
}


def holds(mutant: Mutant, original: Case, name: str, hint: str) -> bool | None:
    """Whether a hint on a tensor holds; None where it says nothing that could be told from the numbers."""
    for sentence, fact in SENTENCES.items():
        if found := re.search(sentence, hint):
            with np.errstate(all="ignore"):
                return bool(fact(Facts(mutant, original, name), *found.groups()))
    return None
