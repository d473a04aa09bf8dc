"""Does each planted order give the gain it should? LR, FM, DNN and DeepFM on the click log, over several seeds.

    python docs/benchmarks/planted_orders.py

Prints the two tables of planted_orders.md. One seed sets the data, the split, the initial weights and the shuffling.
"""

from deepfm_np import DeepFMClassifier
from deepfm_np.data import make_click_log, split
from deepfm_np.metrics import auc
from deepfm_np.model import COMPONENTS
from deepfm_np.recipes import RECIPES

SEEDS = range(5)


def validation_aucs(seed: int, models: tuple[str, ...], **strengths: float) -> dict[str, float]:
    """Validation AUC of each model, and the best attainable."""
    train, valid, _ = split(make_click_log(seed=seed, **strengths), seed=seed)
    aucs = {}
    for name in models:
        settings = {**RECIPES["click-log"].settings, **COMPONENTS[name]}
        classifier = DeepFMClassifier(fields=train.fields, seed=seed, **settings)
        classifier.fit(train.frame, train.labels, eval_set=(valid.frame, valid.labels))
        aucs[name] = auc(valid.labels, classifier.predict_proba(valid.frame)[:, 1])
    return {**aucs, "Best attainable": auc(valid.labels, valid.click_probabilities)}


def print_table(title: str, models: tuple[str, ...], **strengths: float) -> None:
    print(f"\n{title}\n\n| seed | {' | '.join(models)} | Best attainable |\n|{' --- |' * (len(models) + 2)}")
    for seed in SEEDS:
        aucs = validation_aucs(seed, models, **strengths)
        print(f"| {seed} | {' | '.join(f'{value:.4f}' for value in aucs.values())} |", flush=True)


if __name__ == "__main__":
    print_table("Validation AUC, all three orders planted", ("LR", "FM", "DNN", "DeepFM"))
    print_table("Validation AUC, order 3 switched off", ("LR", "FM", "DNN", "DeepFM"), order3=0.0)
