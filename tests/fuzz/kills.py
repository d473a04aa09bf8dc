"""Kill training and encoding at random moments, resume them, and compare bits with a run that nobody interrupted.

python tests/fuzz/kills.py [--kills 100] [--seed 0]

The child prints the name of each phase that it enters; the parent kills it (SIGKILL) at a random moment while it is in
the phase that is wanted, as often as it takes, then lets it finish. Nothing but the result may remain.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tqdm import tqdm

if __name__ == "__main__":  # this project's package and tests come first, from wherever the script is run
    sys.path[:1] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from criteo_lines import lines

ROOT = Path(__file__).parents[2]
HOOK = """
import functools, os, sys
from pathlib import Path
def entering(module, name, phase):
    "Print the phase whenever the function is entered, and 'between' when it is left."
    inner = getattr(module, name)
    @functools.wraps(inner)
    def outer(*arguments, **settings):
        os.write(1, (phase + "\\n").encode())
        try:
            return inner(*arguments, **settings)
        finally:
            os.write(1, b"between\\n")
    setattr(module, name, outer)
"""
TRAIN = """
import numpy as np
from deepfm_np import DeepFM, training
from deepfm_np.data import Examples
rng = np.random.default_rng(0)
ids = rng.integers(0, 50, (4000, 4)) + 50 * np.arange(4)
examples = Examples(ids, np.ones((4000, 4), np.float32), rng.integers(0, 2, 4000))
model = DeepFM([50] * 4, hidden=(64, 64), batch_norm=True)
entering(training, "_train_epoch", "step")
entering(training, "_end_epoch", "score")
entering(training, "save_checkpoint", "save")
entering(training, "resume_run", "resume")
out = Path(sys.argv[1])
out.mkdir(exist_ok=True)
history = training.fit(model, examples, examples, epochs=4, patience=4, batch_size=64,
                       checkpoint=out / "run.npz", progress=False)
model.save(out / "model.npz")
history.to_csv(out / "history.csv")
"""
ENCODE = """
from deepfm_np.data import fields
from deepfm_np.data.stream import encoded
from deepfm_np.data.stream.criteo import CriteoStream
fields.PIECE_ROWS = 500
entering(encoded, "_scan", "scan")
entering(encoded, "_learned", "learn")
entering(encoded, "_write", "write")
entering(encoded, "_finish", "finish")
encoded.encode(CriteoStream(sys.argv[2]), sys.argv[1], progress=False)
"""
PHASES = {"training": (TRAIN, ("step", "score", "save")), "encoding": (ENCODE, ("scan", "learn", "write", "finish"))}


def run(code: str, out: Path, log: Path, wanted: str = "", wait: float = 0.0) -> str:
    """Run to the end, or until `wait` seconds after a phase begins; the phase in which it was killed, "" for none."""
    command = [sys.executable, "-c", HOOK + code, str(out), str(log)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        phase = ""
        while wanted and phase != wanted and (line := child.stdout.readline()):
            phase = line.decode().strip()
        if wanted and phase == wanted:
            time.sleep(wait)
            child.kill()
            rest = child.stdout.read().decode().split()
            child.wait()
            return (rest or [phase])[-1] if child.returncode < 0 else ""
        _, errors = child.communicate()
        if child.returncode:
            raise RuntimeError(errors.decode()[-2000:])
    return ""


def contents(folder: Path) -> dict[str, bytes]:
    """What is to be compared: files, and of an .npz the arrays, as a zip also holds the time."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".npz"} | {
        f"{path.name}/{name}": data for path in folder.glob("*.npz") for name, data in _members(path).items()
    }


def _members(path: Path) -> dict[str, bytes]:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def killed_runs(name: str, kills: int, seed: int, folder: Path) -> tuple[Counter, list[str]]:
    """How many kills fell into each phase, and what was wrong after the runs were resumed."""
    code, phases = PHASES[name]
    log, out, whole = folder / "log.txt", folder / "out", folder / "whole"
    log.write_text("\n".join(lines(6000)))
    run(code, whole, log)
    expected, chance = contents(whole), random.Random(seed)
    counts, wrong = Counter(), []
    lengths = _lengths(code, folder / "timed", log)
    with tqdm(total=kills, desc=name, disable=None) as bar:
        while sum(counts[phase] for phase in phases) < kills:
            shutil.rmtree(out, ignore_errors=True)
            for _ in range(1 + chance.randrange(3)):
                wanted = phases[chance.randrange(len(phases))]
                counts[run(code, out, log, wanted, chance.random() * lengths[wanted]) or "not killed"] += 1
                bar.update(min(kills, sum(counts[phase] for phase in phases)) - bar.n)
                if out.exists() and name == "encoding":
                    break
            try:
                if name == "training" or not out.exists():
                    run(code, out, log)
            except RuntimeError as error:
                wrong.append(str(error))
                continue
            found = contents(out)
            wrong += [f"{file} differs or is left over" for file in expected.keys() ^ found.keys()]
            wrong += [f"{file} differs" for file in expected.keys() & found.keys() if expected[file] != found[file]]
            beside = {path.name for path in folder.iterdir()} - {"log.txt", "out", "whole", "timed"}
            wrong += [f"{path} is left over" for path in sorted(beside)]
    return counts, wrong


def _lengths(code: str, out: Path, log: Path) -> dict[str, float]:
    """Seconds that each phase takes, the first time."""
    command = [sys.executable, "-c", HOOK + code, str(out), str(log)]
    lengths: dict[str, float] = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        phase, since = "", time.perf_counter()
        for line in child.stdout:
            now = time.perf_counter()
            lengths.setdefault(phase, now - since)
            phase, since = line.decode().strip(), now
    return lengths


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="in each of training and encoding")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    faults = 0
    print("| run | killed in | kills | other bits or left-overs |\n| --- | --- | ---: | ---: |")
    for name in PHASES:
        with tempfile.TemporaryDirectory() as folder:
            counts, wrong = killed_runs(name, options.kills, options.seed, Path(folder))
        for phase in (*PHASES[name][1], *sorted(counts.keys() - set(PHASES[name][1]))):
            print(f"| {name} | {phase} | {counts[phase]} | |")
        within = sum(counts[phase] for phase in PHASES[name][1])
        print(f"| {name} | all phases | {within} | {len(wrong)} |")
        faults += len(wrong)
        for one in wrong:
            print(one, file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
