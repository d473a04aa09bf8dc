import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest

from deepfm_np import DeepFM, training
from deepfm_np.data import WeightedExamples
from deepfm_np.optim import SGD, Adam
from deepfm_np.training import Examples, batch_size_for, batches, evaluate, fit

DIMS = [20, 30, 5]


def click_examples(n=600, seed=0):
    """Labels that depend on the first field and on a pair of the others."""
    rng = np.random.default_rng(seed)
    local = np.stack([rng.integers(0, dim, n) for dim in DIMS], axis=1)
    logits = 0.3 * (local[:, 0] - 10) + np.where((local[:, 1] + local[:, 2]) % 2, 1.0, -1.0)
    labels = (rng.random(n) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    return Examples(local + np.array([0, 20, 50]), np.ones((n, 3), np.float32), labels)


TRAIN, VALID = click_examples(), click_examples(200, seed=1)


def small_model(**settings):
    return DeepFM(DIMS, hidden=(8,), embedding_dim=4, **{"dropout": 0.2, "batch_norm": True, **settings})


def run(model=None, **settings):
    model = model or small_model()
    settings = {"epochs": 4, "batch_size": 64, "progress": False, **settings}
    return model, fit(model, TRAIN, VALID, **settings)


def assert_same_bits(first: DeepFM, second: DeepFM):
    for name, array in first.to_arrays().items():
        np.testing.assert_array_equal(array, second.to_arrays()[name])


def test_training_learns():
    model, history = run(optimizer=Adam(0.02), epochs=10)
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0] - 0.05
    assert evaluate(model, VALID)["auc"] > 0.8


def test_the_history_has_a_row_per_epoch():
    _, history = run(patience=10)
    assert list(history.columns) == ["epoch", "train_loss", "valid_auc", "valid_log_loss", "learning_rate"]
    assert list(history["epoch"]) == [1, 2, 3, 4]


@pytest.mark.parametrize("threads", [0, 1.5, "2"])
def test_a_number_of_threads_that_is_none_is_refused(threads):
    with pytest.raises(ValueError, match="threads must be a positive integer of at most 1024, got"):
        fit(small_model(), TRAIN, threads=threads, progress=False)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("optimizer", "adam", r"optimizer must be an optimiser, as Adam\(\) or SGD\(0.1\), got 'adam'"),
        ("optimizer", Adam, r"optimizer must be an optimiser, as Adam\(\) or SGD\(0.1\), got <class"),
        ("optimizer", SGD(1e39), r"learning_rate must be a number that float32 can hold, got 1e\+39"),
        ("optimizer", SGD(1e-60), "learning_rate must be a number that float32 can hold, got 1e-60"),
        ("optimizer", Adam(epsilon=1e-60), "epsilon must be a number that float32 can hold, got 1e-60"),
        ("threads", 100_000, "threads must be a positive integer of at most 1024, got 100000"),
        ("valid", tuple(VALID), "valid must be Examples or Blocks, got a tuple"),
        ("valid", VALID._replace(ids=None), "the ids of valid must be an array of rows, got a NoneType"),
        (
            "valid",
            VALID._replace(values=VALID.values.tolist()),
            "the values of valid must be an array of rows, got a list",
        ),
        ("seed", float("nan"), "seed must be a non-negative integer, got nan"),
    ],
)
def test_a_setting_of_another_type_is_named_before_the_model_is_changed(name, value, message):
    model = DeepFM(DIMS)
    before = {key: array.copy() for key, array in model.params.items()}
    with pytest.raises(ValueError, match=message):
        fit(model, TRAIN, epochs=1, **{name: value})
    for key, array in before.items():
        np.testing.assert_array_equal(model.params[key], array)


def test_numbers_of_numpy_can_be_written_to_a_checkpoint(tmp_path):
    settings = {"batch_size": np.int64(64), "patience": np.int32(2), "threads": np.int64(1), "seed": np.int64(3)}
    path = tmp_path / "checkpoint.npz"
    first, _ = run(optimizer=Adam(np.float32(1e-3)), checkpoint=path, epochs=2, **settings)
    resumed, _ = run(optimizer=Adam(np.float32(1e-3)), checkpoint=path, epochs=2, **settings)
    assert_same_bits(first, resumed)


@pytest.mark.parametrize("name", ["epochs", "batch_size", "patience"])
@pytest.mark.parametrize("value", [1.5, "2", True])
def test_a_setting_that_is_no_whole_number_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a positive integer, got {value!r}"):
        run(**{name: value})


