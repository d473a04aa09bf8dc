"""Brute-force oracles: every operation as obvious nested loops, one number at a time, in Python floats."""

import math
from decimal import Decimal, localcontext

import numpy as np


def embedding(table, ids, values, field_starts):
    n, s, k = len(ids), ids.shape[1], table.shape[1]
    ends = [*field_starts[1:], s]
    vectors = np.zeros((n, len(field_starts), k))
    for i in range(n):
        for j, (start, end) in enumerate(zip(field_starts, ends, strict=True)):
            for slot in range(start, end):
                for f in range(k):
                    vectors[i, j, f] += values[i, slot] * table[ids[i, slot], f]
    return vectors


def embedding_gradient(grad_vectors, ids, values, field_starts, D):
    n, s, k = len(ids), ids.shape[1], grad_vectors.shape[2]
    ends = [*field_starts[1:], s]
    grad_table = np.zeros((D, k))
    for i in range(n):
        for j, (start, end) in enumerate(zip(field_starts, ends, strict=True)):
            for slot in range(start, end):
                for f in range(k):
                    grad_table[ids[i, slot], f] += values[i, slot] * grad_vectors[i, j, f]
    return grad_table


def first_order(weights, ids, values):
    y = np.zeros(len(ids))
    for i in range(len(ids)):
        for slot in range(ids.shape[1]):
            y[i] += weights[ids[i, slot]] * values[i, slot]
    return y


def fm(vectors):
    n, m, k = vectors.shape
    y = np.zeros(n)
    for i in range(n):
        for a in range(m):
            for b in range(a + 1, m):
                for f in range(k):
                    y[i] += vectors[i, a, f] * vectors[i, b, f]
    return y


def inner_product(vectors):
    n, m, k = vectors.shape
    y = np.zeros((n, m * (m - 1) // 2))
    for i in range(n):
        pair = 0
        for a in range(m):
            for b in range(a + 1, m):
                for f in range(k):
                    y[i, pair] += vectors[i, a, f] * vectors[i, b, f]
                pair += 1
    return y


def inner_product_gradient(grad_y, vectors):
    n, m, k = vectors.shape
    grad_vectors = np.zeros((n, m, k))
    for i in range(n):
        pair = 0
        for a in range(m):
            for b in range(a + 1, m):
                for f in range(k):
                    grad_vectors[i, a, f] += grad_y[i, pair] * vectors[i, b, f]
                    grad_vectors[i, b, f] += grad_y[i, pair] * vectors[i, a, f]
                pair += 1
    return grad_vectors


def outer_product(vectors):
    """Sums the outer products of all pairs of fields, in both orders and of each field with itself."""
    n, m, k = vectors.shape
    y = np.zeros((n, k * k))
    for i in range(n):
        for a in range(m):
            for b in range(m):
                for f in range(k):
                    for g in range(k):
                        y[i, f * k + g] += vectors[i, a, f] * vectors[i, b, g]
    return y


def outer_product_gradient(grad_y, vectors):
    n, m, k = vectors.shape
    grad_vectors = np.zeros((n, m, k))
    for i in range(n):
        for a in range(m):
            for b in range(m):
                for f in range(k):
                    for g in range(k):
                        grad_vectors[i, a, f] += grad_y[i, f * k + g] * vectors[i, b, g]
                        grad_vectors[i, b, g] += grad_y[i, f * k + g] * vectors[i, a, f]
    return grad_vectors


def affine(x, W, b):
    y = np.zeros((x.shape[0], W.shape[1]))
    for i in range(x.shape[0]):
        for j in range(W.shape[1]):
            y[i, j] = b[j]
            for d in range(x.shape[1]):
                y[i, j] += x[i, d] * W[d, j]
    return y


def batch_norm(x, gamma, beta, mean=None, var=None, epsilon=1e-5):
    """Uses the statistics of the batch unless others are given."""
    n, d = x.shape
    y = np.zeros((n, d))
    for j in range(d):
        column = [float(x[i, j]) for i in range(n)]
        center = sum(column) / n if mean is None else mean[j]
        spread = sum((entry - center) ** 2 for entry in column) / n if var is None else var[j]
        for i in range(n):
            y[i, j] = gamma[j] * (column[i] - center) / math.sqrt(spread + epsilon) + beta[j]
    return y


def log_loss(logits, labels):
    total = 0.0
    for z, y in zip(logits, labels, strict=True):
        p = 1 / (1 + math.exp(-z))
        total += -math.log(p) if y == 1 else -math.log(1 - p)
    return total / len(logits)


def weighted_log_loss(logits, labels, weights):
    total = norm = 0.0
    for z, y, w in zip(logits, labels, weights, strict=True):
        p = 1 / (1 + math.exp(-z))
        total += w * (-math.log(p) if y == 1 else -math.log(1 - p))
        norm += w
    return total / norm


def l2_rows(table, ids, values):
    total = 0.0
    for i in range(len(ids)):
        for slot in range(ids.shape[1]):
            if values[i, slot] != 0:
                total += sum(float(entry) ** 2 for entry in table[ids[i, slot]]) / 2
    return total / len(ids)


def l2_table(table):
    return sum(float(entry) ** 2 for row in table for entry in row) / 2


def auc(labels, scores):
    """Compares every click with every non-click."""
    wins, pairs = 0.0, 0
    for i in range(len(labels)):
        for j in range(len(labels)):
            if labels[i] == 1 and labels[j] == 0:
                pairs += 1
                wins += 1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0
    return wins / pairs


def weighted_auc(labels, scores, weights):
    """Compares every click with every non-click; a comparison counts the product of their weights."""
    wins = comparisons = 0.0
    for i in range(len(labels)):
        for j in range(len(labels)):
            if labels[i] == 1 and labels[j] == 0:
                w = weights[i] * weights[j]
                comparisons += w
                wins += w if scores[i] > scores[j] else w / 2 if scores[i] == scores[j] else 0.0
    return wins / comparisons


def adam(gradients, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """The path of one number from 0, given its gradient at each step; None if a step does not touch it."""
    x = m = v = 0.0
    path = []
    for t, g in enumerate(gradients, start=1):
        if g is not None:
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g * g
            m_hat = m / (1 - beta1**t)
            v_hat = v / (1 - beta2**t)
            x = x - learning_rate * m_hat / (math.sqrt(v_hat) + epsilon)
        path.append(x)
    return path


def _exactly(formula):
    """Evaluate a formula of one number in decimal arithmetic, to at least 50 correct digits for |z| from 1e-300 to 700.

    1 + exp(-700) and 1 - exp(-2e-300) agree with 1, or cancel, in their first 300 digits: hence the working precision.
    """

    def evaluate(z: float) -> float:
        with localcontext() as context:
            context.prec = 360
            return float(formula(Decimal(z)))

    return np.vectorize(evaluate, otypes=[float])


exact_sigmoid = _exactly(lambda z: 1 / (1 + (-z).exp()))
exact_sigmoid_slope = _exactly(lambda z: (e := (-z).exp()) / (1 + e) ** 2)
exact_tanh = _exactly(lambda z: (1 - (e := (-2 * z).exp())) / (1 + e))
exact_tanh_slope = _exactly(lambda z: 4 / ((e := z.exp()) + 1 / e) ** 2)
exact_softplus = _exactly(lambda z: (1 + z.exp()).ln())
