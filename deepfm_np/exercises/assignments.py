"""The assignments: where their sources lie, what they hold, and the blank that a student gets.

A source is a notebook with nbgrader's cell metadata. In its solution cells the lines between BEGIN SOLUTION and END
SOLUTION, in its check cells those between BEGIN HIDDEN TESTS and END HIDDEN TESTS, are for the lecturer alone.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from deepfm_np.exercises.variants import vary
from deepfm_np.system.files import write_text

FOLDER = Path(__file__).parents[2] / "notebooks" / "exercises" / "source"
TABLES = FOLDER.with_name("variants")
STUB = "# your lines here"
REGIONS = {"SOLUTION": [STUB], "HIDDEN TESTS": []}  # the lines that replace a region in the blank
STAMP = "deepfm_np"  # in the metadata of a notebook
ANSWER = re.compile(r"\s*<details><summary>Hint: the answer</summary>.*?</details>", re.DOTALL)


class Check(NamedTuple):
    """A cell that gives points. Its grade_id begins with its task, as in "5-2-gradient"."""

    grade_id: str
    points: float
    code: str

    @property
    def part(self) -> str:
        """How it is called in feedback, "4.2 gradient"."""
        number, task, name = self.grade_id.split("-", 2)
        return f"{number}.{task} {name}"


class Assignment(NamedTuple):
    """The source of an exercise, in one of its variants."""

    name: str  # "05-factorization-machines"
    title: str
    path: Path
    variant: int = 0

    def notebook(self) -> dict:
        """The whole notebook, with solutions and hidden tests; a variant has its number in the metadata."""
        notebook = _read(self.path)
        if self.variant:
            texts = vary([source(cell) for cell in notebook["cells"]], TABLES / f"{self.name[:2]}.py", self.variant)
            for cell, text in zip(notebook["cells"], texts, strict=True):
                cell["source"] = text
            notebook["metadata"][STAMP] = {"variant": self.variant}
        return notebook

    def cells(self) -> list[dict]:
        """All its cells."""
        return self.notebook()["cells"]

    def checks(self) -> list[Check]:
        """Its check cells in order, with their hidden tests."""
        graded = [cell for cell in self.cells() if about(cell).get("grade")]
        return [Check(grade_id(cell), about(cell)["points"], source(cell)) for cell in graded]

    @property
    def points(self) -> float:
        """The total of its checks."""
        return sum(check.points for check in self.checks())


def assignments() -> list[Assignment]:
    """All of them, by number. Raises FileNotFoundError where the package was installed without its notebooks."""
    if not FOLDER.is_dir():
        raise FileNotFoundError("the exercises come with the project's checkout: install it with pip install -e .")
    return [from_file(path) for path in sorted(FOLDER.glob("*/*.ipynb"))]


def assignment(number_or_name: str, variant: int = 0) -> Assignment:
    """Find an assignment by number or name. Raises ValueError, saying which there are, and for a negative variant."""
    if variant < 0:
        raise ValueError(f"variants are numbered from 1; 0 is the exercise as it stands in the course, got {variant}")
    known = assignments()
    for one in known:
        if number_or_name.zfill(2) == one.name[:2] or number_or_name == one.name:
            return one._replace(variant=variant)
    first, last = (int(one.name[:2]) for one in (known[0], known[-1]))
    raise ValueError(
        f"there is no assignment {number_or_name!r}; the numbers are {first} to {last}: see `exercise list`"
    )


def start(number: str, folder: str | Path = ".", answers: bool = True, variant: int = 0) -> Path:
    """Write the blank of an assignment into a folder and return its path. Raises FileExistsError if it exists.

    answers: with the folded hint that is the answer, for those who learn by themselves.
    """
    one = assignment(number, variant)
    path = Path(folder) / one.path.name
    if path.exists():
        raise FileExistsError(f"{path} already exists; rename it, or give another folder with --out")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(blank(one.notebook(), answers), indent=1) + "\n")
    return path


def write_source(number: str, folder: str | Path, variant: int = 0) -> Path:
    """Write an assignment with solutions and hidden tests to folder/NAME/NAME.ipynb, where nbgrader looks for a source.

    What is there is replaced. Raises ValueError for the folder of the sources themselves.
    """
    one = assignment(number, variant)
    path = Path(folder, one.name, one.path.name)
    if path.resolve() == one.path.resolve():
        raise ValueError(f"{path} is the source of all variants; give the source folder of your course with --out")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(one.notebook(), indent=1) + "\n")
    return path


def blank(notebook: dict, answers: bool = True) -> dict:
    """The notebook without solutions, hidden tests and outputs; answers: with the hints that are the answers."""
    cells = []
    for cell in notebook["cells"]:
        cell = {**cell, "source": without_regions(source(cell))}
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
        elif not answers:
            cell["source"] = without_answers(cell["source"])
        cells.append(cell)
    return {**notebook, "cells": cells}


def without_answers(text: str) -> str:
    """The text of a task without the folded hint that is its answer."""
    return ANSWER.sub("", text)


def without_regions(code: str) -> str:
    """The code with each region replaced by its stub. Raises ValueError for a marker that is misspelt or alone."""
    kept: list[str] = []
    inside = None
    for line in code.split("\n"):
        marker = re.fullmatch(r"(\s*)### (BEGIN|END) (SOLUTION|HIDDEN TESTS)", line)
        if marker is None:
            if re.match(r"\s*#.*\b(BEGIN|END)\b", line):
                raise ValueError(f"not a marker: {line.strip()!r}; write '### BEGIN SOLUTION' and the like")
            if inside is None:
                kept.append(line)
            continue
        indent, side, region = marker.groups()
        if (side == "BEGIN") != (inside is None) or (side == "END" and region != inside):
            raise ValueError(f"{line.strip()!r} without its other half")
        inside = region if side == "BEGIN" else None
        if side == "BEGIN":
            kept += [indent + stub for stub in REGIONS[region]]
    if inside:
        raise ValueError(f"'### BEGIN {inside}' without its end")
    return "\n".join(kept).rstrip("\n")


def leaks(folder: str | Path) -> list[str]:
    """What the notebooks under a folder of hand-outs show of solutions and hidden tests, one sentence for each line.

    A line counts if the source keeps it back and shows it nowhere. Raises ValueError where no assignment is there.
    """
    known = {one.path.name: one for one in assignments()}
    handed_out = [path for path in sorted(Path(folder).rglob("*.ipynb")) if path.name in known]
    if not handed_out:
        raise ValueError(f"{folder} holds none of the assignments")
    found = []
    for path in handed_out:
        lines = {line.strip() for cell in read_cells(path) for line in source(cell).split("\n")}
        secret = _kept_back(known[path.name]._replace(variant=stamp(path)))
        found += [f"{path}: {line}" for line in sorted(lines & secret)]
    return found


def read_cells(path: str | Path) -> list[dict]:
    """The cells of a notebook file. Raises FileNotFoundError, or ValueError for anything but a notebook."""
    return _read(path)["cells"]


def stamp(path: str | Path) -> int:
    """The number of the variant that a notebook says it is, 0 if it says nothing of the kind. Raises as `read_cells`.

    It is the student's file: where points count, the number that was assigned to him counts, not this one.
    """
    try:
        number = _read(path)["metadata"][STAMP]["variant"]
    except (KeyError, TypeError):
        return 0
    return number if type(number) is int and number > 0 else 0


def _read(path: str | Path) -> dict:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a notebook")
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"] = list(notebook["cells"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is not a notebook: {error}") from error
    for number, cell in enumerate(notebook["cells"]):
        if not _is_cell(cell):
            raise ValueError(f"{path} is not a notebook: its cell number {number} has not the form of one")
    return notebook


def _is_cell(cell) -> bool:
    try:
        text = source(cell)
        return isinstance(text, str) and isinstance(grade_id(cell), str) and isinstance(about(cell), dict)
    except (AttributeError, TypeError):
        return False


def source(cell: dict) -> str:
    """The text of a cell, which a notebook keeps as one string or as lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def about(cell: dict) -> dict:
    """What nbgrader's metadata say of a cell."""
    return cell.get("metadata", {}).get("nbgrader", {})


def grade_id(cell: dict) -> str:
    """The id that nbgrader gives a cell, "" without one."""
    return about(cell).get("grade_id", "")


def from_file(path: Path) -> Assignment:
    """The assignment whose source this is. Raises as `read_cells` does."""
    title = source(read_cells(path)[0]).split("\n")[0].lstrip("# ")
    return Assignment(path.stem, title, path)


def _kept_back(one: Assignment) -> set[str]:
    whole = {line for cell in one.cells() for line in _lines(source(cell))}
    shown = {line for cell in one.cells() for line in _lines(without_regions(source(cell)))}
    return whole - shown


def _lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.split("\n") if len(line.strip()) > 3)
