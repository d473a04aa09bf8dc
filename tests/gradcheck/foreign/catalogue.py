"""All cases, and the wrong versions of them."""

from functools import cache
from importlib import import_module

from gradcheck.foreign.case import Case
from gradcheck.foreign.mutate import Mutant, mutants_of

TOPICS = [
    *("dense", "products", "rectifiers", "smooth", "conv1d", "conv2d", "pooling", "batch_norm", "norms"),
    *("softmax", "cross_entropy", "hinge", "regression", "divergences", "penalties", "metric"),
    *("recurrent", "recurrences", "gated", "attention", "embedding", "broadcasting", "shapes", "reductions"),
    *("interactions", "dropout", "affine_classes", "stateful", "nets", "outputs", "single"),
]

RIGHT: list[Case] = [case for topic in TOPICS for case in import_module(f"gradcheck.foreign.{topic}").CASES]


@cache
def mutants() -> list[Mutant]:
    """The wrong versions of all cases."""
    return [mutant for number, case in enumerate(RIGHT) for mutant in mutants_of(case, number)]
