import numpy as np
import pandas as pd
import pytest

from deepfm_np import DeepFM, DeepFMClassifier
from deepfm_np.data import Categorical, Examples, FieldEncoder, MultiValued, Numerical
from deepfm_np.estimator import NotFittedError  # type: ignore[attr-defined]
from deepfm_np.metrics import auc


def clicks(n=800, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "app": rng.choice(["maps", "chess", "mail", "news"], n),
            "age_days": rng.exponential(20, n),
            "user": rng.integers(0, 30, n),
            "tags": rng.choice(["a|b", "b", "c|a", ""], n),
        }
    )
    logits = np.where(frame["app"] == "chess", 2.0, -1.0) - 0.05 * (frame["age_days"] - 20)
    return frame, (rng.random(n) < 1 / (1 + np.exp(-logits))).astype(int).to_numpy()


X, Y = clicks()
X_VALID, Y_VALID = clicks(300, seed=1)


def classifier(**settings):
    settings = {"hidden": (8,), "embedding_dim": 4, "epochs": 8, "batch_size": 64, "learning_rate": 0.02, **settings}
    return DeepFMClassifier(dropout=0.0, batch_norm=True, progress=False, **settings)


FITTED = classifier().fit(X, Y, eval_set=(X_VALID, Y_VALID))


