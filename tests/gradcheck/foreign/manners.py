"""In which manner a case is written, read off its source and what it hands over."""

import inspect
from collections.abc import Callable

import numpy as np
from gradcheck.foreign.case import Case
from gradcheck.foreign.verify import grad_y


class _Seen:
    """The source of a case, and its cache and gradients at its point."""

    def __init__(self, case: Case):
        parts = [case.layer] if case.layer else [case.forward, case.backward]
        self.case, self.source = case, "".join(map(inspect.getsource, parts))
        y, self.saved = case.forward(*(value.copy() for value in case.inputs.values()))
        self.scalar, self.several = not isinstance(y, tuple) and np.ndim(y) == 0, isinstance(y, tuple)
        self.returned = case.backward(grad_y(y), self.saved)


def _writes(*texts: str) -> Callable[[_Seen], bool]:
    return lambda seen: any(text in seen.source for text in texts)


MANNERS: dict[str, Callable[[_Seen], bool]] = {
    "loops": _writes("for "),
    "einsum, tensordot": _writes("einsum", "tensordot"),
    "float buffers": _writes("np.zeros(", "np.empty(", "np.zeros_like(", "np.empty_like(", "np.full("),
    "np.maximum, np.abs, np.clip": _writes("np.maximum", "np.abs", "np.clip"),
    "np.where, masks": _writes("np.where", "mask"),
    "np.mean, np.var, np.std": _writes("np.mean", ".mean(", "np.var", ".var(", "np.std", ".std("),
    "keepdims": _writes("keepdims"),
    "+= and in-place writes": _writes("+= ", "-= ", "*= ", "/= ", "np.add.at"),
    "float32 inside": _writes("float32"),
    "class with state": lambda seen: seen.case.layer is not None,
    "cache: tuple": lambda seen: isinstance(seen.saved, tuple),
    "cache: list": lambda seen: isinstance(seen.saved, list),
    "cache: dict": lambda seen: isinstance(seen.saved, dict),
    "cache: array or number": lambda seen: isinstance(seen.saved, np.ndarray | np.generic | int | float),
    "gradients: tuple": lambda seen: isinstance(seen.returned, tuple),
    "gradients: list": lambda seen: isinstance(seen.returned, list),
    "gradients: dict": lambda seen: isinstance(seen.returned, dict),
    "gradients: bare": lambda seen: isinstance(seen.returned, np.ndarray | np.generic),
    "integer or boolean inputs": lambda seen: any(x.dtype.kind in "iub" for x in seen.case.inputs.values()),
    "scalar output": lambda seen: seen.scalar,
    "several outputs": lambda seen: seen.several,
    "on a corner": lambda seen: seen.case.kinks,
}


def manners_of(case: Case) -> list[str]:
    """The names in MANNERS that fit a case."""
    seen = _Seen(case)
    return [name for name, fits in MANNERS.items() if fits(seen)]
