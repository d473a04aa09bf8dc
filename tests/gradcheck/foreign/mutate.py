"""Wrong versions of right cases, made by rule, each with a label that says what a hint may claim.

Three ways: what backward returns is altered; an idiom in its source is replaced; a fault that the case names is put in.
A mutant that is right after all (to 1e-6), that raises, or that gives what another mutant gives is dropped.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from gradcheck.foreign.case import LABELS, Array, Case, as_pair
from gradcheck.foreign.idioms import SUM_LOST, variants
from gradcheck.foreign.verify import grad_y, gradients, slopes

SOFT = ("softmax", "attention")  # topics in which a sum not taken leaves p * (d - d * p), the diagonal alone
FLOAT32_EVERY = 9  # of so many cases one is computed in float32


@dataclass(frozen=True)
class Mutant:
    """A case with something wrong in it."""

    case: Case  # with the wrong function in place
    label: str  # of LABELS
    what: str
    wrong: tuple[str, ...]  # the tensors whose gradient is wrong
    claimed: Mapping[str, Array]  # what the wrong backward pass gives for verify.grad_y
    right: Mapping[str, Array]

    @property
    def name(self) -> str:
        """The case and what is wrong in it."""
        return f"{self.case.name}: {self.what}"


def mutants_of(case: Case, number: int) -> list[Mutant]:
    """The wrong versions of a case. `number` chooses which of the simplest alterations it gets, and of which tensor."""
    right, found = gradients(case), []
    for label, what, wrong_case in (*altered(case, number), *rewritten(case)):
        assert label in (*LABELS, SUM_LOST), label
        try:
            with np.errstate(all="ignore"):
                claimed = gradients(wrong_case)
        except Exception:  # a shape that does not fit, a name that is gone: no one would keep such a version
            continue
        wrong = tuple(name for name, known in slopes(case).items() if not known.accept(claimed[name]))
        finite = all(np.isfinite(claimed[name]).all() for name in wrong)
        if wrong and finite and not any(_same(claimed, other.claimed) for other in found):
            label = _label_by_fact(label, case.topic, [(claimed[name], right[name]) for name in wrong])
            found.append(Mutant(wrong_case, label, what, wrong, claimed, right))
    return [*found, *consumed(case), *single(case, number)]


def altered(case: Case, number: int) -> Iterator[tuple[str, str, Case]]:
    """Cases whose gradients are changed after backward has computed them."""
    some = case.wrt[number % len(case.wrt)]
    simple = [
        ("sign", f"-grad of {some}", lambda g: -g),
        ("factor", f"grad of {some} doubled", lambda g: 2 * g),
        ("zero", f"grad of {some} is 0", lambda g: 0 * g),
        ("factor", f"grad of {some} halved", lambda g: g / 2),
        ("other", f"grad of {some}, rolled by one", lambda g: np.roll(g, 1, axis=0) if np.ndim(g) else g),
    ]
    label, what, change = simple[number % len(simple)]
    yield label, what, _returning(case, lambda all_: {**all_, some: change(all_[some])})
    if len(case.wrt) > 1:
        first, second = case.wrt[number % len(case.wrt)], case.wrt[(number + 1) % len(case.wrt)]
        yield "exchanged", f"grads of {first} and {second} exchanged", _returning(case, _exchanging(first, second))
        if matrices := [name for name in case.wrt if case.inputs[name].ndim == 2]:
            name = matrices[number % len(matrices)]
            yield "transposed", f"grad of {name} transposed", _returning(case, _transposing(name))
    y = case.forward(*case.inputs.values())[0]
    several = isinstance(y, tuple)
    if not several and (np.ndim(y) == 0 or (number % 3 == 0 and np.shape(y) == case.inputs[case.wrt[0]].shape)):
        ones = np.ones_like(grad_y(y))[()]
        yield "ignores upstream", "1 for grad_y", replace(case, backward=lambda g, saved: case.backward(+ones, saved))


def rewritten(case: Case) -> Iterator[tuple[str, str, Case]]:
    """Cases whose backward has other source."""
    source = _source(case)
    for label, old, new in case.faults:
        assert old in source, f"{case.name}: no {old!r}"
        yield label, f"{old} -> {new or 'nothing'}", _compiled(case, source.replace(old, new))
    name = "backward" if case.layer else case.backward.__name__
    for label, what, text in variants(source, name, case.topic):
        yield label, what, _compiled(case, text)


def consumed(case: Case) -> list[Mutant]:
    """The case with `cache.pop("x")` for `cache["x"]`: right once, and an error at a second call on the same cache."""
    source = _source(case)
    right = gradients(case)
    found = []
    for label, what, text in variants(source, "", case.topic, popping=True):
        wrong_case = _compiled(case, text)
        try:
            claimed = gradients(wrong_case)
        except KeyError:  # the key is read twice
            continue
        if _same(claimed, right):
            found.append(Mutant(wrong_case, label, what, case.wrt, claimed, right))
    return found[:1]


def single(case: Case, number: int) -> list[Mutant]:
    """Every so many cases: the forward pass computes in float32 and returns float64; backward is right for it."""
    if number % FLOAT32_EVERY or case.needs or not case.exact or case.kinks:
        return []

    def forward(*inputs):
        y, saved = case.forward(*(x.astype(np.float32) if x.dtype.kind == "f" else x for x in inputs))
        return (np.float64(y) if np.ndim(y) == 0 else y.astype(float)), saved

    right = gradients(case)
    return [Mutant(replace(case, forward=forward), "float32", "forward computes in float32", (), right, right)]


def _returning(case: Case, change: Callable[[dict], dict]) -> Case:
    def backward(g, saved):
        returned = case.backward(g, saved)
        if isinstance(returned, Mapping):
            return change(dict(returned))
        bare = not isinstance(returned, tuple | list)
        parts = change(dict(zip(case.wrt, [returned] if bare else returned, strict=True)))
        return parts[case.wrt[0]] if bare else type(returned)(parts.values())

    return replace(case, backward=backward, layer=None)


def _transposing(name: str) -> Callable[[dict], dict]:
    return lambda all_: {**all_, name: all_[name].T}


def _exchanging(first: str, second: str) -> Callable[[dict], dict]:
    return lambda all_: {**all_, first: all_[second], second: all_[first]}


def _source(case: Case) -> str:
    return textwrap.dedent(inspect.getsource(case.layer or case.backward))


def _compiled(case: Case, source: str) -> Case:
    """The case with its backward, or its class, made from another source."""
    original = case.layer or case.backward
    scope = dict(inspect.getmodule(original).__dict__)
    try:
        exec(compile(ast.parse(source), f"<{case.name}>", "exec"), scope)
    except SyntaxError as error:
        raise ValueError(f"{case.name}: a fault is no Python: {error}\n{source}") from error
    made = scope[original.__name__]
    if case.layer:
        forward, backward = as_pair(made, case.kept)
        return replace(case, layer=made, forward=forward, backward=backward)
    return replace(case, backward=made)


def _same(left: Mapping[str, Array], right: Mapping[str, Array]) -> bool:
    return all(a.shape == right[name].shape and np.allclose(a, right[name], rtol=1e-9) for name, a in left.items())


def _label_by_fact(label: str, topic: str, pairs: Iterable[tuple[Array, Array]]) -> str:
    """Labels that say something of the numbers keep their word, or the mutant is called "other"."""
    pairs = list(pairs)
    if label == "factor" and not all(_is_multiple(claimed, right) for claimed, right in pairs):
        return "other"
    if label == "not summed" and not all(_is_unsummed(claimed, right) for claimed, right in pairs):
        return "other"
    if label == SUM_LOST:
        same_shape = all(claimed.shape == right.shape for claimed, right in pairs)
        return "diagonal only" if same_shape and topic in SOFT else "not summed"
    return label


def _is_multiple(claimed: Array, right: Array) -> bool:
    if claimed.shape != right.shape:
        return False
    c = (claimed * right).sum() / (right * right).sum()
    return np.allclose(claimed, c * right, rtol=1e-9, atol=1e-12 * np.abs(right).max())


def _is_unsummed(claimed: Array, right: Array) -> bool:
    """Whether something arrives that a sum would put right, or only a part of it."""
    return claimed.shape == right.shape or claimed.size > right.size
