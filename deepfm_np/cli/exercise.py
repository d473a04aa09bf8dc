"""The command exercise: list the exercises, start one, check the answers, look for leaked solutions."""

import sys
from argparse import Namespace
from pathlib import Path

from deepfm_np.exercises import assignments, grading, sandbox

ACTIONS = {
    "list": "nothing more",
    "start": "the number of an exercise",
    "check": "the notebook with your answers",
    "leaks": "a folder of notebooks to be handed out",
}


def exercise(options: Namespace) -> int:
    """List the exercises, start one, or see at once which answers are right."""
    if options.action != "list" and options.what is None:
        raise ValueError(f"exercise {options.action} needs {ACTIONS[options.action]}")
    return {"list": _list, "start": _start, "check": _check, "leaks": _find_leaks}[options.action](options)


def _list(options: Namespace) -> int:
    for one in assignments.assignments():
        print(f"{one.name[:2]}  {one.points:3g} points  {one.title}")
    return 0


def _start(options: Namespace) -> int:
    path = assignments.start(options.what, options.out, not options.no_answers)
    print(f"{path}: open it in Jupyter, and check it there or with `check`")
    return 0


def _check(options: Namespace) -> int:
    if options.what.isdigit() and not Path(options.what).exists():
        notebook = assignments.assignment(options.what).path.name
        raise ValueError(f"check needs your notebook, not its number: exercise check {notebook}")
    if why := sandbox.why_unprotected():
        print(sandbox.UNPROTECTED.format(why=why), file=sys.stderr)
    grades = grading.grade(options.what)
    print(grading.to_text(grades))
    return 0 if all(grade.reason == "right" for grade in grades) else 1


def _find_leaks(options: Namespace) -> int:
    found = assignments.leaks(options.what)
    print("\n".join(found) or "no line of a solution or a hidden test is shown")
    return 1 if found else 0
