import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from deepfm_np.system.archive import read_arrays, write_arrays
from deepfm_np.system.files import write_text


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {"a/b": np.arange(3), "text": np.array("words"), "scalar": np.float32(2.5)}
    write_arrays(tmp_path / "x.npz", arrays)
    for name, array in read_arrays(tmp_path / "x.npz", "a test file").items():
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == arrays[name].dtype


def test_text_replaces_an_older_file(tmp_path):
    write_text(tmp_path / "x.txt", "old")
    write_text(tmp_path / "x.txt", "né")
    assert (tmp_path / "x.txt").read_bytes() == "né".encode()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_new_file_has_the_usual_permissions(tmp_path):
    write_text(tmp_path / "ours.txt", "")
    (tmp_path / "usual.txt").touch()
    assert os.stat(tmp_path / "ours.txt").st_mode == os.stat(tmp_path / "usual.txt").st_mode


def test_python_objects_are_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"x\.npz: objects would need pickle"):
        write_arrays(tmp_path / "x.npz", {"objects": np.array([{}], dtype=object)})
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder; x\.txt was to be written there"):
        write_text(tmp_path / "nowhere" / "x.txt", "")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="folder is a folder, not a file"):
        write_text(tmp_path / "folder", "")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


KILLED = """
    import os, signal, sys
    from deepfm_np.system.files import write_atomically
    write_atomically(sys.argv[1], lambda file: os.kill(os.getpid(), signal.SIGKILL))
"""
WAITING = """
    import sys
    from deepfm_np.system.files import write_atomically
    def write(file):
        print("writing", flush=True)
        sys.stdin.readline()
        file.write(b"theirs")
    write_atomically(sys.argv[1], write)
"""


def test_what_a_killed_write_left_behind_is_removed_by_the_next(tmp_path):
    path = tmp_path / "model[1].npz"
    subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), path])
    (left,) = os.listdir(tmp_path)
    assert left.startswith("model[1].npz.deepfm_np-") and left.endswith(".part")
    others = [
        "model[1].npz.part",
        "model[1].npz.mine.part",
        "model1.npz.deepfm_np-abcdefgh.part",
        "model[1].npz.deepfm_np-.part",
    ]
    for name in others:
        (tmp_path / name).touch()
    write_text(path, "whole")
    assert sorted(os.listdir(tmp_path)) == sorted([*others, path.name])


def test_what_another_process_is_writing_is_left_alone(tmp_path):
    pytest.importorskip("fcntl", reason="this system has no flock")
    path = tmp_path / "model.npz"
    command = [sys.executable, "-c", textwrap.dedent(WAITING), path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        write_text(path, "ours")
        assert path.read_text() == "ours"
        process.communicate("\n")
    assert (process.returncode, path.read_text(), os.listdir(tmp_path)) == (0, "theirs", ["model.npz"])
