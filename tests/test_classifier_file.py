"""A classifier is one file: it comes back as it was, or is refused, and never mixes with another."""

import datetime
import json
import os

import numpy as np
import pandas as pd
import pytest

from deepfm_np import DeepFMClassifier, classifier_file
from deepfm_np.system import files

SETTINGS = {"hidden": (4,), "embedding_dim": 2, "epochs": 1, "batch_size": 64, "progress": False}
RNG = np.random.default_rng(0)
X = pd.DataFrame({"app": RNG.choice(["maps", "chess"], 200), "price": RNG.random(200)})
Y = RNG.integers(0, 2, 200)
FITTED, OTHER = DeepFMClassifier(**SETTINGS).fit(X, Y), DeepFMClassifier(**SETTINGS, seed=1).fit(X, Y)


def save_as_before(classifier, folder):
    """The three files that `save` wrote before."""
    folder.mkdir(exist_ok=True)
    classifier.model_.save(folder / "model.npz")
    classifier.encoder_.save(folder / "encoder.json")
    encoder = json.loads((folder / "encoder.json").read_text())
    del encoder["crc32"]
    encoder["format"] = "deepfm_np fields 1"
    (folder / "encoder.json").write_text(json.dumps(encoder))
    settings = {name: value for name, value in classifier.get_params().items() if name != "fields"}
    about = {"settings": settings, "classes": classifier.classes_.tolist()}
    (folder / "classifier.json").write_text(json.dumps(about, indent=2) + "\n")


def rewritten(path, change):
    with np.load(path) as archive:
        arrays = dict(archive)
    change(arrays)
    np.savez(path, **arrays)


def test_a_folder_holds_one_file(tmp_path):
    FITTED.save(tmp_path / "runs" / "mine")
    assert os.listdir(tmp_path / "runs" / "mine") == ["classifier.npz"]


def test_the_settings_are_readable(tmp_path):
    FITTED.save(tmp_path)
    with np.load(tmp_path / "classifier.npz") as archive:
        settings = json.loads(str(archive["settings"]))
        np.testing.assert_array_equal(archive["classes"], [0, 1])
    assert (settings["format"], settings["batch_size"]) == ("deepfm_np classifier 2", 64)


def test_a_folder_of_before_still_loads(tmp_path):
    save_as_before(FITTED, tmp_path)
    loaded = DeepFMClassifier.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), FITTED.predict_proba(X))
    assert (loaded.classes_.tolist(), loaded.batch_size, loaded.fields) == ([0, 1], 64, FITTED.encoder_.fields)


def test_of_both_the_new_file_is_loaded(tmp_path):
    save_as_before(OTHER, tmp_path)
    FITTED.save(tmp_path)
    np.testing.assert_array_equal(DeepFMClassifier.load(tmp_path).predict_proba(X), FITTED.predict_proba(X))


@pytest.mark.parametrize("name", ["model.npz", "encoder.json", "classifier.json"])
def test_a_damaged_file_of_before_is_named(tmp_path, name):
    save_as_before(FITTED, tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:50])
    with pytest.raises(ValueError, match=name):
        DeepFMClassifier.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match="classifier.npz" if name == "model.npz" else name):
        DeepFMClassifier.load(tmp_path)


