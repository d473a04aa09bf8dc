import numpy as np
import pytest

from deepfm_np.ops import embedding_backward, embedding_forward, touched_rows
from deepfm_np.ops.rows import sum_rows


@pytest.mark.parametrize("padding", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("ids_dtype", ["uint8", "int32", "int64"])
def test_the_scratch_array_finds_what_sorting_finds(ids_dtype, padding):
    rng = np.random.default_rng(0)
    scratch = rng.integers(-9, 9, 200, dtype=np.int32)
    for _ in range(20):
        ids = rng.integers(0, 200, (30, 4)).astype(ids_dtype)
        values = rng.standard_normal((30, 4)) * (rng.random((30, 4)) >= padding)
        plain, fast = touched_rows(ids, values), touched_rows(ids, values, scratch)
        assert fast.rows.dtype == np.int64
        np.testing.assert_array_equal(fast.rows, plain.rows)
        np.testing.assert_array_equal(fast.position, plain.position)
        np.testing.assert_array_equal(fast.rows[fast.position], ids[values != 0])


def test_a_gradient_is_the_same_where_the_touched_rows_are_known_already():
    rng = np.random.default_rng(1)
    ids, values = rng.integers(0, 9, (6, 5)), rng.standard_normal((6, 5))
    vectors, cache = embedding_forward(rng.standard_normal((9, 3)), ids, values)
    expected = embedding_backward(vectors, cache)
    gradient = embedding_backward(vectors, cache, touched_rows(ids, values, np.zeros(9, np.int32)))
    np.testing.assert_array_equal(gradient.rows, expected.rows)
    np.testing.assert_array_equal(gradient.values, expected.values)


def test_rows_without_columns_have_gradients_without_columns():
    touched = touched_rows(np.array([[0, 2]]), np.ones((1, 2)))
    assert sum_rows(touched, np.ones((1, 2, 0))).values.shape == (2, 0)
