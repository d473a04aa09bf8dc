"""How fast a training step and a prediction are, compared with the matrix products they need and with other packages.

    python docs/benchmarks/throughput.py       writes throughput.json, throughput.png and roofline.png next to this file
    python docs/benchmarks/throughput.py --turns 2 --vocabularies 1e4 --out /tmp       a quick trial run

The model is shaped for a Criteo log: 39 fields (13 numerical, 26 categorical), k 10, 400-400-400, sigmoid, batch 2048,
Adam, float32. Ids are log-uniform in each field: as in real logs, few are frequent and many are rare. Before anything
is timed, gradients are compared with PyTorch's. Packages that are not installed are skipped.

The contestants take turns of three steps, so that all of them see the same machine. The first step of a turn does not
count. Each turn starts with a pause, because idle threads of OpenBLAS and OpenMP spin for a while and would take a core
from the next contestant. A figure is the median over turns of the ratio of two times, with its quartiles.

"GEMMs" are the three matrix products of each layer with 400 outputs (forward, for W and for x), which every step needs,
on all cores. "deepfm_np" is the loop that a user writes, with default settings: `model.loss_and_grads`, then
`optimizer.step`. "one thread" is the same on one core, matrix products included. The tables of throughput.md are
printed at the end.
"""

import argparse
import itertools
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import contestants
import encode
import matplotlib.pyplot as plt
import numpy as np
import roofline
from contestants import HIDDEN, NUMERICAL, Contestant, K, deepctr_torch, fuxictr, problem, torch

from deepfm_np import DeepFM, ops
from deepfm_np.ops.rows import sum_rows

STEPS = 3  # per turn
PAUSE = 0.15  # seconds; OpenBLAS was observed to spin for 0.1
MEMORY_ROWS = 10_000_000
ENCODED_ROWS = 1_000_000
UNIT = {"batch size": "example", "fields": "field"}
FASTEST = "fastest PyTorch / deepfm_np, batch 2048, dropout 0.0"
# Bound and number; where two are given, on AMD (Zen 3) and on Intel (Sapphire Rapids).
GOALS = {
    "training step / GEMMs, batch 2048, dropout 0.5": ("at most", 1.5, 1.65),
    "training step / GEMMs, batch 2048, dropout 0.5, relu": ("at most", 1.28, 1.45),
    "PyTorch, sparse / deepfm_np, batch 2048, dropout 0.5": ("at least", 2.2),
    FASTEST: ("at least", 1.1),
    "FuxiCTR train_step / deepfm_np": ("at least", 3),
    "DeepCTR-Torch fit / deepfm_np": ("at least", 3),
    "PyTorch, sparse / deepfm_np, batch 256, dropout 0.5": ("at least", 1.6),
    "prediction / forward GEMMs": ("at most", 1.35),
    "PyTorch / deepfm_np, prediction": ("at least", 1),
    "DeepCTR-Torch predict / deepfm_np, prediction": ("at least", 1.8),
    "step at a vocabulary of 1e+07 / at 1e+04": ("at most", 1.2),
    "peak memory at 1e7 rows, MB": ("at most", 1691),  # 1.2 times parameters and moments, and 100 MB for all else
    "from deepfm_np import DeepFM / import torch": ("at most", 0.1),
    "Criteo rows encoded a second": ("at least", 600_000),
}
CHILD = """
import re, sys
sys.modules["torch"] = None  # it would count
sys.path.insert(0, sys.argv[1])
import throughput
model, batches = throughput.problem(throughput.MEMORY_ROWS, 2048, 0.5)
throughput.contestants.training(model)(batches)
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024)
"""


def timed(players: dict[str, Contestant], batches: list[tuple], turns: int) -> dict[str, np.ndarray]:
    """Seconds per step in each turn, after one warm-up turn that does not count."""
    seconds = {name: [] for name in players}
    for turn in range(turns + 1):
        chosen = [batches[(turn * STEPS + step) % len(batches)] for step in range(STEPS)]
        for name, play in players.items():
            time.sleep(PAUSE)
            seconds[name].append(np.mean(play(chosen)[1:]))
    return {name: np.array(all_of_it[1:]) for name, all_of_it in seconds.items()}


