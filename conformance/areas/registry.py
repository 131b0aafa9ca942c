"""The areas: what is checked beside the steps of optimizers. A new one is an entry in AREAS.

An area is a module with an `AREA`. It lists its checks without importing a framework; each check is an instance
like those of the case table, with an id of the same form, and leaves a record like any other: the ledger, the gate
and the report make no difference. Its page of the report is made from the records alone.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from conformance.bindings import BINDINGS
from conformance.bindings.base import Entry, Unsupported
from conformance.cases import table
from conformance.judge.ledger import Ledger
from conformance.judge.record import Outcome, Record
from reference.branches import TooManyBranches

# Name -> the module that has its AREA. Optimizers are the case table itself.
AREAS: dict[str, str] = {
    "claims": "conformance.areas.claims",
    "parity": "conformance.areas.parity",
    "scheduling": "conformance.areas.scheduling",
    "schedules": "conformance.areas.schedules",
    "refusals": "conformance.areas.refusals",
}


@dataclass(frozen=True)
class Check:
    """One check of an area. A subclass adds what it needs, and `judge`."""

    framework: str  # "torch", "keras", or "both" where one check needs the two
    optimizer: str  # what is checked, lower case: an optimizer, a schedule, a claim
    name: str  # of the case
    why: str
    dtype: str
    mode: str

    area: ClassVar[str]

    @property
    def id(self) -> str:
        return f"{self.framework}-{self.optimizer}-{self.name}-{self.dtype}-{self.mode}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The frameworks that have to be installed."""
        return tuple(BINDINGS) if self.framework == "both" else (self.framework,)

    def signature(self) -> dict[str, Any] | None:
        """What the installed framework offers: options of this constructor, classes, and known ones."""
        return None

    def judge(self, record: Record, ledger: Ledger) -> None:
        """Run the check and name the outcome in `record`. Unsupported and any other exception may leave it."""
        raise NotImplementedError


@dataclass(frozen=True)
class Figure:
    """A picture on an area's page."""

    title: str
    svg: str
    caption: str  # what to see in it


@dataclass(frozen=True)
class Area:
    name: str
    title: str  # of its page
    says: str  # what it checks, in a sentence
    subject: str  # what a row of its matrix is: "Schedule"
    checks: Callable[[], Iterable[Check]]
    # What draws each picture, from the records alone: drawing takes the time, so that it may be done side by side.
    figures: Callable[[Sequence[Record]], list[Callable[[], Figure]]] = lambda records: []
    tables: Callable[[Sequence[Record]], list[dict[str, Any]]] = lambda records: []  # title, says, head, rows
    entries: Callable[[str], Mapping[str, Entry]] = (
        lambda framework: {}
    )  # what has constructors whose options count


def area(name: str) -> Area:
    """The area of this name."""
    return importlib.import_module(AREAS[name]).AREA


def entry(framework: str, optimizer: str) -> tuple[str, Entry]:
    """What these two names stand for, and the area that checks its options."""
    if optimizer in BINDINGS[framework].entries:
        return "optimizers", BINDINGS[framework].entries[optimizer]
    found = ((name, area(name).entries(framework)) for name in AREAS)
    return next((name, entries[optimizer]) for name, entries in found if optimizer in entries)


def instances(frameworks: Iterable[str] = tuple(BINDINGS)) -> list[table.Instance | Check]:
    """Everything that can be checked with these frameworks, in a fixed order: the case table, then each area."""
    there = set(frameworks)
    found: list[table.Instance | Check] = table.instances([f for f in BINDINGS if f in there])
    for name in AREAS:
        found += [c for c in _checks(name) if there.issuperset(c.needs)]
    return found


@cache
def _checks(name: str) -> tuple[Check, ...]:
    return tuple(area(name).checks())


def digest(frameworks: Iterable[str] = tuple(BINDINGS)) -> str:
    """A fingerprint of everything that is checked and its data."""
    frameworks = list(frameworks)
    state = hashlib.sha256(table.digest(frameworks).encode())
    for i in instances(frameworks):
        if isinstance(i, Check):
            state.update(f"{i!r}\n".encode())
    return state.hexdigest()[:16]


def versions(instance: table.Instance | Check) -> dict[str, str]:
    """The versions of what the instance needs."""
    return {name: v for f in instance.needs for name, v in BINDINGS[f].versions().items()}


def blank(instance: table.Instance | Check) -> Record:
    """The record of an instance before anything has run."""
    return Record(
        id=instance.id,
        framework=instance.framework,
        optimizer=instance.optimizer,
        case=instance.name,
        dtype=instance.dtype,
        mode=instance.mode,
        area=instance.area,
        outcome=Outcome.ERROR,
        why=instance.why,
        command=f"pytest -k {instance.id}",
    )


def run(instance: table.Instance | Check, ledger: Ledger, explain: bool = True, deep: bool = False) -> Record:
    """Run one instance. Whatever goes wrong becomes an outcome, never an exception."""
    if isinstance(instance, table.Instance):
        from conformance.judge import engine

        return engine.run(instance, ledger, explain, deep)
    record = blank(instance)
    try:
        instance.judge(record, ledger)
    except Unsupported as reason:
        record.outcome, record.reason = Outcome.UNSUPPORTED, str(reason)
    except TooManyBranches as reason:
        record.outcome, record.reason = Outcome.BLIND, str(reason)
    except Exception as error:
        record.outcome, record.reason = Outcome.ERROR, f"{type(error).__name__}: {error}"
        row = ledger.row(instance, versions(instance))
        if row is not None and row.raises(record.reason):
            record.outcome, record.reason, record.expect = Outcome.DIVERGES_KNOWN, row.reason, row.expect
            record.ledger, record.kind, record.link = row.id, row.kind, row.link
    return record
