"""A correct gradient never fails and a wrong one never passes, on a thousand random problems and on relu nets with
kinks inside the step."""

import numpy as np
import pytest
from proofs import seeds

from deepfm_np import ops
from deepfm_np.gradcheck import check_loss, check_operation
from deepfm_np.gradcheck.gradient import is_row_gradient
from deepfm_np.gradcheck.guarded_calls import one_per_name
from deepfm_np.model import DeepFM

PROBLEMS_PER_SEED = 50
RULES_OF_ONE_ENTRY = ("zero", "factor")  # they may fit a tensor with a single nonzero entry


def random_slots(rng):
    """ids (n, s) and values (n, s) of a batch: repeating Zipf or uniform ids, padding, numbers from tiny to huge."""
    n, s, D = int(rng.integers(1, 9)), int(rng.integers(1, 6)), int(rng.integers(2, 60))
    ids = rng.zipf(1.3, (n, s)) % D if rng.random() < 0.5 else rng.integers(0, D, (n, s))
    values = np.where(rng.random((n, s)) < 0.3, 0.0, rng.standard_normal((n, s)))
    return ids, values, D


def random_scale(rng):
    return 10.0 ** rng.uniform(-12, 12) if rng.random() < 0.5 else 1.0


def scaled(forward, backward, scale):
    """The operation scaled by a constant, so that its gradients are tiny or huge."""

    def scaled_forward(*inputs):
        y, cache = forward(*inputs)
        return y * np.asarray(scale, y.real.dtype), cache

    return scaled_forward, lambda grad_y, cache: backward(grad_y * np.asarray(scale, grad_y.dtype), cache)


class Mistake:
    """Shifts one entry of one gradient by the largest entry of all, and remembers where."""

    def __init__(self, seed):
        self.seed, self.tensor, self.index = seed, None, None

    def __call__(self, gradients):
        rng, changed = np.random.default_rng(self.seed), list(gradients)
        arrays = [np.array(g.values if is_row_gradient(g) else g) for g in gradients]
        possible = [i for i, array in enumerate(arrays) if array.size]
        if not possible:  # all slots of the table are padding, so no row has a gradient
            return changed
        self.tensor = int(rng.choice(possible))
        gradient, array = gradients[self.tensor], arrays[self.tensor]
        index = tuple(int(rng.integers(size)) for size in array.shape)
        array[index] += max(np.abs(arrays[i]).max() for i in possible) or 1.0
        sparse = is_row_gradient(gradient)
        changed[self.tensor] = ops.RowGradient(gradient.rows, array) if sparse else array
        self.index = (int(gradient.rows[index[0]]), *index[1:]) if sparse else index
        return changed


def operation_check(rng, seed):
    """The check of a random library operation, as a function that takes what to do to the gradients."""
    n, d, k = (int(rng.integers(1, 7)) for _ in range(3))
    normal = rng.standard_normal
    ids, values, D = random_slots(rng)
    starts = tuple(np.flatnonzero(np.r_[True, rng.random(ids.shape[1] - 1) < 0.5]))
    labels, frozen = rng.integers(0, 2, n), int(rng.integers(1000))
    running, x = (normal(d), rng.random(d) + 0.5), normal((n, d)) * 10.0 ** rng.uniform(-2, 2)
    rate, training = rng.uniform(0, 0.9), bool(rng.integers(2))
    batch_norm = {"x": normal((n, d)), "gamma": normal(d), "beta": normal(d)}
    vectors = {"vectors": normal((n, d, k)) * 10.0 ** rng.uniform(-2, 2)}
    choices = [
        (lambda t: ops.embedding_forward(t, ids, values, starts), ops.embedding_backward, {"table": normal((D, k))}),
        (lambda w: ops.first_order_forward(w, ids, values), ops.first_order_backward, {"weights": normal(D)}),
        (lambda t: ops.l2_rows_forward(t, ids, values), ops.l2_rows_backward, {"table": normal((D, k))}),
        (ops.fm_forward, ops.fm_backward, vectors),
        (ops.inner_product_forward, ops.inner_product_backward, vectors),
        (ops.outer_product_forward, ops.outer_product_backward, vectors),
        (ops.affine_forward, ops.affine_backward, {"x": x, "W": normal((d, k)), "b": normal(k)}),
        (ops.sigmoid_forward, ops.sigmoid_backward, {"z": x}),
        (ops.relu_forward, ops.relu_backward, {"z": x}),
        (ops.tanh_forward, ops.tanh_backward, {"z": x}),
        (lambda x: ops.dropout_forward(x, rate, np.random.default_rng(frozen)), ops.dropout_backward, {"x": x}),
        (lambda *a: ops.batch_norm_forward(*a, running, training), ops.batch_norm_backward, batch_norm),
        (lambda z: ops.log_loss_forward(z, labels), ops.log_loss_backward, {"logits": 5 * normal(n)}),
        (ops.l2_forward, ops.l2_backward, {"W": x}),
    ]
    forward, backward, inputs = choices[int(rng.integers(len(choices)))]
    slots = (ids, values) if inputs.keys() & {"table", "weights"} else None
    forward, backward = scaled(forward, backward, random_scale(rng))
    dtype = rng.choice(["float64", "float64", "float32"])
    inputs = {name: value.astype(dtype) for name, value in inputs.items()}
    fast = bool(rng.integers(4) == 0)

    def check(change=list):
        def changed(grad_y, cache):
            return change(one_per_name(backward(grad_y, cache), list(inputs)))

        return check_operation(forward, changed, inputs, None, "complex", seed, slots, fast, strict=True)

    return check


