"""How the checker does on the cases and on their wrong versions.

python tests/gradcheck/foreign/score.py [--method auto] [--verbose] [--manners]
"""

import argparse
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

if __name__ == "__main__":  # this project's package and tests come first, from wherever the script is run
    sys.path[:1] = [str(Path(__file__).parents[3]), str(Path(__file__).parents[2])]

from gradcheck.foreign.case import LABELS, Array, Case
from gradcheck.foreign.catalogue import RIGHT, mutants
from gradcheck.foreign.manners import MANNERS, manners_of
from gradcheck.foreign.mutate import Mutant
from gradcheck.foreign.verify import grad_y

from deepfm_np.gradcheck import Report, Result, check_operation

VERDICTS = ("pass", "inconclusive", "fail", "raised")
HINTS = ("right", "true", "wrong", "none")

# The rules of the checker that may name a mistake of each label, beside the rule of the label's own name. A text after
# a colon must stand in the hint: one rule may have several sentences.
ACCEPTABLE: dict[str, tuple[str, ...]] = {
    "lost 1/n": ("factor", "1/n and L2"),
    "factor": ("mask: keep",),
    "not summed": ("copies not summed",),
    "copies not summed": ("not summed",),
    "mask lost": ("mask: not applied",),
    "mask inverted": ("mask: inverted",),
    "ignores upstream": ("grad_y", "factor: grad_y"),
    "per-example factor": ("grad_y", "ignores upstream"),
    "diagonal only": ("softmax",),
    "last step only": ("last step",),
    "statistics constant": ("statistics",),
    "wrong product": ("product",),
    "wrong slope": ("wrong point", "slope", "mask: not applied", "double sigmoid"),
    "true class lost": ("true class", "missing term: missing"),
    "L2 missing": ("missing term: missing", "L2"),
    "L2 scaled": ("L2",),
    "missing term": ("branch lost",),
    "repeated rows": ("rows",),
    "float32": ("precision",),
    "cache consumed": ("consumed",),
}
EXPLAINED = {"float32": ("float32",), "cache consumed": ("twice", "consume")}  # words that a verdict's text must hold
WITH_KEEP = ("dropout", "stateful")  # topics where a hint on 1 / keep makes sense


class Outcome(NamedTuple):
    """What the checker said of a case or a mutant."""

    name: str
    kind: str  # of a case: what it needs; of a mutant: its label
    verdict: str
    hint: str  # of HINTS; of a case: ""
    text: str  # what it said
    alarm: str = ""  # tensors of a mutant that failed though they are right


def check(case: Case, method: str | None) -> Report | Exception:
    """The report on a case, or what was raised instead."""
    options = {} if method is None else {"method": method}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return check_operation(case.forward, case.backward, case.inputs, wrt=list(case.wrt), **options)
        except Exception as error:
            return error


def of_case(case: Case, method: str | None) -> Outcome:
    """The worst verdict on a right case."""
    kind = case.needs or ("on a corner" if case.kinks else "plain" if case.exact else "float32 inside")
    report = check(case, method)
    if isinstance(report, Exception):
        return Outcome(case.name, kind, "raised", "", f"{type(report).__name__}: {report}")
    worst = max(report.results, key=lambda result: VERDICTS.index(result.verdict))
    return Outcome(case.name, kind, worst.verdict, "", f"{worst.name}: {worst.hint or worst.note}")


def of_mutant(mutant: Mutant, method: str | None) -> Outcome:
    """The worst verdict on the wrong tensors, and what became of the hints on them."""
    report = check(mutant.case, method)
    if isinstance(report, Exception):
        return Outcome(mutant.name, mutant.label, "raised", "none", f"{type(report).__name__}: {report}")
    wrong = [result for result in report.results if result.name in (mutant.wrong or mutant.case.wrt)]
    worst = max(wrong, key=lambda result: VERDICTS.index(result.verdict))
    judged = [(judged_hint(result, mutant), result) for result in wrong if result.verdict != "pass"]
    told = next((pair for kind in ("wrong", "right", "true", "none") for pair in judged if pair[0] == kind), None)
    hint, text = ("none", "") if told is None else (told[0], f"{told[1].name}: [{told[1].rule}] {told[1].hint}")
    right = set(mutant.case.wrt) - set(mutant.wrong) if mutant.label not in EXPLAINED else set()
    alarm = ", ".join(r.name for r in report.results if r.name in right and r.verdict == "fail")
    return Outcome(mutant.name, mutant.label, worst.verdict, hint, text, alarm)


def judged_hint(result: Result, mutant: Mutant) -> str:
    """ "right": names the mistake of the label. "true": names another, but a statement on the numbers that holds."""
    if mutant.label in EXPLAINED and any(word in result.hint for word in EXPLAINED[mutant.label]):
        return "right"
    if not result.rule:
        return "none" if result.verdict == "fail" or mutant.label not in EXPLAINED else "wrong"
    if "keep" in result.hint and mutant.case.topic not in WITH_KEEP:
        return "wrong"
    if result.rule == "not summed" and mutant.claimed[result.name].ndim > mutant.right[result.name].ndim:
        return "right" if holds(result, mutant) else "wrong"
    if result.rule == "missing term" and mutant.label == "L2 scaled":
        return "right" if says_more(result) == has_more(mutant, result.name) else "wrong"
    for accepted in (mutant.label, *ACCEPTABLE.get(mutant.label, ())):
        rule, _, words = accepted.partition(": ")
        if result.rule == rule and words in result.hint:
            return "right"
    return "true" if holds(result, mutant) else "wrong"


