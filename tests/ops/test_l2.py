import numpy as np
import oracles
import pytest

from deepfm_np.ops import l2_backward, l2_forward, l2_rows_backward, l2_rows_forward

RNG = np.random.default_rng(0)


def test_penalty_is_half_the_squared_norm():
    W = RNG.standard_normal((3, 4))
    y, cache = l2_forward(W)
    np.testing.assert_allclose(y, np.linalg.norm(W) ** 2 / 2, rtol=1e-14)
    np.testing.assert_array_equal(l2_backward(0.5, cache), W / 2)


def test_row_penalty_equals_nested_loops():
    table, ids = RNG.standard_normal((6, 2)), RNG.integers(0, 6, (5, 3))
    values = RNG.integers(0, 2, (5, 3)) * 0.5
    np.testing.assert_allclose(l2_rows_forward(table, ids, values)[0], oracles.l2_rows(table, ids, values), rtol=1e-14)


def test_a_row_counts_once_per_occurrence_and_padding_not_at_all():
    table = np.arange(8.0).reshape(4, 2)
    _, cache = l2_rows_forward(table, np.array([[1, 1], [1, 3]]), np.array([[1.0, 0.5], [2.0, 0.0]]))
    gradient = l2_rows_backward(1.0, cache)
    np.testing.assert_array_equal(gradient.rows, [1])
    np.testing.assert_allclose(gradient.values, 3 / 2 * table[[1]], rtol=1e-15)


def test_row_penalty_does_not_depend_on_the_batch_size():
    table, ids, values = RNG.standard_normal((6, 2)), RNG.integers(0, 6, (5, 3)), np.ones((5, 3))
    once, _ = l2_rows_forward(table, ids, values)
    twice, _ = l2_rows_forward(table, np.tile(ids, (2, 1)), np.tile(values, (2, 1)))
    np.testing.assert_allclose(once, twice, rtol=1e-14)


def test_a_negative_id_is_refused_instead_of_counted_from_the_end():
    with pytest.raises(IndexError, match=r"ids must lie in \[0, 3\); row 0, slot 1 holds -1"):
        l2_rows_forward(np.ones((3, 2)), np.array([[0, -1]]), np.ones((1, 2)))


def test_a_table_without_columns_is_refused():
    with pytest.raises(ValueError, match=r"table must be \(D, k\), it is \(3,\)"):
        l2_rows_forward(np.ones(3), np.array([[0]]), np.ones((1, 1)))
