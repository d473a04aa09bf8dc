import numpy as np
import pytest

from deepfm_np import DeepFM
from deepfm_np.gradcheck import check_loss
from deepfm_np.model import COMPONENTS
from deepfm_np.models import MODELS
from deepfm_np.ops import RowGradient, batch_norm_backward, batch_norm_forward, touched_rows
from deepfm_np.ops import batch_norm as bn
from deepfm_np.optim import SGD, Adam
from deepfm_np.system import parts as parts_module
from deepfm_np.system.parts import generators, side_by_side, split_batch, split_rows, whole
from deepfm_np.training import Examples, fit
from deepfm_np.verification import FIELD_DIMS, FIELD_STARTS, mixed_examples

IDS, VALUES, LABELS = mixed_examples(np.random.default_rng(0))
D = sum(FIELD_DIMS)
EVERYTHING = {"products": ("inner", "outer"), "shared_embedding": False}
EVERY_SETTING = [
    *COMPONENTS.values(),
    *(MODELS[name] for name in ("IPNN", "OPNN", "PNN*", "FM & DNN")),
    {"l2_embedding": 0.2, "l2_net": 0.1},
    {"batch_norm": True},
    {**EVERYTHING, "batch_norm": True, "l2_embedding": 0.2, "l2_table": 0.1},
]


def small_model(**settings):
    model = DeepFM(FIELD_DIMS, FIELD_STARTS, **{"embedding_dim": 3, "hidden": (6, 5), "dtype": "float64", **settings})
    rng = np.random.default_rng(1)
    for array in model.params.values():
        array += 0.3 * rng.standard_normal(array.shape)
    return model


@pytest.fixture
def split_into(monkeypatch):
    """Split every batch into as many parts as the test says, however small."""

    def into(count):
        monkeypatch.setattr("deepfm_np.model.split_batch", lambda n, work: split_rows(n, count))

    return into


def dense(gradient):
    return gradient.dense(D) if isinstance(gradient, RowGradient) else gradient


@pytest.mark.parametrize("count", [2, 3, 50])
@pytest.mark.parametrize("settings", EVERY_SETTING)
def test_the_parts_add_up_to_the_whole_batch(settings, count, split_into):
    model, split_model = small_model(**settings), small_model(**settings)
    loss, grads = model.loss_and_grads(IDS, VALUES, LABELS)
    split_into(count)
    split_loss, split_grads = split_model.loss_and_grads(IDS, VALUES, LABELS)
    assert split_loss == pytest.approx(loss, rel=1e-14)
    for name, gradient in grads.items():
        scale = max(np.abs(dense(gradient)).max(), 1e-3)  # with batch norm the biases before it have none
        np.testing.assert_allclose(dense(split_grads[name]), dense(gradient), rtol=0, atol=1e-13 * scale)
    for name, array in model.running.items():
        np.testing.assert_allclose(split_model.running[name], array, rtol=1e-13)


@pytest.mark.parametrize(
    "settings", [{"dropout": 0.3}, {"dropout": 0.5, "batch_norm": True}, {"dropout": 0.4, **EVERYTHING}]
)
def test_the_gradient_of_a_split_batch_passes_the_check(settings, split_into):
    split_into(3)
    model = small_model(**settings)
    report = check_loss(
        lambda params: model.loss_and_grads(IDS, VALUES, LABELS, np.random.default_rng(3), params=params),
        model.params,
        slots=(IDS, VALUES),
    )
    report.raise_if_failed()


@pytest.mark.parametrize(
    "settings", [{"activation": "sigmoid"}, {"activation": "relu"}, {"activation": "tanh"}, EVERYTHING]
)
def test_training_has_the_same_bits_with_one_two_and_four_threads(settings):
    rng = np.random.default_rng(0)
    n, dims = 4096 + 700, (50, 1, 30)
    ids = np.column_stack([rng.integers(50, size=n), np.full(n, 50), 51 + rng.integers(30, size=n)])
    values = np.column_stack([np.ones(n), rng.standard_normal(n), np.ones(n)])
    examples = Examples(ids, values, (rng.random(n) < 0.3).astype(int))
    bits = []
    for threads in (1, 2, 4, None):
        model = DeepFM(dims, hidden=(160, 160), batch_norm=True, l2_net=1e-5, l2_embedding=1e-5, **settings)
        assert len(split_batch(4096, model.architecture.work)) == 4
        history = fit(model, examples, examples, epochs=2, batch_size=4096, threads=threads, progress=False)
        bits.append({**model.to_arrays(), "history": history.to_numpy()})
    for other in bits[1:]:
        for name, array in bits[0].items():
            np.testing.assert_array_equal(other[name], array, err_msg=name)


def test_the_number_of_parts_follows_from_rows_and_work_alone():
    sizes = {(n, work): len(split_batch(n, work)) for n in (0, 255, 256, 2047, 3072, 100_000) for work in (10, 10**6)}
    assert all(sizes[n, 10] == 1 for n in (0, 255, 256, 2047, 3072))
    assert [sizes[n, 10**6] for n in (0, 255, 256, 2047, 3072, 100_000)] == [1, 1, 2, 2, 3, parts_module.MOST_PARTS]


