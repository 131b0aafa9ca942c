"""The verdict on a schedule: the error of each rate used, as a share of what rounding allows.

`Precision` holds what a binding declares: whether hyperparameters are Python numbers, in float64, or tensors;
whether the rate starts as a tensor; and whether each rate is computed from the previous one, so that rounding
errors accumulate. The expected value is always that of the closed form, and the bound the wider of the two forms'.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np

from conformance.bindings.binding import Group
from conformance.cases.check import Observation
from conformance.judge.compared import LIMIT
from conformance.judge.ledger import LedgerRow
from conformance.judge.record import Worst
from conformance.judge.verdict import Expected, Judged, Verdict, too_wide, verdict_of
from reference.bounded import Bounded, number, strong
from reference.branches import candidates
from reference.formats import FLOAT64, Format
from reference.schedules import Schedule, recursive

MOMENTUM = 0.75  # of the optimizer, where the schedule leaves it alone
Seen = list[tuple[float, dict[str, float]]]  # update -> "rate[0]", "said[0]", ... -> number


@dataclass(frozen=True)
class Precision:
    """The precision in which a framework computes a schedule."""

    result: Format  # of the parameter that the rate is applied to
    scalars: Format | None = None  # of hyperparameters and updates that are tensors; None: Python numbers
    rate: Format | None = None  # of the rate, if it is a tensor and the hyperparameters are not
    said: Format = FLOAT64  # of the rate that the schedule reports
    recursive: bool = False


def typed(schedule: Schedule, make: Callable[[str, float], Any]) -> Schedule:
    """The schedule with its numbers as scalars of some precision; integers stay unchanged."""
    changes: dict[str, Any] = {}
    for f in fields(schedule):
        value = getattr(schedule, f.name)
        if isinstance(value, tuple) and value:
            one = (lambda v: typed(v, make)) if isinstance(value[0], Schedule) else (lambda v, n=f.name: make(n, v))
            changes[f.name] = tuple(one(v) if isinstance(v, (float, Schedule)) else v for v in value)
        elif isinstance(value, float):
            changes[f.name] = make(f.name, value)
    return replace(schedule, **changes)


class Expectation:
    """The values that the references of the parameter groups predict for every update."""

    def __init__(self, groups: Sequence[Group], precision: Precision):
        self.precision = precision
        self.schedules = [g.reference for g in groups]
        self.maybes = 0

    def at(self, t: float, quantity: str, longest: int) -> list[Bounded]:
        """The right values of `quantity` at update t: several where rounding decides a branch."""
        name, _, index = quantity[:-1].partition("[")
        p, schedule = self.precision, self.schedules[int(index)]
        if name == "said" and schedule.says == "last":
            t = max(t - 1, 0)
        recursive_form = p.recursive and name != "momentum"
        if recursive_form and schedule.by_recursion:
            found = [_run(schedule, p.scalars, p.rate, longest)[int(t)]]
        else:
            found, maybes = _closed(schedule, p.scalars, p.rate, t, name == "momentum")
            self.maybes += maybes
            if recursive_form:
                grown = _run(schedule, p.scalars, p.rate, longest)[int(t)]
                found = [Bounded(v.value, np.maximum(v.error, grown.error), grown.fmt, grown.weak) for v in found]
        fmt = p.said if name == "said" else p.result
        return [_in(v, fmt) for v in found]


def _made(schedule: Schedule, scalars: Format | None, rate: Format | None) -> Schedule:
    """The schedule with scalars of the declared precision."""

    def make(name: str, value: float) -> Bounded:
        fmt = scalars or (rate if name == "rate" else None)
        return strong(number(value), fmt) if fmt else number(value)

    return typed(schedule, make)


# The following is the same for many modes of a case, so it is cached.
@lru_cache(maxsize=10_000)
def _closed(
    schedule: Schedule, scalars: Format | None, rate: Format | None, t: float, momentum: bool
) -> tuple[list[Bounded], int]:
    """The values at update t by the closed form, one for each branch that rounding leaves open."""
    made, time = _made(schedule, scalars, rate), number(t)
    time = strong(time, scalars) if scalars else time
    if momentum and not made.cycle_momentum:
        return [number(MOMENTUM)], 0
    found, maybes = candidates(lambda: made.momentum(time) if momentum else made.at(time))
    return [_lifted(v) for v in found], maybes


@lru_cache(maxsize=200)
def _run(schedule: Schedule, scalars: Format | None, rate: Format | None, n: int) -> list[Bounded]:
    """The first n rates by the recursive form."""
    times = [number(t) for t in range(n)]
    return [_lifted(v) for v in recursive(_made(schedule, scalars, rate), times)]


def _lifted(value: Any) -> Bounded:
    return value if isinstance(value, Bounded) else Bounded(value, weak=True)


def _in(value: Bounded, fmt: Format) -> Bounded:
    """A rate as applied to a parameter: rounded once if the parameter is narrower."""
    if value.fmt.precision <= fmt.precision:
        return Bounded(value.value, value.error, fmt)
    return strong(Bounded(value.value, value.error, value.fmt, weak=True), fmt)


def judged(seen: Seen, groups: Sequence[Group], precision: Precision) -> Judged:
    """Every observed number, against the references."""
    expectation = Expectation(groups, precision)
    longest = 1 + max((int(t) for t, _ in seen), default=0) if precision.recursive else 0
    with np.errstate(all="ignore"):
        rows = [
            (f"{quantity} of update {t:g}", got, expectation.at(t, quantity, longest), row)
            for row, (t, numbers) in enumerate(seen, 1)
            for quantity, got in numbers.items()
        ]
    found = compare(rows)
    found.maybes = expectation.maybes
    return found


def judged_values(rows: Sequence[tuple[str, float, list[Any]]], precision: Precision) -> Judged:
    """Every observed number, one per row, against its right values."""
    return compare(
        (what, got, [_in(_lifted(v), precision.result) for v in right], row)
        for row, (what, got, right) in enumerate(rows, 1)
    )


def compare(rows: Iterable[tuple[str, float, list[Bounded], int]]) -> Judged:
    """The observation of each row, by name, and its right values; several rows may be of one update."""
    found = Judged()
    sharp, widest, largest = [], 0.0, 0.0
    good: dict[int, list[str]] = {}
    ratios: dict[int, float] = {}
    for what, got, options, row in rows:
        ratio, best = min(((_ratio(o, got), o) for o in options), key=lambda pair: pair[0])
        ratios[row] = max(ratios.get(row, 0.0), ratio)
        if ratio <= LIMIT:
            good.setdefault(row, []).append(what)
        if found.worst is None or (found.worst.ratio <= LIMIT and ratio > found.worst.ratio):
            found.worst = _worst(ratio, row, what, got, best)
        size, bound = abs(float(best.value)), float(best.error)
        sharp += [bound / size] if size > best.fmt.smallest_normal and math.isfinite(bound) else []
        widest, largest = max(widest, bound), max(largest, size)
    found.ratios = [ratios[row] for row in sorted(ratios)]
    found.agrees = good.get(found.first_bad, []) if found.first_bad else []
    # Sharp overall, and nowhere wide compared with the rates.
    if sharp:
        found.resolution = max(float(np.median(sharp)), widest / largest)
    return found


def _ratio(expected: Bounded, got: float) -> float:
    """|got - expected| / bound; non-finite values must be equal."""
    value, error = expected.value, expected.error
    if got == value or (math.isnan(got) and np.isnan(value)):
        return 0.0
    if not error > 0:
        return math.inf
    ratio = float(abs(got - value) / error)
    return math.inf if math.isnan(ratio) else ratio


def _worst(ratio: float, step: int, quantity: str, got: float, expected: Bounded) -> Worst:
    return Worst(ratio, step, quantity, (), float(got), float(expected.value), float(expected.error))


@dataclass
class Rates(Observation):
    """The rates that an optimizer used with a schedule, and how to judge them by other references."""

    beside: Callable[[Sequence[Group]], Judged] = field(kw_only=True)


@verdict_of.register
def of_rates(seen: Rates, row: LedgerRow | None) -> Verdict:
    """By the references and, if it diverges from them, by what the ledger expects."""
    found, expected = seen.beside(seen.plan.groups), None
    if row is not None and not found.conforms:
        other = seen.beside(row.expected(seen.plan.groups))
        expected = Expected(other.conforms, other.ratio)
    return Verdict(
        seen,
        found.conforms,
        locked=found.worst,
        first_bad=found.first_bad,
        agrees=found.agrees,
        resolution=found.resolution,
        maybes=found.maybes,
        blind=too_wide(found.resolution, of="rate"),
        expected=expected,
    )