def test_a_model_of_your_own_need_not_know_of_threads():
    class Own(DeepFM):
        def loss_and_grads(self, ids, values, labels, rng=None):
            return super().loss_and_grads(ids, values, labels, rng)

        def predict_proba(self, ids, values):
            return super().predict_proba(ids, values)

    own = Own(DIMS, hidden=(8,), embedding_dim=4, dropout=0.2, batch_norm=True)
    plain, _ = run()
    assert_same_bits(run(own)[0], plain)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    first, first_history = run()
    same, same_history = run()
    other, _ = run(seed=1)
    assert_same_bits(first, same)
    assert first_history.equals(same_history)
    assert (first.params["W0"] != other.params["W0"]).any()


def test_every_row_is_seen_once_per_epoch_and_the_last_batch_kept():
    examples = Examples(np.arange(10)[:, None], np.ones((10, 1)), np.zeros(10))
    rng = np.random.default_rng(0)
    first, second = ([batch.ids[:, 0] for batch in batches(examples, 4, rng)] for _ in range(2))
    assert [len(batch) for batch in first] == [4, 4, 2]
    assert sorted(np.concatenate(first)) == list(range(10))
    assert list(np.concatenate(first)) != list(np.concatenate(second))


def test_the_best_epoch_is_restored():
    model, history = run(optimizer=Adam(0.1), epochs=12, patience=12)
    best = history["valid_log_loss"].min()
    assert history["valid_log_loss"].iloc[-1] > best
    assert evaluate(model, VALID)["log_loss"] == best


def test_patience_ends_training_and_each_failed_epoch_divides_the_learning_rate_by_ten():
    _, history = run(optimizer=Adam(0.1), epochs=40, patience=3)
    losses, rates = history["valid_log_loss"].to_numpy(), history["learning_rate"].to_numpy()
    improved = losses < np.minimum.accumulate(np.concatenate([[np.inf], losses[:-1]]))
    assert len(history) < 40
    assert list(improved[-3:]) == [False, False, False]
    np.testing.assert_allclose(rates[1:] / rates[:-1], np.where(improved[:-1], 1, 0.1), rtol=1e-12)


def test_training_ends_where_the_validation_part_has_nothing_more_to_teach(tmp_path):
    easy = Examples(TRAIN.ids, TRAIN.values, (TRAIN.ids[:, 0] < 10).astype(np.float32))
    held = Examples(VALID.ids, VALID.values, (VALID.ids[:, 0] < 10).astype(np.float32))
    settings = {"epochs": 60, "batch_size": 16, "patience": 60, "progress": False, "checkpoint": tmp_path / "run.npz"}
    histories = []
    for _ in range(2):  # a finished run that is resumed adds no epoch
        model = small_model(dropout=0.0)
        histories.append(fit(model, easy, held, optimizer=Adam(0.02), **settings))
    total = histories[0]["valid_log_loss"] * len(held.labels)
    assert 1 < len(total) < 60
    assert total.iloc[-1] < 1 and (total.iloc[:-1] >= 1).all()
    assert evaluate(model, held)["log_loss"] == histories[0]["valid_log_loss"].iloc[-1]
    pd.testing.assert_frame_equal(*histories)


def test_without_validation_all_epochs_run():
    model = small_model()
    history = fit(model, TRAIN, epochs=3, batch_size=64, progress=False)
    assert len(history) == 3
    assert history["valid_auc"].isna().all()


def test_training_with_sgd_learns_too():
    _, history = run(optimizer=SGD(0.5, momentum=0.9))
    assert history["valid_auc"].iloc[-1] > 0.75


def test_a_validation_part_of_one_class_warns_and_goes_on():
    valid = VALID._replace(labels=np.zeros_like(VALID.labels))
    with pytest.warns(RuntimeWarning, match="all 200 labels are 0: the AUC is undefined"):
        history = fit(small_model(), TRAIN, valid, epochs=2, batch_size=64, progress=False)
    assert history["valid_auc"].isna().all()
    assert history["valid_log_loss"].notna().all()


def test_a_resumed_run_ends_in_the_same_bits(tmp_path):
    whole, whole_history = run(epochs=6)
    run(epochs=2, checkpoint=tmp_path / "run.npz")
    resumed, history = run(epochs=6, checkpoint=tmp_path / "run.npz")
    assert_same_bits(whole, resumed)
    assert history.equals(whole_history)


