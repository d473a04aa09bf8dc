"""What a case is: an operation at a point, as other people write it, and what can go wrong in it."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

Array = np.ndarray

LABELS = (
    "exchanged",
    "sign",
    "factor",
    "lost 1/n",
    "transposed",
    "not summed",
    "mask inverted",
    "mask lost",
    "ignores upstream",
    "diagonal only",
    "copies not summed",
    "last step only",
    "statistics constant",
    "wrong product",
    "wrong slope",
    "true class lost",
    "L2 missing",
    "L2 scaled",
    "per-example factor",
    "repeated rows",
    "missing term",
    "wrong point",
    "zero",
    "float32",
    "cache consumed",
    "other",
)


class Fault(NamedTuple):
    """A wrong version: the source of the backward pass with one text put in another's place."""

    label: str  # of LABELS: what a hint may claim
    old: str
    new: str


@dataclass(frozen=True, eq=False)
class Case:
    """A right forward and backward pass at one point.

    forward: called with the inputs in order, returns (y, cache); y is an array, a scalar or a tuple of arrays.
    backward: called with (grad_y, cache), returns the gradients of `wrt` as a tuple, list or dict, or a bare one.
    """

    name: str
    forward: Callable
    backward: Callable
    inputs: Mapping[str, Array]
    wrt: Sequence[str] = ()
    kinks: bool = False  # the point lies on a corner, where any slope between those of both sides is right
    exact: bool = True  # False: float32 inside, so that only its digits are right
    needs: str = ""  # of the checker: "dict gradients", "several outputs", "objects", "in place"
    layer: type | None = None  # where forward and backward are methods
    kept: Sequence[str] = ()  # where the layer keeps the gradients of its parameters: "dW", "grads.W", "pairs.0.1"
    faults: Sequence[Fault] = field(default=(), repr=False)
    topic: str = ""


def case(name: str, forward: Callable, backward: Callable, inputs: Mapping, wrt=(), faults=(), **options) -> Case:
    """A Case whose inputs are drawn: a shape as normal numbers, a function as what it makes of a generator.

    Each case has a generator of its own, seeded by its name. wrt: by default all floating inputs.
    """
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    drawn = {key: _drawn(value, rng) for key, value in inputs.items()}
    wrt = tuple(wrt) or tuple(key for key, value in drawn.items() if value.dtype.kind == "f")
    faults = [Fault(*fault) for fault in faults]
    return Case(name, forward, backward, drawn, wrt, faults=faults, topic=_topic(backward), **options)


def layer_case(name: str, layer: type, inputs: Mapping, kept: Sequence[str] = (), faults=(), **options) -> Case:
    """A Case of a class: `layer(*params)`, `forward(x)`, `backward(grad_y)`. The first input is x.

    kept: where the layer keeps the gradients of its parameters after backward, in the order of the inputs. Where
        backward returns nothing, the gradient of x stands first.
    """
    made = case(name, *as_pair(layer, kept), inputs, faults=faults, layer=layer, kept=kept, **options)
    return replace(made, topic=_topic(layer))


def as_pair(layer: type, kept: Sequence[str]) -> tuple[Callable, Callable]:
    """A class as a forward and a backward function; the cache is the object."""

    def forward(x, *params):
        made = layer(*params)
        return made.forward(x), made

    def backward(grad_y, made):
        returned = made.backward(grad_y)
        gradients = [_reach(made, path) for path in kept]
        if returned is not None:
            gradients.insert(0, returned)
        return gradients if len(gradients) > 1 else gradients[0]

    return forward, backward


def _reach(thing, path: str):
    """What lies at a path of attributes, keys and positions."""
    for step in path.split("."):
        is_attribute = hasattr(thing, step)
        thing = getattr(thing, step) if is_attribute else thing[int(step) if step.isdigit() else step]
    return thing


def integers(high: int, *shape: int) -> Callable:
    """To draw integers from 0 on, below `high`."""
    return lambda rng: rng.integers(0, high, shape)


def positive(*shape: int) -> Callable:
    """To draw numbers between 1/2 and 3/2."""
    return lambda rng: rng.uniform(0.5, 1.5, shape)


def probabilities(*shape: int) -> Callable:
    """To draw numbers between 0.1 and 0.9."""
    return lambda rng: rng.uniform(0.1, 0.9, shape)


def simplex(*shape: int) -> Callable:
    """To draw rows of positive numbers that sum to 1."""
    return lambda rng: rng.dirichlet(np.ones(shape[-1]), shape[:-1])


def signs(*shape: int) -> Callable:
    """To draw -1.0 and 1.0."""
    return lambda rng: rng.choice([-1.0, 1.0], shape)


def zero_one(*shape: int) -> Callable:
    """To draw 0.0 and 1.0."""
    return lambda rng: rng.integers(0, 2, shape).astype(float)


def bits(*shape: int) -> Callable:
    """To draw booleans."""
    return lambda rng: rng.random(shape) < 0.6


def exactly(values) -> Callable:
    """To draw nothing: these values."""
    return lambda rng: np.array(values)


def _topic(thing) -> str:
    return thing.__module__.rsplit(".", 1)[-1]


def _drawn(value, rng: np.random.Generator) -> Array:
    if callable(value):
        return value(rng)
    return rng.standard_normal(value)
