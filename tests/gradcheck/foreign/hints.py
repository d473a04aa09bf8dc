"""What a hint on a wrong version is worth, by the label of the mistake and by the numbers."""

from gradcheck.foreign.catalogue import RIGHT
from gradcheck.foreign.facts import holds
from gradcheck.foreign.mutate import Mutant

from deepfm_np.gradcheck import Report, Result

HINTS = ("right", "true", "wrong", "none")

# The rules of the checker that may name a mistake of each label, beside the rule of the label's own name. A text after
# a colon must stand in the hint: one rule may have several sentences.
ACCEPTABLE: dict[str, tuple[str, ...]] = {
    "lost 1/n": ("factor", "1/n and L2", "statistics constant"),
    "factor": ("mask: keep",),
    "not summed": ("copies not summed",),
    "copies not summed": ("not summed",),
    "mask lost": ("mask: not applied",),
    "ignores upstream": ("grad_y", "factor: grad_y"),
    "per-example factor": ("grad_y", "lost factor"),
    "last step only": ("own index only",),
    "wrong slope": ("wrong point", "mask: not applied", "double sigmoid"),
    "true class lost": ("missing term: missing",),
    "L2 missing": ("missing term: missing",),
    "L2 scaled": ("L2 missing",),
    "missing term": ("branch lost",),
    "repeated rows": ("copies not summed",),
}
NOT_WRONG = {"float32": "float32", "cache consumed": "consume"}  # labels of right gradients: a word of the warning
WITH_KEEP = ("dropout", "stateful")  # topics where a hint on 1 / keep makes sense
ORIGINALS = {case.name: case for case in RIGHT}


def judged_hint(result: Result, mutant: Mutant) -> str:
    """ "right": names the mistake of the label. "true": names another, but a statement on the numbers that holds.

    Whatever the label, a statement on the numbers that does not hold is "wrong".
    """
    if not result.rule:
        return "none"
    holding = holds(mutant, ORIGINALS[mutant.case.name], result.name, result.hint)
    if holding is False or ("keep" in result.hint and mutant.case.topic not in WITH_KEEP):
        return "wrong"
    for accepted in (mutant.label, *ACCEPTABLE.get(mutant.label, ())):
        rule, _, words = accepted.partition(": ")
        if result.rule == rule and words in result.hint:
            return "right"
    return "true" if holding else "wrong"


def is_warned_of(report: Report, label: str) -> bool:
    """Whether a report on a right gradient says what is amiss all the same."""
    return NOT_WRONG[label] in str(report)
