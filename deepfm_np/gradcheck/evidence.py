"""What is known of a tensor whose gradient is wrong, and when two sides of a rule are equal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from deepfm_np.gradcheck.claim import Array, Slots

SLACK = 8  # tolerances by which two sides may differ that are made of different roundings
SHARP = 1e-3  # of the largest entry; a tolerance above it makes any rule fit


class Operation(NamedTuple):
    """The operation that was checked, at the point of the check."""

    forward: Callable  # of the inputs in order
    inputs: Mapping[str, Array]
    y: Array
    grad_y: Array


@dataclass(frozen=True)
class Evidence:
    """All that is known of a tensor whose gradient is wrong. A: claimed gradient, N: numeric, x: the tensor."""

    x: Array
    gradient: object  # as it was claimed
    entries: list[tuple]  # multi-indices, e of them
    analytic: Array  # (e,) A
    numeric: Array  # (e,) N
    allowed: Array  # (e,) the largest |A - N| that passes
    slots: Slots | None  # of a table, if they are known
    batch_size: int | None  # if it is known
    terms: Mapping[str, Array]  # parts that the gradient is the sum of, each (e,)
    operation: Operation | None  # None in the check of a loss
    elsewhere: Callable[[], tuple[Array, Array]] | None  # A and N of the call before, at another point, each (e,)

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

    @cached_property
    def arriving(self) -> Array | None:
        """(n, s, ...) what arrives at each slot, where the operation is a lookup: N sums value times this by row."""
        if self.operation is None or self.slots is None:
            return None
        shape, grad_y = (*self.slots.ids.shape, *self.x.shape[1:]), self.operation.grad_y
        if grad_y.shape == shape[:1] and self.x.ndim == 1:  # the slots of an example are added up
            grad_y = np.broadcast_to(grad_y[:, None], shape)
        if grad_y.shape != shape:
            return None
        return grad_y if self.agree(self.numeric, self._by_row(self.slots.values, grad_y)) else None

    def summed(self, values: Array) -> Array:
        """(e,) the gradient of a lookup with other values (n, s)."""
        return self._by_row(values, self.arriving)

    def _by_row(self, values: Array, arriving: Array) -> Array:
        rows = np.zeros(self.x.shape)
        np.add.at(rows, self.slots.ids, times(values, arriving))
        return self.at(rows)

    def sharp(self, largest: float) -> Array:
        """(e,) which entries are known well enough to be compared, beside the largest one that is."""
        return self.allowed <= SHARP * largest

    def agree(self, left: Array, right: Array, scale: float = 1.0) -> bool:
        """Whether two arrays (e,), made from A and N times `scale`, are equal. Entries known too badly do not count."""
        largest = largest_of(left, right)
        sharp = self.sharp(largest)
        slack = np.minimum(SLACK * max(1.0, abs(scale)) * self.allowed, SHARP * largest)
        return bool(2 * sharp.sum() >= sharp.size and (np.abs(left - right) <= slack)[sharp].all())

    def is_claimed(self, candidate: Array, scale: float = 1.0) -> bool:
        """Whether A is this candidate, which was made from N times `scale`."""
        return self.agree(self.analytic, candidate, scale)


def times(values: Array, arriving: Array) -> Array:
    """(n, s) values times (n, s, ...) what arrives."""
    return values.reshape(*values.shape, *[1] * (arriving.ndim - 2)) * arriving


def largest_of(*arrays: Array) -> float:
    """The largest size of any number in them."""
    return float(max(np.abs(array).max(initial=0.0) for array in arrays))
