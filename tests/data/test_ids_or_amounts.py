import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deepfm_np.data import Categorical, Numerical, load_movielens_100k, load_table, settle, split
from deepfm_np.data.ids_or_amounts import BINS, _losses, _ranges, ranges_tell_more
from deepfm_np.data.kinds import decide, settled

DATA = Path(os.environ.get("DEEPFM_DATA", Path(__file__).parents[3] / "shared" / "data"))
RNG = np.random.default_rng(0)
N = 20_000


def labels_of(logits):
    return (RNG.random(len(logits)) < 1 / (1 + np.exp(-logits))).astype(np.float32)


def column(values, labels):
    frame = pd.DataFrame({"x": values})
    return settled(decide(frame), frame, labels)[0]


def effects(ids, spread=1.0):
    """Of each id its own effect, which says nothing of the next id."""
    return RNG.normal(0, spread, int(ids.max()) + 1)[ids]


def amounts(of):
    """A label that rises and falls again with the logarithm of the amount."""
    z = np.log1p(np.abs(of))
    z = (z - z.mean()) / z.std()
    return labels_of(z - 0.5 * z**2 - 1)


USERS = np.sort(RNG.integers(1, 944, N))
POPULAR = np.minimum(RNG.zipf(1.3, N), 5000)
SECONDS = np.floor(np.exp(RNG.normal(5, 1, N))).astype(int)
VISITS = np.floor(RNG.pareto(1.2, N) * 20).astype(int)
AGES = np.clip(RNG.normal(41, 14, N), 16, 99).astype(int)
EUROS = np.round(RNG.normal(1500, 900, N)).astype(int)

IDS = {
    "sequential users": (USERS, labels_of(effects(USERS))),
    "sequential users of five rows": (USERS[::4], labels_of(effects(USERS[::4], 1.5))),
    "films numbered by popularity": (POPULAR, labels_of(effects(POPULAR) - 0.1 * np.log(POPULAR))),
    "ids that tell nothing": (USERS, labels_of(np.zeros(N))),
    "amounts of which each means its own": (np.where(RNG.random(N) < 0.9, 0, VISITS), labels_of(effects(VISITS))),
    "users, labels all alike": (USERS, np.zeros(N)),
}
AMOUNTS = {
    "seconds of a call": (SECONDS, amounts(SECONDS)),
    "heavy-tailed visits": (VISITS, amounts(VISITS)),
    "mostly -1 for never": (np.where(RNG.random(N) < 0.7, -1, SECONDS), amounts(SECONDS)),
    "with missing cells": (np.where(RNG.random(N) < 0.1, np.nan, SECONDS), amounts(SECONDS)),
    "ages of few rows each": (AGES[:2000], amounts(AGES[:2000])),
}
SETTLED_WITHOUT_LABELS = {
    "a rating": (RNG.integers(1, 6, N), "categorical", "few whole numbers"),
    "hours": (RNG.integers(0, 24, N), "categorical", "few whole numbers"),
    "minutes": (RNG.integers(0, 60, N), "categorical", "few whole numbers"),
    "years": (RNG.integers(1919, 2009, N), "categorical", "codes of 4 digits"),
    "zip codes": (RNG.integers(10_001, 12_000, N), "categorical", "codes of 5 digits"),
    "long ids, some unknown": (np.where(RNG.random(N) < 0.1, -1, USERS + 100_000), "categorical", "codes of 6 digits"),
    "balances": (EUROS, "numerical", "whole numbers, some negative"),
    "degrees": (RNG.integers(-20, 20, N), "numerical", "whole numbers, some negative"),
    "amounts that rarely repeat": (RNG.integers(0, 900_000, N), "numerical", "whole numbers that rarely repeat"),
    "texts of digits": (SECONDS.astype(str), "categorical", "texts"),
}


@pytest.mark.parametrize("values, labels", IDS.values(), ids=IDS)
def test_ids_stay_categories(values, labels):
    found = column(values, labels)
    assert (found.kind, found.why) == ("categorical", "ids: a range tells no more of the label than a value")


