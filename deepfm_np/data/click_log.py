"""A synthetic log of an app store whose true click probabilities are known: what is each order good for?

    P(click) = sigmoid(intercept + order1 f_1 + order2 f_2 + order3 f_3)

Guo et al. (2017, section 1) motivate DeepFM by what they saw in a real app store. Each order has its example:

order 1   a field by itself: people click on what is new (days since the app's last update), and on the apps
          that rank high in their category.
order 2   category x hour: food apps are wanted at meal times, news in the morning and after work.
order 3   gender x age x category: male teenagers like shooters and role-playing games.

Each f has mean 0 and variance 1: a strength is the standard deviation, in logits, of its order's contribution.

No model may find an order that it cannot express. Hence every field is drawn uniformly and independently of
the others (an app within its category), and the planted tables have zero sums along every axis: in logits,
whoever averages over the gender sees nothing of order 3. (In click rates a trace is left, since the sigmoid is
curved: games, whose logits order 3 spreads, are clicked a little more often. That trace is of order 1, and LR
is welcome to it.) No field identifies the user: an id that fixes gender and age would make order 3 a pair,
id x category. An app fixes its category alone and does no such harm. The device has no effect at all.

The truth is the same for every seed: a seed draws who came to the store, and who clicked.
"""

from functools import lru_cache

import numpy as np
import pandas as pd

from deepfm_np.data.click_data import ClickData
from deepfm_np.data.columns import Array, Categorical, Numerical
from deepfm_np.ops import sigmoid_forward

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

# Order 3 is the product of these signs. Zero sums have a price: two minus signs make a plus, so adult
# women like shooters as much as male teenagers do.
GENDER_SIGNS = {"male": 1, "female": -1}
AGE_SIGNS = {"13-15": 1, "16-19": 1, "20-39": -1, "40+": -1}
GAME_SIGNS = {"shooter": 1, "role-playing": 1, "racing": 1, "puzzle": -1, "word game": -1, "farming": -1}

APPS_PER_CATEGORY = 5
APPS = tuple(f"{category} {rank + 1}" for category in CATEGORIES for rank in range(APPS_PER_CATEGORY))
MAX_DAYS = 30
RECENCY, POPULARITY = 0.8, 0.6  # their weights in f_1, whose variance is 0.8^2 + 0.6^2 = 1

CLICK_RATE = 0.22  # of the population, whatever the strengths
INTERCEPT_TOLERANCE = 1e-9


def make_click_log(
    rows: int = 100_000, seed: int = 0, order1: float = 0.6, order2: float = 0.8, order3: float = 1.0
) -> ClickData:
    """Draw a click log with its true click probabilities.

    rows: how many impressions.  seed: of the draw; equal seeds give equal bits.
    order1, order2, order3: the strength of each order, in logits; 0 switches it off. The click rate of the
        population is 22 % for any strengths.

    Columns of the frame: gender, age, device, hour (0 to 23), category, app, and days_since_update, a number.
    Raises ValueError for fewer than one row and for a strength that is negative or not finite.
    """
    if rows < 1:
        raise ValueError(f"rows must be at least 1, got {rows}")
    _check_strengths(order1, order2, order3)
    rng = np.random.default_rng(seed)
    frame = _draw_impressions(rows, rng)
    probabilities = true_click_probabilities(frame, order1, order2, order3)
    labels = (rng.random(rows) < probabilities).astype(np.float32)
    *categorical, numerical = frame.columns
    fields = [*(Categorical(name) for name in categorical), Numerical(numerical)]
    return ClickData(frame, labels, fields, probabilities)


def true_click_probabilities(
    frame: pd.DataFrame, order1: float = 0.6, order2: float = 0.8, order3: float = 1.0
) -> Array:
    """(n,) P(click), float64, of each row of a frame with the columns of the log; also of rows one makes up.

    Raises ValueError for a strength that is negative or not finite, and for a value the log does not know.
    """
    _check_strengths(order1, order2, order3)
    f1, f2, f3 = planted_effects(frame).to_numpy().T
    logits = intercept(order1, order2, order3) + order1 * f1 + order2 * f2 + order3 * f3
    return sigmoid_forward(logits)[0]


def planted_effects(frame: pd.DataFrame) -> pd.DataFrame:
    """f_1, f_2 and f_3 of each row, in the columns order1, order2 and order3: what the strengths multiply.

    Raises ValueError for a value the log does not know.
    """
    gender, age = _positions(frame["gender"], GENDERS), _positions(frame["age"], AGES)
    category, hour = _positions(frame["category"], CATEGORIES), _positions(frame["hour"], HOURS)
    rank = _positions(frame["app"], APPS) % APPS_PER_CATEGORY
    days = frame["days_since_update"].to_numpy()
    effects = {
        "order1": RECENCY * recency(days) + POPULARITY * popularity(rank),
        "order2": order2_table()[category, hour],
        "order3": order3_table()[gender, age, category],
    }
    return pd.DataFrame(effects, index=frame.index)


