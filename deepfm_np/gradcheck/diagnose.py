"""Name the likely mistake behind a failed verdict.

Each rule states what one mistake would turn the right gradient into, and speaks only where the analytic gradient is
exactly that in every checked entry, to the accuracy that `Evidence.agree` demands. Where no rule fits, `diagnose` says
so, since a wrong hint is worse than none.
"""

import numpy as np

from deepfm_np.gradcheck.evidence import Evidence
from deepfm_np.gradcheck.rules import elementwise, factors, lookups, others, paths, terms
from deepfm_np.gradcheck.rules.fitting import Rule

NO_RULE = "no known mistake fits: derive this gradient again, and check each step of the operation by itself"

RULES: dict[str, Rule] = {  # in this order: the first that fits is told
    "left out": lookups.left_out,
    "stale cache": others.stale_cache,
    "zero": factors.zero,
    "sign": factors.sign,
    "grad_y": factors.grad_y_forgotten,
    "L2 missing": terms.l2,
    "branch lost": terms.branch_lost,
    "mask": elementwise.mask,
    "double sigmoid": elementwise.double_sigmoid,
    "factor": factors.constant_factor,
    "exchanged": others.exchanged,
    "padding": lookups.padding,
    "values forgotten": lookups.values_forgotten,
    "repeated rows": lookups.repeated_rows,
    "not summed": paths.not_summed,
    "transposed": paths.transposed,
    "wrong product": paths.wrong_product,
    "wrong point": elementwise.wrong_point,
    "mask inverted": elementwise.mask_inverted,
    "wrong slope": elementwise.wrong_slope,
    "diagonal only": paths.diagonal,
    "last step only": paths.last_index,
    "own index only": paths.own_index,
    "missing term": terms.missing_term,
    "true class lost": terms.true_class,
    "1/n and L2": terms.factor_and_term,
    "statistics constant": terms.statistics,
    "nothing arrives": paths.nothing_arrives,
    "lost factor": factors.named_factor,
    "per-example factor": factors.factor_per_index,
    "copies not summed": paths.copies,
    "wrong axis": paths.wrong_axis,
    "off by one": paths.shifted,
    "mask lost": elementwise.mask_lost,
    "unchanged": elementwise.unchanged,
}


def diagnose(evidence: Evidence) -> tuple[str, str]:
    """(rule, sentence) of the first rule that fits; ("", what to do next) if none does."""
    for rule, explain in RULES.items():
        sentence = explain(evidence)
        if sentence:
            return rule, sentence
    return "", NO_RULE


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
