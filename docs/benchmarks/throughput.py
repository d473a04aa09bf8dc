"""How fast a training step and a prediction are, beside the matrix products they need and beside PyTorch.

    python docs/benchmarks/throughput.py                writes throughput.json and throughput.png beside this file
    python docs/benchmarks/throughput.py --steps 3 --vocabularies 1e4 --out /tmp     a look whether it works

The model is that of a Criteo log: 39 fields (13 numerical, 26 categorical), k 10, 400-400-400, sigmoid, batch 2048,
Adam, float32. Ids are log-uniform in each field: as in real logs, few are frequent and many are rare. The contestants
take turns, step by step, so that all of them see the same machine; a figure is the median of the ratios within a turn,
with the quartiles. Before anything is timed, gradients are compared with PyTorch's. Without PyTorch its rows are left
out.

"GEMMs" are the three matrix products of each layer with 400 outputs, forward, for W and for x: no step can do without.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from deepfm_np import DeepFM, ops
from deepfm_np.memory import keep_freed_memory
from deepfm_np.ops.rows import sum_rows
from deepfm_np.optim import Adam

try:
    import torch
    from torch import nn
except ImportError:
    torch = None

NUMERICAL, CATEGORICAL, K, HIDDEN = 13, 26, 10, (400, 400, 400)
LAYERS = [((NUMERICAL + CATEGORICAL) * K, 400), (400, 400), (400, 400)]
BATCHES = 8  # of each kind, taken in turn
MEMORY_ROWS = 10_000_000
CHILD = """
import re, sys
sys.modules["torch"] = None  # it would count
sys.path.insert(0, sys.argv[1])
import throughput
throughput.keep_freed_memory()
model, batches = throughput.problem(throughput.MEMORY_ROWS, 2048, 0.5)
step = throughput.ours(model)
for batch in batches:
    step(batch)
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024)
"""


def problem(vocabulary: float, n: int, dropout: float, seed: int = 0) -> tuple[DeepFM, list[tuple]]:
    """A model whose table has about `vocabulary` rows, and batches for it."""
    rng = np.random.default_rng(seed)
    rows = int(vocabulary) // CATEGORICAL
    dims = [1] * NUMERICAL + [rows] * CATEGORICAL
    starts = np.cumsum([0, *dims[:-1]])
    batches = []
    for _ in range(BATCHES):
        ids = np.tile(starts, (n, 1))
        ids[:, NUMERICAL:] += np.floor(rows ** rng.random((n, CATEGORICAL))).astype(np.int64) - 1
        values = np.ones(ids.shape, np.float32)
        values[:, :NUMERICAL] = rng.standard_normal((n, NUMERICAL))
        batches.append((ids, values, (rng.random(n) < 0.25).astype(np.int8)))
    return DeepFM(dims, embedding_dim=K, hidden=HIDDEN, dropout=dropout, seed=seed), batches


def ours(model: DeepFM) -> Callable:
    optimizer, rng = Adam(), np.random.default_rng(0)

    def step(batch: tuple) -> None:
        _, grads = model.loss_and_grads(*batch, rng=rng)
        optimizer.step(model.params, grads)

    return step


def gemms(n: int, training: bool) -> Callable:
    """The matrix products of a step, or of a prediction, on arrays that are there already."""
    rng = np.random.default_rng(0)
    arrays = [[rng.standard_normal(shape, np.float32) for shape in ((n, i), (i, o), (n, o))] for i, o in LAYERS]

    def products(batch: tuple) -> None:
        for x, W, grad_y in arrays:
            np.matmul(x, W)
            if training:
                np.matmul(x.T, grad_y)
                np.matmul(grad_y, W.T)

    return products


def torch_model(model: DeepFM, sparse: bool) -> "nn.Module":
    """The same function in PyTorch's plainest words, with the same weights; no slot is padding, so none is left out."""

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            p = {name: torch.from_numpy(np.array(array)) for name, array in model.params.items()}
            self.bias = nn.Parameter(p["bias"])
            self.weights = nn.Embedding.from_pretrained(p["weights"][:, None], freeze=False, sparse=sparse)
            self.table = nn.Embedding.from_pretrained(p["table"], freeze=False, sparse=sparse)
            layers = []
            for layer in range(len(HIDDEN) + 1):
                linear = nn.Linear(*p[f"W{layer}"].shape)
                linear.weight, linear.bias = nn.Parameter(p[f"W{layer}"].T.contiguous()), nn.Parameter(p[f"b{layer}"])
                layers += [linear, nn.Sigmoid(), nn.Dropout(model.dropout)]
            self.deep = nn.Sequential(*layers[:-2])

        def forward(self, ids, values):
            vectors = self.table(ids) * values[:, :, None]
            first = (self.weights(ids)[:, :, 0] * values).sum(1)
            pairs = (vectors.sum(1).square().sum(1) - vectors.square().sum(dim=(1, 2))) / 2
            return self.bias + first + pairs + self.deep(vectors.flatten(1))[:, 0]

    return Plain()


