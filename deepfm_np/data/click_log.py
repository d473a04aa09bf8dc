"""A synthetic log of an app store whose true click probabilities are known, for seeing what each order is good for.

    P(click) = sigmoid(intercept + order1 f_1 + order2 f_2 + order3 f_3)

Guo et al. (2017, section 1) motivate DeepFM by interactions they found in a real app store. Their examples are planted
here, one for each order:

order 1   each field for itself: people click on what is new (days since the app's last update), and on apps that
          rank high in their category.
order 2   category x hour: food apps are wanted at meal times, news in the morning and after work.
order 3   gender x age x category: male teenagers like shooters and role-playing games.

Each f has mean 0 and variance 1, so a strength is the standard deviation, in logits, of what its order contributes.
A model must not find an order without being able to express it. Hence every field is drawn uniformly and independently
of the others (an app within its category), and the planted tables have zero sums along every axis: whoever averages
over the gender, say, sees nothing of order 3 at all. No field identifies the user: an id that fixes gender and age would
turn order 3 into a pair, id x category. An app fixes its category alone and does no such harm. The device bears on nothing.

The truth is the same for every seed: the seed draws who came to the store, and who clicked.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pandas as pd

from deepfm_np.data.click_data import ClickData
from deepfm_np.data.fields import Categorical, Numerical
from deepfm_np.ops import sigmoid_forward

Array = np.ndarray

GENDERS = ("male", "female")
AGES = ("13-15", "16-19", "20-39", "40+")
DEVICES = ("phone", "tablet")
HOURS = tuple(range(24))

# The hours at which a category is wanted most.
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
    "word game": (7, 22),
    "farming": (11, 20),
}
CATEGORIES = tuple(PEAK_HOURS)
PEAK_WIDTH = 1.5  # hours, the standard deviation of a bump

# Order 3 is the product of these three. Zero sums have a price: with +++ = + comes +-- = +, so what male teenagers
# love, women over 45 love as well.
GENDER_SIGNS = {"male": 1, "female": -1}
AGE_SIGNS = {"13-15": 1, "16-19": 1, "20-39": -1, "40+": -1}
GAME_SIGNS = {"shooter": 1, "role-playing": 1, "racing": 1, "puzzle": -1, "word game": -1, "farming": -1}  # others 0

APPS_PER_CATEGORY = 5
MAX_DAYS = 30
RECENCY, POPULARITY = 0.8, 0.6  # their shares in f_1; 0.8^2 + 0.6^2 = 1

CLICK_RATE = 0.22  # in the population, whatever the strengths
INTERCEPT_TOLERANCE = 1e-9


def make_click_log(
    rows: int = 100_000, seed: int = 0, order1: float = 0.6, order2: float = 0.8, order3: float = 1.0
) -> ClickData:
    """Draw a click log with its true click probabilities.

    rows: how many impressions.  seed: of the draw; equal seeds give equal bits.
    order1, order2, order3: the strength of each order, the standard deviation of its contribution in logits; 0 switches
        it off. The click rate of the population is 22 % for any strengths.

    Columns of the frame: gender, age, device, hour (0 to 23), category, app and days_since_update (numerical).
    Raises ValueError for fewer than one row and for a strength that is negative or not finite.
    """
    if not rows >= 1:
        raise ValueError(f"rows must be at least 1, got {rows}")
    strengths = _checked_strengths(order1, order2, order3)
    rng = np.random.default_rng(seed)
    frame = _draw_impressions(rows, rng)
    probabilities = true_click_probabilities(frame, **strengths)
    labels = (rng.random(rows) < probabilities).astype(np.float32)
    fields = [*(Categorical(name) for name in frame.columns[:-1]), Numerical("days_since_update")]
    return ClickData(frame, labels, fields, probabilities)


def true_click_probabilities(
    frame: pd.DataFrame, order1: float = 0.6, order2: float = 0.8, order3: float = 1.0
) -> Array:
    """(n,) P(click) of each row of a frame with the columns of the log, float64.

    Raises ValueError for a strength that is negative or not finite.
    """
    strengths = _checked_strengths(order1, order2, order3)
    logits = intercept(**strengths) + planted_effects(frame).to_numpy() @ np.array(list(strengths.values()))
    return sigmoid_forward(logits)[0]


def planted_effects(frame: pd.DataFrame) -> pd.DataFrame:
    """f_1, f_2 and f_3 of each row, as columns order1, order2, order3: what a strength multiplies."""
    gender, age, category = (
        _positions(frame[name], known)
        for name, known in (("gender", GENDERS), ("age", AGES), ("category", CATEGORIES))
    )
    hour, days = frame["hour"].to_numpy(), frame["days_since_update"].to_numpy()
    rank = frame["app"].str.rsplit(" ", n=1).str[-1].astype(int).to_numpy()
    return pd.DataFrame(
        {
            "order1": RECENCY * recency(days) + POPULARITY * popularity(rank),
            "order2": order2_table()[category, hour],
            "order3": order3_table()[gender, age, category],
        },
        index=frame.index,
    )


def recency(days: Array) -> Array:
    """Days since the last update, uniform on 0, ..., 30, to a standard score: the newer the higher."""
    return _standard_score(-np.asarray(days), -np.arange(MAX_DAYS + 1))


def popularity(rank: Array) -> Array:
    """An app's rank in its category, 1 to 5, to a standard score: "food 1" is clicked more than "food 5"."""
    return _standard_score(-np.asarray(rank), -np.arange(1, APPS_PER_CATEGORY + 1))