def test_each_part_has_dropout_masks_of_its_own_and_the_same_seed_the_same_bits(split_into):
    model = small_model(dropout=0.5)
    split_into(2)
    twice = np.concatenate([IDS, IDS]), np.concatenate([VALUES, VALUES]), np.concatenate([LABELS, LABELS])
    losses = [model.loss_and_grads(*twice, np.random.default_rng(s))[0] for s in (3, 3, 4)]
    first, second = (rng.random(5) for rng in generators(np.random.default_rng(3), 2))
    assert losses[0] == losses[1] != losses[2]
    assert (first != second).all()


def test_a_single_part_has_the_generator_it_is_given():
    rng = np.random.default_rng(0)
    assert generators(rng, 1) == [rng]
    assert generators(None, 3) == [None] * 3


@pytest.mark.parametrize("threads", [1, 2])
def test_parts_that_meet_get_what_all_have_found_in_order(threads):
    def part(number):
        everyone = yield number
        squares = yield sum(everyone) ** number
        return everyone, squares

    assert side_by_side([part(1), part(2), part(3)], threads) == [([1, 2, 3], [6, 36, 216])] * 3
    assert whole(part(5)) == ([5], [5**5])


def test_batch_norm_in_parts_equals_batch_norm_of_the_whole():
    rng = np.random.default_rng(0)
    x, grad_y = rng.standard_normal((2, 40, 3))
    x = 100 + x * [1, 1e-3, 10]
    gamma, beta, running = rng.standard_normal(3), rng.standard_normal(3), (np.zeros(3), np.ones(3))
    y, cache = batch_norm_forward(x, gamma, beta, running, training=True)
    split = split_rows(40, 3)
    batch = bn.pooled([bn.moments(x[rows]) for rows in split])
    parts = [bn.normalize(x[rows], gamma, beta, running, batch) for rows in split]
    np.testing.assert_allclose(np.concatenate([y for y, _ in parts]), y, rtol=1e-10)
    own = [bn.scale_and_shift_backward(grad_y[rows], c) for rows, (_, c) in zip(split, parts, strict=True)]
    sums = [sum(grads) for grads in zip(*own, strict=True)]
    grad_x = [bn.normalize_backward(grad_y[rows], c, *sums) for rows, (_, c) in zip(split, parts, strict=True)]
    for found, expected in zip((np.concatenate(grad_x), *sums), batch_norm_backward(grad_y, cache), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("n", [0, 1, 5, len(IDS)])
@pytest.mark.parametrize("settings", [*EVERY_SETTING, {"activation": "relu"}, {"deep_output": "sigmoid"}])
def test_logits_in_parts_are_those_of_a_forward_pass_with_caches(n, settings, monkeypatch):
    monkeypatch.setattr("deepfm_np.model.PREDICTION_ROWS", 4)
    model = small_model(**settings)
    found = [model.logits(IDS[:n], VALUES[:n], threads) for threads in (1, 2)]
    expected, _ = whole(model.architecture.forward_part(model.params, model.running, IDS[:n], VALUES[:n]))
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], expected, rtol=1e-13)


@pytest.mark.parametrize("rows", [len(IDS) - 1, len(IDS) + 1])
def test_labels_of_another_number_than_the_rows_are_refused(rows):
    with pytest.raises(ValueError, match=f"one for each of {len(IDS)} rows of ids; they are .{rows},"):
        small_model().loss_and_grads(IDS, VALUES, np.resize(LABELS, rows))


def test_a_logit_that_overflows_in_a_thread_is_named_by_its_row(monkeypatch):
    monkeypatch.setattr("deepfm_np.model.PREDICTION_ROWS", 2)
    model = DeepFM([3, 3], deep=False)
    model.params["table"][5] = 1e30
    model.params["table"][0] = 1e30
    ids = np.array([[1, 4], [1, 4], [1, 4], [0, 5]])
    with pytest.raises(FloatingPointError, match="row 3 has the logit nan"):
        model.logits(ids, np.ones((4, 2)), threads=2)


@pytest.mark.parametrize("optimizer", [lambda: Adam(0.1), lambda: SGD(0.1, 0.9)])
def test_parameters_updated_in_pieces_get_the_same_bits(optimizer, monkeypatch):
    monkeypatch.setattr("deepfm_np.optim.LEAST_ENTRIES", 1)
    models, optimizers = [small_model(), small_model()], [optimizer(), optimizer()]
    for _ in range(5):
        _, grads = models[0].loss_and_grads(IDS, VALUES, LABELS)
        for model, one, threads, piece in zip(models, optimizers, (1, 3), (2**14, 7), strict=True):
            monkeypatch.setattr("deepfm_np.optim.PIECE", piece)
            one.step(model.params, grads, threads)
    for name, array in models[0].params.items():
        np.testing.assert_array_equal(models[1].params[name], array)


def test_the_slots_of_some_examples_keep_their_places_among_the_rows_of_all():
    ids = np.array([[0, 7], [3, 7], [9, 9], [7, 1]])
    values = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 2.0], [0.0, 1.0]])  # rows 0, 7 | 3 | 9, 9 | 1
    part = touched_rows(ids, values).part(slice(1, 3))
    np.testing.assert_array_equal(part.rows, [0, 1, 3, 7, 9])
    np.testing.assert_array_equal(part.used, [[True, False], [True, True]])
    np.testing.assert_array_equal(part.position, [2, 4, 4])


def test_parts_cover_all_rows_in_order_and_none_is_empty():
    for n, count in ((10, 3), (2, 3), (1, 4), (4096, 2)):
        parts = split_rows(n, count)
        assert [row for part in parts for row in range(part.start, part.stop)] == list(range(n))
        assert len(parts) == min(n, count) and all(part.stop > part.start for part in parts)
