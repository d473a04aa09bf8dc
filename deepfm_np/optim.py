"""Optimisers that update a dict of arrays in place.

A gradient is an array of the parameter's shape, or a `RowGradient`: then its rows alone are read and written, and
the rest of the table, and its moments, stand still. A step costs the same whatever the table's length.
"""

from collections.abc import Mapping

import numpy as np

from deepfm_np.ops.rows import Array, RowGradient


class SGD:
    """Stochastic gradient descent with momentum (Polyak 1964), as in torch.optim.SGD.

    velocity = momentum * velocity + gradient,   parameter -= learning_rate * velocity
    """

    def __init__(self, learning_rate: float, momentum: float = 0.0):
        """Raises ValueError for a learning rate that is not positive or a momentum outside [0, 1)."""
        _check_rate("learning_rate", learning_rate)
        _check_decay("momentum", momentum)
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.state: dict[str, dict[str, Array]] = {}

    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array | RowGradient]) -> None:
        """Update params in place. Raises KeyError or ValueError, before any change, for gradients that do not fit."""
        for name, where, grad in _matched(params, grads):
            if not self.momentum:
                params[name][where] -= self.learning_rate * grad
                continue
            state = self.state.setdefault(name, {"velocity": np.zeros_like(params[name])})
            velocity = self.momentum * state["velocity"][where] + grad
            state["velocity"][where] = velocity
            params[name][where] -= self.learning_rate * velocity


class Adam:
    """Adam, Kingma & Ba 2015, algorithm 1, with bias correction.

    m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
    parameter -= learning_rate * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)

    t counts steps, the same for all rows. Touching every row of a table is exactly the dense step. (SparseAdam of
    PyTorch adds epsilon to the uncorrected sqrt(v) instead; the two agree as epsilon goes to 0.)
    """

    def __init__(
        self, learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ):
        """Raises ValueError for a learning rate or epsilon that is not positive or a beta outside [0, 1)."""
        _check_rate("learning_rate", learning_rate)
        _check_rate("epsilon", epsilon)
        _check_decay("beta1", beta1)
        _check_decay("beta2", beta2)
        self.learning_rate = learning_rate
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.t = 0
        self.state: dict[str, dict[str, Array]] = {}

    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array | RowGradient]) -> None:
        """Update params in place. Raises KeyError or ValueError, before any change, for gradients that do not fit."""
        matched = _matched(params, grads)
        self.t += 1
        m_correction, v_correction = 1 - self.beta1**self.t, 1 - self.beta2**self.t
        for name, where, grad in matched:
            state = self.state.setdefault(
                name, {"m": np.zeros_like(params[name]), "v": np.zeros_like(params[name])}
            )
            m = state["m"][where] * self.beta1
            m += (1 - self.beta1) * grad
            v = state["v"][where] * self.beta2
            v += (1 - self.beta2) * (grad * grad)
            state["m"][where], state["v"][where] = m, v
            root = np.sqrt(v / v_correction)
            root += self.epsilon
            params[name][where] -= (self.learning_rate / m_correction) * m / root


def _matched(
    params: Mapping[str, Array], grads: Mapping[str, Array | RowGradient]
) -> list[tuple]:
    """Each gradient with the part of its parameter that it updates: the rows of a RowGradient, or all (`...`)."""
    matched = []
    for name, grad in grads.items():
        if name not in params:
            raise KeyError(f"there is a gradient for {name!r}, but no such parameter: {', '.join(params)}")
        where, values = (grad.rows, grad.values) if isinstance(grad, RowGradient) else (..., np.asarray(grad))
        if where is ...:
            expected = params[name].shape
        else:
            expected = (len(where), *params[name].shape[1:])
        if values.shape != expected:
            raise ValueError(f"the gradient of {name!r} is {values.shape}, should be {expected}")
        matched.append((name, where, values))
    return matched


def _check_rate(name: str, rate: float) -> None:
    if not 0 < rate < np.inf:
        raise ValueError(f"{name} must be positive, got {rate}")


def _check_decay(name: str, decay: float) -> None:
    if not 0 <= decay < 1:
        raise ValueError(f"{name} must lie in [0, 1), got {decay}")
