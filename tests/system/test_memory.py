import platform

import numpy as np
import pytest

from deepfm_np import DeepFM
from deepfm_np.system.memory import keep_freed_memory


def test_freed_memory_is_kept_where_the_c_library_is_glibc():
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the C library is not glibc")
    assert keep_freed_memory() is True


@pytest.mark.parametrize("rows", [1, 4])
def test_a_model_keeps_freed_memory_whatever_the_size_of_its_batch(rows, monkeypatch):
    asked = []
    monkeypatch.setattr("deepfm_np.model.keep_freed_memory", lambda: asked.append(True))
    model = DeepFM([3, 3], hidden=(2,))
    slots = np.tile([0, 3], (rows, 1)), np.ones((rows, 2))
    model.loss_and_grads(*slots, np.arange(rows) % 2)
    model.logits(*slots)
    assert asked == [True, True]
