"""Which part of a training step is bound by arithmetic, which by memory, and what is left to gain.

    python docs/benchmarks/roofline.py                 writes roofline.png next to this file and prints its table

A step of `throughput.py` on one thread (2048 rows in two parts of 1024), with a timer around every operation. Each is
compared with the arithmetic that it needs and the bytes that it has to move at least: every input read once, every
result written once, nothing in between. The machine's limits are measured, too: a large matrix product, and copies
within the cache and from memory. No part can take less than the longer of its flops at full speed and its bytes from
memory; a part below that still found some of its arrays in the cache.

An exponential counts as EXP flops: NumPy's is a range reduction and a quotient of two polynomials.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from contestants import HIDDEN, LAYERS, K, problem

from deepfm_np import DeepFM, network, ops
from deepfm_np.optim import Adam
from deepfm_np.system.parts import split_batch
from deepfm_np.system.threads import one_blas_thread

N, STEPS, EXP = 2048, 30, 16
FLOAT, ID = 4, 8  # bytes
COPIES = {"memory": 2**26, "cache": 2**14}  # floats in the array that is copied
LIMITS, STEP, PART = "limits of one thread, Gflop/s and GB/s", "step on one thread", "one thread, "  # names of results
OPERATIONS = ("affine", "dropout", "embedding", "fm", "first_order", "log_loss")


class Needs(NamedTuple):
    """What a part of a step needs at least."""

    flops: float
    bytes: float


class Machine(NamedTuple):
    """What one thread of it can do, a second."""

    flops: float
    memory: float  # bytes, read and written
    cache: float

    def seconds(self, needs: Needs) -> float:
        return max(needs.flops / self.flops, needs.bytes / self.memory)


def needs(rows: int, parts: int) -> dict[str, Needs]:
    """Of each part of a step, which touches `rows` rows of the table and reads the weights once in each part."""
    units = N * sum(HIDDEN)
    weights, x, y = sum(i * o for i, o in LAYERS), N * sum(i for i, _ in LAYERS), units
    slots = N * (LAYERS[0][0] // K)
    vectors, slot_bytes, updated = slots * K, slots * (ID + FLOAT), weights + sum(HIDDEN) + rows * (K + 1)
    return {
        "affine forward": Needs(2 * N * weights + y, FLOAT * (x + y + parts * weights)),
        "affine backward": Needs(4 * N * weights + y, FLOAT * (2 * x + y + parts * 2 * weights)),
        "sigmoid forward": Needs((EXP + 5) * units, 3 * FLOAT * units),  # z; a, slope
        "sigmoid backward": Needs(units, 3 * FLOAT * units),
        "relu forward": Needs(2 * units, (2 * FLOAT + 1) * units),  # z; a, a byte
        "relu backward": Needs(units, (2 * FLOAT + 1) * units),
        "dropout forward": Needs(2 * units, (2 * FLOAT + 1 / 8) * units),  # x; y, a bit
        "dropout backward": Needs(2 * units, (2 * FLOAT + 1 / 8) * units),
        "embedding forward": Needs(vectors, 2 * FLOAT * vectors + slot_bytes),
        "embedding backward": Needs(2 * vectors, FLOAT * (vectors + parts * rows * K) + slot_bytes),
        "FM forward": Needs(3 * vectors, FLOAT * vectors),
        "FM backward": Needs(2 * vectors, 2 * FLOAT * vectors),
        "touched rows": Needs(0, 2 * slot_bytes + ID * rows),
        "Adam": Needs(13 * updated, 7 * FLOAT * updated),  # parameter, gradient, m, v; parameter, m, v
    }


def measured_machine() -> Machine:
    """The best of several runs of each."""
    x = np.ones((2048, 2048), np.float32)
    with one_blas_thread():
        flops = 2 * len(x) ** 3 / best(lambda: x @ x, 5)
    speed = {}
    for place, size in COPIES.items():
        source, target = np.ones((2, size), np.float32)
        repeats = max(1, 2**20 // size)

        def copy(source=source, target=target, repeats=repeats) -> None:
            for _ in range(repeats):
                np.copyto(target, source)

        speed[place] = 2 * FLOAT * size * repeats / best(copy, 5)
    return Machine(flops, **speed)


def best(act: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


@contextmanager
def timers() -> Iterator[dict[str, float]]:
    """Seconds by operation: a timer around each of them while the context lasts."""
    seconds: dict[str, float] = defaultdict(float)

    def timed(name: str, operation: Callable) -> Callable:
        def call(*arguments):
            start = time.perf_counter()
            result = operation(*arguments)
            seconds[name] += time.perf_counter() - start
            return result

        return call

    names = [f"{operation}_{way}" for operation, way in product(OPERATIONS, ("forward", "backward"))]
    plain = {name: getattr(ops, name) for name in (*names, "touched_rows")}
    activations = dict(network.ACTIVATIONS)
    for name, operation in plain.items():
        setattr(ops, name, timed(name.replace("_", " ").replace("fm", "FM"), operation))
    for name, (forward, backward) in activations.items():
        network.ACTIVATIONS[name] = timed(f"{name} forward", forward), timed(f"{name} backward", backward)
    try:
        yield seconds
    finally:
        network.ACTIVATIONS.update(activations)
        for name, operation in plain.items():
            setattr(ops, name, operation)


def profile(model: DeepFM, batches: list[tuple]) -> dict[str, float]:
    """Median seconds of each part of a step, and of "a step", on one thread."""
    optimizer, rng, steps = Adam(), np.random.default_rng(0), defaultdict(list)
    for step in range(STEPS + 3):
        with timers() as seconds:
            start = time.perf_counter()
            _, grads = model.loss_and_grads(*batches[step % len(batches)], rng=rng, threads=1)
            middle = time.perf_counter()
            optimizer.step(model.params, grads, threads=1)
            seconds |= {"Adam": time.perf_counter() - middle, "a step": time.perf_counter() - start}
        for part, spent in seconds.items():
            steps[part].append(spent)
    return {part: float(np.median(spent[3:])) for part, spent in steps.items()}


def measure() -> dict[str, dict]:
    """Of each part: milliseconds measured, the least it could take, flops and bytes; and what the machine can do."""
    machine = measured_machine()
    seconds = {}
    for activation in ("relu", "sigmoid"):  # what both have is the sigmoid net's in the end
        model, batches = problem(1e5, N, 0.5, activation=activation)
        seconds |= profile(model, batches)
    touched = int(np.mean([ops.touched_rows(*batch[:2]).rows.size for batch in batches]))
    parts = {}
    for part, need in needs(touched, len(split_batch(N, model.architecture.work))).items():
        now, least = 1e3 * seconds[part], 1e3 * machine.seconds(need)
        parts[PART + part] = {"ms": round(now, 2), "least ms": round(least, 2), **need._asdict()}
    return {
        LIMITS: {name: round(speed / 1e9, 1) for name, speed in machine._asdict().items()},
        STEP: {"ms": round(1e3 * seconds["a step"], 2)},
        **parts,
    }


def parts_of(roofline: dict[str, dict]) -> dict[str, dict]:
    return {name.removeprefix(PART): row for name, row in roofline.items() if name.startswith(PART)}


def of_sigmoid(parts: dict[str, dict]) -> dict[str, dict]:
    """The parts of the net with sigmoid."""
    return {name: part for name, part in parts.items() if not name.startswith("relu")}


def table(roofline: dict) -> str:
    """The parts in Markdown, those of the sigmoid net summed up."""
    parts, step = parts_of(roofline), roofline[STEP]["ms"]
    lines = ["| part | ms | least ms | times | flops a byte |", "| --- | --- | --- | --- | --- |"]
    for name, part in parts.items():
        times, intensity = part["ms"] / part["least ms"], part["flops"] / part["bytes"]
        lines.append(f"| {name} | {part['ms']:.1f} | {part['least ms']:.1f} | {times:.1f} | {intensity:.2g} |")
    now, least = (sum(part[which] for part in of_sigmoid(parts).values()) for which in ("ms", "least ms"))
    lines.append(f"| first order, log loss, sums of the parts, checks | {step - now:.1f} | | | |")
    products = parts["affine forward"]["least ms"] + parts["affine backward"]["least ms"]
    lines.append(f"| **a step with sigmoid** | **{step:.1f}** | **{least:.1f}** | **{step / least:.1f}** | |")
    return (
        "\n".join(lines) + f"\n\nThe least of a step is {least / products:.2f} times its matrix products at full speed."
    )


def draw(roofline: dict, path: Path) -> None:
    """Left: flop/s against flops a byte, below the limits of the machine. Right: milliseconds, and the least."""
    parts = parts_of(roofline)
    figure, (ax, bars) = plt.subplots(1, 2, figsize=(13, 6), layout="constrained", width_ratios=(3, 2))
    draw_roofs(ax, roofline[LIMITS])
    with_flops = {name: part for name, part in parts.items() if part["flops"]}
    x = [part["flops"] / part["bytes"] for part in with_flops.values()]
    y = [part["flops"] / part["ms"] / 1e6 for part in with_flops.values()]
    ax.plot(x, y, "o", color="#0072b2")
    ax.set_ylim(bottom=min(y) / 2)
    label(ax, list(with_flops), x, y)
    names = sorted(parts, key=lambda name: parts[name]["ms"])
    measured = bars.barh(names, [parts[name]["ms"] for name in names], color="#0072b2", label="measured")
    times = [f"{parts[name]['ms'] / parts[name]['least ms']:.1f} times" for name in names]
    bars.bar_label(measured, times, padding=3, fontsize=9)
    bars.barh(names, [parts[name]["least ms"] for name in names], color="#e69f00", height=0.4, label="least")
    bars.margins(x=0.15)
    bars.set(xlabel="milliseconds per step", title="Time measured, and the least by flops and bytes")
    bars.legend(frameon=False, loc="lower right")
    for axes in (ax, bars):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_roofs(ax: plt.Axes, machine: dict[str, float]) -> None:
    """The limits: the matrix product is level, the copies rise with the flops a byte until they meet it."""
    peak, left, right = machine["flops"], 0.02, 1000
    for place, colour in (("memory", "#d55e00"), ("cache", "#009e73")):
        speed = machine[place]
        x = np.array([left, peak / speed, right])
        ax.plot(x, np.minimum(peak, speed * x), color=colour, lw=1.2, label=f"copies in {place}: {speed:.0f} GB/s")
    ax.plot([], [], " ", label=f"matrix product: {peak:.0f} Gflop/s")
    ax.set(xscale="log", yscale="log", xlim=(left, right), ylim=(None, 2 * peak))
    ax.set(xlabel="flops per byte that has to move", ylabel="Gflop/s", title="A step of 2048 rows on one thread")
    ax.legend(frameon=False, loc="lower right")


def label(ax: plt.Axes, names: list[str], x: list[float], y: list[float]) -> None:
    """Write each name beside its point, at the first place around it where nothing else is."""
    ax.figure.draw_without_rendering()
    points = ax.transData.transform(np.column_stack([x, y]))
    taken = [plt.matplotlib.transforms.Bbox.from_bounds(*(point - 5), 10, 10) for point in points]
    for number in np.argsort(y):
        for distance, (side, height) in product((8, 16, 24, 32), product((1, -1, 0), (0, 1, -1))):
            text = ax.annotate(
                names[number],
                (x[number], y[number]),
                (side * distance, height * distance),
                textcoords="offset points",
                ha={1: "left", -1: "right", 0: "center"}[side],
                va="center",
                fontsize=9,
            )
            box = text.get_window_extent()
            inside = ax.bbox.x0 < box.x0 and box.x1 < ax.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
            text.remove()
        taken.append(box)
        line = {"arrowstyle": "-", "color": "#999999", "lw": 0.7, "shrinkA": 0, "shrinkB": 3}
        ax.annotate("", (x[number], y[number]), text.xyann, textcoords="offset points", arrowprops=line)


def main() -> None:
    roofline = measure()
    print(LIMITS, roofline[LIMITS])
    print(table(roofline))
    draw(roofline, Path(__file__).with_suffix(".png"))


if __name__ == "__main__":
    main()
