"""`DeepFM.to_torch` against the original model, alone and in two gloo processes; the script of its page runs.

Differences are relative to the largest entry of a tensor (`difference`).
"""

import copy
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from parity.test_model_torch import ARCHITECTURES, FIELD_DIMS, FIELD_STARTS, MASK_SEED, make_batch, make_model

import deepfm_np
from deepfm_np import DeepFM
from deepfm_np.model import COMPONENTS
from deepfm_np.ops import RowGradient, dropout_forward

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("this PyTorch was built without gloo", allow_module_level=True)

from parity.ddp_worker import SHARDS, SPARSE, by_our_names, gradients, loss_of  # noqa: E402

ROOT = Path(deepfm_np.__file__).parents[1]
PAGE = ROOT / "docs" / "distributed.md"
TOLERANCE = {"float64": 1e-12, "float32": 1e-6}
PROCESSES, TIME_OUT = 2, 180.0

components = pytest.mark.parametrize("switches", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
activations = pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh"])
outputs = pytest.mark.parametrize("deep_output", ["logit", "sigmoid"])
batch_norms = pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
dtypes = pytest.mark.parametrize("dtype", TOLERANCE)


def difference(ours, theirs, least=0.0):
    """The largest |a - b|, divided by the largest |b| or by `least`, whichever is larger."""
    a, b = np.asarray(ours), np.asarray(theirs)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    gap, scale = np.abs(a - b).max(initial=0.0), max(np.abs(b).max(initial=0.0), least)
    return float(gap / scale) if gap else 0.0


def assert_same_gradients(ours, theirs, tolerance=1e-12):
    """Arguments: name -> gradient, ours and torch's. Below 1e-12 of the largest, both must be zero up to rounding."""
    assert ours.keys() == theirs.keys()
    largest = max(np.abs(grad).max() for grad in theirs.values())
    for name, grad in theirs.items():
        own = ours[name].dense(len(grad)) if isinstance(ours[name], RowGradient) else ours[name]
        zero = np.abs(grad).max() < 1e-12 * largest
        error = difference(own, grad, least=largest if zero else 0.0)
        assert error <= tolerance, f"the gradient of {name} is {error:.1e} apart"


def tensors(ids, values, labels=None):
    parts = [torch.tensor(ids), torch.tensor(values)]
    return parts if labels is None else [*parts, torch.tensor(labels, dtype=torch.float64)]


def logits_of(module, ids, values):
    with torch.no_grad():
        return module(*tensors(ids, values)).numpy()


@components
@activations
@outputs
@batch_norms
@dtypes
def test_the_module_gives_the_same_logits(switches, activation, deep_output, batch_norm, dtype):
    model = make_model(dtype, activation=activation, deep_output=deep_output, batch_norm=batch_norm, **switches)
    ids, values, _ = make_batch(256)
    assert difference(model.logits(ids, values), logits_of(model.to_torch(), ids, values)) <= TOLERANCE[dtype]


@dtypes
@activations
def test_the_module_gives_the_same_probabilities_at_the_size_of_the_paper(dtype, activation):
    model = make_model(dtype, 0.05, embedding_dim=10, hidden=(400, 400, 400), activation=activation)
    ids, values, _ = make_batch(256)
    probabilities = torch.sigmoid(torch.from_numpy(logits_of(model.to_torch(), ids, values)))
    assert np.abs(model.predict_proba(ids, values) - probabilities.numpy()).max() <= TOLERANCE[dtype]


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("hidden", [(), (6,)])
def test_no_example_no_hidden_layer_and_one_slot_per_field(n, hidden):
    model = DeepFM([4, 3], hidden=hidden, dtype="float64", seed=2)
    ids, values = np.array([[1, 5]])[:n], np.array([[1.0, -0.5]])[:n]
    assert difference(model.logits(ids, values), logits_of(model.to_torch(), ids, values)) <= 1e-12


@components
@activations
@outputs
@batch_norms
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", SPARSE])
def test_the_module_gives_the_same_gradients(switches, activation, deep_output, batch_norm, training, sparse):
    settings = dict(activation=activation, deep_output=deep_output, batch_norm=batch_norm, **switches)
    model = make_model(**settings, dropout=0.0, l2_embedding=0.1, l2_net=0.2)
    module, batch = model.to_torch(sparse).train(training), make_batch()
    loss_of(module, *tensors(*batch)).backward()
    _, grads = model.loss_and_grads(*batch, training=training)
    assert_same_gradients(grads, gradients(module))


class MasksOfOurs(torch.nn.Module):
    """Dropout with the masks drawn by `ops.dropout_forward` instead of torch's own."""

    def __init__(self, rate, rng):
        super().__init__()
        self.rate, self.rng = rate, rng

    def forward(self, x):
        kept = dropout_forward(np.ones(tuple(x.shape)), self.rate, self.rng)[0] != 0
        return x * torch.from_numpy(kept) / (1 - self.rate)


@batch_norms
def test_dropout_is_where_it_is_in_ours(batch_norm):
    model, batch = make_model(batch_norm=batch_norm, dropout=0.4), make_batch()
    module, rng = model.to_torch().train(), np.random.default_rng(MASK_SEED)
    for layer in module.hidden:
        assert layer.dropout.p == 0.4
        layer.dropout = MasksOfOurs(0.4, rng)
    loss_of(module, *tensors(*batch)).backward()
    _, grads = model.loss_and_grads(*batch, rng=np.random.default_rng(MASK_SEED))
    assert_same_gradients(grads, gradients(module))


@dtypes
def test_batch_norm_remembers_the_same_over_several_batches(dtype):
    model = make_model(dtype, batch_norm=True, dropout=0.0)
    module = model.to_torch().train()
    for seed, n in enumerate((24, 8, 1, 16)):
        batch = make_batch(24, seed)
        batch = [part[:n] for part in batch]
        model.loss_and_grads(*batch)
        module(*tensors(*batch[:2]))
    for layer, step in enumerate(module.hidden):
        for name, theirs in (("mean", step.batch_norm.running_mean), ("var", step.batch_norm.running_var)):
            assert difference(model.running[f"{name}{layer}"], theirs) <= TOLERANCE[dtype]


def test_a_batch_of_one_trains_behind_batch_norm_as_in_ours():
    model, batch = make_model(batch_norm=True, dropout=0.0), [part[:1] for part in make_batch()]
    module = model.to_torch().train()
    loss_of(module, *tensors(*batch)).backward()
    assert_same_gradients(model.loss_and_grads(*batch)[1], gradients(module))


@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_a_sparse_gradient_names_the_rows_of_ours_and_no_padding(penalty):
    model, batch = make_model(dropout=0.0, l2_embedding=penalty), make_batch()
    module = model.to_torch(sparse=True)
    loss_of(module, *tensors(*batch)).backward()
    _, grads = model.loss_and_grads(*batch)
    for name, layer in (("weights", module.weights), ("table", module.table)):
        np.testing.assert_array_equal(layer.weight.grad.coalesce().indices()[0], grads[name].rows)


def test_the_module_is_a_copy_in_evaluation_mode_and_draws_nothing():
    model, (ids, values, _) = make_model(batch_norm=True), make_batch()
    before = {name: array.copy() for name, array in (model.params | model.running).items()}
    state = torch.get_rng_state()
    module = model.to_torch()
    assert not any(part.training for part in module.modules())
    assert torch.equal(state, torch.get_rng_state())
    for name, array in by_our_names(module, lambda param: param.detach().numpy()).items():
        np.testing.assert_array_equal(array, model.params[name], name)
    expected = logits_of(module, ids, values)
    with torch.no_grad():
        for tensor in copy.deepcopy(module).state_dict().values():
            tensor.add_(1)
        np.testing.assert_array_equal(logits_of(module, ids, values), expected)
        for tensor in module.state_dict().values():
            tensor.add_(1)
    for name, array in (model.params | model.running).items():
        np.testing.assert_array_equal(array, before[name], name)


def test_batch_norm_can_be_turned_into_that_of_all_processes():
    module = make_model(batch_norm=True).to_torch()
    layers = [layer.batch_norm for layer in torch.nn.SyncBatchNorm.convert_sync_batchnorm(module).hidden]
    assert all(type(layer) is torch.nn.SyncBatchNorm for layer in layers)


def test_slots_that_do_not_fit_are_refused():
    module = make_model().to_torch()
    ids, values = tensors(*make_batch()[:2])
    with pytest.raises(ValueError, match=r"must both be \(n, s\)"):
        module(ids, values[:, 1:])
    with pytest.raises(ValueError, match=f"begins at slot {FIELD_STARTS[-1]}, the input has 4 slots"):
        module(ids[:, :4], values[:, :4])
    with pytest.raises(ValueError, match="5 fields of one slot each, the input has 8 slots"):
        DeepFM(FIELD_DIMS).to_torch()(ids, values)
    with pytest.raises(IndexError):
        module(ids + sum(FIELD_DIMS), values)


def run_together(commands, folder, time_out=TIME_OUT):
    """Run commands in parallel and return each one's output. If one fails or times out, fail with the output."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    environment = {**os.environ, **threads, "PYTHONPATH": str(ROOT)}
    logs = [folder / f"log-{number}.txt" for number in range(len(commands))]
    processes, end = [], time.monotonic() + time_out
    try:
        for command, log in zip(commands, logs, strict=True):
            with open(log, "w", encoding="utf-8") as file:
                arguments = [sys.executable, *map(str, command)]
                options = dict(cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT)
                processes.append(subprocess.Popen(arguments, **options))
        while None in (codes := [process.poll() for process in processes]) and not any(codes):
            if time.monotonic() > end:
                break
            time.sleep(0.05)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    written = [log.read_text(encoding="utf-8") for log in logs]
    if any(codes) or None in codes:
        late = "" if any(codes) else f"not done after {time_out:g} s; "
        pytest.fail(f"{late}exit codes {codes}\n" + "\n".join(written), pytrace=False)
    return written


def test_a_process_that_hangs_or_fails_is_reported(tmp_path):
    hangs, fails = ["-c", "import time; time.sleep(60)"], ["-c", "raise SystemExit('no network')"]
    with pytest.raises(pytest.fail.Exception, match=r"not done after 0.2 s; exit codes \[None\]"):
        run_together([hangs], tmp_path, time_out=0.2)
    with pytest.raises(pytest.fail.Exception, match=r"exit codes \[None, 1\]\n\nno network"):
        run_together([hangs, fails], tmp_path)


DISTRIBUTED = {
    "DeepFM": dict(activation="tanh", l2_embedding=0.1, l2_net=0.2),
    "DeepFM-sigmoid": dict(activation="sigmoid", deep_output="sigmoid"),
    f"DeepFM-{SPARSE}": dict(activation="relu", l2_embedding=0.1),
    "DeepFM-batch-norm": dict(activation="tanh", batch_norm=True),
    "LR": COMPONENTS["LR"],
    "FM": COMPONENTS["FM"],
    "DNN": dict(COMPONENTS["DNN"], activation="relu"),
    "FM-and-PNN": dict(ARCHITECTURES["FM & PNN*"], activation="tanh", l2_embedding=0.1),
}


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """The models, the batch, each example's process by sharding, and the gradients by model, sharding and process."""
    folder = tmp_path_factory.mktemp("processes")
    (folder / "models").mkdir()
    models = {name: make_model(dropout=0.0, **settings) for name, settings in DISTRIBUTED.items()}
    for name, model in models.items():
        model.save(folder / "models" / f"{name}.npz")
    ids, values, labels = make_batch(24)
    shards = dict(zip(SHARDS, (np.arange(24) % PROCESSES, (np.arange(24) > 16).astype(int)), strict=True))
    np.savez(folder / "batch.npz", ids=ids, values=values, labels=labels.astype(float), **shards)
    worker = Path(__file__).with_name("ddp_worker.py")
    run_together([[worker, folder, rank, PROCESSES] for rank in range(PROCESSES)], folder)
    found = {
        (name, sharding): [dict(np.load(folder / f"{name}-{sharding}-{rank}.npz")) for rank in range(PROCESSES)]
        for name in models
        for sharding in SHARDS
    }
    return models, (ids, values, labels), shards, found


shardings = pytest.mark.parametrize("sharding", SHARDS)


@shardings
@pytest.mark.parametrize("name", [name for name in DISTRIBUTED if "batch-norm" not in name])
def test_two_processes_find_the_gradients_of_one_on_the_whole_batch(two_processes, name, sharding):
    models, batch, _, found = two_processes
    module = models[name].to_torch().train()
    loss_of(module, *tensors(*batch)).backward()
    _, grads = models[name].loss_and_grads(*batch)
    for of_process in found[name, sharding]:
        assert_same_gradients(of_process, gradients(module))
        assert_same_gradients(grads, of_process)


@shardings
def test_behind_batch_norm_every_process_has_the_statistics_of_its_own_shard(two_processes, sharding):
    models, batch, shards, found = two_processes
    mean = dict.fromkeys(models["DeepFM-batch-norm"].params, 0.0)
    for rank in range(PROCESSES):
        mine = shards[sharding] == rank
        _, grads = models["DeepFM-batch-norm"].loss_and_grads(*(part[mine] for part in batch))
        for name, grad in grads.items():
            whole = grad.dense(sum(FIELD_DIMS)) if isinstance(grad, RowGradient) else grad
            mean[name] = mean[name] + mine.mean() * whole
    for of_process in found["DeepFM-batch-norm", sharding]:
        assert_same_gradients(mean, of_process)


@pytest.mark.skipif(not PAGE.is_file(), reason="docs/ comes with the project's checkout")
@pytest.mark.parametrize("processes", [2, pytest.param(1, marks=pytest.mark.proofs)])
def test_the_script_of_the_page_prints_what_the_page_shows(tmp_path, processes):
    text = PAGE.read_text(encoding="utf-8")
    script = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1].replace("EPOCHS, BATCH = 4,", "EPOCHS, BATCH = 1,")
    (tmp_path / "train_distributed.py").write_text(script, encoding="utf-8")
    shown = re.search(r"^epoch 1: .*$", text, re.MULTILINE)[0]
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes, "train_distributed.py"]
    (printed,) = run_together([run], tmp_path)
    scores = [re.findall(r"\d\.\d{4}", line) for line in (shown, printed)]
    np.testing.assert_allclose(*(np.array(numbers, float) for numbers in scores), atol=1e-3, err_msg=printed)
    assert "epoch 2" not in printed
    assert (tmp_path / "deepfm.pt").is_file()


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", SPARSE])
@pytest.mark.parametrize("shared", [True, False], ids=["one table", "two tables"])
def test_the_module_penalises_the_whole_table_as_ours_does(sparse, shared):
    settings = dict(dropout=0.0, l2_table=0.1, l2_embedding=0.2, l2_net=0.3, shared_embedding=shared)
    model, batch = make_model(**settings), make_batch()
    module = model.to_torch(sparse).train()
    loss_of(module, *tensors(*batch)).backward()
    _, grads = model.loss_and_grads(*batch)
    for name in ["table"] if shared else ["table", "deep_table"]:
        table = getattr(module, name).weight.grad
        assert not table.is_sparse
        assert difference(grads[name], table) <= 1e-12
