"""Optimisers that update a dict of arrays in place.

A gradient is an array of the parameter's shape or a `RowGradient`. For the latter only its rows, and their moments, are
read and written, so a step costs the same however long the table is.
"""

from collections.abc import Iterable, Mapping
from types import EllipsisType
from typing import NamedTuple

import numpy as np

from deepfm_np.constraints import checked
from deepfm_np.ops.checks import NOT_PLAIN, array_of
from deepfm_np.ops.rows import Array, RowGradient
from deepfm_np.system.parts import split_rows
from deepfm_np.system.threads import parallel_map, thread_count

PIECE = 2**17  # entries of a parameter that one thread updates at a time; in smaller pieces it waits for Python's lock
LEAST_ENTRIES = 2 * PIECE  # for fewer in all, threads do not pay


class _Update(NamedTuple):
    """A gradient, matched with the part of its parameter that it moves."""

    name: str
    rows: Array | slice | EllipsisType  # (R,) np.intp; of a dense gradient a slice or, for all of it, ...
    grad: Array  # of the shape of that part


class Optimizer:
    """What SGD and Adam share: `learning_rate`, the step count `t`, and the moments of each parameter in `state`."""

    moments: tuple[str, ...] = ()

    def __init__(self, learning_rate: float):
        self.learning_rate: float = checked("learning_rate", learning_rate)
        self.t = 0
        self.state: dict[str, dict[str, Array]] = {}

    def step(
        self,
        params: Mapping[str, Array],
        grads: Mapping[str, Array | RowGradient],
        threads: int | None = None,
    ) -> None:
        """Update params in place.

        threads: how many pieces of them to update at once, None: one for each core. The bits are the same.
        Raises KeyError or ValueError, before any change, for gradients that do not fit the parameters;
        FloatingPointError, with the step half taken, for one that is too large to compute with.
        """
        threads = thread_count(threads)
        self.learning_rate = checked("learning_rate", self.learning_rate)  # it may have been changed by hand
        matched = _matched(params, grads)
        self._check_moments(params)
        self.t += 1
        for name in grads:
            if name not in self.state:
                self.state[name] = {moment: np.zeros_like(params[name]) for moment in self.moments}

        def update(one: _Update) -> None:
            name, rows, grad = one
            arrays = [params[name], *(self.state[name][moment] for moment in self.moments)]
            parts = [array.take(rows, axis=0) if isinstance(rows, np.ndarray) else array[rows] for array in arrays]
            try:
                with np.errstate(over="raise", invalid="raise"):
                    self._update(grad, *parts)
            except FloatingPointError:
                raise FloatingPointError(f"the gradient of {name!r} is too large for {params[name].dtype}") from None
            if isinstance(rows, np.ndarray):  # taken, several times as fast as array[rows], and to be put back
                for array, part in zip(arrays, parts, strict=True):
                    array[rows] = part

        pieces = [piece for one in matched for piece in _pieces(one)]
        parallel_map(
            update, pieces, threads=threads if sum(piece.grad.size for piece in pieces) >= LEAST_ENTRIES else 1
        )

    def _check_moments(self, params: Mapping[str, Array]) -> None:
        for name in params.keys() & self.state.keys():
            for moment in self.state[name].values():
                if moment.shape != params[name].shape:
                    shapes = f"are {moment.shape}, the parameter is {params[name].shape}"
                    raise ValueError(f"the moments of {name!r} {shapes}: of another model?")

    def _update(self, grad: Array, parameter: Array, *moments: Array) -> None:
        """Move the parameter and its moments, in place."""
        raise NotImplementedError

    def to_arrays(self) -> dict[str, Array]:
        """Everything that `restore` needs to continue exactly from here, as named arrays."""
        arrays = {f"{moment}/{name}": array for name, state in self.state.items() for moment, array in state.items()}
        return {"t": np.array(self.t), "learning_rate": np.array(self.learning_rate), **arrays}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Continue from what `to_arrays` returned."""
        self.t = int(arrays["t"])
        self.learning_rate = float(arrays["learning_rate"])
        self.state = {}
        for key, array in arrays.items():
            moment, _, name = key.partition("/")
            if name:
                self.state.setdefault(name, {})[moment] = array.copy()


class SGD(Optimizer):
    """Stochastic gradient descent with momentum (Polyak 1964), as in torch.optim.SGD.

    velocity = momentum * velocity + gradient,   parameter -= learning_rate * velocity
    """

    def __init__(self, learning_rate: float, momentum: float = 0.0):
        """Raises ValueError for a learning rate that is not positive or a momentum outside [0, 1)."""
        super().__init__(learning_rate)
        self.momentum: float = checked("momentum", momentum)
        self.moments = ("velocity",) if momentum else ()

    def _update(self, grad: Array, parameter: Array, *moments: Array) -> None:
        if moments:
            (velocity,) = moments
            velocity *= self.momentum
            velocity += grad
            grad = velocity
        parameter -= self.learning_rate * grad


class Adam(Optimizer):
    """Adam, Kingma & Ba 2015, algorithm 1, with bias correction.

    m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
    parameter -= learning_rate * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)

    t counts steps, the same for all rows. Touching every row of a table is exactly the dense step. (SparseAdam of
    PyTorch adds epsilon to the uncorrected sqrt(v) instead; the two agree as epsilon goes to 0.)
    """

    moments = ("m", "v")

    def __init__(self, learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8):
        """Raises ValueError for a learning rate or epsilon that is not positive or a beta outside [0, 1)."""
        super().__init__(learning_rate)
        self.beta1: float = checked("beta1", beta1)
        self.beta2: float = checked("beta2", beta2)
        self.epsilon: float = checked("epsilon", epsilon)

    def _update(self, grad: Array, parameter: Array, *moments: Array) -> None:
        m, v = moments
        m *= self.beta1
        m += (1 - self.beta1) * grad
        v *= self.beta2
        v += (1 - self.beta2) * (grad * grad)
        root = np.sqrt(v / (1 - self.beta2**self.t))
        root += self.epsilon
        change = m * (self.learning_rate / (1 - self.beta1**self.t))
        change /= root
        parameter -= change


def _matched(params: Mapping[str, Array], grads: Mapping[str, Array | RowGradient]) -> list[_Update]:
    matched = []
    for name, grad in grads.items():
        rows: Array | slice | EllipsisType = ...
        if name not in params:
            raise KeyError(f"there is a gradient for {name!r}, but no such parameter: {', '.join(params)}")
        parameter = params[name]
        if isinstance(parameter, NOT_PLAIN):
            raise ValueError(f"the parameter {name!r} must be a plain array, it is a {type(parameter).__name__}")
        if not isinstance(parameter, np.ndarray) or parameter.dtype.kind not in "fc" or not parameter.flags.writeable:
            raise ValueError(f"the parameter {name!r} must be an array of floats that can be written to")
        if isinstance(grad, RowGradient):
            if not parameter.ndim:
                raise ValueError(f"the gradient of {name!r} has rows, the parameter none")
            rows, values = (
                _checked_rows(name, grad.rows, len(parameter)),
                array_of(f"the gradient of {name!r}", grad.values),
            )
            expected = (len(rows), *parameter.shape[1:])
        else:
            values, expected = array_of(f"the gradient of {name!r}", grad), parameter.shape
        if values.shape != expected:
            raise ValueError(f"the gradient of {name!r} is {values.shape}, should be {expected}")
        if not np.can_cast(values.dtype, parameter.dtype, "same_kind"):
            raise ValueError(f"the gradient of {name!r} is {values.dtype}, the parameter {parameter.dtype}")
        if values.dtype.kind in "biu":
            values = values.astype(parameter.dtype)  # the square of a small integer wraps around
        matched.append(_Update(name, rows, values))
    return matched


def _pieces(one: _Update) -> Iterable[_Update]:
    """Parts of the update, for the threads to share."""
    if one.grad.size < 2 * PIECE:
        return [one]
    parts = split_rows(len(one.grad), one.grad.size // PIECE)
    rows = [one.rows[part] if isinstance(one.rows, np.ndarray) else part for part in parts]
    return [one._replace(rows=some, grad=one.grad[part]) for some, part in zip(rows, parts, strict=True)]


def _checked_rows(name: str, rows: Array, D: int) -> Array:
    """The rows as np.intp. A repeated row would be updated only once; a negative one would count from the end."""
    rows = array_of(f"the rows of the gradient of {name!r}", rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise ValueError(
            f"the rows of the gradient of {name!r} must be (R,) integers, they are {rows.shape} of {rows.dtype}"
        )
    if len(rows) and (rows[0] < 0 or rows[-1] >= D or (rows[1:] <= rows[:-1]).any()):
        raise ValueError(f"the rows of the gradient of {name!r} must increase strictly in [0, {D}), got {rows}")
    return rows.astype(np.intp, copy=False)
