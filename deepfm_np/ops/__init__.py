"""The mathematics of DeepFM: pairs of pure functions, each forward above its backward.

A forward returns its result and a cache, a named tuple of what the backward needs. Arrays keep the dtype they are
given: float32 when training, float64 when checking, complex128 under a complex step. The returned arrays belong to
the caller. A backward raises ValueError for a gradient of another shape than the result of its forward.
"""

from deepfm_np.ops.activation import (
    relu_backward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
    tanh_backward,
    tanh_forward,
)
from deepfm_np.ops.affine import affine_backward, affine_forward
from deepfm_np.ops.batch_norm import batch_norm_backward, batch_norm_forward
from deepfm_np.ops.dropout import dropout_backward, dropout_forward
from deepfm_np.ops.embedding import embedding_backward, embedding_forward, one_hot
from deepfm_np.ops.first_order import first_order_backward, first_order_forward
from deepfm_np.ops.fm import fm_backward, fm_forward
from deepfm_np.ops.l2 import l2_backward, l2_forward, l2_rows_backward, l2_rows_forward
from deepfm_np.ops.log_loss import log_loss_backward, log_loss_forward
from deepfm_np.ops.product import (
    inner_product_backward,
    inner_product_forward,
    outer_product_backward,
    outer_product_forward,
)
from deepfm_np.ops.rows import RowGradient, TouchedRows, touched_rows

__all__ = [
    "RowGradient",
    "TouchedRows",
    "affine_backward",
    "affine_forward",
    "batch_norm_backward",
    "batch_norm_forward",
    "dropout_backward",
    "dropout_forward",
    "embedding_backward",
    "embedding_forward",
    "first_order_backward",
    "first_order_forward",
    "fm_backward",
    "fm_forward",
    "inner_product_backward",
    "inner_product_forward",
    "l2_backward",
    "l2_forward",
    "l2_rows_backward",
    "l2_rows_forward",
    "log_loss_backward",
    "log_loss_forward",
    "one_hot",
    "outer_product_backward",
    "outer_product_forward",
    "relu_backward",
    "relu_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "tanh_backward",
    "tanh_forward",
    "touched_rows",
]
