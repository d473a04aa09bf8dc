import numpy as np
import oracles
import pytest

from deepfm_np.ops import RowGradient
from deepfm_np.optim import SGD, Adam


def test_adam_equals_the_algorithm_number_by_number():
    rng = np.random.default_rng(0)
    gradients = rng.standard_normal((100, 3))
    params, adam = {"w": np.zeros(3)}, Adam(0.05, 0.8, 0.95, 1e-8)
    for gradient in gradients:
        adam.step(params, {"w": gradient})
    expected = [oracles.adam(gradients[:, j], 0.05, 0.8, 0.95, 1e-8)[-1] for j in range(3)]
    np.testing.assert_allclose(params["w"], expected, rtol=1e-12)


def test_adam_on_touched_rows_equals_the_algorithm_number_by_number():
    rng = np.random.default_rng(0)
    params, adam = {"table": np.zeros((6, 2))}, Adam(0.05)
    seen = {(row, f): [] for row in range(6) for f in range(2)}
    for _ in range(100):
        rows = np.sort(rng.choice(6, 3, replace=False))
        values = rng.standard_normal((3, 2))
        adam.step(params, {"table": RowGradient(rows, values)})
        for row, f in seen:
            seen[row, f].append(values[list(rows).index(row), f] if row in rows else None)
    for index, gradients in seen.items():
        assert params["table"][index] == pytest.approx(oracles.adam(gradients, 0.05)[-1], rel=1e-12)


def test_the_first_step_of_adam_is_the_learning_rate():
    params = {"w": np.zeros(3)}
    Adam(0.1).step(params, {"w": np.array([5.0, -0.01, 0.0])})
    np.testing.assert_allclose(params["w"], [-0.1, 0.1, 0.0], rtol=1e-5)


@pytest.mark.parametrize("optimizer", [lambda: Adam(0.1), lambda: SGD(0.1), lambda: SGD(0.1, 0.9)])
def test_touching_every_row_is_exactly_the_dense_step(optimizer):
    rng = np.random.default_rng(0)
    start = rng.standard_normal((5, 2))
    dense, rows = {"table": start.copy()}, {"table": start.copy()}
    dense_optimizer, row_optimizer = optimizer(), optimizer()
    for _ in range(20):
        gradient = rng.standard_normal((5, 2))
        dense_optimizer.step(dense, {"table": gradient})
        row_optimizer.step(rows, {"table": RowGradient(np.arange(5), gradient)})
    np.testing.assert_array_equal(dense["table"], rows["table"])


@pytest.mark.parametrize("optimizer", [Adam(0.1), SGD(0.1, 0.9)])
def test_untouched_rows_and_their_moments_stand_still(optimizer):
    params = {"table": np.ones((4, 2))}
    optimizer.step(params, {"table": RowGradient(np.arange(4), np.ones((4, 2)))})
    table = params["table"].copy()
    moments = {name: array.copy() for name, array in optimizer.state["table"].items()}
    optimizer.step(params, {"table": RowGradient(np.array([2]), np.ones((1, 2)))})
    moved = (params["table"] != table).any(axis=1)
    np.testing.assert_array_equal(moved, [False, False, True, False])
    for name, array in optimizer.state["table"].items():
        np.testing.assert_array_equal((array != moments[name]).any(axis=1), [False, False, True, False])


def test_sgd_with_momentum_accumulates_velocity():
    params, sgd = {"w": np.zeros(1)}, SGD(0.1, momentum=0.5)
    path = []
    for _ in range(3):
        sgd.step(params, {"w": np.ones(1)})
        path.append(params["w"][0])
    np.testing.assert_allclose(path, [-0.1, -0.1 - 0.15, -0.1 - 0.15 - 0.175], rtol=1e-15)


def test_parameters_are_updated_in_place_and_keep_their_dtype():
    w, bias = np.ones(3, np.float32), np.zeros((), np.float32)
    params, adam = {"w": w, "bias": bias}, Adam()
    adam.step(params, {"w": np.ones(3, np.float32), "bias": np.float32(1)})
    assert params["w"] is w
    assert params["bias"] is bias
    assert bias == np.float32(-1e-3)
    assert {array.dtype for array in adam.state["w"].values()} == {np.dtype(np.float32)}


def test_an_optimizer_goes_on_from_its_arrays():
    rng = np.random.default_rng(0)
    gradients = rng.standard_normal((10, 3))
    whole, params = {"w": np.zeros(3)}, {"w": np.zeros(3)}
    uninterrupted, first, second = Adam(0.1), Adam(0.1), Adam(0.7)
    for gradient in gradients:
        uninterrupted.step(whole, {"w": gradient})
    for gradient in gradients[:6]:
        first.step(params, {"w": gradient})
    second.restore(first.to_arrays())
    for gradient in gradients[6:]:
        second.step(params, {"w": gradient})
    np.testing.assert_array_equal(params["w"], whole["w"])