def ratio(above: np.ndarray, below: np.ndarray) -> dict[str, float]:
    quartiles = np.percentile(above / below, [25, 50, 75])
    return dict(zip(("low", "median", "high"), quartiles.round(3).tolist(), strict=True))


def milliseconds(seconds: dict[str, np.ndarray]) -> dict[str, float]:
    return {name: round(1e3 * float(np.median(s)), 2) for name, s in seconds.items()}


def training_steps(turns: int) -> dict[str, dict]:
    """Training steps against the GEMMs and PyTorch, with and without dropout, at two batch sizes."""
    rows = {}
    for n, dropout in ((2048, 0.5), (2048, 0.0), (256, 0.5)):
        model, batches = problem(1e5, n, dropout)
        players = ours_and_gemms(model, n)
        if torch is not None:
            players["PyTorch, sparse"] = contestants.torch_training(model, batches, sparse=True)
            players["PyTorch, dense"] = contestants.torch_training(model, batches, sparse=False)
            if not dropout and (compiled := contestants.compiled_torch_training(model, batches)):
                players["PyTorch, compiled"] = compiled
        rows |= steps(players, batches, turns, f"batch {n}, dropout {dropout}")
    rivals = {name: row for name, row in rows.items() if name.startswith("PyTorch") and "dropout 0.0" in name}
    if rivals:
        rows[FASTEST] = min(rivals.values(), key=lambda row: row["median"])
    model, batches = problem(1e5, 2048, 0.5, activation="relu")
    return rows | steps(ours_and_gemms(model, 2048), batches, turns, "batch 2048, dropout 0.5, relu")


def ours_and_gemms(model: DeepFM, n: int) -> dict[str, Contestant]:
    return {
        "deepfm_np": contestants.training(model),
        "deepfm_np, one thread": contestants.training(model, threads=1),
        "GEMMs": contestants.gemms(n, backward=True),
    }


def steps(players: dict[str, Contestant], batches: list[tuple], turns: int, setting: str) -> dict[str, dict]:
    seconds = timed(players, batches, turns)
    rows = {f"training step / GEMMs, {setting}": ratio(seconds["deepfm_np"], seconds["GEMMs"])}
    for name in players:
        if name not in ("deepfm_np", "GEMMs"):
            rows[f"{name} / deepfm_np, {setting}"] = ratio(seconds[name], seconds["deepfm_np"])
    return rows | {f"milliseconds, {setting}": milliseconds(seconds)}


def other_packages(turns: int) -> dict[str, dict]:
    """FuxiCTR and DeepCTR-Torch at a vocabulary of a million, if installed."""
    model, batches = problem(1e6, 2048, 0.5)
    players = {"deepfm_np": contestants.training(model)}
    if fuxictr is not None:
        players["FuxiCTR train_step"] = contestants.fuxictr_training(model, batches)
    if deepctr_torch is not None:
        players["DeepCTR-Torch fit"] = contestants.deepctr_training(model)
    if len(players) == 1:
        return {}
    seconds = timed(players, batches, turns)
    rows = {f"{name} / deepfm_np": ratio(seconds[name], seconds["deepfm_np"]) for name in list(players)[1:]}
    return rows | {"milliseconds, vocabulary 1e+06": milliseconds(seconds)}


def predictions(turns: int) -> dict[str, dict]:
    model, batches = problem(1e5, 2048, 0.5)
    players = {
        "deepfm_np": contestants.prediction(model),
        "deepfm_np, one thread": contestants.prediction(model, threads=1),
        "GEMMs": contestants.gemms(2048, backward=False),
    }
    if torch is not None:
        players["PyTorch"] = contestants.torch_prediction(model, batches)
    if deepctr_torch is not None:
        players["DeepCTR-Torch predict"] = contestants.deepctr_prediction(model)
    seconds = timed(players, batches, turns)
    rows = {"prediction / forward GEMMs": ratio(seconds["deepfm_np"], seconds["GEMMs"])}
    for name in players:
        if name not in ("deepfm_np", "GEMMs"):
            rows[f"{name} / deepfm_np, prediction"] = ratio(seconds[name], seconds["deepfm_np"])
    return rows | {"milliseconds, prediction": milliseconds(seconds)}


