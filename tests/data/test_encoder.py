import datetime
import json
import pickle

import numpy as np
import pandas as pd
import pytest

from deepfm_np.constraints import CONSTRAINTS
from deepfm_np.data import Categorical, FieldEncoder, MultiValued, Numerical, fields, infer_fields
from deepfm_np.data.cells import rows_of
from deepfm_np.data.encoder import scan

FRAME = pd.DataFrame(
    {
        "app": ["maps", "chess", "maps", None, ""],
        "price": [1.0, 2.0, 3.0, np.nan, 6.0],
        "tags": ["a|b", "b", "", None, "c|a|b"],
        "user": [7, 7, 8, 9, 7],
    }
)


def encode(field, train, new=None):
    """Row numbers within the field, and values, for one column."""
    encoder = FieldEncoder([field]).fit(pd.DataFrame({field.name: train}))
    return encoder.transform(pd.DataFrame({field.name: train if new is None else new}))


def test_a_categorical_value_is_a_row_and_the_value_one():
    ids, values = encode(Categorical("app"), FRAME["app"])
    np.testing.assert_array_equal(ids[:, 0], [3, 2, 3, 1, 1])
    np.testing.assert_array_equal(values, np.ones((5, 1)))


def test_an_unseen_value_is_unknown_and_a_missing_one_missing():
    ids, _ = encode(Categorical("app"), FRAME["app"], ["go", "maps", None, np.nan, pd.NA, ""])
    np.testing.assert_array_equal(ids[:, 0], [0, 3, 1, 1, 1, 1])


def test_a_rare_value_is_unknown():
    ids, _ = encode(Categorical("app", min_count=2), FRAME["app"])
    np.testing.assert_array_equal(ids[:, 0], [2, 0, 2, 1, 1])


@pytest.mark.parametrize(
    "new", [[12, 7], [12.0, 7.0], ["12", "7"], ["12.0", "7.0"], np.array([12, 7], np.int8), pd.array([12, 7], "Int64")]
)
def test_an_id_is_the_same_as_number_and_as_text(new):
    ids, _ = encode(Categorical("user"), [12, 7, 3], new)
    np.testing.assert_array_equal(ids[:, 0], [2, 4])


def test_ids_that_a_float_cannot_hold_stay_apart():
    ids, _ = encode(Categorical("user"), [2**24, 2**24 + 1, 2**53, 2**53 + 1])
    assert len(set(ids[:, 0])) == 4


BOOLEANS = {
    "booleans": [True, False, True],
    "objects": pd.Series([True, False, True], dtype=object),
    "integers": [1, 0, 1],
    "floats": [1.0, 0.0, 1.0],
    "texts": ["True", "False", "True"],
    "digits": ["1", "0", "1"],
    "a mixture": pd.Series(["True", 0, 1], dtype=object),
}


@pytest.mark.parametrize("train", BOOLEANS)
@pytest.mark.parametrize("new", BOOLEANS)
def test_true_is_1_in_a_column_of_booleans(train, new):
    np.testing.assert_array_equal(encode(Categorical("x"), BOOLEANS[train], BOOLEANS[new])[0][:, 0], [3, 2, 3])


def test_digits_stay_digits_in_what_is_learned():
    assert FieldEncoder().fit(pd.DataFrame({"x": [1, 0]}))._states == [{"values": ["0", "1"]}]


def test_true_is_a_word_among_words():
    ids, _ = encode(Categorical("x"), ["True", "Lies", "2"], ["True", "1", "0"])
    np.testing.assert_array_equal(ids[:, 0], [4, 0, 0])


def test_both_spellings_of_a_boolean_count_together():
    ids, _ = encode(Categorical("x", min_count=2), pd.Series(["True", 1, 0], dtype=object))
    np.testing.assert_array_equal(ids[:, 0], [2, 2, 0])


