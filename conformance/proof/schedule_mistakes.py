"""What the schedule cases can detect: every mistake in a reference, every ignored option, and the case for it.

No framework is involved: the reference with the mistake, computed in extended precision, stands in for an
implementation. `python -m conformance update` writes the findings to schedules.json, for the page; the tests repeat
all of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from conformance import mutants
from conformance.areas.schedules import keras_rates, plateau_checks, torch_rates
from conformance.areas.schedules.rates import MOMENTUM, Judged, Precision, Seen, judged, typed
from conformance.areas.schedules.schedule_cases import ScheduleCase, ScheduleEntry, cases, length, points
from conformance.bindings.binding import Group, Unsupported, to_arguments
from conformance.judge.record import atomically
from conformance.mutants import Mutant
from reference.formats import WORKING
from reference.schedules import Plateau, Schedule, is_recursive

PATH = Path(__file__).with_name("schedules.json")
DRIVERS: Mapping[str, Any] = {"torch": torch_rates, "keras": keras_rates}
ENTRIES: Sequence[tuple[str, ScheduleEntry]] = [(f, e) for f, d in DRIVERS.items() for e in d.entries.values()]
Kill = tuple[str, float]  # the case, and the error as a multiple of what is allowed


@cache
def trials(framework: str, name: str) -> list[tuple[ScheduleCase, Schedule]]:
    """Every case of a schedule, with its references."""
    driver = DRIVERS[framework]
    entry, found = driver.entries[name], []
    for case in cases(entry):
        try:
            for reference in case.references(entry, None, driver.GROUPS):
                to_arguments(entry, reference)
                found.append((case, reference))
        except Unsupported:
            continue
    return found


def times(framework: str, case: ScheduleCase, reference: Schedule) -> list[float]:
    """The updates at which an implementation is examined."""
    whole = list(range(length(reference, case)))
    if framework == "torch" and is_recursive(reference):
        return whole
    return sorted({*whole, *points(reference, case)})


def seen_by(
    framework: str, case: ScheduleCase, reference: Schedule, make: Callable[[float], Any] = WORKING.dtype
) -> Seen:
    """The rates of an implementation that computes with `make`, exact or rounded."""
    made = typed(reference, lambda _, v: make(v))
    steps = times(framework, case, reference)
    by_recursion = framework == "torch" and reference.by_recursion
    rates = made.run(steps) if by_recursion else [made.at(t) for t in steps]
    rows: Seen = [(t, {"rate[0]": float(np.float64(rate))}) for t, rate in zip(steps, rates, strict=True)]
    if reference.momenta:
        for t, row in rows:
            row["momentum[0]"] = float(np.float64(made.momentum(t))) if reference.cycle_momentum else MOMENTUM
    return rows


def precision_of(framework: str, entry: ScheduleEntry) -> Precision:
    """float64 if the framework computes in it: rounding that Keras does anyway is not a mistake."""
    driver = DRIVERS[framework]
    return driver.precision(entry, "float64" if framework == "torch" else "float32", driver.PLAIN)


def kill(mutant: Mutant, framework: str, name: str) -> Kill | tuple[()] | None:
    """The first case that detects the mistake; None if none does, () if the schedule's dialect cannot make it."""
    entry, reached = DRIVERS[framework].entries[name], False
    precision = precision_of(framework, entry)
    with np.errstate(all="ignore"):
        for case, reference in trials(framework, name):
            try:
                wrong = seen_by(framework, case, mutants.plant(reference, mutant))
            except (ArithmeticError, IndexError):
                return case.name, math.inf
            if repr(wrong) == repr(seen_by(framework, case, reference)):
                continue
            reached = True
            found = judged(wrong, [Group((0,), reference)], precision)
            if not found.conforms:
                return case.name, found.ratio
    return None if reached else ()


def options(entry: ScheduleEntry) -> list[str]:
    """The hyperparameters that are the schedule's own options."""
    given = (f for f in fields(entry.reference) if f.name in entry.arguments and f.name not in entry.dialect)
    return [f.name for f in given if f.metadata["probe"] is not None]


