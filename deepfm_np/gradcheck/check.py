"""Is this derivative right? The analytic gradient against a numeric one, with one verdict per tensor.

An entry's relative error is |a - n| / max(|a|, |n|, s), with a the analytic and n the numeric derivative and s the
largest |n| of the tensor: an entry that cancels to nearly nothing is measured against its tensor.

The work is done elsewhere: `arguments` reads what is given, `calls` runs the functions, `claim` reads the gradient,
`numeric` differentiates, `fast` does so along a few directions, `judge` decides, `diagnose` names the mistake from the
`evidence`, `report` tells.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from deepfm_np.gradcheck.arguments import as_slots, copied, require_floating, require_method, to_differentiate
from deepfm_np.gradcheck.calls import CallError, call, kept, nearby, paired, require_real, require_same, same, two
from deepfm_np.gradcheck.claim import Array, find_slots, held, not_finite
from deepfm_np.gradcheck.evidence import Operation
from deepfm_np.gradcheck.examine import NO_DERIVATIVE, Examination
from deepfm_np.gradcheck.report import Report, Result

NOT_DETERMINISTIC = (
    "forward gave two values at one point, so nothing was compared. It is not deterministic: freeze the mask "
    "(let forward draw it from a generator that is made anew, with a fixed seed, in every call)"
)
OVERWRITTEN = "a gradient that was returned is overwritten by a later call: return a new array"
Y = "the output y"
CHANGES_CACHE = "backward changes its cache: called again, it gives another gradient"
NOT_ITS_CACHE = "backward gives another gradient after a later call: it reads what is not in its own cache"


def check_operation(
    forward: Callable,
    backward: Callable,
    inputs: Mapping[str, Array],
    wrt: str | Sequence[str] | None = None,
    method: str = "complex",
    seed: int = 0,
    slots: tuple[Array, Array] | None = None,
    fast: bool = False,
) -> Report:
    """Check the backward pass of an operation at one point.

    forward: called with the inputs in order, returns (y, cache), y an array or a scalar.
    backward: called with (grad_y, cache), returns one gradient per name in `wrt`, in that order; a single one may be
        bare. A gradient is an array of the input's shape or has `.rows` and `.values` (touched rows of a table).
    inputs: name -> array, in call order.  wrt: the names to differentiate, by default all floating inputs.
    method: "complex"; "central", "forward" or "richardson" differences for a forward that is not analytic; "auto" takes
        the complex step where it can and central differences where it must.
    seed: of the random output weights.
    slots: (ids, values), both (n, s), the rows of a table that each example touches; by default the inputs of these
        names. With them, rows touched once, repeatedly, and by padding alone are told apart.
    fast: check random directions of each tensor, not every entry; where one fails, the wrong entries are searched for.

    y is reduced to the scalar sum(weights * y) with Gaussian weights, so that every entry of y counts. Gradients are
    taken in the dtype of the inputs; the numeric side always works in double precision. Both functions are also called
    at a point nearby, before and after, to see that each call stands alone.
    Raises ValueError or TypeError for arguments with which nothing can be checked. What forward or backward return of
    the wrong kind, shape or number is a failed verdict with a hint, not an exception; what they raise themselves passes
    through.
    """
    require_method(method, fast)
    inputs = copied("inputs", inputs)
    wrt = to_differentiate(wrt, inputs)
    slots = find_slots(inputs) if slots is None else as_slots(slots, inputs)
    elsewhere = nearby(inputs, wrt)
    rng = _own_stream(seed)

    def run(point: Mapping[str, Array]) -> tuple:
        y, cache = two("forward", "(y, cache)", call("forward", forward, point))
        require_real(Y, y)
        return y, cache

    def gradients(y: Array, cache) -> list:
        y = np.asarray(y)
        if y.shape != weights.shape:
            raise CallError("shape", f"y has shape {y.shape} here, {weights.shape} nearby: values must not change it")
        grad_y = weights.astype(y.dtype if y.dtype.kind == "f" else float)
        return paired(call("backward", lambda g: backward(g[()], cache), {"grad_y": grad_y}), wrt)

    try:
        y, cache = run(elsewhere)
        weights = rng.standard_normal(np.shape(y))
        claims_elsewhere = kept(gradients(y, cache))
        y = np.array(run(inputs)[0])
        if not same(y, run(inputs)[0]):
            return Report.of_all(Result.inconclusive, inputs, wrt, NOT_DETERMINISTIC, method)
        if unfit := not_finite(Y, y):
            return Report.of_all(Result.inconclusive, inputs, wrt, unfit + NO_DERIVATIVE, method)
        cache = run(inputs)[1]
        returned = gradients(y, cache)
        claims = kept(returned)
        require_same(CHANGES_CACHE, gradients(y, cache), claims)
        gradients(*run(elsewhere))
        require_same(OVERWRITTEN, returned, claims)
        require_same(NOT_ITS_CACHE, gradients(y, cache), claims)
    except CallError as error:
        return Report.of_all(Result.failed, inputs, wrt, str(error), method, error.rule)
    return Examination(
        function=lambda point: (weights * forward(*point.values())[0]).sum(),
        point=inputs,
        claims=dict(zip(wrt, claims, strict=True)),
        size=float(np.abs(weights * y).sum()),
        method=method,
        fast=fast,
        rng=rng,
        slots=slots,
        claims_at=lambda point: gradients(*forward(*point.values())),
        elsewhere=(elsewhere, dict(zip(wrt, claims_elsewhere, strict=True))),
        operation=Operation(forward, inputs, np.asarray(y), weights),
    ).report()


def check_loss(
    loss_and_grads: Callable[[Mapping[str, Array]], tuple],
    params: Mapping[str, Array],
    method: str = "complex",
    seed: int = 0,
    slots: tuple[Array, Array] | None = None,
    terms: Mapping[str, Mapping[str, Array]] | None = None,
    fast: bool = False,
) -> Report:
    """Check the gradient of a loss for every parameter.

    loss_and_grads: called with a dict like `params`, returns (loss, grads), grads a dict name -> array or row
        gradient with one entry for each parameter. Under the complex step one array of the dict is complex.
    params: name -> floating array.  method, fast: as in `check_operation`.  seed: of sampled rows and directions.
    slots: (ids, values), both (n, s), the rows that each example touches in the tables, whose gradients are of rows.
    terms: name -> label -> array or row gradient, parts that a gradient is the sum of; a missing one is named.

    Raises ValueError or TypeError for arguments with which nothing can be checked. A missing gradient, or anything else
    of the wrong kind that loss_and_grads returns, is a failed verdict.
    """
    require_method(method, fast)
    params = copied("params", params)
    require_floating(params)
    slots = None if slots is None else as_slots(slots, params)
    elsewhere = nearby(params, params)

    def run(point: Mapping[str, Array]) -> tuple:
        def of_arrays(*arrays: Array):
            return loss_and_grads(dict(zip(point, arrays, strict=True)))

        loss, grads = two("loss_and_grads", "(loss, grads)", call("loss_and_grads", of_arrays, point))
        require_real("the loss", loss)
        if np.ndim(loss):
            raise CallError("shape", f"the loss must be one number; it has shape {np.shape(loss)}")
        if not isinstance(grads, Mapping):
            raise CallError("shape", f"grads must be a dict, name -> gradient; it {held(grads)}")
        return loss, [grads.get(name) for name in params]

    try:
        claims_elsewhere = kept(run(elsewhere)[1])
        loss, returned = run(params)
        if not same(loss, run(params)[0]):
            return Report.of_all(Result.inconclusive, params, params, NOT_DETERMINISTIC, method)
        if unfit := not_finite("the loss", np.asarray(loss)):
            return Report.of_all(Result.inconclusive, params, params, unfit + NO_DERIVATIVE, method)
        loss, returned = run(params)
        claims = kept(returned)
        run(elsewhere)
        require_same(OVERWRITTEN, returned, claims)
    except CallError as error:
        return Report.of_all(Result.failed, params, params, str(error), method, error.rule)
    return Examination(
        function=lambda point: loss_and_grads(dict(point))[0],  # it may put other arrays into the dict it is given
        point=params,
        claims=dict(zip(params, claims, strict=True)),
        size=abs(float(loss)),
        method=method,
        fast=fast,
        rng=_own_stream(seed),
        slots=slots,
        claims_at=lambda point: run(point)[1],
        elsewhere=(elsewhere, dict(zip(params, claims_elsewhere, strict=True))),
        terms=terms,
    ).report()


def _own_stream(seed: int) -> np.random.Generator:
    """Not default_rng(seed): inputs drawn from it would equal the output weights, and x^T grad_y be symmetric."""
    return np.random.default_rng((seed, 1))