def test_members_may_be_booleans():
    ids, _ = encode(MultiValued("x"), pd.Series([[True], [False]]), pd.Series([[1], [0]]))
    np.testing.assert_array_equal(ids[:, 0], [3, 2])


def test_booleans_and_categories_are_values():
    np.testing.assert_array_equal(encode(Categorical("x"), [True, False, True])[0][:, 0], [3, 2, 3])
    np.testing.assert_array_equal(encode(Categorical("x"), pd.Categorical(["b", "a", None]))[0][:, 0], [3, 2, 1])


def test_the_order_of_training_rows_does_not_matter():
    first = encode(Categorical("app"), ["b", "a", "c"], ["a", "b", "c"])[0]
    np.testing.assert_array_equal(first, encode(Categorical("app"), ["c", "b", "a"], ["a", "b", "c"])[0])


def test_a_number_is_standardised_on_the_training_part_alone():
    train = np.array([1.0, 2.0, 6.0])
    ids, values = encode(Numerical("price"), train, [4.0, 100.0])
    np.testing.assert_array_equal(ids, [[0], [0]])
    np.testing.assert_allclose(values[:, 0], (np.array([4.0, 100.0]) - train.mean()) / train.std(), rtol=1e-6)


def test_a_missing_number_has_a_row_of_its_own():
    ids, values = encode(Numerical("price"), FRAME["price"])
    np.testing.assert_array_equal(ids[:, 0], [0, 0, 0, 1, 0])
    assert values[3, 0] == 1.0


@pytest.mark.parametrize(
    "scaling, expected",
    [("identity", [1.0, 2.0, 5.0]), ("min-max", [0.0, 0.25, 1.0]), ("standard", [-0.98058, -0.39223, 1.37281])],
)
def test_each_scaling_is_its_formula(scaling, expected):
    _, values = encode(Numerical("price", scaling=scaling), [1.0, 2.0, 5.0])
    np.testing.assert_allclose(values[:, 0], expected, rtol=1e-5)


def test_log_scaling_keeps_the_sign_and_standardises():
    train = np.array([-8.0, 0.0, 100.0, 5.0])
    logs = np.sign(train) * np.log1p(np.abs(train))
    _, values = encode(Numerical("price", scaling="log"), train)
    np.testing.assert_allclose(values[:, 0], (logs - logs.mean()) / logs.std(), rtol=1e-5)


