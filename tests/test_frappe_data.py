"""The script that rebuilds Frappe's training part, on a log made here."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "docs" / "benchmarks" / "results"))

from frappe_data import ITEM, rebuilt

APPS = np.arange(100, 140)


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(0)
    ids = np.zeros((60, 10), np.int64)
    ids[:, 0] = rng.integers(4, size=60)
    ids[:, ITEM] = np.concatenate([APPS, rng.choice(APPS[:5], 20)])
    ids[:, 2] = rng.integers(200, 203, size=60)
    return ids


def whole(log):
    """The log with two negatives for each row, made as the rule says, and the labels."""
    nothing = np.empty((0, log.shape[1]), np.int64)
    return rebuilt(log, nothing, np.empty(0), np.random.default_rng(1))


def without_item(rows):
    return Counter(map(tuple, np.delete(rows, ITEM, axis=1).tolist()))


def test_everything_but_the_apps_of_the_negatives_is_rebuilt(log):
    rows, labels = whole(log)
    assert (len(rows), labels.sum()) == (180, 60)
    hidden, known = np.arange(100), np.arange(100, 180)
    again, clicks = rebuilt(log, rows[known], labels[known], np.random.default_rng(2))
    positives = Counter(map(tuple, rows[hidden][labels[hidden] == 1].tolist()))
    assert Counter(map(tuple, again[clicks == 1].tolist())) == positives
    assert without_item(again[clicks == 0]) == without_item(rows[hidden][labels[hidden] == 0])


def test_negatives_hold_apps_that_the_user_never_used_and_none_twice(log):
    rows, labels = whole(log)
    known = np.arange(60)
    again, clicks = rebuilt(log, rows[known], labels[known], np.random.default_rng(2))
    negatives = again[clicks == 0]
    assert set(negatives[:, ITEM]) <= set(APPS)
    used = set(map(tuple, log[:, [0, ITEM]].tolist()))
    assert not used & set(map(tuple, negatives[:, [0, ITEM]].tolist()))
    both = np.concatenate([negatives, rows[known][labels[known] == 0]])
    assert len(np.unique(both, axis=0)) == len(both)


def test_another_seed_draws_other_apps(log):
    rows, labels = whole(log)
    first, second = (rebuilt(log, rows[:60], labels[:60], np.random.default_rng(seed)) for seed in (0, 1))
    assert Counter(first[0][:, ITEM].tolist()) != Counter(second[0][:, ITEM].tolist())


def test_rows_of_another_log_are_refused(log):
    rows, labels = whole(log)
    with pytest.raises(ValueError, match="the known rows are not made from this log"):
        rebuilt(log[1:], rows, labels, np.random.default_rng(0))
