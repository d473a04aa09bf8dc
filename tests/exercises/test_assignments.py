"""Every assignment: its solution passes, its blank fails by name, and every wrong answer loses its points."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from exercise_answers import answered, planted, task_of

from deepfm_np.exercises import AnswerError, after_attempt, grading, symptoms
from deepfm_np.exercises import assignments as catalogue
from deepfm_np.exercises.assignments import about, grade_id, source
from deepfm_np.exercises.hunt import HINTS
from deepfm_np.gradcheck import check_operation

ALL = catalogue.assignments()
each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
GUIDE = Path(__file__).parents[2] / "docs" / "lecturer.md"
CHECKS = {one.name: {check.grade_id: check for check in one.checks()} for one in ALL}
HUNTS = "11-bug-hunt", "12-second-bug-hunt"
WRONG = [(one, *case) for one in ALL for case in planted(one.name)["PLANTED"]]
EARLIER = [(one, *case) for one in ALL for case in planted(one.name).get("EARLIER", [])]
HARD_CODED = [(one, *case) for one in ALL for case in planted(one.name)["HARD_CODED"].items()]


@pytest.fixture(scope="module", params=["shut in", "in one process, as in a browser"])
def judged(request):
    """What a check finds in the cells of a notebook."""
    with grading.Bench() as bench:
        judge = bench.judge if request.param == "shut in" else grading.judge_here
        yield lambda one, cells, check: judge(one, CHECKS[one.name][check], cells)


@pytest.mark.exercises
@each
def test_the_solution_gets_every_point_twice(one):
    first, second = grading.grade(one.path), grading.grade(one.path)
    assert [grade for grade in first if grade.reason != "right"] == []
    assert sum(grade.points for grade in first) == one.points
    assert first == second


@pytest.mark.exercises
@each
def test_the_blank_fails_each_task_by_its_name(one, tmp_path):
    grades = grading.grade(catalogue.start(one.name, tmp_path))
    assert [grade.points for grade in grades] == [0] * len(grades)
    for grade in grades:
        number = ".".join(grade.task.split("-")[:2])
        assert f"Task {number}: " in grade.reason and "is not written yet" in grade.reason, grade


@pytest.mark.exercises
@pytest.mark.parametrize(("one", "check", "right", "wrong", "reason"), WRONG)
def test_a_wrong_answer_loses_the_points_with_a_reason(judged, one, check, right, wrong, reason):
    solutions = {grade_id(cell): source(cell) for cell in one.cells() if about(cell).get("solution")}
    assert right in solutions[task_of(check)]
    cells = answered(one, lambda task, code: code.replace(right, wrong) if task == task_of(check) else code)
    verdict = judged(one, cells, check)
    assert not verdict.right
    assert reason in verdict.reason


@pytest.mark.exercises
@pytest.mark.parametrize(("one", "check", "task", "right", "wrong", "reason"), EARLIER)
def test_a_wrong_answer_to_an_earlier_task_is_told_as_such_or_costs_nothing(
    judged, one, check, task, right, wrong, reason
):
    cells = answered(one, lambda here, code: code.replace(right, wrong) if here == task else code)
    assert cells != one.cells()
    verdict = judged(one, cells, check)
    assert verdict.right == (reason == "right")
    assert reason in verdict.reason


@pytest.mark.exercises
@pytest.mark.parametrize(("one", "check", "code"), HARD_CODED)
def test_a_hard_coded_answer_gets_nothing(judged, one, check, code):
    cells = answered(one, lambda task, solution: code if task == task_of(check) else solution)
    assert not judged(one, cells, check).right


@each
def test_every_check_has_three_wrong_answers_and_a_hard_coded_one(one):
    wrong = [case[0] for case in planted(one.name)["PLANTED"]]
    for check in CHECKS[one.name]:
        assert wrong.count(check) >= 3, check
        assert check in planted(one.name)["HARD_CODED"], check


@each
def test_what_is_kept_back_is_marked(one):
    for cell in one.cells():
        region = "SOLUTION" if about(cell).get("solution") else "HIDDEN TESTS" if about(cell).get("grade") else None
        assert region is None or f"### BEGIN {region}" in source(cell), source(cell)


@each
def test_the_blank_leaks_nothing(one, tmp_path):
    path = catalogue.start(one.name, tmp_path)
    assert "BEGIN" not in path.read_text() and "HIDDEN" not in path.read_text()
    assert catalogue.leaks(tmp_path) == []
    assert all(not cell.get("outputs") for cell in catalogue.read_cells(path))


@each
def test_a_blank_without_answers_keeps_every_other_hint(one, tmp_path):
    with_answers, without = (catalogue.start(one.name, tmp_path / str(answers), answers) for answers in (True, False))
    hints = [re.findall(r"Hint: the (\w+)", path.read_text()) for path in (with_answers, without)]
    assert "answer" in hints[0] and hints[1] == [hint for hint in hints[0] if hint != "answer"]
    texts = [source(cell) for cell in catalogue.read_cells(without)]
    assert all(text.count("<details>") == text.count("</details>") for text in texts)


@each
def test_a_task_has_four_folded_hints_or_fewer_and_the_answer_among_them(one):
    prose = [source(cell) for cell in one.cells() if source(cell).startswith("## Task ")]
    assert len(prose) == sum(bool(about(cell).get("solution")) for cell in one.cells())
    for text in prose:
        hints = re.findall(r"<summary>Hint: the (\w+)</summary>", text)
        assert hints == [hint for hint in ("idea", "shapes", "equation", "answer") if hint in hints]
        assert hints[-1] == "answer" and (len(hints) >= 2) != (one.name in HUNTS)
        assert text.count("<details>") == text.count("</details>") == len(hints)


@pytest.mark.parametrize("name", HUNTS)
def test_a_hunt_hides_its_hint_until_an_attempt_was_made(name, tmp_path):
    one = catalogue.assignment(name)
    text = "\n".join(source(cell) for cell in catalogue.read_cells(catalogue.start(name, tmp_path)))
    assert not any(hint in text for hint in HINTS.values())
    assert text.count("check_operation(") + text.count("check_loss(") == text.count("print(symptoms(check_") >= 6
    tasks = [
        grade_id(cell).removeprefix("task-").replace("-", ".") for cell in one.cells() if about(cell).get("solution")
    ]
    assert tasks == [task for task in HINTS if task.split(".")[0] == name[:2]]
    for task, check in zip(tasks, one.checks(), strict=True):
        assert check.code.startswith(f'with after_attempt("{task}"):\n')


def test_a_hint_comes_after_an_attempt_and_the_report_keeps_its_own_until_then():
    report = check_operation(lambda x: (x * x, x), lambda grad_y, x: grad_y * x, {"x": np.arange(1.0, 4.0)})
    assert "yours = 1/2" in str(report) and "yours = 1/2" not in str(symptoms(report))
    assert "fail" in str(symptoms(report)) and "0 of 1 tensors pass" in str(symptoms(report))
    with pytest.raises(AnswerError, match=r"^Task 11\.1: mended_layer is not written yet$"), after_attempt("11.1"):
        raise AnswerError("Task 11.1: mended_layer is not written yet")
    with pytest.raises(AnswerError, match=r"^W: wrong\nHint: One tensor fails"), after_attempt("11.1"):
        raise AnswerError("W: wrong")


@each
def test_a_visible_check_says_that_hidden_ones_follow(one):
    assert "The checks you see are not all" in source(one.cells()[0])
    for check in one.checks():
        said, hidden = check.code.split("### BEGIN HIDDEN TESTS")
        assert said.rstrip().endswith("# more tests run here when it is graded: `exercise check` runs them") and hidden


@each
def test_the_last_task_is_one_that_no_notebook_solves_and_counts_two_points(one):
    assert "The last task is not in the notebooks" in source(one.cells()[0])
    last = [source(cell) for cell in one.cells() if source(cell).startswith("## Task ")][-1]
    assert re.search(r"not in the notebooks?\b", last)
    assert one.checks()[-1].points == 2 and one.points in (12, 14)


@each
def test_cells_are_in_the_form_of_nbgrader(one):
    ids = [grade_id(cell) for cell in one.cells() if about(cell)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_\-]+", name) for name in ids)
    assert json.loads(one.path.read_text())["metadata"]["kernelspec"]["name"] == "python3"
    for cell in one.cells():
        assert cell["cell_type"] == "markdown" or about(cell)["schema_version"] == 3


@each
def test_points_and_minutes_are_the_same_in_the_notebook_and_in_the_lecturer_s_guide(one):
    stated = re.search(r"\*\*Time:\*\* about (\d+) minutes\. \*\*Points:\*\* (\d+)\.", source(one.cells()[0]))
    assert stated and float(stated[2]) == one.points
    row = f"| {one.title.removeprefix('Exercise ').replace(' ·', '')} | {one.points:g} | {stated[1]} |"
    assert row in GUIDE.read_text(encoding="utf-8").splitlines()