def says_more(result: Result) -> bool:
    """Whether a hint says that a term is in the gradient more often than it should be."""
    return "too much" in result.hint


def has_more(mutant: Mutant, name: str) -> bool:
    """Whether the gradient of a loss holds too much of the penalty's, x times a positive number."""
    difference = mutant.claimed[name] - mutant.right[name]
    y = mutant.case.forward(*mutant.case.inputs.values())[0]
    return bool((difference * mutant.case.inputs[name]).sum() * grad_y(y) > 0)


def holds(result: Result, mutant: Mutant) -> bool:
    """Whether a hint is a statement on the numbers that is so, whatever the cause."""
    claimed, right = mutant.claimed[result.name], mutant.right[result.name]
    others = [gradient for name, gradient in mutant.right.items() if name != result.name]
    if result.rule == "exchanged":
        return any(equal(claimed, gradient) for gradient in others)
    if result.rule == "not summed" and claimed.ndim > right.ndim:
        return equal(claimed.sum(axis=0), right)
    if claimed.shape != right.shape:
        return result.rule == "shape" or (result.rule == "transposed" and equal(claimed, right.T))
    if result.rule == "factor":
        c = (claimed * right).sum() / (right * right).sum()
        return equal(claimed, c * right)
    meant = {"sign": -right, "zero": 0 * right, "transposed": right.T}.get(result.rule)
    return meant is not None and equal(claimed, meant)


def equal(left: Array, right: Array) -> bool:
    """To 1e-6 of the largest entry."""
    allowed = 1e-6 * np.abs(right).max(initial=0)
    return left.shape == right.shape and bool((np.abs(left - right) <= allowed).all())


def table(heads: tuple[str, ...], rows: list[tuple]) -> str:
    """Columns of text."""
    cells = [tuple(map(str, row)) for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([row[0].ljust(widths[0]), *numbers]))
    return "\n".join(lines)


def counted(outcomes: list[Outcome], kinds: list[str], hints: bool) -> list[tuple]:
    """A row per kind, and a last one for all."""
    rows = []
    for kind in (*kinds, ""):
        some = [o for o in outcomes if not kind or o.kind == kind]
        verdicts, told = Counter(o.verdict for o in some), Counter(o.hint for o in some)
        row = (kind or "all", len(some), *(verdicts[verdict] or "" for verdict in VERDICTS))
        rows.append((*row, *(told[hint] or "" for hint in HINTS)) if hints else row)
    return rows


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", help="of check_operation; its default, if it is left out")
    parser.add_argument("--verbose", action="store_true", help="name what is not as it should be")
    parser.add_argument("--manners", action="store_true", help="count the cases by topic and by manner, check nothing")
    options = parser.parse_args()
    if options.manners:
        counts = Counter(manner for case in RIGHT for manner in manners_of(case))
        topics = Counter(case.topic for case in RIGHT)
        wrong = Counter(mutant.case.topic for mutant in mutants())
        print(table(("topic", "right", "wrong"), [(topic, topics[topic], wrong[topic]) for topic in topics]))
        print(table(("manner", "right"), [(manner, counts[manner]) for manner in MANNERS]))
        return
    right = [of_case(case, options.method) for case in RIGHT]
    wrong = [of_mutant(mutant, options.method) for mutant, needs in with_needs() if not needs]
    later = [of_mutant(mutant, options.method) for mutant, needs in with_needs() if needs]
    kinds = list(dict.fromkeys(outcome.kind for outcome in right))
    print(f"method: {options.method or 'the default'}\n")
    print(table(("right", "cases", *VERDICTS), counted(right, kinds, hints=False)))
    heads = ("wrong", "cases", *VERDICTS, *(f"hint {hint}" for hint in HINTS))
    labels = [label for label in LABELS if any(outcome.kind == label for outcome in wrong)]
    print("\n" + table(heads, counted(wrong, labels, hints=True)))
    print("\n" + table(("wrong, of cases with needs", *heads[1:]), counted(later, [], hints=True)))
    print('\nhint true: another name, for a statement on the numbers that holds ("yours = 2 * numeric")')
    print(f"right tensors that fail beside wrong ones: {sum(bool(outcome.alarm) for outcome in wrong)}")
    if options.verbose:
        show("right, but not passed", [o for o in right if o.verdict != "pass"])
        show("wrong, but not failed", [o for o in wrong if o.verdict != "fail"])
        show("wrong hints", [o for o in (*wrong, *later) if o.hint == "wrong"])
        show("true hints under another name", [o for o in wrong if o.hint == "true"])
        show("right tensors that fail", [o for o in wrong if o.alarm])
        show("no hint", [o for o in wrong if o.hint == "none" and o.verdict == "fail"])


def with_needs() -> list[tuple[Mutant, str]]:
    """The wrong versions, and what the checker must be able to do to read them."""
    return [(mutant, mutant.case.needs) for mutant in mutants()]


def show(head: str, outcomes: list[Outcome]) -> None:
    """A list of names with what was said."""
    print(f"\n{head}: {len(outcomes)}")
    for o in outcomes:
        name, text = " ".join(o.name.split()), " ".join(o.text.split())
        print(f"  {o.verdict:<12}  {o.kind:<20}  {name}\n      {text[:300]}")
        if o.alarm:
            print(f"      fails, too: {o.alarm}")


if __name__ == "__main__":
    main()
