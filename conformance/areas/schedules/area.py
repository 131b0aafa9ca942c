"""What the area of schedules is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.areas.registry import Area, Check
from conformance.bindings.base import Entry
from conformance.report import schedules_page


def checks() -> Iterator[Check]:
    """All checks of schedules."""
    from conformance.areas.schedules import check, joined, paired, plateau

    yield from check.checks()
    yield from joined.checks()
    yield from plateau.checks()
    yield from paired.checks()


def entries(framework: str) -> Mapping[str, Entry]:
    """The schedules of a framework."""
    from conformance.areas.schedules import check, plateau

    return {**check.DRIVERS[framework].entries, "reducelronplateau": plateau.ENTRIES[framework]}


AREA = Area(
    name="schedules",
    title="Learning-rate schedules",
    says="The rate that the optimizer really used at every update, against the formula of the schedule: on, before "
    "and after each boundary, far beyond the end, by index, resumed, and composed.",
    subject="Schedule",
    checks=checks,
    figures=schedules_page.figures,
    tables=schedules_page.tables,
    entries=entries,
)
