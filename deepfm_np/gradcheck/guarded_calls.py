"""Calls of the functions under check that notice when one call disturbs another, or returns what it must not."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from deepfm_np.gradcheck.arrays import Array, as_array, described, is_real, same
from deepfm_np.gradcheck.gradient import RowGradient, is_row_gradient

NEARBY = 1e-3  # how far away the other point lies, relative to each number
SAME = 1e-9  # of the largest entry: sums in another order are equal
CHANGES_CACHE = "backward changes its cache: called again, it gives another gradient"
NOT_ITS_CACHE = "backward gives another gradient after a later call: it reads what is not in its own cache"
OVERWRITTEN = "a gradient that was returned is overwritten by a later call: return a new array"
ADDS = "gradients are added to those of the call before, as in PyTorch: set them to zero before each call"
NOT_REPEATED = "a second call at one point gives another gradient: it depends on the calls before"
CONSUMED = "backward raised {} when it was called a second time on one cache: it must not consume its cache"
WHY = {
    "in place": "who else uses that array reads changed numbers",
    "stale cache": "two batches or branches in turn would mix their gradients",
    "cache consumed": "a graph with two branches calls it twice",
}


class CallError(Exception):
    """A call changed what is not its own, or returned something of the wrong kind or number. `rule` names which."""

    def __init__(self, rule: str, sentence: str):
        super().__init__(sentence)
        self.rule = rule


class Findings:
    """What calls did to each other: failures where `strict`, else warnings."""

    def __init__(self, strict: bool):
        self.strict = strict
        self.warnings: list[str] = []

    def add(self, rule: str, sentence: str) -> None:
        """Raise CallError if strict, else note it once."""
        if self.strict:
            raise CallError(rule, sentence)
        warning = f"warning: {sentence} ({WHY[rule]})"
        if warning not in self.warnings:
            self.warnings.append(warning)


class Run(NamedTuple):
    """One call of everything at a point."""

    gradients: list  # as returned
    again: Callable[[], list] | None = None  # calls backward once more, on the same cache


class Watched(NamedTuple):
    """What the functions under check return, freed from what calls do to each other."""

    gradients: list  # copies
    elsewhere: list  # the gradients of a call at the other point, made before
    at: Callable[[Mapping[str, Array]], list]  # the gradients at any point


def watch(run: Callable[[Mapping], Run], point: Mapping, elsewhere: Mapping, findings: Findings) -> Watched:
    """The gradients at the point, from a fresh call, and what other calls before and after do to them.

    Gradients that add up from call to call are told by their equal steps, and taken apart again.
    """
    before = copies_of(run(elsewhere).gradients)
    first = run(point)
    gradients = copies_of(first.gradients)
    second = _again(first, findings)
    repeats = second is not None and _equal(second, gradients)
    if second is not None and not repeats:
        more = _again(first, findings) or second
        findings.add("stale cache", ADDS if all(map(_grows, gradients, second, more)) else CHANGES_CACHE)
    run(elsewhere)
    if not _equal(first.gradients, gradients):
        findings.add("stale cache", OVERWRITTEN)
    third = _again(first, findings) if repeats else None
    if third is not None and not _equal(third, gradients):
        findings.add("stale cache", NOT_ITS_CACHE)
    fresh = [copies_of(run(point).gradients) for _ in range(2)]
    steps = [_step(*arrays) for arrays in zip(before, gradients, *fresh, strict=True)]
    if any(step is not None for step in steps):
        findings.add("stale cache", ADDS)
    elif not _equal(fresh[1], gradients):
        findings.add("stale cache", NOT_REPEATED)

    def at(point: Mapping) -> list:
        if all(step is None for step in steps):
            return run(point).gradients
        one, two = (copies_of(run(point).gradients) for _ in range(2))
        return [now if step is None else now - then for then, now, step in zip(one, two, steps, strict=True)]

    own = [g if step is None else step for g, step in zip(gradients, steps, strict=True)]
    return Watched(own, before, at)


def nearby(point: Mapping[str, Array], names: Iterable[str]) -> dict[str, Array]:
    """Another point: the named arrays moved a little; zeros and signs stay."""
    rng = np.random.default_rng(0)
    moved = dict(point)
    for name in names:
        moved[name] = np.asarray(point[name] * (1 + NEARBY * rng.random(point[name].shape)), point[name].dtype)
    return moved


def call(what: str, function: Callable, arguments: Mapping[str, Array], findings: Findings):
    """function(a copy of each argument). It is a finding where it changes one."""
    copies = {name: array.copy() for name, array in arguments.items()}
    result = function(*copies.values())
    for name, array in arguments.items():
        if not same(copies[name], array):
            findings.add("in place", f"{what} overwrites its argument {name}: work on a copy")
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
    if isinstance(gradients, Mapping):
        return of_names(gradients, names)
    if len(names) == 1 and (is_row_gradient(gradients) or not isinstance(gradients, tuple | list)):
        return [gradients]
    if not isinstance(gradients, tuple | list) or is_row_gradient(gradients) or len(gradients) != len(names):
        found = len(gradients) if isinstance(gradients, tuple | list) else type(gradients).__name__
        number = f"{len(names)} gradient{'s' * (len(names) > 1)}"
        message = f"backward must return {number}, for {', '.join(names)}; it returned {found}"
        raise CallError("shape", message)
    return list(gradients)


def of_names(gradients: Mapping, names: Sequence[str]) -> list:
    """The gradients in a dict, each under the name of its tensor, "W", or as "dW"; None where there is none."""
    found = [gradients.get(name, gradients.get(f"d{name}")) for name in names]
    if gradients and all(gradient is None for gradient in found):
        keys = ", ".join(map(str, gradients))
        raise CallError("shape", f"the gradients must be named {', '.join(names)}; the dict holds {keys}")
    return found


def copies_of(gradients: Sequence) -> list:
    """Copies that no later call can reach."""
    return [_copy(gradient) for gradient in gradients]


def _again(first: Run, findings: Findings) -> list | None:
    """Copies of what a further call of backward gives; None where there is none, or it raises."""
    if first.again is None:
        return None
    try:
        return copies_of(first.again())
    except CallError:
        raise
    except Exception as error:  # of any kind: the first call on this cache has succeeded
        findings.add("cache consumed", CONSUMED.format(f"{type(error).__name__}: {error}"))
        return None


def _equal(now: Sequence, before: Sequence) -> bool:
    """Whether the numbers of the gradients are what they were."""
    for left, right in zip(now, before, strict=True):
        left, right = _parts(left), _parts(right)
        if len(left) != len(right) or not all(map(same, left, right)):
            return False
    return True


def _grows(first: Any, second: Any, third: Any) -> bool:
    """Whether a gradient grows by the same in each call, or stays."""
    if not _are_arrays(first, second, third):
        return _equal([second, third], [first, first])
    return _close(third - second, second - first)


def _step(before: Any, first: Any, second: Any, third: Any) -> Array | None:
    """By how much a gradient grows with each call at the point; None where it does not add up."""
    if _equal([second], [third]) or not _are_arrays(before, first, second, third):
        return None
    return first - before if _close(third - second, first - before) else None


def _are_arrays(*gradients: object) -> bool:
    arrays = [g for g in gradients if isinstance(g, np.ndarray) and is_real(g)]
    return len(arrays) == len(gradients) and len({array.shape for array in arrays}) == 1


def _close(left: Array, right: Array) -> bool:
    return bool(np.abs(left - right).max(initial=0.0) <= SAME * np.abs(right).max(initial=0.0))


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
