"""Two processes do not work in one folder; a dead one holds nobody up."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from deepfm_np.system import lock
from deepfm_np.system.lock import LOCK_FILE, locked

pytest.importorskip("fcntl", reason="this system has no flock")

HOLD = """
    import sys
    from pathlib import Path
    from deepfm_np.system.lock import locked
    with locked(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(HOLD), tmp_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_told_who_holds_the_folder(tmp_path, holder):
    message = f"{tmp_path} is being written by process {holder.pid}; wait for it to end, or stop it$"
    with pytest.raises(BlockingIOError, match=message), locked(tmp_path):
        pass
    holder.communicate("\n")
    with locked(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"
    assert os.listdir(tmp_path) == []


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK_FILE).read_text() == f"{holder.pid}\n"
    with locked(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


def test_a_folder_may_be_renamed_while_it_is_held(tmp_path):
    (tmp_path / "part").mkdir()
    with locked(tmp_path / "part", tmp_path / "whole"):
        (tmp_path / "part").rename(tmp_path / "whole")
    assert os.listdir(tmp_path / "whole") == []


def test_without_flock_nothing_is_locked(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    with locked(tmp_path), locked(tmp_path):
        assert os.listdir(tmp_path) == []


def test_an_error_lets_go_of_the_folder(tmp_path):
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"), locked(tmp_path):
            raise OSError("disk full")
    assert os.listdir(tmp_path) == []
