"""The settings of a model, each brought to its plain type and refused by name where it does not fit."""

import operator
from collections.abc import Mapping, Sequence

import numpy as np

from deepfm_np.network import ACTIVATIONS
from deepfm_np.ops.embedding import slot_fields


def whole_number(name: str, number) -> int:
    """Raises ValueError, as the next two do, naming the argument: int() would cut off a fraction in silence."""
    try:
        return operator.index(number)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, got {number!r}") from None


def whole_numbers(name: str, numbers: Sequence) -> list[int]:
    try:
        return [operator.index(number) for number in numbers]
    except TypeError:
        raise ValueError(f"{name} must be whole numbers, got {numbers!r}") from None


def number(name: str, number) -> float:
    try:
        return float(number)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number, got {number!r}") from None


def dtype_name(dtype) -> str:
    try:
        return np.dtype(dtype).name
    except TypeError:
        return dtype


def check_config(config: Mapping) -> None:
    def require(condition: bool, name: str, expected: str) -> None:
        if not condition:
            raise ValueError(f"{name} must be {expected}, got {config[name]!r}")

    dims, starts = config["field_dims"], config["field_starts"]
    require(len(dims) > 0 and min(dims) > 0, "field_dims", "one positive number of rows per field")
    if starts is not None:
        require(len(starts) == len(dims), "field_starts", f"one slot for each of the {len(dims)} fields")
        slot_fields(starts, starts[-1] + 1)
    require(config["embedding_dim"] > 0, "embedding_dim", "positive")
    require(all(units > 0 for units in config["hidden"]), "hidden", "positive numbers of units")
    require(config["activation"] in list(ACTIVATIONS), "activation", f"one of {', '.join(ACTIVATIONS)}")
    require(0 <= config["dropout"] < 1, "dropout", "in [0, 1)")
    require(config["deep_output"] in ("logit", "sigmoid"), "deep_output", "'logit' or 'sigmoid'")
    require(0 <= config["l2_embedding"] < np.inf, "l2_embedding", "0 or positive")
    require(0 <= config["l2_net"] < np.inf, "l2_net", "0 or positive")
    require(config["dtype"] in ("float32", "float64"), "dtype", "'float32' or 'float64'")
    if not (config["first_order"] or config["fm"] or config["deep"]):
        raise ValueError("at least one of first_order, fm and deep must be on")
