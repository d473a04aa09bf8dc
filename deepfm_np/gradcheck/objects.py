"""Gradient checks of objects: layers with forward and backward, models with a loss, of any library.

An object is made a function, and the function is checked: forward(x, *params) sets the parameters on a deep copy and
runs it, backward runs that copy backwards and reads its gradients. The object itself is never called or changed.
`attributes` finds the parameters and their gradients, `passes` knows how the methods are called.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from deepfm_np.gradcheck.arguments import copied, to_differentiate
from deepfm_np.gradcheck.arrays import Array, same
from deepfm_np.gradcheck.attributes import (
    Path,
    get,
    gradient_path,
    is_number,
    put,
    shared,
    short_name,
    spelled,
    values_of,
)
from deepfm_np.gradcheck.check import check_loss, check_operation
from deepfm_np.gradcheck.guarded_calls import nearby
from deepfm_np.gradcheck.passes import Passes, method_of
from deepfm_np.gradcheck.report import Report, Result

STATISTICS = ("running", "moving")  # how their names begin; forward depends on them, but they have no gradient
ADDS_UP = "backward adds to the gradient that is there: set it to zero before each step"
IGNORED = "forward gives the same y whatever its value: it is not used, or forward keeps another copy"
CONSTANT = "all entries are equal, so a mistake in what they multiply may not show: give them random values"
NO_GRADIENT_OF_X = (
    "backward neither returns nor stores its gradient, so nothing was compared: return it, or leave it out of wrt"
)


class Parameter(NamedTuple):
    """A parameter of a layer, and its gradient."""

    name: str
    paths: list[Path]  # where its array is; one array may have several names
    gradient: Path | Callable  # where its gradient is after backward, or a function of the layer that returns it
    is_ignored: bool = False  # whether y stays the same when it changes

    def gradient_in(self, layer: object) -> object:
        """Its gradient, after a backward pass of the layer."""
        return self.gradient(layer) if callable(self.gradient) else get(layer, self.gradient)

    def set_gradient(self, layer: object, value: float) -> None:
        """Set each entry of its gradient; in place, as the array may have other names."""
        gradient = self.gradient_in(layer)
        if isinstance(gradient, np.ndarray) and gradient.flags.writeable:
            gradient[...] = value
        elif is_number(gradient) and not callable(self.gradient):
            put(layer, [self.gradient], float(value))


def check_layer(
    layer: object,
    x: Array | Mapping[str, Array],
    *extra: object,
    params: Mapping[str, str | Callable] | None = None,
    forward: str | Callable = "forward",
    backward: str | Callable = "backward",
    wrt: str | Sequence[str] | None = None,
    method: str = "auto",
    **options,
) -> Report:
    """Check the backward pass of a layer: the gradient of x and of each parameter. The layer stays as it is.

    x: the input, or name -> array for several.  extra: further arguments of forward, held fixed, such as labels.
    params: name of a parameter -> name of its gradient, or a function of the layer that returns it. By default found
        by name, in layers within the layer too: `dW` (`grad_W`, `W_grad`, `gradW`) beside `W`, dicts or lists `grads`
        beside `params`, `grad` beside `data` or `value`.
    forward, backward: names of methods, or functions of the layer and of their arguments. An argument of backward
        that forward has, too, gets the same value; the one left gets grad_y. The backward of a loss may do without.
        What a pass does not return is read from `output` and from `dx`, `dinputs` and the like.
    wrt, method, options: as in `check_operation`.

    Raises ValueError where a method or a gradient is not found, and says how to name it.
    """
    inputs = copied("x", x if isinstance(x, Mapping) else {"x": x})
    passes = Passes(forward, backward, tuple(inputs), extra)
    elsewhere = list(nearby(inputs, [name for name, value in inputs.items() if value.dtype.kind == "f"]).values())
    used = _copy(layer)
    gradients_of_inputs = passes.both(used, elsewhere)  # first, so that a cache which is never renewed shows
    _empty_collections(used, passes, elsewhere)
    found = _found(used, passes, elsewhere) if params is None else [_named(used, *pair) for pair in params.items()]
    adding = _that_add_up(used, passes, elsewhere, found)
    start = values_of(layer)
    point = inputs | {p.name: _floating(start.get(p.paths[0]), get(used, p.paths[0])) for p in found}
    names, unknown = to_differentiate(wrt, point), []
    if wrt is None and found:
        without = [name for name, gradient in zip(inputs, gradients_of_inputs, strict=True) if gradient is None]
        unknown = [name for name in names if name in without]
        names = [name for name in names if name not in without]

    def run(*arrays: Array) -> tuple:
        layer, given = deepcopy(used), arrays[: len(inputs)]
        for parameter, array in zip(found, arrays[len(inputs) :], strict=True):
            put(layer, parameter.paths, array if array.ndim else array[()])
        return passes.run(layer, given), (layer, given)

    def run_back(grad_y: Array, cache: tuple) -> list:
        layer, given = deepcopy(cache)  # what backward does to its cache stays its own affair
        returned, has_grad_y = passes.run_back(layer, grad_y, given)
        gradients = dict(zip(inputs, returned, strict=True)) | {p.name: p.gradient_in(layer) for p in found}
        return [gradients[name] if has_grad_y else _times(grad_y, gradients[name]) for name in names]

    report = check_operation(run, run_back, point, wrt=names, method=method, **options)
    notes = {
        p.name: [IGNORED] * p.is_ignored + [ADDS_UP] * (p.name in adding) + [CONSTANT] * _is_constant(point[p.name])
        for p in found
    }
    results = [Result.inconclusive(name, point[name].shape, NO_GRADIENT_OF_X) for name in unknown]
    results += [result.with_notes(*notes.get(result.name, ())) for result in report.results]
    return replace(report, results=results)


def check_model(
    model: object,
    X: Array,
    y: Array | None = None,
    *,
    params: str = "params",
    loss: str | Callable = "loss",
    method: str = "auto",
    **options,
) -> Report:
    """Check a model whose `loss(X, y)` returns (loss, grads), grads a dict name -> gradient. The model stays as it is.

    X, y: a batch; y is left out where it is None.
    params: the attribute that holds the parameters, a dict name -> array.
    loss: the name of the method, or a function of the model, X and y.
    method, options: as in `check_loss`; options that it does not know go to the model's loss, such as reg=0.1.

    Raises ValueError where the parameters or the method are not found, and says how to name them.
    """
    used, batch = _copy(model), (X,) if y is None else (X, y)
    values, arrays = values_of(used), getattr(used, params, None)
    if not isinstance(arrays, dict):
        has = ", ".join(vars(used)) or "no attributes"
        raise ValueError(f"the model has no dict {params!r} of parameters; it has {has}: name the dict, params='...'")
    arrays = {name: np.array(value) for name, value in arrays.items() if is_number(value)}
    paths = {name: _paths_with((params, name), values) for name in arrays}
    known = inspect.signature(check_loss).parameters
    own = {name: options.pop(name) for name in list(options) if name in known}

    def run(model: object, point: Mapping[str, Array]) -> tuple:
        for name, array in point.items():
            put(model, paths[name], array)
        return method_of(model, loss, "loss")(*deepcopy(batch), **deepcopy(options))

    run(used, nearby(arrays, arrays))  # first, so that a cache which is never renewed shows
    report = check_loss(lambda point: run(deepcopy(used), point), arrays, method=method, **own)
    results = [r.with_notes(*[CONSTANT] * _is_constant(arrays[r.name])) for r in report.results]
    return replace(report, results=results)


def _copy(layer: object):
    try:
        return deepcopy(layer)
    except TypeError as error:
        kind = type(layer).__name__
        raise ValueError(f"the {kind} cannot be copied ({error}), and only copies are checked") from error


def _empty_collections(used: object, passes: Passes, inputs: list) -> None:
    """Take out of a layer the caches that it collects in lists, one a pass, to use them all at once."""
    again = deepcopy(used)
    passes.run(again, inputs)
    later = values_of(again)
    for path, value in values_of(used).items():
        longer = later.get(path)
        if isinstance(value, list) and isinstance(longer, list):
            added = max(0, len(longer) - len(value))
            del value[max(0, len(value) - added) :]


def _found(used: object, passes: Passes, inputs: list) -> list[Parameter]:
    """The parameters, in a layer that has run backwards: what forward leaves as it is set and whose gradient is there.

    Raises ValueError where y depends on an array that has none.
    """
    values, rng = values_of(used), np.random.default_rng(0)
    y, again = (passes.run(deepcopy(used), inputs) for _ in range(2))
    found, without = {}, []
    for paths in shared(values):
        gradient = gradient_path(paths, values)
        value = np.asarray(values[paths[0]])
        if gradient is None and (not value.ndim or not _same(y, again)):
            continue  # a setting such as epsilon; or forward draws numbers, so that y shows no dependence
        moved, layer = value + 1e-3 * rng.random(value.shape), deepcopy(used)
        put(layer, paths, moved)
        is_ignored = _same(passes.run(layer, inputs), y)
        if not same(get(layer, paths[0]), moved):
            continue  # a cache or a state: forward replaces it
        name = short_name(paths[0])
        if gradient is not None:
            found[name] = Parameter(name, paths, gradient, is_ignored)
        elif not is_ignored and not str(paths[0][-1]).startswith(STATISTICS):
            without.append(name)
    if without:
        example = ", ".join([f"{p.name!r}: ..." for p in found.values()] + [f"{name!r}: ..." for name in without])
        raise ValueError(
            f"no gradient was found for {', '.join(without)}, on which forward depends; after backward the layer has "
            f"{_arrays_in(values)}: name each parameter's gradient, params={{{example}}}, and leave out what has none"
        )
    return list(found.values())


def _named(used: object, name: str, gradient: str | Callable) -> Parameter:
    """The parameter of this name, with the gradient of that name."""
    values = values_of(used)

    def place(text: str) -> Path:
        for path in values:
            if text in (spelled(path), short_name(path)) and is_number(values[path]):
                return path
        raise ValueError(f"params names {text!r}, which is no array; after backward the layer has {_arrays_in(values)}")

    return Parameter(name, _paths_with(place(name), values), gradient if callable(gradient) else place(gradient))


def _that_add_up(used: object, passes: Passes, inputs: list, found: list[Parameter]) -> set[str]:
    """The names of the gradients to which a backward pass adds; these are set to zero in the layer."""
    usual, moved = deepcopy(used), deepcopy(used)
    for parameter in found:
        parameter.set_gradient(moved, 1)
    passes.both(usual, inputs)
    passes.both(moved, inputs)
    pairs = [(p, p.gradient_in(usual), p.gradient_in(moved)) for p in found]
    adding = [p for p, left, right in pairs if is_number(left) and not _same(left, right)]
    for parameter in adding:
        parameter.set_gradient(used, 0)
    return {parameter.name for parameter in adding}


def _floating(start: object, later: object) -> Array:
    """The value of a parameter; that after a pass where a layer makes its parameters in the first one."""
    value = np.array(start if is_number(start) else later)
    return value if value.dtype.kind == "f" else value.astype(float)


def _is_constant(array: Array) -> bool:
    """Whether it has several entries, all equal, as biases and scales have at the start of training."""
    return array.size > 1 and bool((array == array.flat[0]).all())


def _times(factor: object, gradient: object) -> object:
    """The gradient of a scaled loss. What is not an array is left for the check to complain about."""
    return np.asarray(factor) * gradient if isinstance(gradient, np.ndarray | float) else gradient


def _paths_with(path: Path, values: Mapping[Path, object]) -> list[Path]:
    """All paths to the array that is there, this one first."""
    group = next((paths for paths in shared(values) if path in paths), [])
    return [path, *(other for other in group if other != path)]


def _same(y: object, other: object) -> bool:
    left, right = ([*map(np.asarray, v)] if isinstance(v, tuple | list) else [np.asarray(v)] for v in (y, other))
    return len(left) == len(right) and all(map(same, left, right))


def _arrays_in(values: Mapping[Path, object]) -> str:
    arrays = (short_name(path) for path, value in values.items() if isinstance(value, np.ndarray) and is_number(value))
    return ", ".join(arrays) or "no floating arrays"
