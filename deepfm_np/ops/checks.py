"""What every operation asks at its door. NumPy would broadcast, cast or wrap around silently."""

from typing import Any

import numpy as np


def check_gradient(name: str, axes: str, gradient: Any, expected: tuple[int, ...]) -> None:
    """Raise ValueError unless the gradient has the shape of the result that its forward returned.

    axes: what that shape means, "(n, d_out)", for the message.
    """
    if np.shape(gradient) != expected:
        raise ValueError(f"{name} must be {axes}, here {expected}; it is {np.shape(gradient)}")
