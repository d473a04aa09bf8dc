"""Mistakes on the way from y back to the tensor, seen in the Jacobian: paths that are lost, or not turned round."""

from collections.abc import Iterator
from itertools import combinations, permutations, product

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.evidence import Evidence
from deepfm_np.gradcheck.rules.fitting import Candidates, candidates
from deepfm_np.gradcheck.shapes import is_batch


@candidates
def not_summed(e: Evidence) -> Candidates:
    """Of an axis of y, the first or the last index alone counts."""
    op = e.operation
    if op is None:
        return
    if op.grad_y.ndim and op.grad_y.shape[1:] == e.x.shape and len(op.grad_y) > 1:
        is_of_batch = is_batch(op.grad_y.shape[:1], e.name, {name: x.shape for name, x in op.inputs.items()})
        what, where = ("example", "the batch, axis 0") if is_of_batch else ("row of grad_y", "axis 0")
        for row, which in ((0, "first"), (-1, "last")):
            yield f"only the {which} {what} counts: sum over {where}", e.at(op.grad_y[row])
    if e.jacobian is None:
        return
    shares = e.jacobian * op.grad_y
    for axis, length in enumerate(op.y.shape):
        of_index = np.moveaxis(shares, axis + 1, 1).reshape(len(shares), length, -1).sum(axis=2)
        if 2 * np.count_nonzero(of_index) <= of_index.size:  # most indices do not reach most entries
            continue
        for index, which in ((0, "first"), (-1, "last")):
            what = f"only the {which} index of axis {axis} of grad_y counts: add what the others send back"
            yield what, of_index[:, index]


@candidates
def copies(e: Evidence) -> Candidates:
    """Each entry keeps one of the shares that come from several places of y."""
    if e.operation is None or e.jacobian is None or e.operation.y.ndim > 4:
        return
    shares = e.jacobian * e.operation.grad_y
    axes = range(1, shares.ndim)
    for places in (places for count in axes for places in combinations(axes, count)):
        at = shares.sum(axis=tuple(set(axes) - set(places))).reshape(len(shares), -1)
        there = at != 0
        last, rows = at.shape[1] - 1 - there[:, ::-1].argmax(axis=1), np.arange(len(at))
        for which, one in (("last", at[rows, last]), ("first", at[rows, there.argmax(axis=1)])):
            yield f"of what arrives at each entry, the {which} share alone counts: add the shares, do not assign", one
        count = np.maximum(there.sum(axis=1), 1)
        yield "what arrives at each entry is averaged: add the shares", at.sum(axis=1) / count


@candidates
def diagonal(e: Evidence) -> Candidates:
    op = e.operation
    if op is None or op.y.shape != e.x.shape or e.jacobian is None:
        return
    own = np.array([row[index] * op.grad_y[index] for row, index in zip(e.jacobian, e.entries, strict=True)])
    rest = "each entry of y depends on other entries of x, too"
    yield f"only the diagonal of the Jacobian is in it: {rest}", own
    yield f"the diagonal of the Jacobian is lost, {rest}", e.numeric - own
    y = e.at(op.y)
    if (y >= 0).all() and any(np.allclose(op.y.sum(axis=axis), 1) for axis in range(op.y.ndim)):
        yield "only grad_y * p of the softmax is in it: take away p * sum(grad_y * p)", e.at(op.grad_y) * y
        yield "grad_y is multiplied by p twice, and nothing taken away", e.at(op.grad_y) * y * y


@candidates
def last_index(e: Evidence) -> Candidates:
    """Right at the last index of an axis, such as time, and zero before."""
    for axis, length in enumerate(e.x.shape):
        if length > 2:
            only = e.at(_at_index(e.x.shape, axis, length - 1))
            what = "as when a recurrence does not pass its gradient on"
            yield f"right at the last index of axis {axis} and 0 before, {what}", e.numeric * only


@candidates
def own_index(e: Evidence) -> Candidates:
    """Of an axis that x and y share, such as time, each index gets what comes from the same index alone."""
    op = e.operation
    if op is None or e.jacobian is None:
        return
    index = np.array(e.entries).reshape(len(e.entries), e.x.ndim)
    for a, b in product(range(e.x.ndim), range(op.y.ndim)):
        length = e.x.shape[a]
        if length < 2 or op.y.shape[b] != length:
            continue
        position = np.arange(length).reshape([-1 if axis == b else 1 for axis in range(op.y.ndim)])
        same = index[:, a].reshape(-1, *[1] * op.y.ndim) == position
        own = (e.jacobian * same * op.grad_y).reshape(len(index), -1).sum(axis=1)
        rest = "what the others send back, such as the later steps of a recurrence, is lost"
        yield f"each index of axis {a} gets only what the same index of axis {b} of grad_y sends back: {rest}", own
        yield f"what index i of axis {b} of grad_y sends back to index i of axis {a} is lost", e.numeric - own


@candidates
def nothing_arrives(e: Evidence) -> Candidates:
    """Right at some indices of an axis, zero at the others."""
    index = np.array(e.entries).reshape(len(e.entries), e.x.ndim)
    for axis, length in enumerate(e.x.shape):
        kept = [i for i in range(length) if e.analytic[index[:, axis] == i].any()]
        lost = sorted({*index[e.wrong][:, axis]})
        if set(kept) & set(lost) or not kept:
            continue
        made = e.numeric * np.isin(index[:, axis], kept)
        if not made.any():  # no entry shows that the others are right
            continue
        where = ", ".join(map(str, lost[:5])) + (", ..." if len(lost) > 5 else "")
        yield f"nothing arrives at index {where} of axis {axis}, though the function depends on it", made


