"""What a gradient of the wrong shape is, if it can be told: another tensor's, or not summed, transposed, not reshaped.

Where the numeric gradients are known, the numbers decide.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from deepfm_np.gradcheck.arrays import Array, as_array, is_real
from deepfm_np.gradcheck.gradient import is_row_gradient

CLOSE = 1e-6  # of the largest entry
CLOSE_IN_SINGLE = 1e-3  # the same, where the gradient is not in double precision

Shapes = Mapping[str, tuple]


def explain_shape(
    name: str, gradients: Mapping[str, object], shapes: Shapes, numerics: Mapping[str, Array], complaint: str
) -> tuple[str, str]:
    """(rule, sentence) on the gradient of a tensor; the complaint alone where the shape has no known cause.

    gradients: as backward returned them.  shapes: of all inputs.  numerics: of the tensors where they are known.
    """
    gradient = as_array(gradients[name])
    if is_row_gradient(gradients[name]) or not is_real(gradient):
        return "shape", complaint
    if other := _owner(name, gradients, shapes, numerics):
        both = other in gradients and _is_gradient_of(name, as_array(gradients[other]), shapes, numerics)
        whose = f"those of {name} and {other} are exchanged" if both else f"it is the gradient of {other}"
        return "exchanged", f"{complaint}: {whose}; return them in the order {', '.join(gradients)}"
    shape, numeric = shapes[name], numerics.get(name)
    if numeric is None:
        if gradient.shape == shape[::-1]:
            return "transposed", f"{complaint}: it is transposed"
        if gradient.shape[1:] == shape and _is_batch(len(gradient), name, shapes):
            return "not summed", f"{complaint}: sum it over the batch, axis 0"
        return "shape", complaint
    for axes in _axes(gradient.ndim):
        summed = gradient.sum(axis=axes)
        if summed.size == numeric.size and close(summed.reshape(shape), numeric):
            where = "the batch, axis 0" if axes == (0,) and _is_batch(len(gradient), name, shapes) else _named(axes)
            return "not summed", f"{complaint}: sum it over {where}"
    if gradient.shape == shape[::-1] and close(gradient.T, numeric):
        return "transposed", f"{complaint}: it is transposed"
    if gradient.size == numeric.size and close(gradient.reshape(shape), numeric):
        return "shape", f"{complaint}: the numbers are right, reshape it"
    for axes in _axes(numeric.ndim):
        for result in (numeric.sum(axis=axes), numeric.mean(axis=axes)):
            if result.size == gradient.size and close(gradient.reshape(result.shape), result):
                return "shape", f"{complaint}: do not sum or average it over {_named(axes)}"
    return "shape", complaint


def _owner(name: str, gradients: Mapping, shapes: Shapes, numerics: Mapping[str, Array]) -> str:
    """The tensor of the check whose gradient this is; "" if none is."""
    gradient = as_array(gradients[name])
    for other in gradients:
        if other != name and _is_gradient_of(other, gradient, shapes, numerics):
            if other in numerics or _is_gradient_of(name, as_array(gradients[other]), shapes, numerics):
                return other
    return ""


def _is_gradient_of(name: str, gradient: Array, shapes: Shapes, numerics: Mapping[str, Array]) -> bool:
    if gradient.shape != shapes[name] or not is_real(gradient):
        return False
    return name not in numerics or close(gradient, numerics[name])


def _is_batch(length: int, name: str, shapes: Shapes) -> bool:
    """Whether another input has as many examples, one per index of its first axis."""
    return any(shape[:1] == (length,) for other, shape in shapes.items() if other != name)


def _axes(ndim: int) -> list[tuple]:
    return [axes for count in range(1, ndim + 1) for axes in combinations(range(ndim), count)]


def _named(axes: tuple) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"


def close(gradient: Array, numeric: Array) -> bool:
    tolerance = CLOSE if gradient.dtype == np.float64 else CLOSE_IN_SINGLE
    largest = np.abs(numeric).max(initial=0.0)
    return bool(largest and (np.abs(gradient - numeric) <= tolerance * largest).all())
