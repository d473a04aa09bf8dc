import gzip

import numpy as np
import pytest

from deepfm_np.data import Categorical, FieldEncoder, load_libfm


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train.libfm"


def write(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_features_of_value_1_as_many_in_every_row_are_one_field_for_each_place(path):
    log = load_libfm(write(path, "1 7:1 20:1", "-1 8:1 20:1", "1 7:1.0 31:1"))
    np.testing.assert_array_equal(log.labels, [1, 0, 1])
    assert log.labels.dtype == np.float32
    assert [(field.name, field.kind) for field in log.fields] == [
        ("place 1", "categorical"),
        ("place 2", "categorical"),
    ]
    np.testing.assert_array_equal(log.frame, [[7, 20], [8, 20], [7, 31]])


def test_other_rows_are_one_numerical_field_for_each_feature_with_0_where_it_is_absent(path):
    log = load_libfm(write(path, "0 3:.5 10:-2", "1 10:1e2"))
    assert [(field.name, field.kind, field.scaling) for field in log.fields] == [
        ("feature 3", "numerical", "identity"),
        ("feature 10", "numerical", "identity"),
    ]
    np.testing.assert_array_equal(log.frame, [[0.5, -2], [0, 100]])
    ids, values = FieldEncoder(log.fields).fit_transform(log.frame)
    np.testing.assert_array_equal(values, np.array([[0.5, -2], [0, 100]], np.float32))
    np.testing.assert_array_equal(ids, [[0, 2], [0, 2]])


def test_a_row_without_features_is_all_zeros(path):
    log = load_libfm(write(path, "1 3:2", "0"))
    np.testing.assert_array_equal(log.frame, [[2], [0]])


def test_ids_by_place_become_rows_of_their_field_and_unseen_ones_the_unknown(path):
    train = load_libfm(write(path, "1 7:1 20:1", "-1 8:1 20:1"))
    encoder = FieldEncoder(train.fields).fit(train.frame)
    assert encoder.field_dims == [4, 3]  # unknown and missing, then one row for each id
    test = load_libfm(write(path, "1 8:1 7:1"), train.fields)
    ids, values = encoder.transform(test.frame)
    np.testing.assert_array_equal(ids, [[3, 4]])  # 7 is known at the first place, not at the second
    np.testing.assert_array_equal(values, [[1, 1]])


def test_a_second_file_has_the_features_of_the_first(path):
    train = load_libfm(write(path, "1 3:.5 10:2", "0 10:1"))
    test = load_libfm(write(path, "1 10:3 99:7"), train.fields)
    assert test.fields == train.fields
    np.testing.assert_array_equal(test.frame, [[0, 3]])


@pytest.mark.parametrize(
    "line, message",
    [
        ("1 7:1 20:1 21:1", "3 features, should be 2"),
        ("1 7:1 20:2", "feature 20 has the value 2, should be 1"),
    ],
)
def test_a_second_file_that_does_not_fit_the_places_of_the_first_is_named(path, line, message):
    train = load_libfm(write(path, "1 7:1 20:1", "-1 8:1 20:1"))
    with pytest.raises(ValueError, match=rf"train\.libfm line 2: {message}"):
        load_libfm(write(path, "1 7:1 20:1", line), train.fields)


def test_fields_of_another_kind_of_file_are_refused(path):
    with pytest.raises(ValueError, match="fields must be those of another libfm file, got user"):
        load_libfm(write(path, "1 7:1"), [Categorical("user")])


def test_blanks_between_and_after_features_and_a_plus_do_not_matter(path):
    log = load_libfm(write(path, "+1  7:1\t20:1 ", "-1 8:1 20:1\r"))
    np.testing.assert_array_equal(log.labels, [1, 0])
    np.testing.assert_array_equal(log.frame, [[7, 20], [8, 20]])


@pytest.mark.parametrize(
    "bad, message",
    [
        ("2 7:1", "the label must be 0 or 1, or -1 or 1, got '2'"),
        ("", "the label must be 0 or 1, or -1 or 1, got ''"),
        ("7:1", "the label must be 0 or 1, or -1 or 1, got '7:1'"),
        ("0 7:1", "the label is 0, on an earlier line it is -1"),
        ("1 7", "a feature must be id:value, got '7'"),
        ("1 2:7:1", "a feature must be id:value, got '2:7:1'; field:id:value is the format of libffm"),
        ("1 a:1", "the id of a feature must be an integer from 0 on, got 'a:1'"),
        ("1 -3:1", "the id of a feature must be an integer from 0 on, got '-3:1'"),
        ("1 1_0:1", "the id of a feature must be an integer from 0 on, got '1_0:1'"),
        (f"1 {'9' * 19}:1", "the id of a feature must have at most 18 digits, got"),
        ("1 7:x", "the value of a feature must be a finite number, got '7:x'"),
        ("1 7:", "the value of a feature must be a finite number, got '7:'"),
        ("1 7:nan", "the value of a feature must be a finite number, got '7:nan'"),
        ("1 7:1e39", "the value of a feature must be a finite number, got '7:1e39'"),
        ("1 7:1 8:1 7:1", "feature 7 is there twice"),
        ("1 7:1 # comment", "a feature must be id:value, got '#'"),
        ("1 qid:3 7:1", "the id of a feature must be an integer from 0 on, got 'qid:3'"),
    ],
)
def test_a_malformed_line_is_named(path, bad, message):
    with pytest.raises(ValueError, match=r"train\.libfm line 3: ") as caught:
        load_libfm(write(path, "1 7:1", "-1 8:1", bad))
    assert message in str(caught.value)


def test_a_long_cell_is_quoted_shortened(path):
    with pytest.raises(ValueError, match=r"train\.libfm line 1: .*\.\.\. \(1,000,002 characters\)") as caught:
        load_libfm(write(path, f"1 {'x' * 10**6}:1"))
    assert len(str(caught.value)) < 400 + len(str(path))


def test_too_many_features_for_columns_of_their_own_are_an_error_that_says_why(path):
    rows = [f"1 {feature}:1 5000:1" for feature in range(1001)]
    with pytest.raises(ValueError) as caught:
        load_libfm(write(path, *rows, "0 3:1"))
    assert str(caught.value) == (
        f"{path} line 1002: the number of features is 1, in line 1 it is 2, so each of the 1,002 features would be a "
        "column; at most 1,000 can be"
    )
    with pytest.raises(ValueError, match="line 2: a feature has the value 2, not 1, so each of the 1,003"):
        load_libfm(write(path, rows[0], "0 3:1 5001:2", *rows[1:]))


def test_rows_without_any_feature_are_an_error(path):
    with pytest.raises(ValueError, match=r"train\.libfm has no features"):
        load_libfm(write(path, "1", "0"))


def test_a_missing_empty_or_binary_file_is_named(path):
    with pytest.raises(FileNotFoundError, match=r"train\.libfm: no such file"):
        load_libfm(path)
    with pytest.raises(ValueError, match=r"train\.libfm holds no line"):
        load_libfm(write(path))
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ValueError, match=r"train\.libfm is not a text file in utf-8"):
        load_libfm(path)


def test_a_compressed_file_is_read_and_a_damaged_one_named(path):
    whole = gzip.compress(b"1 7:1\n-1 8:1\n" * 1000)
    path.write_bytes(whole)
    assert len(load_libfm(path)) == 2000
    for damaged in (whole[:-9], whole[:20], whole[:15] + b"\0\0\0\0" + whole[19:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"train\.libfm cannot be read: "):
            load_libfm(path)