def model_check(rng, seed):
    """The same for a random model."""
    dims = tuple(int(d) for d in rng.integers(1, 30, int(rng.integers(1, 5))))
    n = int(rng.integers(1, 7))
    model = DeepFM(
        dims,
        embedding_dim=int(rng.integers(1, 5)),
        hidden=tuple(int(h) for h in rng.integers(1, 7, int(rng.integers(1, 4)))),
        activation=str(rng.choice(["sigmoid", "relu", "tanh"])),
        dropout=float(rng.choice([0.0, 0.5])),
        batch_norm=bool(rng.integers(2)),
        deep_output=str(rng.choice(["logit", "sigmoid"])),
        l2_embedding=float(rng.choice([0.0, 0.1])),
        l2_net=float(rng.choice([0.0, 0.1])),
        dtype="float64",
    )
    first = np.cumsum(dims) - dims
    ids = first + rng.zipf(1.5, (n, len(dims))) % np.array(dims)
    values = np.where(rng.random(ids.shape) < 0.2, 0.0, rng.standard_normal(ids.shape))
    labels = rng.integers(0, 2, n)
    dtype, fast = rng.choice(["float64", "float64", "float32"]), bool(rng.integers(2))
    point = {name: (p + 0.3 * rng.standard_normal(p.shape)).astype(dtype) for name, p in model.params.items()}

    def check(change=list):
        def loss_and_grads(params):
            loss, grads = model.loss_and_grads(ids, values, labels, rng=np.random.default_rng(seed), params=params)
            return loss, dict(zip(point, change([grads[name] for name in point]), strict=True))

        return check_loss(loss_and_grads, point, "complex", seed, (ids, values), fast=fast, strict=True)

    return check


@pytest.mark.parametrize("seed", seeds(20))
def test_right_gradients_pass_and_one_wrong_entry_is_found_whatever_the_shape_dtype_and_scale(seed):
    """Some gradients lie below the rounding error of their dtype: the check may say so, but not call them wrong."""
    rng = np.random.default_rng(seed)
    passed = found = 0
    for problem in range(PROBLEMS_PER_SEED):
        check = (model_check if problem % 10 == 0 else operation_check)(rng, problem)
        report = check()
        assert all(result.verdict != "fail" for result in report.results), f"problem {problem}\n{report}"
        passed += report.ok
        mistake = Mistake(problem)
        report = check(mistake)
        for position, result in enumerate(report.results):
            if position != mistake.tensor:
                assert result.verdict != "fail", f"problem {problem}\n{report}"
            elif result.verdict != "inconclusive":
                assert (result.verdict, result.index) == ("fail", mistake.index), f"problem {problem}\n{report}"
                assert result.rule in ("", *RULES_OF_ONE_ENTRY), f"problem {problem}\n{report}"
                found += 1
    assert min(passed, found) >= 0.95 * PROBLEMS_PER_SEED


@pytest.mark.parametrize(
    "method, seed",
    [*seeds(100, "central"), *seeds(5, "richardson", quick=1), *seeds(5, "forward", quick=1)],
)
def test_kinks_of_a_relu_net_raise_no_alarm_and_hide_no_mistake(method, seed):
    """80 -> 400 units, batch 64: some of the 25,600 kinks lie inside the step of every method."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((64, 80)) @ (rng.standard_normal((80, 400)) / 80**0.5)
    b, unit = 0.1 * rng.standard_normal(400), int(rng.integers(400))

    def forward(b):
        return ops.relu_forward(z + b)

    def backward(grad_a, cache):
        return ops.relu_backward(grad_a, cache).sum(axis=0)

    def one_unit_is_off(grad_a, cache):
        grad_b = backward(grad_a, cache)
        grad_b[unit] += 0.01 * np.abs(grad_b).max()
        return grad_b

    assert check_operation(forward, backward, {"b": b}, method=method, seed=seed).ok
    result = check_operation(forward, one_unit_is_off, {"b": b}, method=method, seed=seed).results[0]
    assert (result.verdict, result.index) == ("fail", (unit,))
