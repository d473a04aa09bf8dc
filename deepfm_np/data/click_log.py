"""The built-in click log: a synthetic app store whose true click probabilities are known.

logit = intercept + order1 * recency and appeal + order2 * CATEGORY_AND_HOUR + order3 * GENDER_AGE_AND_CATEGORY

The paper's introduction gives one example for each order of interaction, and each is planted here:

    order 1  recency: the newer the app, the likelier the click; some apps appeal more than others, whoever looks
    order 2  category and hour: food delivery at meal times, every category at hours of its own
    order 3  gender, age and category: young men and older women lean to action games, young women and older men to
             quiet games, in the same measure, so that no pair of the three tells anything

Every factor is drawn uniformly and independently, and the tables of orders 2 and 3 sum to zero along every axis.
Hence a term is invisible to a model of lower order: it averages out over whatever that model leaves out. There is no
user id, which would fix gender and age at once and so turn order 3 into an interaction of two fields.
"""

import numpy as np
import pandas as pd

from deepfm_np.constraints import checked
from deepfm_np.data.click_data import ClickData
from deepfm_np.data.fields import Categorical, Field, Numerical
from deepfm_np.ops.rows import Array

HOURS = 24
PEAK_HOURS = {
    "food": (8, 12, 19),
    "news": (6, 18),
    "music": (7, 17),
    "shopping": (13, 20),
    "fitness": (6, 17),
    "finance": (9, 15),
    "shooter": (22, 1),
    "role-playing": (23, 2),
    "racing": (16, 21),
    "puzzle": (10, 14),
    "word": (7, 22),
    "farming": (11, 20),
}
CATEGORIES = tuple(PEAK_HOURS)
ACTION_GAMES, QUIET_GAMES = ("shooter", "role-playing", "racing"), ("puzzle", "word", "farming")
GENDERS = ("male", "female")
AGES = ("under 20", "20 to 34", "35 to 54", "55 and over")
APPS_PER_CATEGORY = 5
DAYS = 60  # apps are 0 to 60 days old
APPEAL = 0.6  # weight of appeal in the order-1 score; recency has sqrt(1 - APPEAL^2)
CLICK_RATE = 0.22


def make_click_log(
    rows: int = 100_000, seed: int = 0, order1: float = 0.6, order2: float = 0.8, order3: float = 1.0
) -> ClickData:
    """A log of `rows` impressions with labels drawn from known click probabilities.

    seed: of the impressions, the apps' appeal and the labels; the tables are the same for every seed.
    order1, order2, order3: the standard deviation that each order gives the logit; 0 switches it off.

    The mean click probability is 0.22. The frame has the columns app, category, hour, gender, age, device (which
    means nothing) and days_since_release. Raises ValueError for rows < 1 or a strength that is negative or not finite.
    """
    rows = checked("rows", rows)
    for name, strength in {"order1": order1, "order2": order2, "order3": order3}.items():
        checked(name, strength)
    rng = np.random.default_rng(checked("seed", seed))
    app = rng.integers(len(CATEGORIES) * APPS_PER_CATEGORY, size=rows)
    category = app // APPS_PER_CATEGORY
    hour, gender, age, device, days = (
        rng.integers(n, size=rows) for n in (HOURS, len(GENDERS), len(AGES), 2, DAYS + 1)
    )
    score = (
        order1 * _order1(days, app, rng)
        + order2 * category_and_hour()[category, hour]
        + order3 * gender_age_and_category()[gender, age, category]
    )
    probabilities = _sigmoid(score + _intercept(score))
    labels = (rng.random(rows) < probabilities).astype(np.float32)
    columns = {
        "app": _named([f"{name} {i}" for name in CATEGORIES for i in range(1, APPS_PER_CATEGORY + 1)], app),
        "category": _named(CATEGORIES, category),
        "hour": hour,
        "gender": _named(GENDERS, gender),
        "age": _named(AGES, age),
        "device": _named(("phone", "tablet"), device),
        "days_since_release": days.astype(float),
    }
    fields: list[Field] = [Numerical(name) if name == "days_since_release" else Categorical(name) for name in columns]
    return ClickData(pd.DataFrame(columns), labels, fields, probabilities)


def category_and_hour() -> Array:
    """(12, 24), the order-2 table: CATEGORIES by hour. Zero sums along both axes, mean square 1.

    A bump of 1.5 hours around every peak hour, then row and column means taken out: an hour at which all categories
    rise together, or a category that is always up, would be order 1.
    """
    hours = np.arange(HOURS)
    table = np.zeros((len(CATEGORIES), HOURS))
    for row, peaks in zip(table, PEAK_HOURS.values(), strict=True):
        for peak in peaks:
            away = (hours - peak + HOURS // 2) % HOURS - HOURS // 2
            row += np.exp(-0.5 * (away / 1.5) ** 2)
    return _unit(table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean())


def gender_age_and_category() -> Array:
    """(2, 4, 12), the order-3 table: GENDERS by AGES by CATEGORIES. Zero sums along every axis, mean square 1.

    The product of three contrasts: men against women, young against old, action games against quiet games.
    """
    gender, age = np.array([1.0, -1.0]), np.array([3.0, 1.0, -1.0, -3.0])
    category = np.array([(name in ACTION_GAMES) - (name in QUIET_GAMES) for name in CATEGORIES], float)
    return _unit(np.einsum("g,a,c->gac", gender, age, category))


def _order1(days: Array, app: Array, rng: np.random.Generator) -> Array:
    """(rows,), mean 0, standard deviation 1: recency, which falls with the days since release, and the app's appeal."""
    recency = (DAYS / 2 - days) / np.sqrt(((DAYS + 1) ** 2 - 1) / 12)
    appeal = rng.standard_normal(len(CATEGORIES) * APPS_PER_CATEGORY)
    appeal = (appeal - appeal.mean()) / appeal.std()
    return np.sqrt(1 - APPEAL**2) * recency + APPEAL * appeal[app]


def _intercept(score: Array) -> float:
    """The number that brings the mean probability to CLICK_RATE, by bisection."""
    low, high = -50.0 - np.abs(score).max(), 50.0 + np.abs(score).max()
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _sigmoid(score + middle).mean() < CLICK_RATE else (low, middle)
    return (low + high) / 2


def _sigmoid(z: Array) -> Array:
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def _unit(table: Array) -> Array:
    return table / np.sqrt((table**2).mean())


def _named(names: tuple[str, ...] | list[str], codes: Array) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, categories=list(names))
