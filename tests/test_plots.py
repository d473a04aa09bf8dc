import numpy as np
import pandas as pd
import pytest

from deepfm_np import plots
from deepfm_np.gradcheck import step_sweep


def lines_of(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_the_training_figure_shows_the_history_and_marks_the_epoch_that_is_kept():
    history = pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "train_loss": [0.5, 0.4, 0.3],
            "valid_auc": [0.6, 0.7, 0.65],
            "valid_log_loss": [0.52, 0.45, 0.47],
            "learning_rate": 0.1,
        }
    )
    labels, probabilities = np.arange(100) % 2, np.linspace(0.1, 0.9, 100)
    best = {"auc": 0.9, "log_loss": 0.2}
    loss, ranking, reliability = plots.training_figure(history, labels, probabilities, best, "a title", 0.6).axes
    np.testing.assert_array_equal(lines_of(loss)["training"].get_ydata(), history["train_loss"])
    np.testing.assert_array_equal(lines_of(ranking)["validation"].get_ydata(), history["valid_auc"])
    assert set(lines_of(loss)["base rate"].get_ydata()) == {0.6}
    assert tuple(lines_of(loss)["epoch that is kept"].get_data()) == ([2], [0.45])
    assert set(lines_of(ranking)["best attainable"].get_ydata()) == {0.9}
    assert lines_of(reliability)["tenths of the examples"].get_xdata().size == 10


@pytest.mark.parametrize("epochs", [1, 2, 3, 30])
def test_epochs_are_counted_in_whole_numbers(epochs):
    numbers = np.arange(1, epochs + 1)
    history = pd.DataFrame(
        {"epoch": numbers, "train_loss": 0.5, "valid_auc": 0.6, "valid_log_loss": 0.5 + 0.1 / numbers}
    )
    for axes in plots.training_figure(history, [0, 1], [0.2, 0.7]).axes[:2]:
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert 1 <= len(ticks) == len(set(map(round, ticks)))
        np.testing.assert_allclose(ticks, np.round(ticks))
        assert low <= 1 <= epochs <= high
        assert high - low >= 1


def test_the_comparison_figure_has_a_point_per_model_and_a_line_for_the_best():
    results = pd.DataFrame(
        [("LR", 0.6, 0.5), ("FM", 0.7, 0.45), ("Best attainable", 0.8, 0.4)], columns=["model", "auc", "log_loss"]
    )
    auc, log_loss = plots.comparison_figure(results).axes
    assert auc.get_lines()[0].get_xdata().tolist() == [0.6, 0.7]
    assert "best attainable 0.4000" in lines_of(log_loss)


def test_the_forest_figure_has_an_interval_per_setting_under_the_name_of_its_study():
    differences = pd.DataFrame(
        [
            ("depth", "1", "3", 0.2, 0.1, 0.3, "above"),
            ("depth", "5", "3", -0.1, -0.3, 0.1, "not told apart"),
            ("shape", "diamond", "constant", -0.2, -0.3, -0.1, "below"),
        ],
        columns=["study", "setting", "base", "difference", "low", "high", "verdict"],
    )
    (axes,) = plots.forest_figure(differences, "AUC, setting less base").axes
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["depth, less 3", "1", "5", "shape, less constant", "diamond"]
    lines = [segment.tolist() for found in axes.collections[::2][:2] for segment in found.get_segments()]
    assert lines == [[[0.1, 1], [0.3, 1]], [[-0.3, 2], [0.1, 2]], [[-0.3, 4], [-0.1, 4]]]
    points = [point.tolist() for found in axes.collections[1::2][:2] for point in found.get_offsets()]
    assert points == [[0.2, 1], [-0.1, 2], [-0.2, 4]]
    filled = [tuple(colour) != (1, 1, 1, 1) for found in axes.collections[1::2][:2] for colour in found.get_facecolor()]
    assert filled == [True, False, True]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first study on top


def test_the_sweep_figure_has_a_line_per_method():
    sweep = step_sweep(lambda x: np.exp(x), np.array(1.0))
    lines = lines_of(plots.step_sweep_figure(sweep).axes[0])
    assert set(lines) == {"forward", "central", "richardson", "complex", "eps of float64"}
    assert lines["complex"].get_ydata()[-1] < 1e-15
    assert lines["forward"].get_ydata()[-1] == pytest.approx(1.0)


def test_a_figure_is_written_the_same_each_time(tmp_path):
    figure = plots.step_sweep_figure(step_sweep(lambda x: np.exp(x), np.array(1.0)))
    for name in ("a.png", "b.png"):
        plots.save_figure(figure, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
