"""Hostile answers get no points, touch nothing outside, and end in bounded time, with `exercise check` and nbgrader."""

import hashlib
import os
import runpy
import socket
import time
from pathlib import Path
from uuid import uuid4

import pytest
from exercise_answers import answered

from deepfm_np.exercises import grading, sandbox
from deepfm_np.exercises.assignments import FOLDER, assignment

FM = assignment("5")
COUNT = next(check for check in FM.checks() if check.grade_id == "5-3-count")
ANSWERS = runpy.run_path(str(Path(__file__).with_name("answers.py")))
HOSTILE, QUICK, TRICKS = ANSWERS["HOSTILE"], ANSWERS["QUICK"], ANSWERS["TRICKS"]
CHECKER = sandbox.PACKAGE / "exercises" / "checks.py"
MEMORY = 2**30
needs_bubblewrap = pytest.mark.skipif(bool(sandbox.why_unprotected()), reason=sandbox.why_unprotected())


def digest(*folders):
    """Of the names and contents of all files."""
    whole = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if "__pycache__" not in path.parts:
            whole.update(str(path).encode() + (path.read_bytes() if path.is_file() else b""))
    return whole.hexdigest()


def processes_with(mark):
    """The processes that got this mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return [process for process in found if process != os.getpid()]


def left_behind(mark):
    """The processes that stay. One whose parent was killed is killed too, but not in the same moment."""
    for _ in range(100):
        if not processes_with(mark):
            return []
        time.sleep(0.1)
    return processes_with(mark)


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """What no answer may touch: a folder of hand-ins, the source tree, a port, a secret. Checked afterwards."""
    canary = tmp_path / "hand-ins"
    canary.mkdir()
    (canary / "other.ipynb").write_text("the work of another")
    mark = f"/{uuid4()}"
    monkeypatch.setenv("PATH", os.environ["PATH"] + os.pathsep + mark)
    monkeypatch.setenv("DEEPFM_SECRET", "of the lecturer")
    trees = canary, sandbox.PACKAGE, FOLDER.parent
    before = digest(*trees)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield lambda name: ANSWERS["hostile_answer"](name, canary, CHECKER, FM.path, server.getsockname()[1])
        with pytest.raises(BlockingIOError):
            server.accept()
    assert digest(*trees) == before
    assert left_behind(mark) == []


def judged(one, check, task, code):
    cells = answered(one, lambda each, right: code if each == task else right)
    with grading.Bench() as bench:
        return bench.judge(one, check, cells, 1, MEMORY)


def assert_nothing_gained(verdict):
    assert not verdict.right and verdict.reason != "right"
    assert all(sign.isprintable() for sign in verdict.reason.replace("\n", ""))


@needs_bubblewrap
@pytest.mark.parametrize("name", QUICK)
def test_a_hostile_answer_gets_no_points_and_touches_nothing(outside, name):
    assert_nothing_gained(judged(FM, COUNT, "task-5-3", outside(name)))


@needs_bubblewrap
def test_the_right_answer_gets_its_points_where_hostile_ones_do_not(outside):
    outside(QUICK[0])
    right = "def times_as_many(m):\n    return m * (m - 1) / 2 / (m + 1)\n"
    assert judged(FM, COUNT, "task-5-3", right).right


@needs_bubblewrap
@pytest.mark.exercises
@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in QUICK])
def test_no_other_hostile_answer_does_either(outside, name):
    assert_nothing_gained(judged(FM, COUNT, "task-5-3", outside(name)))


@needs_bubblewrap
@pytest.mark.exercises
@pytest.mark.parametrize("name", TRICKS)
def test_nor_does_one_that_tricks_a_check_by_what_it_is_given(outside, name):
    grade_id, task, code = TRICKS[name]
    one = assignment(grade_id.split("-")[0])
    check = next(check for check in one.checks() if check.grade_id == grade_id)
    outside(QUICK[0])
    assert_nothing_gained(judged(one, check, task, code))


def test_there_are_forty_hostile_answers_and_more():
    assert len(HOSTILE) >= 40 and set(QUICK) < set(HOSTILE)
