"""A class: each student's own variant handed out, and the points of all as one table."""

from pathlib import Path

import pandas as pd

from deepfm_np.exercises.assignments import assignment, start
from deepfm_np.exercises.grading import Grade, grade

COLUMNS = ["student", "variant"]


def read_roster(path: str | Path) -> dict[str, int]:
    """student -> variant, from a CSV file with these columns.

    Raises ValueError for a column that is missing, a student who is no plain name of a folder or there twice, and a
    variant that is no number from 0.
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if missing := [name for name in COLUMNS if name not in table]:
        raise ValueError(f"{path} has no column {missing[0]!r}; a roster has the columns {', '.join(COLUMNS)}")
    variants: dict[str, int] = {}
    for row, (student, variant) in enumerate(zip(table["student"], table["variant"], strict=True), start=2):
        if Path(student).name != student or student in variants:
            raise ValueError(f"{path}, line {row}: {student!r} must be the name of a folder, and stand there once")
        if not (variant.isascii() and variant.isdigit()):
            raise ValueError(f"{path}, line {row}: a variant is a number from 0, got {variant!r}")
        variants[student] = int(variant)
    return variants


def release(number: str, variants: dict[str, int], folder: str | Path) -> list[Path]:
    """Write folder/STUDENT/NN-name.ipynb for each student: his variant, without answers. Raises as `start` does."""
    assignment(number)
    return [start(number, Path(folder, student), False, variant) for student, variant in variants.items()]


def grades(folder: str | Path, variants: dict[str, int]) -> pd.DataFrame:
    """The notebooks in folder/STUDENT graded, each in the variant of its student, whatever its stamp says.

    One row per notebook: student, exercise (the file), variant, points, of, feedback (the parts that lost points, with
    the reason). A student without a notebook, and a file that is none, has a row of 0 points.
    """
    rows = []
    for student, variant in variants.items():
        notebooks = sorted(Path(folder, student).rglob("*.ipynb"))
        rows += [(student, path.stem, variant, *_graded(path, variant)) for path in notebooks]
        if not notebooks:
            rows.append((student, "", variant, 0, 0, "nothing was handed in"))
    return pd.DataFrame(rows, columns=["student", "exercise", "variant", "points", "of", "feedback"])


def _graded(path: Path, variant: int) -> tuple[float, float, str]:
    try:
        found = grade(path, variant=variant)
    except ValueError as error:
        return 0, 0, str(error)
    return sum(each.points for each in found), sum(each.of for each in found), feedback(found)


def feedback(found: list[Grade]) -> str:
    """The parts that lost points, each with its reason, or that all are right."""
    return "; ".join(f"{each.task}: {each.reason}" for each in found if each.reason != "right") or "all right"
