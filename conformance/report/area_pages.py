"""What each area's page shows besides its matrix, from the records alone. A new area gets an entry in PAGES."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from conformance.judge.record import Record
from conformance.report import claims_page, parity_page, refusals_page, schedules_page, scheduling_page
from conformance.report.pictures import Figure

# Area -> a module that has `tables`, `figures`, or both.
PAGES: Mapping[str, ModuleType] = {
    "claims": claims_page,
    "parity": parity_page,
    "refusals": refusals_page,
    "schedules": schedules_page,
    "scheduling": scheduling_page,
}


def figures(area: str, records: Sequence[Record]) -> list[Callable[[], Figure]]:
    """The functions that draw the pictures: drawing is slow, so they may run in parallel."""
    make = getattr(PAGES.get(area), "figures", None)
    return make(records) if make else []


def tables(area: str, records: Sequence[Record]) -> list[dict[str, Any]]:
    """The tables, each with a title, says, a head and rows."""
    make = getattr(PAGES.get(area), "tables", None)
    return make(records) if make else []
