"""The models by name: each is fitted, saved and loaded; FNN is two trainings, one after the other."""

import numpy as np
import pandas as pd
import pytest

from deepfm_np import DeepFM, DeepFMClassifier, fitting
from deepfm_np.data import Examples, FieldEncoder, make_click_log, split
from deepfm_np.models import MODELS, table_from_fm
from deepfm_np.optim import Adam
from deepfm_np.training import fit

TRAIN, VALID, _ = split(make_click_log(1500))
ENCODER = FieldEncoder(TRAIN.fields)
TRAIN_EXAMPLES = Examples(*ENCODER.fit_transform(TRAIN.frame), TRAIN.labels)
VALID_EXAMPLES = Examples(*ENCODER.transform(VALID.frame), VALID.labels)
SETTINGS = {"hidden": (6,), "embedding_dim": 3, "epochs": 2, "batch_size": 64, "threads": 1, "progress": False}
FNN = {**SETTINGS, **MODELS["FNN"]}


def fitted(checkpoint=None, **settings):
    classifier = DeepFMClassifier(**{**SETTINGS, **settings})
    return classifier.fit_encoded(ENCODER, TRAIN_EXAMPLES, VALID_EXAMPLES, checkpoint)


def by_hand(embedding_dim, table=None, **switches):
    """A model trained with the loop of `training.fit` and the settings that the classifier has by default."""
    defaults = DeepFMClassifier(**SETTINGS)
    settings = {"batch_norm": True, "dropout": 0.0, "activation": "relu", "l2_embedding": defaults.l2_embedding}
    model = DeepFM(ENCODER.field_dims, ENCODER.field_starts, embedding_dim, (6,), **settings, **switches)
    if table is not None:
        model.params["table"] = table
    training = {name: SETTINGS[name] for name in ("epochs", "batch_size", "threads", "progress")}
    optimizer = Adam(defaults.learning_rate)
    fit(model, TRAIN_EXAMPLES, VALID_EXAMPLES, optimizer=optimizer, patience=defaults.patience, **training)
    return model


def test_the_models_are_those_of_the_papers_tables_and_the_network_alone():
    of_the_table = ["LR", "FM", "FNN", "IPNN", "OPNN", "PNN*", "LR & DNN", "FM & DNN", "DeepFM"]
    assert [name for name in MODELS if name != "DNN"] == of_the_table


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_fitted_saved_and_loaded_and_explains_itself(tmp_path, name):
    classifier = DeepFMClassifier(**{**SETTINGS, **MODELS[name]}).fit(TRAIN.frame, TRAIN.labels)
    probabilities = classifier.predict_proba(VALID.frame)
    classifier.save(tmp_path)
    loaded = DeepFMClassifier.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(VALID.frame), probabilities)
    for setting, value in MODELS[name].items():
        found = getattr(loaded, setting)
        assert (tuple(found) if setting == "products" else found) == value
    one = VALID.frame.iloc[[3]]
    logit = np.log(probabilities[3, 1] / probabilities[3, 0])
    assert loaded.explain(one)["logit"].sum() == pytest.approx(logit, abs=1e-4)


def test_fnn_is_an_fm_and_then_a_network_that_starts_from_it():
    fm = by_hand(3, deep=False)
    network = by_hand(4, table_from_fm(fm.params), first_order=False, fm=False)
    found = fitted(**FNN).model_
    assert found.config == network.config
    for name, array in network.params.items():
        np.testing.assert_array_equal(found.params[name], array, err_msg=name)


def test_fnn_trains_its_table_further():
    fm, found = by_hand(3, deep=False), fitted(**FNN).model_
    moved = np.abs(found.params["table"] - table_from_fm(fm.params)).max(axis=0)
    assert (moved > 1e-4).all()


def test_an_fnn_that_is_resumed_does_not_train_its_fm_again(tmp_path, monkeypatch):
    whole = fitted(**FNN).model_.to_arrays()
    fitted(tmp_path / "run.npz", **{**FNN, "epochs": 1})
    monkeypatch.setattr(fitting, "table_from_fm", None)
    resumed = fitted(tmp_path / "run.npz", **FNN).model_.to_arrays()
    for name, array in whole.items():
        np.testing.assert_array_equal(resumed[name], array, err_msg=name)


@pytest.mark.parametrize("other", [{"fm": True}, {"first_order": True}, {"deep": False, "fm": True}])
def test_only_a_network_alone_starts_from_an_fm(other):
    with pytest.raises(ValueError, match="start_from_fm needs the network alone: first_order=False, fm=False"):
        fitted(**{**FNN, **other})


def test_a_network_may_read_products_of_the_rows_that_it_starts_from():
    model = fitted(**{**FNN, "products": ["inner"]}).model_
    m = len(ENCODER.field_dims)
    assert len(model.params["W0"]) == m * 4 + m * (m - 1) // 2


def test_a_later_model_starts_no_worse_for_the_earlier_one():
    frame = pd.DataFrame({name: fitted(**MODELS[name]).history_["train_loss"] for name in ("DNN", "FNN")})
    assert frame["FNN"][0] < frame["DNN"][0]
