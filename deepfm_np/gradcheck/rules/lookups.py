"""Mistakes in the gradient of a table, of which each example touches some rows."""

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.evidence import Evidence, Lookup, largest_of
from deepfm_np.gradcheck.gradient import is_row_gradient


def left_out(e: Evidence) -> str:
    if not is_row_gradient(e.gradient):
        return ""
    wrong = {index[0] for index, bad in zip(e.entries, e.wrong, strict=True) if bad}
    missing = sorted(wrong - set(np.asarray(e.gradient.rows).tolist()))
    if not missing or len(missing) < len(wrong):
        return ""
    more = f", and so on for {len(missing)} rows" if len(missing) > 1 else ""
    return f"row {missing[0]} is left out, but the function depends on it{more}"


def padding(e: Evidence) -> str:
    if e.slots is None:
        return ""
    padding, added = e.slots.values == 0, False
    if e.lookup is not None and padding.any():
        added = e.is_explained_by(e.numeric + e.at(e.lookup.gradient(padding, e.x.shape)))
    if not added and not _whole_rows(e, e.slots.paddings(len(e.x)) > 0):
        return ""
    return "only rows named by padding are wrong: a slot of value 0 must add nothing to its row"


def repeated_rows(e: Evidence) -> str:
    if e.slots is None:
        return ""
    repeated = e.slots.touches(len(e.x)) > 1
    if e.lookup is None and e.batch_size is None:  # the slots are guessed, and may be no slots but labels
        return ""
    if not (_whole_rows(e, repeated) if e.lookup is None else _exactly(e, repeated) and _is_one_slot(e, e.lookup)):
        return ""
    return "only rows that several slots touch are wrong: add the gradients of all slots, do not assign the last one"


def values_forgotten(e: Evidence) -> str:
    if e.lookup is None:
        return ""
    values = e.lookup.slots.values
    gradients = [e.lookup.gradient(taken, e.x.shape) for taken in (np.ones(values.shape), values != 0)]
    if not any(e.is_explained_by(e.at(gradient)) for gradient in gradients):
        return ""
    return "values are forgotten: multiply each slot's gradient by its value"


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
        at = slots.ids == row, *rest
        of_row = sent[at]
        one[i] = of_row[np.abs(of_row - e.analytic[i]).argmin()]
    return e.is_explained_by(one)
