"""Mistakes that add a term to the gradient, or leave one out."""

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.evidence import Evidence
from deepfm_np.gradcheck.rules.factors import usual_factor
from deepfm_np.gradcheck.rules.fitting import Candidates, candidates, example_factor, factor_of, usual_factors
from deepfm_np.gradcheck.shapes import named, subsets

FAR = 2.0**30  # times x: so far away, an L2 penalty outgrows a loss that is linear there
NEARLY = 1e-4  # how close a limit is reached at FAR, and an invariance kept that an epsilon disturbs


def l2(e: Evidence) -> str:
    if e.operation is not None and e.operation.y.ndim:
        return ""
    touches, what = np.ones(len(e.entries)), "x"
    if e.slots is not None:
        touches, what = (
            e.slots.touches(len(e.x))[[index[0] for index in e.entries]],
            "x for each slot that touches the row",
        )
    c = factor_of(e, touches * e.values, e.difference)
    if c is None or usual_factor(e):  # half the gradient of x^2 lacks a multiple of x, too
        return ""
    found, strengths = f"numeric - yours = {-c:.4g} * {what}", _strengths(e, touches * e.values)
    if strengths is None:
        if c * (1.0 if e.operation is None else float(e.operation.grad_y)) > 0:
            return f"a multiple of x is too much, as when the gradient of an L2 penalty is doubled: {found}"
        return f"a multiple of x is lacking, as when the gradient of an L2 penalty is missing or halved: {found}"
    yours, right = strengths
    if abs(yours - right - c) > NEARLY * abs(right):
        return ""
    times = yours / right
    if abs(times) < NEARLY:
        return f"the gradient of the L2 penalty is missing: {found}"
    if abs(times + 1) < NEARLY:
        return f"the sign of the L2 penalty's gradient is wrong: {found}"
    return f"the gradient of the L2 penalty is {times:.3g} times what it should be: {found}"


def _strengths(e: Evidence, x: Array) -> tuple[float, float] | None:
    """The c of A and that of N far away, where both are c x if only a penalty grows; None if they are not."""
    with np.errstate(all="ignore"):
        try:
            far = [side / FAR for side in e.far_away(FAR)]
        except Exception:  # of any kind: nobody promised that the functions work there
            return None
        yours, right = (float(side @ x / (x @ x)) for side in far)
        largest = max(abs(yours), abs(right)) * np.abs(x).max()
        fits = all(
            (np.abs(side - c * x) <= NEARLY * largest).all() for side, c in zip(far, (yours, right), strict=True)
        )
    return (yours, right) if fits and abs(right) > NEARLY * abs(yours) else None


def factor_and_term(e: Evidence) -> str:
    if e.operation is not None and e.operation.y.ndim:
        return ""
    for factor, name in usual_factors(e):
        c = factor_of(e, e.values, e.analytic - factor * e.numeric)
        if c is not None:
            return f"a factor and a multiple of x are wrong: yours = {name} * numeric {'+-'[c < 0]} {abs(c):.4g} * x"
    return ""


def branch_lost(e: Evidence) -> str:
    for label, term in e.terms.items():
        if np.abs(term).max(initial=0.0) > e.allowed.max(initial=0.0):
            if e.is_explained_by(e.numeric - term):
                return f"the {label} is missing: yours + {label} = numeric"
            if e.is_explained_by(e.numeric + term):
                return f"the {label} is counted twice: yours - {label} = numeric"
    return ""


def missing_term(e: Evidence) -> str:
    op = e.operation
    if op is None:
        return ""
    for name, other in op.inputs.items():
        if other.shape != e.x.shape:
            continue
        for factor, what in ((example_factor(op, e.x), f"grad_y * {name}"), (np.ones(e.x.shape), name)):
            c = None if factor is None else factor_of(e, e.at(factor * other), e.difference)
            if c is not None:
                return f"a term proportional to {name} is missing or too much: yours - numeric = {c:.3g} * {what}"
    return ""


def true_class(e: Evidence) -> str:
    return _true_class_of_logits(e) or _true_class_of_weights(e)


