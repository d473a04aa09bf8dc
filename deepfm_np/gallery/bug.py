"""What a planted bug is: a wrong and the right way to do one thing, at a random point, and what catches it.

There are three kinds. A `Bug` is a wrong derivative: the gradient check finds it. A `WrongForward` is a wrong function
with its exact derivative: no gradient check can see it, but an independent value of the function shows it. A
`WrongUpdate` has nothing to do with derivatives: a plain loop that takes the same steps arrives somewhere else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from deepfm_np.gradcheck import Report, check_loss, check_operation
from deepfm_np.ops.rows import Array


class Operation(NamedTuple):
    """A pair of functions at a point, as `check_operation` takes it."""

    forward: Callable
    backward: Callable
    inputs: Mapping[str, Array]
    slots: tuple[Array, Array] | None = None


class Loss(NamedTuple):
    """A loss and its gradients at a point, as `check_loss` takes it."""

    loss_and_grads: Callable
    params: Mapping[str, Array]
    slots: tuple[Array, Array] | None = None
    terms: Mapping[str, Mapping[str, Array]] | None = None


@dataclass(frozen=True)
class Bug:
    """A wrong derivative."""

    place: str
    name: str
    symptom: str  # what you see
    lesson: str  # why it is wrong, and what is right
    rule: str  # the rule of `gradcheck.diagnose` that should name it; "" if none covers it
    wrong: Callable[[np.random.Generator], Operation | Loss]
    right: Callable[[np.random.Generator], Operation | Loss]


@dataclass(frozen=True)
class WrongForward:
    """A wrong function with its exact derivative."""

    place: str
    name: str
    symptom: str
    lesson: str
    wrong: Callable[[np.random.Generator], Operation]
    right: Callable[[np.random.Generator], Operation]  # at the same point
    oracle: Callable  # the inputs in order -> the right value, by loops


@dataclass(frozen=True)
class WrongUpdate:
    """A wrong optimiser step."""

    place: str
    name: str
    symptom: str
    lesson: str
    update: Callable  # gradients (steps, d) -> the parameters (d,) after those steps, from 0
    reference: Callable  # the same by a plain loop


def check(problem: Operation | Loss, seed: int = 0, method: str = "complex", fast: bool = False) -> Report:
    """The gradient check of a problem."""
    if isinstance(problem, Loss):
        function, params, slots, terms = problem
        return check_loss(function, params, method, seed, slots, terms, fast, strict=True)
    forward, backward, inputs, slots = problem
    return check_operation(forward, backward, inputs, None, method, seed, slots, fast, strict=True)


class Collection:
    """The bugs of one place, each registered by a decorator, in the order of the file."""

    def __init__(self, place: str):
        self.place = place
        self.bugs: list[Bug] = []

    def wrong_backward(self, problem: Callable, name: str, symptom: str, lesson: str, rule: str = "") -> Callable:
        """For a function (grad_y, cache) -> gradients that replaces the problem's backward."""

        def register(backward: Callable) -> Callable:
            def wrong(rng: np.random.Generator) -> Operation:
                return problem(rng)._replace(backward=backward)

            self.bugs.append(Bug(self.place, name, symptom, lesson, rule, wrong, problem))
            return backward

        return register

    def wrong_problem(self, problem: Callable, name: str, symptom: str, lesson: str, rule: str = "") -> Callable:
        """For a function that turns the right problem into the wrong one, where more than backward is wrong."""

        def register(change: Callable) -> Callable:
            self.bugs.append(Bug(self.place, name, symptom, lesson, rule, lambda rng: change(problem(rng)), problem))
            return change

        return register
