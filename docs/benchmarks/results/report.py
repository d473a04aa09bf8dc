"""Print the tables of README.md from the runs.

    python docs/benchmarks/results/report.py

Differences from a published number take it as exact. Holm's correction counts all comparisons that are printed.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd
from runner import HERE

from deepfm_np.comparison import corrected, paired_differences

SCORES = ["auc", "log_loss"]
LEAST = 3  # runs of a model that is compared: the interval of two is twelve standard errors wide on either side


class Page(NamedTuple):
    """What is printed of a table."""

    study: str
    base: str | None  # of the paired differences; None where the models were not tuned alike
    overlap: float  # test rows per training row of random splits, 0 where starts are compared
    published: dict[str, tuple[float, float]]  # AUC and log loss; a model may be "ours less theirs"
    cut_off: int  # the most epochs


PAGES = {
    "ml1m": Page(
        "ml-1m_context",
        None,
        1 / 8,
        {
            "LR": (0.8699, 0.3488),
            "FM": (0.8935, 0.3262),
            "DeepFM": (0.8997, 0.3150),
            "DeepFM less DCNv2": (0.8998, 0.3119),
            "DeepFM, k 32 less DeepFM": (0.8997, 0.3150),
            "DeepFM, k 32 less DCNv2": (0.8998, 0.3119),
        },
        60,
    ),
    "frappe": Page(
        "rebuilt",
        "DeepFM",
        0.0,
        {
            "LR": (0.9356, 0.3076),
            "LR, converged less LR": (0.9356, 0.3076),
            "FM": (0.9671, 0.2065),
            "FM, by log loss less FM": (0.9671, 0.2065),
            "FM, converged less FM": (0.9671, 0.2065),
            "DNN": (0.98405, 0.1584),
            "IPNN": (0.9841, 0.1540),
            "DeepFM": (0.98395, 0.1495),
        },
        100,
    ),
    "ml100k": Page("u1", "DeepFM", 0.0, {}, 20),
    "criteo10k": Page("random", "DeepFM", 1 / 8, {}, 100),
    "frameworks": Page("same rows", "deepfm_np", 0.0, {}, 60),
}


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / f"{name}.csv")


def with_starts_as_splits(runs: pd.DataFrame) -> pd.DataFrame:
    """Where there is one split alone, the starts are the units; the intervals then speak of that split."""
    return runs.assign(split=runs["start"], start=0) if runs["split"].nunique() == 1 else runs


def differences(name: str, page: Page) -> Iterator[pd.DataFrame]:
    """From the published numbers, then from the base."""
    runs = read(name)
    runs = with_starts_as_splits(runs[runs["study"] == page.study])
    runs = runs[runs.groupby("setting")["setting"].transform("size") >= LEAST]
    for model, numbers in page.published.items():
        ours, _, theirs = model.partition(" less ")
        mine = runs[runs["setting"] == ours]
        if len(mine):
            base = f"published {theirs or ours}"
            fixed = mine.assign(setting=base, **dict(zip(SCORES, numbers, strict=True)))
            yield paired_differences(pd.concat([mine, fixed]), base, SCORES, overlap=page.overlap)
    if page.base is not None and runs["setting"].nunique() > 1:
        yield paired_differences(runs, page.base, SCORES, overlap=page.overlap)


def means(name: str, cut_off: int) -> Iterator[str]:
    """Mean and standard deviation of the runs; 100+ are epochs of a run that was still going on when they ran out."""
    yield "| study | model | runs | AUC (sd) | log loss (sd) | epochs |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for (study, model), runs in read(name).groupby(["study", "setting"], sort=False):
        cells = [f"{runs[score].mean():.5f} ({runs[score].std(ddof=1):.5f})" for score in SCORES]
        epochs = " to ".join(
            f"{some}+" if some == cut_off else f"{some}" for some in (runs.epochs.min(), runs.epochs.max())
        )
        yield f"| {study} | {model} | {len(runs)} | {' | '.join(cells)} | {epochs} |"


def verdicts(found: pd.DataFrame) -> Iterator[str]:
    yield "| model | less | score | difference | 95 % interval | p (Holm) | detectable | verdict |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in found.itertuples():
        interval = f"{row.low:+.5f} to {row.high:+.5f}"
        cells = (row.setting, row.base, row.score.replace("auc", "AUC").replace("_", " "), f"{row.difference:+.5f}")
        yield f"| {' | '.join(cells)} | {interval} | {row.p_holm:.2g} | {row.detectable:.5f} | {row.verdict} |"


def main() -> None:
    made = {name: page for name, page in PAGES.items() if (HERE / f"{name}.csv").exists()}
    found = [one.assign(table=name) for name, page in made.items() for one in differences(name, page)]
    judged = corrected(pd.concat(found))
    print(f"{len(judged)} comparisons")
    for name in made:
        print(f"\n## {name}\n")
        print("\n".join(means(name, PAGES[name].cut_off)))
        print()
        print("\n".join(verdicts(judged[judged["table"] == name])))


if __name__ == "__main__":
    main()
