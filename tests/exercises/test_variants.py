"""Variants: each is an exercise of its own, and answers copied from another get less than half of the points."""

import json
from operator import methodcaller

import pytest
from exercise_answers import answered, planted, right_checks, task_of, varied

from deepfm_np.exercises import assignments as catalogue
from deepfm_np.exercises import grading, roster
from deepfm_np.exercises.assignments import about, grade_id, source
from deepfm_np.exercises.variants import Deal, vary
from deepfm_np.gradcheck import examine

ALL = catalogue.assignments()
each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
TEN = range(1, 11)
FM = catalogue.assignment("5", 17)


@pytest.fixture
def without_diagnosis(monkeypatch):
    """Only whether a check passes matters here; to name the mistake takes most of the time."""
    monkeypatch.setattr(examine, "diagnose", lambda evidence: ("", "wrong"))


def solutions(one):
    return {grade_id(cell): source(cell) for cell in one.cells() if about(cell).get("solution")}


def names(one):
    return [check.grade_id for check in one.checks()]


def points(one, checks):
    return sum(check.points for check in one.checks() if check.grade_id in checks)


def copied(one, other):
    """The points in a variant of the answers to another."""
    theirs = solutions(other)
    return points(one, right_checks(one, answered(one, lambda task, _: theirs[task])))


def assert_proved(one):
    """The solution gets every point, the blank none, and what is copied from the source or a neighbour under half."""
    assert right_checks(one, one.cells()) == names(one)
    assert right_checks(one, catalogue.blank(one.notebook())["cells"]) == []
    for other in (0, one.variant + 1, one.variant + 5):
        assert copied(one, one._replace(variant=other)) < one.points / 2, other


def in_task(check, change):
    """An answer that is changed in the task of one check alone."""
    return lambda task, code: change(code) if task == task_of(check) else code


def assert_wrong_answers_lose(one):
    wrong = planted(one.name)
    for check, right, instead, _ in wrong["PLANTED"]:
        cells = varied(one, in_task(check, methodcaller("replace", right, instead)))
        assert right_checks(one, cells, [check]) == [], (check, instead)
    for check, hard_coded in wrong["HARD_CODED"].items():
        cells = answered(one, in_task(check, lambda _, instead=hard_coded: instead))
        assert right_checks(one, cells, [check]) == [], (check, hard_coded)


def test_the_proofs_hold_for_a_variant_of_factorization_machines():
    assert_proved(FM)
    assert_wrong_answers_lose(FM)


@pytest.mark.exercises
@pytest.mark.parametrize("variant", TEN)
@pytest.mark.usefixtures("without_diagnosis")
@each
def test_a_variant_has_a_right_solution_a_blank_without_points_and_nothing_for_copies(one, variant):
    assert_proved(one._replace(variant=variant))


@pytest.mark.exercises
@pytest.mark.parametrize("variant", TEN)
@pytest.mark.usefixtures("without_diagnosis")
@each
def test_wrong_answers_lose_their_points_in_every_variant(one, variant):
    assert_wrong_answers_lose(one._replace(variant=variant))


@each
def test_the_source_of_every_exercise_fits_its_table_of_variants(one):
    seventeen, eighteen = (one._replace(variant=number) for number in (17, 18))
    assert names(seventeen) == names(one) and seventeen.points == one.points
    for task, code in solutions(one).items():
        assert len({code, solutions(seventeen)[task], solutions(eighteen)[task]}) in (1, 3), task


@each
def test_a_variant_says_its_number_in_title_and_metadata(one):
    notebook = one._replace(variant=17).notebook()
    assert source(notebook["cells"][0]).startswith(f"# {one.title} · variant 17\n")
    assert notebook["metadata"]["deepfm_np"] == {"variant": 17}
    assert not any("«" in source(cell) for cell in notebook["cells"])


def test_variant_0_is_the_source_itself():
    assert FM._replace(variant=0).notebook() == json.loads(FM.path.read_text())
    with pytest.raises(ValueError, match="variants are numbered from 1"):
        catalogue.assignment("5", -1)


