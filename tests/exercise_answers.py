"""Student notebooks, built from an assignment's source."""

import runpy
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import numpy as np

from deepfm_np.exercises.assignments import TABLES, about, grade_id, source
from deepfm_np.exercises.player import execute
from deepfm_np.exercises.variants import vary

PLANTED = Path(__file__).parent / "exercises" / "planted"


def planted(name):
    """The wrong answers to an assignment: PLANTED, HARD_CODED and, if present, EARLIER of its file."""
    return runpy.run_path(str(PLANTED / f"{name[:2]}.py"))


def answered(one, answer):
    """The cells of an assignment, with the code of each solution cell replaced by answer(task, code)."""
    cells = one.cells()
    for cell in cells:
        if about(cell).get("solution"):
            cell["source"] = answer(grade_id(cell), source(cell))
    return cells


def task_of(check):
    """The task of a check: task-5-2 for 5-2-gradient."""
    return "task-" + "-".join(check.split("-")[:2])


def varied(one, answer):
    """The same in a variant: the answers are changed as the source's solutions are, as far as their text goes."""
    source_of_all = one._replace(variant=0)
    cells = answered(source_of_all, answer)
    pairs = zip(
        cells, source_of_all.cells(), strict=True
    )  # an edit that an answer has no place for finds one in the source
    texts = vary([source(cell) for pair in pairs for cell in pair], TABLES / f"{one.name[:2]}.py", one.variant)
    return [{**cell, "source": text} for cell, text in zip(cells, texts[::2], strict=True)]


def right_checks(one, cells, checks=None):
    """The checks that a notebook of our own answers passes, judged in this process: fast, and for none but ours.

    checks: look at these alone.
    """
    given = {grade_id(cell): source(cell) for cell in one.cells() if about(cell) and not about(cell).get("solution")}
    return [check for check in checks or [check.grade_id for check in one.checks()] if _passes(given, cells, check)]


def _passes(given, cells, check):
    space = {"__name__": "__main__", "display": lambda *_: None}
    with redirect_stdout(StringIO()), np.errstate(all="ignore"):
        for cell in cells:
            if grade_id(cell) == check:
                break
            if cell["cell_type"] == "code" and not about(cell).get("grade"):
                with suppress(Exception):
                    execute(_quiet(given.get(grade_id(cell), source(cell))), grade_id(cell), space)
        try:
            execute(given[check], check, space)
        except Exception:
            return False
    return True


def _quiet(code):
    """Without the reports that the first cell of a bug hunt prints, which take the most time."""
    return "\n".join(line for line in code.split("\n") if not line.startswith("print("))
