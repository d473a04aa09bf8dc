"""What is known about a tensor whose gradient is wrong, and when the two sides of a rule count as equal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from deepfm_np.gradcheck.arrays import Array, to_double
from deepfm_np.gradcheck.not_analytic import NotAnalyticError, complex_errors
from deepfm_np.gradcheck.numeric import COMPLEX_STEP, difference_step
from deepfm_np.gradcheck.slots import Slots

SLACK = 8  # by how many tolerances two sides may differ, as they are rounded differently
SHARP = 1e-3  # of the largest entry; with a tolerance above it any rule would fit
MOST = 2**22  # entries of a Jacobian; a larger one is not computed


class Operation(NamedTuple):
    """The operation that was checked, at the point of the check."""

    forward: Callable  # of the inputs in order
    inputs: Mapping[str, Array]
    y: Array
    grad_y: Array


class Lookup(NamedTuple):
    """A table and slots that read it: each slot sends its value times what arrives at it back to its row."""

    slots: Slots
    arriving: Array  # (n, s, ...)

    def sent(self, values: Array) -> Array:
        """(n, s, ...) what the slots send to their rows, if their values are these (n, s)."""
        return values.reshape(*values.shape, *[1] * (self.arriving.ndim - 2)) * self.arriving

    def gradient(self, values: Array, shape: tuple) -> Array:
        """The gradient of the table, if the values of the slots are these (n, s)."""
        table = np.zeros(shape)
        np.add.at(table, self.slots.ids, self.sent(values))
        return table


@dataclass(frozen=True)
class Evidence:
    """All that is known about a tensor whose gradient is wrong. A: its analytic gradient, N: numeric, x: the tensor."""

    name: str
    x: Array
    gradient: object  # A as backward returned it
    entries: list[tuple]  # multi-indices, e of them
    analytic: Array  # (e,) A
    numeric: Array  # (e,) N
    method: str  # of N
    allowed: Array  # (e,) the largest |A - N| that passes
    slots: Slots | None  # of a table, if known
    batch_size: int | None  # if known
    terms: Mapping[str, Array]  # parts that the gradient is the sum of, each (e,)
    operation: Operation | None  # None in the check of a loss
    elsewhere: Callable[[], tuple[Array, Array]] | None  # A and N of the previous call, at another point, each (e,)
    far_away: Callable[[float], tuple[Array, Array]]  # A and N where x is so many times as large, each (e,)
    numerics: Mapping[str, Array]  # N of all tensors of the check that were compared entry by entry
    analytics: Mapping[str, object]  # A of all tensors, as backward returned them

    @cached_property
    def wrong(self) -> Array:
        """(e,) which entries exceed what is allowed."""
        return np.abs(self.analytic - self.numeric) > self.allowed

    @cached_property
    def difference(self) -> Array:
        """(e,) A - N."""
        return self.analytic - self.numeric

    @cached_property
    def values(self) -> Array:
        """(e,) x."""
        return self.at(self.x)

    @property
    def is_whole(self) -> bool:
        """Whether every entry of the tensor was checked."""
        return len(self.entries) == self.x.size

    def at(self, array: Array) -> Array:
        """(e,) an array of the shape of x at the checked entries."""
        return np.array([array[index] for index in self.entries], float)

    @property
    def whole(self) -> Array:
        """N in the shape of x; only where `is_whole`."""
        return self.numeric.reshape(self.x.shape)

    @cached_property
    def jacobian(self) -> Array | None:
        """(e, *shape of y) the derivative of every entry of y; N = jacobian * grad_y, summed. None if not known."""
        op = self.operation
        if op is None or len(self.entries) * op.y.size > MOST:
            return None
        point = {name: to_double(value) for name, value in op.inputs.items()}

        def f(x: Array) -> Array:
            return np.asarray(op.forward(*{**point, self.name: x}.values())[0])

        try:
            rows = [_derivative(f, self.x, index, self.method) for index in self.entries]
        except NotAnalyticError:
            return None
        jacobian = np.reshape(rows, (len(rows), *op.y.shape))
        return jacobian if self.agree(self.numeric, _back(jacobian, op.grad_y)) else None

    def back(self, grad_y: Array | float) -> Array:
        """(e,) the gradient if this had arrived in place of grad_y; only where there is a Jacobian."""
        assert self.jacobian is not None
        return _back(self.jacobian, grad_y)

    @property
    def is_elementwise(self) -> bool:
        """Whether each entry of y depends on the entry of x in the same place alone."""
        if self.operation is None or self.operation.y.shape != self.x.shape or self.jacobian is None:
            return False
        diagonal = [row[index] for row, index in zip(self.jacobian, self.entries, strict=True)]
        return bool(np.count_nonzero(self.jacobian) == np.count_nonzero(diagonal))

    @cached_property
    def lookup(self) -> Lookup | None:
        """The slots and what arrives at them, if the operation is a lookup: if they explain N."""
        if self.operation is None or self.slots is None:
            return None
        shape, grad_y = (*self.slots.ids.shape, *self.x.shape[1:]), self.operation.grad_y
        if grad_y.shape == (shape[0], *shape[2:]):  # the slots of an example, or the only one, are added up
            grad_y = np.broadcast_to(grad_y[:, None], shape)
        if grad_y.shape != shape:
            return None
        lookup = Lookup(self.slots, grad_y)
        return lookup if self.agree(self.numeric, self.at(lookup.gradient(self.slots.values, self.x.shape))) else None

    def sharp(self, largest: float) -> Array:
        """(e,) which entries are known well enough to be compared, given the largest of those compared."""
        return self.allowed <= SHARP * largest

    def agree(self, left: Array, right: Array, scale: float = 1.0) -> bool:
        """Whether two arrays (e,), made from A and from N times `scale`, are equal in the entries that are `sharp`."""
        largest = largest_of(left, right)
        sharp = self.sharp(largest)
        slack = np.minimum(SLACK * max(1.0, abs(scale)) * self.allowed, SHARP * largest)
        return bool(2 * sharp.sum() >= sharp.size and (np.abs(left - right) <= slack)[sharp].all())

    def is_explained_by(self, candidate: Array, scale: float = 1.0) -> bool:
        """Whether A equals this candidate, which was made from N times `scale`."""
        return self.agree(self.analytic, candidate, scale)


def _back(jacobian: Array, grad_y: Array | float) -> Array:
    return (jacobian * grad_y).reshape(len(jacobian), -1).sum(axis=1)


def _derivative(f: Callable, x: Array, index: tuple, method: str) -> Array:
    """The derivative of every entry of f by one entry of x."""
    if method == "complex":
        moved = x.astype(complex)
        moved[index] += 1j * COMPLEX_STEP
        with complex_errors():
            return np.imag(f(moved)) / COMPLEX_STEP
    h, step = difference_step("richardson", x, index), np.zeros(x.shape)
    step[index] = h
    near, far = (f(x + step) - f(x - step)) / 2, (f(x + 2 * step) - f(x - 2 * step)) / 4
    return (4 * near - far) / (3 * h)


def largest_of(*arrays: Array) -> float:
    """The largest absolute value in any of them."""
    return float(max(np.abs(array).max(initial=0.0) for array in arrays))