def test_numbers_in_a_row_are_dealt_values_that_differ():
    dealt = [Deal(4, number)(range(50)) for number in range(50)]
    assert sorted(dealt) == list(range(50)) and dealt != sorted(dealt)
    assert Deal(4, 3)(range(50)) == Deal(4, 53)(range(50))


def test_an_edit_that_finds_nothing_is_an_error(tmp_path):
    table = tmp_path / "04.py"
    table.write_text('def draw(deal):\n    return {}\n\n\nEDITS = {"4.1": [("no such text", "")]}\n')
    with pytest.raises(ValueError, match=r"04\.py: 'no such text' is not in task 4\.1"):
        vary(["# Exercise 5", "## Task 5.1: the sum"], table, 1)


def hand_in(path, one, stamp=None):
    """The solutions of a variant, with the stamp of another."""
    notebook = one.notebook()
    notebook["metadata"]["deepfm_np"] = {"variant": stamp or one.variant}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(notebook))
    return path


@pytest.mark.exercises
def test_a_notebook_is_graded_as_the_variant_that_was_assigned_whatever_it_says(tmp_path):
    honest = hand_in(tmp_path / "a" / "mine.ipynb", FM)
    assert sum(grade.points for grade in grading.grade(honest)) == FM.points
    assert sum(grade.points for grade in grading.grade(honest, variant=18)) < FM.points / 2
    restamped = hand_in(tmp_path / "b" / "mine.ipynb", FM._replace(variant=18), stamp=17)
    assert sum(grade.points for grade in grading.grade(restamped, variant=17)) < FM.points / 2


@pytest.mark.parametrize("stamp", ["17", -3, None, 1.5, True, [17]])
def test_a_stamp_that_is_no_number_is_none(tmp_path, stamp):
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps({"cells": [], "metadata": {"deepfm_np": {"variant": stamp}}}))
    assert catalogue.stamp(path) == 0


def test_a_class_gets_its_variants_and_its_grades_from_one_roster(tmp_path):
    (tmp_path / "roster.csv").write_text("student,variant\nada,17\nbob,18\ncy,19\n")
    variants = roster.read_roster(tmp_path / "roster.csv")
    handed_out = roster.release("5", variants, tmp_path / "out")
    assert [catalogue.stamp(path) for path in handed_out] == [17, 18, 19]
    assert not any("Hint: the answer" in path.read_text() for path in handed_out)
    assert catalogue.leaks(tmp_path / "out") == []
    (tmp_path / "in").mkdir()
    for student in ("ada", "bob"):  # bob hands in what ada wrote, under his own number
        hand_in(tmp_path / "in" / student / "mine.ipynb", FM, variants[student])
    table = roster.grades(tmp_path / "in", variants).set_index("student")
    assert list(table["points"]) == [12, 0, 0] and list(table["of"]) == [12, 12, 0]
    assert table["feedback"]["ada"] == "all right" and table["feedback"]["cy"] == "nothing was handed in"
    assert table["feedback"]["bob"].startswith("5-1-values: y for the vectors (1, 2) and (3, 4): yours")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,variant\nada,1\n", "has no column 'student'"),
        ("student,variant\n../ada,1\n", "line 2: '../ada' must be the name of a folder"),
        ("student,variant\nada,1\nada,2\n", "line 3: 'ada' must be the name of a folder, and stand there once"),
        ("student,variant\nada,\n", "line 2: a variant is a number from 0, got ''"),
    ],
)
def test_a_roster_that_is_none_is_refused(tmp_path, text, message):
    (tmp_path / "roster.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        roster.read_roster(tmp_path / "roster.csv")


def test_the_source_of_a_variant_is_written_for_nbgrader_and_never_over_our_own(tmp_path):
    path = catalogue.write_source("5", tmp_path, 17)
    assert path == tmp_path / FM.name / f"{FM.name}.ipynb"
    assert json.loads(path.read_text()) == FM.notebook()
    assert [check.code for check in catalogue.from_file(path).checks()] == [check.code for check in FM.checks()]
    with pytest.raises(ValueError, match="is the source of all variants"):
        catalogue.write_source("5", catalogue.FOLDER, 17)
