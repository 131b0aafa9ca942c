"""No false positives: correct implementations over hundreds of seeds of every problem.

If a rule is elementwise, the seeds lie side by side along an extra last axis, and one run covers them all, in every
dtype and mode of a framework. Other rules run once per seed, each in one dtype and mode in turn, with fewer steps.
A case with a ledger row is compared with what the row expects. Data that differ from the table's may hit a known
defect elsewhere: a run that differs from the rule is also compared with what the other rows of its optimizer
expect, and counts as known if it matches one.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from conformance.bindings import BINDINGS, installed
from conformance.bindings.binding import Entry, State, Unsupported
from conformance.cases import optimizers
from conformance.cases.case import Case
from conformance.cases.drive import drive, through
from conformance.cases.optimizers import OptimizerCheck
from conformance.cases.plan import States, StepPlan
from conformance.cases.table import ABOUT_STEPS, BEHAVIOUR, cases
from conformance.errors import BadInput
from conformance.judge import ledger
from conformance.judge.compared import LIMIT
from conformance.judge.evidence import evidence_of
from conformance.judge.ledger import LedgerRow
from conformance.judge.step_verdict import fingerprint
from conformance.judge.steps import Judge
from conformance.proof.kill_matrix import of_cases, short
from conformance.run import workers
from reference.branches import TooManyBranches

ALONE = 8  # steps of a run of one seed, many of which are judged tensor by tensor
TENSORS = 3  # and at most this many


@dataclass(frozen=True)
class Task:
    """One case of one optimizer, in all dtypes and modes of a framework."""

    framework: str
    optimizer: str
    number: int  # the case's place in its table
    seeds: int


@dataclass(frozen=True)
class Found:
    """The highest ratio of one implementation in one case, over all seeds."""

    implementation: str
    dtype: str
    ratio: float
    runs: int
    where: str
    known: int = 0  # runs that match a ledger row for other cases


@dataclass
class Shared:
    """What the modes of one dtype share: the free runs of the expectations, and verdicts on identical bits."""

    trajectories: dict = field(default_factory=dict)
    verdicts: dict[bytes, SeedVerdict] = field(default_factory=dict)


def run(optimizers: Sequence[str], seeds: int, processes: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The report's sections, by optimizer, each as soon as it is finished."""
    workers.one_thread_each()
    if not installed():
        raise BadInput("seeds: neither TensorFlow nor PyTorch is installed, so there is nothing to run.")
    tasks = {name: list(_tasks(name, seeds)) for name in optimizers}
    done: list[list[Found]] = []
    many = workers.number(processes, workers.A_FRAMEWORK)
    for task, found in workers.in_parallel(_installed, [t for ts in tasks.values() for t in ts], many, "seeds"):
        done.append(found)
        if len(done) == len(tasks[task.optimizer]):
            yield task.optimizer, _section(task.optimizer, done, seeds)
            done = []


def digest(optimizer: str, seeds: int) -> str:
    """A fingerprint of what these figures depend on: the cases with their data, the rule, and the versions."""
    versions = {f: sorted(BINDINGS[f].versions().items()) for f in installed() if optimizer in BINDINGS[f].entries}
    return hashlib.sha256(f"{of_cases(optimizer)} {seeds} {versions}".encode()).hexdigest()[:16]


def _tasks(optimizer: str, seeds: int) -> Iterator[Task]:
    for framework in installed():
        entry = BINDINGS[framework].entries.get(optimizer)
        for i in _one_a_problem(entry) if entry else ():
            yield Task(framework, optimizer, i, seeds)


def _one_a_problem(entry: Entry) -> Iterator[int]:
    """The numbers of one case per problem; if all seeds are one run, of all cases about steps."""
    table, seen = cases(entry), set()
    for i, case in sorted(enumerate(table), key=lambda item: bool(item[1].overrides)):
        if case.wrapping or case.second_group:
            continue
        if case.problem not in seen or (_side_by_side(entry) and _about_steps(case)):
            seen.add(case.problem)
            yield i


def _about_steps(case: Case) -> bool:
    return case.name in {c.name for c in BEHAVIOUR} | {f"state-{name}" for name in ABOUT_STEPS}


def _side_by_side(entry: Entry) -> bool:
    return entry.reference.separable and entry.reference.gradients == "dense"


def _installed(task: Task) -> list[Found]:
    """One case over all seeds, in every dtype and mode that the table has for it."""
    entry = BINDINGS[task.framework].entries[task.optimizer]
    case = cases(entry)[task.number]
    there = [
        i
        for i in optimizers.checks((task.framework,))
        if (i.optimizer, i.case.name) == (task.optimizer, case.name)
        and not BINDINGS[task.framework].mode_reason(entry, i.mode)
    ]
    runs = _together(there, task.seeds) if _side_by_side(entry) else _alone(there, task.seeds)
    worst: dict[tuple[str, str], Found] = {}
    for check, (ratio, where, row), seeds in runs:
        key = check.mode, check.dtype
        name = f"{task.framework} {check.mode}"
        before = worst.get(key, Found(name, check.dtype, -1.0, 0, ""))
        ratio, where = max((before.ratio, before.where), (ratio, where))
        known = before.known + seeds * bool(row)
        worst[key] = replace(before, ratio=ratio, where=where, runs=before.runs + seeds, known=known)
    return list(worst.values())


SeedVerdict = tuple[float, str, str]  # the ratio, where it is, and the matching ledger row for other cases
SeedRun = tuple[OptimizerCheck, SeedVerdict, int]  # how it ran, and for how many seeds


