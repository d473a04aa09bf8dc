import numpy as np
import oracles
import pytest

from deepfm_np.ops import log_loss_backward, log_loss_forward

LOGITS, LABELS = np.random.default_rng(0).standard_normal(7) * 3, np.array([0, 1, 1, 0, 0, 1, 0])
Z = np.concatenate([np.linspace(-700, 700, 201), np.linspace(-3, 3, 51)])


def test_loss_equals_the_textbook_formula():
    np.testing.assert_allclose(log_loss_forward(LOGITS, LABELS)[0], oracles.log_loss(LOGITS, LABELS), rtol=1e-13)


def test_gradient_is_probability_less_label_over_n():
    gradient = log_loss_backward(1.0, log_loss_forward(LOGITS, LABELS)[1])
    np.testing.assert_allclose(gradient, (1 / (1 + np.exp(-LOGITS)) - LABELS) / 7, rtol=1e-12)


@pytest.mark.parametrize("label", [0, 1])
def test_each_loss_equals_50_digit_arithmetic(label):
    exact = oracles.exact_softplus(Z if label == 0 else -Z)
    losses = [log_loss_forward(np.array([z]), np.array([label]))[0] for z in Z]
    np.testing.assert_allclose(losses, exact, rtol=1e-14)


@pytest.mark.parametrize("label", [0, 1])
def test_each_derivative_equals_50_digit_arithmetic(label):
    sign = 1 - 2 * label
    exact = sign * oracles.exact_sigmoid(sign * Z)
    gradient = log_loss_backward(1.0, log_loss_forward(Z, np.full(len(Z), label))[1]) * len(Z)
    np.testing.assert_allclose(gradient, exact, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_logits_of_ten_thousand_are_finite_without_a_warning(dtype):
    logits, labels = np.array([1e4, -1e4, 1e4, -1e4], dtype), np.array([1, 0, 0, 1])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss, cache = log_loss_forward(logits, labels)
        gradient = log_loss_backward(1.0, cache)
    assert loss == 5000.0
    np.testing.assert_array_equal(gradient, [0, 0, 0.25, -0.25])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("label_dtype", [bool, int, "float32", "float64"])
def test_the_dtype_of_the_logits_is_kept(dtype, label_dtype):
    loss, cache = log_loss_forward(LOGITS.astype(dtype), LABELS.astype(label_dtype))
    assert loss.dtype == dtype
    assert log_loss_backward(1.0, cache).dtype == dtype


@pytest.mark.parametrize("wrong", [2.0, -1.0, 0.5, float("nan")])
def test_a_label_other_than_0_or_1_is_named(wrong):
    labels = LABELS.astype(float)
    labels[4] = wrong
    with pytest.raises(ValueError, match=f"labels must be 0 or 1; row 4 holds {wrong}"):
        log_loss_forward(LOGITS, labels)


def test_a_label_that_is_text_is_shown_as_text():
    with pytest.raises(ValueError, match="labels must be 0 or 1; row 0 holds '0'"):
        log_loss_forward(np.zeros(2), np.array(["0", "1"]))


def test_a_column_of_logits_is_refused_instead_of_broadcast():
    with pytest.raises(ValueError, match=r"logits and labels must both be \(n,\); they are \(7, 1\) and \(7,\)"):
        log_loss_forward(LOGITS[:, None], LABELS)


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match=r"labels must be \(n,\) with n >= 1"):
        log_loss_forward(np.zeros(0), np.zeros(0))


WEIGHTS = np.array([0.5, 2.0, 1.0, 3.0, 0.25, 1.5, 7.0])


def test_weighted_loss_equals_nested_loops():
    loss, _ = log_loss_forward(LOGITS, LABELS, WEIGHTS)
    np.testing.assert_allclose(loss, oracles.weighted_log_loss(LOGITS, LABELS, WEIGHTS), rtol=1e-13)


def test_weighted_gradient_equals_a_complex_step():
    gradient = log_loss_backward(2.0, log_loss_forward(LOGITS, LABELS, WEIGHTS)[1])
    steps = LOGITS + 1e-30j * np.eye(7)
    expected = [2 * log_loss_forward(step, LABELS, WEIGHTS)[0].imag / 1e-30 for step in steps]
    np.testing.assert_allclose(gradient, expected, rtol=1e-13)


def test_a_whole_weight_counts_as_so_many_copies():
    copies = np.array([2, 1, 3, 1, 1, 4, 2])
    weighted, cache = log_loss_forward(LOGITS, LABELS, copies)
    repeated, copied = log_loss_forward(np.repeat(LOGITS, copies), np.repeat(LABELS, copies))
    np.testing.assert_allclose(weighted, repeated, rtol=1e-14)
    each = log_loss_backward(1.0, copied)[np.cumsum(copies) - copies]
    np.testing.assert_allclose(log_loss_backward(1.0, cache), copies * each, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_the_dtype_of_the_logits_is_kept_with_weights(dtype):
    loss, cache = log_loss_forward(LOGITS.astype(dtype), LABELS, WEIGHTS)
    assert (loss.dtype, log_loss_backward(1.0, cache).dtype) == (dtype, dtype)


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_a_weight_that_is_not_positive_is_named(wrong):
    weights = WEIGHTS.copy()
    weights[3] = wrong
    with pytest.raises(ValueError, match=f"weights must be positive and finite; row 3 holds {wrong}"):
        log_loss_forward(LOGITS, LABELS, weights)


def test_weights_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"weights must be \(n,\), one for each of 7 examples; they are \(6,\)"):
        log_loss_forward(LOGITS, LABELS, WEIGHTS[1:])