def test_files_of_before_that_do_not_belong_together_are_refused(tmp_path):
    save_as_before(FITTED, tmp_path)
    DeepFMClassifier(**SETTINGS).fit(X[["app"]], Y).encoder_.save(tmp_path / "encoder.json")
    with pytest.raises(ValueError, match=r"model\.npz and encoder\.json are of different models"):
        DeepFMClassifier.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about["settings"].update(epochs="many"),
        lambda about: about["settings"].update(epoch=3),
        lambda about: about.update(settings=[]),
        lambda about: about.update(classes=[0, 0]),
        lambda about: about.update(classes=[[0], [1, 2]]),
        lambda about: about.update(classes={"no": "yes"}),
        lambda about: about.pop("classes"),
    ],
)
def test_wrong_settings_of_before_are_one_line(tmp_path, change):
    save_as_before(FITTED, tmp_path)
    about = json.loads((tmp_path / "classifier.json").read_text())
    change(about)
    (tmp_path / "classifier.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match=r"classifier\.json does not hold the settings of a classifier"):
        DeepFMClassifier.load(tmp_path)


def test_a_save_that_is_cut_short_leaves_the_old_classifier(tmp_path, monkeypatch):
    FITTED.save(tmp_path)

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    monkeypatch.setattr(files.os, "replace", killed)
    with pytest.raises(Killed):
        OTHER.save(tmp_path)
    np.testing.assert_array_equal(DeepFMClassifier.load(tmp_path).predict_proba(X), FITTED.predict_proba(X))


def test_a_mixture_of_two_classifiers_is_refused(tmp_path):
    FITTED.save(tmp_path / "one")
    OTHER.save(tmp_path / "two")
    with np.load(tmp_path / "two" / "classifier.npz") as other:
        table = {"model/params/table": other["model/params/table"]}
    rewritten(tmp_path / "one" / "classifier.npz", lambda arrays: arrays.update(table))
    with pytest.raises(ValueError, match=r"classifier\.npz is not a deepfm_np classifier, .*: its checksum is wrong"):
        DeepFMClassifier.load(tmp_path / "one")


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda arrays: arrays.pop("encoder"), "missing or not expected: encoder"),
        (lambda arrays: arrays.update(extra=np.zeros(3)), "missing or not expected: extra"),
        (lambda arrays: arrays.update({"model/extra": np.zeros(3)}), "extra is not expected"),
        (lambda arrays: arrays.update(classes=np.array([0, 2])), "its checksum is wrong"),
        (lambda arrays: arrays.update(classes=np.array([1, 1])), "its classes are not two"),
        (lambda arrays: arrays.update(settings=np.array("[]")), "its format should be 'deepfm_np classifier 2'"),
        (lambda arrays: arrays.update(settings=np.array("[" * 100_000)), "it is nested too deeply"),
        (lambda arrays: arrays.update(settings=np.arange(3)), "there is no text 'settings'"),
        (lambda arrays: arrays.update(encoder=np.zeros(3)), "Expecting value|its format|invalid"),
    ],
)
def test_wrong_contents_are_one_line(tmp_path, change, message):
    FITTED.save(tmp_path)
    rewritten(tmp_path / "classifier.npz", change)
    with pytest.raises(
        ValueError, match=rf"classifier\.npz is not a deepfm_np classifier, or it is damaged: .*{message}"
    ):
        DeepFMClassifier.load(tmp_path)


def test_no_changed_byte_goes_unnoticed(tmp_path):
    FITTED.save(tmp_path)
    path, rng = tmp_path / "classifier.npz", np.random.default_rng(0)
    whole, expected = path.read_bytes(), FITTED.predict_proba(X)
    for at, byte in zip(rng.integers(0, len(whole), 300), rng.integers(0, 256, 300), strict=True):
        path.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
        try:
            loaded = DeepFMClassifier.load(tmp_path)
        except ValueError as error:
            assert str(error).startswith(str(path))
        else:
            np.testing.assert_array_equal(loaded.predict_proba(X), expected)
            assert (loaded.classes_.tolist(), loaded.get_params()) == (
                [0, 1],
                {**FITTED.get_params(), "hidden": [4], "products": [], "fields": FITTED.encoder_.fields},
            )


@pytest.mark.parametrize(
    "classes",
    [
        np.array([False, True]),
        np.array([3, 7], np.uint8),
        np.array([0.5, 1.5], np.float32),
        np.array(["no", "yes"]),
        np.array(["no", "yes"], object),
        np.array(["a\ud800", "b"], object),
        np.array([False, True], object),
        np.array([1, 2], object),
        np.array(["2026-01-01", "2026-01-02"], "datetime64[ns]"),
        np.array([1, 2], "timedelta64[s]"),
        np.array([b"no", b"yes"]),
    ],
)
def test_classes_come_back_as_they_were(tmp_path, classes):
    fitted = DeepFMClassifier(**SETTINGS).fit(X, classes[Y])
    fitted.save(tmp_path)
    loaded = DeepFMClassifier.load(tmp_path)
    assert loaded.classes_.dtype == classes.dtype
    assert [(type(one), one) for one in loaded.classes_] == [(type(one), one) for one in classes]
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))


