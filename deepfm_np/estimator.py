"""DeepFMClassifier: a DataFrame in, click probabilities out, with the interface of a scikit-learn classifier."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deepfm_np import classifier_file, fitting, scikit_learn, training
from deepfm_np.constraints import check_all
from deepfm_np.data.columns import announce, learned, to_frame
from deepfm_np.data.encoder import FieldEncoder
from deepfm_np.data.examples import AnyExamples
from deepfm_np.data.fields import Field
from deepfm_np.data.unknown import warn_of_unknown
from deepfm_np.fitting import Parts
from deepfm_np.inputs import features_of, frame_of, labelled_rows, two_classes
from deepfm_np.model import DeepFM
from deepfm_np.ops.log_loss import checked_labels
from deepfm_np.ops.rows import Array
from deepfm_np.presentation import explanation_table, html_of


def __getattr__(name: str) -> Any:
    """NotFittedError, found when it is first asked for: scikit-learn is not imported for nothing."""
    if name == "NotFittedError":
        return scikit_learn.not_fitted_error()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class DeepFMClassifier:
    """Click prediction on the columns of a table.

    It follows scikit-learn's conventions (`get_params`, `set_params`, `classes_`) but does not need scikit-learn.
    The encoding is learned in `fit`, from the training part alone, and saved with the model. X is a pandas DataFrame, a
    table that narwhals reads (polars, pyarrow, ...), or a two-dimensional array, whose columns are called 0, 1, 2, ...

    fields: the columns to use, as `Categorical`, `Numerical` or `MultiValued`; None infers them from the
        values (see `data.kinds`): numbers with decimals are numerical, texts categorical, whole numbers that repeat
        one or the other, by what they and the labels of the training part show (see `data.ids_or_amounts`); dates and
        columns with another value in every row are left out, with a warning.
    embedding_dim, hidden, activation, dropout, batch_norm, deep_output, first_order, fm, deep, l2_embedding, l2_net,
        l2_table, dtype, products, shared_embedding: as in `DeepFM`.
        The defaults suit small tables, see docs/benchmarks/tables.md; the paper's are those of `DeepFM`.
    learning_rate: of Adam.  batch_size, epochs, patience, stop_by, threads: as in `training.fit`.
    validation_fraction: share of each class that `fit` holds out, at random, to stop early where it has no eval_set; 0
        holds out none, and all epochs run.
    class_weight: what a row of each class counts in the loss, {class: positive number} (1 if left out), or "balanced":
        both classes count the same in all. Probabilities are then those of the weighted rows. None: all the same.
    seed: of the start, the shuffling and the dropout masks.
    start_from_fm: train an FM first, then start the table of the network, which must be alone, at its weights and
        vectors, side by side: rows of embedding_dim + 1 numbers. It makes an FNN; for the others see `models.MODELS`.
    progress: show a bar on a terminal.  verbose: print what was found in each column, then a line per epoch.

    After `fit`: classes_ (2,), fields_, encoder_, model_ and history_ (a DataFrame, one row per epoch); n_features_in_,
    how many columns X had, and feature_names_in_, their names, if all are texts.
    """

    classes_: Array
    encoder_: FieldEncoder
    model_: DeepFM
    history_: pd.DataFrame
    n_features_in_: int
    feature_names_in_: Array

    def __init__(
        self,
        *,
        fields: Sequence[Field] | None = None,
        embedding_dim: int = 8,
        hidden: Sequence[int] = (64, 64),
        activation: str = "relu",
        dropout: float = 0.0,
        batch_norm: bool = True,
        deep_output: str = "logit",
        first_order: bool = True,
        fm: bool = True,
        deep: bool = True,
        l2_embedding: float = 3e-3,
        l2_net: float = 0.0,
        l2_table: float = 0.0,
        learning_rate: float = 5e-3,
        batch_size: int | None = None,
        epochs: int = 60,
        patience: int = 4,
        stop_by: str = "log_loss",
        validation_fraction: float = 0.1,
        class_weight: Mapping | str | None = None,
        seed: int = 0,
        dtype: str = "float32",
        threads: int | None = None,
        progress: bool = True,
        verbose: bool = False,
        products: Sequence[str] = (),
        shared_embedding: bool = True,
        start_from_fm: bool = False,
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
        self.l2_table = l2_table
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.stop_by = stop_by
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.seed = seed
        self.dtype = dtype
        self.threads = threads
        self.progress = progress
        self.verbose = verbose
        self.products = products
        self.shared_embedding = shared_embedding
        self.start_from_fm = start_from_fm

    def get_params(self, deep: bool = True) -> dict:
        """The hyper-parameters by name. `deep` is scikit-learn's argument and changes nothing here."""
        return {name: getattr(self, name) for name in scikit_learn.parameters(type(self))}

    def set_params(self, **params) -> "DeepFMClassifier":
        """Change hyper-parameters. Raises ValueError, and changes nothing, for an unknown name."""
        scikit_learn.set_params(self, params)
        return self

    def fit(
        self,
        X: Any,
        y: Sequence,
        eval_set: tuple | None = None,
        checkpoint: str | Path | None = None,
        sample_weight: Sequence | None = None,
    ) -> "DeepFMClassifier":
        """Learn the encoding and the model.

        X: n rows.  y: n labels of two classes; the second in sorted order is the click.
        eval_set: (X, y) or (X, y, weights) of a validation part for early stopping, perhaps in a list; without it, some
            of the rows are held out, see `validation_fraction`.
        checkpoint: a file to write after each epoch and to resume from, as in `training.fit`.
        sample_weight: n numbers, what each row counts in the loss: sum_i w_i loss_i / sum_i w_i over a batch. Rows of
            weight 0 are left out, of the encoding too.

        Raises ValueError for other labels, negative weights, and whatever encoder and `training.fit` raise; an earlier
        fit then stays in place. Warns of columns that look wrong, and of a model far worse than the base rate.
        """
        check_all(self.get_params())
        rows = labelled_rows(X, y, sample_weight)
        train, valid = fitting.with_valid(rows, eval_set, self.validation_fraction, self.seed)
        encoder, columns = fitting.decided(self.fields, rows, train)
        announce(columns, self.verbose)
        parts = fitting.encoded(encoder, train, valid, self.class_weight)
        self._fit(encoder, parts, train.classes, checkpoint, train.frame.columns)
        self._columns = columns
        return self

    def fit_encoded(
        self,
        encoder: FieldEncoder,
        train: AnyExamples,
        valid: AnyExamples | None = None,
        checkpoint: str | Path | None = None,
    ) -> "DeepFMClassifier":
        """Learn the model from examples already encoded by `encoder`, with labels of 0 and 1.

        Otherwise as in `fit`; `fields` is ignored, and `class_weight` is refused: use `WeightedExamples`.
        """
        check_all(self.get_params())
        if self.class_weight is not None:
            raise ValueError("class_weight is for fit; encoded examples carry their weights: WeightedExamples")
        classes = two_classes(checked_labels(train.labels))
        return self._fit(encoder, (train, valid), classes, checkpoint, encoder.field_names)

    def predict_proba(self, X: Any) -> Array:
        """(n, 2): the probability of each class in `classes_`. A value not seen in `fit` counts as unknown; an
        UnknownValuesWarning names each column in which many are.

        Raises NotFittedError before `fit`, TypeError if X is not a table, ValueError for a missing column or a cell
        that its field cannot hold.
        """
        ids, values = self._encoded(X)
        clicks = self.model_.predict_proba(ids, values, self.threads)
        return np.stack([1 - clicks, clicks], axis=1)

    def predict_log_proba(self, X: Any) -> Array:
        """(n, 2): the logarithms of `predict_proba`, from the logits, so that none is -inf. Raises the same errors."""
        ids, values = self._encoded(X)
        logits = self.model_.logits(ids, values, self.threads)
        return np.stack([-np.logaddexp(0, logits), -np.logaddexp(0, -logits)], axis=1)

    @property
    def fields_(self) -> list[Field]:
        """The columns that are used, of the kinds given or inferred."""
        self._require_fitted()
        return self.encoder_.fields

    def describe_fields(self) -> pd.DataFrame:
        """One row per column of the training part: see `data.columns.to_frame`. After `load` and `fit_encoded`, only
        the columns that are used are known, not their missing cells.
        """
        self._require_fitted()
        return to_frame(self._columns)

    def predict_encoded(self, examples: AnyExamples) -> Array:
        """(n,) click probabilities for examples encoded by `encoder_`. Raises NotFittedError before `fit`."""
        self._require_fitted()
        return training.predict(self.model_, examples, self.threads)

    def predict(self, X: Any) -> Array:
        """(n,) the more probable class. Raises as `predict_proba` does."""
        probabilities = self.predict_proba(X)
        return self.classes_[(probabilities[:, 1] > 0.5).astype(int)]

    def score(self, X: Any, y: Sequence, sample_weight: Sequence | None = None) -> float:
        """The share of rows whose class `predict` gives right, each counted by its weight. Raises as `fit` does."""
        self._require_fitted()
        rows = labelled_rows(X, y, sample_weight, self.classes_)
        return float(np.average((self.predict_proba(rows.frame)[:, 1] > 0.5) == rows.labels, weights=rows.weights))

    def explain(self, X: Any) -> pd.DataFrame:
        """The logit of one row, part by part; the parts add up to it. `plots.explanation_figure` draws the table.

        X: one row. The result has one for the bias, each field, each pair of fields and the deep part, and the columns
        part, field, value and logit. Raises ValueError for another number of rows, and as `predict_proba` does.
        """
        ids, values = self._encoded(X)
        if len(ids) != 1:
            raise ValueError(f"X must be the one row to explain, as X.iloc[[0]]; it has {len(ids)} rows")
        return explanation_table(self.model_.explain(ids, values), self.encoder_.field_names, frame_of(X))

    def save(self, folder: str | Path) -> None:
        """Write classifier.npz, which holds all that was set and learned, atomically to a folder, created if necessary.

        Raises NotFittedError before `fit`; TypeError or ValueError, and writes nothing, if a setting, a class, the name
        of a column or a number of the model could not be restored exactly.
        """
        self._require_fitted()
        check_all(self.get_params())
        settings = {name: value for name, value in self.get_params().items() if name != "fields"}
        settings |= {"hidden": list(self.hidden), "products": list(self.products), "dtype": self.model_.dtype}
        known = {name: getattr(self, f"{name}_", None) for name in ("n_features_in", "feature_names_in", "history")}
        classifier_file.write(
            folder, classifier_file.Saved(self.model_, self.encoder_, self.classes_, settings, **known)
        )

    @classmethod
    def load(cls, folder: str | Path) -> "DeepFMClassifier":
        """Read what `save` wrote; files of earlier versions lack history_ and n_features_in_. Executes nothing from it.

        Raises FileNotFoundError or ValueError, naming the missing or damaged file.
        """
        saved = classifier_file.read(folder, scikit_learn.parameters(cls).keys() - {"fields"})
        classifier = cls(fields=saved.encoder.fields, **saved.settings)
        classifier.classes_, classifier.encoder_, classifier.model_ = saved.classes, saved.encoder, saved.model
        known = {f"{name}_": getattr(saved, name) for name in ("n_features_in", "feature_names_in", "history")}
        vars(classifier).update({name: value for name, value in known.items() if value is not None})
        classifier._columns = learned(saved.encoder.fields, saved.encoder.field_dims)
        return classifier

    __repr__ = scikit_learn.text_of

    def _repr_html_(self) -> str:
        """What a notebook shows: settings and, once fitted, fields and the last epochs."""
        fitted = vars(self)
        return html_of(repr(self), self.get_params(), fitted.get("encoder_"), fitted.get("history_"))

    def __sklearn_tags__(self):
        return scikit_learn.tags()

    def _encoded(self, X: Any) -> tuple[Array, Array]:
        """(n, s) ids and values of the rows of X, whose columns are those of `fit`."""
        self._require_fitted()
        frame = frame_of(X, getattr(self, "n_features_in_", None))
        ids, values = self.encoder_.transform(frame)
        warn_of_unknown(self.encoder_, ids, values, frame)
        return ids, values

    def _require_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise scikit_learn.not_fitted_error()("this DeepFMClassifier is not fitted yet: call fit(X, y) first")

    def _fit(
        self, encoder: FieldEncoder, parts: Parts, classes: Array, checkpoint: str | Path | None, columns: Sequence
    ) -> "DeepFMClassifier":
        fitted = fitting.fitted(self.get_params(), encoder, *parts, checkpoint)
        vars(self).pop("feature_names_in_", None)
        vars(self).update(features_of(columns))
        self.classes_, self.encoder_, self.model_, self.history_ = classes, encoder, fitted.model, fitted.history
        self._columns = learned(encoder.fields, encoder.field_dims)
        return self
