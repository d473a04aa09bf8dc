"""Mistakes in the slope of an operation that works entry by entry, or of the last one in a chain."""

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.evidence import Evidence, Operation
from deepfm_np.gradcheck.not_analytic import NotAnalyticError, complex_errors
from deepfm_np.gradcheck.numeric import COMPLEX_STEP
from deepfm_np.gradcheck.rules.fitting import Candidates, candidates


def mask(e: Evidence) -> str:
    op = e.operation
    if op is None or op.y.shape != e.x.shape:
        return ""
    grad_y, off = e.at(op.grad_y), e.numeric == 0
    slopes = np.divide(e.numeric, grad_y, out=np.zeros_like(grad_y), where=grad_y != 0)[~off]
    if not off.any() or off.all() or np.ptp(slopes) > 1e-6 * np.abs(slopes).max():
        return ""
    slope = slopes[0]  # of the units that are on: 1, or 1 / keep after dropout
    scaled = slope > 1 + 1e-6
    if e.is_explained_by(slope * e.numeric) and scaled:
        return f"the mask is applied twice: yours = numeric / keep, keep = {1 / slope:.3g}"
    if e.is_explained_by(e.numeric / slope, slope) and scaled:
        return f"the factor 1 / keep is missing: yours = keep * numeric, keep = {1 / slope:.3g}"
    if e.is_explained_by(grad_y) or e.is_explained_by(slope * grad_y):
        return "the mask is not applied: units that are off must get gradient 0"
    return ""


@candidates
def mask_inverted(e: Evidence) -> Candidates:
    on, yours = _is_on(e, e.numeric), _is_on(e, e.analytic)
    is_moved = e.agree(np.sort(e.analytic), np.sort(e.numeric))  # a shift may put zeros in the place of others, too
    if min(on.sum(), (~on).sum()) > 1 and np.array_equal(yours, ~on) and not is_moved:
        yield "a mask is inverted: yours is 0 exactly where numeric is not", e.analytic
    if (two := _two_slopes(e)) is not None:
        grad_y, slopes, low, high = two
        yield "the mask is inverted: the two slopes are exchanged", grad_y * (low + high - slopes)
        yield "the mask is inverted: 1 - mask stands for the mask", grad_y * (1 - slopes)


def mask_lost(e: Evidence) -> str:
    off = ~_is_on(e, e.numeric)
    if min(off.sum(), (~off).sum()) < 2 or not np.array_equal(e.wrong, off):
        return ""
    return "a mask is lost: yours is right wherever numeric is not 0, and must be 0 elsewhere"


def _is_on(e: Evidence, gradient: Array) -> Array:
    return np.abs(gradient) > np.minimum(e.allowed, 1e-9 * np.abs(e.numeric).max())


def _two_slopes(e: Evidence) -> tuple[Array, Array, float, float] | None:
    """What arrives, and the slope of each entry, of which there are two, the smaller at least twice; None otherwise.

    For an operation that works entry by entry, or a loss that does so up to its sum.
    """
    op = e.operation
    if op is None or op.y.shape not in ((), e.x.shape) or (op.y.ndim and not e.is_elementwise):
        return None
    grad_y = e.at(np.broadcast_to(op.grad_y, e.x.shape))
    slopes = e.numeric / grad_y
    low, high = sorted((slopes.min(), slopes.max()), key=abs)
    at_low, at_high = (np.isclose(slopes, slope, rtol=1e-6, atol=1e-9 * abs(high)) for slope in (low, high))
    return (grad_y, slopes, low, high) if (at_low | at_high).all() and at_low.sum() > 1 else None


