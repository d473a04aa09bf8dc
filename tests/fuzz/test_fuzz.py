"""The fuzzer itself: a short run is clean, it counts what is planted, and a killed run is resumed."""

import gzip
import re
import warnings
from zipfile import ZipExtFile

import numpy as np
import pytest

from deepfm_np.constraints import checked
from fuzz import files, kills, run, settings
from fuzz.outcome import Trial, judge


def outcome_of(call, wrong=lambda _: "", **settings):
    return judge(Trial("planted", call, wrong, **settings)).kind


def raises(error):
    raise error


@pytest.mark.parametrize("target", run.TARGETS)
def test_a_short_run_is_clean(target, tmp_path):
    for case, trial, outcome in run.outcomes(target, 0, 20, tmp_path):
        assert outcome.kind in run.GOOD, (case, trial.what, outcome.why)


@pytest.mark.parametrize(
    "kind, call",
    [
        ("right", lambda: 1.0),
        ("clear", lambda: checked("epochs", "many")),
        ("traceback", lambda: raises(ValueError("not raised by the package"))),
        ("traceback", lambda: np.zeros(2) + np.zeros(3)),
        ("traceback", lambda: {}["key"]),
        ("traceback", lambda: gzip.decompress(b"no gzip")),
        ("silent", lambda: warnings.warn("overflow", RuntimeWarning, stacklevel=1)),
        ("silent", lambda: np.array([np.nan])),
    ],
)
def test_what_comes_of_a_trial_is_told(kind, call):
    assert outcome_of(call, finite=True) == kind


def test_a_clear_message_names_what_is_wrong():
    assert outcome_of(lambda: checked("epochs", "many"), names=("epochs",)) == "clear"
    assert outcome_of(lambda: checked("epochs", "many"), names=("seed",)) == "traceback"


def test_another_number_is_silent_and_what_is_left_is_half():
    assert outcome_of(lambda: 2.0, wrong=lambda x: "not 1" if x != 1 else "") == "silent"
    assert outcome_of(lambda: checked("epochs", "many"), left=lambda: "a file") == "half"


def test_a_setting_that_names_a_file_writes_to_the_folder_of_the_trial(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(settings, "CALLS", {("fit", "checkpoint"): settings.CALLS["fit", "checkpoint"]})
    found = [outcome for _, _, outcome in run.outcomes("settings", 0, 60, tmp_path)]
    assert {outcome.kind for outcome in found} == {"right", "clear"}
    assert list(here.iterdir()) == []


def other_vectors(whole, rng):
    """The file with a bit of the first twenty numbers of each embedding table turned over, if it holds one."""
    data = bytearray(whole)
    for found in re.finditer(rb"params/table\.npy.{0,40}?\x93NUMPY", whole, re.DOTALL):
        numbers = slice(found.end() + 124, found.end() + 204, 4)  # behind a header of 128 bytes, the third byte of each
        data[numbers] = bytes(byte ^ 0x40 for byte in data[numbers])
    return bytes(data), "other vectors"


@pytest.mark.fuzz
@pytest.mark.parametrize(("verified", "kind"), [(True, "clear"), (False, "silent")])
def test_checksums_that_are_not_verified_are_noticed(tmp_path, monkeypatch, verified, kind):
    monkeypatch.setattr(files, "damaged", other_vectors)
    if not verified:
        monkeypatch.setattr(ZipExtFile, "_update_crc", lambda *_: None)
    found = [(trial.what, outcome.kind) for _, trial, outcome in run.outcomes("files", 1, 60, tmp_path)]
    models = [outcome for what, outcome in found if what == "model/model.npz, other vectors"]
    assert len(models) > 2
    assert set(models) == {kind}


@pytest.mark.fuzz
def test_killed_runs_end_with_the_same_bits(tmp_path):
    for name in kills.PHASES:
        (tmp_path / name).mkdir()
        counts, wrong = kills.killed_runs(name, 5, 0, tmp_path / name)
        assert sum(counts[phase] for phase in kills.PHASES[name][1]) >= 5
        assert wrong == []
