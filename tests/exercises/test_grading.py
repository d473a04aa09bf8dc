"""The grader: reasons are about the student's code, and misbehaving student code is contained."""

import json
import subprocess
import time

import numpy as np
import pytest
from exercise_answers import answered

from deepfm_np import ops
from deepfm_np.__main__ import main
from deepfm_np.exercises import (
    AnswerError,
    call,
    equal,
    gradient,
    loss_gradient,
    refuses,
    sandbox,
    saying,
    small_deepfm,
)
from deepfm_np.exercises.assignments import Assignment, assignment, leaks, start, without_regions
from deepfm_np.exercises.grading import Bench, grade, to_frame, to_text
from deepfm_np.ops import RowGradient, affine_backward, affine_forward

FM = assignment("5")
COUNT = [check.grade_id for check in FM.checks()].index("5-3-count")


def submission(tmp_path, answers):
    """A notebook of exercise 5 with the given answers in place of the right ones."""
    path = tmp_path / "mine.ipynb"
    cells = answered(FM, lambda task, code: answers.get(task, code))
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def judged(answers, number, seconds):
    """What one check alone of exercise 5 finds."""
    with Bench() as bench:
        return bench.judge(FM, FM.checks()[number], answered(FM, lambda task, code: answers.get(task, code)), seconds)


KILLED = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
MISBEHAVIOUR = {
    "def times_as_many(m):\n    while True:\n        pass": "not done after 2 s",
    "while True:\n    pass": "not done after 2 s",
    "def times_as_many(m):\n    return np.ones(10**11).sum()": "memory",
    KILLED: "ended the process",
    "def times_as_many(m):\n    raise SystemExit": "SystemExit",
    "def times_as_many(m) return 3": "SyntaxError",
    "def other(m):\n    return 3": "name 'times_as_many' is not defined",
    "def times_as_many():\n    return 3": "takes 0 positional arguments but 1 was given",
}


@pytest.mark.parametrize(("code", "reason"), MISBEHAVIOUR.items())
def test_code_that_misbehaves_costs_its_own_task(code, reason):
    verdict = judged({"task-5-3": code}, COUNT, seconds=2)
    assert not verdict.right
    assert reason in verdict.reason


def test_code_that_misbehaves_costs_its_own_task_alone(tmp_path):
    assert [one.points for one in grade(submission(tmp_path, {"task-5-4": KILLED}))] == [3, 1, 4, 2, 0]


def test_a_cell_that_never_ends_does_not_take_later_tasks_with_it():
    endless = {"task-5-1": "while True:\n    pass"}
    own, later = (judged(endless, number, seconds=1) for number in (0, COUNT))
    assert own.reason == "NameError: name 'fm_forward' is not defined; an earlier cell was not done after 1 s"
    assert later.right


@pytest.mark.exercises
def test_without_bubblewrap_answers_run_unprotected_and_the_grader_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sandbox.shutil, "which", lambda _: None)
    path = submission(tmp_path, {})
    assert main(["exercise", "check", str(path)]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1].split() == ["total", "12", "of", "12"]
    assert said.err.count("\n") == 1 and "answers run unprotected, with your rights" in said.err
    late = tmp_path / "late"
    linger = f"import subprocess\nsubprocess.Popen(['sh', '-c', 'sleep 1; touch {late}'])\n" + KILLED
    assert [one.points for one in grade(submission(tmp_path, {"task-5-4": linger}))] == [3, 1, 4, 2, 0]
    time.sleep(1.5)
    assert not late.exists()


def test_in_a_browser_everything_runs_in_one_process_and_the_grader_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sandbox, "IN_BROWSER", True)
    monkeypatch.setattr(subprocess, "Popen", None)
    answers = {"task-5-3": "print('mine')\ndef times_as_many(m):\n    return 0", "task-5-4": "raise SystemExit"}
    assert main(["exercise", "check", str(submission(tmp_path, answers))]) == 1
    said = capsys.readouterr().out
    assert said.splitlines()[0].startswith("no official grade: ")
    assert said.splitlines()[-1].split() == ["total", "8", "of", "12"]
    assert "an earlier cell failed: SystemExit" in said and "mine" not in said