def tensors(batches: list[tuple]) -> list[tuple]:
    return [tuple(torch.from_numpy(a) for a in (ids, values, y.astype(np.float32))) for ids, values, y in batches]


def torch_step(model: DeepFM, batches: list[tuple], sparse: bool) -> Callable:
    module = torch_model(model, sparse)
    tables = [module.weights.weight, module.table.weight]
    dense = [p for p in module.parameters() if not any(p is table for table in tables)]
    if sparse:
        optimizers = [torch.optim.Adam(dense, fused=True), torch.optim.SparseAdam(tables)]
    else:
        optimizers = [torch.optim.Adam(module.parameters(), fused=True)]
    copies = {id(batch): copy for batch, copy in zip(batches, tensors(batches), strict=True)}

    def step(batch: tuple) -> None:
        ids, values, y = copies[id(batch)]
        loss = nn.functional.binary_cross_entropy_with_logits(module(ids, values), y)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()

    return step


def torch_prediction(model: DeepFM, batches: list[tuple]) -> Callable:
    module = torch_model(model, sparse=False).eval()
    copies = {id(batch): copy for batch, copy in zip(batches, tensors(batches), strict=True)}

    def predict(batch: tuple) -> None:
        ids, values, _ = copies[id(batch)]
        with torch.inference_mode():
            torch.sigmoid(module(ids, values)).numpy()

    return predict


def check_same() -> float:
    """The largest difference between our gradients and PyTorch's, relative to the largest entry of each tensor."""
    model, batches = problem(1e4, 256, dropout=0.0)
    last = f"W{len(HIDDEN)}"  # it starts at 0, and no gradient would come through it
    model.params[last] += np.random.default_rng(1).standard_normal(model.params[last].shape).astype(np.float32)
    _, grads = model.loss_and_grads(*batches[0])
    module = torch_model(model, sparse=False)
    ids, values, y = tensors(batches)[0]
    nn.functional.binary_cross_entropy_with_logits(module(ids, values), y).backward()
    D = sum(model.field_dims)
    theirs = {"bias": module.bias.grad, "weights": module.weights.weight.grad[:, 0], "table": module.table.weight.grad}
    for layer in range(len(HIDDEN) + 1):
        linear = module.deep[3 * layer]
        theirs |= {f"W{layer}": linear.weight.grad.T, f"b{layer}": linear.bias.grad}
    worst = 0.0
    for name, grad in grads.items():
        grad = grad.dense(D) if isinstance(grad, ops.RowGradient) else grad
        expected = theirs[name].numpy()
        worst = max(worst, float(np.abs(grad - expected).max() / np.abs(expected).max()))
    if worst > 1e-4:
        raise AssertionError(f"the gradients differ from PyTorch's by {worst:.1e}: nothing is timed")
    return worst


def timed(contestants: dict[str, Callable], batches: list[tuple], steps: int) -> dict[str, np.ndarray]:
    """Seconds of each step, the contestants taking turns; two rounds before that do not count."""
    seconds = {name: [] for name in contestants}
    for turn in range(steps + 2):
        batch = batches[turn % len(batches)]
        for name, step in contestants.items():
            start = time.perf_counter()
            step(batch)
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(all_of_it[2:]) for name, all_of_it in seconds.items()}


