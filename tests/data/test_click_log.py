import numpy as np
import pandas as pd
import pytest

from deepfm_np.data import Categorical, Numerical, make_click_log
from deepfm_np.data import click_log as truth

LOG = make_click_log(rows=20_000, seed=3)


def logits(log):
    return np.log(log.click_probabilities / (1 - log.click_probabilities))


def codes(column):
    """(n,) integer codes, one for each distinct value of the column."""
    return pd.factorize(column)[0]


def explained(log, fields):
    """The share of the logits' variance that lies between groups with equal values in the given fields."""
    z = pd.Series(logits(log))
    return z.groupby([codes(log.frame[name]) for name in fields]).transform("mean").var() / z.var()


def planted_order2(frame):
    category = pd.Index(truth.CATEGORIES).get_indexer(frame["category"])
    return truth.category_and_hour()[category, frame["hour"]]


def planted_order3(frame):
    gender = pd.Index(truth.GENDERS).get_indexer(frame["gender"])
    age = pd.Index(truth.AGES).get_indexer(frame["age"])
    category = pd.Index(truth.CATEGORIES).get_indexer(frame["category"])
    return truth.gender_age_and_category()[gender, age, category]


def test_the_same_seed_gives_the_same_bits():
    again = make_click_log(rows=20_000, seed=3)
    pd.testing.assert_frame_equal(again.frame, LOG.frame, check_exact=True)
    assert again.labels.tobytes() == LOG.labels.tobytes()
    assert again.click_probabilities.tobytes() == LOG.click_probabilities.tobytes()


def test_another_seed_draws_other_impressions_and_other_labels():
    other = make_click_log(rows=20_000, seed=4)
    assert (other.frame["hour"] == LOG.frame["hour"]).mean() == pytest.approx(1 / 24, abs=0.01)
    assert not np.array_equal(other.labels, LOG.labels)


def test_numpy_s_global_generator_is_neither_read_nor_moved():
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    make_click_log(rows=10)
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002


@pytest.mark.parametrize("rows", [1, 2, 777])
def test_it_has_as_many_rows_as_asked_for(rows):
    log = make_click_log(rows=rows)
    assert len(log) == len(log.frame) == len(log.labels) == len(log.click_probabilities) == rows


def test_the_default_is_100_000_rows_of_which_15_to_30_percent_are_clicks():
    log = make_click_log()
    assert len(log) == 100_000
    assert 0.15 < log.labels.mean() < 0.30


@pytest.mark.parametrize("strengths", [(0, 0, 0), (3, 0, 0), (0, 3, 0), (0, 0, 3), (0.1, 0.1, 0.1)])
def test_the_mean_click_probability_is_the_same_at_any_strengths(strengths):
    assert make_click_log(2000, 0, *strengths).click_probabilities.mean() == pytest.approx(0.22, abs=0.01)


def test_labels_are_float32_of_0_and_1_and_probabilities_are_float64_strictly_between():
    assert LOG.labels.dtype == np.float32
    assert set(np.unique(LOG.labels)) == {0.0, 1.0}
    assert LOG.click_probabilities.dtype == np.float64
    assert LOG.click_probabilities.min() > 0 and LOG.click_probabilities.max() < 1


def test_every_column_is_a_field_and_the_only_number_is_the_recency():
    assert [field.name for field in LOG.fields] == list(LOG.frame.columns)
    numerical = [field.name for field in LOG.fields if isinstance(field, Numerical)]
    assert numerical == ["days_since_release"]
    assert all(isinstance(field, Categorical) for field in LOG.fields if field.name not in numerical)


def test_labels_follow_the_probabilities_in_every_tenth_of_the_log():
    by_probability = np.array_split(np.argsort(LOG.click_probabilities), 10)
    for rows in by_probability:
        p, y = LOG.click_probabilities[rows], LOG.labels[rows]
        standard_error = np.sqrt((p * (1 - p)).sum()) / len(rows)
        assert abs(y.mean() - p.mean()) < 4 * standard_error


def test_the_order_2_table_sums_to_zero_along_both_axes():
    table = truth.category_and_hour()
    assert table.shape == (len(truth.CATEGORIES), 24)
    for axis in (0, 1):
        np.testing.assert_allclose(table.sum(axis=axis), 0, atol=1e-12)


def test_the_order_3_table_sums_to_zero_along_every_axis():
    table = truth.gender_age_and_category()
    assert table.shape == (len(truth.GENDERS), len(truth.AGES), len(truth.CATEGORIES))
    for axis in (0, 1, 2):
        np.testing.assert_allclose(table.sum(axis=axis), 0, atol=1e-12)