def wrong_point(e: Evidence) -> str:
    op = e.operation
    if op is None or op.y.shape != e.x.shape or len(op.inputs) != 1:
        return ""
    grad_y, x, y = e.at(op.grad_y), e.values, e.at(op.y)
    try:
        slopes, slopes_at_y = _slopes(op, x), _slopes(op, y)
    except NotAnalyticError:
        return ""
    if not np.allclose(e.numeric, grad_y * slopes, rtol=1e-6, atol=0):
        return ""  # an entry of y depends on others, too
    made = {
        "the derivative is taken at the output a instead of the input z": slopes_at_y,
        "a (1 - a) is given the input z; it takes the output a": x * (1 - x),
        "1 - a^2 is given the input z; it takes the output a": 1 - x * x,
        "a is used for the derivative itself": y,
    }
    return next((text for text, slope in made.items() if e.is_explained_by(grad_y * slope)), "")


@candidates
def wrong_slope(e: Evidence) -> Candidates:
    """One of two slopes is lost; or the last function is tanh or the sigmoid, and its slope by a another one."""
    op = e.operation
    if (two := _two_slopes(e)) is not None and two[2]:
        grad_y, slopes, low, high = two
        is_high = np.abs(slopes - high) < np.abs(slopes - low)
        yield f"the smaller slope, {low:.3g}, is lost: yours is 0 there", grad_y * np.where(is_high, high, 0)
        yield f"the smaller slope, {low:.3g}, is lost: yours takes {high:.3g} everywhere", grad_y * high
    if op is None or not op.y.ndim or e.jacobian is None:
        return
    a = op.y
    if (np.abs(a) < 1).all():
        for wrong, slope in {"1 - a": 1 - a, "a": a, "1": 1 + 0 * a, "(1 - a^2)^2": (1 - a * a) ** 2}.items():
            yield f"{wrong} stands for 1 - a^2, the slope of tanh at its output a", *_with(e, slope, 1 - a * a)
    if ((a > 0) & (a < 1)).all():
        others = {"1 - a": 1 - a, "a": a, "1": 1 + 0 * a, "1 - a^2": 1 - a * a, "(a (1 - a))^2": (a * (1 - a)) ** 2}
        for wrong, slope in others.items():
            yield f"{wrong} stands for a (1 - a), the slope of the sigmoid at its output a", *_with(e, slope, a - a * a)


@candidates
def unchanged(e: Evidence) -> Candidates:
    if e.operation is not None and e.operation.y.shape == e.x.shape:
        what = "yours is grad_y itself: what the operation does to it on the way back is lost"
        yield what, e.at(e.operation.grad_y)


def _with(e: Evidence, slope: Array, right: Array) -> tuple[Array, float]:
    """The gradient with another slope of the last function."""
    assert e.operation is not None
    return e.back(e.operation.grad_y * slope / right), float(np.abs(slope / right).max())


def double_sigmoid(e: Evidence) -> str:
    op = e.operation
    if op is None or op.y.ndim or e.x.ndim != 1 or not e.is_whole:
        return ""
    n, g = e.x.size, float(op.grad_y)
    p = _sigmoid(e.x)
    labels = np.round(p - n * e.numeric / g)
    if not np.isin(labels, (0, 1)).all() or not np.allclose(e.numeric, g * (p - labels) / n, rtol=1e-6, atol=1e-12):
        return ""  # not the log loss of logits
    if e.is_explained_by(g * (_sigmoid(p) - labels) / n):
        return "the sigmoid is applied twice: yours = (sigmoid(p) - y) / n, with p already a probability"
    if e.is_explained_by(e.numeric * p * (1 - p)):
        return "the slope of the sigmoid is in it twice: yours = (p - y) p (1 - p) / n; it cancels, leaving (p - y) / n"
    return ""


def _slopes(op: Operation, at: Array) -> Array:
    """The derivative of an elementwise operation at other points, by the complex step."""
    filled = np.resize(at, op.y.shape) + 1j * COMPLEX_STEP
    with complex_errors():
        y = np.asarray(op.forward(filled)[0])
    return (np.imag(y) / COMPLEX_STEP).reshape(-1)[: at.size]


def _sigmoid(z: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * z)