def test_quantile_buckets_hold_equal_counts():
    ids, values = encode(Numerical("price", scaling="quantile", bins=4), [*np.arange(100.0), np.nan])
    rows, counts = np.unique(ids, return_counts=True)
    np.testing.assert_array_equal(rows, [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(counts, [1, 25, 25, 25, 25])
    assert (values == 1).all()


@pytest.mark.parametrize("scaling", ["standard", "log", "min-max", "identity", "quantile"])
@pytest.mark.parametrize("train", [[3.0, 3.0, 3.0], [np.nan, np.nan], [0.1 + 0.2, 0.3]])
def test_a_constant_or_missing_column_stays_finite(scaling, train):
    encoder = FieldEncoder([Numerical("price", scaling=scaling)]).fit(pd.DataFrame({"price": train}))
    ids, values = encoder.transform(pd.DataFrame({"price": [3.0, np.nan, 1e9]}))
    assert np.isfinite(values).all()
    assert ids.max() < sum(encoder.field_dims)


def test_numbers_written_as_text_are_numbers():
    _, values = encode(Numerical("price", scaling="identity"), ["1.5", "", "2"])
    np.testing.assert_array_equal(values[:, 0], [1.5, 1.0, 2.0])


@pytest.mark.parametrize("bad", [np.ones(2), np.ones((2, 2)), [1], 10**400, 1j, pd.Series([1, 2])])
def test_an_object_that_is_no_number_is_named(bad):
    with pytest.raises(ValueError, match="column 'price' must hold finite numbers; row 2 holds"):
        encode(Numerical("price"), pd.Series([1.0, "", bad], dtype=object))


@pytest.mark.parametrize("bad", [np.ones((2, 2)), {"a": 1}, [[1], [2]]])
def test_members_that_are_no_values_are_named(bad):
    with pytest.raises(ValueError, match="column 'tags' must hold texts or flat lists of values"):
        encode(MultiValued("tags"), pd.Series(["a", bad], dtype=object))


@pytest.mark.parametrize("bad, shown", [("cheap", "'cheap'"), (np.inf, "inf"), (-np.inf, "-inf"), (1e39, "1e\\+39")])
def test_a_cell_that_is_no_finite_number_is_named(bad, shown):
    with pytest.raises(ValueError, match=f"column 'price' must hold finite numbers; row 2 holds {shown}"):
        encode(Numerical("price"), pd.Series([1.0, 2.0, bad], dtype=object))


@pytest.mark.parametrize("column", [pd.to_datetime(["2024-01-01"]), [1j]])
def test_dates_and_complex_numbers_are_no_numbers(column):
    with pytest.raises(ValueError, match=r"'price' must hold finite numbers; it holds (datetime64|complex128)"):
        encode(Numerical("price"), pd.Series(column))


@pytest.mark.parametrize("scaling, train", [("standard", [0.001, 0.002]), ("min-max", [0.0, 1e-300])])
def test_a_number_too_far_from_the_training_part_is_named(scaling, train):
    encoder = FieldEncoder([Numerical("price", scaling=scaling)]).fit(pd.DataFrame({"price": train}))
    with pytest.raises(
        ValueError, match=r"column 'price': row 1 holds -1e\+38, too far out; the training part has center"
    ):
        encoder.transform(pd.DataFrame({"price": [0.0, -1e38]}))


def test_members_are_pooled_by_sum_or_mean_with_padding():
    ids, values = encode(MultiValued("tags"), FRAME["tags"])
    np.testing.assert_array_equal(ids, [[2, 3, 0], [3, 0, 0], [1, 0, 0], [1, 0, 0], [4, 2, 3]])
    np.testing.assert_array_equal(values, [[1, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 1]])
    _, means = encode(MultiValued("tags", pooling="mean"), FRAME["tags"])
    np.testing.assert_allclose(means, values / values.sum(axis=1, keepdims=True), rtol=1e-6)


@pytest.mark.parametrize("cell", ["a|b", " a | b ", "a|b|a", ["a", "b"], ("a", "b"), {"b", "a"}, np.array(["a", "b"])])
def test_members_may_be_text_list_tuple_set_or_array(cell):
    ids, values = encode(MultiValued("tags"), ["a|b|c"], pd.Series([cell], dtype=object))
    np.testing.assert_array_equal(ids, [[2, 3, 0]])
    np.testing.assert_array_equal(values, [[1, 1, 0]])


def test_unknown_members_share_one_slot():
    ids, values = encode(MultiValued("tags"), ["a|b", "b"], ["x|a|y", "z"])
    np.testing.assert_array_equal(ids, [[2, 0], [0, 0]])
    np.testing.assert_array_equal(values, [[1, 2], [1, 0]])


def test_a_row_with_too_many_members_keeps_the_first_and_warns():
    with pytest.warns(UserWarning, match="column 'tags': 1 rows hold more than 1 values; the first ones were kept"):
        ids, values = encode(MultiValued("tags", pooling="mean"), ["a", "b"], ["b|a", "a"])
    np.testing.assert_array_equal(ids, [[3], [2]])
    np.testing.assert_array_equal(values, [[1], [1]])


def test_fields_share_one_flat_table():
    fields = [Categorical("app"), Numerical("price"), MultiValued("tags"), Categorical("user")]
    encoder = FieldEncoder(fields)
    ids, values = encoder.fit_transform(FRAME)
    assert encoder.field_names == ["app", "price", "tags", "user"]
    assert encoder.field_dims == [4, 2, 5, 5]
    assert encoder.field_starts == [0, 1, 2, 5]
    assert encoder.num_slots == 6
    assert (ids.dtype, values.dtype, ids.shape, values.shape) == (np.int64, np.float32, (5, 6), (5, 6))
    first = np.cumsum([0, *encoder.field_dims])
    for field, (start, end) in enumerate([(0, 1), (1, 2), (2, 5), (5, 6)]):
        assert ids[:, start:end].min() >= first[field]
        assert ids[:, start:end].max() < first[field + 1]
    np.testing.assert_array_equal(encoder.summary()["slots"], [1, 1, 3, 1])


def test_transform_changes_nothing_and_ignores_other_columns():
    encoder = FieldEncoder([Categorical("app")]).fit(FRAME)
    before = encoder.transform(FRAME)
    encoder.transform(pd.DataFrame({"app": ["new", "newer"], "other": [1, 2]}))
    for array, again in zip(before, encoder.transform(FRAME), strict=True):
        np.testing.assert_array_equal(array, again)


def test_an_empty_frame_is_encoded_to_no_rows():
    ids, values = FieldEncoder().fit(FRAME).transform(FRAME.head(0))
    assert ids.shape == values.shape == (0, 4)


def test_floats_are_inferred_numerical_and_all_else_categorical():
    frame = pd.DataFrame({"f": [0.5], "i": [1], "s": ["x"], "b": [True], "c": pd.Categorical(["u"])})
    assert [type(field) for field in infer_fields(frame)] == [Numerical, *[Categorical] * 4]


EVERY_KIND = [
    Categorical("app", 2),
    *(Numerical(name, scaling) for name, scaling in zip("abcde", CONSTRAINTS["scaling"].options, strict=True)),
    MultiValued("tags", min_count=3),
    MultiValued("user", "mean"),
]


@pytest.mark.parametrize("rows", [1, 60, 61, 185])
def test_a_frame_in_pieces_teaches_the_same_to_the_bit(monkeypatch, rows):
    monkeypatch.setattr(fields, "PIECE_ROWS", 60)
    rng = np.random.default_rng(rows)
    numbers = np.where(rng.random((5, rows)) < 0.2, np.nan, 1e3 * rng.standard_normal((5, rows)) ** 3)
    numbers[:, 60:120] = np.nan  # a chunk with no number in it
    frame = pd.DataFrame(dict(zip("abcde", numbers, strict=True)))
    frame["app"] = rng.choice(["x", "y", "z", "", None], rows)
    frame["tags"] = ["|".join(rng.choice(list("ghijklmn"), rng.integers(5))) for _ in range(rows)]
    frame["user"] = rng.integers(9, size=rows)
    whole = FieldEncoder(EVERY_KIND).fit(frame)
    pieces = [scan(frame.iloc[start : start + 60], EVERY_KIND) for start in range(0, rows, 60)]
    learned = FieldEncoder().combine(EVERY_KIND, list(zip(*pieces, strict=True)))
    assert learned._states == whole._states
    encoded = [block for piece in pieces for block in learned.lookup(np.int32)(piece)]
    for array, expected in zip(map(np.concatenate, zip(*encoded, strict=True)), whole.transform(frame), strict=True):
        np.testing.assert_array_equal(array, expected)


def test_mean_and_deviation_of_blocks_are_those_of_the_whole(monkeypatch):
    monkeypatch.setattr(fields, "PIECE_ROWS", 100)
    x = 1e6 + np.random.default_rng(0).standard_normal(1050)
    state = Numerical("x").combine([x])
    np.testing.assert_allclose([state["center"], state["scale"]], [x.mean(), x.std()], rtol=1e-12)


def test_dates_need_a_decision():
    frame = pd.DataFrame({"when": pd.to_datetime(["2026-01-01"])})
    with pytest.raises(ValueError, match="column 'when' holds dates; derive what matters from it"):
        FieldEncoder().fit(frame)


def test_a_saved_encoder_comes_back(tmp_path):
    fields = [
        Categorical("app"),
        Numerical("price", "quantile", 3),
        MultiValued("tags", "mean"),
        Categorical("user", 2),
    ]
    encoder = FieldEncoder(fields).fit(FRAME)
    encoder.save(tmp_path / "encoder.json")
    loaded = FieldEncoder.load(tmp_path / "encoder.json")
    assert loaded.fields == fields
    assert loaded.field_starts == encoder.field_starts
    for array, again in zip(encoder.transform(FRAME), loaded.transform(FRAME), strict=True):
        np.testing.assert_array_equal(array, again)


@pytest.mark.parametrize(
    "change",
    [lambda text: text[:40], lambda text: "", lambda text: "[]", lambda text: text.replace("fields 2", "fields 9")],
)
def test_a_damaged_file_is_refused(tmp_path, change):
    path = tmp_path / "encoder.json"
    FieldEncoder().fit(FRAME).save(path)
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=r"encoder\.json does not hold the fields of a deepfm_np encoder"):
        FieldEncoder.load(path)


FIELDS = [Categorical("app"), Numerical("price"), Numerical("price2", "quantile", 3), MultiValued("tags")]
SAVED = FRAME.assign(price2=FRAME["price"])


def rewritten(path, change):
    """Write the file anew as an older version wrote it, without a checksum, after `change` has changed its contents."""
    FieldEncoder(FIELDS).fit(SAVED).save(path)
    saved = json.loads(path.read_text())
    del saved["crc32"]
    saved["format"] = "deepfm_np fields 1"
    change(saved["fields"])
    path.write_text(json.dumps(saved))


def test_a_file_of_before_the_checksum_is_read(tmp_path):
    rewritten(tmp_path / "encoder.json", lambda fields: None)
    loaded, encoder = FieldEncoder.load(tmp_path / "encoder.json"), FieldEncoder(FIELDS).fit(SAVED)
    assert loaded.fields == FIELDS
    np.testing.assert_array_equal(loaded.transform(SAVED), encoder.transform(SAVED))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda fields: fields[0].pop("min_count"), "a categorical field has name, should have name, min_count"),
        (lambda fields: fields[0].update(min_counts=fields[0].pop("min_count")), "should have name, min_count"),
        (lambda fields: fields[0].update(min_count="1"), "app: min_count must be a positive integer, got '1'"),
        (lambda fields: fields[0].update(kind=["categorical"]), "kind .'categorical'., should be one of categorical"),
        (lambda fields: fields[0].update(kind="magical"), "a field is of kind 'magical', should be one of"),
        (lambda fields: fields[0].update(name=["app", "x"]), "its name is a list; JSON holds numbers and texts"),
        (lambda fields: fields[0]["state"].update(values="abc"), "app: values is not what it should be"),
        (lambda fields: fields[0]["state"].update(values=[1, 2]), "app: values is not what it should be"),
        (lambda fields: fields[0]["state"].update(values=["a", "a"]), "app: values is not what it should be"),
        (lambda fields: fields[0].update(state=None), "app: the state should have values"),
        (lambda fields: fields[0]["state"].update(value=1), "app: the state should have values"),
        (lambda fields: fields[1]["state"].update(scale=float("nan")), "it holds NaN, which is no finite number"),
        (lambda fields: fields[1]["state"].update(scale=0), "price: scale is not what it should be"),
        (lambda fields: fields[1]["state"].update(center=10**400), "price: center is not what it should be"),
        (lambda fields: fields[1]["state"].update(center=True), "price: center is not what it should be"),
        (lambda fields: fields[2]["state"].update(edges=[2.0, 1.0]), "price2: edges is not what it should be"),
        (lambda fields: fields[3]["state"].update(slots=-1), "tags: slots is not what it should be"),
        (lambda fields: fields[3].update(separator=3), "tags: separator must be a text, got 3"),
        (lambda fields: fields.clear(), "it should have a list of fields"),
        (lambda fields: fields.append(7), "a field is of kind 7, should be one of"),
        (lambda fields: fields.append(fields[0]), "two fields have the same name: app"),
    ],
)
def test_a_file_with_wrong_contents_is_refused_in_one_line(tmp_path, change, message):
    path = tmp_path / "encoder.json"
    rewritten(path, change)
    with pytest.raises(
        ValueError, match=rf"encoder\.json does not hold the fields of a deepfm_np encoder: .*{message}"
    ):
        FieldEncoder.load(path)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"format": 1e999}', '{"a":' * 100_000, "7", "null", "\\ud800"])
def test_a_text_that_is_no_encoder_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "encoder.json").write_text(text)
    with pytest.raises(ValueError, match=r"encoder\.json does not hold the fields of a deepfm_np encoder"):
        FieldEncoder.load(tmp_path / "encoder.json")


