"""Variants: an exercise with other constants and conventions, drawn from a number. Variant 0 is the source itself.

`notebooks/exercises/variants/NN.py` holds what may differ in exercise NN:

    def draw(deal):   # {name: value}, each value dealt from a list
    EDITS             # {task: [(text of the source, text of the variant with «name» for a value), ...]}

An edit is made in all cells of its task (prose, hints, solution, visible and hidden checks), so that the four agree.
"""

import re
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

SETUP = "setup"  # what stands before the first task


class Deal:
    """Deals from lists: in each list, numbers that follow each other get values that differ, as far as it reaches."""

    def __init__(self, exercise: int, number: int):
        self.exercise, self.number, self.dealt = exercise, number, 0

    def __call__(self, values: Sequence) -> Any:
        """One of the values, shuffled afresh for each call and each exercise."""
        self.dealt += 1
        order = np.random.default_rng([self.exercise, self.dealt]).permutation(len(values))
        return values[order[self.number % len(values)]]


def tenths(low: float, high: float) -> list[float]:
    """low, low + 0.1, ..., high."""
    return [round(i / 10, 1) for i in range(round(10 * low), round(10 * high) + 1)]


def vary(texts: list[str], table: Path, number: int) -> list[str]:
    """The sources of the cells of an exercise in the variant of this number.

    Raises ValueError for an edit that finds nothing to change: the source and its table do not fit.
    """
    rules = runpy.run_path(str(table))
    drawn = rules["draw"](Deal(int(table.stem), number))
    varied = list(texts)
    varied[0] = re.sub(r"\A(# .*)", rf"\1 · variant {number}", texts[0])
    tasks = _tasks(texts)
    for task, edits in rules["EDITS"].items():
        cells = [cell for cell, its_task in enumerate(tasks) if its_task == task]
        for old, new in edits:
            if not any(old in varied[cell] for cell in cells):
                raise ValueError(f"{table.name}: {old!r} is not in task {task}")
            new = re.sub("«(.*?)»", lambda name: str(drawn[name[1]]), new)
            for cell in cells:
                varied[cell] = varied[cell].replace(old, new)
    return varied


def _tasks(texts: list[str]) -> list[str]:
    """The task that each cell belongs to."""
    tasks, task = [], SETUP
    for text in texts:
        heading = re.match(r"## (?:Task (\d+\.\d+))?", text)
        task = (heading[1] or "end") if heading else task
        tasks.append(task)
    return tasks
