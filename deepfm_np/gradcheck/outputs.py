"""What a forward pass returns as y: an array, a scalar, or several of them in a tuple, here joined into one array."""

from collections.abc import Sequence

import numpy as np

from deepfm_np.gradcheck.arrays import Array


def parts_of(y: object) -> list:
    """The outputs, one or several."""
    return list(y) if isinstance(y, tuple) else [y]


def joined(y: object) -> Array:
    """A single output as it is, several in one row."""
    return np.concatenate([np.ravel(part) for part in y]) if isinstance(y, tuple) else np.asarray(y)


def split(row: Array, y: object) -> list[Array]:
    """What was joined, as one array per output, in the shape and the floating dtype of that output."""
    arrays = [np.asarray(part) for part in parts_of(y)]
    ends = np.cumsum([array.size for array in arrays])
    pieces = np.split(row.reshape(-1), ends[:-1])
    return [
        piece.reshape(array.shape).astype(array.dtype if array.dtype.kind == "f" else float)
        for piece, array in zip(pieces, arrays, strict=True)
    ]


def in_form_of(y: object, parts: Sequence) -> object:
    """The parts in the tuple that y is, or the bare one; arrays of no dimension as scalars."""
    scalars = [part[()] for part in parts]
    if not isinstance(y, tuple):
        return scalars[0]
    return type(y)(*scalars) if hasattr(y, "_fields") else tuple(scalars)