def test_code_that_deletes_its_folder_harms_nobody(tmp_path):
    delete = "import os, shutil\nshutil.rmtree(os.getcwd())\n"
    neighbour = tmp_path / "neighbour.ipynb"
    neighbour.write_text("{}")
    path = submission(tmp_path, {"task-5-3": delete + "def times_as_many(m):\n    return m * (m - 1) / 2 / (m + 1)"})
    before = path.read_bytes()
    assert [one.reason for one in grade(path)] == ["right"] * 5
    assert path.read_bytes() == before and neighbour.read_text() == "{}"


def test_a_changed_check_is_put_back(tmp_path):
    path = submission(tmp_path, {"task-5-3": "def times_as_many(m):\n    return 0"})
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["source"] = "pass"
    path.write_text(json.dumps(notebook))
    assert grade(path)[COUNT].points == 0


def test_the_table_shows_points_and_reasons(tmp_path):
    result = grade(
        submission(tmp_path, {"task-5-3": "def times_as_many(m):\n    return 2 * m * (m - 1) / 2 / (m + 1)"})
    )
    assert list(to_frame(result).columns) == ["task", "points", "of", "reason"]
    lines = to_text(result).splitlines()
    assert lines[1 + COUNT].startswith("5-3-count        0 of 2  times_as_many(3): yours 1.5, expected 0.75")
    assert lines[-1].split() == ["total", "10", "of", "12"]


def test_a_file_that_is_no_assignment_is_refused(tmp_path):
    (tmp_path / "other.ipynb").write_text(json.dumps({"cells": []}))
    with pytest.raises(ValueError, match="holds no task of an assignment"):
        grade(tmp_path / "other.ipynb")
    with pytest.raises(FileNotFoundError, match="expected a notebook"):
        grade(tmp_path / "missing.ipynb")


CELL = {"cell_type": "code", "metadata": {"nbgrader": {"grade": True, "grade_id": "5-3-count"}}, "source": "pass"}
NO_NOTEBOOKS = [
    "not json",
    "[" * 100_000,
    '{"cells": 3}',
    '{"cells": ["text"]}',
    json.dumps({"cells": [CELL, None]}),
    json.dumps({"cells": [CELL, {**CELL, "source": 3}]}),
    json.dumps({"cells": [CELL, {**CELL, "source": [3]}]}),
    json.dumps({"cells": [CELL, {**CELL, "metadata": None}]}),
    json.dumps({"cells": [CELL, {**CELL, "metadata": {"nbgrader": []}}]}),
    json.dumps({"cells": [CELL, {**CELL, "metadata": {"nbgrader": {"grade_id": ["5-3-count"]}}}]}),
]


@pytest.mark.parametrize("text", NO_NOTEBOOKS)
def test_a_file_that_is_no_notebook_is_refused(tmp_path, text):
    (tmp_path / "text.ipynb").write_text(text)
    with pytest.raises(ValueError, match="is not a notebook: "):
        grade(tmp_path / "text.ipynb")


def test_a_blank_is_never_written_over_work(tmp_path):
    path = start("5", tmp_path)
    path.write_text("my work")
    with pytest.raises(FileExistsError, match="already exists"):
        start("05", tmp_path)
    assert path.read_text() == "my work"


def test_an_unknown_assignment_says_what_there_is():
    with pytest.raises(ValueError, match="there is no assignment '99'; the numbers are 1 to 12: see `exercise list`"):
        assignment("99")


def test_a_hidden_test_that_is_handed_out_is_found(tmp_path):
    path = start("5", tmp_path)
    assert leaks(tmp_path) == []
    path.write_text(FM.path.read_text())
    assert any("others = np.stack" in sentence for sentence in leaks(tmp_path))
    with pytest.raises(ValueError, match="holds none of the assignments"):
        leaks(tmp_path / "empty")


