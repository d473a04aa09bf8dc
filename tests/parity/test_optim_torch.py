"""A hundred steps of each optimiser against torch.optim: parameters and moments agree after every step.

Errors are relative to the largest entry of the whole path: a number that crosses 0 has no accurate digits of its own.
"""

from collections import defaultdict

import numpy as np
import pytest
from parity.torch_reference import assert_close, leaf

from deepfm_np.ops import RowGradient
from deepfm_np.optim import SGD, Adam

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

STEPS, TOLERANCE = 100, 1e-12
MOMENTS = {"m": "exp_avg", "v": "exp_avg_sq", "velocity": "momentum_buffer"}

learning_rates = pytest.mark.parametrize("learning_rate", [1e-3, 0.3])
tables = pytest.mark.parametrize("shape", [(10, 3), (10,)], ids=["table", "weights"])


def draw_whole(rng, shape):
    """The same gradient for us and for PyTorch; magnitudes span eight orders."""
    gradient = np.asarray(10 ** rng.uniform(-6, 2) * rng.standard_normal(shape))
    return gradient, torch.tensor(gradient)


def draw_rows(rng, shape):
    """A gradient of random rows, in our form and as a PyTorch sparse tensor."""
    rows = np.flatnonzero(rng.random(shape[0]) < 0.3)
    values = rng.standard_normal((len(rows), *shape[1:]))
    return RowGradient(rows, values), torch.sparse_coo_tensor(rows[None], values, shape, check_invariants=True)


def assert_same_path(ours, make_theirs, shapes, draw_gradient):
    """Run both side by side. Returns our paths, name -> (STEPS, ...), and the gradients we were given."""
    rng = np.random.default_rng(0)
    params = {name: np.asarray(rng.standard_normal(shape)) for name, shape in shapes.items()}
    leaves = {name: leaf(array) for name, array in params.items()}
    theirs = make_theirs(leaves.values())
    our_paths, their_paths, given = defaultdict(list), defaultdict(list), defaultdict(list)
    for _ in range(STEPS):
        grads = {}
        for name, tensor in leaves.items():
            grads[name], tensor.grad = draw_gradient(rng, shapes[name])
            given[name].append(grads[name])
        ours.step(params, grads)
        theirs.step()
        for name, tensor in leaves.items():
            our_paths[name].append(params[name].copy())
            their_paths[name].append(tensor.detach().clone())
            for moment in ours.moments:
                our_paths[f"{moment} of {name}"].append(ours.state[name][moment].copy())
                their_paths[f"{moment} of {name}"].append(theirs.state[tensor][MOMENTS[moment]].clone())
    our_paths = {name: np.stack(path) for name, path in our_paths.items()}
    for name, path in our_paths.items():
        assert_close(path, torch.stack(their_paths[name]), TOLERANCE, name)
    return our_paths, given


WHOLE = {"W": (4, 3), "b": (5,), "bias": ()}


@learning_rates
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9), (0.0, 0.99), (0.9, 0.0)])
@pytest.mark.parametrize("epsilon", [1e-8, 1e-3, 1.0])
def test_adam_equals_that_of_torch(learning_rate, betas, epsilon):
    adam = Adam(learning_rate, *betas, epsilon)
    assert_same_path(adam, lambda params: torch.optim.Adam(params, learning_rate, betas, epsilon), WHOLE, draw_whole)


@learning_rates
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_sgd_equals_that_of_torch(learning_rate, momentum):
    sgd = SGD(learning_rate, momentum)
    assert_same_path(sgd, lambda params: torch.optim.SGD(params, learning_rate, momentum), WHOLE, draw_whole)


@learning_rates
@tables
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9)])
def test_adam_on_touched_rows_equals_sparse_adam_without_epsilon(shape, learning_rate, betas):
    paths, given = assert_same_path(
        Adam(learning_rate, *betas, epsilon=1e-300),
        lambda params: torch.optim.SparseAdam(list(params), learning_rate, betas, 1e-300),
        {"table": shape},
        draw_rows,
    )
    for step, (rows, _) in list(enumerate(given["table"]))[1:]:
        untouched = np.setdiff1d(np.arange(shape[0]), rows)
        for path in paths.values():
            np.testing.assert_array_equal(path[step][untouched], path[step - 1][untouched])


@learning_rates
@tables
def test_sgd_on_touched_rows_equals_that_of_torch_on_sparse_gradients(shape, learning_rate):
    sgd = SGD(learning_rate)
    assert_same_path(sgd, lambda params: torch.optim.SGD(params, learning_rate), {"table": shape}, draw_rows)
