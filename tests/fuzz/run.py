"""Run many random cases of each target, and count what came of them.

python tests/fuzz/run.py [--cases 20000] [--seed 7] [--targets frames,files] [--case frames:123]
"""

import argparse
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

import numpy as np
from tqdm import tqdm

if __name__ == "__main__":  # this project's package and tests come first, from wherever the script is run
    sys.path[:1] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from fuzz import arguments, files, frames, logs, settings
from fuzz.outcome import GOOD, KINDS, Trial, judge

TARGETS = {
    "arguments": arguments.trial,
    "settings": settings.trial,
    "frames": frames.trial,
    "logs": logs.trial,
    "files": files.trial,
}
SHARES = {"arguments": 3, "settings": 3, "frames": 1, "logs": 1, "files": 2}  # of all cases


def trial_of(target: str, seed: int, case: int, folder: Path) -> Trial:
    """The same for the same three."""
    numbers = np.random.default_rng([seed, list(TARGETS).index(target), case])
    return TARGETS[target](numbers, folder)


def outcomes(target: str, seed: int, cases: int, folder: Path):
    """(case, trial, outcome) of each case of a target; a bar on a terminal."""
    for case in tqdm(range(cases), desc=target, disable=None, leave=False):
        trial = trial_of(target, seed, case, folder)
        yield case, trial, judge(trial)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", type=lambda text: text.split(","), default=list(TARGETS), metavar="A,B")
    parser.add_argument("--case", metavar="TARGET:NUMBER", help="this one alone, with its traceback")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.case:
            return _one(*options.case.split(":"), options.seed, Path(folder))
        return _many(options, Path(folder))


def _one(target: str, case: str, seed: int, folder: Path) -> int:
    trial = trial_of(target, seed, int(case), folder)
    outcome = judge(trial)
    if outcome.error is not None:
        traceback.print_exception(outcome.error)
    print(f"{trial.what}\n{outcome.kind}: {outcome.why}")
    return outcome.kind not in GOOD


def _many(options: argparse.Namespace, folder: Path) -> int:
    whole = sum(SHARES[target] for target in options.targets)
    counts, failures = {}, []
    for target in options.targets:
        counts[target] = Counter()
        for case, trial, outcome in outcomes(target, options.seed, options.cases * SHARES[target] // whole, folder):
            counts[target][outcome.kind] += 1
            if outcome.kind not in GOOD:
                failures.append((target, case, trial, outcome))
    for target, case, trial, outcome in failures:
        print(f"{outcome.kind}: {trial.what}: {outcome.why}")
        print(f"    python tests/fuzz/run.py --seed {options.seed} --case {target}:{case}")
    print(table(counts))
    return bool(failures)


def table(counts: dict[str, Counter]) -> str:
    """In Markdown: a row per target, and their sum."""
    rows = [*counts.items(), ("all", sum(counts.values(), Counter()))]
    lines = [["target", "tried", *KINDS], ["---", *["---:"] * (1 + len(KINDS))]]
    lines += [[name, f"{sum(count.values()):,}", *(f"{count[kind]:,}" for kind in KINDS)] for name, count in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
