"""Run the gallery's bugs through every installed gradient checker: which catches what, and how long it takes.

    pip install torch jax autograd scipy
    python docs/benchmarks/gradcheckers.py
    python docs/benchmarks/gradcheckers.py --foreign    # the operations of tests/gradcheck/foreign instead

Each checker gets the same functions at the same points, once with its default settings and once with the best we know.
A checker catches a bug when it reports a mismatch or rejects the gradient with an error. It raises a false alarm when
it does so for the correct gradient of the same problem. Checkers that are not installed are skipped.
"""

import argparse
import importlib.metadata
import logging
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

if __name__ == "__main__":  # this project's package and tests come first, from wherever the script is run
    sys.path[:1] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "tests")]

from gradcheck.foreign.case import Case
from gradcheck.foreign.catalogue import RIGHT, mutants
from gradcheck.foreign.manners import manners_of
from gradcheck.foreign.mutate import Mutant
from gradcheck.foreign.score import EXPLAINED, of_case, of_mutant
from gradcheck.foreign.verify import named, outputs

from deepfm_np import ops
from deepfm_np.gallery import BUGS, Loss, Operation, check
from deepfm_np.gradcheck.gradient import is_row_gradient, to_dense
from deepfm_np.gradcheck.guarded_calls import one_per_name

SEEDS = range(5)
LARGE_SEEDS = range(2)
CONVENTIONS = (
    "shape",
    "in place",
    "stale cache",
    "padding",
)  # rules about how a gradient is returned, not about its numbers


def as_function(problem: Operation | Loss | Case) -> tuple[list[np.ndarray], Callable]:
    """The points, and run(*points) -> (y, pullback), where pullback(grad_y) returns the claimed dense gradients."""
    if isinstance(problem, Case):
        return _foreign_function(problem)
    if isinstance(problem, Loss):
        names = list(problem.params)

        def run(*arrays):
            loss, grads = problem.loss_and_grads(dict(zip(names, arrays, strict=True)))
            return np.asarray(loss), lambda g: [_dense(grads[n], a, g) for n, a in zip(names, arrays, strict=True)]

        return list(problem.params.values()), run
    points = list(problem.inputs.values())

    def run(*arrays):
        y, cache = problem.forward(*arrays)
        names = list(problem.inputs)
        return np.asarray(y), lambda g: [
            _dense(gradient, a, 1.0)
            for gradient, a in zip(one_per_name(problem.backward(g, cache), names), arrays, strict=True)
        ]

    return points, run


def _foreign_function(case: Case) -> tuple[list[np.ndarray], Callable]:
    """Arguments that are not differentiated are held fixed, several outputs joined in one vector."""

    def run(*arrays):
        fixed = {name: value.copy() for name, value in case.inputs.items()}
        y, cache = case.forward(*{**fixed, **dict(zip(case.wrt, arrays, strict=True))}.values())
        parts = outputs(y)
        ends = np.cumsum([part.size for part in parts])[:-1]

        def pullback(grad_y):
            if isinstance(y, tuple):
                split = zip(np.split(grad_y, ends), parts, strict=True)
                grad_y = tuple(g.reshape(part.shape)[()] for g, part in split)
            gradients = named(case.backward(grad_y, cache), case.wrt)
            return [np.array(gradients[name]) for name in case.wrt]

        return np.concatenate([part.reshape(-1) for part in parts]) if isinstance(y, tuple) else parts[0], pullback

    return [np.array(case.inputs[name]) for name in case.wrt], run


def _dense(gradient, array: np.ndarray, factor):
    """Duplicate rows add up, as in a sparse tensor."""
    if gradient is None:
        return None
    if is_row_gradient(gradient) and np.unique(gradient.rows).size < np.size(gradient.rows):
        dense = np.zeros(array.shape)
        np.add.at(dense, gradient.rows, gradient.values)
        return dense
    return np.array(to_dense(gradient, array.shape)) * factor


def ours(**options) -> Callable:
    return lambda problem, seed: not check(problem, seed, **options).ok


