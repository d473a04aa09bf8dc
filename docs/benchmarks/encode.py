"""Speed and memory of encoding a Criteo log into a memory-mapped folder.

    python docs/benchmarks/encode.py                       1 and 5 million generated rows, in a temporary folder
    python docs/benchmarks/encode.py --rows 1e6 2e6 --folder /somewhere/large

A generated row has 13 log-normal integers and 26 hexadecimal categories. A category's rank is log-uniform up to the
number of distinct values its field has in the Kaggle training set, so that rare values keep appearing; 12 % of the
cells are empty. Five million rows need about 4 GB on disk. Each size is encoded in a separate process, as on the
command line. The peak is the process's VmHWM: the most memory it ever held, including Python and libraries.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

DISTINCT = [
    *(1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306, 10),
    *(5652, 2173, 4, 7046547, 18, 15, 286181, 105, 142572),
]
EMPTY = 0.12
HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
CHILD = """
import json, os, re, sys, time
from deepfm_np.__main__ import main
from deepfm_np.data.stream import encoded
seconds = {}
for name in ("_scan", "_learned", "_write"):
    def timed(*arguments, step=getattr(encoded, name), name=name):
        start = time.perf_counter()
        result = step(*arguments)
        seconds[name] = time.perf_counter() - start
        return result
    setattr(encoded, name, timed)
start, cpu = time.perf_counter(), time.process_time()
main(["encode", "--data", "criteo", "--path", sys.argv[1], "--out", sys.argv[2]])
wall, cpu = time.perf_counter() - start, time.process_time() - cpu
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak, **seconds}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=float, default=[1e6, 5e6])
    parser.add_argument("--folder", help="where the temporary folder is made")
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, pandas {pd.__version__}, {os.cpu_count()} cores"
    )
    print("rows       rows/s   seconds  CPU seconds  count  learn  write  peak MB  load")
    for rows in map(int, options.rows):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            path = Path(folder) / "train.txt"
            generate(path, rows)
            report(rows, measure(path, Path(folder) / "encoded"))


def measure(path: Path, out: Path) -> dict:
    """The last line that the child process prints: seconds and bytes."""
    command = [sys.executable, "-c", CHILD, path, out]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def report(rows: int, result: dict) -> None:
    steps = "  ".join(f"{result[name]:5.1f}" for name in ("_scan", "_learned", "_write"))
    speed = f"{rows / result['wall']:9,.0f}  {result['wall']:8.1f}  {result['cpu']:11.1f}"
    print(f"{rows:<9,} {speed}  {steps}  {result['peak'] / 1e6:7.0f}  {os.getloadavg()[0]:4.1f}", flush=True)


def generate(path: Path, rows: int, seed: int = 0, at_once: int = 50_000) -> None:
    """Write `rows` lines in the format of train.txt."""
    rng = np.random.default_rng(seed)
    with open(path, "wb") as file:
        for start in range(0, rows, at_once):
            file.write(lines(rng, min(at_once, rows - start)))


def lines(rng: np.random.Generator, n: int) -> bytes:
    """n lines: each cell is built in 8 bytes, and the unused bytes, which are 0, are dropped."""
    integers = np.minimum(np.floor(rng.lognormal(2, 2.2, (n, 13))), 9_999_999).astype(np.int64)
    ranks = np.floor(np.array(DISTINCT) ** rng.random((n, 26))).astype(np.uint64)
    hashes = (ranks * 26 + np.arange(26, dtype=np.uint64)) * 2654435761 % 2**32
    cells = np.zeros((n, 40, 9), np.uint8)
    cells[:, 0, 0] = ord("0") + (rng.random(n) < 0.26)
    cells[:, 1:14, :8] = decimal(integers)
    cells[:, 14:, :8] = HEX[(hashes[:, :, None] >> np.arange(28, -4, -4, dtype=np.uint64)) & 15]
    cells[:, 1:][rng.random((n, 39)) < EMPTY] = 0
    cells[:, :, 8] = ord("\t")
    cells[:, -1, 8] = ord("\n")
    flat = cells.ravel()
    return flat[flat != 0].tobytes()


def decimal(numbers: np.ndarray) -> np.ndarray:
    """(..., 8) ASCII codes of the digits, 0 before the first digit."""
    powers = 10 ** np.arange(7, -1, -1)
    digits = numbers[..., None] // powers % 10 + ord("0")
    return np.where((numbers[..., None] >= powers) | (powers == 1), digits, 0)


if __name__ == "__main__":
    main()