@pytest.mark.parametrize(
    "code",
    [
        "### BEGIN HIDEN TESTS\nx\n### END HIDDEN TESTS",
        "### BEGIN HIDDEN TESTS\nx",
        "x\n### END SOLUTION",
        "#BEGIN SOLUTION\nx\n### END SOLUTION",
        "### BEGIN SOLUTION\nx\n### END HIDDEN TESTS",
    ],
)
def test_a_misspelt_marker_is_an_error(code):
    with pytest.raises(ValueError, match=r"marker|other half|without its end"):
        without_regions(code)


def test_points_of_an_assignment_add_up():
    assert isinstance(FM, Assignment) and FM.points == 12
    assert FM.title == "Exercise 5 · Factorization machines"


WRONG_VALUES = [
    (None, "y is None"),
    ("text", "y must be an array of numbers, it is a str"),
    ([[1.0], [1.0, 2.0]], "y must be an array of numbers, it is a list"),
    (np.zeros((2, 1)), r"y has shape \(2, 1\), should be \(2,\)"),
    (np.array([1.0, 2.0], np.float32), "y is float32, should be float64"),
    (np.array([1.0, 2.5]), r"y: 1 of 2 entries is wrong; the first at \(1,\): yours 2.5, expected 2"),
    (np.array([np.nan, 2.0]), "yours nan, expected 1"),
]


@pytest.mark.parametrize(("yours", "message"), WRONG_VALUES)
def test_a_difference_is_told(yours, message):
    with pytest.raises(AnswerError, match=message):
        equal("y", yours, np.array([1.0, 2.0]))


def test_what_is_right_says_so(capsys):
    equal("y", np.ones(2), np.ones(2))
    assert capsys.readouterr().out == "y: right\n"


def test_a_single_number_is_shown_whatever_its_dtype():
    with pytest.raises(AnswerError, match=r"^y: yours 0, expected 0\.75$"):
        equal("y", 0, 0.75)
    equal("y", 3, 3.0)


def test_short_lists_of_rows_are_shown_where_their_number_differs():
    with pytest.raises(AnswerError, match=r"should be \(2,\): yours \[0, 1, 4\], expected \[0, 1\]"):
        equal("rows", np.array([0, 1, 4]), np.array([0, 1]))


def test_what_must_be_returned_is_named():
    y_and_cache = ("y", ("vectors", "total"))
    with pytest.raises(AnswerError, match=r"must return y, \(vectors, total\); it returned one int"):
        call(lambda: 3, returns=y_and_cache)
    with pytest.raises(AnswerError, match=r"the cache of .* must be \(vectors, total\); it is one ndarray"):
        call(lambda: (3, np.ones(2)), returns=y_and_cache)
    assert call(lambda: (3, (1, 2)), returns=y_and_cache) == (3, (1, 2))
    with pytest.raises(AnswerError, match="must return a RowGradient, it returned a tuple"):
        call(lambda: (1, 2), returns=RowGradient)


def test_a_message_may_begin_with_a_reason():
    with pytest.raises(AnswerError, match=r"^5\.2 waits for 5\.1: y is None$"), saying("5.2 waits for 5.1"):
        equal("y", None, 1.0)


def test_a_forward_that_is_not_analytic_is_checked_by_differences(capsys):
    def forward(x):
        y = np.zeros(len(x))
        y[:] = x * x
        return y, x

    gradient(forward, lambda grad_y, x: 2 * x * grad_y, {"x": np.arange(1.0, 4.0)})
    assert "by Richardson extrapolation, since forward is not analytic: line" in capsys.readouterr().out
    with pytest.raises(AnswerError, match="yours = 1/2"):
        gradient(forward, lambda grad_y, x: x * grad_y, {"x": np.arange(1.0, 7.0)})


TABLE = RowGradient(np.array([0, 2]), np.ones((2, 1)))
NO_LOSS_AND_DICT = [
    (({}, 1.0), "grads must be a dict, it is a float"),
    ((1.0, [1.0]), "grads must be a dict, it is a list"),
    (1.0, "it must return loss, grads; it returned one float"),
    ((1.0, {"table": TABLE + TABLE}), r"the gradient of table is a tuple of 4 arrays: `\+` joins two RowGradients"),
]


