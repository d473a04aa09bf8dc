import numpy as np
import pytest

from deepfm_np.data import Categorical, Numerical, load_criteo

INTEGERS = ["1", "", "-2", "2", "3", "100", *["0"] * 7]
CATEGORIES = ["68fd1e64", "", *["a1b2c3d4"] * 24]


def write(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def line(label="0", integers=INTEGERS, categories=CATEGORIES):
    return "\t".join([label, *integers, *categories])


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "train.txt", line("0"), line("1"), line("1"))


def test_labels_integers_and_categories_are_read(path):
    log = load_criteo(path)
    np.testing.assert_array_equal(log.labels, [0, 1, 1])
    assert [type(field) for field in log.fields] == [Numerical] * 13 + [Categorical] * 26
    assert log.frame.loc[0, ["I1", "I3", "I6", "C1", "C2"]].tolist() == [1, -2, 100, "68fd1e64", ""]
    assert np.isnan(log.frame.loc[0, "I2"])


def test_integers_can_be_buckets(path):
    log = load_criteo(path, numericals="buckets")
    # floor(log(3)^2) = 1, floor(log(100)^2) = 21; integers up to 2 stay as they are
    assert log.frame.loc[0, ["I1", "I3", "I4", "I5", "I6"]].tolist() == ["1", "-2", "2", "1", "21"]
    assert all(isinstance(field, Categorical) for field in log.fields)


def test_rare_categories_are_declared_unknown(path):
    assert {field.min_count for field in load_criteo(path, min_count=4).fields[13:]} == {4}


def test_the_first_rows_can_be_read_alone(path):
    assert len(load_criteo(path, rows=2)) == 2


@pytest.mark.parametrize(
    "bad, message",
    [
        (line("2"), "the label must be 0 or 1, got '2'"),
        (line(integers=["x", *INTEGERS[1:]]), "I1 must be an integer, got 'x'"),
        (line(integers=["9" * 39, *INTEGERS[1:]]), f"I1 must have at most 18 digits, got '{'9' * 39}'"),
        (line(integers=["9" * 400, *INTEGERS[1:]]), "I1 must have at most 18 digits, got"),
        (line(categories=CATEGORIES[1:]), r"39 cells separated by '\\t', should be 40"),
    ],
)
def test_a_malformed_line_is_named_or_skipped_and_counted(tmp_path, bad, message):
    path = write(tmp_path / "train.txt", line(), bad, line())
    with pytest.raises(ValueError, match=rf"train\.txt line 2: {message}"):
        load_criteo(path)
    log = load_criteo(path, on_error="skip")
    assert (len(log), log.skipped) == (2, 1)


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text(f"{line('1')}\n{line()}\n", encoding="utf-8-sig")
    for on_error in ("raise", "skip"):
        log = load_criteo(path, on_error=on_error)
        assert (log.labels.tolist(), log.skipped) == ([1, 0], 0)


@pytest.mark.parametrize("bad", [line("x" * 10**6), line(integers=["9" * 10**6, *INTEGERS[1:]])])
def test_a_long_cell_is_quoted_shortened(tmp_path, bad):
    with pytest.raises(ValueError, match=r"train\.txt line 1: .*\.\.\. \(1,000,000 characters\)$") as caught:
        load_criteo(write(tmp_path / "train.txt", bad))
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_a_missing_or_empty_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train\.txt: no such file"):
        load_criteo(tmp_path / "train.txt")
    with pytest.raises(ValueError, match=r"train\.txt holds no line"):
        load_criteo(write(tmp_path / "train.txt"))


def test_a_binary_file_is_refused(tmp_path):
    (tmp_path / "train.txt").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ValueError, match=r"train\.txt is not a text file in utf-8"):
        load_criteo(tmp_path / "train.txt")


def test_numericals_are_log_or_buckets(path):
    with pytest.raises(ValueError, match="numericals must be one of log, buckets, got 'raw'"):
        load_criteo(path, numericals="raw")