@candidates
def _true_class_of_logits(e: Evidence) -> Candidates:
    """D = A - N, in the gradient of logits: wrong at the labels alone."""
    if e.operation is None or not e.is_whole:
        return
    for name, labels in e.operation.inputs.items():
        chosen = _one_hot(labels, e.x.shape)
        if chosen is None or (e.wrong & (chosen.reshape(-1) == 0)).any():
            continue
        p = np.exp(e.x - e.x.max(axis=-1, keepdims=True))
        p = p / p.sum(axis=-1, keepdims=True)
        difference = e.difference.reshape(e.x.shape)
        of_row = (difference * chosen).sum(axis=-1, keepdims=True)  # what the term lost would have been
        lost = "the true class's -1 is lost: yours is a multiple of p, should be of p - 1 at the true class"
        yield lost, (p * of_row).reshape(-1)
        wrong = f"the entry of each example's true class alone is wrong: its own term, by {name}, is missing or wrong"
        yield wrong, (e.whole + chosen * of_row).reshape(-1)


@candidates
def _true_class_of_weights(e: Evidence) -> Candidates:
    """The same for W in logits x W, whose gradient lacks a multiple of x^T one_hot(labels)."""
    if e.operation is None or e.x.ndim != 2:
        return
    for name, labels in e.operation.inputs.items():
        for other, x in e.operation.inputs.items():
            if x.ndim != 2 or x.dtype.kind != "f" or len(labels.shape) != 1 or len(labels) not in x.shape:
                continue
            for rows, turned in ((x, False), (x, True), (x.T, False), (x.T, True)):
                shape = e.x.shape[::-1] if turned else e.x.shape
                chosen = _one_hot(labels, (len(labels), shape[1]))
                if chosen is None or rows.shape != (len(labels), shape[0]):
                    continue
                term = e.at((rows.T @ chosen).T if turned else rows.T @ chosen)
                c = factor_of(e, term, e.difference)
                if c is not None:
                    yield (
                        f"the true class's term is lost or wrong: {other} summed over each class of {name}",
                        (e.numeric + c * term),
                    )


def _one_hot(labels: Array, shape: tuple) -> Array | None:
    """The labels as zeros and ones of this shape, if they name one entry of its last axis or are such numbers."""
    if labels.shape == shape and np.isin(labels, (0, 1)).all() and (labels.sum(axis=-1) == 1).all():
        return np.asarray(labels, float)
    if labels.dtype.kind not in "iu" or not labels.size or labels.shape != shape[:-1]:
        return None
    if labels.min() < 0 or labels.max() >= shape[-1]:
        return None
    return np.eye(shape[-1])[labels]


@candidates
def statistics(e: Evidence) -> Candidates:
    """D = A - N is constant over an axis where a mean is taken away, a multiple of x there where a norm is divided by.

    N shows that it is: it sums to 0, and so does N x, up to the epsilon under the root.
    """
    if not e.is_whole:
        return
    n, d, x = e.whole, e.difference.reshape(e.x.shape), e.x
    for axes in subsets(x.ndim):
        size = np.prod([x.shape[axis] for axis in axes])
        groups = x.size // size
        shift = d.mean(axis=axes, keepdims=True)
        centred = x - x.mean(axis=axes, keepdims=True)
        is_free_of_mean, where = _vanishes(n, axes, 1e-9), f"over {named(axes)}"
        if is_free_of_mean and size > 1:
            yield f"the path through the mean {where} is missing or wrong: the mean depends on x, too", _flat(n + shift)
        if is_free_of_mean and _vanishes(n * centred, axes) and groups * (size - 2) > 2:
            along = _along(d, centred, axes)
            yield f"the path through the variance {where} is missing or wrong: it depends on x, too", _flat(n + along)
            both = f"the paths through mean and variance {where} are missing or wrong: both depend on x, too"
            yield both, _flat(n + along + shift)
        if _vanishes(n * x, axes) and groups * (size - 1) > 2:
            norm = f"the path through the norm {where} is missing or wrong: the norm depends on x, too"
            yield norm, _flat(n + _along(d, x, axes))


def _along(d: Array, x: Array, axes: tuple) -> Array:
    """The part of d along x, group by group."""
    return x * (d * x).sum(axis=axes, keepdims=True) / (x * x).sum(axis=axes, keepdims=True)


def _vanishes(array: Array, axes: tuple, tolerance: float = 1e-2) -> bool:
    """Whether the sums over these axes cancel."""
    total, size = np.abs(array.sum(axis=axes)), np.abs(array).sum(axis=axes)
    return bool(size.any() and (total <= tolerance * size).all())


def _flat(array: Array) -> Array:
    return array.reshape(-1)
