import os
import subprocess
import sys
from threading import get_ident

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from deepfm_np import DeepFM
from deepfm_np.gradcheck import check_loss
from deepfm_np.model import COMPONENTS
from deepfm_np.ops import RowGradient, touched_rows
from deepfm_np.optim import SGD, Adam
from deepfm_np.system.threads import map_parts, one_blas_thread, parallel_map, split_rows
from deepfm_np.verification import FIELD_DIMS, FIELD_STARTS, mixed_examples

IDS, VALUES, LABELS = mixed_examples(np.random.default_rng(0))
D = sum(FIELD_DIMS)


def small_model(**settings):
    model = DeepFM(FIELD_DIMS, FIELD_STARTS, **{"embedding_dim": 3, "hidden": (6, 5), "dtype": "float64", **settings})
    rng = np.random.default_rng(1)
    for array in model.params.values():
        array += 0.3 * rng.standard_normal(array.shape)
    return model


def dense(gradient):
    return gradient.dense(D) if isinstance(gradient, RowGradient) else gradient


@pytest.mark.parametrize("threads", [2, 3, 50])
@pytest.mark.parametrize("settings", [*COMPONENTS.values(), {"l2_embedding": 0.2, "l2_net": 0.1}])
def test_the_parts_add_up_to_the_whole_batch(settings, threads):
    model = small_model(**settings)
    loss, grads = model.loss_and_grads(IDS, VALUES, LABELS)
    split_loss, split_grads = model.loss_and_grads(IDS, VALUES, LABELS, threads=threads)
    assert split_loss == pytest.approx(loss, rel=1e-14)
    for name, gradient in grads.items():
        scale = np.abs(dense(gradient)).max()
        np.testing.assert_allclose(dense(split_grads[name]), dense(gradient), rtol=0, atol=1e-13 * scale)


def test_the_gradient_of_a_split_batch_with_dropout_passes_the_check():
    model = small_model(dropout=0.3)
    report = check_loss(
        lambda params: model.loss_and_grads(IDS, VALUES, LABELS, np.random.default_rng(3), params=params, threads=2),
        model.params,
        slots=(IDS, VALUES),
    )
    report.raise_if_failed()


def test_each_part_has_dropout_masks_of_its_own_and_the_same_seed_the_same_bits():
    model = small_model(dropout=0.5)
    twice = np.concatenate([IDS, IDS]), np.concatenate([VALUES, VALUES]), np.concatenate([LABELS, LABELS])
    losses = [model.loss_and_grads(*twice, np.random.default_rng(s), threads=2)[0] for s in (3, 3, 4)]
    first, second = map_parts(lambda _, rng: rng.random(5), 2, np.random.default_rng(3), threads=2)
    assert losses[0] == losses[1] != losses[2]
    assert (first != second).all()


def test_with_one_thread_the_whole_batch_has_the_generator_it_is_given():
    rng = np.random.default_rng(0)
    assert map_parts(lambda *part: part, 7, rng, threads=1) == [(slice(0, 7), rng)]


def test_batch_norm_in_training_is_refused():
    model = small_model(batch_norm=True)
    with pytest.raises(ValueError, match="batch norm needs the whole batch"):
        model.loss_and_grads(IDS, VALUES, LABELS, threads=2)


def test_with_running_statistics_batch_norm_can_be_split():
    model = small_model(batch_norm=True)
    loss, _ = model.loss_and_grads(IDS, VALUES, LABELS, training=False)
    split_loss, _ = model.loss_and_grads(IDS, VALUES, LABELS, training=False, threads=2)
    assert split_loss == pytest.approx(loss, rel=1e-14)


@pytest.mark.parametrize("n", [0, 1, 5, len(IDS)])
def test_logits_are_the_same(n):
    model = small_model()
    split = model.logits(IDS[:n], VALUES[:n], threads=2)
    np.testing.assert_allclose(split, model.logits(IDS[:n], VALUES[:n]), rtol=1e-13)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("rows", [len(IDS) - 1, len(IDS) + 1])
def test_labels_of_another_number_than_the_rows_are_refused(rows, threads):
    with pytest.raises(ValueError, match=f"one for each of {len(IDS)} rows of ids; they are .{rows},"):
        small_model().loss_and_grads(IDS, VALUES, np.resize(LABELS, rows), threads=threads)


def test_a_logit_that_overflows_in_a_thread_is_named_by_its_row():
    model = DeepFM([3, 3], deep=False)
    model.params["table"][5] = 1e30
    model.params["table"][0] = 1e30
    ids = np.array([[1, 4], [1, 4], [1, 4], [0, 5]])
    with pytest.raises(FloatingPointError, match="row 3 has the logit nan"):
        model.logits(ids, np.ones((4, 2)), threads=2)


@pytest.mark.parametrize("optimizer", [lambda: Adam(0.1), lambda: SGD(0.1, 0.9)])
def test_parameters_updated_at_once_get_the_same_bits(optimizer):
    models, optimizers = [small_model(), small_model()], [optimizer(), optimizer()]
    for _ in range(5):
        _, grads = models[0].loss_and_grads(IDS, VALUES, LABELS)
        for model, one, threads in zip(models, optimizers, (1, 3), strict=True):
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


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.fixture
def two_blas_threads():
    with threadpool_limits(2, user_api="blas"):
        if set(blas_threads()) != {2}:
            pytest.skip("NumPy has no BLAS whose threads can be counted")
        yield


def test_blas_keeps_to_one_thread_while_threads_work_and_is_as_before_after_an_error(two_blas_threads):
    seen = []

    def work(item):
        seen.append(set(blas_threads()))
        raise KeyError(item)

    with pytest.raises(KeyError):
        parallel_map(work, [0, 1], threads=2)
    assert seen and all(threads == {1} for threads in seen)
    assert set(blas_threads()) == {2}


def test_blas_is_held_back_until_the_last_of_several_uses_has_ended(two_blas_threads):
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(blas_threads()) == {1}
    second.__exit__(None, None, None)
    assert set(blas_threads()) == {2}


def test_one_thread_is_the_one_that_calls_and_leaves_blas_alone(two_blas_threads):
    assert parallel_map(lambda _: (get_ident(), *set(blas_threads())), [0], threads=1) == [(get_ident(), 2)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_has_threads_of_its_own():
    code = """if True:
        import os
        from deepfm_np.system.threads import parallel_map
        assert parallel_map(str, [1, 2], threads=2) == ["1", "2"]
        child = os.fork()
        if child == 0:
            os._exit(0 if parallel_map(str, [3, 4], threads=2) == ["3", "4"] else 1)
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=120).returncode == 0


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2", None])
def test_a_count_that_is_no_number_of_threads_is_refused(threads):
    with pytest.raises(ValueError, match="threads must be a positive integer of at most 1024, got"):
        parallel_map(str, [1], threads=threads)