def torch_gradcheck(**options) -> Callable:
    import torch

    def caught(problem, seed):
        torch.manual_seed(seed)
        points, run = as_function(problem)

        class Checked(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *tensors):
                y, ctx.pullback = run(*(tensor.detach().numpy().copy() for tensor in tensors))
                return torch.from_numpy(np.array(y))

            @staticmethod
            def backward(ctx, grad_y):
                gradients = ctx.pullback(grad_y.numpy().copy()[()])
                return tuple(None if g is None else torch.from_numpy(np.ascontiguousarray(g)) for g in gradients)

        tensors = [torch.from_numpy(np.array(point)).requires_grad_() for point in points]
        return not torch.autograd.gradcheck(Checked.apply, tensors, **options)

    return caught


def jax_check_grads(**options) -> Callable:
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    logging.getLogger("jax").setLevel(logging.CRITICAL)

    def caught(problem, seed):
        points, run = as_function(problem)
        y = run(*map(np.copy, points))[0]
        shape = jax.ShapeDtypeStruct(y.shape, y.dtype)
        pullbacks = {}

        def forward(*arrays):
            y, pullbacks["last"] = run(*(np.array(array) for array in arrays))
            return y

        @jax.custom_vjp
        def f(*arrays):
            return jax.pure_callback(forward, shape, *arrays)

        def pull(grad_y, *arrays):
            gradients = run(*(np.array(array) for array in arrays))[1](np.array(grad_y)[()])
            return tuple(np.zeros(point.shape) if g is None else g for g, point in zip(gradients, points, strict=True))

        like = tuple(jax.ShapeDtypeStruct(point.shape, np.float64) for point in points)
        f.defvjp(lambda *a: (f(*a), a), lambda a, grad_y: jax.pure_callback(pull, like, grad_y, *a))
        np.random.seed(seed)  # noqa: NPY002, check_grads draws its direction from the global generator
        check_grads(f, points, order=1, modes=["rev"], **options)
        return False

    return caught


def hips_check_grads(**options) -> Callable:
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_vjp

    def caught(problem, seed):
        points, run = as_function(problem)
        np.random.seed(seed)  # noqa: NPY002, the check draws its direction from the global generator
        for argument, point in enumerate(points):

            @primitive
            def f(x, argument=argument):
                return run(*[x if i == argument else np.copy(p) for i, p in enumerate(points)])[0]

            def vjp(y, x, argument=argument):
                arrays = [np.copy(x) if i == argument else np.copy(p) for i, p in enumerate(points)]
                return lambda g: run(*arrays)[1](np.array(g)[()])[argument]

            defvjp(f, vjp)
            check_vjp(f, np.array(point))
        return False

    return caught


def scipy_check_grad(tolerance: float = 1e-5, direction: str = "all") -> Callable:
    """scipy returns a distance and no verdict; we count a distance above tolerance * |gradient| as a mismatch."""
    from scipy.optimize import check_grad

    def caught(problem, seed):
        points, run = as_function(problem)
        weights = np.random.default_rng((seed, 1)).standard_normal(np.shape(run(*map(np.copy, points))[0]))
        ends = np.cumsum([point.size for point in points])[:-1]

        def split(x):
            parts = np.split(x, ends)
            return [part.reshape(point.shape).copy() for part, point in zip(parts, points, strict=True)]

        def gradient(x):
            return np.concatenate([np.reshape(g, -1) for g in run(*split(x))[1](weights.copy()[()])])

        def f(x):
            return float((weights * run(*split(x))[0]).sum())

        x0 = np.concatenate([point.reshape(-1) for point in points])
        distance = check_grad(f, gradient, x0, direction=direction, seed=seed)
        return distance > tolerance * max(1e-12, np.linalg.norm(gradient(x0)))

    return caught


def complex_step(h: float = 1e-20, tolerance: float = 1e-8) -> Callable:
    """As in MyGrad's tests (tests/utils/numerical_gradient.py and tests/wrappers/uber.py), with their tolerances."""

    def slope(f, points, number, index):
        moved = [point.astype(complex) if i == number else point.copy() for i, point in enumerate(points)]
        moved[number][index] += 1j * h
        return np.imag(f(*moved)) / h

    def differ(numeric, claimed):
        np.testing.assert_allclose(claimed, numeric, rtol=tolerance, atol=tolerance)
        return False

    return _entry_by_entry(slope, differ)