def _together(there: Sequence[OptimizerCheck], seeds: int) -> Iterator[SeedRun]:
    """All seeds in one run, in every dtype and mode; modes with identical bits share a verdict."""
    shared: dict[str, Shared] = defaultdict(Shared)
    for check in there:
        one = replace(check, case=replace(check.case, seeds=tuple(range(seeds))))
        found = _in_mode(one, check, shared[one.dtype])
        if found is not None:
            yield one, found, seeds


def _alone(there: Sequence[OptimizerCheck], seeds: int) -> Iterator[SeedRun]:
    """One run per seed, each in one dtype and mode in turn."""
    waiting: dict[str, Any] = {}  # drivers built and traced for a dtype
    for k in range(seeds if there else 0):
        check = there[k % len(there)]
        case = check.case
        shapes = (case.shapes or check.entry.shapes)[:TENSORS]
        seeded = replace(case, seeds=(k,), steps=min(case.steps, ALONE), shapes=shapes)
        one = replace(check, case=seeded)
        found = _in_mode(one, check, Shared(), waiting)
        if found is not None:
            yield one, found, 1


def _in_mode(
    one: OptimizerCheck, listed: OptimizerCheck, shared: Shared, waiting: dict | None = None
) -> SeedVerdict | None:
    """The ratio of one run; None if the framework has no such call, or is known to raise."""
    row = _ledger().row(listed, BINDINGS[one.framework].versions())
    if row is not None and row.expect.startswith("raises:"):
        return None
    try:
        plan = one.plan()
        states = drive(plan) if waiting is None else _driven(plan, waiting)
    except Unsupported:
        return None
    seen = States(plan, states=states)
    key = fingerprint(states) + (row.id if row else "").encode()
    if key not in shared.verdicts:
        ratio, where = _held_to(row, seen, shared)
        found: SeedVerdict = ratio, where, ""
        for other in _rows_of(listed) if not ratio <= LIMIT else ():
            if other is not row and found[0] > LIMIT:
                found = min(found, (*_held_to(other, seen, shared), other.id), key=lambda v: v[0])
        shared.verdicts[key] = found
    return shared.verdicts[key]


def _held_to(row: LedgerRow | None, seen: States, shared: Shared) -> tuple[float, str]:
    """The verdict by what a ledger row expects, or by the rule."""
    evidence = evidence_of(seen)
    if row is not None:
        evidence = evidence.beside(row.expected(evidence.groups))
    evidence.trajectories = shared.trajectories.setdefault(row and row.id, {})
    return _verdict(Judge(evidence), seen.plan.case)


def _rows_of(check: OptimizerCheck) -> list[LedgerRow]:
    """What the ledger expects in other cases of the optimizer."""
    versions, mine = BINDINGS[check.framework].versions(), f"{check.framework}-{check.optimizer}-"
    return [
        row
        for row in _ledger().rows
        if row.expect.startswith("mutant:")
        and row.applies(versions)
        and any(p.startswith(mine) for p in row.select)
    ]


def _driven(plan: StepPlan, waiting: dict[str, Any]) -> list[State]:
    """Reuse another seed's driver if it can restart: tracing a graph takes longer."""
    check = plan.check
    driver, params = waiting.pop(check.dtype, None), plan.case.data(plan.entry).params
    if driver is None:
        driver = BINDINGS[check.framework].start(plan.entry, plan.groups, params, check.dtype, check.mode)
    else:
        driver.restart(check.mode, params)
    states = through(plan, driver)
    if plan.case.resumed_at is None and getattr(driver, "as_before", False):
        waiting[check.dtype] = driver
    return states


@cache
def _ledger() -> ledger.Ledger:
    return ledger.load()


def _verdict(judge: Judge, case: Case) -> tuple[float, str]:
    """The higher ratio of step-locked and free-running, and where it is."""
    try:
        found = max((judge.locked(), judge.free()), key=lambda judged: judged.ratio)
    except TooManyBranches as reason:
        return float("inf"), f"{case.name}: {reason}"
    at = found.worst
    if at is None:
        return found.ratio, case.name
    seed = case.seeds[0] if len(case.seeds) == 1 else at.element[-1] if at.element else "all"
    return found.ratio, f"{case.name}, seed {seed}, step {at.step}, {at.quantity}"


def _section(optimizer: str, found: Sequence[Sequence[Found]], seeds: int) -> dict[str, Any]:
    groups: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for one in (one for results in found for one in results):
        groups[one.implementation, one.dtype].append(one)
    rows = []
    for (implementation, dtype), results in sorted(groups.items()):
        worst = max(results, key=lambda f: (f.ratio, f.where))
        rows.append(
            {
                "implementation": implementation,
                "dtype": dtype,
                "runs": sum(f.runs for f in results),
                "known": sum(f.known for f in results),
                "highest": short(worst.ratio),
                "case": worst.where,
            }
        )
    accused = [f for results in groups.values() for f in results if not f.ratio <= LIMIT]
    return {
        "digest": digest(optimizer, seeds),
        "seeds": seeds,
        "rows": rows,
        "runs": sum(row["runs"] for row in rows),
        "known": sum(row["known"] for row in rows),
        "highest": max((row["highest"] for row in rows), default=0.0),
        "versions": {n: v for f in installed() for n, v in BINDINGS[f].versions().items()},
        "accused": sorted(f"{f.implementation}, {f.dtype}, {f.where}: {f.ratio:.3g}" for f in accused),
    }