def ratio(above: np.ndarray, below: np.ndarray) -> dict[str, float]:
    quartiles = np.percentile(above / below, [25, 50, 75])
    return dict(zip(("low", "median", "high"), quartiles.round(3).tolist(), strict=True))


def milliseconds(seconds: dict[str, np.ndarray]) -> dict[str, float]:
    return {name: round(1e3 * float(np.median(s)), 2) for name, s in seconds.items()}


def training_steps(steps: int) -> dict[str, dict]:
    """The rows on training steps: against the GEMMs and PyTorch, with and without dropout, at two batch sizes."""
    rows = {}
    for n, dropout in ((2048, 0.5), (2048, 0.0), (256, 0.5)):
        model, batches = problem(1e5, n, dropout)
        contestants = {"GEMMs": gemms(n, training=True)}
        if torch is not None:
            contestants["PyTorch, sparse"] = torch_step(model, batches, sparse=True)
            contestants["PyTorch, dense"] = torch_step(model, batches, sparse=False)
        seconds = timed({"deepfm_np": ours(model), **contestants}, batches, steps)
        setting = f"batch {n}, dropout {dropout}"
        rows[f"training step / GEMMs, {setting}"] = ratio(seconds["deepfm_np"], seconds["GEMMs"])
        for name in contestants:
            if name != "GEMMs":
                rows[f"{name} / deepfm_np, {setting}"] = ratio(seconds[name], seconds["deepfm_np"])
        rows[f"milliseconds, {setting}"] = milliseconds(seconds)
    return rows


def predictions(steps: int) -> dict[str, dict]:
    model, batches = problem(1e5, 2048, 0.5)
    contestants = {
        "deepfm_np": lambda batch: model.predict_proba(*batch[:2]),
        "GEMMs": gemms(2048, training=False),
    }
    if torch is not None:
        contestants["PyTorch"] = torch_prediction(model, batches)
    seconds = timed(contestants, batches, steps)
    rows = {"prediction / forward GEMMs": ratio(seconds["deepfm_np"], seconds["GEMMs"])}
    if torch is not None:
        rows["PyTorch / deepfm_np, prediction"] = ratio(seconds["PyTorch"], seconds["deepfm_np"])
    return rows | {"milliseconds, prediction": milliseconds(seconds)}


def vocabularies(sizes: list[float], steps: int) -> dict[str, dict]:
    """A step's time at each length of the table; all models take turns, on ids of their own."""
    problems = {f"{size:.0e}": problem(size, 2048, 0.5) for size in sizes}

    def on_its_own_batches(size: str) -> Callable:
        model, batches = problems[size]
        step, turn = ours(model), iter(range(sys.maxsize))
        return lambda _: step(batches[next(turn) % len(batches)])

    seconds = timed({size: on_its_own_batches(size) for size in problems}, [()], steps)
    small, large = min(problems, key=float), max(problems, key=float)
    return {
        f"step at a vocabulary of {large} / at {small}": ratio(seconds[large], seconds[small]),
        "milliseconds by vocabulary": milliseconds(seconds),
    }


def tricks(steps: int) -> dict[str, dict]:
    """How much longer the plain form of each trick takes, on the arrays of one step."""
    model, batches = problem(1e5, 2048, 0.5)
    ids, values, _ = batches[0]
    rng = np.random.default_rng(0)
    table, scratch, touched = model.params["table"], model._scratch, ops.touched_rows(ids, values)
    gradients, vectors = rng.standard_normal((2, *ids.shape, K), np.float32)
    shape = (len(ids), HIDDEN[0])
    x = rng.standard_normal(shape, np.float32)

    def squares_in_memory() -> None:
        vectors.sum(axis=1)
        (vectors * vectors).sum(axis=(1, 2))

    pairs = {
        "touched rows: np.unique / with a scratch array": (
            lambda: ops.touched_rows(ids, values),
            lambda: ops.touched_rows(ids, values, scratch),
        ),
        "dropout: masks from float32 draws / from 16 bits": (
            lambda: x * ((rng.random(shape, np.float32) >= 0.5) * np.float32(2)),
            lambda: ops.dropout_forward(x, 0.5, rng),
        ),
        "rows: table[ids] / take": (lambda: table[ids], lambda: table.take(ids, axis=0)),
        "scatter: np.add.at on rows / on flat arrays": (
            lambda: np.add.at(np.zeros((touched.rows.size, K), np.float32), touched.position, gradients.reshape(-1, K)),
            lambda: sum_rows(touched, gradients),
        ),
        "FM: squares in memory / einsum": (squares_in_memory, lambda: ops.fm_forward(vectors)),
    }
    rows = {}
    for name, (plain, trick) in pairs.items():
        forms = {"plain": lambda _, plain=plain: plain(), "trick": lambda _, trick=trick: trick()}
        seconds = timed(forms, [()], steps)
        rows[name] = ratio(seconds["plain"], seconds["trick"])
    return rows


