"""The DeepFM of exercise 10, with one hidden layer: what the answers to it are held against."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps

import numpy as np

from deepfm_np import ops
from deepfm_np.exercises.checks import AnswerError, call, equal, loss_gradient
from deepfm_np.model import DeepFM

MEND_LOGITS = "your logits are not those of task 10.1 yet, so this gradient belongs to another model: mend 10.1 first"


def library_logits(params: Mapping[str, np.ndarray], ids: np.ndarray, values: np.ndarray, pairs: float = 1):
    """(n,) what the library makes of the same parameters, its pair term counted `pairs` times."""
    vectors, _ = ops.embedding_forward(params["table"], ids, values)
    return _model(params, ids).logits(ids, values) + (pairs - 1) * ops.fm_forward(vectors)[0]


def own_gradients(
    forward: Callable,
    loss_and_grads: Callable,
    batch: tuple,
    names: Sequence[str],
    pairs: float = 1,
    weight: float = 1,
) -> None:
    """Check the gradients of these names against the loss of the student's own logits, whether those are right or not.

    batch: params, ids, values, labels.  pairs: how often the pair term counts.  weight: of the log loss.
    Raises AnswerError where the loss is not that of the logits, and where a gradient is not its derivative, or is 0
    since the logits do not depend on the parameter. A gradient that may be wrong because the logits are, is not
    blamed: the message sends back to them.
    """
    params, *examples = batch
    ids, values, labels = examples
    loss, grads = call(loss_and_grads, *batch, returns=("loss", "grads"))
    logits, _ = call(forward, params, ids, values, returns=("logits", "cache"))
    expected = library_logits(params, ids, values, pairs)
    if np.shape(logits) != expected.shape:
        raise AnswerError(MEND_LOGITS)
    equal("the loss of your logits", loss, weight * ops.log_loss_forward(np.asarray(logits), labels)[0])

    @wraps(loss_and_grads)
    def of_params(params):
        return loss_and_grads(params, *examples)

    try:
        terms = _model(params, ids).gradient_terms(*examples) if pairs == weight == 1 else None
        loss_gradient(of_params, params, names, terms)
    except AnswerError:
        if np.allclose(logits, expected, rtol=1e-9):
            raise
        raise AnswerError(MEND_LOGITS) from None
    for name in names:
        if not np.any(getattr(grads[name], "values", grads[name])):
            raise AnswerError(f"your logits do not depend on {name} yet: mend 10.1 first")


def _model(params: Mapping[str, np.ndarray], ids: np.ndarray) -> DeepFM:
    (D, k), m = params["table"].shape, ids.shape[1]
    field_dims = (*[1] * (m - 1), D - m + 1)  # where the fields meet does not matter: the ids are of the flat table
    model = DeepFM(field_dims, embedding_dim=k, hidden=params["b0"].shape, dropout=0.0, dtype="float64")
    model.params = dict(params)
    return model
