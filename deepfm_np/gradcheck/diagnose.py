"""Rules that name the likely mistake behind a failed verdict.

Each rule states what one mistake would turn the right gradient into, and speaks only where the analytic gradient is
exactly that in every checked entry, to the accuracy that `Evidence.agree` demands. Where no rule fits, `diagnose` says
so, since a wrong hint is worse than none.
"""

from collections.abc import Callable

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.evidence import SLACK, Evidence, Lookup, Operation, largest_of
from deepfm_np.gradcheck.gradient import is_row_gradient
from deepfm_np.gradcheck.not_analytic import NotAnalyticError, complex_errors
from deepfm_np.gradcheck.numeric import COMPLEX_STEP

FEW = 4  # entries; with fewer, a constant factor fits too easily
NO_RULE = "no known mistake fits: derive this gradient again, and check each step of the operation by itself"


def diagnose(evidence: Evidence) -> tuple[str, str]:
    """(rule, sentence) of the first rule that fits; ("", what to do next) if none does."""
    for rule, explain in RULES.items():
        sentence = explain(evidence)
        if sentence:
            return rule, sentence
    return "", NO_RULE


def _left_out(e: Evidence) -> str:
    if not is_row_gradient(e.gradient):
        return ""
    wrong = {index[0] for index, bad in zip(e.entries, e.wrong, strict=True) if bad}
    missing = sorted(wrong - set(np.asarray(e.gradient.rows).tolist()))
    if not missing or len(missing) < len(wrong):
        return ""
    more = f", and so on for {len(missing)} rows" if len(missing) > 1 else ""
    return f"row {missing[0]} is left out, but the function depends on it{more}"


def _padding(e: Evidence) -> str:
    if e.slots is None:
        return ""
    padding, added = e.slots.values == 0, False
    if e.lookup is not None and padding.any():
        added = e.is_explained_by(e.numeric + e.at(e.lookup.gradient(padding, e.x.shape)))
    if not added and not _whole_rows(e, e.slots.paddings(len(e.x)) > 0):
        return ""
    return "only rows named by padding are wrong: a slot of value 0 must add nothing to its row"


def _repeated_rows(e: Evidence) -> str:
    if e.slots is None:
        return ""
    repeated = e.slots.touches(len(e.x)) > 1
    if not (_whole_rows(e, repeated) if e.lookup is None else _exactly(e, repeated) and _is_one_slot(e, e.lookup)):
        return ""
    return "only rows that several slots touch are wrong: add the gradients of all slots, do not assign the last one"


def _values_forgotten(e: Evidence) -> str:
    if e.lookup is None:
        return ""
    values = e.lookup.slots.values
    gradients = [e.lookup.gradient(taken, e.x.shape) for taken in (np.ones(values.shape), values != 0)]
    if not any(e.is_explained_by(e.at(gradient)) for gradient in gradients):
        return ""
    return "values are forgotten: multiply each slot's gradient by its value"


def _zero(e: Evidence) -> str:
    return "the gradient is zero everywhere: it is not computed, or not passed on" if not e.analytic.any() else ""


def _sign(e: Evidence) -> str:
    return "the sign is flipped: yours = -numeric" if e.is_explained_by(-e.numeric) else ""


def _grad_y_forgotten(e: Evidence) -> str:
    op = e.operation
    if op is None or not op.grad_y.ndim:
        return ""
    factor = op.grad_y if op.grad_y.shape == e.x.shape else _example_factor(op, e.x)
    if factor is None or not e.is_explained_by(e.numeric / e.at(factor), 1 / np.abs(e.at(factor)).min()):
        return ""
    return "grad_y is forgotten: yours * grad_y = numeric, multiply by what arrives"


def _l2_missing(e: Evidence) -> str:
    if e.operation is not None:
        return ""
    touches, what = 1.0, "x"
    if e.slots is not None:
        touches, what = e.slots.touches(len(e.x))[_rows(e)].astype(float), "x for each slot that touches the row"
    c = _factor(e, touches * e.values, e.difference)
    if c is None or c >= 0 or _usual_factor(e):  # half the gradient of x^2 lacks a multiple of x, too
        return ""
    return f"the gradient of an L2 penalty is missing, or its sign is wrong: numeric - yours = {-c:.4g} * {what}"


def _branch_lost(e: Evidence) -> str:
    for label, term in e.terms.items():
        if np.abs(term).max(initial=0.0) > e.allowed.max(initial=0.0):
            if e.is_explained_by(e.numeric - term):
                return f"the {label} is missing: yours + {label} = numeric"
            if e.is_explained_by(e.numeric + term):
                return f"the {label} is counted twice: yours - {label} = numeric"
    return ""


