"""DeepFMClassifier: a DataFrame in, click probabilities out, in the manner of scikit-learn."""

import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np import training
from deepfm_np.constraints import CONSTRAINTS, checked
from deepfm_np.data.encoder import FieldEncoder
from deepfm_np.data.examples import Blocks, Examples
from deepfm_np.data.fields import Field
from deepfm_np.inputs import column_of, frame_of, labels_of, pair_of, two_classes
from deepfm_np.model import DeepFM
from deepfm_np.ops.log_loss import checked_labels
from deepfm_np.ops.rows import Array
from deepfm_np.optim import Adam
from deepfm_np.system.files import plain, write_text

MODEL_FILE, ENCODER_FILE, SETTINGS_FILE = "model.npz", "encoder.json", "classifier.json"


class NotFittedError(ValueError, AttributeError):
    """The classifier was asked for predictions before `fit`."""


class DeepFMClassifier:
    """Click prediction on the columns of a DataFrame.

    It follows scikit-learn's conventions (`get_params`, `set_params`, `classes_`, `history_`) without needing it.
    Encoding is learned in `fit` from the training part alone and saved with the model.

    fields: the columns to use, as `Categorical`, `Numerical` or `MultiValued`; None infers them from the dtypes:
        floats are numerical, everything else (integers too, which are mostly ids) categorical.
    embedding_dim, hidden, activation, dropout, batch_norm, deep_output, first_order, fm, deep, l2_embedding, l2_net,
        dtype: as in `DeepFM`.
    learning_rate: of Adam.  batch_size, epochs, patience, threads: as in `training.fit`.
    seed: of the start, the shuffling and the dropout masks.  progress: show a bar on a terminal.

    After `fit`: classes_ (2,), encoder_, model_ and history_ (a DataFrame, one row per epoch).
    """

    classes_: Array
    encoder_: FieldEncoder
    model_: DeepFM
    history_: pd.DataFrame

    def __init__(
        self,
        *,
        fields: Sequence[Field] | None = None,
        embedding_dim: int = 10,
        hidden: Sequence[int] = (400, 400, 400),
        activation: str = "sigmoid",
        dropout: float = 0.5,
        batch_norm: bool = False,
        deep_output: str = "logit",
        first_order: bool = True,
        fm: bool = True,
        deep: bool = True,
        l2_embedding: float = 0.0,
        l2_net: float = 0.0,
        learning_rate: float = 1e-3,
        batch_size: int = 1024,
        epochs: int = 20,
        patience: int = 2,
        seed: int = 0,
        dtype: str = "float32",
        threads: int = 1,
        progress: bool = True,
    ):
        self.fields = fields
        self.embedding_dim = embedding_dim
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.deep_output = deep_output
        self.first_order = first_order
        self.fm = fm
        self.deep = deep
        self.l2_embedding = l2_embedding
        self.l2_net = l2_net
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.seed = seed
        self.dtype = dtype
        self.threads = threads
        self.progress = progress

    def get_params(self, deep: bool = True) -> dict:
        """The hyper-parameters by name. `deep` is scikit-learn's argument and changes nothing here."""
        return {name: getattr(self, name) for name in _hyper_parameters()}

    def set_params(self, **params) -> "DeepFMClassifier":
        """Change hyper-parameters. Raises ValueError, and changes nothing, for a name that is not one."""
        unknown = sorted(set(params) - set(_hyper_parameters()))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such parameter; there are {', '.join(_hyper_parameters())}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def fit(
        self,
        X: pd.DataFrame,
        y: Sequence,
        eval_set: tuple[pd.DataFrame, Sequence] | None = None,
        checkpoint: str | Path | None = None,
    ) -> "DeepFMClassifier":
        """Learn the encoding and the model.

        X: n rows.  y: n labels of two classes; the second in sorted order counts as the click.
        eval_set: (X, y) of a validation part, for early stopping, or [(X, y)]; without it all epochs are run.
        checkpoint: a file to write after each epoch and to resume from, as in `training.fit`.

        Sets classes_ (2,), encoder_, model_ and history_ (a DataFrame, one row per epoch). Raises ValueError for
        labels that are not two classes and whatever the encoder or `training.fit` finds wrong; an earlier fit is
        then still in place.
        """
        self._check_settings()
        column = column_of(y)
        classes = two_classes(column)
        labels = labels_of(frame_of(X), column, classes)
        encoder = FieldEncoder(self.fields)
        train, valid = Examples(*encoder.fit_transform(X), labels), None
        if eval_set is not None:
            X_valid, y_valid = pair_of(eval_set)
            labels = labels_of(frame_of(X_valid), column_of(y_valid), classes)
            valid = Examples(*encoder.transform(X_valid), labels)
        return self._fit(encoder, train, valid, classes, checkpoint)

    def fit_encoded(
        self,
        encoder: FieldEncoder,
        train: Examples | Blocks,
        valid: Examples | Blocks | None = None,
        checkpoint: str | Path | None = None,
    ) -> "DeepFMClassifier":
        """Learn the model from examples that `encoder` has encoded already, with labels of 0 and 1.

        All else is as in `fit`; `fields` is not looked at.
        """
        self._check_settings()
        return self._fit(encoder, train, valid, two_classes(checked_labels(train.labels)), checkpoint)

    def predict_proba(self, X: pd.DataFrame) -> Array:
        """(n, 2): the probability of each class in `classes_`. An unseen value counts as unknown.

        Raises NotFittedError before `fit`, and ValueError where a column is missing or holds what it cannot.
        """
        self._require_fitted()
        ids, values = self.encoder_.transform(frame_of(X))
        clicks = self.model_.predict_proba(ids, values, self.threads)
        return np.stack([1 - clicks, clicks], axis=1)

    def predict_encoded(self, examples: Examples | Blocks) -> Array:
        """(n,) click probabilities, of the second class, for examples that `encoder_` has encoded already."""
        self._require_fitted()
        return training.predict(self.model_, examples, self.threads)

    def predict(self, X: pd.DataFrame) -> Array:
        """(n,) the more probable class. Raises as `predict_proba` does."""
        probabilities = self.predict_proba(X)
        return self.classes_[(probabilities[:, 1] > 0.5).astype(int)]

    def save(self, folder: str | Path) -> None:
        """Write model.npz, encoder.json and classifier.json to a folder, made if need be; each file atomically.

        Raises TypeError, and writes nothing, where JSON cannot hold the settings or classes.
        """
        self._require_fitted()
        folder = Path(folder)
        settings = {name: value for name, value in self.get_params().items() if name != "fields"}
        settings |= {"hidden": list(self.hidden), "dtype": self.model_.dtype}
        about = json.dumps({"settings": settings, "classes": self.classes_.tolist()}, indent=2, default=plain)
        folder.mkdir(parents=True, exist_ok=True)
        self.model_.save(folder / MODEL_FILE)
        self.encoder_.save(folder / ENCODER_FILE)
        write_text(folder / SETTINGS_FILE, about + "\n")

    @classmethod
    def load(cls, folder: str | Path) -> "DeepFMClassifier":
        """Read what `save` wrote. Raises FileNotFoundError or ValueError, naming the file that is amiss."""
        folder = Path(folder)
        model = DeepFM.load(folder / MODEL_FILE)
        encoder = FieldEncoder.load(folder / ENCODER_FILE)
        path = folder / SETTINGS_FILE
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            classifier = cls(fields=encoder.fields, **about["settings"])
            classifier.classes_ = np.array(about["classes"])
        except FileNotFoundError:
            raise FileNotFoundError(f"{path}: no such file; expected the settings of a classifier") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} does not hold the settings of a classifier: {error}") from error
        if list(model.field_dims) != list(encoder.field_dims):
            raise ValueError(f"{folder}: {MODEL_FILE} and {ENCODER_FILE} are of different models")
        classifier.encoder_, classifier.model_ = encoder, model
        return classifier

    def __repr__(self) -> str:
        defaults = {name: parameter.default for name, parameter in _hyper_parameters().items()}
        settings = self.get_params().items()
        changed = [f"{name}={value!r}" for name, value in settings if repr(value) != repr(defaults[name])]
        return f"DeepFMClassifier({', '.join(changed)})"

    def __sklearn_tags__(self):
        """What cross_val_score and GridSearchCV ask of a classifier. scikit-learn calls this, so it is loaded."""
        utils = sys.modules["sklearn.utils"]
        return utils.Tags(
            estimator_type="classifier",
            target_tags=utils.TargetTags(required=True),
            classifier_tags=utils.ClassifierTags(multi_class=False),
            input_tags=utils.InputTags(string=True, categorical=True, allow_nan=True),
        )

    def _require_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise NotFittedError("this DeepFMClassifier is not fitted yet: call fit(X, y) first")

    def _check_settings(self) -> None:
        """Raise ValueError for the first setting that is not what it may be."""
        for name, value in self.get_params().items():
            if name in CONSTRAINTS:
                checked(name, value)

    def _fit(
        self,
        encoder: FieldEncoder,
        train: Examples | Blocks,
        valid: Examples | Blocks | None,
        classes: Array,
        checkpoint: str | Path | None,
    ) -> "DeepFMClassifier":
        model = self._build(encoder)
        history = training.fit(
            model,
            train,
            valid,
            optimizer=Adam(self.learning_rate),
            epochs=self.epochs,
            batch_size=self.batch_size,
            patience=self.patience,
            seed=self.seed,
            checkpoint=checkpoint,
            threads=self.threads,
            progress=self.progress,
        )
        self.classes_, self.encoder_, self.model_, self.history_ = classes, encoder, model, history
        return self

    def _build(self, encoder: FieldEncoder) -> DeepFM:
        names = set(inspect.signature(DeepFM).parameters) & set(_hyper_parameters())
        settings = {name: getattr(self, name) for name in names}
        return DeepFM(encoder.field_dims, encoder.field_starts, **settings)


def _hyper_parameters() -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(DeepFMClassifier).parameters)
