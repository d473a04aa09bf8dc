import numpy as np
import pytest

from deepfm_np import DeepFM
from deepfm_np.data import examples
from deepfm_np.data.examples import Blocks, split_blocks
from deepfm_np.optim import Adam
from deepfm_np.training import Examples, batches, evaluate, fit, predict


def numbered(rows):
    """Each row holds its own row number."""
    numbers = np.arange(rows)
    return Examples(
        np.stack([numbers, numbers], axis=1), np.ones((rows, 2), np.float32), (numbers % 2).astype(np.uint8)
    )


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr(examples, "BLOCK_ROWS", 8)
    monkeypatch.setattr(examples, "LEAST_BLOCKS", 32)
    monkeypatch.setattr(examples, "WINDOW_ROWS", 64)


def rows_of(some):
    return np.concatenate([part.ids[:, 0] for part in some])


@pytest.mark.parametrize("rows", [10, 100, 1003])
def test_the_parts_share_no_row_and_hold_every_row(small_windows, rows):
    log = numbered(rows)
    parts = split_blocks(lambda: log)
    together = np.concatenate([rows_of(part.parts()) for part in parts])
    np.testing.assert_array_equal(np.sort(together), np.arange(rows))
    assert sum(map(len, parts)) == rows
    for part in parts:
        np.testing.assert_array_equal(part.labels, rows_of(part.parts()) % 2)


def test_the_parts_are_random_and_follow_from_the_seed(small_windows):
    log = numbered(1003)
    first, same, other = (split_blocks(lambda: log, seed=seed)[0].numbers for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert len(first) != len(other) or (first != other).any()
    assert len(split_blocks(lambda: log)[0]) == pytest.approx(802, abs=16)


def test_every_row_is_seen_once_per_epoch_in_full_batches(small_windows):
    log = numbered(1003)
    some = Blocks(lambda: log, np.arange(126), 8)
    rng = np.random.default_rng(0)
    first, second = (list(batches(some, 50, rng)) for _ in range(2))
    assert [len(batch.labels) for batch in first] == [50] * 20 + [3]
    np.testing.assert_array_equal(np.sort(rows_of(first)), np.arange(1003))
    assert (rows_of(first) != rows_of(second)).any()
    np.testing.assert_array_equal(rows_of(first), rows_of(batches(some, 50, np.random.default_rng(0))))


def test_rows_of_a_block_stay_within_a_window_and_are_mixed_there(small_windows):
    log = numbered(1024)
    order = rows_of(batches(Blocks(lambda: log, np.arange(128), 8), 64, np.random.default_rng(0)))
    for window in order.reshape(-1, 64):
        assert len(set(window // 8)) == 8
        assert (np.diff(window // 8) != 0).mean() > 0.7
    assert np.corrcoef(order, np.arange(1024))[0, 1] < 0.2


def test_a_short_log_is_shuffled_as_a_whole():
    log = numbered(5000)
    train = split_blocks(lambda: log)[0]
    assert len(list(train.windows(np.random.default_rng(0)))) == 1


def test_at_most_a_window_is_read_at_a_time(small_windows):
    log, reads = numbered(1024), []

    def read():
        reads.append(1)
        return log

    some = Blocks(read, np.arange(128), 8)
    assert [len(part.labels) for part in some.parts()] == [64] * 16
    assert len(reads) == 16


def test_blocks_are_trained_on_as_examples_are():
    rng = np.random.default_rng(0)
    ids = np.stack([rng.integers(0, 20, 3000), rng.integers(20, 50, 3000)], axis=1)
    labels = (rng.random(3000) < 1 / (1 + np.exp(10 - ids[:, 0]))).astype(np.uint8)
    log = Examples(ids.astype(np.int32), np.ones((3000, 2), np.float32), labels)
    train, valid, _ = split_blocks(lambda: log)
    model, in_memory = (DeepFM([20, 30], hidden=(8,), embedding_dim=4, dropout=0.2) for _ in range(2))
    settings = {"optimizer": Adam(0.02), "epochs": 4, "batch_size": 64, "progress": False}
    history = fit(model, train, valid, **settings)
    assert evaluate(model, valid)["auc"] > 0.8
    parts = [Examples(*map(np.concatenate, zip(*part.parts(), strict=True))) for part in (train, valid)]
    settings["optimizer"] = Adam(0.02)
    assert fit(in_memory, *parts, **settings).equals(history)
    np.testing.assert_array_equal(predict(model, valid), predict(in_memory, parts[1]))


def test_a_run_on_blocks_is_resumed_to_the_same_bits(small_windows, tmp_path):
    log = numbered(1003)
    train, valid, _ = split_blocks(lambda: log)
    settings = {"batch_size": 64, "patience": 9, "progress": False}

    def model():
        return DeepFM([503, 500], hidden=(4,), embedding_dim=2)

    whole, resumed = model(), model()
    expected = fit(whole, train, valid, epochs=3, **settings)
    fit(model(), train, valid, epochs=1, checkpoint=tmp_path / "run.npz", **settings)
    assert fit(resumed, train, valid, epochs=3, checkpoint=tmp_path / "run.npz", **settings).equals(expected)
    for name, array in whole.to_arrays().items():
        np.testing.assert_array_equal(array, resumed.to_arrays()[name])


def test_too_few_rows_are_named():
    log = numbered(5)
    with pytest.raises(ValueError, match="5 rows are too few for the fractions"):
        split_blocks(lambda: log)