@pytest.mark.parametrize(
    "classes",
    [[datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)], list(pd.to_datetime(["2026-01-01", "2026-01-02"]))],
)
def test_classes_that_would_not_come_back_are_refused_before_anything_is_written(tmp_path, classes):
    fitted = DeepFMClassifier(**SETTINGS).fit(X, np.array(classes, object)[Y])
    with pytest.raises(TypeError, match="cannot be saved: JSON holds numbers and texts"):
        fitted.save(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [pd.Timestamp("2026-01-01"), datetime.date(2026, 1, 1), ("a", "b")])
def test_column_names_that_would_not_come_back_are_refused_before_anything_is_written(tmp_path, name):
    columns = pd.Index([name], dtype=object, tupleize_cols=False)
    fitted = DeepFMClassifier(**SETTINGS).fit(pd.DataFrame(X[["app"]].to_numpy(), columns=columns), Y)
    with pytest.raises(TypeError, match=r"column .* cannot be saved"):
        fitted.save(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_is_not_finite_is_refused_before_anything_is_written(tmp_path):
    broken = DeepFMClassifier(**SETTINGS).fit(X, Y)
    broken.model_.params["table"][0, 0] = np.nan
    with pytest.raises(ValueError, match="params/table holds values that are not finite"):
        broken.save(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def save_in_format_1(classifier, folder):
    """The file that `save` wrote before it kept features and history."""
    classifier.save(folder)

    def older(arrays):
        settings = json.loads(str(arrays["settings"])) | {"format": "deepfm_np classifier 1"}
        arrays["settings"] = np.array(json.dumps({k: v for k, v in settings.items() if k not in NEW_SETTINGS}))
        config = json.loads(str(arrays["model/config"]))
        arrays["model/config"] = np.array(json.dumps({k: v for k, v in config.items() if k not in NEW_SETTINGS}))
        for name in ("features", "history", "checksum"):
            del arrays[name]
        arrays["checksum"] = np.array(classifier_file._checksum(arrays))

    rewritten(folder / "classifier.npz", older)


NEW_SETTINGS = {"class_weight", "verbose", "l2_table", "products", "shared_embedding", "start_from_fm"}


def test_a_file_of_format_1_still_loads(tmp_path):
    save_in_format_1(FITTED, tmp_path)
    loaded = DeepFMClassifier.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), FITTED.predict_proba(X))
    assert not hasattr(loaded, "history_") and not hasattr(loaded, "n_features_in_")
    loaded.save(tmp_path)
    assert DeepFMClassifier.load(tmp_path).batch_size == 64


@pytest.mark.parametrize("valid", [None, (X, Y)])
def test_history_and_features_come_back(tmp_path, valid):
    fitted = DeepFMClassifier(**SETTINGS).fit(X, Y, eval_set=valid)
    fitted.save(tmp_path)
    loaded = DeepFMClassifier.load(tmp_path)
    pd.testing.assert_frame_equal(loaded.history_, fitted.history_)
    assert (loaded.n_features_in_, loaded.feature_names_in_.tolist()) == (2, ["app", "price"])


def test_columns_without_names_come_back_as_their_number(tmp_path):
    DeepFMClassifier(**SETTINGS).fit(RNG.random((200, 3)), Y).save(tmp_path)
    loaded = DeepFMClassifier.load(tmp_path)
    assert loaded.n_features_in_ == 3 and not hasattr(loaded, "feature_names_in_")
    with pytest.raises(ValueError, match="X has 4 features, but DeepFMClassifier is expecting 3"):
        loaded.predict(RNG.random((5, 4)))


@pytest.mark.parametrize("given", [None, "balanced", {0: 1.0, 1: 2.5}, {"no": 3}])
def test_class_weights_come_back(tmp_path, given):
    y = np.array(["no", "yes"])[Y] if given == {"no": 3} else Y
    DeepFMClassifier(**SETTINGS, class_weight=given).fit(X, y).save(tmp_path)
    assert DeepFMClassifier.load(tmp_path).class_weight == given


@pytest.mark.parametrize("name, value", [("features", '["a", 3]'), ("features", "-1"), ("history", np.zeros((2, 4)))])
def test_features_and_history_that_cannot_be_are_refused(tmp_path, name, value):
    FITTED.save(tmp_path)
    rewritten(tmp_path / "classifier.npz", lambda arrays: arrays.update({name: np.array(value)}))
    with pytest.raises(ValueError, match=f"classifier.npz is not a deepfm_np classifier, .*: its {name}"):
        DeepFMClassifier.load(tmp_path)
