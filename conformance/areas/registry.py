"""The areas: what is checked besides the steps of optimizers. A new one is an entry in AREAS.

An area is a module with an `AREA`. It lists its checks without importing a framework; each has an id of the same
form as an optimizer's check and leaves an ordinary record: the ledger, the gate and the report treat it like any
other. Its page in the report is made from the records alone (conformance/report/area_pages.py).
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterable
from functools import cache

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry
from conformance.cases import optimizers
from conformance.cases.check import Area, Check

# Name -> the module with its AREA. Optimizers are the case table itself.
AREAS: dict[str, str] = {
    "claims": "conformance.areas.claims.area",
    "parity": "conformance.areas.parity.area",
    "scheduling": "conformance.areas.scheduling.area",
    "schedules": "conformance.areas.schedules.area",
    "refusals": "conformance.areas.refusals.area",
}


def area(name: str) -> Area:
    """The area with this name."""
    return importlib.import_module(AREAS[name]).AREA


def entry(framework: str, optimizer: str) -> tuple[str, Entry]:
    """The entry for these two names, and the area that checks its options."""
    if optimizer in BINDINGS[framework].entries:
        return "optimizers", BINDINGS[framework].entries[optimizer]
    found = ((name, area(name).entries(framework)) for name in AREAS)
    return next((name, entries[optimizer]) for name, entries in found if optimizer in entries)


def checks(frameworks: Iterable[str] = tuple(BINDINGS)) -> list[Check]:
    """Everything that can be checked with these frameworks, in a fixed order: the case table, then each area."""
    there = set(frameworks)
    found: list[Check] = [*optimizers.checks([f for f in BINDINGS if f in there])]
    for name in AREAS:
        found += [c for c in _checks(name) if there.issuperset(c.needs)]
    return found


@cache
def _checks(name: str) -> tuple[Check, ...]:
    return tuple(area(name).checks())


def digest(frameworks: Iterable[str] = tuple(BINDINGS)) -> str:
    """A fingerprint of all checks and their data: records of different tables are never mixed."""
    frameworks = list(frameworks)
    table = checks(frameworks)
    state = hashlib.sha256("\n".join(c.fingerprint for c in table).encode())
    state.update(optimizers.data_digest(optimizers.checks([f for f in BINDINGS if f in frameworks])).encode())
    return state.hexdigest()[:16]
