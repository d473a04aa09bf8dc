"""Calls of the functions under check that notice when one call disturbs another, or returns what it must not."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from deepfm_np.gradcheck.arrays import Array, as_array, described, is_real, same
from deepfm_np.gradcheck.gradient import RowGradient, is_row_gradient

NEARBY = 1e-3  # how far away the other point lies, relative to each number


class CallError(Exception):
    """A call changed what is not its own, or returned something of the wrong kind or number. `rule` names which."""

    def __init__(self, rule: str, sentence: str):
        super().__init__(sentence)
        self.rule = rule


def nearby(point: Mapping[str, Array], names: Iterable[str]) -> dict[str, Array]:
    """Another point: the named arrays moved a little; zeros and signs stay."""
    rng = np.random.default_rng(0)
    moved = dict(point)
    for name in names:
        moved[name] = np.asarray(point[name] * (1 + NEARBY * rng.random(point[name].shape)), point[name].dtype)
    return moved


def call(what: str, function: Callable, arguments: Mapping[str, Array]):
    """function(a copy of each argument). Raises CallError where it changes one."""
    copies = {name: array.copy() for name, array in arguments.items()}
    result = function(*copies.values())
    for name, array in arguments.items():
        if not same(copies[name], array):
            raise CallError("in place", f"{what} overwrites its argument {name}: work on a copy")
    return result


def as_pair(what: str, parts: str, returned: object) -> tuple:
    """The two values that a function returned. Raises CallError where there are not two."""
    if isinstance(returned, tuple | list) and len(returned) == 2:
        return tuple(returned)
    found = f"{len(returned)} values" if isinstance(returned, tuple | list) else f"a value that {described(returned)}"
    if returned is None:
        found = "None"
    raise CallError("shape", f"{what} must return two values, {parts}; it returned {found}")


def require_real(what: str, value: object) -> None:
    """Raise CallError where a value is not an array of real numbers."""
    if not is_real(as_array(value)):
        raise CallError("shape", f"{what} {described(value)}, should hold real numbers")


def one_per_name(gradients: object, names: Sequence[str]) -> list:
    """What backward returned, as one gradient per name. Raises CallError where the number differs."""
    if len(names) == 1 and (is_row_gradient(gradients) or not isinstance(gradients, tuple | list)):
        return [gradients]
    if not isinstance(gradients, tuple | list) or is_row_gradient(gradients) or len(gradients) != len(names):
        found = len(gradients) if isinstance(gradients, tuple | list) else type(gradients).__name__
        number = f"{len(names)} gradient{'s' * (len(names) > 1)}"
        message = f"backward must return {number}, for {', '.join(names)}; it returned {found}"
        raise CallError("shape", message)
    return list(gradients)


def copies_of(gradients: Sequence) -> list:
    """Copies that no later call can reach."""
    return [_copy(gradient) for gradient in gradients]


def require_same(sentence: str, now: Sequence, before: Sequence) -> None:
    """Raise CallError, with the sentence, where the numbers of a gradient are no longer what they were."""
    for left, right in zip(now, before, strict=True):
        left, right = _parts(left), _parts(right)
        if len(left) != len(right) or not all(map(same, left, right)):
            raise CallError("stale cache", sentence)


class _Rows:
    """A copy of a row gradient."""

    def __init__(self, gradient: RowGradient):
        self.rows, self.values = _copy(gradient.rows), _copy(gradient.values)


def _copy(gradient):
    if is_row_gradient(gradient):
        return _Rows(gradient)
    array = as_array(gradient)
    return array.copy() if is_real(array) else gradient


def _parts(gradient: object) -> list[Array]:
    """The arrays of numbers that a gradient consists of."""
    parts = (gradient.rows, gradient.values) if is_row_gradient(gradient) else (gradient,)
    return [array for array in map(as_array, parts) if is_real(array)]