KILLED = """
    import sys, numpy as np
    sys.path.insert(0, {tests!r})
    from test_training import TRAIN, VALID, small_model
    from deepfm_np import training
    finish = training.save_checkpoint
    def save_and_report(*arguments):
        finish(*arguments)
        print("saved", flush=True)
    training.save_checkpoint = save_and_report
    settings = dict(epochs=500, patience=500, batch_size=64, progress=False, checkpoint={path!r})
    training.fit(small_model(), TRAIN, VALID, **settings)
"""


def test_a_killed_process_resumes_to_the_same_bits(tmp_path):
    path = tmp_path / "run.npz"
    script = textwrap.dedent(KILLED.format(tests=os.path.dirname(__file__), path=str(path)))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        for _ in range(3):
            assert process.stdout.readline() == "saved\n"
        process.send_signal(signal.SIGKILL)
    with np.load(path) as checkpoint:
        done = str(checkpoint["about"]).count('"epoch"')
    assert 3 <= done < 500
    epochs = done + 3
    resumed, history = run(epochs=epochs, patience=500, checkpoint=path)
    whole, whole_history = run(epochs=epochs, patience=500)
    assert_same_bits(whole, resumed)
    assert history.equals(whole_history)


def test_a_checkpoint_of_another_run_is_refused_and_names_the_difference(tmp_path):
    run(epochs=1, checkpoint=tmp_path / "run.npz")
    model = small_model()
    before = model.to_arrays()
    with pytest.raises(ValueError, match="belongs to another run: batch_size was 64, is 32; delete it to start over"):
        run(model, batch_size=32, checkpoint=tmp_path / "run.npz")
    for name, array in model.to_arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    run(epochs=1, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"run\.npz is not a checkpoint of deepfm_np, or it is damaged"):
        run(checkpoint=path)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda part: part.labels.__setitem__(5, 3), "labels must be 0 or 1; row 5 holds 3"),
        (lambda part: part.values.__setitem__((7, 1), np.nan), "values must be finite; row 7, slot 1 holds nan"),
        (lambda part: part.ids.__setitem__((7, 1), 55), r"ids must lie in \[0, 55\); row 7, slot 1 holds 55"),
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_bad_examples_are_named_before_training(change, message, which):
    parts = [Examples(*(array.copy() for array in part)) for part in (TRAIN, VALID)]
    change(parts[which])
    model = small_model()
    before = model.to_arrays()
    with pytest.raises((ValueError, IndexError), match=message):
        fit(model, *parts, progress=False)
    for name, array in model.to_arrays().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("setting", ["epochs", "batch_size", "patience"])
def test_settings_below_one_are_named(setting):
    with pytest.raises(ValueError, match=f"{setting} must be a positive integer, got 0"):
        run(**{setting: 0})


def test_a_loss_that_stops_being_finite_ends_training_with_advice():
    model = small_model(dropout=0.0, batch_norm=False)
    model.params["W0"][...] = np.nan
    with pytest.raises(FloatingPointError, match=r"the loss is nan in epoch 1, batch 1: lower the learning rate"):
        run(model)


def test_validation_logits_that_stop_being_finite_end_training_with_advice():
    with pytest.raises(FloatingPointError, match=r"after epoch 1 row \d+ has the logit .*: lower the learning rate"):
        run(small_model(dropout=0.0, batch_norm=False), optimizer=SGD(1e25), batch_size=len(TRAIN.labels))


def test_no_progress_bar_in_a_pipe(capfd):
    fit(small_model(), TRAIN, epochs=1, batch_size=64)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


@pytest.mark.parametrize("checkpoint", [["a"], 3, "nowhere/run.npz", ".", "x" * 1000])
def test_a_checkpoint_that_cannot_be_written_is_refused_before_training(checkpoint):
    model = DeepFM([2, 2], hidden=(3,))
    examples = Examples(np.array([[0, 2], [1, 3]]), np.ones((2, 2)), np.array([1, 1]))
    with pytest.raises(ValueError, match="checkpoint must be the path of a file in a folder that exists"):
        fit(model, examples, epochs=1, checkpoint=checkpoint)
    assert model.params["bias"] == 0


def test_labels_in_half_precision_start_at_the_same_bias():
    labels = np.arange(100_000) % 10 == 0
    half, whole = DeepFM([2], hidden=(3,)), DeepFM([2], hidden=(3,))
    half.start_from((~labels).astype(np.float16))
    whole.start_from((~labels).astype(float))
    assert half.params["bias"] == whole.params["bias"]