def test_no_changed_byte_of_a_file_goes_unnoticed(tmp_path):
    path, rng = tmp_path / "encoder.json", np.random.default_rng(0)
    FieldEncoder(FIELDS).fit(SAVED).save(path)
    whole = path.read_bytes()
    loaded = json.loads(whole)
    for at, byte in zip(rng.integers(0, len(whole), 500), rng.integers(0, 256, 500), strict=True):
        path.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
        try:
            FieldEncoder.load(path)
        except ValueError as error:
            assert str(error).startswith(str(path))
        else:
            assert json.loads(path.read_bytes()) == loaded


@pytest.mark.parametrize("name", ["app", 1, "1", 1.5, True, "naïve", "a\ud800"])
def test_a_column_name_comes_back_as_it_was(tmp_path, name):
    cells = np.array([["a\ud801"], ["b"]], object)
    frame = pd.DataFrame(cells, columns=pd.Index([name], dtype=object), dtype=object)
    encoder = FieldEncoder().fit(frame)
    encoder.save(tmp_path / "encoder.json")
    loaded = FieldEncoder.load(tmp_path / "encoder.json")
    assert [(type(field.name), field.name) for field in loaded.fields] == [(type(name), name)]
    np.testing.assert_array_equal(loaded.transform(frame)[0], encoder.transform(frame)[0])