@pytest.mark.parametrize(("returned", "message"), NO_LOSS_AND_DICT)
def test_what_is_no_loss_with_a_dict_is_told(returned, message):
    with pytest.raises(AnswerError, match=message):
        loss_gradient(lambda params: returned, {"table": np.ones((3, 1))}, of="table")


def test_what_is_equal_to_rounding_passes():
    equal("y", np.array([1.0, 2.0 + 1e-15]), np.array([1.0, 2.0]))
    equal("y", np.float64(3.0), 3.0)


def test_booleans_and_single_precision_are_compared():
    equal("mask", np.array([True, False]), np.array([True, False]))
    with pytest.raises(AnswerError, match=r"mask: 1 of 2 entries is wrong; the first at \(1,\): yours 1, expected 0"):
        equal("mask", np.array([True, True]), np.array([True, False]))
    equal("y", np.float32([1.0, 2.0001]), np.float32([1.0, 2.0]))
    with pytest.raises(AnswerError, match=r"yours 2\.00999999, expected 2"):
        equal("y", np.float32([1.0, 2.01]), np.float32([1.0, 2.0]))


def test_an_exception_is_told_in_the_student_s_line():
    def forward(x):
        return x @ np.ones(7)

    with pytest.raises(AnswerError, match=r"forward raised ValueError: .*, in the line `return x @ np.ones\(7\)`"):
        call(forward, np.ones(3))


def test_changing_an_argument_is_told():
    def double(x):
        x *= 2
        return x

    with pytest.raises(AnswerError, match="double changes its argument number 1"):
        call(double, np.ones(3))


def test_one_gradient_of_several_can_be_looked_at(capsys):
    def backward(grad_y, cache):
        grad_x, grad_W, grad_b = affine_backward(grad_y, cache)
        return grad_x, 2 * grad_W, grad_b

    inputs = {"x": np.ones((3, 2)), "W": np.eye(2), "b": np.ones(2)}
    gradient(affine_forward, backward, inputs, of="x")
    out = capsys.readouterr().out
    assert "1 of 1 tensors pass" in out and "fail" not in out
    gradient(affine_forward, backward, inputs, of=("x", "b"))
    with pytest.raises(AnswerError, match=r"backward: W: a constant factor is wrong"):
        gradient(affine_forward, backward, inputs, of="W")


def test_an_error_that_is_asked_for():
    def strict(x):
        raise ValueError

    refuses(strict, 1)
    with pytest.raises(AnswerError, match="must raise ValueError here, it returned"):
        refuses(abs, 1)
    with pytest.raises(AnswerError, match="it raised TypeError"):
        refuses(abs, "1")


def test_a_notebook_shows_the_message_alone():
    assert AnswerError("y is None")._render_traceback_() == ["Not yet: y is None"]


def test_logits_that_depend_on_nothing_give_no_points_for_gradients_of_zero():
    def forward(params, ids, values):
        return np.full(len(ids), params["bias"]), ()

    def loss_and_grads(params, ids, values, labels):
        loss, cache = ops.log_loss_forward(forward(params, ids, values)[0], labels)
        zeros = {name: np.zeros(array.shape) for name, array in params.items()}
        return loss, {**zeros, "bias": ops.log_loss_backward(1.0, cache).sum()}

    shapes = {"bias": (), "weights": (2,), "table": (2, 1), "W0": (2, 3), "b0": (3,), "W1": (3, 1), "b1": (1,)}
    params = {name: np.full(shape, 0.5) for name, shape in shapes.items()}
    batch = params, np.array([[0, 1]]), np.ones((1, 2)), np.array([1.0])
    small_deepfm.own_gradients(forward, loss_and_grads, batch, ["bias"])
    with pytest.raises(AnswerError, match=r"your logits do not depend on W0 yet: mend 10\.1 first"):
        small_deepfm.own_gradients(forward, loss_and_grads, batch, ["W0"])
