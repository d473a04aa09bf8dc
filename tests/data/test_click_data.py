import numpy as np
import pandas as pd
import pytest

from deepfm_np.data import Categorical, ClickData, split


def log(n=50, **changes):
    frame = pd.DataFrame({"row": np.arange(n)})
    arguments = {"frame": frame, "labels": (np.arange(n) % 2).astype(np.float32), "fields": [Categorical("row")]}
    return ClickData(**{**arguments, "click_probabilities": np.arange(n) / n, **changes})


def test_parts_share_no_row_and_hold_every_row():
    parts = split(log(), seed=3)
    assert [len(part) for part in parts] == [40, 5, 5]
    assert sorted(np.concatenate([part.frame["row"] for part in parts])) == list(range(50))


def test_labels_and_probabilities_stay_with_their_rows():
    for part in split(log()):
        np.testing.assert_array_equal(part.labels, part.frame["row"] % 2)
        np.testing.assert_array_equal(part.click_probabilities, part.frame["row"] / 50)
        assert list(part.frame.index) == list(range(len(part)))


def test_the_same_seed_gives_the_same_parts_and_another_seed_others():
    first, same, other = (split(log(), seed=seed)[0].frame["row"].tolist() for seed in (1, 1, 2))
    assert first == same != other


@pytest.mark.parametrize("fractions", [(0.5, 0.6), (1.0, 0.0), (0.5, 0.4)])
def test_fractions_must_be_positive_and_sum_to_one(fractions):
    with pytest.raises(ValueError, match="fractions must be positive and sum to 1"):
        split(log(), fractions)


def test_an_empty_part_is_refused():
    with pytest.raises(
        ValueError, match=r"3 rows are too few for the fractions \(0.8, 0.1, 0.1\): a part would be empty"
    ):
        split(log(3))


def test_bad_labels_and_lengths_are_named():
    with pytest.raises(ValueError, match=r"labels must be 0 or 1; row 17 holds 2\.0"):
        log(labels=np.where(np.arange(50) == 17, 2.0, 0.0))
    with pytest.raises(ValueError, match="there are 50 rows and 49 labels"):
        log(labels=np.zeros(49))
    with pytest.raises(ValueError, match=r"labels must be \(n,\) with n >= 1"):
        log(0)
