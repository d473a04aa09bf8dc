"""Each field meets the sum of the *others*. Does it here?"""

import numpy as np

from deepfm_np.gradcheck import check_operation
from deepfm_np.ops import fm_forward


def my_fm_backward(grad_y, cache):
    _, m, _ = cache.vectors.shape
    total = np.repeat(cache.total[:, None, :], m, axis=1)
    return grad_y[:, None, None] * total


vectors = np.random.default_rng(0).standard_normal((5, 4, 3))
check_operation(fm_forward, my_fm_backward, {"vectors": vectors})