@pytest.mark.parametrize("values, labels", AMOUNTS.values(), ids=AMOUNTS)
def test_amounts_that_repeat_are_numerical(values, labels):
    assert column(values, RNG.permutation(labels)).kind == "categorical"  # the labels decide, not the values
    found = column(values, labels)
    assert (found.field, found.why) == (Numerical("x"), "amounts: a range tells more of the label than a value")


@pytest.mark.parametrize("values, kind, why", SETTLED_WITHOUT_LABELS.values(), ids=SETTLED_WITHOUT_LABELS)
def test_some_whole_numbers_need_no_labels(values, kind, why):
    order = np.argsort(np.argsort(values.astype(float), kind="stable"))
    found = column(values, (order > len(values) // 2).astype(np.float32))
    assert (found.kind, found.why) == (kind, why)


def test_a_value_of_many_rows_is_a_range_of_its_own_and_the_others_share():
    counts = np.array([1, 1, 970, *[1] * 28])
    ranges = _ranges(counts)
    assert (ranges == ranges[2]).sum() == 1
    assert len(np.unique(np.delete(ranges, 2))) == BINS
    assert (np.diff(np.delete(ranges, 2)) >= 0).all()


def test_a_row_is_predicted_by_the_others_of_its_group():
    labels = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    codes = np.array([0, 0, 0, 1, 1, 2])
    losses = np.full(6, np.inf)
    for strength in (1, 10, 100, 1000, 10_000):
        tried = []
        for i in range(6):
            others = np.arange(6) != i
            base = (labels[others].sum() + 1) / 7
            same = others & (codes == codes[i])
            p = (labels[same].sum() + strength * base) / (same.sum() + strength)
            tried.append(-np.log(p if labels[i] else 1 - p))
        losses = min(losses, np.array(tried), key=np.mean)
    np.testing.assert_allclose(_losses(codes, labels), losses, rtol=1e-12)


def test_the_order_of_the_rows_and_which_class_is_called_1_change_nothing():
    values, labels = AMOUNTS["ages of few rows each"]
    order = RNG.permutation(len(values))
    assert ranges_tell_more(values.astype(float), labels)
    assert ranges_tell_more(values[order].astype(float), labels[order])
    assert ranges_tell_more(values.astype(float), 1 - labels)


def test_only_the_labels_of_the_training_part_have_a_say(tmp_path):
    path = tmp_path / "calls.csv"
    pd.DataFrame({"bought": AMOUNTS["seconds of a call"][1].astype(int), "seconds": SECONDS}).to_csv(path, index=False)
    log = load_table(path, "bought")
    train, *_ = split(log)
    assert log.fields == [Categorical("seconds")]
    assert settle(train).fields == [Numerical("seconds")]
    train.labels[:] = RNG.permutation(train.labels)
    assert settle(train).fields == [Categorical("seconds")]


def test_numbers_that_a_file_has_with_leading_zeros_are_codes(tmp_path):
    path = tmp_path / "calls.csv"
    zips = np.minimum(SECONDS, 99_999)
    frame = pd.DataFrame({"bought": AMOUNTS["seconds of a call"][1].astype(int), "zip": zips, "bare": zips})
    frame.assign(zip=frame["zip"].map("{:05}".format)).to_csv(path, index=False)
    train = settle(split(load_table(path, "bought"))[0])
    assert train.fields == [Categorical("zip"), Numerical("bare")]
    assert train.columns[0].why == "codes with leading zeros"


def test_users_and_films_of_movielens_are_ids():
    if not (DATA / "ml-100k").exists():
        pytest.skip(f"{DATA / 'ml-100k'} is not there; set DEEPFM_DATA to the folder of the real logs")
    log = load_movielens_100k(DATA / "ml-100k")
    for name in ("user_id", "item_id"):
        numbers = log.frame[name].astype(int)
        assert column(numbers, log.labels).kind == "categorical"
        assert not ranges_tell_more(numbers[:5000].to_numpy(float), log.labels[:5000])
