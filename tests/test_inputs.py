"""What the classifier takes as X, as weights of rows and of classes."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from deepfm_np import DeepFMClassifier
from deepfm_np.data import Categorical, Numerical
from deepfm_np.fitting import held_out
from deepfm_np.inputs import class_weights, frame_of, labelled_rows

RNG = np.random.default_rng(0)
X = pd.DataFrame({"app": RNG.choice(["maps", "chess", "mail"], 300), "price": RNG.standard_normal(300)})
Y = (RNG.random(300) < np.where(X["app"] == "chess", 0.8, 0.3)).astype(int)
SETTINGS = {"hidden": (4,), "embedding_dim": 2, "dropout": 0.0, "progress": False, "dtype": "float64"}


def classifier(**settings):
    return DeepFMClassifier(**{**SETTINGS, "epochs": 2, "batch_size": 64, **settings})


def test_the_columns_of_an_array_are_called_by_their_numbers():
    array = RNG.standard_normal((300, 3))
    fitted = classifier().fit(array, Y)
    assert (fitted.n_features_in_, fitted.encoder_.fields) == (3, [Numerical(0), Numerical(1), Numerical(2)])
    assert not hasattr(fitted, "feature_names_in_")
    np.testing.assert_array_equal(fitted.predict_proba(array.tolist()), fitted.predict_proba(array))


def test_an_array_of_objects_is_read_column_by_column():
    fitted = classifier().fit(X.to_numpy(), Y)
    assert fitted.encoder_.fields == [Categorical(0), Numerical(1)]
    np.testing.assert_array_equal(fitted.predict_proba(X.to_numpy()), classifier().fit(X, Y).predict_proba(X))


def test_the_names_of_the_columns_are_kept():
    fitted = classifier(fields=[Categorical("app")]).fit(X, Y)
    assert (fitted.n_features_in_, fitted.feature_names_in_.tolist()) == (2, ["app", "price"])
    fitted.set_params(fields=None).fit(X.to_numpy(), Y)
    assert not hasattr(fitted, "feature_names_in_")


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_a_frame_of_another_library_gives_the_same_bits(library):
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    columns = {"app": [None, *X["app"][1:]], "price": X["price"].tolist()}
    other = module.DataFrame(columns) if library == "polars" else module.table(columns)
    same = pd.DataFrame(columns)
    fitted = classifier().fit(other, Y, eval_set=(other, Y))
    np.testing.assert_array_equal(fitted.predict_proba(other), classifier().fit(same, Y, (same, Y)).predict_proba(same))
    assert fitted.feature_names_in_.tolist() == ["app", "price"]


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_large_integers_with_a_missing_cell_keep_every_digit(library):
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    columns = {"user": [2**60 + 1, None, 2**60 + 2], "genres": [["a", "b"], None, []]}
    other = module.DataFrame(columns) if library == "polars" else module.table(columns)
    frame = frame_of(other)
    assert frame["user"].tolist() == [2**60 + 1, pd.NA, 2**60 + 2]
    assert frame["genres"].tolist() == [["a", "b"], None, []]


def test_a_table_that_is_not_in_memory_is_refused():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    with pytest.raises(TypeError, match=r"X must be a table that is in memory, got polars\..*LazyFrame"):
        frame_of(polars.LazyFrame({"a": [1]}))


class Sparse:
    def tocsr(self): ...


@pytest.mark.parametrize(
    "given, error, message",
    [
        (np.zeros(3), ValueError, r"X must have 2 dimensions, rows and columns, it is \(3,\). Reshape your data"),
        (np.zeros((3, 0)), ValueError, r"X has 0 feature\(s\) \(shape=\(3, 0\)\)"),
        (np.zeros((2, 2), complex), ValueError, "Complex data not supported"),
        (Sparse(), TypeError, r"a sparse Sparse is not supported: use X\.toarray\(\)"),
        ("clicks.csv", TypeError, "X must be a DataFrame or an array with one column per field, got str"),
        (None, TypeError, "X must be a DataFrame or an array with one column per field, got NoneType"),
    ],
)
def test_what_is_no_table_is_named(given, error, message):
    with pytest.raises(error, match=message):
        frame_of(given)


def test_neither_narwhals_nor_scikit_learn_is_loaded_for_a_pandas_frame():
    code = """if True:
        import sys
        import pandas as pd
        from deepfm_np import DeepFMClassifier
        frame = pd.DataFrame({"a": [1, 2, 3, 4]})
        DeepFMClassifier(hidden=(2,), epochs=1).fit(frame, [0, 1, 0, 1]).predict(frame)
        print([name for name in ("narwhals", "sklearn", "scipy") if name in sys.modules])
    """
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_rows_of_weight_zero_might_as_well_not_be_there():
    weights = (np.arange(300) % 3 > 0).astype(float)
    kept = weights > 0
    weighted = classifier().fit(X, Y, sample_weight=weights, eval_set=(X, Y, weights))
    ones = np.ones(kept.sum())
    part = classifier().fit(X[kept], Y[kept], sample_weight=ones, eval_set=(X[kept], Y[kept], ones))
    np.testing.assert_array_equal(weighted.predict_proba(X), part.predict_proba(X))
    pd.testing.assert_frame_equal(weighted.history_, part.history_)


def test_weighted_predictions_are_calibrated_on_the_weighted_rows():
    weights = np.where(Y == 1, 9.0, 1.0)
    fitted = classifier(epochs=100, learning_rate=0.01, batch_size=300).fit(X, Y, sample_weight=weights)
    clicks = fitted.predict_proba(X)[:, 1]
    np.testing.assert_allclose(np.average(clicks, weights=weights), np.average(Y, weights=weights), atol=0.01)
    assert clicks.mean() > Y.mean() + 0.2


def test_score_is_the_weighted_share_of_right_classes():
    fitted = classifier().fit(X, Y)
    right = fitted.predict(X) == Y
    weights = RNG.random(300)
    assert fitted.score(X, Y) == right.mean()
    np.testing.assert_allclose(fitted.score(X, Y, weights), (weights * right).sum() / weights.sum(), rtol=1e-14)


@pytest.mark.parametrize(
    "weights, message",
    [
        (np.ones(5), r"sample_weight must be \(n,\), one for each of 300 rows; it is \(5,\)"),
        (np.ones((300, 2)), r"sample_weight must be \(n,\), one for each of 300 rows; it is \(300, 2\)"),
        (np.zeros(300), "sample_weight must not be zero in every row"),
        (np.where(np.arange(300) == 8, -1, 1), r"must not be negative and be finite; row 8 holds -1\.0"),
        (np.where(np.arange(300) == 8, np.nan, 1), "must not be negative and be finite; row 8 holds nan"),
    ],
)
def test_weights_that_cannot_be_are_named(weights, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, Y, sample_weight=weights)


def test_balanced_classes_count_the_same_in_all():
    labels, weights = np.array([0, 0, 0, 1.0]), np.array([1.0, 2.0, 3.0, 2.0])
    np.testing.assert_array_equal(class_weights("balanced", np.array([0, 1]), labels, None), [4 / 6, 4 / 2])
    np.testing.assert_array_equal(class_weights("balanced", np.array([0, 1]), labels, weights), [8 / 12, 8 / 4])


def test_class_weights_are_the_weights_of_the_rows_of_the_class():
    names = np.array(["no", "yes"])[Y]
    by_class = classifier(class_weight={"yes": 4.0}).fit(X, names, eval_set=(X, names))
    weights = np.where(Y == 1, 4.0, 1.0)
    by_row = classifier().fit(X, names, sample_weight=weights, eval_set=(X, names, weights))
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
    pd.testing.assert_frame_equal(by_class.history_, by_row.history_)


def test_a_class_weight_for_no_class_is_named():
    with pytest.raises(ValueError, match="class_weight names 'maybe'; the classes are 0 and 1"):
        classifier(class_weight={"maybe": 2}).fit(X, Y)


@pytest.mark.parametrize("wrong", ["equal", {0: -1}, {0: "a"}, 3])
def test_a_class_weight_that_cannot_be_is_named(wrong):
    with pytest.raises(
        ValueError, match=r'class_weight must be "balanced", None or a dict of positive numbers by class'
    ):
        classifier(class_weight=wrong).fit(X, Y)


def test_log_probabilities_are_the_logarithms_and_never_infinite():
    fitted = classifier().fit(X, Y)
    np.testing.assert_allclose(fitted.predict_log_proba(X), np.log(fitted.predict_proba(X)), rtol=1e-9)
    fitted.model_.params["bias"][...] = 1000.0
    np.testing.assert_allclose(fitted.predict_log_proba(X)[:, 0], -fitted.model_.logits(*fitted.encoder_.transform(X)))


def test_a_target_of_numbers_is_told_from_classes():
    with pytest.raises(ValueError, match="A continuous target needs a regression"):
        classifier().fit(X, RNG.random(300))


def test_a_share_of_each_class_is_held_out_to_stop_by_where_there_is_no_eval_set():
    fitted = classifier(epochs=3).fit(X, Y)
    assert fitted.history_["valid_auc"].notna().all()
    train, valid = held_out(labelled_rows(X, Y), 0.1, seed=0)
    clicks, others = valid.labels.sum(), (1 - valid.labels).sum()
    assert (clicks, others) == (round(0.1 * Y.sum()), round(0.1 * (1 - Y).sum()))
    assert sorted([*train.frame.index, *valid.frame.index]) == list(range(300))
    same = classifier(epochs=3).fit(train.frame, train.labels, eval_set=(valid.frame, valid.labels))
    np.testing.assert_array_equal(same.predict_proba(X), fitted.predict_proba(X))


def test_no_row_is_held_out_if_none_is_wanted_or_a_class_is_too_small():
    assert classifier(epochs=1, validation_fraction=0).fit(X, Y).history_["valid_auc"].isna().all()
    few = np.r_[np.flatnonzero(Y)[:3], np.flatnonzero(Y == 0)]
    assert classifier(epochs=1).fit(X.iloc[few], Y[few]).history_["valid_auc"].isna().all()


def test_weights_and_labels_stay_with_the_rows_that_are_held_out():
    rows = labelled_rows(X, Y, sample_weight=np.arange(1.0, 301.0))
    for part in held_out(rows, 0.2, seed=3):
        np.testing.assert_array_equal(part.weights, part.frame.index + 1.0)
        np.testing.assert_array_equal(part.labels, Y[part.frame.index])
