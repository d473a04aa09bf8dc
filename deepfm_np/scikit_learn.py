"""The conventions of scikit-learn that say nothing of DeepFM: parameters by name, tags, errors.

It need not be installed.
"""

import inspect
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any


def parameters(kind: type) -> dict[str, inspect.Parameter]:
    """The hyper-parameters of an estimator: the arguments of its class."""
    return dict(inspect.signature(kind).parameters)


def set_params(estimator: Any, params: Mapping[str, Any]) -> None:
    """Set hyper-parameters. Raises ValueError, and sets none, for an unknown name."""
    names = parameters(type(estimator))
    unknown = sorted(params.keys() - names)
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such parameter; there are {', '.join(names)}")
    for name, value in params.items():
        setattr(estimator, name, value)


def text_of(estimator: Any) -> str:
    """The call that makes the estimator, with the arguments that are not the default."""
    arguments = {name: getattr(estimator, name) for name in parameters(type(estimator))}
    defaults = {name: parameter.default for name, parameter in parameters(type(estimator)).items()}
    changed = [f"{name}={value!r}" for name, value in arguments.items() if _text(value) != _text(defaults[name])]
    return f"{type(estimator).__name__}({', '.join(changed)})"


def _text(value: Any) -> str:
    """The text of a value by which it is compared: a list, as `load` gives, is no other value than a tuple."""
    return repr(tuple(value)) if isinstance(value, list) else repr(value)


@cache
def not_fitted_error() -> type[Exception]:
    """scikit-learn's NotFittedError where it is installed, else one like it: a ValueError and an AttributeError."""
    try:
        return import_module("sklearn.exceptions").NotFittedError
    except ImportError:
        return type("NotFittedError", (ValueError, AttributeError), {"__module__": __name__})


def tags() -> Any:
    """The tags by which cross_val_score and check_estimator know a binary classifier. Only scikit-learn asks."""
    utils = sys.modules["sklearn.utils"]
    return utils.Tags(
        estimator_type="classifier",
        target_tags=utils.TargetTags(required=True),
        classifier_tags=utils.ClassifierTags(multi_class=False),
        input_tags=utils.InputTags(string=True, categorical=True, allow_nan=True),
    )
