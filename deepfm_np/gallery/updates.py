"""Wrong optimiser steps. No derivative is wrong; a plain loop that takes the same steps arrives somewhere else."""

import numpy as np

from deepfm_np.gallery.bug import WrongUpdate

RATE, BETA1, BETA2, EPSILON, MOMENTUM = 0.1, 0.9, 0.999, 1e-8, 0.9
UPDATES: list[WrongUpdate] = []


def adam_by_loop(gradients) -> np.ndarray:
    """Kingma & Ba 2015, algorithm 1, one number at a time. gradients: (steps, d). Starts from 0."""
    result = []
    for column in np.asarray(gradients).T:
        x = m = v = 0.0
        for t, g in enumerate(column, start=1):
            m = BETA1 * m + (1 - BETA1) * g
            v = BETA2 * v + (1 - BETA2) * g * g
            x -= RATE * (m / (1 - BETA1**t)) / ((v / (1 - BETA2**t)) ** 0.5 + EPSILON)
        result.append(x)
    return np.array(result)


def sgd_by_loop(gradients) -> np.ndarray:
    """Momentum as in torch.optim.SGD, one number at a time."""
    result = []
    for column in np.asarray(gradients).T:
        x = velocity = 0.0
        for g in column:
            velocity = MOMENTUM * velocity + g
            x -= RATE * velocity
        result.append(x)
    return np.array(result)


def wrong_update(place: str, name: str, symptom: str, lesson: str):
    """For a function gradients -> parameters after those steps, from 0."""

    def register(update):
        reference = sgd_by_loop if place == "sgd" else adam_by_loop
        UPDATES.append(WrongUpdate(place, name, symptom, lesson, update, reference))
        return update

    return register


def adam(gradients, change=None, m_hat=None, v_hat=None):
    """Adam on whole arrays, with one formula replaced."""
    x, m, v = (np.zeros(gradients.shape[1]) for _ in range(3))
    for t, g in enumerate(gradients, start=1):
        m = BETA1 * m + (1 - BETA1) * g
        v = BETA2 * v + (1 - BETA2) * g * g
        corrected = m / (1 - BETA1**t) if m_hat is None else m_hat(m, t)
        spread = v / (1 - BETA2**t) if v_hat is None else v_hat(v, t)
        x = x - RATE * (corrected / (np.sqrt(spread) + EPSILON) if change is None else change(corrected, spread))
    return x


@wrong_update(
    "adam",
    "no bias correction",
    "the first step is 3 times too long, the twelfth 6 times where the gradient is constant",
    "m and v start at 0, so divide them by 1 - beta^t",
)
def without_correction(gradients):
    return adam(gradients, m_hat=lambda m, t: m, v_hat=lambda v, t: v)


@wrong_update(
    "adam",
    "the square root is forgotten",
    "steps are huge where gradients are small",
    "the step is m / sqrt(v): it has no unit, and its length is about the learning rate",
)
def without_root(gradients):
    return adam(gradients, change=lambda m, v: m / (v + EPSILON))


@wrong_update(
    "adam",
    "epsilon under the root",
    "parameters with small gradients stand still",
    "sqrt(v) + epsilon, not sqrt(v + epsilon): 1e-8 under the root is 1e-4 outside it",
)
def epsilon_inside(gradients):
    return adam(gradients, change=lambda m, v: m / np.sqrt(v + EPSILON))


@wrong_update(
    "adam",
    "t starts at 0",
    "1 - beta^0 = 0: the first step divides by 0, or is skipped",
    "count the step before you correct: t = 1 at the first",
)
def late_count(gradients):
    return adam(gradients, m_hat=lambda m, t: m / (1 - BETA1 ** max(t - 1, 1)))


@wrong_update(
    "adam",
    "the moments take the corrected value back",
    "corrections pile up",
    "m_hat is for this step alone; m itself is kept uncorrected",
)
def corrects_in_place(gradients):
    x, m, v = (np.zeros(gradients.shape[1]) for _ in range(3))
    for t, g in enumerate(gradients, start=1):
        m = BETA1 * m + (1 - BETA1) * g
        v = BETA2 * v + (1 - BETA2) * g * g
        m /= 1 - BETA1**t
        v /= 1 - BETA2**t
        x -= RATE * m / (np.sqrt(v) + EPSILON)
    return x


@wrong_update(
    "sgd",
    "the velocity forgets the old one",
    "momentum changes nothing but the learning rate",
    "velocity = momentum * velocity + g: what is kept is the velocity, not the last gradient",
)
def momentum_of_the_gradient(gradients):
    x, last = np.zeros(gradients.shape[1]), np.zeros(gradients.shape[1])
    for g in gradients:
        x -= RATE * (MOMENTUM * last + g)
        last = g
    return x
