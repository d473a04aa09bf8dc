"""From numbers to a verdict: what is allowed, and why.

    complex step   ROUNDING eps of the precision of gradient and function, 1e-12 in float64: both passes round
    cancellation   where that fails, plus the rounding seen: how far both sides jump when the point moves by an ulp
    kink           where that fails, an entry is set aside if the slopes on its two sides differ and hold yours
    differences    as the complex step, plus for each entry the error of the method itself: truncation (the change when
                   the step is doubled), round-off (ROUNDINGS eps |f| / h), and a kink (slopes that differ)

An entry whose numeric derivative is more uncertain than UNCERTAIN of its size is set aside. Where rounding alone may
exceed that, as in float16, there is no verdict.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.numeric import EPS, ROUNDINGS, Difference
from deepfm_np.gradcheck.report import Result

ROUNDING = 1e-12 / EPS  # rounding errors of a pass, in units of eps
ZERO_TO_ROUNDING = 1e-12  # a tensor this small relative to the largest gradient of the check counts as zero
UNCERTAIN = 1e-2
NOTHING_SAID = "are left for a verdict: your backward pass may be right or wrong"
REASONS = {
    "kink": "the function has a corner there, and any slope between its two sides will do. Next: move the point",
    "noise": "rounding drowns the difference. Next: float64 throughout, or a point where the function is smaller",
    "truncation": "within the step the function bends too much. Next: move the point, or let the function take "
    "complex numbers",
}


class Measured(NamedTuple):
    """Numeric derivatives: of some entries of a tensor, or along some directions of it."""

    entries: list[tuple]  # multi-indices; empty where directions were taken
    derivative: Array  # (e,)
    truncation: Array  # (e,), these three in the unit of the derivative
    round_off: Array  # (e,)
    kink: Array  # (e,)
    method: str
    analytic: Array | None = None  # (e,) along directions: the derivative by the gradient under check
    scale: float = 0.0  # along directions: the typical size of a derivative along one

    @classmethod
    def exact(cls, entries: list[tuple], derivative: Sequence[float]) -> "Measured":
        """By the complex step, which is exact to rounding."""
        nothing = np.zeros(len(entries))
        return cls(entries, np.array(derivative, float), nothing, nothing, nothing, "complex")

    @classmethod
    def by_differences(cls, entries: list[tuple], differences: Sequence[Difference], method: str) -> "Measured":
        """By one of the differences."""
        derivative, truncation, round_off, kink = np.array(differences, float).reshape(-1, 4).T
        return cls(entries, derivative, truncation, round_off, kink, method)

    @property
    def largest(self) -> float:
        """The largest derivative of the tensor."""
        return max(self.scale, float(np.abs(self.derivative).max(initial=0.0)))


def judge(
    name: str,
    gradient: Array,
    measured: Measured,
    largest: float,
    precision: np.finfo,
    seen: float = 0.0,
    given: float | None = None,
) -> tuple[Result, Array]:
    """The verdict on one tensor, without a hint, and the (e,) absolute tolerances.

    gradient: the one under check, dense.  largest: the largest derivative of any tensor of the check.
    precision: of the less precise side.  seen: the rounding error that was measured, where it was.
    given: the relative error that the user allows; below that of rounding it has no effect.
    """
    n = measured.derivative
    a = measured.analytic
    if a is None:
        a = np.array([gradient[index] for index in measured.entries], float)
    scale = measured.largest if measured.largest >= ZERO_TO_ROUNDING * largest else largest
    denominator = np.maximum(np.maximum(np.abs(a), np.abs(n)), scale)
    denominator[denominator == 0] = 1.0
    noise = measured.round_off + seen + float(precision.tiny)  # below tiny, numbers lose their digits
    doubts = np.stack([measured.kink, noise, measured.truncation]) / denominator
    derived = ROUNDING * float(precision.eps)
    rounding = max(derived, given or 0.0)
    error, uncertainty = np.abs(a - n) / denominator, doubts.sum(axis=0)
    tolerance = rounding + uncertainty
    conclusive = (uncertainty <= UNCERTAIN) & (derived <= UNCERTAIN)
    excess = np.where(conclusive, error / tolerance, -1.0)
    excess[~np.isfinite(a)] = np.inf
    worst = int(np.argmax(excess)) if n.size else None
    aside = "" if conclusive.all() else _why_set_aside(doubts, conclusive, measured.entries)
    hint = ""
    if n.size and excess[worst] > 1:
        verdict = "fail"
    elif derived > UNCERTAIN:
        verdict, hint, aside = "inconclusive", _too_coarse(precision), ""
    elif 2 * conclusive.sum() < n.size:
        left = "Too few" if conclusive.any() else "None"
        verdict, hint, aside = "inconclusive", f"{aside}. {left} {NOTHING_SAID}", ""
    else:
        verdict = "pass"
    directions = measured.analytic is not None
    result = Result(
        name=name,
        shape=gradient.shape,
        verdict=verdict,
        index=() if worst is None or directions else measured.entries[worst],
        analytic=0.0 if worst is None else float(a[worst]),
        numeric=0.0 if worst is None else float(n[worst]),
        relative_error=0.0 if worst is None else float(error[worst]),
        tolerance=rounding if worst is None else float(tolerance[worst]),
        derived_tolerance=derived if worst is None else float(derived + uncertainty[worst]),
        tolerance_from=_reason(precision, measured.method, seen, rounding > derived),
        method=measured.method,
        checked=gradient.size if directions and verdict != "inconclusive" else int(conclusive.sum()),
        entries=gradient.size,
        hint=hint,
        note=_joined(f"along {n.size} random directions" if directions else "", aside),
    )
    return result, tolerance * denominator


def _too_coarse(precision: np.finfo) -> str:
    return (
        f"the precision of {precision.dtype} is too small for a verdict: rounding alone may be off by "
        f"{ROUNDING * float(precision.eps):.2g} of the gradient. Your backward pass may be right or wrong. "
        "Next: inputs and gradients in float64, or at least in float32"
    )


def _why_set_aside(doubts: Array, conclusive: Array, entries: list[tuple]) -> str:
    """doubts: (3, e).  conclusive: (e,) bool."""
    kinds = np.where(conclusive, "", np.array(list(REASONS))[np.argmax(doubts, axis=0)])
    kind, count = max(((kind, int((kinds == kind).sum())) for kind in REASONS), key=lambda pair: pair[1])
    where = f", the first {entries[int(np.argmax(kinds == kind))]}," if entries else ""
    return f"{kind} at {count} of {conclusive.size} entries{where} which are set aside: {REASONS[kind]}"


def _reason(precision: np.finfo, method: str, seen: float, is_given: bool) -> str:
    reason = "what you gave as tolerance; by default " if is_given else ""
    reason += f"the rounding of a pass in {precision.dtype}, {ROUNDING:.0f} times its precision eps"
    if method != "complex":
        reason += f", and of the method: what doubling its step h changes, and {ROUNDINGS} eps |f| / h"
    return reason + (", and how far both numbers jump when the point moves by its last digit" if seen else "")


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
