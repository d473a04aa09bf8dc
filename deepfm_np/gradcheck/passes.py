"""How the forward and backward methods of a layer are called, whichever arguments its library gives them."""

import inspect
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import numpy as np

from deepfm_np.gradcheck.attributes import is_gradient_name

OUTPUTS = ("output", "outputs", "out")  # where a forward that returns nothing leaves its result
BY_KEYWORD = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Passes:
    """The two passes of a layer, each the name of a method or a function of the layer and of its arguments."""

    forward: str | Callable
    backward: str | Callable
    names: tuple[str, ...]  # of the inputs
    extra: tuple  # further arguments of forward

    def run(self, layer: object, inputs: Sequence):
        """y, which forward returns or stores."""
        y = method_of(layer, self.forward, "forward")(*inputs, *deepcopy(self.extra))
        return next((getattr(layer, name) for name in OUTPUTS if hasattr(layer, name)), None) if y is None else y

    def run_back(self, layer: object, grad_y, inputs: Sequence) -> tuple[list, bool]:
        """One gradient per input, None where there is none; and whether grad_y is in the gradients.

        It is not where the backward of a loss takes none, or has a default for it.
        """
        function = method_of(layer, self.backward, "backward")
        names = list(_arguments(method_of(layer, self.forward, "forward")))
        arguments = _arguments(function)
        given = dict(zip(names, (*inputs, *deepcopy(self.extra)), strict=False))
        if len(arguments) == 1 and names[: len(inputs)] == list(arguments):
            given = {}  # what arrives, whatever it is called
        given = {name: given[name] for name in arguments if name in given}
        free = [argument for name, argument in arguments.items() if name not in given]
        required = [argument for argument in free if argument.default is argument.empty]
        takes_grad_y = bool(required) or np.ndim(grad_y) > 0 or isinstance(grad_y, tuple)
        if takes_grad_y:
            given |= _arriving(required or free[:1], grad_y)
        returned = function(*given.pop("*", ()), **given)
        return self._by_input(layer, returned, names), takes_grad_y

    def both(self, layer: object, inputs: Sequence) -> list:
        """A forward and a backward pass: one gradient per input, None where there is none."""
        y = self.run(layer, inputs)
        grad_y = tuple(map(_ones, y)) if isinstance(y, tuple) else _ones(y)
        return self.run_back(layer, grad_y, inputs)[0]

    def _by_input(self, layer: object, returned: object, arguments: Sequence[str]) -> list:
        if returned is None:
            inputs = zip(self.names, arguments, strict=False)
            return [_stored(layer, (*names, "input", "inputs") if len(self.names) == 1 else names) for names in inputs]
        if not isinstance(returned, tuple):
            returned = (returned,)
        if len(returned) == len(self.names):
            return list(returned)
        raise ValueError(
            f"backward must return one gradient for each of {', '.join(self.names)}; it returns {len(returned)}: "
            "backward=... may be a function of the layer and grad_y that stores the others where params finds them"
        )


def method_of(layer: object, named: str | Callable, what: str) -> Callable:
    """The method of this name, or the function with the layer as its first argument. Raises ValueError."""
    if callable(named):
        return partial(named, layer)
    method = getattr(layer, named, layer if named == "forward" else None)
    if callable(method):
        return method
    has = ", ".join(name for name in dir(layer) if not name.startswith("_") and callable(getattr(layer, name, None)))
    raise ValueError(f"{type(layer).__name__} has no method {named!r}; it has {has or 'none'}: name it, {what}='...'")


def _arguments(function: Callable) -> dict[str, inspect.Parameter]:
    """Its positional arguments."""
    parameters = inspect.signature(function).parameters
    return {name: parameter for name, parameter in parameters.items() if parameter.kind not in BY_KEYWORD}


def _arriving(arguments: Sequence[inspect.Parameter], grad_y) -> dict:
    """What arrives, by the names of the arguments that take it; by "*" for an argument such as *grads."""
    several = isinstance(grad_y, tuple) and len(grad_y) == len(arguments) > 1
    if not several and len(arguments) != 1:
        found = ", ".join(argument.name for argument in arguments)
        takes = f"takes {found}, of which one should be grad_y" if found else "takes no grad_y, as that of a loss may"
        raise ValueError(f"backward {takes}: backward=... may be a function of the layer and grad_y that calls it")
    if arguments[0].kind is inspect.Parameter.VAR_POSITIONAL:
        return {"*": grad_y if isinstance(grad_y, tuple) else (grad_y,)}
    names = [argument.name for argument in arguments]
    return dict(zip(names, grad_y, strict=True)) if several else {names[0]: grad_y}


def _stored(layer: object, names: Sequence[str]) -> object:
    """What the layer stores as the gradient of an input of one of these names."""
    stored = vars(layer).items()
    return next((value for name in names for other, value in stored if is_gradient_name(name, other)), None)


def _ones(y: object):
    y = np.asarray(y)
    return np.ones(y.shape, y.dtype if y.dtype.kind == "f" else float)[()]