def recency(days: Array) -> Array:
    """Days since the last update, uniform on 0, ..., 30, to a standard score: the newer the higher."""
    return -_standard_score(days, np.arange(MAX_DAYS + 1))


def popularity(rank: Array) -> Array:
    """An app's place in its category, 0 to 4, to a standard score: "food 1" is clicked more than "food 5"."""
    return -_standard_score(rank, np.arange(APPS_PER_CATEGORY))


def order2_table() -> Array:
    """(12, 24) f_2 by category and hour: bumps at PEAK_HOURS, centred to zero sums both ways, variance 1."""
    bumps = np.stack([_bumps(PEAK_HOURS[category]) for category in CATEGORIES])
    by_category, by_hour = bumps.mean(axis=1, keepdims=True), bumps.mean(axis=0, keepdims=True)
    return _unit_variance(bumps - by_category - by_hour + bumps.mean())


def order3_table() -> Array:
    """(2, 4, 12) f_3 by gender, age and category: a product of signs that sum to zero, variance 1."""
    gender = np.array([GENDER_SIGNS[name] for name in GENDERS])
    age = np.array([AGE_SIGNS[name] for name in AGES])
    category = np.array([GAME_SIGNS.get(name, 0) for name in CATEGORIES])
    return _unit_variance(gender[:, None, None] * age[:, None] * category)


@lru_cache(maxsize=64)
def intercept(order1: float = 0.6, order2: float = 0.8, order3: float = 1.0) -> float:
    """The intercept at which CLICK_RATE of the population clicks, by bisection over all cells of the log."""
    scores = _population_scores(order1, order2, order3)
    at_score_zero = np.log(CLICK_RATE / (1 - CLICK_RATE))
    low, high = at_score_zero - scores.max(), at_score_zero - scores.min()
    while high - low > INTERCEPT_TOLERANCE:
        middle = (low + high) / 2
        if sigmoid_forward(middle + scores)[0].mean() < CLICK_RATE:
            low = middle
        else:
            high = middle
    return float(low + high) / 2


def _population_scores(order1: float, order2: float, order3: float) -> Array:
    """The logit less the intercept in every cell: days and rank, hour, gender and age, category."""
    days, rank = np.arange(MAX_DAYS + 1)[:, None], np.arange(APPS_PER_CATEGORY)
    f1 = RECENCY * recency(days) + POPULARITY * popularity(rank)
    f2 = order2_table().T[:, None, :]
    f3 = order3_table().reshape(-1, len(CATEGORIES))
    return order1 * f1.reshape(-1, 1, 1, 1) + (order2 * f2 + order3 * f3)


def _draw_impressions(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """`rows` impressions, each field uniform and independent of the others, an app within its category."""

    def draw(known: tuple) -> Array:
        return np.array(known, object)[rng.integers(len(known), size=rows)]

    app = rng.integers(len(APPS), size=rows)
    return pd.DataFrame(
        {
            "gender": draw(GENDERS),
            "age": draw(AGES),
            "device": draw(DEVICES),
            "hour": rng.integers(len(HOURS), size=rows),
            "category": np.array(CATEGORIES, object)[app // APPS_PER_CATEGORY],
            "app": np.array(APPS, object)[app],
            "days_since_update": rng.integers(MAX_DAYS + 1, size=rows).astype(float),
        }
    )


def _check_strengths(order1: float, order2: float, order3: float) -> None:
    for name, strength in {"order1": order1, "order2": order2, "order3": order3}.items():
        if not 0 <= strength < np.inf:
            raise ValueError(f"{name} must be a strength in logits, 0 or positive and finite, got {strength}")


def _positions(column: pd.Series, known: tuple) -> Array:
    """(n,) values to their positions in `known`."""
    positions = pd.Index(known).get_indexer(column)
    if (positions < 0).any():
        row = int(np.argmax(positions < 0))
        expected = f"one of {known[0]}, ..., {known[-1]}"
        raise ValueError(f"{column.name} must be {expected}; row {row} holds {column.iloc[row]!r}")
    return positions


def _bumps(peaks: tuple[int, ...]) -> Array:
    """(24,) a bump in the shape of a normal density around each peak, on the circle of the day."""
    distances = (np.array(HOURS) - np.array(peaks)[:, None] + 12) % 24 - 12
    return np.exp(-((distances / PEAK_WIDTH) ** 2) / 2).sum(axis=0)


def _standard_score(values: Array, population: Array) -> Array:
    return (values - population.mean()) / population.std()


def _unit_variance(table: Array) -> Array:
    return table / np.sqrt((table**2).mean())
