"""A model's file is believed only as far as its bytes go."""

import io
import json
import zipfile
from itertools import product

import numpy as np
import pytest

from deepfm_np import DeepFM
from deepfm_np.model_file import expected_headers


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.npz"
    DeepFM([30, 40], hidden=(3,), batch_norm=True).save(path)
    return path


def rewritten(path, change):
    """Write the file anew, by NumPy alone, after `change` has changed its arrays."""
    with np.load(path) as archive:
        arrays = dict(archive)
    change(arrays)
    np.savez(path, **arrays)


def with_config(**changes):
    def change(arrays):
        config = json.loads(str(arrays["config"]))
        config.update(changes)
        arrays["config"] = np.array(json.dumps(config))

    return change


@pytest.mark.parametrize("first_order, fm, deep, batch_norm, hidden", product(*[(True, False)] * 4, [(), (5, 3)]))
def test_the_expected_arrays_are_those_of_the_model(first_order, fm, deep, batch_norm, hidden):
    if not (first_order or fm or deep):
        return
    settings = {"first_order": first_order, "fm": fm, "deep": deep, "batch_norm": batch_norm, "hidden": hidden}
    model = DeepFM([3, 4], embedding_dim=2, dtype="float64", **settings)
    arrays = {name: (array.dtype, array.shape) for name, array in model.to_arrays().items() if name != "config"}
    assert expected_headers(model.config) == arrays


@pytest.mark.parametrize(
    "changes",
    [{"field_dims": [10**8, 40]}, {"hidden": [10**6, 10**6]}, {"embedding_dim": 10**9}, {"field_dims": [10**30]}],
)
def test_a_configuration_that_claims_more_than_the_file_holds_builds_nothing(path, monkeypatch, changes):
    rewritten(path, with_config(**changes))
    built = []
    monkeypatch.setattr("deepfm_np.model.Architecture", built.append)
    with pytest.raises(ValueError, match=r"model\.npz is not a deepfm_np model, .*, should be float32"):
        DeepFM.load(path)
    assert built == []


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda arrays: arrays.update(zeros=np.zeros(9)), "zeros is not expected"),
        (with_config(hiden=[3]), "its configuration is unusable .missing or unknown: hiden"),
        (with_config(dropout="0.5"), "its configuration is unusable .dropout must be a number in"),
        (lambda arrays: arrays.update(config=np.array("[" * 100_000)), "its configuration is unusable .*too deeply"),
        (lambda arrays: arrays.update(config=np.array('{"dropout": 1e999}')), "it holds 1e999, which is no finite"),
        (lambda arrays: arrays.update(config=np.arange(3)), "its configuration is unusable"),
    ],
)
def test_what_does_not_belong_is_named(path, change, message):
    rewritten(path, change)
    with pytest.raises(ValueError, match=message):
        DeepFM.load(path)


def test_compressed_zeros_are_never_read(path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**7,)})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.npy", header.getvalue() + bytes(4 * 10**7))
    assert path.stat().st_size < 100_000
    with pytest.raises(ValueError, match=r"zeros\.npy is compressed, which is never written"):
        DeepFM.load(path)


def test_an_array_that_ends_elsewhere_than_its_header_says_is_refused(path):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for change in (lambda data: data[:-1], lambda data: data + b"x"):
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, change(data) if name == "params/table.npy" else data)
        with pytest.raises(ValueError, match=r"params/table\.npy has \d+ bytes, should have \d+ as float32 \(70, 10\)"):
            DeepFM.load(path)


@pytest.mark.parametrize("header", [b"{'descr': '<f4', 'fortran_order': False, 'shape': (", b"((((" * 900, b"\xff"])
def test_a_damaged_header_is_one_line(path, header):
    header = header.ljust(4000, b" ") + b"\n"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("bad.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ValueError, match=r"model\.npz is not a deepfm_np model, or it is damaged"):
        DeepFM.load(path)


def test_a_damaged_name_inside_is_quoted_in_one_short_line(tmp_path):
    DeepFM([2, 2], hidden=(3,)).save(tmp_path / "model.npz")
    data = (tmp_path / "model.npz").read_bytes()
    for new in (b"a\nb", b"\r\r\r"):
        (tmp_path / "model.npz").write_bytes(data.replace(b"npy", new))
        with pytest.raises(ValueError) as raised:
            DeepFM.load(tmp_path / "model.npz")
        assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("settings", [{"products": ("outer", "inner")}, {"shared_embedding": False}])
def test_products_and_a_second_table_come_back(tmp_path, settings):
    model = DeepFM([3, 4], embedding_dim=2, hidden=(5,), **settings)
    arrays = {name: (array.dtype, array.shape) for name, array in model.to_arrays().items() if name != "config"}
    assert expected_headers(model.config) == arrays
    model.params["b0"] += 1
    model.save(tmp_path / "model.npz")
    loaded = DeepFM.load(tmp_path / "model.npz")
    assert loaded.config == model.config
    ids, values = np.array([[0, 3], [2, 6]]), np.ones((2, 2))
    np.testing.assert_array_equal(loaded.logits(ids, values), model.logits(ids, values))


def test_a_file_from_before_the_later_settings_still_loads(tmp_path):
    model = DeepFM([3, 4], hidden=(5,), seed=1)
    model.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as archive:
        arrays = dict(archive)
    config = json.loads(str(arrays["config"]))
    assert [config.pop(name) for name in ("l2_table", "products", "shared_embedding")] == [0.0, [], True]
    np.savez(tmp_path / "old.npz", **{**arrays, "config": np.array(json.dumps(config))})
    loaded = DeepFM.load(tmp_path / "old.npz")
    assert loaded.config == model.config
    ids, values = np.array([[0, 3], [2, 6]]), np.ones((2, 2))
    np.testing.assert_array_equal(loaded.logits(ids, values), model.logits(ids, values))
