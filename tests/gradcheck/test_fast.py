"""The check along random directions, and the search for the wrong entries."""

import numpy as np
import pytest

from deepfm_np import ops
from deepfm_np.gradcheck import check_loss, check_operation

RNG = np.random.default_rng(0)
INPUTS = {"x": RNG.standard_normal((8, 50)), "W": RNG.standard_normal((50, 40)), "b": RNG.standard_normal(40)}


def affine_report(change, **options):
    def backward(grad_y, cache):
        return change(*ops.affine_backward(grad_y, cache))

    return check_operation(ops.affine_forward, backward, INPUTS, fast=True, **options)


def test_a_right_gradient_passes_along_every_direction():
    report = affine_report(lambda *gradients: gradients)
    assert report.ok
    assert report.worst < 1e-13
    assert [result.note for result in report.results] == 3 * ["along 3 random directions"]
    assert [result.checked for result in report.results] == [400, 2000, 40]


def test_a_single_wrong_entry_is_found_by_halving():
    def change(grad_x, grad_W, grad_b):
        grad_W[17, 33] += 1e-9
        return grad_x, grad_W, grad_b

    report = affine_report(change)
    assert [result.verdict for result in report.results] == ["pass", "fail", "pass"]
    assert report.results[1].index == (17, 33)
    assert report.results[1].note.startswith("a check along 3 random directions failed; 1 of ")
    assert report.results[1].note.endswith("checked entries is wrong, all at index 17 of axis 0")


def test_several_wrong_entries_are_found():
    places = [(3, 1), (3, 2), (40, 39)]

    def change(grad_x, grad_W, grad_b):
        for place in places:
            grad_W[place] *= 1.01
        return grad_x, grad_W, grad_b

    assert affine_report(change).results[1].note.startswith("a check along 3 random directions failed; 3 of ")


@pytest.mark.parametrize(
    "factor, rule, hint",
    [(-1, "sign", "yours = -numeric"), (0.5, "factor", "yours = 1/2 * numeric"), (0, "zero", "zero everywhere")],
)
def test_mistakes_are_named_from_the_entries_that_were_found(factor, rule, hint):
    result = affine_report(lambda grad_x, grad_W, grad_b: (grad_x, factor * grad_W, grad_b)).results[1]
    assert (result.verdict, result.rule) == ("fail", rule)
    assert hint in result.hint


def table_loss(params, assign=False):
    ids = np.array([[1, 7], [1, 8], [2, 9]])
    vectors, cache = ops.embedding_forward(params["table"], ids, np.ones((3, 2)))
    loss = (vectors * vectors).sum()
    if not assign:
        return loss, {"table": ops.embedding_backward(2 * vectors, cache)}
    dense = np.zeros(params["table"].shape, vectors.dtype)
    dense[ids] = 2 * vectors
    return loss, {"table": ops.RowGradient(np.unique(ids), dense[np.unique(ids)].real)}


def test_every_row_of_a_large_table_is_covered():
    table = {"table": RNG.standard_normal((100_000, 4))}
    slots = (np.array([[1, 7], [1, 8], [2, 9]]), np.ones((3, 2)))
    assert check_loss(table_loss, table, fast=True, slots=slots).ok
    result = check_loss(lambda params: table_loss(params, assign=True), table, fast=True, slots=slots).results[0]
    assert (result.verdict, result.rule, result.index[0]) == ("fail", "repeated rows", 1)


def test_differences_are_refused():
    with pytest.raises(ValueError, match="the fast check needs the complex step, got method 'central'"):
        affine_report(lambda *gradients: gradients, method="central")
