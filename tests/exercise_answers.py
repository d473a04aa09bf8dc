"""Student notebooks, built from an assignment's source."""

import json
import runpy
from pathlib import Path

from deepfm_np.exercises.assignments import about, grade_id, source

PLANTED = Path(__file__).parent / "exercises" / "planted"


def planted(name):
    """The wrong answers to an assignment: PLANTED, HARD_CODED and, if present, EARLIER of its file."""
    return runpy.run_path(str(PLANTED / f"{name[:2]}.py"))


def answered(one, answer):
    """The cells of an assignment, with the code of each solution cell replaced by answer(task, code)."""
    cells = json.loads(one.path.read_text())["cells"]
    for cell in cells:
        if about(cell).get("solution"):
            cell["source"] = answer(grade_id(cell), source(cell))
    return cells


def task_of(check):
    """The task of a check: task-4-2 for 4-2-gradient."""
    return "task-" + "-".join(check.split("-")[:2])
