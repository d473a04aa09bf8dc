import numpy as np
import pandas as pd
import pytest

from deepfm_np import DeepFM, DeepFMClassifier
from deepfm_np.data import (
    Categorical,
    Examples,
    FieldEncoder,
    MultiValued,
    Numerical,
    TableWarning,
    UnknownValuesWarning,
)
from deepfm_np.divergence import DivergedWarning
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


def test_the_fields_and_what_was_seen_of_them_can_be_read(tmp_path):
    assert FITTED.fields_ == [Categorical("app"), Numerical("age_days"), Categorical("user"), Categorical("tags")]
    table = FITTED.describe_fields().set_index("column")
    assert table["kind"].tolist() == ["categorical", "numerical", "categorical", "categorical"]
    assert table["distinct"].tolist() == [4, 800, 30, 3]
    assert table["missing"].tolist() == [0, 0, 0, (X["tags"] == "").sum()]
    FITTED.save(tmp_path)
    loaded = DeepFMClassifier.load(tmp_path)
    assert loaded.fields_ == FITTED.fields_
    known = loaded.describe_fields().set_index("column")
    assert known["kind"].tolist() == table["kind"].tolist()
    assert known["distinct"].fillna(-1).tolist() == [4, -1, 30, 3]
    for method in (lambda: DeepFMClassifier().fields_, DeepFMClassifier().describe_fields):
        with pytest.raises(NotFittedError, match=r"call fit\(X, y\) first"):
            method()


def test_one_missing_cell_leaves_an_id_an_id():
    frame = X.assign(user=X["user"].astype(float).where(X.index != 5))
    fitted = classifier(epochs=1).fit(frame, Y)
    assert fitted.fields_ == FITTED.fields_
    assert fitted.describe_fields().set_index("column").loc["user", "missing"] == 1


def test_a_verbose_fit_prints_what_it_found_in_each_column(capsys):
    classifier(epochs=1).fit(X, Y)
    assert capsys.readouterr().out == ""
    classifier(epochs=1, verbose=True).fit(X, Y)
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "column    kind         distinct  missing  example            why"
    assert [line.split()[:3] for line in out.splitlines()[1:3]] == [
        ["app", "categorical", "4"],
        ["age_days", "numerical", "800"],
    ]


def test_what_looks_wrong_is_warned_of_and_left_out():
    frame = X.assign(row=np.arange(len(X)), day="2026-01-02")
    with pytest.warns(TableWarning) as warned:
        fitted = classifier(epochs=1).fit(frame, Y)
    assert [str(one.message).split(";")[0] for one in warned] == [
        "column 'row' holds another whole number in every row, as a row number or id",
        "column 'day' holds dates",
    ]
    assert fitted.fields_ == FITTED.fields_
    assert fitted.describe_fields().set_index("column").loc["row", "kind"] == "left out"
    assert fitted.predict_proba(X).shape == (800, 2)


def test_a_label_among_the_columns_is_refused():
    with pytest.raises(ValueError, match="column 'clicked' equals the label in every row; remove this copy"):
        classifier().fit(X.assign(clicked=Y), Y)
    with pytest.raises(ValueError, match=r"column 'clicked\.1' is what pandas calls a second column 'clicked'"):
        classifier().fit(X.assign(**{"clicked.1": 0}), pd.Series(Y, name="clicked"))


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


def test_many_values_never_seen_are_warned_of():
    with pytest.warns(UnknownValuesWarning) as warned:
        FITTED.predict(X_VALID.assign(app=X_VALID["app"] + " ", user=X_VALID["user"].where(X_VALID.index % 4 > 0, 99)))
    assert [str(one.message).split(", such as")[0] for one in warned] == [
        "column 'app': 100% of the rows hold a value not seen in training",
        "column 'user': 25% of the rows hold a value not seen in training",
    ]
    assert f"such as {X_VALID['app'][0] + ' '!r}; is it the same column, written in the same way?" in str(
        warned[0].message
    )
    FITTED.predict(X_VALID.assign(user=X_VALID["user"].where(X_VALID.index % 6 > 0, 99)))


SPELLED = {"bool": bool, "int": int, "float": float, "str": str}


@pytest.mark.parametrize("train", SPELLED)
@pytest.mark.parametrize("new", [*SPELLED, "true and false"])
def test_a_flag_means_the_same_however_pandas_reads_it(train, new):
    flag = np.random.default_rng(5).random(400) < 0.5
    y = np.where(np.random.default_rng(6).random(400) < 0.1, ~flag, flag)
    fitted = classifier().fit(pd.DataFrame({"flag": flag.astype(SPELLED[train])}), y)
    spelled = np.where(flag, "true", "false") if new == "true and false" else flag.astype(SPELLED[new])
    probabilities = fitted.predict_proba(pd.DataFrame({"flag": spelled}))[:, 1]
    assert auc(y, probabilities) > 0.85


@pytest.mark.parametrize("eval_set", [None, (X_VALID, Y_VALID)])
def test_training_that_diverges_is_warned_of(eval_set):
    part = "training" if eval_set is None else "validation"
    with pytest.warns(DivergedWarning, match=f"training diverged: the {part} log loss is .* base rate has 0.6"):
        classifier(learning_rate=1e6, epochs=2, validation_fraction=0).fit(X, Y, eval_set=eval_set)


