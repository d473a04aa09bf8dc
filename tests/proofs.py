"""Proofs by many random problems: the first few seeds in every run, so that a break shows at once, the rest with the
marker `proofs`."""

import pytest


def seeds(count, *before, quick=2):
    """(*before, 0), (*before, 1), ... as parameters of pytest, all but the first few marked as proofs."""
    return [pytest.param(*before, seed, marks=() if seed < quick else pytest.mark.proofs) for seed in range(count)]