def test_whole_weights_train_as_so_many_copies_in_full_batches():
    copies = np.random.default_rng(0).integers(1, 4, len(TRAIN.labels))
    train = TRAIN._replace(labels=TRAIN.labels.astype(float))  # the base rate of float32 labels is a float32
    repeated = Examples(*(np.repeat(part, copies, axis=0) for part in train))
    weighted = WeightedExamples(*train, copies.astype(float))
    histories, models = [], [small_model(dropout=0.0, batch_norm=False, dtype="float64") for _ in range(2)]
    for model, part in zip(models, (weighted, repeated), strict=True):
        valid = WeightedExamples(*VALID, np.linspace(1, 2, 200))
        histories.append(
            fit(model, part, valid, epochs=3, batch_size=10_000, optimizer=SGD(0.5), progress=False)
        )  # Adam would divide the rounding of a gradient of 0 by its own size
    np.testing.assert_allclose(histories[0], histories[1], rtol=1e-9)
    for name, array in models[0].params.items():
        np.testing.assert_allclose(array, models[1].params[name], rtol=1e-6, atol=1e-9)


def test_the_mean_loss_of_an_epoch_weighs_its_batches():
    weighted = WeightedExamples(*TRAIN, np.linspace(0.1, 3, len(TRAIN.labels)))
    model = small_model(dropout=0.0, batch_norm=False)
    history = fit(model, weighted, epochs=1, batch_size=64, optimizer=SGD(1e-30), progress=False)
    expected = evaluate(model, weighted)["log_loss"]
    np.testing.assert_allclose(history["train_loss"], expected, rtol=1e-5)


def test_batches_keep_each_weight_with_its_row():
    weighted = WeightedExamples(*TRAIN, np.arange(1.0, 601.0))
    for batch in batches(weighted, 64, np.random.default_rng(0)):
        np.testing.assert_array_equal(batch.ids, TRAIN.ids[batch.weights.astype(int) - 1])


def test_a_weight_that_is_not_positive_is_named_before_training():
    weights = np.ones(len(TRAIN.labels))
    weights[9] = 0
    with pytest.raises(ValueError, match=r"weights must be positive and finite; row 9 holds 0\.0"):
        fit(small_model(), WeightedExamples(*TRAIN, weights), progress=False)


def test_the_rows_of_the_history_are_printed_if_asked_for(capsys):
    _, history = run(verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(history) == 4
    assert lines[0].startswith(f"epoch 1  train_loss {history['train_loss'][0]:.5g}  ")


def test_the_batch_size_follows_the_number_of_rows_if_none_is_given():
    assert [batch_size_for(rows) for rows in (10, 1024, 6400, 10**6)] == [16, 16, 100, 4096]
    model, history = run(batch_size=None)
    same, expected = run(batch_size=16)  # 600 rows
    pd.testing.assert_frame_equal(history, expected)
    assert_same_bits(model, same)


@pytest.mark.parametrize(
    "stop_by, column, best", [("log_loss", "valid_log_loss", "idxmin"), ("auc", "valid_auc", "idxmax")]
)
def test_the_best_epoch_by_the_measure_of_choice_is_kept(stop_by, column, best):
    model, history = run(epochs=12, patience=12, stop_by=stop_by, optimizer=Adam(0.05))
    scores = evaluate(model, VALID)
    kept = getattr(history[column], best)()
    assert scores["auc"] == history["valid_auc"][kept] and scores["log_loss"] == history["valid_log_loss"][kept]


@pytest.mark.parametrize("stop_by, kept", [("log_loss", 2), ("auc", 1)])
def test_log_loss_and_auc_may_choose_different_epochs(monkeypatch, stop_by, kept):
    scores, models = [(0.6, 0.5), (0.7, 0.6), (0.65, 0.4)], []

    def evaluate(model, *_):
        models.append({name: array.copy() for name, array in model.params.items()})
        return dict(zip(("auc", "log_loss"), scores[len(models) - 1], strict=True))

    monkeypatch.setattr(training, "evaluate", evaluate)
    model, _ = run(epochs=3, patience=3, stop_by=stop_by)
    for name, array in models[kept].items():
        np.testing.assert_array_equal(model.params[name], array)


def test_training_stops_when_the_auc_no_longer_improves():
    _, history = run(epochs=60, patience=2, stop_by="auc", optimizer=Adam(0.05))
    best = history["valid_auc"].idxmax()
    assert len(history) == best + 3 < 60