def central_difference(h: float = 1e-5, tolerance: float = 1e-5) -> Callable:
    """As in CS231n's assignments (eval_numerical_gradient_array and rel_error), with a bound on the printed error."""

    def slope(f, points, number, index):
        ends = []
        for step in (h, -h):
            moved = [point.copy() for point in points]
            moved[number][index] += step
            ends.append(f(*moved))
        return (ends[0] - ends[1]) / (2 * h)

    def differ(numeric, claimed):
        return np.max(np.abs(numeric - claimed) / np.maximum(1e-8, np.abs(numeric) + np.abs(claimed))) > tolerance

    return _entry_by_entry(slope, differ)


def _entry_by_entry(slope: Callable, differ: Callable) -> Callable:
    """The gradient of sum(weights * y), with Gaussian weights."""

    def caught(problem, seed):
        points, run = as_function(problem)
        weights = np.random.default_rng((seed, 1)).standard_normal(np.shape(run(*map(np.copy, points))[0]))

        def f(*arrays):
            return (weights * run(*arrays)[0]).sum()

        claimed = run(*map(np.copy, points))[1](weights.copy()[()])
        for number, (point, gradient) in enumerate(zip(points, claimed, strict=True)):
            numeric = np.empty(point.shape)
            for index in np.ndindex(point.shape):
                numeric[index] = slope(f, points, number, index)
            if differ(numeric, gradient):
                return True
        return False

    return caught


def large_fm(rng: np.random.Generator, mistake: str = "none") -> Loss:
    """Log loss of an FM over a 10,000 x 8 table of small embeddings, batch 256, five fields, Zipf-distributed ids."""
    ids = rng.zipf(1.2, (256, 5)) % 2000 + 2000 * np.arange(5)
    ones, labels = np.ones(ids.shape), rng.integers(0, 2, 256)

    def loss_and_grads(params):
        vectors, embedding = ops.embedding_forward(params["table"], ids, ones)
        y, fm = ops.fm_forward(vectors)
        loss, log_loss = ops.log_loss_forward(y, labels)
        grad_y = ops.log_loss_backward(1.0, log_loss)[:, None, None]
        total = fm.total[:, None, :]
        grad_vectors = grad_y * {"self term forgotten": total + 0 * vectors}.get(mistake, total - vectors)
        rows, values = ops.embedding_backward(grad_vectors, embedding)
        if mistake == "repeated ids lost":
            dense = np.zeros_like(params["table"])
            dense[ids] = grad_vectors
            values = dense[rows]
        factor = {"factor 1/2": 0.5, "sign flipped": -1.0, "all zero": 0.0}.get(mistake, 1.0)
        return loss, {"table": ops.RowGradient(rows, factor * values)}

    return Loss(loss_and_grads, {"table": 0.01 * rng.standard_normal((10_000, 8))}, (ids, ones))


LARGE_MISTAKES = ("factor 1/2", "self term forgotten", "repeated ids lost", "sign flipped", "all zero")


# Distribution name, title, check, default settings, the best settings we know, and their description.
CHECKERS = [
    ("deepfm_np", "deepfm_np", ours, {}, {"fast": True}, "fast: three directions"),
    ("torch", "torch gradcheck", torch_gradcheck, {}, {"atol": 1e-9, "rtol": 1e-6}, "atol 1e-9, rtol 1e-6"),
    (
        "torch",
        "torch gradcheck, fast",
        torch_gradcheck,
        {"fast_mode": True},
        {"fast_mode": True, "atol": 1e-9, "rtol": 1e-6},
        "atol 1e-9, rtol 1e-6",
    ),
    ("jax", "JAX check_grads", jax_check_grads, {}, {"atol": 1e-7, "rtol": 1e-7}, "atol and rtol 1e-7"),
    ("autograd", "HIPS autograd check_vjp", hips_check_grads, {}, {}, "has no settings"),
    (
        "scipy",
        "scipy check_grad",
        scipy_check_grad,
        {"tolerance": 1e-5},
        {"tolerance": 1e-6},
        "above 1e-6 of the gradient, not 1e-5",
    ),
]