@pytest.mark.parametrize("table", [truth.category_and_hour, truth.gender_age_and_category])
def test_the_entries_of_a_planted_table_have_mean_square_1(table):
    assert (table() ** 2).mean() == pytest.approx(1)


def test_food_is_wanted_at_meals_and_not_between_or_at_night():
    food = truth.category_and_hour()[truth.CATEGORIES.index("food")]
    assert food[[8, 12, 19]].min() > 1 > 0 > food[[3, 16, 23]].max()


def test_the_youngest_men_lean_to_shooters_and_role_playing_games_and_away_from_puzzles():
    young_men = truth.gender_age_and_category()[truth.GENDERS.index("male"), 0]
    leaning = dict(zip(truth.CATEGORIES, young_men, strict=True))
    assert leaning["shooter"] == leaning["role-playing"] == young_men.max() > 1
    assert leaning["puzzle"] == young_men.min() < -1
    assert leaning["food"] == 0


def test_fields_are_drawn_uniformly_and_each_app_has_one_category():
    for name in ("gender", "age", "device", "hour", "category", "app"):
        counts = LOG.frame[name].value_counts()
        expected = len(LOG) / len(counts)
        assert abs(counts - expected).max() < 5 * np.sqrt(expected)
    assert (LOG.frame.groupby("app", observed=True)["category"].nunique() == 1).all()


def test_with_all_strengths_0_everyone_clicks_with_the_same_probability():
    np.testing.assert_allclose(make_click_log(500, 0, 0, 0, 0).click_probabilities, 0.22, rtol=1e-12)


def test_order_1_alone_is_a_sum_of_recency_and_app():
    log = make_click_log(5000, 1, order1=0.7, order2=0, order3=0)
    design = np.column_stack([log.frame["days_since_release"], np.eye(60)[codes(log.frame["app"])]])
    coefficients, *_ = np.linalg.lstsq(design, logits(log), rcond=None)
    np.testing.assert_allclose(design @ coefficients, logits(log), atol=1e-9)
    assert coefficients[0] < 0, "newer apps are clicked more"


def test_order_2_alone_is_its_table_times_the_strength():
    log = make_click_log(5000, 1, order1=0, order2=0.9, order3=0)
    rest = logits(log) - 0.9 * planted_order2(log.frame)
    np.testing.assert_allclose(rest, rest[0], atol=1e-9)


def test_order_3_alone_is_its_table_times_the_strength():
    log = make_click_log(5000, 1, order1=0, order2=0, order3=1.2)
    rest = logits(log) - 1.2 * planted_order3(log.frame)
    np.testing.assert_allclose(rest, rest[0], atol=1e-9)


def test_switching_order_3_off_takes_its_term_out_of_the_logits_and_leaves_the_impressions():
    without = make_click_log(20_000, 3, order3=0)
    pd.testing.assert_frame_equal(without.frame, LOG.frame, check_exact=True)
    term = logits(LOG) - logits(without) - planted_order3(LOG.frame)
    np.testing.assert_allclose(term, term[0], atol=1e-9)


@pytest.mark.parametrize("pair", [("gender", "age"), ("gender", "category"), ("age", "app")])
def test_no_pair_of_fields_tells_anything_of_order_3(pair):
    log = make_click_log(20_000, 1, order1=0, order2=0, order3=1)
    assert explained(log, ("gender", "age", "category")) == pytest.approx(1)
    assert explained(log, pair) < 0.02


def test_no_single_field_tells_anything_of_order_2():
    log = make_click_log(20_000, 1, order1=0, order2=1, order3=0)
    assert explained(log, ("category", "hour")) == pytest.approx(1)
    assert max(explained(log, [name]) for name in ("category", "hour", "app")) < 0.02


def test_the_device_means_nothing():
    assert explained(LOG, ["device"]) < 0.001


@pytest.mark.parametrize("rows", [0, -1])
def test_less_than_one_row_is_refused(rows):
    with pytest.raises(ValueError, match=f"rows must be a positive integer, got {rows}"):
        make_click_log(rows=rows)


@pytest.mark.parametrize("name", ["order1", "order2", "order3"])
@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf")])
def test_a_strength_that_is_negative_or_not_finite_is_refused(name, strength):
    with pytest.raises(ValueError, match=f"{name} must be a non-negative number, got {strength}"):
        make_click_log(rows=10, **{name: strength})
