import os
import subprocess
import sys
from threading import Thread, get_ident

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from deepfm_np.system import threads
from deepfm_np.system.threads import one_blas_thread, parallel_map, thread_count


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


def test_none_is_one_thread_for_each_core():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert thread_count(None) == cores
    assert thread_count(3) == 3


def test_calls_within_calls_do_not_wait_for_each_other():
    def inner(_):
        return parallel_map(str, [1, 2, 3], threads=2)

    assert parallel_map(inner, [1, 2, 3, 4], threads=2) == [["1", "2", "3"]] * 4


def test_the_results_are_in_the_order_of_the_calls():
    assert parallel_map(pow, range(50), [2] * 50, threads=3) == [number**2 for number in range(50)]


@pytest.fixture
def no_threads(monkeypatch):
    """As in a browser: a thread cannot be started, and there is no threadpoolctl."""

    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", start)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    for cached in (threads._can_start, threads._controller, threads._pool):
        cached.cache_clear()
    yield
    threads._can_start.cache_clear()


def test_without_threads_the_one_that_calls_does_everything(no_threads):
    assert thread_count(None) == thread_count(4) == 1
    assert parallel_map(lambda _: get_ident(), [0, 1, 2], threads=4) == [get_ident()] * 3
    with one_blas_thread():
        pass


def test_without_threads_a_wrong_count_is_refused_all_the_same(no_threads):
    with pytest.raises(ValueError, match="threads must be a positive integer"):
        thread_count(0)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_a_count_that_is_no_number_of_threads_is_refused(threads):
    with pytest.raises(ValueError, match="threads must be a positive integer of at most 1024, got"):
        parallel_map(str, [1], threads=threads)
