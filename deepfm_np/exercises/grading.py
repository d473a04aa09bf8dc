"""Grading a notebook: each check in a process of its own, in an empty folder, with limits on time and memory."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from deepfm_np.exercises.assignments import Assignment, Check, about, assignments, grade_id, read_cells, source

SECONDS = 20
MEMORY = 4 * 2**30  # bytes of address space


class Grade(NamedTuple):
    """The result of one check."""

    task: str
    points: float
    of: float
    reason: str  # "right", or what is wrong


def grade(path: str | Path, seconds: float = SECONDS, memory: int = MEMORY) -> list[Grade]:
    """Grade a student's notebook, check by check, with the hidden tests of its assignment.

    Locked cells and checks come from the assignment, answers and additional cells from the student. A cell that fails
    does not stop the later ones. seconds, memory (bytes): the limits of each cell; memory is limited only if the
    system supports it. The student's file is only read, and its cells run in an empty folder.
    Raises FileNotFoundError, or ValueError if the file is not a notebook of an assignment.
    """
    cells = read_cells(path)
    one = _assignment_of(path, cells)
    return [_grade_check(one, check, cells, seconds, memory) for check in one.checks()]


def to_frame(grades: list[Grade]) -> pd.DataFrame:
    """One row per check: task, points, of, reason."""
    return pd.DataFrame(grades, columns=list(Grade._fields))


def to_text(grades: list[Grade]) -> str:
    """A table for the terminal, with the total below."""
    width = max(len(grade.task) for grade in grades)
    lines = [f"{'task':{width}}  points  "]
    for grade in grades:
        first, *rest = grade.reason.splitlines() or [""]
        lines.append(f"{grade.task:{width}}  {grade.points:g} of {grade.of:g}  {first}")
        lines += [f"{'':{width}}          {line}" for line in rest]
    total, of = sum(grade.points for grade in grades), sum(grade.of for grade in grades)
    return "\n".join([*lines, f"{'total':{width}}  {total:g} of {of:g}"])


def _assignment_of(path: str | Path, cells: list[dict]) -> Assignment:
    """The assignment that shares the most checks with the notebook, so that a renamed file is known too."""
    there = {grade_id(cell) for cell in cells}
    best = max(assignments(), key=lambda one: len(there & {check.grade_id for check in one.checks()}))
    if not there & {check.grade_id for check in best.checks()}:
        raise ValueError(f"{path} holds no task of an assignment: begin with `exercise start N`")
    return best


def _grade_check(one: Assignment, check: Check, cells: list[dict], seconds: float, memory: int) -> Grade:
    verdict = _run(_program(one, cells, check.grade_id), check.code, seconds, memory)
    right = verdict == "right"
    return Grade(check.grade_id, check.points if right else 0, check.points, verdict)


def _program(one: Assignment, cells: list[dict], until: str) -> list[str]:
    """The code cells to run before a check: the student's, with locked cells as they were handed out."""
    ours = {grade_id(cell): source(cell) for cell in one.cells() if about(cell).get("locked")}
    program = []
    for cell in cells:
        if about(cell).get("grade"):
            if grade_id(cell) == until:
                break
        elif cell.get("cell_type") == "code":
            program.append(ours.get(grade_id(cell), source(cell)))
    return program


def _run(program: list[str], check: str, seconds: float, memory: int) -> str:
    """Run it in a child process; "right", or the reason why not."""
    with tempfile.TemporaryDirectory() as outside:
        work, answer = Path(outside, "work"), Path(outside, "answer.json")
        work.mkdir()
        job = json.dumps(
            {"program": program, "check": check, "answer": str(answer), "memory": memory, "seconds": seconds}
        )
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"}
        child = subprocess.Popen(
            [sys.executable, "-m", "deepfm_np.exercises.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=work,
            env=environment,
            text=True,
            start_new_session=True,
        )
        try:
            child.communicate(job, timeout=seconds * (len(program) + 2))
        except subprocess.TimeoutExpired:
            return "not done in time, and not to be interrupted"
        finally:
            _end(child)
        try:
            return json.loads(answer.read_text(encoding="utf-8"))["verdict"]
        except (OSError, ValueError, KeyError, TypeError):
            return "the code ended the process before it could be graded (memory, or an exit)"


def _end(child: subprocess.Popen) -> None:
    """Kill the child with whatever it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError, AttributeError):
        child.kill()
    child.wait()
