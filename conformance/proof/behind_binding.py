"""Wrong implementations behind a binding: the engine, the outcomes and the gate see what the judge sees.

A reference in plain NumPy that contains one mistake, or is driven wrongly, stands in for a framework. It runs like
any check of the table: found through its binding, driven, read, judged, and given an outcome.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Group
from conformance.cases import side_by_side
from conformance.cases.optimizers import OptimizerCheck
from conformance.judge import engine
from conformance.judge.ledger import Ledger
from conformance.judge.record import Outcome
from conformance.proof import planting
from conformance.proof.kill_matrix import digest as of_matrix
from conformance.proof.numpy_driver import NumPyDriver
from conformance.proof.trials import Trial
from conformance.run import workers
from reference.formats import FORMATS

RIGHT = ""  # in place of the name of a mistake
MODE = "plain"


def outcome(trial: Trial, name: str = RIGHT) -> Outcome | None:
    """The engine's outcome for an implementation with this mistake in one case; None if it cannot have it."""
    found = (trial.groups(), NumPyDriver) if name == RIGHT else planting.wrong(trial, name)
    if found is None:
        return None
    with _bound(trial, *found) as framework:
        check = OptimizerCheck.of(framework, trial.entry.optimizer, trial.case, trial.dtype, MODE)
        return engine.run(check, Ledger(()), explain=False).outcome


@contextlib.contextmanager
def _bound(trial: Trial, groups: list[Group], driver: type[NumPyDriver]) -> Iterator[str]:
    """Within the block, a binding of an implementation in NumPy, in the forms of a framework."""
    entry, framework = trial.entry, f"numpy as {trial.framework}"
    BINDINGS[framework] = SimpleNamespace(
        framework=framework,
        entries={entry.optimizer: entry},
        modes=(MODE,),
        dtypes=(trial.dtype,),
        versions=lambda: {framework: "1"},
        constructor=lambda entry: entry.reference,
        arguments=lambda entry, reference, mode: {},
        mode_reason=lambda entry, mode: "",
        formats=lambda dtype: FORMATS[dtype],
        call=lambda entry, calls: f"{entry.cls} in NumPy",
        start=lambda entry, right, params, dtype, mode: driver(entry, groups, params, dtype, False),
    )
    side_by_side.forget()  # runs of another implementation
    try:
        yield framework
    finally:
        del BINDINGS[framework]
        side_by_side.forget()


def passes(optimizer: str, name: str, row: dict[str, Any]) -> bool:
    """Whether an implementation with this mistake passes the gate in the matrix case that shows it best."""
    best = max(row["best"].values(), key=lambda best: best[1])[0]
    trial = next(t for t in planting.trials(optimizer) if t.id == best)
    found = outcome(trial, name)
    return found is None or found.passes


def _attempt(task: tuple[str, str, dict[str, Any]]) -> bool:
    return passes(*task)


def run(optimizers: Iterable[str], matrix: dict[str, Any], processes: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The report's section, by optimizer: how many mistakes fail the gate, and which pass it."""
    rows = {o: {n: r for n, r in matrix[o]["rows"].items() if r["kills"]} for o in optimizers if o in matrix}
    tasks = [(o, n, r) for o, some in rows.items() for n, r in some.items()]
    passing: dict[str, bool] = {}
    for (optimizer, name, _), passed in workers.in_parallel(_attempt, tasks, processes, "behind a binding"):
        passing[name] = passed
        if len(passing) == len(rows[optimizer]):
            found = sorted(n for n, passed in passing.items() if passed)
            yield optimizer, {"digest": digest(optimizer), "planted": len(passing), "passing": found}
            passing = {}


def digest(optimizer: str) -> str:
    """A fingerprint of what these figures depend on: the matrix, which says where each mistake shows best."""
    return hashlib.sha256(f"behind {of_matrix(optimizer)}".encode()).hexdigest()[:16]
