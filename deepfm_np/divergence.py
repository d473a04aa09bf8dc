"""Training that went wrong without a number that is infinite: a loss far above that of guessing."""

import math
import warnings

import pandas as pd

from deepfm_np import metrics, training
from deepfm_np.data.examples import AnyExamples
from deepfm_np.model import DeepFM

FAR_ABOVE = math.log(2)  # nats above the base rate's log loss; always answering 1/2 costs at most that much in all


class DivergedWarning(UserWarning):
    """Training diverged: the model is far worse than always predicting the base rate."""


def warn_if_diverged(
    model: DeepFM,
    history: pd.DataFrame,
    train: AnyExamples,
    valid: AnyExamples | None,
    learning_rate: float,
) -> None:
    """Issue a DivergedWarning if the best epoch is far worse than the base rate, on `valid` or else on `train`.

    history: as `training.fit` returned it.  learning_rate: for the message.
    """
    if valid is not None:
        part, examples, loss = "validation", valid, history["valid_log_loss"].min()
    else:
        part, examples, loss = "training", train, history["train_loss"].iloc[-1]
    base_rate = metrics.base_rate_log_loss(examples.labels, *training.weights_of(examples))
    if valid is None and loss > base_rate + FAR_ABOVE:  # the loss in training has penalties and dropout in it
        loss = training.evaluate(model, train)["log_loss"]
    if not loss <= base_rate + FAR_ABOVE:
        found = f"the {part} log loss is {loss:.4g}, always predicting the base rate has {base_rate:.4g}"
        advice = f"lower the learning rate ({learning_rate:g}) or scale the numerical fields"
        warnings.warn(f"training diverged: {found}; {advice}", DivergedWarning, stacklevel=5)