def sizes(problems: dict[str, tuple], turns: int) -> dict[str, np.ndarray]:
    """Seconds per step of each problem; the problems take turns, each on its own batches."""

    def on_its_own(model: DeepFM, batches: list[tuple]) -> Contestant:
        play, next_batch = contestants.training(model), itertools.cycle(batches)
        return lambda chosen: play([next(next_batch) for _ in chosen])

    return timed({size: on_its_own(*one) for size, one in problems.items()}, [()], turns)


def vocabularies(rows: list[float], turns: int) -> dict[str, dict]:
    seconds = sizes({f"{size:.0e}": problem(size, 2048, 0.5) for size in rows}, turns)
    small, large = min(seconds, key=float), max(seconds, key=float)
    return {
        f"step at a vocabulary of {large} / at {small}": ratio(seconds[large], seconds[small]),
        "milliseconds by vocabulary": milliseconds(seconds),
    }


def batches_and_fields(turns: int) -> dict[str, dict]:
    by_batch = {str(n): problem(1e5, n, 0.5) for n in (256, 1024, 2048, 4096)}
    by_fields = {str(NUMERICAL + c): problem(1e5, 2048, 0.5, c) for c in (7, 26, 52, 87)}
    return {
        "milliseconds by batch size": milliseconds(sizes(by_batch, turns)),
        "milliseconds by fields": milliseconds(sizes(by_fields, turns)),
    }