def test_it_learns_from_a_frame():
    probabilities = FITTED.predict_proba(X_VALID)
    assert probabilities.shape == (300, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert auc(Y_VALID, probabilities[:, 1]) > 0.8
    assert len(FITTED.history_) <= 8


def test_fields_are_inferred_from_the_dtypes():
    kinds = {field.name: type(field) for field in FITTED.encoder_.fields}
    assert kinds == {"app": Categorical, "age_days": Numerical, "user": Categorical, "tags": Categorical}


def test_fields_can_be_named():
    fields = [Categorical("app"), MultiValued("tags")]
    named = classifier(fields=fields).fit(X, Y)
    assert named.encoder_.field_names == ["app", "tags"]
    assert named.predict_proba(X[["tags", "app"]]).shape == (800, 2)


@pytest.mark.parametrize("names", [("no", "yes"), (False, True), (0, 1), (1, 2)])
def test_any_two_classes_will_do(names):
    y = np.array(names)[Y]
    fitted = classifier().fit(X, y)
    np.testing.assert_array_equal(fitted.classes_, np.array(names))
    predicted = fitted.predict(X)
    np.testing.assert_array_equal(predicted == names[1], fitted.predict_proba(X)[:, 1] > 0.5)
    assert (predicted == y).mean() > 0.75


def test_the_same_seed_gives_the_same_bits():
    np.testing.assert_array_equal(
        classifier(seed=3).fit(X, Y).predict_proba(X), classifier(seed=3).fit(X, Y).predict_proba(X)
    )


def test_unseen_values_and_missing_cells_are_scored():
    new = X_VALID.head(3).copy()
    new["app"] = ["never seen", None, "chess"]
    new["age_days"] = [np.nan, 5.0, 1e6]
    assert np.isfinite(FITTED.predict_proba(new)).all()


def test_parameters_can_be_read_and_set():
    made = DeepFMClassifier(dropout=0.25)
    assert made.get_params()["dropout"] == 0.25
    assert made.set_params(dropout=0.5, hidden=(3,)) is made
    assert (made.dropout, made.hidden) == (0.5, (3,))
    with pytest.raises(ValueError, match="drop_out: no such parameter; there are fields, embedding_dim"):
        made.set_params(drop_out=0.1, dropout=0.9)
    assert made.dropout == 0.5


def test_the_repr_shows_what_was_changed():
    assert repr(DeepFMClassifier(dropout=0.1, hidden=(8,))) == "DeepFMClassifier(hidden=(8,), dropout=0.1)"


def test_the_repr_leaves_out_a_default_that_was_written_out():
    hidden, dropout = tuple([400] * 3), float("0.5")  # equal to the defaults, but other objects
    assert repr(DeepFMClassifier(hidden=hidden, dropout=dropout)) == "DeepFMClassifier()"


@pytest.mark.parametrize(
    "name, value", [("epochs", 0), ("learning_rate", "1e-3"), ("hidden", 100), ("threads", 1.5), ("batch_norm", "no")]
)
def test_a_setting_that_cannot_be_is_named_before_anything_is_encoded(name, value):
    with pytest.raises(ValueError, match=f"{name} must be .*, got {value!r}"):
        DeepFMClassifier(**{name: value}).fit(None, None)


@pytest.fixture
def threads_used(monkeypatch):
    used, predict_proba = [], DeepFM.predict_proba

    def recording(self, ids, values, threads=1):
        used.append(threads)
        return predict_proba(self, ids, values, threads)

    monkeypatch.setattr(DeepFM, "predict_proba", recording)
    return used


def test_encoded_examples_are_trained_on_and_scored_with_the_threads_that_were_asked_for(threads_used):
    encoder = FieldEncoder()
    train = Examples(*encoder.fit_transform(X), Y.astype(np.float32))
    settings = {"hidden": (8,), "embedding_dim": 4, "epochs": 2, "dropout": 0.0, "threads": 2, "progress": False}
    encoded = DeepFMClassifier(**settings).fit_encoded(encoder, train, train)
    scored = len(threads_used)
    from_frame = DeepFMClassifier(**settings).fit(X, Y, eval_set=(X, Y))
    np.testing.assert_array_equal(encoded.predict_encoded(train), from_frame.predict_proba(X)[:, 1])
    assert scored == 2 and set(threads_used) == {2}


def test_encoded_examples_of_one_class_are_refused():
    encoder = FieldEncoder()
    ids, values = encoder.fit_transform(X)
    with pytest.raises(ValueError, match="y must hold exactly two classes, it holds 1 class: 0"):
        classifier().fit_encoded(encoder, Examples(ids, values, np.zeros(len(X), int)))


def test_a_saved_classifier_comes_back(tmp_path):
    FITTED.save(tmp_path / "folder")
    loaded = DeepFMClassifier.load(tmp_path / "folder")
    np.testing.assert_array_equal(loaded.predict_proba(X_VALID), FITTED.predict_proba(X_VALID))
    np.testing.assert_array_equal(loaded.predict(X_VALID), FITTED.predict(X_VALID))
    assert loaded.hidden == [8]


def test_settings_from_numpy_can_be_saved(tmp_path):
    settings = {"epochs": np.int64(1), "learning_rate": np.float32(0.5), "dtype": np.float64}
    fields = [Categorical("app", min_count=np.int64(2))]
    classifier(fields=fields, **settings).fit(X, Y).save(tmp_path)
    loaded = DeepFMClassifier.load(tmp_path)
    assert (loaded.epochs, loaded.learning_rate, loaded.dtype) == (1, 0.5, "float64")


def test_what_json_cannot_hold_is_named_before_anything_is_written(tmp_path):
    fitted = classifier(epochs=1, seed=np.random.default_rng(0)).fit(X, Y)
    with pytest.raises(TypeError, match=r"Generator\(PCG64\).* cannot be saved: JSON holds numbers and texts"):
        fitted.save(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_predicting_before_fitting_is_an_error(tmp_path):
    with pytest.raises(NotFittedError, match=r"call fit\(X, y\) first"):
        DeepFMClassifier().predict(X)
    with pytest.raises(NotFittedError, match=r"call fit\(X, y\) first"):
        DeepFMClassifier().save(tmp_path)


@pytest.mark.parametrize(
    "y, message",
    [
        (np.zeros(800), "y must hold exactly two classes, it holds 1 class: 0.0"),
        (np.arange(800) % 3, "y must hold exactly two classes, it holds 3 classes: 0, 1, 2"),
        (Y[:-1], "X has 800 rows, y has 799"),
        (np.where(np.arange(800) == 7, np.nan, Y), "y must have a label in every row; row 7 holds nan"),
        ([0, "a"] * 400, "y must hold labels of one type; row 0 holds 0, row 1 holds 'a'"),
        (np.array(["a", 0] * 400, object), "y must hold labels of one type; row 0 holds 'a', row 1 holds 0"),
        (["a", float("nan")] * 400, "y must have a label in every row; row 1 holds nan"),
        ([0, [1]] * 400, "y must be an array, its rows differ in length"),
        (Y[:, None], r"y must be \(n,\), one label per row of X, it is \(800, 1\)"),
    ],
)
def test_bad_labels_are_named_and_an_earlier_fit_stays(y, message):
    fitted = classifier(epochs=1).fit(X, Y)
    before = fitted.predict_proba(X)
    with pytest.raises(ValueError, match=message):
        fitted.fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


def test_an_eval_set_may_stand_in_a_list():
    fitted = classifier().fit(X, Y, eval_set=[(X_VALID, Y_VALID)])
    pd.testing.assert_frame_equal(fitted.history_, FITTED.history_)


@pytest.mark.parametrize("eval_set", [X, 3, (X, Y, None, None), []])
def test_an_eval_set_that_is_no_pair_is_named(eval_set):
    with pytest.raises(ValueError, match=r"eval_set must be \(X, y\) or \(X, y, weights\), got a "):
        classifier().fit(X, Y, eval_set=eval_set)


def test_fields_that_are_no_sequence_are_named():
    with pytest.raises(TypeError, match="fields must be a sequence of Categorical, Numerical and MultiValued, got 3"):
        classifier(fields=3).fit(X, Y)


def test_a_strange_label_in_the_eval_set_is_named():
    y = Y_VALID.copy()
    y[5] = 7
    with pytest.raises(ValueError, match="y must be 0 or 1, as in training; row 5 holds 7"):
        classifier().fit(X, Y, eval_set=(X_VALID, y))


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="user"):
        FITTED.predict_proba(X.drop(columns="user"))