def runs(large: bool = False) -> Iterator[tuple[str, str, Callable]]:
    """For every installed checker: its title, "default" or a description of its best settings, and the check.

    large: skip checkers that visit every entry of a table, and let scipy use a random direction.
    """
    for package, title, make, default, best, what in CHECKERS:
        if not _installed(package) or (large and title == "torch gradcheck"):
            continue
        direction = {"direction": "random"} if large and package == "scipy" else {}
        yield title, "default", make(**default, **direction)
        if best != default:
            yield title, what, make(**best, **direction)


def verdict(caught: Callable, problem: Operation | Loss, seed: int) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return bool(caught(problem, seed))
        except Exception:  # each checker raises its own exceptions
            return True


def small_problems() -> None:
    """Every bug of the gallery."""
    summary, detail = [], {}
    for title, settings, caught in runs():
        start = time.perf_counter()
        catches = {bug: [verdict(caught, bug.wrong(np.random.default_rng(s)), s) for s in SEEDS] for bug in BUGS}
        seconds = time.perf_counter() - start
        alarms = sum(verdict(caught, bug.right(np.random.default_rng(s)), s) for bug in BUGS for s in SEEDS)
        total = len(BUGS) * len(SEEDS)
        numbers = [all(catches[bug]) for bug in BUGS if bug.rule not in CONVENTIONS]
        summary.append(
            {
                "checker": title,
                "settings": settings,
                "wrong numbers always caught": f"{sum(numbers)} of {len(numbers)}",
                "bugs always caught": f"{sum(map(all, catches.values()))} of {len(BUGS)}",
                "false alarms": f"{alarms} of {total}",
                "ms per check": f"{1e3 * seconds / total:.1f}",
            }
        )
        detail[f"{title}, {settings}"] = {f"{bug.place}: {bug.name}": sum(found) for bug, found in catches.items()}
    print(f"{_markdown(pd.DataFrame(summary))}\n")
    table = pd.DataFrame(detail)
    missed = table[(table < len(SEEDS)).any(axis=1)]
    print(f"Bugs that some checker misses, caught in how many of {len(SEEDS)} seeds:\n")
    print(_markdown(missed.T.reset_index(names="checker")))


def large_problem() -> None:
    """Five mistakes in an FM over a large table, for the checkers that do not visit each of its 80,000 entries."""
    rows = []
    for title, settings, caught in runs(large=True):
        start = time.perf_counter()
        row = {"checker": title, "settings": settings}
        for mistake in LARGE_MISTAKES:
            row[mistake] = sum(verdict(caught, large_fm(np.random.default_rng(s), mistake), s) for s in LARGE_SEEDS)
        seconds = (time.perf_counter() - start) / len(LARGE_MISTAKES) / len(LARGE_SEEDS)
        row["false alarms"] = sum(verdict(caught, large_fm(np.random.default_rng(s)), s) for s in LARGE_SEEDS)
        rows.append({**row, "s per check": f"{seconds:.2f}"})
    print(f"\nFM with log loss, 10,000 x 8 table, batch 256, caught in how many of {len(LARGE_SEEDS)} seeds:\n")
    print(_markdown(pd.DataFrame(rows)))


# Distribution name, title, check, and of how many wrong versions one is checked.
FOREIGN_CHECKERS = [
    ("torch", "torch gradcheck, slow", torch_gradcheck, {}, 1),
    ("torch", "torch gradcheck, fast", torch_gradcheck, {"fast_mode": True}, 1),
    ("jax", "JAX check_grads", jax_check_grads, {}, 1),
    ("autograd", "HIPS autograd check_vjp", hips_check_grads, {}, 1),
    ("scipy", "scipy check_grad", scipy_check_grad, {}, 1),
    ("numpy", "complex step, as MyGrad", complex_step, {}, 1),
    ("numpy", "central difference, as CS231n", central_difference, {}, 1),
]
CALLS = tuple(EXPLAINED)  # labels of wrong versions whose gradient is right at the first call, or in float64
KINDS = (
    ("integer or boolean inputs", "integer or boolean inputs"),
    ("several outputs", "several outputs"),
    ("gradients: dict", "gradients in a dict"),
    ("class with state", "class with state"),
    ("on a corner", "point on a corner"),
)


