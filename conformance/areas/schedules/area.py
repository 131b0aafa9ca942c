"""The area of schedules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.areas.schedules import checks, joined, paired, plateau_checks
from conformance.bindings.binding import Entry
from conformance.cases.check import Area, Check


def all_checks() -> Iterator[Check]:
    """All checks of schedules."""
    for module in (checks, joined, plateau_checks, paired):
        yield from module.checks()


def entries(framework: str) -> Mapping[str, Entry]:
    """The schedules of a framework."""
    return {**checks.DRIVERS[framework].entries, "reducelronplateau": plateau_checks.ENTRIES[framework]}


AREA = Area(
    name="schedules",
    title="Learning-rate schedules",
    says="The rate that the optimizer actually used at every update, against the schedule's formula: on, before "
    "and after each boundary, far beyond the end, by index, resumed, and composed.",
    subject="Schedule",
    checks=all_checks,
    entries=entries,
)
