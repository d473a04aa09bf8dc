"""What a gradient of the wrong shape is, if it can be told: another tensor's, or not summed, transposed, not reshaped.

Where the numeric gradients are known, the numbers decide.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from deepfm_np.gradcheck.arrays import Array, as_array, is_real
from deepfm_np.gradcheck.gradient import is_row_gradient

CLOSE = 1e-6  # of the largest entry
CLOSE_IN_SINGLE = 1e-3  # the same, where the gradient is not in double precision

SUM_BATCH = "sum it over the batch, axis 0"

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
    order = f"return them in the order {', '.join(gradients)}"
    owners = [other for other in gradients if other != name and _fits(gradient, other, shapes, numerics)]
    for other in owners:
        if _fits(as_array(gradients[other]), name, shapes, numerics):
            return "exchanged", f"{complaint}: those of {name} and {other} are exchanged; {order}"
    rule, cause = _cause(gradient, name, shapes, numerics.get(name))
    if owners and not cause and owners[0] in numerics:
        rule, cause = "exchanged", f"it is the gradient of {owners[0]}; {order}"
    return rule, f"{complaint}: {cause}" if cause else complaint


def _cause(gradient: Array, name: str, shapes: Shapes, numeric: Array | None) -> tuple[str, str]:
    """(rule, what happened to the right gradient); the second is empty where that is not known."""
    shape, of_batch = shapes[name], is_batch(gradient.shape[:1], name, shapes)
    if numeric is None:
        if gradient.shape == shape[::-1]:
            return "transposed", "it is transposed"
        return ("not summed", SUM_BATCH) if gradient.shape[1:] == shape and of_batch else ("shape", "")
    if gradient.shape == shape[::-1] and close(gradient.T, numeric):
        return "transposed", "it is transposed"
    if gradient.size == numeric.size and close(gradient.reshape(shape), numeric):
        return "shape", "the numbers are right, reshape it"
    for axes in subsets(gradient.ndim):
        summed = gradient.sum(axis=axes)
        if summed.size == numeric.size and close(summed.reshape(shape), numeric):
            return "not summed", SUM_BATCH if axes == (0,) and of_batch else f"sum it over {named(axes)}"
    for axes in subsets(numeric.ndim):
        for result in (numeric.sum(axis=axes), numeric.mean(axis=axes)):
            if result.size == gradient.size and close(gradient.reshape(result.shape), result):
                return "shape", f"do not sum or average it over {named(axes)}"
    return "shape", ""


def _fits(gradient: Array, name: str, shapes: Shapes, numerics: Mapping[str, Array]) -> bool:
    """Whether this may be the gradient of a tensor."""
    if gradient.shape != shapes[name] or not is_real(gradient):
        return False
    return name not in numerics or close(gradient, numerics[name])


def is_batch(length: tuple, name: str, shapes: Shapes) -> bool:
    """Whether another input has as many examples, one per index of its first axis."""
    return any(length and shape[:1] == length for other, shape in shapes.items() if other != name)


def subsets(ndim: int) -> Iterator[tuple]:
    """The sets of axes, single ones first."""
    return (axes for count in range(1, ndim + 1) for axes in combinations(range(ndim), count))


def named(axes: tuple) -> str:
    """Axes in words."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"


def close(gradient: Array, numeric: Array) -> bool:
    """Whether they are equal, as far as it takes to tell explanations apart."""
    tolerance = CLOSE if gradient.dtype == np.float64 else CLOSE_IN_SINGLE
    largest = np.abs(numeric).max(initial=0.0)
    return bool(largest and (np.abs(gradient - numeric) <= tolerance * largest).all())
