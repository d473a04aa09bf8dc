"""DeepFMClassifier: a DataFrame in, click probabilities out, with the interface of a scikit-learn classifier."""

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np import classifier_file, training
from deepfm_np.constraints import CONSTRAINTS, checked
from deepfm_np.data import kinds
from deepfm_np.data.encoder import FieldEncoder
from deepfm_np.data.examples import Blocks, Examples
from deepfm_np.data.fields import Field
from deepfm_np.data.unknown import warn_of_unknown
from deepfm_np.divergence import warn_if_diverged
from deepfm_np.inputs import column_of, frame_of, labels_of, pair_of, two_classes
from deepfm_np.model import DeepFM
from deepfm_np.ops.log_loss import checked_labels
from deepfm_np.ops.rows import Array
from deepfm_np.optim import Adam
from deepfm_np.system.archive import write_arrays


class NotFittedError(ValueError, AttributeError):
    """The classifier was asked for predictions before `fit`."""


class DeepFMClassifier:
    """Click prediction on the columns of a DataFrame.

    It follows scikit-learn's conventions (`get_params`, `set_params`, `classes_`) but does not need scikit-learn.
    The encoding is learned in `fit`, from the training part alone, and saved with the model.

    fields: the columns to use, as `Categorical`, `Numerical` or `MultiValued`; None infers them from the
        values (see `data.kinds`): numbers with decimals are numerical, texts and whole numbers that repeat categorical;
        dates and columns with another value in every row are left out, with a warning.
    embedding_dim, hidden, activation, dropout, batch_norm, deep_output, first_order, fm, deep, l2_embedding, l2_net,
        dtype: as in `DeepFM`.
    learning_rate: of Adam.  batch_size, epochs, patience, threads: as in `training.fit`.
    seed: of the start, the shuffling and the dropout masks.  progress: show a bar on a terminal.
    verbose: `fit` prints what it found in each column.

    After `fit`: classes_ (2,), fields_, encoder_, model_ and history_ (a DataFrame, one row per epoch).
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
        threads: int | None = None,
        progress: bool = True,
        verbose: bool = False,
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
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict:
        """The hyper-parameters by name. `deep` is scikit-learn's argument and changes nothing here."""
        return {name: getattr(self, name) for name in _hyper_parameters()}

    def set_params(self, **params) -> "DeepFMClassifier":
        """Change hyper-parameters. Raises ValueError, and changes nothing, for an unknown name."""
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

        X: n rows.  y: n labels of two classes; the second in sorted order is the click.
        eval_set: (X, y) of a validation part, or [(X, y)], for early stopping; without it, all epochs run.
        checkpoint: a file to write after each epoch and to resume from, as in `training.fit`.

        Sets classes_ (2,), encoder_, model_ and history_ (a DataFrame, one row per epoch). Raises ValueError for
        labels that are not of two classes, and whatever the encoder or `training.fit` raises; an earlier fit then
        stays in place. Warns of columns that look wrong, and of a model far worse than the base rate.
        """
        self._check_settings()
        column = column_of(y)
        classes = two_classes(column)
        labels = labels_of(frame_of(X), column, classes)
        columns = kinds.decide(X, None if self.fields is None else FieldEncoder(self.fields).fields, y)
        encoder = FieldEncoder(self.fields if self.fields is not None else kinds.fields_of(columns))
        kinds.announce(columns, self.verbose)
        train, valid = Examples(*encoder.fit_transform(X), labels), None
        if eval_set is not None:
            X_valid, y_valid = pair_of(eval_set)
            labels = labels_of(frame_of(X_valid), column_of(y_valid), classes)
            valid = Examples(*encoder.transform(X_valid), labels)
        self._fit(encoder, train, valid, classes, checkpoint)
        self._columns = columns
        return self

    def fit_encoded(
        self,
        encoder: FieldEncoder,
        train: Examples | Blocks,
        valid: Examples | Blocks | None = None,
        checkpoint: str | Path | None = None,
    ) -> "DeepFMClassifier":
        """Learn the model from examples already encoded by `encoder`, with labels of 0 and 1.

        Otherwise as in `fit`; `fields` is ignored.
        """
        self._check_settings()
        return self._fit(encoder, train, valid, two_classes(checked_labels(train.labels)), checkpoint)

    def predict_proba(self, X: pd.DataFrame) -> Array:
        """(n, 2): the probability of each class in `classes_`. A value not seen in `fit` counts as unknown;
        an UnknownValuesWarning names each column in which many are.

        Raises NotFittedError before `fit`, TypeError if X is not a DataFrame, ValueError for a missing column or a cell
        that its field cannot hold.
        """
        self._require_fitted()
        ids, values = self.encoder_.transform(frame_of(X))
        warn_of_unknown(self.encoder_, ids, values, X)
        clicks = self.model_.predict_proba(ids, values, self.threads)
        return np.stack([1 - clicks, clicks], axis=1)

    @property
    def fields_(self) -> list[Field]:
        """The columns that are used, of the kinds given or inferred. Raises NotFittedError before `fit`."""
        self._require_fitted()
        return self.encoder_.fields

    def describe_fields(self) -> pd.DataFrame:
        """One row per column of the training part: column, kind, distinct, missing, example, remarks.

        A column that was not used is of the kind "left out", and the remarks say why. After `load` and `fit_encoded`,
        only the columns that are used are known, not their missing cells. Raises NotFittedError before `fit`.
        """
        self._require_fitted()
        return kinds.to_frame(self._columns)

    def predict_encoded(self, examples: Examples | Blocks) -> Array:
        """(n,) click probabilities for examples already encoded by `encoder_`. Raises NotFittedError before `fit`."""
        self._require_fitted()
        return training.predict(self.model_, examples, self.threads)

    def predict(self, X: pd.DataFrame) -> Array:
        """(n,) the more probable class. Raises as `predict_proba` does."""
        probabilities = self.predict_proba(X)
        return self.classes_[(probabilities[:, 1] > 0.5).astype(int)]

    def save(self, folder: str | Path) -> None:
        """Write classifier.npz, which holds model, encoder and settings, atomically to a folder, created if necessary.

        Raises NotFittedError before `fit`; TypeError or ValueError, and writes nothing, if a setting, a class, the name
        of a column or a number of the model could not be restored exactly.
        """
        self._require_fitted()
        self._check_settings()
        settings = {name: value for name, value in self.get_params().items() if name != "fields"}
        settings |= {"hidden": list(self.hidden), "dtype": self.model_.dtype}
        saved = classifier_file.Saved(self.model_, self.encoder_, self.classes_, settings)
        arrays = classifier_file.to_arrays(saved)
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_arrays(Path(folder) / classifier_file.FILE, arrays)

    @classmethod
    def load(cls, folder: str | Path) -> "DeepFMClassifier":
        """Read what `save` wrote, including the three files of earlier versions. Executes nothing from it.

        Raises FileNotFoundError or ValueError, naming the missing or damaged file.
        """
        saved = classifier_file.read(folder, _hyper_parameters().keys() - {"fields"})
        classifier = cls(fields=saved.encoder.fields, **saved.settings)
        classifier.classes_, classifier.encoder_, classifier.model_ = saved.classes, saved.encoder, saved.model
        classifier._columns = kinds.learned(saved.encoder.fields, saved.encoder.field_dims)
        return classifier

    def __repr__(self) -> str:
        defaults = {name: parameter.default for name, parameter in _hyper_parameters().items()}
        settings = self.get_params().items()
        changed = [f"{name}={value!r}" for name, value in settings if repr(value) != repr(defaults[name])]
        return f"DeepFMClassifier({', '.join(changed)})"

    def __sklearn_tags__(self):
        """What cross_val_score and GridSearchCV ask of a classifier. Only scikit-learn calls it."""
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
        """Raise ValueError for the first setting that breaks its constraint."""
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
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is judged below
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
        self._columns = kinds.learned(encoder.fields, encoder.field_dims)
        warn_if_diverged(model, history, train, valid, self.learning_rate)
        return self

    def _build(self, encoder: FieldEncoder) -> DeepFM:
        names = set(inspect.signature(DeepFM).parameters) & set(_hyper_parameters())
        settings = {name: getattr(self, name) for name in names}
        return DeepFM(encoder.field_dims, encoder.field_starts, **settings)


def _hyper_parameters() -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(DeepFMClassifier).parameters)
