"""What every operation asks at its door. NumPy would broadcast, cast or wrap around silently."""

from numbers import Real
from typing import Any

import numpy as np

LONGEST = 200  # characters of what a message quotes
LARGEST_INTEGER = 2**53  # up to here float64 holds every integer
ARRAYS = (np.ndarray, np.generic)  # made once: each step asks a hundred times
NUMBERS = (*ARRAYS, int, float, complex)
NOT_PLAIN = (np.ma.MaskedArray, np.matrix)


def brief(text: object, longest: int = LONGEST) -> str:
    """A text in one line, as a message quotes it: of a long one the beginning."""
    line = " ".join(str(text).split())
    return line if len(line) <= longest else f"{line[: longest // 2]}... ({len(line):,} characters)"


def shown(value: object) -> str:
    """The repr of a value, in brief."""
    return brief(repr(value))


def check_floats(**arrays: Any) -> None:
    """Raise TypeError, naming it, for what is not an array of floating or complex numbers.

    Small integers would wrap around, and values cast to an integer table would lose their fractions.
    """
    for name, array in arrays.items():
        if not isinstance(array, ARRAYS):
            raise TypeError(f"{name} must be an array of floats, it is a {type(array).__name__}")
        _check_plain(name, array)
        if array.dtype.kind not in "fc":
            raise TypeError(f"{name} must be an array of floats, it is {array.dtype}")


def check_vectors(vectors: Any) -> None:
    """Raise TypeError unless the field vectors are floating or complex numbers, ValueError unless they have 3 axes."""
    check_floats(vectors=vectors)
    if vectors.ndim != 3:
        raise ValueError(f"vectors must be (n, m, k), they are {vectors.shape}")


def check_gradient(name: str, axes: str, gradient: Any, expected: tuple[int, ...]) -> None:
    """Raise ValueError unless the gradient has the shape of the result that its forward returned.

    axes: what that shape means, "(n, d_out)", for the message. Raises TypeError for what is not an array of numbers.
    """
    if not isinstance(gradient, NUMBERS):
        raise TypeError(f"{name} must be an array of numbers, it is a {type(gradient).__name__}")
    _check_plain(name, gradient)
    if isinstance(gradient, ARRAYS) and gradient.dtype.kind not in "biufc":
        raise TypeError(f"{name} must be an array of numbers, it is {gradient.dtype}")
    if np.shape(gradient) != expected:
        raise ValueError(f"{name} must be {axes}, here {expected}; it is {np.shape(gradient)}")
    if isinstance(gradient, np.ndarray) and gradient.dtype.kind in "iu" and (gradient > LARGEST_INTEGER).any():
        raise ValueError(f"{name} must be floats: sums of integers above 2^53 would wrap around")


def array_of(name: str, values: Any) -> np.ndarray:
    """The values as an array. Raises ValueError where rows differ in length."""
    _check_plain(name, values)
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must be an array, its rows differ in length") from None


def numbers_of(name: str, values: Any, kinds: str = "biuf") -> np.ndarray:
    """The values as an array, if they are real numbers: texts, dates and complex numbers would be cast silently.

    kinds: the kinds of dtype that are allowed. Raises TypeError for another one.
    """
    array = array_of(name, values)
    if array.dtype == object and all(isinstance(value, Real) for value in array.flat):
        try:
            array = array.astype(np.float64)
        except OverflowError:
            raise ValueError(f"{name} must be numbers that float64 can hold") from None
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name} must be real numbers, they are {array.dtype}")
    return array


def _check_plain(name: str, array: Any) -> None:
    """NumPy would drop the mask of a masked array, and a matrix multiplies where an array scales."""
    if isinstance(array, NOT_PLAIN):
        raise TypeError(f"{name} must be a plain array, it is a {type(array).__name__}")
