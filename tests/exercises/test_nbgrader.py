"""The lecturer's workflow with nbgrader on the command line: release, two submissions, grades and feedback."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from exercise_answers import answered

from deepfm_np.exercises import assignments as catalogue
from deepfm_np.exercises import sandbox
from deepfm_np.exercises.assignments import grade_id, source

pytest.importorskip("nbgrader", reason="nbgrader is not installed: see notebooks/exercises/requirements-grading.txt")
pytestmark = pytest.mark.exercises

ALL = catalogue.assignments()
RIGHT = "def times_as_many(m):\n    return m * (m - 1) / 2 / (m + 1)"
MISBEHAVIOUR = {  # an answer to task 5.3 (2 points, as the one after it), and the grade of a notebook otherwise right
    "loop": ("def times_as_many(m):\n    while True:\n        pass", 10),
    "eat": ("def times_as_many(m):\n    return np.ones(10**11).sum()", 10),
    "delete": ("import os, shutil\nshutil.rmtree(os.getcwd())\n" + RIGHT, 12),
    "kill": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n" + RIGHT, 8),
}
NO_SELF = """\
def fm_backward(grad_y, cache):
    vectors, total = cache
    return grad_y[:, None, None] * (total[:, None] + 0 * vectors)
"""


def nbgrader(course, *arguments):
    """Run an nbgrader command. It calls alembic by name, which lies next to the interpreter."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments], cwd=course, env=environment, capture_output=True, text=True
    )


def without_markers(code):
    return "\n".join(line for line in code.split("\n") if not line.strip().startswith("### "))


def submit(course, student, one, answers=None):
    """Submit the released notebook with the right answers, except those given; with None, as it was handed out."""
    released = json.loads((course / "release" / one.name / f"{one.name}.ipynb").read_text())
    right = {grade_id(cell): without_markers(source(cell)) for cell in answered(one, lambda _, code: code)}
    for cell in released["cells"]:
        if answers is not None and cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = answers.get(grade_id(cell), right[grade_id(cell)])
    folder = course / "submitted" / student / one.name
    folder.mkdir(parents=True)
    (folder / f"{one.name}.ipynb").write_text(json.dumps(released))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the exercises with every assignment released."""
    return released(tmp_path_factory.mktemp("course") / "exercises", ALL)


def released(folder, some):
    shutil.copytree(catalogue.FOLDER.parent, folder)
    for one in some:
        done = nbgrader(folder, "generate_assignment", one.name)
        assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def grades(course):
    """The exported grades of all students: (student, assignment) -> score."""
    for one in ALL:
        submit(course, "right", one, answers={})
        submit(course, "blank", one)
    fm = catalogue.assignment("5")
    for student, (code, _) in MISBEHAVIOUR.items():
        submit(course, student, fm, {"task-5-3": code})
    submit(course, "no-self", fm, {"task-5-2": NO_SELF})
    for one in ALL:
        nbgrader(course, "autograde", one.name, "--create", "--Judge.seconds=5")
    assert nbgrader(course, "export").returncode == 0
    table = pd.read_csv(course / "grades.csv")
    return {(row.student_id, row.assignment): row.score for row in table.itertuples()}


@pytest.mark.skipif(bool(sandbox.why_unprotected()), reason=sandbox.why_unprotected())
def test_hostile_answers_get_no_points_and_touch_nothing(tmp_path_factory, tmp_path):
    one = catalogue.assignment("5")
    course = released(tmp_path_factory.mktemp("hostile") / "exercises", [one])
    answers = runpy.run_path(str(Path(__file__).parent / "hostile" / "answers.py"))
    checker = sandbox.PACKAGE / "exercises" / "checks.py"
    (tmp_path / "other.ipynb").write_text("the work of another")
    before = checker.read_bytes()
    students = {f"hostile-{number}": each for number, each in enumerate(answers["HOSTILE"])}
    for student, each in students.items():
        code = answers["hostile_answer"](each, tmp_path, checker, one.path, 9)
        submit(course, student, one, {"task-5-3": code})
    done = nbgrader(course, "autograde", one.name, "--create", "--Judge.seconds=1")
    assert done.returncode == 0, done.stderr[-2000:]
    assert nbgrader(course, "export").returncode == 0
    table = pd.read_csv(course / "grades.csv")
    scores = {row.student_id: row.score for row in table.itertuples()}
    # 12 points less the 2 of its task; an answer that ends or damages the process loses the 2 of the next task, too.
    assert {scores[student] for student in students} == {8, 10}
    assert [path.name for path in tmp_path.iterdir()] == ["other.ipynb"]
    assert (tmp_path / "other.ipynb").read_text() == "the work of another" and checker.read_bytes() == before


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_the_released_copy_is_the_blank_without_answers(course, one):
    released = catalogue.read_cells(course / "release" / one.name / f"{one.name}.ipynb")
    blank = catalogue.blank(json.loads(one.path.read_text()), answers=False)["cells"]
    assert [source(cell) for cell in released] == [source(cell) for cell in blank]


def test_no_released_copy_leaks(course):
    assert catalogue.leaks(course / "release") == []


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_the_right_answers_get_full_points_and_the_blank_none(grades, one):
    assert grades["right", one.name] == one.points
    assert grades["blank", one.name] == 0


def test_a_wrong_gradient_costs_its_own_points(grades):
    assert grades["no-self", "05-factorization-machines"] == 8


@pytest.mark.parametrize(("student", "score"), [(student, score) for student, (_, score) in MISBEHAVIOUR.items()])
def test_code_that_misbehaves_ends_with_a_grade(grades, student, score):
    assert grades[student, "05-factorization-machines"] == score


def test_grading_again_gives_the_same_grades(course, grades):
    name = "05-factorization-machines"
    nbgrader(course, "autograde", name, "--force", "--Judge.seconds=5")
    nbgrader(course, "export")
    table = pd.read_csv(course / "grades.csv")
    assert {(row.student_id, row.assignment): row.score for row in table.itertuples()} == grades


def test_feedback_shows_the_hint_and_no_hidden_test(course, grades):
    name = "05-factorization-machines"
    assert nbgrader(course, "generate_feedback", name).returncode == 0
    page = (course / "feedback" / "no-self" / name / f"{name}.html").read_text()
    assert "a term proportional to vectors is missing" in page
    assert "5.2 gradient: 0 of 4 points" in page and "5.1 values: 3 of 3 points" in page
    assert "checks.py" not in page and "HIDDEN" not in page