@pytest.mark.parametrize(
    "name",
    [("a", "b"), pd.Timestamp("2026-01-01"), datetime.date(2026, 1, 1), np.datetime64(1, "ns"), None, np.nan, b"a"],
)
def test_a_column_name_that_would_not_come_back_is_refused(tmp_path, name):
    encoder = FieldEncoder([Categorical(name)])
    encoder._set(encoder.fields, [{"values": ["a"]}])
    with pytest.raises((TypeError, ValueError), match=r"column .* cannot be saved: "):
        encoder.save(tmp_path / "encoder.json")
    assert list(tmp_path.iterdir()) == []


def test_missing_and_repeated_columns_are_named():
    encoder = FieldEncoder().fit(FRAME)
    with pytest.raises(ValueError, match="the columns price, tags are missing; there are app, user"):
        encoder.transform(FRAME[["app", "user"]])
    twice = pd.concat([FRAME, FRAME[["app"]]], axis=1)
    with pytest.raises(ValueError, match="there are 2 columns of the name 'app'"):
        encoder.transform(twice)


def test_a_failed_fit_leaves_the_earlier_one():
    encoder = FieldEncoder([Numerical("price")]).fit(FRAME)
    before = encoder.transform(FRAME)
    with pytest.raises(ValueError, match="column 'price' must hold finite numbers"):
        encoder.fit(pd.DataFrame({"price": ["cheap"]}))
    np.testing.assert_array_equal(encoder.transform(FRAME)[1], before[1])