@candidates
def transposed(e: Evidence) -> Candidates:
    if not e.is_whole or e.x.ndim < 2:
        return
    if e.x.ndim == 2 and e.x.shape[0] == e.x.shape[1]:
        yield "it is transposed: yours = numeric^T", e.whole.T.reshape(-1)
    for order in permutations(range(e.x.ndim)) if e.x.ndim < 5 else ():
        turned = e.whole.transpose(order)
        how = "transposed" if turned.shape == e.x.shape else "transposed and reshaped"
        yield f"its axes are in another order: yours is numeric.transpose{order}, {how}", turned.reshape(-1)


@candidates
def shifted(e: Evidence) -> Candidates:
    """The gradient, or what arrives, is moved by one or reversed along an axis; or an end of the axis is left out."""
    if e.is_whole:
        for how, moved in _moved(e.whole):
            yield f"yours is numeric {how}", moved.reshape(-1)
    if e.operation is None or e.jacobian is None:
        return
    grad_y = e.operation.grad_y
    for axis, length in enumerate(grad_y.shape):
        for index, which in ((0, "first"), (length - 1, "last")):
            if length > 2:
                rest = grad_y * (1 - _at_index(grad_y.shape, axis, index))
                yield f"the {which} index of axis {axis} of grad_y is left out", e.back(rest)
    for how, moved in _moved(grad_y):
        yield f"grad_y is {how}", e.back(moved)


@candidates
def wrong_axis(e: Evidence) -> Candidates:
    """What arrives with its axes in another order, which is also what a sum over the wrong one makes of a square."""
    if e.operation is None or e.jacobian is None or e.operation.y.ndim > 4:
        return
    grad_y = e.operation.grad_y
    for order in permutations(range(grad_y.ndim)):
        turned = grad_y.transpose(order)
        how = "transposed" if turned.shape == grad_y.shape else "transposed and reshaped"
        what = f"the axes of grad_y are in another order, or it is summed over the wrong one: {how}"
        yield what, e.back(turned.reshape(grad_y.shape))


def _moved(array: Array) -> Iterator[tuple[str, Array]]:
    for axis in range(array.ndim):
        for by in (1, -1):
            rolled = np.roll(array, by, axis)
            yield f"shifted by {by} along axis {axis}, round the end", rolled
            end = _at_index(array.shape, axis, 0 if by == 1 else array.shape[axis] - 1)
            yield f"shifted by {by} along axis {axis}", rolled * (1 - end)
        yield f"reversed along axis {axis}", np.flip(array, axis)


@candidates
def _way_forward(e: Evidence) -> Candidates:
    op = e.operation
    if op is None or not e.is_whole or op.y.size != e.x.size or e.jacobian is None:
        return
    square = e.jacobian.reshape(e.x.size, e.x.size)
    what = "it goes back by the way forward: d @ W in place of d @ W.T, or the reverse"
    yield what, square.T @ op.grad_y.reshape(-1)


def wrong_product(e: Evidence) -> str:
    return _product_with_input(e) or _way_forward(e)


@candidates
def _product_with_input(e: Evidence) -> Candidates:
    """N is the product of a square input M and a d that follows from N; A is another product of the two."""
    if e.operation is None or not e.is_whole or e.x.ndim < 2:
        return
    for name, M in e.operation.inputs.items():
        if M.dtype.kind != "f" or M.ndim < 2 or M.shape[-1] != M.shape[-2] or M.shape[-1] < 2 or M.size < 4:
            continue
        condition = float(np.max(np.linalg.cond(M)))
        if not condition < 1e6:
            continue
        both = {name: M, f"{name}.T": np.swapaxes(M, -1, -2)}
        for n in _as_matrices(e.whole, M):
            for right, m in both.items():
                for at_left in (True, False):
                    yield from _other_products(n, m, right, both, at_left, condition)


def _other_products(n: Array, m: Array, right: str, both: dict, at_left: bool, condition: float) -> Candidates:
    """n = m @ d, or d @ m: what the other matrix, d.T or the other order would give."""
    if n.shape[-2 if at_left else -1] != m.shape[-1]:
        return
    inverse = np.linalg.inv(m)
    d = inverse @ n if at_left else n @ inverse
    ds = {"d": d, "d.T": np.swapaxes(d, -1, -2)}
    should = f"{right} @ d" if at_left else f"d @ {right}"
    for (name, other), (d_name, d_other) in product(both.items(), ds.items()):
        for left_name, left, right_name, right_ in ((name, other, d_name, d_other), (d_name, d_other, name, other)):
            if left.shape[-1] == right_.shape[-2]:
                made = left @ right_
                if made.size == n.size:
                    yield (
                        f"{left_name} @ {right_name} stands for {should}, d the gradient that arrives there",
                        (made.reshape(-1)),
                        condition**2,
                    )


def _as_matrices(n: Array, M: Array) -> Iterator[Array]:
    """n as one matrix, or as many as M is."""
    if M.ndim == 2:
        yield n.reshape(-1, n.shape[-1])
        if n.ndim > 2:
            yield n.reshape(len(n), -1)
    if n.ndim > 2 and n.shape[:-2] == M.shape[:-2]:
        yield n


def _at_index(shape: tuple, axis: int, index: int) -> Array:
    """1 at an index of an axis, 0 elsewhere."""
    ones = np.zeros(shape)
    np.moveaxis(ones, axis, 0)[index] = 1
    return ones
