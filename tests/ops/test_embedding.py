import numpy as np
import oracles
import pytest

from deepfm_np.ops import embedding_backward, embedding_forward, one_hot

STARTS = [0, 1, 4]


@pytest.fixture
def slots():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 9, (6, 5))
    values = rng.standard_normal((6, 5)) * (rng.random((6, 5)) > 0.3)
    return rng.standard_normal((12, 3)), ids, values


def test_vectors_equal_nested_loops(slots):
    table, ids, values = slots
    vectors, _ = embedding_forward(table, ids, values, STARTS)
    np.testing.assert_allclose(vectors, oracles.embedding(table, ids, values, STARTS), rtol=1e-13, atol=1e-15)


def test_without_field_starts_every_slot_is_a_field(slots):
    table, ids, values = slots
    vectors, _ = embedding_forward(table, ids, values)
    np.testing.assert_array_equal(vectors, embedding_forward(table, ids, values, range(5))[0])


def test_gradient_equals_nested_loops(slots):
    table, ids, values = slots
    grad_vectors = np.random.default_rng(1).standard_normal((6, 3, 3))
    gradient = embedding_backward(grad_vectors, embedding_forward(table, ids, values, STARTS)[1])
    expected = oracles.embedding_gradient(grad_vectors, ids, values, STARTS, 12)
    np.testing.assert_allclose(gradient.dense(12), expected, rtol=1e-13, atol=1e-15)


def test_lookup_equals_one_hot_product(slots):
    table, ids, values = slots
    vectors, _ = embedding_forward(table, ids, values, STARTS)
    np.testing.assert_allclose(one_hot(ids, 12, values) @ table, vectors.sum(axis=1), rtol=1e-13, atol=1e-14)


def test_one_hot_of_single_ids_has_one_one_per_row():
    np.testing.assert_array_equal(one_hot(np.array([[2], [0]]), 3), [[0, 0, 1], [1, 0, 0]])


def test_repeated_ids_add_their_gradients():
    ids, ones = np.array([[1], [1], [1]]), np.ones((3, 1))
    gradient = embedding_backward(np.arange(6.0).reshape(3, 1, 2), embedding_forward(np.zeros((4, 2)), ids, ones)[1])
    np.testing.assert_array_equal(gradient.rows, [1])
    np.testing.assert_array_equal(gradient.values, [[0 + 2 + 4, 1 + 3 + 5]])


def test_padding_touches_nothing():
    ids, values = np.array([[0, 3], [1, 3]]), np.array([[1.0, 0.0], [2.0, 0.0]])
    vectors, cache = embedding_forward(np.full((4, 2), 5.0), ids, values, [0])
    np.testing.assert_array_equal(vectors[:, 0], [[5, 5], [10, 10]])
    np.testing.assert_array_equal(embedding_backward(np.ones((2, 1, 2)), cache).rows, [0, 1])


def test_a_batch_of_padding_alone_has_an_empty_gradient():
    _, cache = embedding_forward(np.ones((4, 2)), np.zeros((3, 1), int), np.zeros((3, 1)))
    gradient = embedding_backward(np.ones((3, 1, 2)), cache)
    assert gradient.rows.shape == (0,)
    assert gradient.values.shape == (0, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_the_dtype_of_the_table_is_kept(slots, dtype):
    table, ids, values = slots
    vectors, cache = embedding_forward(table.astype(dtype), ids, values, STARTS)
    assert vectors.dtype == dtype
    assert embedding_backward(vectors, cache).values.dtype == dtype


def test_results_belong_to_the_caller(slots):
    table, ids, values = slots
    first, _ = embedding_forward(table, ids, values, STARTS)
    kept = first.copy()
    embedding_forward(table + 1, ids, values, STARTS)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("wrong", [-1, 12])
def test_an_id_outside_the_table_is_named(slots, wrong):
    table, ids, values = slots
    ids[4, 2] = wrong
    with pytest.raises(IndexError, match=rf"ids must lie in \[0, 12\); row 4, slot 2 holds {wrong}"):
        embedding_forward(table, ids, values)


def test_float_ids_are_refused(slots):
    table, ids, values = slots
    with pytest.raises(TypeError, match="ids must be integers, they are float64"):
        embedding_forward(table, ids.astype(float), values)


def test_ids_and_values_of_different_shape_are_refused(slots):
    table, ids, values = slots
    with pytest.raises(ValueError, match=r"they are \(6, 5\) and \(6, 4\)"):
        embedding_forward(table, ids, values[:, :4])


@pytest.mark.parametrize("starts", [[], [1, 2], [0, 2, 2], [0, 5], [0, 3, 1]])
def test_field_starts_that_leave_a_field_empty_are_refused(slots, starts):
    table, ids, values = slots
    with pytest.raises(ValueError, match="field_starts must increase strictly from 0 and end below 5"):
        embedding_forward(table, ids, values, starts)


def test_weights_in_place_of_a_table_are_refused(slots):
    table, ids, values = slots
    with pytest.raises(ValueError, match=r"table must be \(D, k\), it is \(12,\)"):
        embedding_forward(table[:, 0], ids, values)