def test_lists_in_a_categorical_column_are_refused_with_advice():
    with pytest.raises(
        ValueError, match="column 'app' holds lists or other unhashable cells; declare it as MultiValued"
    ):
        encode(Categorical("app"), pd.Series([["a"], ["b"]]))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Categorical("x", min_count=0), "x: min_count must be a positive integer, got 0"),
        (lambda: Numerical("x", scaling="cube"), "x: scaling must be one of standard, log"),
        (lambda: Numerical("x", scaling="quantile", bins=1), "x: bins must be an integer of at least 2, got 1"),
        (lambda: MultiValued("x", pooling="max"), "x: pooling must be one of sum, mean, got 'max'"),
        (lambda: MultiValued("x", separator=""), "x: separator must not be empty"),
        (lambda: FieldEncoder([Categorical("x"), Numerical("x")]), "two fields have the same name: x"),
        (lambda: FieldEncoder().fit(FRAME.head(0)), "cannot fit on a frame without rows"),
        (lambda: FieldEncoder([]).fit(FRAME), "cannot fit without fields"),
        (lambda: FieldEncoder().transform(FRAME), r"not fitted yet: call fit\(frame\) first"),
        (lambda: FieldEncoder().save("x.json"), r"not fitted yet: call fit\(frame\) first"),
    ],
)
def test_bad_declarations_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_bare_name_is_not_a_field():
    with pytest.raises(TypeError, match="a field is Categorical, Numerical or MultiValued, got 'x'"):
        FieldEncoder([Categorical("y"), "x"])


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", None, "", "b", "a"]),
        pd.Series(["a", None, float("nan"), 3, 3.0, True], dtype=object),
        pd.Series([1, 2, 2**60 + 1, pd.NA], dtype="Int64"),
        pd.Series([1.0, np.nan, 2.5]),
        pd.Series([True, False, True]),
        pd.Series(["a", "b", None, "a"], dtype="category"),
        pd.Series(pd.to_datetime(["2026-01-01", None, "2026-01-02"])),
        pd.Series([datetime.date(2026, 1, 1), None, 2**70], dtype=object),
    ],
    ids=lambda column: str(column.dtype),
)
@pytest.mark.parametrize("kind", [Categorical, MultiValued])
def test_a_row_alone_is_encoded_as_among_others(kind, column):
    frame = pd.DataFrame({"x": column})
    encoder = FieldEncoder([kind("x")])
    ids, values = encoder.fit_transform(frame)
    for row in range(len(frame)):
        alone = encoder.transform(frame.iloc[[row]])
        np.testing.assert_array_equal(alone[0], ids[[row]])
        np.testing.assert_array_equal(alone[1], values[[row]])