def memory() -> dict[str, dict]:
    """The peak of a process that trains on a table of ten million rows."""
    here = str(Path(__file__).parent)
    peak = int(subprocess.run([sys.executable, "-c", CHILD, here], check=True, stdout=subprocess.PIPE).stdout)
    model, _ = problem(1e4, 1, 0.5)
    network = sum(array.size for name, array in model.params.items() if name not in ("table", "weights"))
    allowed = 1.2 * 12 * (MEMORY_ROWS * (K + 1) + network) + 100e6
    return {"memory at 1e7 rows, MB": {"peak": round(peak / 1e6), "goal": round(allowed / 1e6)}}


def imports(runs: int) -> dict[str, dict]:
    def seconds(module: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        return time.perf_counter() - start

    if torch is None:
        return {}
    turns = np.array([[seconds(module) for module in ("sys", "deepfm_np", "torch")] for _ in range(runs + 1)])[1:]
    python, package, framework = turns.T
    return {"import deepfm_np / import torch": ratio(package - python, framework - python)}


def machine() -> dict[str, str]:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text() if cpuinfo.exists() else "")
    return {
        "processor": found[1] if found else platform.processor(),
        "cores": str(os.cpu_count()),
        "threads": os.environ.get("OPENBLAS_NUM_THREADS", "one per core"),
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "BLAS": f"{blas['name']} {blas['version']}",
        "PyTorch": "not installed" if torch is None else f"{torch.__version__}, {torch.get_num_threads()} threads",
    }


def draw(results: dict[str, dict], path: Path) -> None:
    """Left: a step of each contestant. Right: our step against the vocabulary."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    times = results["milliseconds, batch 2048, dropout 0.5"]
    names = sorted(times, key=times.get, reverse=True)
    left.barh(
        names, [times[name] for name in names], color=["#0072b2" if n == "deepfm_np" else "#999999" for n in names]
    )
    left.set(xlabel="milliseconds per training step", title="Batch 2048, dropout 0.5, vocabulary 1e5")
    by_size = results["milliseconds by vocabulary"]
    right.plot([float(size) for size in by_size], list(by_size.values()), "o-", color="#0072b2")
    highest = 1.15 * max(by_size.values())
    right.set(xscale="log", ylim=(0, highest), xlabel="rows of the table", ylabel="milliseconds per training step")
    right.set_title("A step of deepfm_np against the vocabulary")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def report(results: dict[str, dict]) -> None:
    for name, numbers in results.items():
        if "median" in numbers:
            print(f"{name:58}  {numbers['median']:6.2f}   ({numbers['low']:.2f} to {numbers['high']:.2f})", flush=True)
        else:
            print(f"{name:58}  " + ", ".join(f"{key} {value}" for key, value in numbers.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--vocabularies", nargs="+", type=float, default=[1e4, 1e5, 1e6, 1e7])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    keep_freed_memory()
    results = {"machine": machine()}
    report(results)
    if torch is not None:
        print(f"gradients equal PyTorch's to {check_same():.0e} (float32)")
    measurements = (
        lambda: training_steps(options.steps),
        lambda: predictions(options.steps),
        lambda: tricks(options.steps),
        lambda: vocabularies(options.vocabularies, options.steps),
        lambda: imports(min(options.steps, 5)),
        memory,
    )
    for measure in measurements:
        rows = measure()
        report(rows)
        results |= rows
    (options.out / "throughput.json").write_text(json.dumps(results, indent=1) + "\n")
    draw(results, options.out / "throughput.png")


if __name__ == "__main__":
    main()