def _mask(e: Evidence) -> str:
    op = e.operation
    if op is None or op.y.shape != e.x.shape:
        return ""
    grad_y, off = e.at(op.grad_y), e.numeric == 0
    slopes = np.divide(e.numeric, grad_y, out=np.zeros_like(grad_y), where=grad_y != 0)[~off]
    if not off.any() or off.all() or np.ptp(slopes) > 1e-6 * np.abs(slopes).max():
        return ""
    slope = slopes[0]  # of the units that are on: 1, or 1 / keep after dropout
    scaled = abs(slope - 1) > 1e-6
    if e.is_explained_by(slope * e.numeric) and scaled:
        return f"the mask is applied twice: yours = numeric / keep, keep = {1 / slope:.3g}"
    if e.is_explained_by(e.numeric / slope, slope) and scaled:
        return f"the factor 1 / keep is missing: yours = keep * numeric, keep = {1 / slope:.3g}"
    if e.is_explained_by(grad_y) or e.is_explained_by(slope * grad_y):
        return "the mask is not applied: units that are off must get gradient 0"
    return ""


def _constant_factor(e: Evidence) -> str:
    c = _ratio(e, FEW)
    factor = _usual_factor(e) or ("" if c is None else f"{c:.4g}")
    return f"a constant factor is wrong: yours = {factor} * numeric" if factor else ""


def _transposed(e: Evidence) -> str:
    square = e.x.ndim == 2 and e.x.shape[0] == e.x.shape[1] > 1
    if not square or not e.is_whole or e.wrong.sum() < 2:
        return ""
    transposed = e.numeric.reshape(e.x.shape).T.reshape(-1)
    return "it is transposed: yours = numeric^T" if e.is_explained_by(transposed) else ""


def _missing_term(e: Evidence) -> str:
    op = e.operation
    if op is None:
        return ""
    for name, other in op.inputs.items():
        if other.shape != e.x.shape or other.dtype.kind != "f":
            continue
        for factor, what in ((_example_factor(op, e.x), f"grad_y * {name}"), (np.ones(e.x.shape), name)):
            c = None if factor is None else _factor(e, e.at(factor * other), e.difference)
            if c is not None:
                which = "missing" if c > 0 else "too much"
                return f"a term proportional to {name} is {which}: yours - numeric = {c:.3g} * {what}"
    return ""


def _wrong_point(e: Evidence) -> str:
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
    candidates = {
        "the derivative is taken at the output a instead of the input z": slopes_at_y,
        "a (1 - a) is given the input z; it takes the output a": x * (1 - x),
        "1 - a^2 is given the input z; it takes the output a": 1 - x * x,
        "a is used for the derivative itself": y,
    }
    return next((text for text, slope in candidates.items() if e.is_explained_by(grad_y * slope)), "")


def _not_summed(e: Evidence) -> str:
    op = e.operation
    if op is None or op.grad_y.ndim < 1 or op.grad_y.shape[1:] != e.x.shape or len(op.grad_y) < 2:
        return ""
    for row, which in ((0, "first"), (-1, "last")):
        if e.is_explained_by(e.at(op.grad_y[row])):
            return f"only the {which} example counts: sum over the batch, axis 0"
    return ""


def _double_sigmoid(e: Evidence) -> str:
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


def _stale_cache(e: Evidence) -> str:
    if e.elsewhere is None:
        return ""
    analytic, numeric = e.elsewhere()
    if not np.array_equal(analytic, e.analytic) or not e.agree(analytic, numeric):
        return ""
    return "it is the gradient of an earlier call, at another point: the cache is not renewed"


RULES: dict[str, Callable[[Evidence], str]] = {
    "left out": _left_out,
    "stale cache": _stale_cache,
    "zero": _zero,
    "sign": _sign,
    "L2 missing": _l2_missing,
    "branch lost": _branch_lost,
    "mask": _mask,
    "double sigmoid": _double_sigmoid,
    "grad_y": _grad_y_forgotten,
    "factor": _constant_factor,
    "padding": _padding,
    "values forgotten": _values_forgotten,
    "repeated rows": _repeated_rows,
    "not summed": _not_summed,
    "transposed": _transposed,
    "wrong point": _wrong_point,
    "missing term": _missing_term,
}


