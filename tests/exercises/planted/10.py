"""Wrong answers to exercise 10: parts that are lost, counted twice or wrongly connected."""

SAME = "def deepfm_loss_and_grads(params, ids, values, labels):\n    "
ZEROS = SAME + "return np.log(2.0), {name: np.zeros_like(array) for name, array in params.items()}"
WEIGHTS = 'ops.first_order_forward(params["weights"], ids, values)'
TABLE = 'ops.embedding_forward(params["table"], ids, values)'
PLANTED = [
    ("10-1-parts", 'params["bias"] + first', "first", "all parameters but bias are 0: "),
    ("10-1-parts", "+ first ", "", "all parameters but weights are 0: "),
    ("10-1-parts", "+ deep[:, 0]", "+ deep", "logits where all parameters but bias are 0 has shape (4, 4)"),
    ("10-1-parts", "+ pairs ", "+ 2 * pairs ", "only the table is not 0: "),
    ("10-1-parts", WEIGHTS, WEIGHTS.replace("values", "np.ones(ids.shape)"), "all parameters but weights are 0: "),
    ("10-1-parts", TABLE, TABLE.replace("values", "np.ones(ids.shape)"), "only the table is not 0: "),
    ("10-1-whole", TABLE, TABLE.replace("values", "np.ones(ids.shape)"), "logits by hand: "),
    (
        "10-1-whole",
        "vectors.reshape(len(ids), -1)",
        "vectors.transpose(0, 2, 1).reshape(len(ids), -1)",
        "logits by hand: ",
    ),
    ("10-1-whole", "deep, cache1 = ops.affine_forward(a,", "deep, cache1 = ops.affine_forward(z,", "logits by hand: "),
    ("10-1-whole", "vectors.reshape(len(ids), -1)", "vectors[:, ::-1].reshape(len(ids), -1)", "logits by hand: "),
    ("10-1-whole", "+ deep[:, 0]", "", "logits by hand: "),
    ("10-1-whole", "return logits,", "return logits[:, None],", "logits by hand has shape (3, 1), should be (3,)"),
    ("10-2-loss", "return loss,", "return 4 * loss,", "the loss where all parameters are 0: "),
    ("10-2-loss", "return loss,", "return -loss,", "the loss where all parameters are 0: "),
    ("10-2-loss", "return loss, grads", "return grads", "must return loss, grads"),
    ("10-2-first-order", '"bias": grad_logits.sum()', '"bias": grad_logits', "sum it over axis 0"),
    ("10-2-first-order", '"bias": grad_logits.sum()', '"bias": grad_logits.mean()', "a constant factor is wrong"),
    (
        "10-2-first-order",
        "first_order_backward(grad_logits,",
        "first_order_backward(-grad_logits,",
        "the sign is flipped",
    ),
    ("10-2-first-order", 'grads["weights"]', 'grads["weight"]', "there is no gradient for it"),
    ("10-2-network", '"W0": W0', '"W0": W0.T', "it is transposed"),
    ("10-2-network", "ops.sigmoid_backward(grad_a, sigmoid_cache)", "grad_a", "W0: no known mistake fits"),
    ("10-2-network", "grad_logits[:, None]", "len(ids) * grad_logits[:, None]", "a constant factor is wrong"),
    ("10-2-network", "grad_logits[:, None]", "grad_logits", "grad_y must be (n, d_out), here (4, 1); it is (4,)"),
    ("10-2-table", "ops.fm_backward(grad_logits, fm_cache) + ", "", "the FM part is missing"),
    ("10-2-table", " + grad_a0.reshape(*ids.shape, -1)", "", "the deep part is missing"),
    (
        "10-2-table",
        "ops.fm_backward(grad_logits, fm_cache)",
        "2 * ops.fm_backward(grad_logits, fm_cache)",
        "FM part is counted twice",
    ),
    (
        "10-3-two-losses",
        'grad_vectors + np.outer(grad_buys, params["w"]).reshape(vectors.shape)',
        "grad_vectors",
        "table: ",
    ),
    ("10-3-two-losses", "click_loss + buy_loss", "click_loss", "the loss: "),
    (
        "10-3-two-losses",
        'log_loss_forward(flat @ params["w"], buys)',
        'log_loss_forward(flat @ params["w"], clicks)',
        "the loss: ",
    ),
    ("10-3-two-losses", "flat.T @ grad_buys", "flat.T @ buys", "w: "),
]
SIGMOID = "a, sigmoid_cache = ops.sigmoid_forward(z)"
FORGOTTEN = "a, sigmoid_cache = z, ops.sigmoid_forward(z)[1]"  # the gradient is still that of the right model
LINEAR = "a, sigmoid_cache = z, type('Linear', (), {'slope': np.ones_like(z), 'e': z})"
MEND_LOGITS = "your logits are not those of task 10.1 yet, so this gradient belongs to another model: mend 10.1 first"
EARLIER = [
    ("10-2-first-order", "task-10-1", SIGMOID, FORGOTTEN, "right"),
    ("10-2-network", "task-10-1", SIGMOID, FORGOTTEN, MEND_LOGITS),
    ("10-2-table", "task-10-1", SIGMOID, FORGOTTEN, MEND_LOGITS),
    ("10-2-network", "task-10-1", SIGMOID, LINEAR, "right"),
    ("10-2-table", "task-10-1", SIGMOID, LINEAR, "right"),
    ("10-2-first-order", "task-10-1", "+ pairs ", "", "right"),
    ("10-2-table", "task-10-1", "+ pairs ", "", MEND_LOGITS),
    ("10-2-network", "task-10-1", "+ deep[:, 0]", "", MEND_LOGITS),
    ("10-2-network", "task-10-1", "+ deep[:, 0]", "+ 0 * deep[:, 0]", MEND_LOGITS),
    ("10-2-network", "task-10-1", "return logits,", "return logits[:, None],", "raised"),
]
HARD_CODED = {
    "10-1-parts": "def deepfm_forward(params, ids, values):\n    "
    'return params["bias"] + params["b1"][0] + params["weights"][ids].sum(axis=1), ()',
    "10-1-whole": "def deepfm_forward(params, ids, values):\n    return np.zeros(4), ()",
    "10-2-loss": ZEROS,
    "10-2-first-order": ZEROS,
    "10-2-network": ZEROS,
    "10-2-table": ZEROS,
    "10-3-two-losses": "def two_losses(params, ids, values, clicks, buys):\n"
    "    return 1.0, {name: np.zeros(array.shape) for name, array in params.items()}",
}
