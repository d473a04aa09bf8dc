"""Print the tables of README.md from the runs.

python docs/benchmarks/results/report.py
"""

from collections.abc import Iterable
from math import sqrt

import pandas as pd
from runner import HERE

from deepfm_np.comparison import corrected, paired_differences, t_quantile

PUBLISHED = {
    "ml1m": {
        "LR": (0.8699, 0.3488),
        "FM": (0.8935, 0.3262),
        "DeepFM": (0.8997, 0.3150),
        "DeepFM less DCNv2": (0.8998, 0.3119),
    },
    "frappe": {
        "LR": (0.9356, 0.3076),
        "LR, converged": (0.9356, 0.3076),
        "FM": (0.9671, 0.2065),
        "FM, converged": (0.9671, 0.2065),
        "DNN": (0.98405, 0.1584),
        "IPNN": (0.9841, 0.1540),
        "DeepFM": (0.98395, 0.1495),
    },
}
PAIRED = {  # study, base of the paired differences
    "ml1m": ("ml-1m_context", "DeepFM"),
    "frappe": ("rebuilt", "DeepFM"),
    "ml100k": ("u1", "DeepFM"),
    "criteo10k": ("random", "DeepFM"),
    "frameworks": ("same rows", "deepfm_np"),
}


def summary(values: pd.Series) -> tuple[float, float, float]:
    """Mean, standard deviation and half of the 95 % interval of the mean, by Student's t."""
    n, sd = len(values), values.std(ddof=1)
    return values.mean(), sd, t_quantile(0.95, n - 1) * sd / sqrt(n)


def against_published(runs: pd.DataFrame, published: dict[str, tuple[float, float]]) -> Iterable[str]:
    yield "| model | runs | AUC: ours (sd) | published | difference | log loss: ours (sd) | published | difference |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, theirs in published.items():
        ours = runs[runs["setting"] == name.split(" less ")[0]]
        if len(ours) < 2:
            continue
        cells = []
        for score, value in zip(("auc", "log_loss"), theirs, strict=True):
            mean, sd, half = summary(ours[score])
            cells += [f"{mean:.5f} ({sd:.5f})", f"{value}", f"{mean - value:+.5f} ± {half:.5f}"]
        yield f"| {name} | {len(ours)} | {' | '.join(cells)} |"


def means(runs: pd.DataFrame) -> Iterable[str]:
    yield "| model | runs | AUC (sd) | log loss (sd) | epochs |"
    yield "| --- | --- | --- | --- | --- |"
    for name, ours in runs.groupby("setting", sort=False):
        cells = [f"{mean:.5f} ({sd:.5f})" for mean, sd, _ in (summary(ours[score]) for score in ("auc", "log_loss"))]
        yield f"| {name} | {len(ours)} | {' | '.join(cells)} | {ours['epochs'].min()} to {ours['epochs'].max()} |"


def paired(runs: pd.DataFrame, base: str) -> Iterable[str]:
    """Differences from the base, all of a table corrected together. Where only starts differ, they are the units."""
    if runs["split"].nunique() == 1:
        runs = runs.assign(split=runs["start"], start=0)
    found = corrected(paired_differences(runs, base))
    yield "| less " + base + " | score | difference | 95 % interval | p (Holm) | detectable | verdict |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in found.itertuples():
        interval = f"{row.low:+.5f} to {row.high:+.5f}"
        cells = (row.setting, row.score, f"{row.difference:+.5f}", interval, f"{row.p_holm:.2g}")
        yield f"| {' | '.join(cells)} | {row.detectable:.5f} | {row.verdict} |"


def main() -> None:
    for name, (study, base) in PAIRED.items():
        path = HERE / f"{name}.csv"
        if not path.exists():
            continue
        runs = pd.read_csv(path)
        for other in runs["study"].unique():
            print(f"\n## {name}: {other}\n")
            print("\n".join(means(runs[runs["study"] == other])))
        runs = runs[runs["study"] == study]
        if name in PUBLISHED:
            print()
            print("\n".join(against_published(runs, PUBLISHED[name])))
        print()
        print("\n".join(paired(runs, base)))


if __name__ == "__main__":
    main()