def test_a_single_cell_that_cannot_be_hashed_is_named():
    encoder = FieldEncoder([Categorical("x")]).fit(pd.DataFrame({"x": ["a", "b"]}))
    with pytest.raises(ValueError, match="column 'x' holds lists or other unhashable cells; declare it as MultiValued"):
        encoder.transform(pd.DataFrame({"x": [["a"]]}))


@pytest.mark.parametrize("kind", [Categorical, MultiValued])
def test_the_dictionary_of_a_field_is_made_once_for_all_calls(kind, monkeypatch):
    encoder, made = FieldEncoder([kind("app")]).fit(FRAME), []
    monkeypatch.setattr(fields, "rows_of", lambda *arguments: made.append(1) or rows_of(*arguments))
    first = encoder.transform(FRAME)[0]
    for one in (encoder, encoder, pickle.loads(pickle.dumps(encoder))):
        np.testing.assert_array_equal(one.transform(FRAME)[0], first)
    assert len(made) == 2  # one for each encoder


def test_another_fit_makes_another_dictionary():
    encoder = FieldEncoder([Categorical("app")]).fit(FRAME)
    assert encoder.transform(FRAME)[0][0, 0] == 3
    encoder.fit(pd.DataFrame({"app": ["maps", "news"]}))
    assert encoder.transform(FRAME)[0][0, 0] == 2
