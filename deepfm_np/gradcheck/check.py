"""Is this derivative right? The analytic gradient against a numeric one, with one verdict per tensor.

An entry's relative error is |a - n| / max(|a|, |n|, s), with a the analytic and n the numeric derivative and s the
largest |n| of the tensor: an entry that cancels to almost 0 is measured against its tensor.

The work is done elsewhere: `arguments` reads the arguments, `guarded_calls` runs the functions, `outputs` joins what
forward returns, `gradient` reads what backward returns, `slots` picks the entries to check, `numeric` differentiates,
`not_analytic` says why it cannot, `problem` does so at the point and nearby, `fast` along a few directions, `judge`
decides, `doubts` looks for other causes before a gradient is called wrong, `diagnose` names the mistake from the
`evidence`, and `report` shows it all. `examine` ties these together.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from deepfm_np.gradcheck.arguments import (
    as_slots,
    copied,
    require_floating,
    require_method,
    require_tolerance,
    to_differentiate,
)
from deepfm_np.gradcheck.arrays import Array, described, not_finite, same
from deepfm_np.gradcheck.evidence import Operation
from deepfm_np.gradcheck.examine import NO_DERIVATIVE, Examination
from deepfm_np.gradcheck.gradient import RowGradient
from deepfm_np.gradcheck.guarded_calls import (
    CallError,
    Findings,
    Run,
    as_pair,
    call,
    nearby,
    of_names,
    one_per_name,
    require_real,
    watch,
)
from deepfm_np.gradcheck.outputs import in_form_of, joined, parts_of, split
from deepfm_np.gradcheck.problem import Problem
from deepfm_np.gradcheck.report import Report, Result
from deepfm_np.gradcheck.slots import find_slots

NOT_DETERMINISTIC = (
    "forward gave two values at one point, so nothing was compared. It is not deterministic: freeze the mask "
    "(let forward draw it from a generator that is made anew, with a fixed seed, in every call)"
)
Y = "the output y"


def check_operation(
    forward: Callable,
    backward: Callable,
    inputs: Mapping[str, Array],
    wrt: str | Sequence[str] | None = None,
    method: str = "auto",
    seed: int = 0,
    slots: tuple[Array, Array] | None = None,
    fast: bool = False,
    *,
    tolerance: float | None = None,
    strict: bool = False,
) -> Report:
    """Check the backward pass of an operation at one point.

    forward: called with the inputs in order, returns (y, cache), y an array, a scalar or a tuple of these.
    backward: called with (grad_y, cache), grad_y a tuple where y is one. Returns one gradient per name in `wrt`: in
        that order, or in a dict by name, "W" or "dW"; a single one may be bare. A gradient is an array of the input's
        shape or has `.rows` and `.values` (touched rows of a table).
    inputs: name -> array, in call order.  wrt: the names to differentiate by, by default all floating inputs.
    method: "auto" takes the complex step where forward is analytic, Richardson extrapolation or central differences
        elsewhere, whichever is more certain; "complex", "central", "forward" or "richardson" takes this alone.
    seed: of the random output weights.
    slots: (ids, values), both (n, s), the rows of a table that each example touches; by default found among the
        integer inputs. They tell apart rows touched once, touched repeatedly, and named by padding alone.
    fast: check each tensor along random directions, not entry by entry; if one fails, search for the wrong entries.
    tolerance: the relative error that is allowed, for a gradient known to be inexact; by default that of rounding.
    strict: a function that writes into its arguments, changes its cache or adds to earlier gradients fails. By default
        it is compared, each call with a forward of its own, and the report warns.

    y is reduced to the scalar sum(weights * y), over all outputs, with Gaussian weights, so that every entry of y
    counts. Gradients are taken in the dtype of the inputs; the numeric side always works in double precision. Both
    functions are also called at a point nearby, before and after, to see whether a call affects another.
    Raises ValueError or TypeError for arguments with which nothing can be checked. If forward or backward returns
    something of the wrong kind, shape or number, the verdict is a failure with a hint, not an exception; what they
    raise themselves passes through.
    """
    require_method(method, fast)
    require_tolerance(tolerance)
    inputs = copied("inputs", inputs)
    wrt = to_differentiate(wrt, inputs)
    found = find_slots(inputs, wrt) if slots is None else as_slots(slots, inputs)
    elsewhere, rng, findings = nearby(inputs, wrt), _own_stream(seed), Findings(strict)

    def outputs(point: Mapping[str, Array]) -> tuple:
        y, cache = as_pair("forward", "(y, cache)", call("forward", forward, point, findings))
        for part in parts_of(y):
            require_real(Y, part)
        return y, cache

    def run(point: Mapping[str, Array]) -> Run:
        y, cache = outputs(point)
        shape = joined(y).shape
        if shape != weights.shape:
            raise CallError("shape", f"y has shape {shape} here, {weights.shape} nearby: values must not change it")
        parts = split(weights, y)
        names = ["grad_y"] if len(parts) == 1 else [f"grad_y[{i}]" for i in range(len(parts))]

        def again() -> list:
            grad_y = dict(zip(names, parts, strict=True))
            return one_per_name(call("backward", lambda *g: backward(in_form_of(y, g), cache), grad_y, findings), wrt)

        return Run(again(), again)

    def as_one(*arrays: Array) -> tuple:
        y, cache = forward(*(array.copy() for array in arrays))
        return joined(y), cache

    def examined() -> Report:
        y = np.array(joined(outputs(inputs)[0]))
        if unfit := _unfit(Y, y, joined(outputs(inputs)[0])):
            return Report.of_all(Result.inconclusive, inputs, wrt, unfit, method)
        watched = watch(run, inputs, elsewhere, findings)
        return Examination(
            Problem(
                function=lambda point: (weights * as_one(*point.values())[0]).sum(),
                point=inputs,
                names=wrt,
                size=float(np.abs(weights * y).sum()),
                gradients_at=watched.at,
                computed=lambda point: as_one(*point.values())[0],
                rng=rng,
            ),
            dict(zip(wrt, watched.gradients, strict=True)),
            method,
            fast,
            found,
            (elsewhere, dict(zip(wrt, watched.elsewhere, strict=True))),
            tolerance,
            slots_are_guessed=slots is None,
            operation=Operation(as_one, inputs, y, weights),
        ).report()

    try:
        weights = rng.standard_normal(joined(outputs(elsewhere)[0]).shape)
        report = examined()
    except CallError as error:
        report = Report.of_all(Result.failed, inputs, wrt, str(error), method, error.rule)
    fixed = ", ".join(f"{name} ({value.dtype})" for name, value in inputs.items() if value.dtype.kind != "f")
    return report.with_notes(*findings.warnings, *([f"not differentiated: {fixed}"] if fixed else []))


def check_loss(
    loss_and_grads: Callable[[Mapping[str, Array]], tuple],
    params: Mapping[str, Array],
    method: str = "auto",
    seed: int = 0,
    slots: tuple[Array, Array] | None = None,
    terms: Mapping[str, Mapping[str, Array | RowGradient]] | None = None,
    fast: bool = False,
    *,
    tolerance: float | None = None,
    strict: bool = False,
) -> Report:
    """Check the gradient of a loss for every parameter.

    loss_and_grads: called with a dict like `params`, returns (loss, grads), grads a dict name -> array or row
        gradient with one entry for each parameter, "W" or "dW". Under the complex step one of the arrays is complex.
    params: name -> floating array.  method, fast, tolerance, strict: as in `check_operation`.  seed: of sampled rows
        and directions.
    slots: (ids, values), both (n, s), the rows that each example touches in the tables, whose gradients are of rows.
    terms: name -> label -> array or row gradient, the parts that a gradient is the sum of, so that a missing one can
        be named.

    Raises ValueError or TypeError for arguments with which nothing can be checked. If loss_and_grads leaves out a
    gradient or returns something of the wrong kind, the verdict is a failure.
    """
    require_method(method, fast)
    require_tolerance(tolerance)
    params = copied("params", params)
    require_floating(params)
    slots = None if slots is None else as_slots(slots, params)
    elsewhere, names, findings = nearby(params, params), list(params), Findings(strict)

    def loss_and_dict(point: Mapping[str, Array]) -> tuple:
        def of_arrays(*arrays: Array):
            return loss_and_grads(dict(zip(point, arrays, strict=True)))

        loss, grads = as_pair("loss_and_grads", "(loss, grads)", call("loss_and_grads", of_arrays, point, findings))
        require_real("the loss", loss)
        if np.ndim(loss):
            raise CallError("shape", f"the loss must be one number; it has shape {np.shape(loss)}")
        if not isinstance(grads, Mapping):
            raise CallError("shape", f"grads must be a dict, name -> gradient; it {described(grads)}")
        return np.array(loss), grads

    def value(point: Mapping[str, Array]) -> object:
        return loss_and_grads({name: array.copy() for name, array in point.items()})[0]

    def examined() -> Report:
        loss = loss_and_dict(params)[0]
        if unfit := _unfit("the loss", loss, loss_and_dict(params)[0]):
            return Report.of_all(Result.inconclusive, params, params, unfit, method)
        watched = watch(lambda point: Run(of_names(loss_and_dict(point)[1], names)), params, elsewhere, findings)
        return Examination(
            Problem(
                function=value,
                point=params,
                names=names,
                size=abs(float(loss)),
                gradients_at=watched.at,
                computed=value,
                rng=_own_stream(seed),
            ),
            dict(zip(params, watched.gradients, strict=True)),
            method,
            fast,
            slots,
            (elsewhere, dict(zip(params, watched.elsewhere, strict=True))),
            tolerance,
            terms=terms,
        ).report()

    try:
        report = examined()
    except CallError as error:
        report = Report.of_all(Result.failed, params, params, str(error), method, error.rule)
    return report.with_notes(*findings.warnings)


def _unfit(what: str, value: Array, again: object) -> str:
    """Why nothing can be compared at the point, given two values there; empty if something can."""
    if not same(value, again):
        return NOT_DETERMINISTIC
    unfit = not_finite(what, value)
    return unfit + NO_DERIVATIVE if unfit else ""


def _own_stream(seed: int) -> np.random.Generator:
    """Not default_rng(seed): inputs drawn from it would equal the output weights, and x^T grad_y be symmetric."""
    return np.random.default_rng((seed, 1))