def foreign_answers() -> Iterator[tuple[str, list[str], list[tuple[Mutant, str]]]]:
    """Per checker: its title, what it says of each right case, and of wrong versions.

    "accepted", "rejected", "undecided", or "error" where something else than a mismatch is raised.
    """
    words = {"pass": "accepted", "fail": "rejected", "inconclusive": "undecided", "raised": "error"}
    ours = (lambda case: words[of_case(case, None).verdict], lambda mutant: words[of_mutant(mutant, None).verdict])
    checkers = [("deepfm_np", *ours, 1)]
    for package, title, make, options, every in FOREIGN_CHECKERS:
        if _installed(package):
            caught = make(**options)
            case, mutant = lambda case, c=caught: answer(c, case), lambda mutant, c=caught: answer(c, mutant.case)
            checkers.append((title, case, mutant, every))
    for title, of_right, of_wrong, every in checkers:
        yield title, [of_right(case) for case in RIGHT], [(mutant, of_wrong(mutant)) for mutant in mutants()[::every]]


def answer(caught: Callable, case: Case) -> str:
    """What a checker says of a case, with seed 0."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return "rejected" if caught(case, 0) else "accepted"
        except Exception as error:
            return "rejected" if type(error).__name__ in ("AssertionError", "GradcheckError") else "error"


def foreign_problems() -> None:
    """The right operations of tests/gradcheck/foreign and their wrong versions."""
    names = [case.name for case in RIGHT]
    kinds = [{*manners_of(case), case.needs} | ({"float32"} if not case.exact else set()) for case in RIGHT]
    summary, by_kind, by_label = [], {}, {}
    for title, right, wrong in foreign_answers():
        of = dict(zip(names, right, strict=True))
        told = [(mutant, said) for mutant, said in wrong if of[mutant.case.name] == "accepted"]
        summary.append(foreign_row(title, right, wrong, told))
        by_kind[title] = {
            text: f"{sum(kind in has and said == 'accepted' for has, said in zip(kinds, right, strict=True))}"
            f" of {sum(kind in has for has in kinds)}"
            for kind, text in (*KINDS, ("in place", "writes over its arguments"), ("float32", "float32 inside"))
        }
        missed = [mutant.label for mutant, said in told if said in ("accepted", "undecided")]
        by_label[title] = {label: missed.count(label) for label in dict.fromkeys(m.label for m in mutants())}
    print(f"{len(RIGHT)} right operations, {len(mutants())} wrong versions:\n")
    print(_markdown(pd.DataFrame(summary)))
    print("\nRight operations accepted, by kind:\n")
    print(_markdown(pd.DataFrame(by_kind).T.reset_index(names="checker")))
    print("\nWrong versions missed, though the right operation is accepted:\n")
    labels = pd.DataFrame(by_label)
    print(_markdown(labels[labels.any(axis=1)].T.reset_index(names="checker")))


def foreign_row(title: str, right: list[str], wrong: list, told: list) -> dict:
    """A row of the table. told: the wrong versions of operations that the checker accepts."""

    def share(calls: bool) -> str:
        some = [said for mutant, said in told if (mutant.label in CALLS) == calls]
        return f"{sum(said in ('rejected', 'error') for said in some)} of {len(some)}"

    return {
        "checker": title,
        "right: accepted": right.count("accepted"),
        "false alarm": right.count("rejected"),
        "undecided": right.count("undecided"),
        "cannot take": right.count("error"),
        "wrong gradients caught": share(calls=False),
        "other wrong versions caught": share(calls=True),
        "wrong, of operations not accepted": len(wrong) - len(told),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--foreign", action="store_true", help="check the operations of tests/gradcheck/foreign")
    if parser.parse_args().foreign:
        foreign_problems()
    else:
        small_problems()
        large_problem()
    packages = sorted({package for package, *_ in CHECKERS} - {"deepfm_np"})
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", *packages) if _installed(name)]
    print(f"\nPython {platform.python_version()}, {', '.join(versions)}")


def _installed(package: str) -> bool:
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


def _markdown(frame: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (frame.columns, *frame.to_numpy())]
    lines.insert(1, "|" + " --- |" * frame.shape[1])
    return "\n".join(lines)


if __name__ == "__main__":
    main()
