"""Exercise 10: the pair term and the loss have weights."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    return {"p": deal(tenths(1.2, 7.0)), "s": deal(tenths(1.2, 7.5))} | {"buy": deal(tenths(1.2, 7.0))}


EDITS = {
    "10.1": [
        (r"+ \sum_{i<j} \langle V_i, V_j \rangle +", r"+ «p» \sum_{i<j} \langle V_i, V_j \rangle +"),
        ('params["bias"] + first + pairs + deep[:, 0]', 'params["bias"] + first + «p» * pairs + deep[:, 0]'),
        (
            'equal("logits where only the table is not 0", logits, pairs)',
            'equal("logits where only the table is not 0", logits, «p» * pairs)',
        ),
        (
            "[-0.5 + 0.75 - 2 + 1, -0.5 + 0.0 + 4 + 2, -0.5 + 0.5 + 0 + 2]",
            "[-0.5 + 0.75 - 2 * «p» + 1, -0.5 + 0.0 + 4 * «p» + 2, -0.5 + 0.5 + 0 + 2]",
        ),
        ("small_deepfm.library_logits(params, ids, values)", "small_deepfm.library_logits(params, ids, values, «p»)"),
    ],
    "10.2": [
        (
            "It returns the mean log loss and a dict",
            "It returns «s» times the mean log loss (these examples stand for more than themselves) and a dict",
        ),
        ("`ops.log_loss_backward(1.0, cache)`, which gives", "`ops.log_loss_backward(«s», cache)`, which gives"),
        (
            "`grad_logits` arrives at all four terms.",
            "`grad_logits` arrives at all four terms, at the pairs with their factor.",
        ),
        (r"\mathtt{fm\_backward}(g)", r"\mathtt{fm\_backward}(«p» g)"),
        ("log_loss_backward(1.0, loss_cache)", "log_loss_backward(«s», loss_cache)"),
        ("ops.fm_backward(grad_logits, fm_cache)", "ops.fm_backward(«p» * grad_logits, fm_cache)"),
        ("return loss, grads", "return «s» * loss, grads"),
        ("loss, np.log(2.0))", "loss, «s» * np.log(2.0))"),
        ("np.log(1 + np.exp(1.5)) - 0.75)", "«s» * (np.log(1 + np.exp(1.5)) - 0.75))"),
        ('"weights"])', '"weights"], «p», «s»)'),
        ('"b0"])', '"b0"], «p», «s»)'),
        ('["table"])', '["table"], «p», «s»)'),
    ],
    "10.3": [
        ("L = L_{\\mathrm{click}} + L_{\\mathrm{buy}}", "L = L_{\\mathrm{click}} + «buy» L_{\\mathrm{buy}}"),
        ("are added there, and go", "are added there, the second «buy» times, and go"),
        ("grad_buys = ops.log_loss_backward(1.0, buy_cache)", "grad_buys = ops.log_loss_backward(«buy», buy_cache)"),
        ("return click_loss + buy_loss", "return click_loss + «buy» * buy_loss"),
        ("- click * z[0] + (np.log", "- click * z[0] + «buy» * (np.log"),
    ],
}
