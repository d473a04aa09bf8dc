"""A DeepFM with a network of one layer. Two parts read the vectors, and two gradients come back to them."""

import numpy as np

from deepfm_np import ops
from deepfm_np.gradcheck import check_loss

rng = np.random.default_rng(0)
ids = np.array([[0, 3], [1, 4], [2, 3], [0, 4]])
values = np.ones((4, 2))
labels = np.array([1, 0, 0, 1])
params = {
    "table": rng.standard_normal((5, 3)),
    "W": rng.standard_normal((6, 1)),
    "b": np.zeros(1),
}


def loss_and_grads(params):
    vectors, embedding = ops.embedding_forward(params["table"], ids, values)
    y_fm, fm = ops.fm_forward(vectors)
    y_deep, layer = ops.affine_forward(vectors.reshape(4, 6), params["W"], params["b"])
    loss, cache = ops.log_loss_forward(y_fm + y_deep[:, 0], labels)

    grad_y = ops.log_loss_backward(1.0, cache)
    grad_a, grad_W, grad_b = ops.affine_backward(grad_y[:, None], layer)
    from_pairs = ops.fm_backward(grad_y, fm)
    from_network = grad_a.reshape(4, 2, 3)
    grad_vectors = (from_pairs + from_network) / 2  # the mean of both
    grad_table = ops.embedding_backward(grad_vectors, embedding)
    return loss, {"table": grad_table, "W": grad_W, "b": grad_b}


check_loss(loss_and_grads, params)