def test_a_large_penalty_is_no_divergence():
    fitted = classifier(l2_embedding=1e5, learning_rate=1e-4, epochs=1, dtype="float64").fit(X, Y)
    assert fitted.history_["train_loss"][0] > 2


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
    hidden, learning_rate = tuple([64] * 2), float("5e-3")  # equal to the defaults, but other objects
    assert repr(DeepFMClassifier(hidden=hidden, learning_rate=learning_rate)) == "DeepFMClassifier()"


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


def test_of_several_eval_sets_it_is_said_that_one_is_enough():
    with pytest.raises(ValueError, match=r"eval_set holds 2 pairs \(X, y\); training is stopped by one"):
        classifier().fit(X, Y, eval_set=[(X, Y), (X_VALID, Y_VALID)])


def test_no_rows_are_named_and_none_are_scored():
    for arguments in ((X[:0], Y[:0]), (X, Y, (X[:0], Y[:0]))):
        with pytest.raises(ValueError, match="y is empty: there must be at least one row, with its label"):
            classifier().fit(*arguments)
    assert FITTED.predict_proba(X[:0]).shape == (0, 2)
    assert FITTED.predict(X[:0]).shape == (0,)


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


@pytest.mark.parametrize("kind", [MultiValued, Categorical])
def test_texts_that_utf_8_cannot_hold_are_values_like_others(kind):
    frame = pd.DataFrame({"a": pd.Series(["\ud800", "b"] * 4, dtype=object)})
    classifier = DeepFMClassifier(fields=[kind("a")], hidden=(3,), epochs=1, progress=False)
    assert classifier.fit(frame, [0, 1] * 4).encoder_.field_dims == [4]


def test_a_number_field_of_such_texts_is_refused_in_one_line():
    frame = pd.DataFrame({"a": pd.Series(["\ud800", "b"] * 4, dtype=object)})
    with pytest.raises(ValueError, match="column 'a' must hold finite numbers; row 0 holds"):
        DeepFMClassifier(fields=[Numerical("a")], progress=False).fit(frame, [0, 1] * 4)


@pytest.mark.parametrize("labels", [[{1}, (1,)] * 4, [np.ones(2), np.ones(0)] * 4])
def test_labels_that_cannot_be_sorted_are_refused(labels):
    column = pd.Series(labels, dtype=object)
    with pytest.raises(ValueError, match="y must hold labels that can be sorted"):
        DeepFMClassifier(progress=False).fit(pd.DataFrame({"a": range(8)}), column)


@pytest.mark.parametrize("name", [["a"], ([1], 2), {"a": 1}, np.ones(2)])
def test_the_name_of_a_field_must_be_that_of_a_column(name):
    with pytest.raises(TypeError, match="the name of a field must be that of a column"):
        FieldEncoder([Categorical(name)])


def test_long_column_names_are_quoted_by_their_beginning():
    frame = pd.DataFrame({"x" * 5000: ["text", "b"] * 4})
    with pytest.raises(ValueError) as raised:
        DeepFMClassifier(fields=[Numerical("x" * 5000)], progress=False).fit(frame, [0, 1] * 4)
    assert len(str(raised.value)) < 300


def test_missing_columns_of_any_name_are_listed():
    frame = pd.DataFrame([[1, 2]] * 2, columns=pd.Index([pd.Timestamp("2026"), ("a", 1)], tupleize_cols=False))
    with pytest.raises(ValueError, match=r"the columns z are missing; there are 2026-01-01 00:00:00, \('a', 1\)"):
        FieldEncoder([Categorical("z")]).fit(frame)
    with pytest.raises(ValueError, match="two fields have the same name: 1"):
        FieldEncoder([Categorical(1), Categorical(1)])


def test_column_names_that_cannot_be_compared_are_names_like_others():
    frame = pd.DataFrame([[1, 2], [3, 4]] * 4, columns=pd.Index([np.int64(7), ("a", "b")], tupleize_cols=False))
    fields = [Categorical(np.int64(7)), Categorical(("a", "b"))]
    classifier = DeepFMClassifier(fields=fields, hidden=(3,), epochs=1, progress=False).fit(frame, [0, 1] * 4)
    assert classifier.encoder_.field_dims == [4, 4]


def test_a_name_that_pandas_takes_for_several_is_refused():
    frame = pd.DataFrame([[1.0], [2.0]] * 4, columns=pd.Index([frozenset("a")], tupleize_cols=False))
    with pytest.raises(ValueError, match="which pandas takes for several"):
        DeepFMClassifier(progress=False).fit(frame, [0, 1] * 4)


def test_a_seed_may_be_any_integer_of_numpy():
    frame, labels = pd.DataFrame({"app": list("abcd") * 10}), [0, 1, 1, 0, 1, 0, 0, 1] * 5
    settings = {"hidden": (2,), "epochs": 1, "progress": False}
    ours, numpys = (DeepFMClassifier(seed=seed, **settings).fit(frame, labels) for seed in (2, np.array(2)))
    np.testing.assert_array_equal(ours.predict_proba(frame), numpys.predict_proba(frame))