def tricks(turns: int) -> dict[str, dict]:
    """How many times as long the plain form of each trick takes, on the arrays of one step."""
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
        "dropout 0.5: masks from float32 draws / from bits": (
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
        seconds = timed({form: contestants.each(act) for form, act in forms.items()}, [()], turns)
        rows[f"trick, {name}"] = ratio(seconds["plain"], seconds["trick"])
    return rows


def memory() -> dict[str, dict]:
    """Peak memory of a process that trains on a table of ten million rows."""
    here = str(Path(__file__).parent)
    peak = int(subprocess.run([sys.executable, "-c", CHILD, here], check=True, stdout=subprocess.PIPE).stdout)
    return {"peak memory at 1e7 rows, MB": {"once": round(peak / 1e6)}}


def encoding() -> dict[str, dict]:
    """Encode a Criteo TSV with the command line in a separate process; see encode.py for large logs."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "train.txt"
        encode.generate(log, ENCODED_ROWS)
        result = encode.measure(log, Path(folder) / "encoded")
    speed, peak = round(ENCODED_ROWS / result["wall"]), round(result["peak"] / 1e6)
    return {"Criteo rows encoded a second": {"once": speed, "MB": peak}}


def imports(runs: int) -> dict[str, dict]:
    def seconds(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start

    if torch is None:
        return {}
    turns = np.array(
        [[seconds(code) for code in ("", "from deepfm_np import DeepFM", "import torch")] for _ in range(runs + 1)]
    )[1:]
    python, package, framework = turns.T
    return {"from deepfm_np import DeepFM / import torch": ratio(package - python, framework - python)}


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
        "FuxiCTR": "not installed" if fuxictr is None else fuxictr.__version__,
        "DeepCTR-Torch": "not installed" if deepctr_torch is None else deepctr_torch.__version__,
    }


def draw(results: dict[str, dict], path: Path) -> None:
    """Plot each contestant's step, and our step against vocabulary, batch size and fields; time axes start at 0."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    times = results["milliseconds, batch 2048, dropout 0.5"]
    names = sorted(times, key=times.get, reverse=True)
    colours = ["#0072b2" if name.startswith("deepfm_np") else "#999999" for name in names]
    axes[0, 0].barh(names, [times[name] for name in names], color=colours)
    axes[0, 0].set(xlabel="milliseconds per training step", title="Batch 2048, dropout 0.5, vocabulary 1e5")
    for ax, by in zip(axes.flat[1:], ("vocabulary", "batch size", "fields"), strict=True):
        measured = results[f"milliseconds by {by}"]
        x, y = np.array(list(measured), float), np.array(list(measured.values()))
        ax.plot(x, y, "o", color="#0072b2")
        ax.set(ylim=(0, 1.15 * y.max()), xlabel=by, ylabel="milliseconds per training step")
        if by == "vocabulary":
            slope, start = np.polyfit(np.log10(x), y, 1)
            ax.set(xscale="log", title=f"{slope:+.1f} ms for ten times the rows")
            ax.plot(x, start + slope * np.log10(x), color="#0072b2", lw=1)
        else:
            slope, start = np.polyfit(x, y, 1)
            ax.set(xlim=(0, None), title=f"{start:.1f} ms + {slope:.3g} ms for each {UNIT[by]}")
            ax.plot([0, x.max()], [start, start + slope * x.max()], color="#0072b2", lw=1)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def goal_of(name: str, processor: str) -> tuple[str, float] | None:
    """The bound and the number for this row, on this kind of processor."""
    if name not in GOALS:
        return None
    bound, *numbers = GOALS[name]
    return bound, numbers[0 if "AMD" in processor else -1]


def verdict(bound: str, goal: float, found: float) -> str:
    return "met" if (found <= goal if bound == "at most" else found >= goal) else "missed"


def report(results: dict[str, dict], processor: str) -> None:
    for name, numbers in results.items():
        found = numbers.get("median", numbers.get("once"))
        line = f"{name:58}  "
        if "median" in numbers:
            line += f"{found:6.2f}   ({numbers['low']:.2f} to {numbers['high']:.2f})"
        else:
            line += ", ".join(f"{key} {value}" for key, value in numbers.items())
        if goal := goal_of(name, processor):
            line += f"   goal: {goal[0]} {goal[1]:,}, {verdict(*goal, found)}"
        print(line, flush=True)


def tables(results: dict[str, dict]) -> str:
    """The tables of throughput.md: the goals, milliseconds, the tricks."""
    lines = ["| ratio | goal | median (quartiles) | |", "| --- | --- | --- | --- |"]
    for name in GOALS:
        if name in results:
            row, (bound, goal) = results[name], goal_of(name, results["machine"]["processor"])
            found = row.get("median", row.get("once"))
            shown = f"{found:.2f} ({row['low']:.2f} to {row['high']:.2f})" if "median" in row else f"{found:,}"
            lines.append(f"| {name} | {bound} {goal:,} | {shown} | {verdict(bound, goal, found)} |")
    times = {name.removeprefix("milliseconds, "): row for name, row in results.items() if "milliseconds, " in name}
    lines += ["", f"| milliseconds | {' | '.join(times)} |", "| --- |" + " --- |" * len(times)]
    for player in dict.fromkeys(player for row in times.values() for player in row):
        lines.append(f"| {player} | {' | '.join(str(row.get(player, '')) for row in times.values())} |")
    lines += ["", "| trick: plain form / trick | times |", "| --- | --- |"]
    measured = {name.removeprefix("trick, "): row for name, row in results.items() if name.startswith("trick, ")}
    lines += [f"| {name} | {row['median']:.1f} |" for name, row in measured.items()]
    return "\n".join([*lines, "", roofline.table(results)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--vocabularies", nargs="+", type=float, default=[1e4, 1e5, 1e6, 1e7])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    results = {"machine": machine()}
    processor = results["machine"]["processor"]
    report(results, processor)
    if torch is not None:
        print(f"gradients equal PyTorch's to {contestants.check_same():.0e} (float32)")
    some = max(1, options.turns // 3)
    measurements = (
        lambda: training_steps(options.turns),
        lambda: predictions(options.turns),
        lambda: other_packages(max(1, options.turns // 4)),
        lambda: tricks(some),
        lambda: vocabularies(options.vocabularies, options.turns),
        lambda: batches_and_fields(some),
        roofline.measure,
        encoding,
        lambda: imports(min(options.turns, 5)),
        memory,
    )
    for measure in measurements:
        rows = measure()
        report(rows, processor)
        results |= rows
    (options.out / "throughput.json").write_text(json.dumps(results, indent=1) + "\n")
    draw(results, options.out / "throughput.png")
    roofline.draw(results, options.out / "roofline.png")
    print("", tables(results), sep="\n")


if __name__ == "__main__":
    main()
