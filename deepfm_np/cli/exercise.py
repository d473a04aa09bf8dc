"""The command exercise: list the exercises, start one, check the answers; for a class, hand out and grade them all."""

import sys
from argparse import Namespace
from pathlib import Path

from deepfm_np.exercises import assignments, grading, roster, sandbox

ACTIONS = {
    "list": "nothing more",
    "start": "the number of an exercise",
    "check": "the notebook with your answers",
    "leaks": "a folder of notebooks to be handed out",
    "source": "the number of an exercise, for nbgrader's folder of sources",
    "release": "the number of an exercise, for every student of --roster",
    "grades": "the folder of what was handed in, a folder for each student of --roster",
}


def exercise(options: Namespace) -> int:
    """List the exercises, start one, or see at once which answers are right; hand out and grade for a class."""
    if options.action != "list" and options.what is None:
        raise ValueError(f"exercise {options.action} needs {ACTIONS[options.action]}")
    if options.action in ("release", "grades") and options.roster is None:
        raise ValueError(f"exercise {options.action} needs --roster, a CSV file with the columns student, variant")
    actions = {"list": _list, "start": _start, "check": _check, "leaks": _find_leaks, "source": _source}
    return (actions | {"release": _release, "grades": _grades})[options.action](options)


def _list(options: Namespace) -> int:
    for one in assignments.assignments():
        print(f"{one.name[:2]}  {one.points:3g} points  {one.title}")
    return 0


def _start(options: Namespace) -> int:
    path = assignments.start(options.what, options.out, not options.no_answers, options.variant or 0)
    print(f"{path}: open it in Jupyter, and check it there or with `check`")
    return 0


def _check(options: Namespace) -> int:
    if options.what.isdigit() and not Path(options.what).exists():
        notebook = assignments.assignment(options.what).path.name
        raise ValueError(f"check needs your notebook, not its number: exercise check {notebook}")
    _say_if_unprotected()
    stamp, variant = assignments.stamp(options.what), options.variant
    if variant is not None and variant != stamp:
        print(f"graded as variant {variant}; the notebook says it is variant {stamp}", file=sys.stderr)
    grades = grading.grade(options.what, variant=variant)
    print(grading.to_text(grades))
    return 0 if all(grade.reason == "right" for grade in grades) else 1


def _find_leaks(options: Namespace) -> int:
    found = assignments.leaks(options.what)
    print("\n".join(found) or "no line of a solution or a hidden test is shown")
    return 1 if found else 0


def _source(options: Namespace) -> int:
    print(assignments.write_source(options.what, options.out, options.variant or 0))
    return 0


def _release(options: Namespace) -> int:
    for path in roster.release(options.what, roster.read_roster(options.roster), options.out):
        print(path)
    return 0


def _grades(options: Namespace) -> int:
    _say_if_unprotected()
    table = roster.grades(options.what, roster.read_roster(options.roster))
    path = Path(options.out, "grades.csv")
    table.to_csv(path, index=False)
    print(f"{path}: {len(table)} rows")
    return 0


def _say_if_unprotected() -> None:
    if sandbox.IN_BROWSER:
        print(sandbox.UNOFFICIAL)
    elif why := sandbox.why_unprotected():
        print(sandbox.UNPROTECTED.format(why=why), file=sys.stderr)
