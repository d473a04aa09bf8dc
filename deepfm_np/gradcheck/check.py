"""Is this derivative right? The analytic gradient against a numeric one, with one verdict per tensor.

An entry's relative error is |a - n| / max(|a|, |n|, s), with a the analytic and n the numeric derivative and s the
largest |n| of the tensor: an entry that cancels to almost 0 is measured against its tensor.

The work is done elsewhere: `arguments` reads the arguments, `guarded_calls` runs the functions, `gradient` reads what
backward returns, `slots` picks the entries to check, `numeric` differentiates, `fast` does so along a few directions,
`judge` decides, `diagnose` names the mistake from the `evidence`, and `report` shows it all. `examine` ties
these together.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from deepfm_np.gradcheck.arguments import as_slots, copied, require_floating, require_method, to_differentiate
from deepfm_np.gradcheck.arrays import Array, described, not_finite, same
from deepfm_np.gradcheck.evidence import Operation
from deepfm_np.gradcheck.examine import NO_DERIVATIVE, Examination
from deepfm_np.gradcheck.guarded_calls import (
    CallError,
    as_pair,
    call,
    copies_of,
    nearby,
    one_per_name,
    require_real,
    require_same,
)
from deepfm_np.gradcheck.report import Report, Result
from deepfm_np.gradcheck.slots import find_slots

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
    inputs: name -> array, in call order.  wrt: the names to differentiate by, by default all floating inputs.
    method: "complex"; "central", "forward" or "richardson" differences for a forward that is not analytic; "auto" takes
        the complex step where it can and central differences where it must.
    seed: of the random output weights.
    slots: (ids, values), both (n, s), the rows of a table that each example touches; by default the inputs of these
        names. They tell apart rows touched once, touched repeatedly, and named by padding alone.
    fast: check each tensor along random directions, not entry by entry; if one fails, search for the wrong entries.

    y is reduced to the scalar sum(weights * y) with Gaussian weights, so that every entry of y counts. Gradients are
    taken in the dtype of the inputs; the numeric side always works in double precision. Both functions are also called
    at a point nearby, before and after, to make sure that no call affects another.
    Raises ValueError or TypeError for arguments with which nothing can be checked. If forward or backward returns
    something of the wrong kind, shape or number, the verdict is a failure with a hint, not an exception; what they
    raise themselves passes through.
    """
    require_method(method, fast)
    inputs = copied("inputs", inputs)
    wrt = to_differentiate(wrt, inputs)
    slots = find_slots(inputs) if slots is None else as_slots(slots, inputs)
    elsewhere = nearby(inputs, wrt)
    rng = _own_stream(seed)

    def run(point: Mapping[str, Array]) -> tuple:
        y, cache = as_pair("forward", "(y, cache)", call("forward", forward, point))
        require_real(Y, y)
        return y, cache

    def gradients(y: Array, cache) -> list:
        y = np.asarray(y)
        if y.shape != weights.shape:
            raise CallError("shape", f"y has shape {y.shape} here, {weights.shape} nearby: values must not change it")
        grad_y = weights.astype(y.dtype if y.dtype.kind == "f" else float)
        return one_per_name(call("backward", lambda g: backward(g[()], cache), {"grad_y": grad_y}), wrt)

    try:
        y, cache = run(elsewhere)
        weights = rng.standard_normal(np.shape(y))
        analytic_elsewhere = copies_of(gradients(y, cache))
        y = np.array(run(inputs)[0])
        if not same(y, run(inputs)[0]):
            return Report.of_all(Result.inconclusive, inputs, wrt, NOT_DETERMINISTIC, method)
        if unfit := not_finite(Y, y):
            return Report.of_all(Result.inconclusive, inputs, wrt, unfit + NO_DERIVATIVE, method)
        cache = run(inputs)[1]
        returned = gradients(y, cache)
        analytic = copies_of(returned)
        require_same(CHANGES_CACHE, gradients(y, cache), analytic)
        gradients(*run(elsewhere))
        require_same(OVERWRITTEN, returned, analytic)
        require_same(NOT_ITS_CACHE, gradients(y, cache), analytic)
    except CallError as error:
        return Report.of_all(Result.failed, inputs, wrt, str(error), method, error.rule)
    return Examination(
        function=lambda point: (weights * forward(*point.values())[0]).sum(),
        point=inputs,
        gradients=dict(zip(wrt, analytic, strict=True)),
        size=float(np.abs(weights * y).sum()),
        method=method,
        fast=fast,
        rng=rng,
        slots=slots,
        gradients_at=lambda point: gradients(*forward(*point.values())),
        elsewhere=(elsewhere, dict(zip(wrt, analytic_elsewhere, strict=True))),
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
    terms: name -> label -> array or row gradient, the parts that a gradient is the sum of, so that a missing one can
        be named.

    Raises ValueError or TypeError for arguments with which nothing can be checked. If loss_and_grads leaves out a
    gradient or returns something of the wrong kind, the verdict is a failure.
    """
    require_method(method, fast)
    params = copied("params", params)
    require_floating(params)
    slots = None if slots is None else as_slots(slots, params)
    elsewhere = nearby(params, params)

    def run(point: Mapping[str, Array]) -> tuple:
        def of_arrays(*arrays: Array):
            return loss_and_grads(dict(zip(point, arrays, strict=True)))

        loss, grads = as_pair("loss_and_grads", "(loss, grads)", call("loss_and_grads", of_arrays, point))
        require_real("the loss", loss)
        if np.ndim(loss):
            raise CallError("shape", f"the loss must be one number; it has shape {np.shape(loss)}")
        if not isinstance(grads, Mapping):
            raise CallError("shape", f"grads must be a dict, name -> gradient; it {described(grads)}")
        return loss, [grads.get(name) for name in params]

    try:
        analytic_elsewhere = copies_of(run(elsewhere)[1])
        loss, returned = run(params)
        if not same(loss, run(params)[0]):
            return Report.of_all(Result.inconclusive, params, params, NOT_DETERMINISTIC, method)
        if unfit := not_finite("the loss", np.asarray(loss)):
            return Report.of_all(Result.inconclusive, params, params, unfit + NO_DERIVATIVE, method)
        loss, returned = run(params)
        analytic = copies_of(returned)
        run(elsewhere)
        require_same(OVERWRITTEN, returned, analytic)
    except CallError as error:
        return Report.of_all(Result.failed, params, params, str(error), method, error.rule)
    return Examination(
        function=lambda point: loss_and_grads(dict(point))[0],  # a copy: it may change the dict it is given
        point=params,
        gradients=dict(zip(params, analytic, strict=True)),
        size=abs(float(loss)),
        method=method,
        fast=fast,
        rng=_own_stream(seed),
        slots=slots,
        gradients_at=lambda point: run(point)[1],
        elsewhere=(elsewhere, dict(zip(params, analytic_elsewhere, strict=True))),
        terms=terms,
    ).report()


def _own_stream(seed: int) -> np.random.Generator:
    """Not default_rng(seed): inputs drawn from it would equal the output weights, and x^T grad_y be symmetric."""
    return np.random.default_rng((seed, 1))
