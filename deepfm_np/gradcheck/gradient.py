"""The gradient that a backward pass returns, dense or of touched rows: what is wrong with its form, and its numbers."""

from typing import Protocol, TypeGuard

import numpy as np

from deepfm_np.gradcheck.arrays import Array, as_array, described, is_real, not_finite


class RowGradient(Protocol):
    """Touched rows of a table and their gradients."""

    @property
    def rows(self) -> Array: ...  # (R,)
    @property
    def values(self) -> Array: ...  # (R, ...)


def is_row_gradient(gradient: object) -> TypeGuard[RowGradient]:
    """Whether it has `.rows` and `.values`."""
    return hasattr(gradient, "rows") and hasattr(gradient, "values") and not callable(gradient.values)


def to_dense(gradient: object, shape: tuple) -> Array:
    """The gradient as one floating array, 0 in the rows that are left out."""
    if not is_row_gradient(gradient):
        return _floating(np.asarray(gradient))
    values = _floating(np.asarray(gradient.values))
    dense = np.zeros(shape, values.dtype)
    dense[np.asarray(gradient.rows, np.intp)] = values
    return dense


def complaint(gradient: object, shape: tuple) -> tuple[str, str]:
    """What is wrong with a gradient before any number is compared, as (rule, sentence); both empty if nothing is."""
    if gradient is None:
        return "shape", "there is no gradient for it"
    if is_row_gradient(gradient):
        return _row_complaint(gradient, shape)
    array = as_array(gradient)
    if not is_real(array):
        return "shape", f"the gradient {described(gradient)}, should hold real numbers"
    if array.shape == shape:
        return _finite_complaint(array)
    return "shape", f"the gradient has shape {array.shape}, should be {shape}"


def _row_complaint(gradient: RowGradient, shape: tuple) -> tuple[str, str]:
    if not shape:
        return "shape", "the gradient holds rows, but the tensor is a single number: its gradient is one, too"
    rows, values = as_array(gradient.rows), as_array(gradient.values)
    if not is_real(values):
        return "shape", f"the values of the row gradient hold {values.dtype}, should hold real numbers"
    if rows.ndim != 1 or values.shape != (rows.size, *shape[1:]):
        expected = "(R,)" if len(shape) == 1 else f"(R, {', '.join(map(str, shape[1:]))})"
        return "shape", f"rows {rows.shape} and values {values.shape} do not fit; should be (R,) and {expected}"
    if rows.dtype.kind not in "iu":
        return "shape", f"rows hold {rows.dtype}, should hold integers"
    if rows.size and (rows.min() < 0 or rows.max() >= shape[0]):
        return "shape", f"rows must lie in [0, {shape[0]})"
    if np.unique(rows).size != rows.size:
        return "repeated rows", "a row appears twice: gradients of slots that share a row must be summed"
    return _finite_complaint(values)


def _finite_complaint(values: Array) -> tuple[str, str]:
    sentence = not_finite("the gradient", values)
    return ("not finite" if sentence else "", sentence)


def _floating(array: Array) -> Array:
    return array if array.dtype.kind == "f" else array.astype(float)
