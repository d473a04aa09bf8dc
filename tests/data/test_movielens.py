import numpy as np
import pytest

from deepfm_np.data import load_movielens_1m, load_movielens_100k


@pytest.fixture
def ml_1m(tmp_path):
    (tmp_path / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::70072\n", "latin-1")
    (tmp_path / "movies.dat").write_text("5::Léon (1994)::Drama|Crime\n6::No Year::Comedy\n", "latin-1")
    (tmp_path / "ratings.dat").write_text("1::5::5\n2::5::3\n2::6::4\n1::6::1\n")
    return tmp_path


@pytest.fixture
def ml_100k(tmp_path):
    (tmp_path / "u.genre").write_text("unknown|0\nAction|1\nDrama|2\n\n")
    (tmp_path / "u.user").write_text("1|24|M|technician|85711\n2|53|F|other|94043\n")
    items = ["1|Toy (1995)|01-Jan-1995||url|0|1|1", "2|Né||||1|0|0"]
    (tmp_path / "u.item").write_text("\n".join(items) + "\n", "latin-1")
    (tmp_path / "u.data").write_text("1\t1\t4\t881250949\n2\t2\t3\t881250949\n2\t1\t2\t881250949\n")
    return tmp_path


def test_1m_joins_users_and_films(ml_1m):
    log = load_movielens_1m(ml_1m)
    assert list(log.frame.columns) == [field.name for field in log.fields]
    assert log.frame.iloc[0].tolist() == [1, 5, 1, "F", "10", "48067", "Drama|Crime", "1994"]
    assert log.frame.iloc[2].tolist() == [2, 6, 56, "M", "16", "70072", "Comedy", ""]
    np.testing.assert_array_equal(log.labels, [1, 0, 1, 0])


def test_1m_takes_timestamps_too(ml_1m):
    without = load_movielens_1m(ml_1m)
    ratings = (ml_1m / "ratings.dat").read_text().replace("\n", "::978300760\n")
    (ml_1m / "ratings.dat").write_text(ratings)
    assert load_movielens_1m(ml_1m).frame.equals(without.frame)


def test_100k_joins_users_and_films(ml_100k):
    log = load_movielens_100k(ml_100k)
    assert log.frame.iloc[0].tolist() == [1, 1, 24, "M", "technician", "85711", "Action|Drama", "1995"]
    assert log.frame.iloc[1].tolist() == [2, 2, 53, "F", "other", "94043", "unknown", ""]
    np.testing.assert_array_equal(log.labels, [1, 0, 0])


def test_ratings_of_three_can_be_dropped(ml_1m):
    log = load_movielens_1m(ml_1m, drop_threes=True)
    np.testing.assert_array_equal(log.labels, [1, 1, 0])
    assert log.frame["item_id"].tolist() == [5, 6, 6]


MALFORMED = [
    ("1::5", r"2 cells separated by '::', should be 3 or 4"),
    ("1::5::6", r"rating must be 1 to 5, got 6"),
    ("1::5::x", r"rating must be an integer, got 'x'"),
    ("3::5::4", r"user 3 is not in the file of users"),
    ("1::7::4", r"item 7 is not in the file of items"),
    ("", r"1 cells separated by '::', should be 3 or 4"),
]


@pytest.mark.parametrize("line, message", MALFORMED)
def test_a_malformed_line_is_named_by_file_and_line(ml_1m, line, message):
    with open(ml_1m / "ratings.dat", "a") as file:
        file.write(f"{line}\n")
    with pytest.raises(ValueError, match=rf"ratings\.dat line 5: {message}"):
        load_movielens_1m(ml_1m)


@pytest.mark.parametrize("line, message", MALFORMED)
def test_a_malformed_line_can_be_skipped_and_is_counted(ml_1m, line, message):
    whole = load_movielens_1m(ml_1m)
    text = (ml_1m / "ratings.dat").read_text()
    (ml_1m / "ratings.dat").write_text(f"{line}\n{text}")
    log = load_movielens_1m(ml_1m, on_error="skip")
    assert log.skipped == 1
    assert log.frame.equals(whole.frame)


def test_genre_flags_that_are_neither_0_nor_1_are_named(ml_100k):
    with open(ml_100k / "u.item", "a") as file:
        file.write("3|X|01-Jan-1990|||0|2|0\n")
    with pytest.raises(ValueError, match=r"u\.item line 3: genre flags must be 0 or 1, got 0 2 0"):
        load_movielens_100k(ml_100k)


@pytest.mark.parametrize("name, line", [("users.dat", "1::M::18::3::1"), ("movies.dat", "5::Again (1999)::Drama")])
def test_a_user_or_an_item_that_stands_twice_is_named_or_skipped_and_counted(ml_1m, name, line):
    whole = load_movielens_1m(ml_1m)
    with open(ml_1m / name, "a") as file:
        file.write(f"{line}\n")
    number = len((ml_1m / name).read_text(encoding="latin-1").splitlines())
    message = rf"{name} line {number}: (user 1|item 5) was already on an earlier line"
    with pytest.raises(ValueError, match=message):
        load_movielens_1m(ml_1m)
    log = load_movielens_1m(ml_1m, on_error="skip")
    assert log.skipped == 1
    assert log.frame.equals(whole.frame)


def test_a_log_of_threes_alone_leaves_nothing(ml_1m):
    (ml_1m / "ratings.dat").write_text("1::5::3\n")
    with pytest.raises(ValueError, match="every rating is a 3: without them none is left"):
        load_movielens_1m(ml_1m, drop_threes=True)


def test_a_missing_file_says_where_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"u\.data: no such file; MovieLens is at https://grouplens\.org"):
        load_movielens_100k(tmp_path)


def test_an_empty_file_is_named(ml_1m):
    (ml_1m / "ratings.dat").write_text("")
    with pytest.raises(ValueError, match=r"ratings\.dat holds no line"):
        load_movielens_1m(ml_1m)


def test_on_error_is_raise_or_skip(ml_1m):
    with pytest.raises(ValueError, match="on_error must be one of raise, skip, got 'ignore'"):
        load_movielens_1m(ml_1m, on_error="ignore")