def _factor(e: Evidence, of: Array, what: Array, few: int = FEW) -> float | None:
    """The c with what = c of in every entry; None if there is none, or fewer than `few` entries determine it."""
    square = of @ of
    if square == 0 or not np.isfinite(square):
        return None
    c = float(what @ of / square)
    telling = np.abs(c * of) > SLACK * e.allowed
    return c if telling.sum() >= few and e.agree(what, c * of, c) else None


def _ratio(e: Evidence, few: int) -> float | None:
    """The c with A = c N, if it is not 1."""
    c = _factor(e, e.numeric, e.analytic, few)
    if c is None:  # a small c shows on the larger side
        inverse = _factor(e, e.analytic, e.numeric, few)
        c = None if inverse is None else 1 / inverse
    return None if c is None or abs(c - 1) < 1e-9 else c


def _usual_factor(e: Evidence) -> str:
    """The c with A = c N in words, if it is a usual one."""
    c = _ratio(e, few=1)
    if c is None:
        return ""
    usual = [pair for n in _batch_sizes(e) if n > 2 for pair in ((n, f"n (n = {n})"), (1 / n, f"1/n (n = {n})"))]
    usual += [(2, "2"), (1 / 2, "1/2"), (4, "4"), (1 / 4, "1/4")]
    return next((name for value, name in usual if abs(c / value - 1) < 1e-6), "")


def _batch_sizes(e: Evidence) -> list[int]:
    if e.batch_size is not None:
        return [e.batch_size]
    if e.operation is None:
        return []
    arrays = [e.operation.y, *e.operation.inputs.values()]
    return sorted({array.shape[0] for array in arrays if array.ndim})


def _example_factor(op: Operation, x: Array) -> Array | None:
    """grad_y spread over the entries of the examples, where y has one entry per example of x."""
    if op.grad_y.ndim != 1 or x.ndim < 2 or len(op.grad_y) != len(x):
        return None
    return np.broadcast_to(op.grad_y.reshape(-1, *[1] * (x.ndim - 1)), x.shape)


def _slopes(op: Operation, at: Array) -> Array:
    """The derivative of an elementwise operation at other points, by the complex step."""
    filled = np.resize(at, op.y.shape) + 1j * COMPLEX_STEP
    with complex_errors():
        y = np.asarray(op.forward(filled)[0])
    return (np.imag(y) / COMPLEX_STEP).reshape(-1)[: at.size]


def _sigmoid(z: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * z)


def _rows(e: Evidence) -> Array:
    return np.array([index[0] for index in e.entries], np.intp)


def _exactly(e: Evidence, kind: Array) -> bool:
    """Whether the rows with a wrong entry are exactly the checked rows of a kind, but not all rows."""
    rows = _rows(e)
    wrong = np.unique(rows[e.wrong])
    return np.array_equal(wrong, np.unique(rows[kind[rows]])) and wrong.size < np.unique(rows).size


def _whole_rows(e: Evidence, kind: Array) -> bool:
    """Whether the wrong rows are these, each wrong wherever it is not 0: a single wrong entry is another mistake."""
    sharp = e.sharp(largest_of(e.analytic, e.numeric))
    wrong = e.wrong & sharp
    not_0 = kind[_rows(e)] & sharp & (np.maximum(np.abs(e.analytic), np.abs(e.numeric)) > e.allowed)
    return bool(_exactly(e, kind) and wrong.sum() > 1 and wrong[not_0].all())


def _is_one_slot(e: Evidence, lookup: Lookup) -> bool:
    """Whether each wrong entry is what a single slot sends to its row."""
    slots, one = lookup.slots, e.numeric.copy()
    sent = lookup.sent(slots.values)
    for i in np.flatnonzero(e.wrong):
        row, *rest = e.entries[i]
        of_row = sent[(slots.ids == row, *rest)]
        one[i] = of_row[np.abs(of_row - e.analytic[i]).argmin()]
    return e.is_explained_by(one)


def how_many_wrong(e: Evidence) -> str:
    """How many of the checked entries are wrong, in words, and where they are if all share an index."""
    wrong = np.array([index for index, bad in zip(e.entries, e.wrong, strict=True) if bad])
    text = f"{len(wrong)} of {len(e.entries)} checked entries {'is' if len(wrong) == 1 else 'are'} wrong"
    if len(wrong) == len(e.entries):
        return text
    for axis in range(e.x.ndim):
        places = np.unique(wrong[:, axis])
        if places.size == 1 < e.x.shape[axis]:
            return f"{text}, all at index {places[0]} of axis {axis}"
    return text
