"""The gradient of something else: of another tensor, or of an earlier call."""

import numpy as np

from deepfm_np.gradcheck.arrays import as_array, is_real
from deepfm_np.gradcheck.evidence import Evidence
from deepfm_np.gradcheck.rules.fitting import Candidates, candidates
from deepfm_np.gradcheck.shapes import close


def stale_cache(e: Evidence) -> str:
    if e.elsewhere is None:
        return ""
    analytic, numeric = e.elsewhere()
    if not np.array_equal(analytic, e.analytic) or not e.agree(analytic, numeric):
        return ""
    return "it is the gradient of an earlier call, at another point: the cache is not renewed"


@candidates
def exchanged(e: Evidence) -> Candidates:
    for other, numeric in e.numerics.items():
        if other == e.name or numeric.shape != e.x.shape:
            continue
        theirs = as_array(e.analytics[other])
        both = theirs.shape == e.x.shape and is_real(theirs) and close(theirs, e.whole)
        whose = f"the gradients of {e.name} and {other} are exchanged" if both else f"it is the gradient of {other}"
        yield f"{whose}: return them in the order {', '.join(e.analytics)}", e.at(numeric)
