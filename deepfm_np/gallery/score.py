"""Which bug is caught by what: each bug of the gallery under the default gradient check or under its oracle."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from deepfm_np.gallery.activation import ACTIVATION
from deepfm_np.gallery.affine import AFFINE
from deepfm_np.gallery.batch_norm import BATCH_NORM
from deepfm_np.gallery.bug import Bug, Operation, WrongForward, WrongUpdate, check
from deepfm_np.gallery.dropout import DROPOUT
from deepfm_np.gallery.embedding import EMBEDDING, FIRST_ORDER, L2
from deepfm_np.gallery.fm import FM
from deepfm_np.gallery.forwards import FORWARDS
from deepfm_np.gallery.loss import LOG_LOSS
from deepfm_np.gallery.model import MODEL
from deepfm_np.gallery.updates import UPDATES

COLLECTIONS = (EMBEDDING, FIRST_ORDER, FM, AFFINE, ACTIVATION, DROPOUT, BATCH_NORM, LOG_LOSS, L2, MODEL)
BUGS: list[Bug] = [bug for collection in COLLECTIONS for bug in collection.bugs]
WRONG_FORWARDS: list[WrongForward] = FORWARDS
WRONG_UPDATES: list[WrongUpdate] = UPDATES


def score(seeds: Iterable[int] = range(3)) -> pd.DataFrame:
    """One row per bug: its place and name, and with how many of the seeds the gradient check catches it, the rule that
    should name it comes first (nan without a rule), and an oracle catches it (nan without an oracle)."""
    seeds = list(seeds)
    rows: list[tuple] = []
    for bug in BUGS:
        rules = [_rule_of_failure(bug, seed) for seed in seeds]
        caught = sum(rule is not None for rule in rules)
        named = sum(rule == bug.rule for rule in rules) if bug.rule else np.nan
        rows.append((bug.place, bug.name, caught, bug.rule, named, np.nan))
    for forward in WRONG_FORWARDS:
        caught = sum(not check(forward.wrong(np.random.default_rng(seed)), seed).ok for seed in seeds)
        by_oracle = sum(oracle_catches(forward, seed) for seed in seeds)
        rows.append((forward.place, forward.name, caught, "", np.nan, by_oracle))
    for update in WRONG_UPDATES:
        by_oracle = sum(loop_catches(update, seed) for seed in seeds)
        rows.append((update.place, update.name, np.nan, "", np.nan, by_oracle))
    columns = ["place", "bug", "gradient check", "rule", "named", "oracle"]
    return pd.DataFrame(rows, columns=columns).assign(seeds=len(seeds))


def _rule_of_failure(bug: Bug, seed: int) -> str | None:
    """The rule of the first failed verdict; None where the bug is not caught."""
    results = check(bug.wrong(np.random.default_rng(seed)), seed).results
    return next((result.rule for result in results if result.verdict == "fail"), None)


def oracle_catches(wrong: WrongForward, seed: int) -> bool:
    """Whether the oracle accepts the right function and refuses the wrong one."""
    rng = np.random.default_rng
    return oracle_accepts(wrong, wrong.right(rng(seed))) and not oracle_accepts(wrong, wrong.wrong(rng(seed)))


def oracle_accepts(wrong: WrongForward, operation: Operation) -> bool:
    """Whether the operation has the value that the loops give."""
    inputs = operation.inputs.values()
    return np.allclose(operation.forward(*inputs)[0], wrong.oracle(*inputs), rtol=1e-9, atol=0)


def loop_catches(wrong: WrongUpdate, seed: int) -> bool:
    """Whether ten wrong steps lead somewhere else than ten right ones."""
    gradients = np.random.default_rng(seed).standard_normal((10, 4)) * 1e-3
    return not np.allclose(wrong.update(gradients), wrong.reference(gradients), rtol=1e-9, atol=0)


def all_caught(table: pd.DataFrame) -> bool:
    """Whether every bug is caught with every seed, by the gradient check or by its oracle."""
    return bool((table[["gradient check", "oracle"]].max(axis=1) == table["seeds"]).all())


def to_text(table: pd.DataFrame) -> str:
    """The score table for a terminal."""
    lines = [f"{'place':13}{'bug':66}{'caught by':17}{'named'}"]
    for row in table.itertuples(index=False):
        by_check = row[2] == row.seeds
        by = "gradient check" if by_check else "oracle alone" if row.oracle == row.seeds else "NOT CAUGHT"
        named = "" if not row.rule else row.rule if row.named == row.seeds else f"{row.rule}: {row.named:.0f}"
        lines.append(f"{row.place:13}{row.bug:66}{by:17}{named}".rstrip())
    covered = table[table["rule"] != ""]
    caught = (table[["gradient check", "oracle"]].max(axis=1) == table["seeds"]).sum()
    right = f"{covered['named'].mean() / covered['seeds'].mean():.0%}" if len(covered) else "none"
    lines.append(f"\n{caught} of {len(table)} bugs are caught with each of {table['seeds'].iloc[0]} seeds; ")
    lines[-1] += f"{len(covered)} are covered by a rule, which names them first in {right} of the checks"
    return "\n".join(lines)


def show(name: str, seed: int = 0) -> None:
    """Print one bug: its symptom, the report of the gradient check, and its lesson.

    Raises KeyError, listing all names, for a name that is not in the gallery.
    """
    bugs: list[Bug | WrongForward | WrongUpdate] = [*BUGS, *WRONG_FORWARDS, *WRONG_UPDATES]
    everything = {bug.name: bug for bug in bugs}
    if name not in everything:
        raise KeyError(f"there is no bug {name!r}; there are: {'; '.join(everything)}")
    bug = everything[name]
    print(f"{bug.place}: {bug.name}\n\nSymptom: {bug.symptom}\n")
    if not isinstance(bug, WrongUpdate):
        print(f"{check(bug.wrong(np.random.default_rng(seed)), seed)}\n")
    print(f"Lesson: {bug.lesson}")