def ignored(option: str, framework: str, name: str) -> Kill | None:
    """The first case that sets an option and detects an implementation that keeps the base value."""
    entry = DRIVERS[framework].entries[name]
    left = entry.base.get(option, next(f.metadata["base"] for f in fields(entry.reference) if f.name == option))
    for case, reference in trials(framework, name):
        if option in case.overrides:
            ignoring = entry.reference(**{**vars(reference), option: left})
            with np.errstate(all="ignore"):
                wrong = seen_by(framework, case, ignoring)
                found = judged(wrong, [Group((0,), reference)], precision_of(framework, entry))
            if not found.conforms:
                return case.name, found.ratio
    return None


# -- what follows a metric ---------------------------------------------------------------------------
def plateaus(framework: str) -> list[plateau_checks.PlateauCheck]:
    """The plain checks of a framework's ReduceLROnPlateau."""
    found = (c for c in plateau_checks.checks() if c.framework == framework)
    return [c for c in found if c.dtype == "float64" and c.mode == plateau_checks.PLAIN[framework]]


def following(check: plateau_checks.PlateauCheck, reference: Schedule) -> Judged:
    """A check's verdict on an implementation that follows this reference."""
    groups = check.groups(installed=False)[:1]
    sign = -1 if groups[0].reference.mode == "max" else 1
    scripts = {name: [sign * x for x in plateau_checks.METRICS[name]] for name in check.case.metrics}
    seen = {
        name: [(t, {"rate[0]": float(v)}) for t, v in enumerate(reference.follow(metrics))]
        for name, metrics in scripts.items()
    }
    return plateau_checks.judge_all(seen, scripts, groups, plateau_checks.precision_of(check.framework, "float64"))


def kill_plateau(mutant: Mutant, framework: str) -> Kill | None:
    """A framework's first case that detects the mistake."""
    for check in plateaus(framework):
        found = following(check, mutants.plant(check.groups(installed=False)[0].reference, mutant))
        if not found.conforms:
            return check.name, found.ratio
    return None


# -- all of it ------------------------------------------------------------------------------------------
def found() -> dict[str, dict[str, list]]:
    """Schedule -> mistake -> the case that detects it and by how much; "ignored:..." are options."""
    table: dict[str, dict[str, list]] = {}
    for framework, entry in ENTRIES:
        kills = table[f"{framework} {entry.cls}"] = {}
        for name, killed in _of(framework, entry):
            if killed != ():
                kills[name] = _kept(killed)
    for framework in plateau_checks.PLAIN:
        kills = table[f"{framework} ReduceLROnPlateau"] = {}
        for mutant in mutants.of(Plateau):
            if killed := kill_plateau(mutant, framework):
                kills[mutant.name] = _kept(killed)
    return table


def _of(framework: str, entry: ScheduleEntry) -> Iterator[tuple[str, Kill | tuple[()] | None]]:
    for mutant in mutants.of(entry.reference):
        yield mutant.name, kill(mutant, framework, entry.optimizer)
    for option in options(entry):
        yield f"ignored:{option}", ignored(option, framework, entry.optimizer)


def _kept(killed: Kill | None) -> list:
    """The stored form: [] if nothing detects it, no ratio if the mistake is not a number or raises."""
    if not killed:
        return []
    case, ratio = killed
    return [case, float(f"{ratio:.3g}") if math.isfinite(ratio) else None]


def load() -> dict[str, dict[str, list]]:
    """The stored findings."""
    return json.loads(PATH.read_text(encoding="utf-8"))


def write() -> list[str]:
    """Rewrite the findings; return the schedules whose findings changed."""
    before, now = load(), found()
    with atomically(PATH) as file:
        rows = (f"{json.dumps(name)}: {json.dumps(kills, sort_keys=True)}" for name, kills in now.items())
        file.write("{\n" + ",\n".join(rows) + "\n}\n")
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
