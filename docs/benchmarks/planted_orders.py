"""Does each planted order give the gain it should? LR, FM, DNN and DeepFM on the click log, over several seeds.

    python docs/benchmarks/planted_orders.py

Prints the tables of planted_orders.md. One seed sets the data, the split, the initial weights and the shuffling; the
models of one seed are compared with each other (docs/how-we-compare.md).
"""

import pandas as pd

from deepfm_np import DeepFMClassifier
from deepfm_np.comparison import corrected, paired_differences
from deepfm_np.data import make_click_log, split
from deepfm_np.metrics import auc
from deepfm_np.model import COMPONENTS
from deepfm_np.recipes import RECIPES

SEEDS = range(5)
MODELS = ("LR", "FM", "DNN", "DeepFM")
LOGS = {"all three orders planted": {}, "order 3 switched off": {"order3": 0.0}}


def test_aucs(seed: int, **strengths: float) -> dict[str, float]:
    """AUC of each model on the test part, and the best attainable; the validation part stops the training."""
    train, valid, test = split(make_click_log(seed=seed, **strengths), seed=seed)
    aucs = {}
    for name in MODELS:
        settings = {**RECIPES["click-log"].settings, **COMPONENTS[name]}
        classifier = DeepFMClassifier(fields=train.fields, seed=seed, threads=1, **settings)
        classifier.fit(train.frame, train.labels, eval_set=(valid.frame, valid.labels))
        aucs[name] = auc(test.labels, classifier.predict_proba(test.frame)[:, 1])
    return {**aucs, "Best attainable": auc(test.labels, test.click_probabilities)}


def print_differences(runs: pd.DataFrame) -> None:
    """runs: columns study, split and one per model."""
    long = runs.melt(["study", "split"], MODELS, "setting", "auc").assign(start=0)
    page = pd.concat(
        paired_differences(long[long["setting"] != left_out], base, ["auc"])
        for base, left_out in (("FM", "DeepFM"), ("DeepFM", "LR"))
    )
    print("\n| log | AUC | less that of | difference | 95 % interval | p (Holm) | detectable |\n|" + " --- |" * 7)
    for row in corrected(page.drop_duplicates(["study", "setting", "base"])).itertuples():
        interval = f"{row.low:+.4f} to {row.high:+.4f}"
        cells = f"{row.difference:+.4f}", interval, f"{row.p_holm:.2g}", f"{row.detectable:.4f}"
        print(f"| {' | '.join((row.study, row.setting, row.base, *cells))} |")


def main() -> None:
    rows = []
    for study, strengths in LOGS.items():
        print(f"\nTest AUC, {study}\n\n| seed | {' | '.join(MODELS)} | Best attainable |\n|" + " --- |" * 6)
        for seed in SEEDS:
            aucs = test_aucs(seed, **strengths)
            rows.append({"study": study, "split": seed, **aucs})
            print(f"| {seed} | {' | '.join(f'{value:.4f}' for value in aucs.values())} |", flush=True)
    print_differences(pd.DataFrame(rows))


if __name__ == "__main__":
    main()
