"""Grading a notebook: the checks run in one process, the student's code in others, shut in (see `sandbox`)."""

import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from threading import Timer
from typing import NamedTuple, TextIO, cast

import pandas as pd

from deepfm_np.exercises import sandbox
from deepfm_np.exercises.assignments import Assignment, Check, about, assignments, grade_id, read_cells, source, stamp
from deepfm_np.exercises.judge import verdict
from deepfm_np.exercises.one_process import Student

SECONDS = 20  # of the processor, for a cell
STARTING = 20  # seconds for Python and NumPy to start, on a busy machine
MEMORY = 4 * 2**30  # bytes of address space


class Verdict(NamedTuple):
    """What one check found."""

    right: bool
    reason: str  # "right", or what is wrong
    printed: str  # by the check


class Grade(NamedTuple):
    """The result of one check."""

    task: str
    points: float
    of: float
    reason: str  # "right", or what is wrong


def grade(path: str | Path, seconds: float = SECONDS, memory: int = MEMORY, variant: int | None = None) -> list[Grade]:
    """Grade a student's notebook, check by check, with the hidden tests of its assignment.

    Locked cells and checks come from the assignment, answers and additional cells from the student. A cell that fails
    does not stop the later ones. seconds, memory (bytes): the limits of each cell; memory is limited only if the
    system supports it. The student's file is only read, and its cells run in an empty folder.
    variant: that was assigned to the student, whatever his file says; None takes the file's word for it.
    In a browser everything runs in one process, without limits.
    Raises FileNotFoundError, or ValueError if the file is not a notebook of an assignment.
    """
    cells = read_cells(path)
    one = _assignment_of(path, cells)._replace(variant=stamp(path) if variant is None else variant)
    if sandbox.IN_BROWSER:
        return [_grade(check, judge_here(one, check, cells)) for check in one.checks()]
    with Bench() as bench:
        return [_grade(check, bench.judge(one, check, cells, seconds, memory)) for check in one.checks()]


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


class Bench:
    """A process that judges one check after the other; a new one where an answer was too much for the last."""

    process: subprocess.Popen | None = None

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_) -> None:
        self._end()

    def judge(
        self, one: Assignment, check: Check, cells: list[dict], seconds: float = SECONDS, memory: int = MEMORY
    ) -> Verdict:
        """Run one check against a student's cells."""
        given, own = _programs(one, check, cells)
        wait = STARTING + 5 * seconds
        job = {"given": given, "cells": own, "check": check.code, "seconds": seconds, "memory": memory, "wait": wait}
        job |= {"processor": int(wait) + 1, "protected": not sandbox.why_unprotected()}
        process = self.process = self.process or _start()
        timer = Timer(wait + 2 * STARTING, process.kill)
        timer.start()
        try:
            print(json.dumps(job), file=process.stdin, flush=True)
            return Verdict(**json.loads(cast(TextIO, process.stdout).readline()))
        except (OSError, ValueError, TypeError):
            self._end()
            return Verdict(False, "the check could not be run to its end with this answer", "")
        finally:
            timer.cancel()
            if not job["protected"]:  # what the student's code started is of the same group
                self._end()

    def _end(self) -> None:
        """Kill the process with whatever it started."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError, AttributeError):
            self.process.kill()
        self.process.communicate()
        self.process = None


def judge_here(one: Assignment, check: Check, cells: list[dict]) -> Verdict:
    """Run one check against a student's cells in this process; see `one_process`."""
    given, own = _programs(one, check, cells)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Verdict(*verdict(Student(), {"given": given, "cells": own, "check": check.code}))


def _start() -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "deepfm_np.exercises.judge"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=sandbox.PACKAGE.parent,  # a file beside the hand-ins is no module of the judge's
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        text=True,
        start_new_session=True,
    )


def _grade(check: Check, verdict: Verdict) -> Grade:
    return Grade(check.grade_id, check.points if verdict.right else 0, check.points, verdict.reason)


def _programs(one: Assignment, check: Check, cells: list[dict]) -> tuple[list[str], list[str]]:
    """The code before a check: the cells that every student is given, as they were, and the student's own."""
    given, own = {}, []
    for cell in one.cells():
        if grade_id(cell) == check.grade_id:
            break
        if about(cell).get("locked") and not about(cell).get("grade") and cell.get("cell_type") == "code":
            given[grade_id(cell)] = source(cell)
    for cell in cells:
        if about(cell).get("grade"):
            if grade_id(cell) == check.grade_id:
                break
        elif cell.get("cell_type") == "code" and grade_id(cell) not in given:
            own.append(source(cell))
    return list(given.values()), own