def test_gradients_that_do_not_fit_change_nothing():
    params, adam = {"w": np.ones(3), "table": np.ones((4, 2))}, Adam()
    with pytest.raises(KeyError, match="no such parameter: w, table"):
        adam.step(params, {"w": np.ones(3), "v": np.ones(3)})
    with pytest.raises(ValueError, match=r"the gradient of 'table' is \(1, 3\), should be \(1, 2\)"):
        adam.step(params, {"w": np.ones(3), "table": RowGradient(np.array([0]), np.ones((1, 3)))})
    for rows in ([3, 4], [-1, 2], [2, 2], [2, 1]):
        with pytest.raises(ValueError, match=r"the rows of the gradient of 'table' must increase strictly in \[0, 4\)"):
            adam.step(params, {"w": np.ones(3), "table": RowGradient(np.array(rows), np.ones((2, 2)))})
    np.testing.assert_array_equal(params["w"], np.ones(3))
    assert adam.t == 0


def read_only(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "parameter, gradient, threads, message",
    [
        (np.ones(2), np.array([1j, 1]), 1, "the gradient of 'v' is complex128, the parameter float64"),
        (np.ones(2), np.array(["a", 1], object), 1, "the gradient of 'v' is object, the parameter float64"),
        (np.ones(2), np.array(["a", "b"]), 1, "the gradient of 'v' is <U1, the parameter float64"),
        (np.ones(2, int), np.ones(2), 1, "the parameter 'v' must be an array of floats that can be written to"),
        ([1.0, 1.0], np.ones(2), 1, "the parameter 'v' must be an array of floats that can be written to"),
        (read_only(np.ones(2)), np.ones(2), 1, "the parameter 'v' must be an array of floats that can be written to"),
        (np.ones(()), RowGradient(np.array([0]), np.ones(1)), 1, r"the gradient of 'v' has rows, the parameter none"),
        (
            np.ones(2),
            RowGradient(["a"], np.ones(1)),
            1,
            r"the rows of the gradient of 'v' must be \(R,\) integers, they are \(1,\) of <U1",
        ),
        (np.ones(2), np.ones(2), "a", "threads must be a positive integer of at most 1024, got 'a'"),
    ],
)
@pytest.mark.parametrize("optimizer", [Adam, lambda: SGD(0.1, momentum=0.9)])
def test_what_cannot_be_updated_is_named_before_anything_moves(optimizer, parameter, gradient, threads, message):
    params, optimizer = {"w": np.ones(3), "v": parameter}, optimizer()
    with pytest.raises(ValueError, match=message):
        optimizer.step(params, {"w": np.ones(3), "v": gradient}, threads)
    np.testing.assert_array_equal(params["w"], np.ones(3))
    assert (optimizer.t, optimizer.state) == (0, {})


def test_moments_of_another_model_are_named():
    adam, params = Adam(), {"w": np.ones(3)}
    adam.step({"w": np.ones(2)}, {"w": np.ones(2)})
    with pytest.raises(ValueError, match=r"the moments of 'w' are \(2,\), the parameter is \(3,\): of another model\?"):
        adam.step(params, {"w": np.ones(3)})
    assert adam.t == 1


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Adam(0.0), "learning_rate must be a positive number, got 0.0"),
        (lambda: Adam(float("nan")), "learning_rate must be a positive number, got nan"),
        (lambda: Adam(beta1=1.0), r"beta1 must be a number in \[0, 1\), got 1.0"),
        (lambda: Adam(epsilon=0), "epsilon must be a positive number, got 0"),
        (lambda: SGD(-1.0), "learning_rate must be a positive number, got -1.0"),
        (lambda: SGD(0.1, momentum=1.0), r"momentum must be a number in \[0, 1\), got 1.0"),
    ],
)
def test_settings_out_of_range_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_small_integers_do_not_wrap_around():
    params, same = {"w": np.zeros(2)}, {"w": np.zeros(2)}
    Adam().step(params, {"w": np.array([16, 255], np.uint8)})
    Adam().step(same, {"w": np.array([16.0, 255.0])})
    np.testing.assert_array_equal(params["w"], same["w"])


@pytest.mark.parametrize("rate", ["a", None, float("nan"), -1.0, [0.1]])
def test_a_learning_rate_that_was_changed_to_nonsense_moves_nothing(rate):
    optimizer, params = Adam(), {"w": np.zeros(2)}
    optimizer.learning_rate = rate
    with pytest.raises(ValueError, match="learning_rate must be a positive number"):
        optimizer.step(params, {"w": np.ones(2)})
    assert optimizer.t == 0 and not params["w"].any()


def test_a_gradient_whose_square_overflows_is_named():
    with pytest.raises(FloatingPointError, match="the gradient of 'w' is too large for float32"):
        Adam().step({"w": np.zeros(2, np.float32)}, {"w": np.full(2, 1e30, np.float32)})
