import platform

import pytest

from deepfm_np.system.memory import keep_freed_memory


def test_freed_memory_is_kept_where_the_c_library_is_glibc():
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the C library is not glibc")
    assert keep_freed_memory() is True
