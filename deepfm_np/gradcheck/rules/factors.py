"""Mistakes that multiply the gradient by something."""

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.evidence import SLACK, Evidence
from deepfm_np.gradcheck.rules.fitting import (
    FEW,
    Candidates,
    candidates,
    example_factor,
    factor_of,
    spreads,
    usual_factors,
)


def zero(e: Evidence) -> str:
    return "the gradient is zero everywhere: it is not computed, or not passed on" if not e.analytic.any() else ""


def sign(e: Evidence) -> str:
    return "the sign is flipped: yours = -numeric" if e.is_explained_by(-e.numeric) else ""


def grad_y_forgotten(e: Evidence) -> str:
    op = e.operation
    if op is None:
        return ""
    fits = op.grad_y.shape in ((), e.x.shape)
    factor = np.broadcast_to(op.grad_y, e.x.shape) if fits else example_factor(op, e.x)
    if factor is not None and e.is_explained_by(e.numeric / e.at(factor), 1 / np.abs(e.at(factor)).min()):
        return "grad_y is forgotten: yours * grad_y = numeric, multiply by what arrives"
    return _grad_y_replaced(e) if op.y.ndim else ""


@candidates
def _grad_y_replaced(e: Evidence) -> Candidates:
    if e.operation is not None and e.jacobian is not None:
        grad_y = e.operation.grad_y
        yield "grad_y is forgotten: yours is what 1 would give in its place; start from what arrives", e.back(1.0)
        yield "grad_y counts by its mean alone: each entry of y has its own", e.back(grad_y.mean())
        yield "grad_y counts by its sum alone: each entry of y has its own", e.back(grad_y.sum())


def constant_factor(e: Evidence) -> str:
    c = ratio(e, FEW)
    factor = usual_factor(e) or ("" if c is None else f"{c:.4g}")
    return f"a constant factor is wrong: yours = {factor} * numeric" if factor else ""


def usual_factor(e: Evidence) -> str:
    """The c with A = c N in words, if it is a usual one."""
    c = ratio(e, few=1)
    return "" if c is None else next((name for value, name in usual_factors(e) if abs(c / value - 1) < 1e-6), "")


def ratio(e: Evidence, few: int) -> float | None:
    """The c with A = c N, if it is not 1."""
    c = factor_of(e, e.numeric, e.analytic, few)
    if c is None:  # a small c shows on the larger side
        inverse = factor_of(e, e.analytic, e.numeric, few)
        c = None if inverse is None else 1 / inverse
    return None if c is None or abs(c - 1) < 1e-9 else c


@candidates
def named_factor(e: Evidence) -> Candidates:
    """A factor that is an input, y or what arrives: in the gradient itself, or in what arrives at y."""
    op = e.operation
    if op is None:
        return
    known = {**{name: value for name, value in op.inputs.items() if value.dtype.kind == "f"}, "y": op.y}
    known["grad_y"] = op.grad_y
    for name, value in known.items():
        for factor in (e.at(here) for here in spreads(value, e.x.shape)):
            yield _too_much(name), e.numeric * factor, np.abs(factor).max()
            yield _missing(name), e.numeric / factor, np.abs(1 / factor).max()
        for factor in () if e.jacobian is None else spreads(value, op.y.shape):
            yield _too_much(name), e.back(op.grad_y * factor), np.abs(factor).max()
            yield _missing(name), e.back(op.grad_y / factor), np.abs(1 / factor).max()


def _too_much(name: str) -> str:
    return f"a factor {name} is too much: without it, yours would be numeric"


def _missing(name: str) -> str:
    return f"a factor {name} is missing: with it, yours would be numeric"


def factor_per_index(e: Evidence) -> str:
    if not e.is_whole or e.x.ndim < 2:
        return ""
    for axis in range(e.x.ndim):
        a, n, allowed = (_rows_along(axis, array.reshape(e.x.shape)) for array in (e.analytic, e.numeric, e.allowed))
        if not _differ_in_direction(n):  # any mistake that keeps the direction is a factor per index
            continue
        square = (n * n).sum(axis=1, keepdims=True)
        c = np.divide((a * n).sum(axis=1, keepdims=True), square, out=np.ones_like(square), where=square > 0)
        telling = ((np.abs(n) > SLACK * allowed).sum(axis=1) > 1) & (np.abs(c - 1) > 1e-6)[:, 0]
        made = np.moveaxis((c * n).reshape(np.moveaxis(e.whole, axis, 0).shape), 0, axis).reshape(-1)
        if telling.sum() > 1 and e.is_explained_by(made, float(np.abs(c).max())):
            factors = ", ".join(f"{value:.4g}" for value in c[:3, 0])
            return f"each index of axis {axis} has a wrong factor of its own: yours = c * numeric, c = {factors}, ..."
    return ""


def _differ_in_direction(rows: Array) -> bool:
    """Whether not all are multiples of one."""
    strengths = np.linalg.svd(rows, compute_uv=False)
    return bool(len(strengths) > 1 and strengths[1] > 1e-6 * strengths[0])


def _rows_along(axis: int, array: Array) -> Array:
    return np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)
