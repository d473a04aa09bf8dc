"""Is one setting better than another? Paired differences with intervals, corrected for their number.

`paired_differences` (over splits or seeds) and `auc_differences` (over the rows of one split) give frames of the same
columns; `corrected` judges all the comparisons of a page together. `docs/how-we-compare.md` shows how they are used.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import atan2, cos, erf, inf, pi, sin, sqrt
from typing import TYPE_CHECKING

import numpy as np

from deepfm_np.metrics import auc
from deepfm_np.ops.rows import Array

if TYPE_CHECKING:
    import pandas as pd

POWER = 0.8  # the chance with which a "detectable" difference would have been seen
NOT_TOLD_APART = "not told apart"
COLUMNS = ["study", "setting", "base", "score", "units", "difference", "standard_error", "df", "low", "high", "p"]


def paired_differences(
    runs: "pd.DataFrame",
    base: str | Mapping[str, str],
    scores: Sequence[str] = ("auc", "log_loss"),
    overlap: float = 0.0,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """Each setting less the base of its study, paired by split, with Student's t interval over the splits.

    d_s = mean score of the setting's starts - mean score of the base's starts, on split s of n
    difference = mean of d,  standard_error = sd(d) sqrt(1/n + overlap),  t = difference / standard_error,  df = n - 1

    The split is the unit: starts on one split share its rows, so they are averaged first and not counted as n. Where
    one split is all there is, number the seeds as splits: the interval then speaks of that split alone.

    runs: one row per run, columns study, setting, split, start and the scores; splits without a partner are left out.
    base: the setting to compare with, the same for all studies or {study: setting}.
    overlap: 0 where each split draws rows of its own. Random splits of the same rows train on much the same rows, and
    sd would be too hopeful: then test rows / training rows, the correction of Nadeau & Bengio (2003).
    Returns one row per study, score and setting: study, setting, base, score, units (splits), difference,
    standard_error, df, low, high, p (two-sided). Raises ValueError for a run given twice, a score that is not finite,
    an unknown base, and fewer than two splits in common.
    """
    import pandas as pd

    _check_runs(runs, scores)
    rows = []
    for study, group in runs.groupby("study", sort=False):
        name = base if isinstance(base, str) else base[study]
        settings = group["setting"].unique()
        if name not in settings:
            raise ValueError(f"the base {name!r} is no setting of study {study!r}: {', '.join(map(str, settings))}")
        for score in scores:
            table = group.groupby(["split", "setting"])[score].mean().unstack()
            for setting in settings[settings != name]:
                d = (table[setting] - table[name]).dropna()
                n = len(d)
                if n < 2:
                    raise ValueError(f"{setting!r} and {name!r} have {n} splits in common; a difference needs 2")
                found = _interval(d.mean(), d.std(ddof=1) * sqrt(1 / n + overlap), n - 1, confidence)
                rows.append((study, setting, name, score, n, *found))
    return pd.DataFrame(rows, columns=COLUMNS)


def auc_differences(labels: Array, scores: "pd.DataFrame", base: str, confidence: float = 0.95) -> "pd.DataFrame":
    """AUCs on the same rows, each less that of the base, by DeLong, DeLong & Clarke-Pearson (1988).

    With P clicks and N others, and psi(x, y) = 1, 1/2, 0 as the click's score x is above, at or below the other's y:

        v_i = mean over the others j of psi(x_i, y_j),  u_j = mean over the clicks i of psi(x_i, y_j)
        AUC = mean of v,  variance of the difference = var(v - v') / P + var(u - u') / N

    v and u come from ranks in O(n log n) (Sun & Xu 2014), ties included; the normal distribution gives interval and p.
    It says what other rows would change, not what other starts of training would.

    labels: (n,) of 0 and 1.  scores: (n,) per model, one column each, base among them.
    Returns the columns of `paired_differences`; units are the rows, df is infinite. Raises ValueError for an unknown
    base, a score that is nan, labels other than 0 and 1, or fewer than two of either.
    """
    import pandas as pd

    if base not in scores:
        raise ValueError(f"the base {base!r} is no column of scores: {', '.join(map(str, scores))}")
    labels = np.asarray(labels)
    parts = {}
    for name in scores:
        auc(labels, scores[name].to_numpy())  # checks both
        parts[name] = _placements(labels, scores[name].to_numpy())
    if min(map(len, parts[base])) < 2:
        raise ValueError("DeLong's variance needs two clicks and two other rows")
    rows = []
    for name in scores.columns.drop(base):
        v, u = (ours - theirs for ours, theirs in zip(parts[name], parts[base], strict=True))
        error = sqrt(v.var(ddof=1) / len(v) + u.var(ddof=1) / len(u))
        rows.append(("", name, base, "auc", len(labels), *_interval(v.mean(), error, inf, confidence)))
    return pd.DataFrame(rows, columns=COLUMNS)


def corrected(differences: "pd.DataFrame", alpha: float = 0.05) -> "pd.DataFrame":
    """Judge the comparisons of a page together: adds the columns p_holm, detectable and verdict.

    p_holm: p after Holm's correction; the chance that any true null among them falls below alpha is at most alpha.
    detectable: the true difference that would have been seen with a chance of 80 % at Holm's hardest step, alpha / m of
    m comparisons, were the standard error the true one. A smaller one may be there: absence of power is not absence.
    verdict: "above" or "below" the base where p_holm < alpha, else "not told apart".
    """
    level = alpha / max(1, len(differences))
    p_holm = holm(differences["p"].to_numpy())
    errors = zip(differences["standard_error"], differences["df"], strict=True)
    side = np.where(differences["difference"] > 0, "above", "below")
    return differences.assign(
        p_holm=p_holm,
        detectable=[error * _detectable_effect(df, level) for error, df in errors],
        verdict=np.where(p_holm < alpha, side, NOT_TOLD_APART),
    )


def holm(p: Array) -> Array:
    """p values corrected for being many: (m,) -> (m,). Holm (1979), valid however the m tests depend on one another.

    p'_(i) = max over j <= i of min(1, (m + 1 - j) p_(j)), the p values in ascending order
    """
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p)
    steps = np.arange(len(p), 0, -1)
    result = np.empty_like(p)
    result[order] = np.maximum.accumulate(np.minimum(1, steps * p[order]))
    return result


def epochs_reached(runs: "pd.DataFrame", cut_off: int) -> "pd.DataFrame":
    """How many epochs the runs took; one still running at the cut-off is censored: it took that many "or more".

    runs: one row per run, columns study, setting and epochs; nan where what was waited for did not come.
    Returns one row per study and setting: runs, censored, and lowest, median, highest as text, "60+" for 60 or more.
    """

    def summary(epochs: "pd.Series") -> "pd.Series":
        import pandas as pd

        known = epochs.where(epochs < cut_off, inf)
        texts = {
            name: f"{cut_off}+" if np.isinf(value) else f"{value:g}"
            for name, value in (("lowest", known.min()), ("median", known.median()), ("highest", known.max()))
        }
        return pd.Series({"runs": len(known), "censored": int(np.isinf(known).sum()), **texts})

    return runs.groupby(["study", "setting"], sort=False)["epochs"].apply(summary).unstack().reset_index()


def t_probability(t: float, df: float) -> float:
    """P(|T| <= |t|) of Student's t with df degrees of freedom, a positive integer or infinity (the normal).

    The finite series of Abramowitz & Stegun (26.7.3 and 26.7.4), with a = atan(t / sqrt(df)), c = cos(a):

        df even: sin(a) [1 + 1/2 c^2 + (1 3)/(2 4) c^4 + ... to c^(df-2)]
        df odd:  2/pi {a + sin(a) c [1 + 2/3 c^2 + (2 4)/(3 5) c^4 + ... to c^(df-3)]}

    Right to 1e-13 absolute; a p value of 1e-13 or less is therefore zero to rounding.
    """
    if df == inf:
        return erf(abs(t) / sqrt(2))
    odd, a = int(df) % 2, atan2(abs(t), sqrt(df))
    j = np.arange(1, int(df) // 2)
    ratios = (2 * j - 1 + odd) / (2 * j + odd) * cos(a) ** 2
    series = np.cumprod([1, *ratios])[: int(df) // 2].sum()
    return float(2 / pi * (a + sin(a) * cos(a) * series) if odd else sin(a) * series)


@cache
def t_quantile(confidence: float, df: float) -> float:
    """The t with P(|T| <= t) = confidence, by bisection: 2.776 for .95 and 4. Right to 1e-9 relative up to .9999."""
    return _solve(lambda t: t_probability(t, df), confidence)


@cache
def _detectable_effect(df: float, level: float) -> float:
    """The true difference, in standard errors, that the two-sided t test at this level finds with a chance of 80 %."""
    critical = t_quantile(1 - level, df)
    return _solve(lambda effect: _power(effect, critical, df), POWER)


def _power(effect: float, critical: float, df: float) -> float:
    """P(T > critical) of the noncentral t: the mean of Phi(effect - critical s) over s = sqrt(chi^2_df / df)."""
    low, high = max(0.0, 1 - 8 / sqrt(2 * df)), 1 + 8 / sqrt(2 * df)
    s = low + (high - low) * (np.arange(800) + 0.5) / 800  # the middles of 800 steps
    weights = np.ones(800) if df == inf else np.exp((df - 1) * np.log(s) - df * (s**2 - 1) / 2)  # the density of s
    normal = np.array([(1 + erf(z / sqrt(2))) / 2 for z in effect - critical * s])
    return float(np.average(normal, weights=weights))


def _solve(increasing: Callable[[float], float], target: float) -> float:
    """The x >= 0 at which an increasing function reaches the target, by bisection."""
    low, high = 0.0, 1.0
    while increasing(high) < target:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if increasing(middle) < target else (low, middle)
    return high


def _interval(difference: float, error: float, df: float, confidence: float) -> tuple[float, ...]:
    """difference, standard error, df, low, high, p. Without spread p is 1 where nothing differs, else 0."""
    half = t_quantile(confidence, df) * error
    t = difference / error if error else inf * np.sign(difference) if difference else 0.0
    return difference, error, df, difference - half, difference + half, max(0.0, 1 - t_probability(t, df))


def _placements(labels: Array, scores: Array) -> tuple[Array, Array]:
    """v of the clicks and u of the others: the rank among all less the rank among one's own, as a share."""
    clicks, others = scores[labels == 1], scores[labels == 0]
    ranks = _mid_ranks(scores)
    v = (ranks[labels == 1] - _mid_ranks(clicks)) / len(others)
    u = 1 - (ranks[labels == 0] - _mid_ranks(others)) / len(clicks)
    return v, u


def _mid_ranks(scores: Array) -> Array:
    """1 for the lowest; ties share their mean rank."""
    _, tie, count = np.unique(scores, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[tie.reshape(-1)]


def _check_runs(runs: "pd.DataFrame", scores: Sequence[str]) -> None:
    keys = ["study", "setting", "split", "start"]
    missing = [name for name in [*keys, *scores] if name not in runs]
    if missing:
        raise ValueError(f"runs lacks the column {missing[0]!r}; it needs {', '.join([*keys, *scores])}")
    if (twice := runs.duplicated(keys)).any():
        raise ValueError(f"a run is given twice: {dict(runs.loc[twice, keys].iloc[0])}")
    for score in scores:
        if not np.isfinite(runs[score]).all():
            raise ValueError(f"{score} must be finite; row {int(np.argmin(np.isfinite(runs[score])))} is not")
