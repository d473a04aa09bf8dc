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

from gradcheck.foreign.case import LABELS, Case
from gradcheck.foreign.catalogue import RIGHT, mutants
from gradcheck.foreign.hints import HINTS, NOT_WRONG, is_warned_of, judged_hint
from gradcheck.foreign.manners import MANNERS, manners_of
from gradcheck.foreign.mutate import Mutant, mutants_of

from deepfm_np.gradcheck import Report, check_operation

VERDICTS = ("pass", "inconclusive", "fail", "raised")


class Outcome(NamedTuple):
    """What the checker said of a case or a mutant."""

    name: str
    kind: str  # of a case: what it needs; of a mutant: its label
    verdict: str
    hint: str  # of HINTS; of a case: ""; of a mutant that is not wrong: "warned" or ""
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
    """The worst verdict on the wrong tensors, and the worst of the hints on them."""
    report = check(mutant.case, method)
    if isinstance(report, Exception):
        return Outcome(mutant.name, mutant.label, "raised", "none", f"{type(report).__name__}: {report}")
    wrong = [result for result in report.results if result.name in (mutant.wrong or mutant.case.wrt)]
    worst = max(wrong, key=lambda result: VERDICTS.index(result.verdict))
    if mutant.label in NOT_WRONG:
        warned = "warned" if is_warned_of(report, mutant.label) else ""
        return Outcome(mutant.name, mutant.label, worst.verdict, warned, worst.hint)
    judged = [(judged_hint(result, mutant), result) for result in wrong if result.verdict != "pass"]
    told = next((pair for kind in ("wrong", "right", "true", "none") for pair in judged if pair[0] == kind), None)
    hint, text = ("none", "") if told is None else (told[0], f"{told[1].name}: [{told[1].rule}] {told[1].hint}")
    right = set(mutant.case.wrt) - set(mutant.wrong)
    alarm = ", ".join(r.name for r in report.results if r.name in right and r.verdict == "fail")
    return Outcome(mutant.name, mutant.label, worst.verdict, hint, text, alarm)


def scored(method: str | None = None, every: int = 1) -> tuple[list[Outcome], list[Outcome], list[Outcome]]:
    """The outcomes of every so many cases: of the right ones, of mutants whose gradient is right, and of wrong ones."""
    numbered = list(enumerate(RIGHT))[::every]
    made = mutants() if every == 1 else [mutant for number, case in numbered for mutant in mutants_of(case, number)]
    outcomes = [of_mutant(mutant, method) for mutant in made]
    warned = [outcome for outcome in outcomes if outcome.kind in NOT_WRONG]
    wrong = [outcome for outcome in outcomes if outcome.kind not in NOT_WRONG]
    return [of_case(case, method) for _, case in numbered], warned, wrong


def table(heads: tuple[str, ...], rows: list[tuple]) -> str:
    """Columns of text."""
    cells = [tuple(map(str, row)) for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([row[0].ljust(widths[0]), *numbers]))
    return "\n".join(lines)


def counted(outcomes: list[Outcome], kinds: list[str], hints: tuple[str, ...] = ()) -> list[tuple]:
    """A row per kind, and a last one for all: how many of each verdict, and of each of these hints."""
    rows = []
    for kind in (*kinds, ""):
        some = [o for o in outcomes if not kind or o.kind == kind]
        verdicts, told = Counter(o.verdict for o in some), Counter(o.hint for o in some)
        counts = [verdicts[verdict] for verdict in VERDICTS] + [told[hint] for hint in hints]
        rows.append((kind or "all", len(some), *(count or "" for count in counts)))
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
    right, warned, wrong = scored(options.method)
    print(f"method: {options.method or 'the default'}\n")
    kinds = list(dict.fromkeys(outcome.kind for outcome in right))
    print(table(("right", "cases", *VERDICTS), counted(right, kinds)))
    print(
        "\n" + table(("not wrong: warned of", "cases", *VERDICTS, "warned"), counted(warned, [*NOT_WRONG], ("warned",)))
    )
    heads = ("wrong", "cases", *VERDICTS, *(f"hint {hint}" for hint in HINTS))
    labels = [label for label in LABELS if label not in NOT_WRONG]
    print("\n" + table(heads, counted(wrong, labels, HINTS)))
    print('\nhint true: another name, for a statement on the numbers that holds ("yours = 2 * numeric")')
    print(f"right tensors that fail beside wrong ones: {sum(bool(outcome.alarm) for outcome in wrong)}")
    if options.verbose:
        show("right, but not passed", [o for o in right if o.verdict != "pass"])
        show("wrong, but not failed", [o for o in wrong if o.verdict != "fail"])
        show("wrong hints", [o for o in wrong if o.hint == "wrong"])
        show("true hints under another name", [o for o in wrong if o.hint == "true"])
        show("right tensors that fail", [o for o in wrong if o.alarm])
        show("no hint", [o for o in wrong if o.hint == "none" and o.verdict == "fail"])


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
