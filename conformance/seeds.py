"""No false alarms: right implementations over hundreds of seeds of every problem.

Where a rule is elementwise the seeds lie side by side along a last axis, so that one run does them all: every
problem in plain NumPy, and in a framework in every dtype and mode. Other rules run in the frameworks once a
seed, each seed in one dtype and mode, in turn. What a row of the ledger speaks of is held to what that expects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from conformance import cases, engine, ledger, selfcheck, workers
from conformance.bindings import BINDINGS, installed
from conformance.bindings.base import Entry, Group, Unsupported
from conformance.cases import Case, Instance
from conformance.kill import short
from conformance.selfcheck import Trial
from conformance.verdict import LIMIT, Judge
from reference.branches import TooManyBranches

NUMPY = ""  # in the place of a framework


@dataclass(frozen=True)
class Task:
    """One case of one optimizer, in all dtypes and modes of a framework; in plain NumPy a trial."""

    framework: str
    optimizer: str
    number: int  # of the case in its table, or of the trial
    seeds: int


@dataclass(frozen=True)
class Found:
    """The highest ratio of one implementation in one case, over all seeds."""

    implementation: str
    dtype: str
    ratio: float
    runs: int
    where: str


def run(optimizers: Sequence[str], seeds: int, processes: str) -> dict[str, Any]:
    """The section of the report, by optimizer."""
    workers.one_thread_each()
    plain = [
        Task(NUMPY, name, i, seeds)
        for name in optimizers
        for i, trial in enumerate(selfcheck.trials(name))
        if _about_problem(trial.case) and _elementwise(trial.groups())
    ]
    found = list(workers.in_parallel(_plain, plain, workers.number(processes), "seeds, NumPy"))
    for framework in installed():
        entries = BINDINGS[framework].entries
        tasks = [
            Task(framework, name, i, seeds)
            for name in optimizers
            if name in entries
            for i in _one_a_problem(entries[name])
        ]
        many = workers.number(processes, workers.A_FRAMEWORK)
        found += workers.in_parallel(_installed, tasks, many, f"seeds, {framework}")
    return {name: _section([f for f in found if f[0].optimizer == name], seeds) for name in optimizers}


def _one_a_problem(entry: Entry) -> Iterator[int]:
    """The numbers of the cases that are about a problem and not an option, and of one for every other problem."""
    table, seen = cases.cases(entry), set()
    for i, case in sorted(enumerate(table), key=lambda item: bool(item[1].overrides)):
        if _about_problem(case) or (case.problem not in seen and not (case.wrapping or case.second_group)):
            seen.add(case.problem)
            yield i


def _about_problem(case: Case) -> bool:
    return case.name in {c.name for c in cases.BEHAVIOUR} | {f"state-{name}" for name in cases.ABOUT_STEPS}


def _section(found: Sequence[tuple[Task, list[Found]]], seeds: int) -> dict[str, Any]:
    groups: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for _, results in found:
        for one in results:
            groups[one.implementation, one.dtype].append(one)
    rows = []
    for (implementation, dtype), results in sorted(groups.items()):
        worst = max(results, key=lambda f: (f.ratio, f.where))
        rows.append(
            {
                "implementation": implementation,
                "dtype": dtype,
                "runs": sum(f.runs for f in results),
                "highest": short(worst.ratio),
                "case": worst.where,
            }
        )
    accused = [f for _, results in found for f in results if not f.ratio <= LIMIT]
    return {
        "seeds": seeds,
        "rows": rows,
        "runs": sum(row["runs"] for row in rows),
        "highest": max((row["highest"] for row in rows), default=0.0),
        "versions": {n: v for f in installed() for n, v in BINDINGS[f].versions().items()},
        "accused": sorted(f"{f.implementation}, {f.dtype}, {f.where}: {f.ratio:.3g}" for f in accused),
    }


def _elementwise(groups: Sequence[Group]) -> bool:
    return all(getattr(g.reference, "elementwise", False) for g in groups)


def _plain(task: Task) -> list[Found]:
    trial = selfcheck.trials(task.optimizer)[task.number]
    one = Trial(trial.framework, trial.entry, _stacked(trial.case, task), trial.dtype)
    ratio, where = _ratio(one.judge(one.states(one.groups())), one.case)
    return [Found(f"NumPy, forms of {trial.framework}", trial.dtype, ratio, task.seeds, where)]


def _stacked(case: Case, task: Task) -> Case:
    return replace(case, seeds=tuple(range(task.seeds)))


def _installed(task: Task) -> list[Found]:
    binding = BINDINGS[task.framework]
    entry = binding.entries[task.optimizer]
    case = cases.cases(entry)[task.number]
    there = [
        i
        for i in cases.instances((task.framework,))
        if (i.optimizer, i.case.name) == (task.optimizer, case.name) and not binding.mode_reason(entry, i.mode)
    ]
    at_once = _elementwise(case.groups(entry, binding.constructor(entry)))
    worst: dict[tuple[str, str], Found] = {}
    trajectories: dict[str, dict] = defaultdict(dict)
    for k in range(1 if at_once else task.seeds):
        seeded = _stacked(case, task) if at_once else replace(case, seeds=(k,))
        for instance in there if at_once else [there[k % len(there)]] if there else []:
            one = replace(instance, case=seeded)
            found = _in_mode(one, instance, trajectories[one.dtype] if at_once else {})
            if found is not None:
                key = one.mode, one.dtype
                before = worst.get(key, Found(f"{task.framework} {one.mode}", one.dtype, -1.0, 0, ""))
                ratio, where = max((before.ratio, before.where), found)
                worst[key] = replace(before, ratio=ratio, where=where, runs=before.runs + len(seeded.seeds))
    return list(worst.values())


def _in_mode(one: Instance, listed: Instance, trajectories: dict) -> tuple[float, str] | None:
    """The ratio of one run; None where the framework has no such call, or is known to raise."""
    row = _ledger().row(listed, BINDINGS[one.framework].versions())
    if row is not None and row.expect.startswith("raises:"):
        return None
    try:
        seen = engine.drive(one)
    except Unsupported:
        return None
    expected = row.expected(seen.groups) if row is not None else seen.groups
    return _ratio(engine.judge(one, seen, expected, trajectories=trajectories), one.case)


@cache
def _ledger() -> ledger.Ledger:
    return ledger.load()


def _ratio(judge: Judge, case: Case) -> tuple[float, str]:
    """The higher one of the steps one by one and of the whole run, and where it is."""
    try:
        found = max((judge.locked(), judge.free()), key=lambda judged: judged.ratio)
    except TooManyBranches as reason:
        return float("inf"), f"{case.name}: {reason}"
    at = found.worst
    if at is None:
        return found.ratio, case.name
    seed = case.seeds[0] if len(case.seeds) == 1 else at.element[-1] if at.element else "all"
    return found.ratio, f"{case.name}, seed {seed}, step {at.step}, {at.quantity}"
