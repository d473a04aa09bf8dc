"""What may be the cause where two derivatives differ, before the gradient under check is called wrong.

The point lies on a kink, the numbers are rounded more coarsely than is usual, or the complex step is wrong.
"""

from collections.abc import Mapping

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.evidence import SLACK
from deepfm_np.gradcheck.judge import UNCERTAIN, Measured
from deepfm_np.gradcheck.not_analytic import NotAnalyticError
from deepfm_np.gradcheck.numeric import Slopes
from deepfm_np.gradcheck.problem import Problem, in_double

JITTERS = 4  # points tried to measure the rounding error
JITTERED = 32  # entries whose numeric derivative is taken at each
OFF_THE_KINK = 16  # points tried beside a kink
DOUBTED = 8  # wrong entries at which the complex step is compared with differences


def with_kinks(problem: Problem, name: str, yours: Array, measured: Measured, allowed: Array) -> Measured:
    """The same, with a kink at each entry in doubt where the function has a corner and backward takes a slope of it.

    A slope between those on the two sides will do. So may others, where several units have their corner: a sum of
    theirs, each on or off. Then backward must be right at points nearby.

    yours: (e,) the gradient under check.  allowed: (e,)
    """
    doubted = (np.abs(yours - measured.derivative) > allowed) | (measured.kink > UNCERTAIN * measured.largest)
    slack = allowed - measured.kink - measured.truncation
    sides = {i: problem.slopes(name, measured.entries[i]) for i in np.flatnonzero(doubted).tolist()}
    corners = [i for i in sides if sides[i].differ]
    beyond = [i for i in corners if not sides[i].hold(yours[i], slack[i])]
    if beyond and _right_nearby(problem, name, yours, measured, {i: sides[i] for i in beyond}, slack[beyond]):
        beyond = []
    kink, derivative = measured.kink.copy(), measured.derivative.copy()
    for i in corners:
        left, right = sorted(sides[i][:2])
        kink[i] = 0.0 if i in beyond else max(right - left, abs(yours[i] - derivative[i]))
        derivative[i] = np.clip(yours[i], left, right) if i in beyond else derivative[i]
    return measured._replace(kink=kink, derivative=derivative)


def _right_nearby(
    problem: Problem, name: str, yours: Array, measured: Measured, sides: dict[int, Slopes], allowed: Array
) -> bool:
    """Whether backward is right beside the kink, and at the kink within twice the range of what occurs there."""
    entries, method = [measured.entries[i] for i in sides], "complex" if measured.method == "complex" else "central"
    left, right = (np.array([getattr(side, end) for side in sides.values()]) for end in ("left", "right"))
    seen = [0 * left, left, right, left + right]  # all units off, those of one side on, all on
    for _ in range(OFF_THE_KINK):
        point = problem.moved(method)
        analytic, beside = problem.analytic(name, entries, point), problem.numeric(name, entries, method, point)
        doubt = allowed + beside.truncation + beside.round_off + beside.kink
        if analytic is None or (np.abs(analytic - beside.derivative) > SLACK * doubt).any():
            return False
        seen.append(beside.derivative)
    low, high = np.min(seen, axis=0), np.max(seen, axis=0)
    return bool((np.abs(yours[list(sides)] - (low + high) / 2) <= high - low).all())


def noise(problem: Problem, name: str, measured: Measured, allowed: Array) -> float:
    """How far both derivatives jump when the point moves by a few units in its last digit: their rounding error.

    Where large terms cancel, it exceeds the usual tolerance. The point in double precision is one of the points tried:
    data that the functions hold and round to the point's precision then jump, too. A jump at a kink is no rounding:
    where there is one, the point is first moved away.
    """
    jumps = _jumps(problem, problem.point, name, measured)
    kinks = (problem.slopes(name, measured.entries[i]).differ for i in np.flatnonzero(jumps > allowed))
    if measured.kink.any() or any(kinks):
        jumps = _jumps(problem, problem.moved(measured.method), name, measured)
    return JITTERS * float(jumps.max(initial=0.0))


def _jumps(problem: Problem, point: Mapping[str, Array], name: str, measured: Measured) -> Array:
    """(e,) how far the derivatives of either side jump around a point."""
    entries, jumps = measured.entries, np.zeros(len(measured.entries))
    some = np.arange(len(entries))[:: -(-len(entries) // JITTERED)]
    analytic, numeric = [], []
    for near in (point, in_double(point), *(problem.jittered(point) for _ in range(JITTERS))):
        if (gradient := problem.analytic(name, entries, near)) is not None:
            analytic.append(gradient)
            numeric.append(problem.numeric(name, [entries[i] for i in some], measured.method, near).derivative)
    if analytic:
        jumps = np.abs(np.array(analytic) - analytic[0]).max(axis=0)
        jumps[some] = np.maximum(jumps[some], np.abs(np.array(numeric) - numeric[0]).max(axis=0))
    return jumps


def require_exact(problem: Problem, name: str, yours: Array, measured: Measured, allowed: Array) -> None:
    """Raise NotAnalyticError where differences contradict the complex step at a wrong entry."""
    wrong = np.flatnonzero(np.abs(yours - measured.derivative) > allowed)[:DOUBTED]
    checked = problem.numeric(name, [measured.entries[i] for i in wrong], "best")
    doubt = SLACK * (checked.truncation + checked.round_off + checked.kink)
    beyond = np.abs(checked.derivative - measured.derivative[wrong]) - doubt
    if beyond.max() > 0:
        i = int(np.argmax(beyond))
        raise NotAnalyticError(
            f"it gives {measured.derivative[wrong[i]]:.9g}, differences give {checked.derivative[i]:.9g}"
        )


def in_float32(values: Array) -> bool:
    """Whether float64 numbers are those of float32, and not of float16: short ones are as good in float64."""
    if values.dtype != np.float64:
        return False
    with np.errstate(over="ignore"):
        single, half = (bool((values.astype(dtype) == values).all()) for dtype in (np.float32, np.float16))
    return single and not half