def order2_table() -> Array:
    """(12, 24) f_2 by category and hour: bumps around PEAK_HOURS, rows and columns with sum 0, variance 1."""
    bumps = np.stack([_bumps(PEAK_HOURS[category]) for category in CATEGORIES])
    by_category, by_hour = bumps.mean(axis=1, keepdims=True), bumps.mean(axis=0, keepdims=True)
    return _unit_variance(bumps - by_category - by_hour + bumps.mean())


def order3_table() -> Array:
    """(2, 4, 12) f_3 by gender, age and category: a product of three factors that each have sum 0, variance 1."""
    gender = np.array([GENDER_SIGNS[name] for name in GENDERS])
    age = np.array([AGE_SIGNS[name] for name in AGES])
    category = np.array([GAME_SIGNS.get(name, 0) for name in CATEGORIES])
    return _unit_variance(gender[:, None, None] * age[:, None] * category)


@lru_cache(maxsize=64)
def intercept(order1: float = 0.6, order2: float = 0.8, order3: float = 1.0) -> float:
    """The intercept at which the population clicks at CLICK_RATE, by bisection over all cells of the log."""
    scores = _population_scores(order1, order2, order3)
    high = np.abs(scores).max() - np.log(1 / CLICK_RATE - 1)
    low = -high - 2 * np.log(1 / CLICK_RATE - 1)
    while high - low > INTERCEPT_TOLERANCE:
        middle = (low + high) / 2
        if sigmoid_forward(middle + scores)[0].mean() < CLICK_RATE:
            low = middle
        else:
            high = middle
    return float((low + high) / 2)


def _population_scores(order1: float, order2: float, order3: float) -> Array:
    """The logit less the intercept of every combination of days, rank, hour, gender, age and category."""
    days, rank = np.arange(MAX_DAYS + 1), np.arange(1, APPS_PER_CATEGORY + 1)
    f1 = (RECENCY * recency(days)[:, None] + POPULARITY * popularity(rank)).reshape(-1, 1, 1, 1)
    f2 = order2_table().T[:, None, :]  # (hour, 1, category)
    f3 = order3_table().reshape(-1, len(CATEGORIES))  # (gender and age, category)
    return order1 * f1 + (order2 * f2 + order3 * f3)


def _draw_impressions(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """`rows` impressions, each field uniform and independent of the others; an app within its category."""
    category = rng.integers(len(CATEGORIES), size=rows)
    rank = rng.integers(APPS_PER_CATEGORY, size=rows)
    apps = np.array([f"{name} {place}" for name in CATEGORIES for place in range(1, APPS_PER_CATEGORY + 1)], object)
    columns: Mapping[str, Array] = {
        "gender": np.array(GENDERS, object)[rng.integers(len(GENDERS), size=rows)],
        "age": np.array(AGES, object)[rng.integers(len(AGES), size=rows)],
        "device": np.array(DEVICES, object)[rng.integers(len(DEVICES), size=rows)],
        "hour": rng.integers(len(HOURS), size=rows),
        "category": np.array(CATEGORIES, object)[category],
        "app": apps[category * APPS_PER_CATEGORY + rank],
        "days_since_update": rng.integers(MAX_DAYS + 1, size=rows).astype(float),
    }
    return pd.DataFrame(columns)


def _checked_strengths(order1: float, order2: float, order3: float) -> dict[str, float]:
    strengths = {"order1": float(order1), "order2": float(order2), "order3": float(order3)}
    for name, strength in strengths.items():
        if not 0 <= strength < np.inf:
            raise ValueError(f"{name} must be a strength of 0 or more logits, got {strength:g}")
    return strengths


def _positions(column: pd.Series, known: tuple[str, ...]) -> Array:
    """(n,) names to their positions in `known`."""
    positions = pd.Index(known).get_indexer(column)
    if (positions < 0).any():
        raise ValueError(f"{column.name} must be one of {', '.join(known)}, got {column[positions < 0].iloc[0]!r}")
    return positions


def _bumps(peaks: tuple[int, ...]) -> Array:
    """(24,) a Gaussian bump around each peak, on the circle of the day."""
    distances = (np.array(HOURS) - np.array(peaks)[:, None] + 12) % 24 - 12
    return np.exp(-((distances / PEAK_WIDTH) ** 2) / 2).sum(axis=0)


def _standard_score(values: Array, population: Array) -> Array:
    return (values - population.mean()) / population.std()


def _unit_variance(table: Array) -> Array:
    return table / np.sqrt((table**2).mean())
