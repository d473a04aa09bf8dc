import os

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
