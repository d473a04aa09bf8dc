"""A checkpoint is judged whole before anything of it is taken over."""

import json

import numpy as np
import pytest

from deepfm_np import DeepFM
from deepfm_np.checkpoint import Progress, fingerprint, resume_run
from deepfm_np.optim import SGD, Adam
from deepfm_np.training import Examples, fit

RNG = np.random.default_rng(0)
EXAMPLES = Examples(
    RNG.integers(0, 4, (40, 2)) + np.array([0, 4]), np.ones((40, 2), np.float32), RNG.integers(0, 2, 40)
)
SETTINGS = {"batch_size": 16, "patience": 9, "seed": 0}
OPTIMIZERS = {"Adam": lambda: Adam(0.01), "SGD": lambda: SGD(0.01), "momentum": lambda: SGD(0.01, 0.9)}


def small_model():
    return DeepFM([4, 4], hidden=(3,), embedding_dim=2, batch_norm=True)


def interrupted(path, optimizer="Adam", valid=EXAMPLES):
    """The checkpoint of a run of two epochs, as a dict of arrays."""
    fit(
        small_model(),
        EXAMPLES,
        valid,
        optimizer=OPTIMIZERS[optimizer](),
        epochs=2,
        checkpoint=path,
        progress=False,
        **SETTINGS,
    )
    with np.load(path) as archive:
        return dict(archive)


def resume(path, model, state, valid=EXAMPLES):
    resume_run(path, fingerprint(model, EXAMPLES, valid, state.optimizer, **SETTINGS), model, state)


def with_about(change):
    def changed(arrays):
        about = json.loads(str(arrays["about"]))
        change(about)
        arrays["about"] = np.array(json.dumps(about))

    return changed


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
@pytest.mark.parametrize("valid", [EXAMPLES, None])
def test_what_is_saved_can_be_resumed(tmp_path, optimizer, valid):
    arrays = interrupted(tmp_path / "run.npz", optimizer, valid)
    model, state = small_model(), Progress(OPTIMIZERS[optimizer](), np.random.default_rng(0))
    resume(tmp_path / "run.npz", model, state, valid)
    np.testing.assert_array_equal(model.params["table"], arrays["model/params/table"])
    assert state.optimizer.t == 6
    assert sum(map(len, state.optimizer.state.values())) == {"Adam": 2, "SGD": 0, "momentum": 1}[optimizer] * len(
        model.params
    )


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda arrays: arrays.pop("optimizer/m/table"), "optimizer/m/table is missing"),
        (lambda arrays: arrays.pop("optimizer/t"), "optimizer/t is missing"),
        (lambda arrays: arrays.update({"optimizer/m/tables": np.zeros(3)}), "optimizer/m/tables is not expected"),
        (
            lambda arrays: arrays.update({"optimizer/v/table": np.zeros((8, 3), "f4")}),
            r"optimizer/v/table is float32 \(8, 3\)",
        ),
        (
            lambda arrays: arrays.update({"optimizer/v/table": np.zeros((8, 2))}),
            r"optimizer/v/table is float64 \(8, 2\)",
        ),
        (lambda arrays: arrays.update({"optimizer/t": np.array(-1)}), "its optimizer is at step -1"),
        (lambda arrays: arrays.update({"optimizer/learning_rate": np.array(np.nan)}), "with the learning rate nan"),
        (lambda arrays: arrays.pop("best/params/table"), "best/params/table is missing"),
        (
            lambda arrays: arrays.update({"best/params/table": np.zeros((8, 3), "f4")}),
            r"best/params/table is float32 \(8, 3\)",
        ),
        (lambda arrays: arrays["best/params/table"].fill(np.inf), "params/table holds values that are not finite"),
        (lambda arrays: arrays.update({"best/params/tables": np.zeros(3)}), "best/params/tables is not expected"),
        (lambda arrays: [arrays.pop(name) for name in list(arrays) if "best" in name], "best epoch is missing"),
        (lambda arrays: arrays.pop("model/params/W0"), "model/params/W0 is missing"),
        (lambda arrays: arrays.update({"modle/params/W0": np.zeros(3)}), "modle/params/W0: not expected"),
        (lambda arrays: arrays.pop("about"), "there is no text 'about'"),
        (lambda arrays: arrays.update(about=np.array("[" * 100_000)), "it is nested too deeply"),
        (with_about(lambda about: about.pop("rng")), "it should say arithmetic, best_loss, .*, and nothing else"),
        (with_about(lambda about: about.update(rgn=about.pop("rng"))), "it should say arithmetic, best_loss"),
        (with_about(lambda about: about.update(run=[])), "it should say arithmetic, best_loss"),
        (
            with_about(lambda about: about["rng"].update(bit_generator="MT19937")),
            "the state of its generator is unusable",
        ),
        (with_about(lambda about: about["rng"]["state"].update(state="x")), "the state of its generator is unusable"),
        (
            with_about(lambda about: about["rng"]["state"].update(state=10**99)),
            "the state of its generator is unusable",
        ),
        (with_about(lambda about: about["history"].pop(0)), "its history is not one row of numbers per epoch"),
        (with_about(lambda about: about["history"][0].pop("train_loss")), "its history is not one row"),
        (with_about(lambda about: about["history"][1].update(valid_auc="0.5")), "its history is not one row"),
        (with_about(lambda about: about.update(best_loss=None)), "its best_loss is None"),
        (with_about(lambda about: about.update(best_loss=float("nan"))), "its best_loss is nan"),
        (with_about(lambda about: about.update(epochs_without_improvement=-1)), "epochs_without_improvement is -1"),
    ],
)
def test_a_checkpoint_with_wrong_contents_changes_nothing(tmp_path, change, message):
    arrays = interrupted(tmp_path / "run.npz")
    change(arrays)
    np.savez(tmp_path / "run.npz", **arrays)
    model, state = small_model(), Progress(Adam(0.01), np.random.default_rng(0))
    untouched = small_model().to_arrays()
    with pytest.raises(ValueError, match=rf"run\.npz is not a checkpoint of deepfm_np, or it is damaged: .*{message}"):
        resume(tmp_path / "run.npz", model, state)
    for name, array in model.to_arrays().items():
        np.testing.assert_array_equal(array, untouched[name])
    assert (state.optimizer.t, state.optimizer.state, state.history, state.best) == (0, {}, [], None)
    assert state.rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


@pytest.mark.parametrize(
    "change",
    [lambda about: about.pop("arithmetic"), lambda about: about.update(arithmetic=about["arithmetic"] - 1)],
)
def test_a_checkpoint_whose_run_would_not_end_in_the_same_bits_is_refused(tmp_path, change):
    arrays = interrupted(tmp_path / "run.npz")
    with_about(change)(arrays)
    np.savez(tmp_path / "run.npz", **arrays)
    with pytest.raises(ValueError, match="another version wrote it, and this one would not end in the same bits"):
        resume(tmp_path / "run.npz", small_model(), Progress(Adam(0.01), np.random.default_rng(0)))


def test_a_checkpoint_of_another_architecture_is_of_another_run(tmp_path):
    interrupted(tmp_path / "run.npz")
    other = DeepFM([4, 4], hidden=(3,), embedding_dim=2, batch_norm=True, products=["inner"])
    with pytest.raises(ValueError, match=r"another run: model products was \[\], is \['inner'\]; delete it"):
        resume(tmp_path / "run.npz", other, Progress(Adam(0.01), np.random.default_rng(0)))
