"""A check: one thing held to a reference, in one dtype and mode; and an area: checks of one kind.

A check runs in one direction, each stage a value. The first two are here; only they use the bindings:

    plan -> observation -> verdict -> outcome by the ledger -> explanation -> record

The others are conformance/judge's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry, Group
from conformance.errors import choose

SELECTIONS = ("area", "framework", "optimizer", "dtype", "mode")  # what a run can be narrowed by


@dataclass(frozen=True)
class Check:
    """One check. A subclass adds what it needs, `plan` and `observe`."""

    framework: str  # "torch", "keras", or "both" where a check needs both
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
        """The frameworks that must be installed."""
        return tuple(BINDINGS) if self.framework == "both" else (self.framework,)

    @property
    def fingerprint(self) -> str:
        """What enters the digest of the table."""
        return repr(self)

    @property
    def length(self) -> int:
        """The number of steps, where known before it runs."""
        return 0

    def versions(self) -> dict[str, str]:
        """The versions of the packages it needs."""
        return {name: v for f in self.needs for name, v in BINDINGS[f].versions().items()}

    def signature(self) -> dict[str, Any] | None:
        """What the installed framework offers: options of this constructor, classes, and known classes."""
        return None

    def in_other_modes(self) -> list[Check]:
        """The same check in every other mode, to report next to a divergence."""
        return []

    def plan(self) -> Plan:
        """What is about to run. Unsupported, with the reason, where the framework lacks it."""
        raise NotImplementedError

    def observe(self, plan: Plan) -> Observation:
        """Run it and record what the implementation did."""
        raise NotImplementedError


@dataclass(frozen=True)
class Plan:
    """A check about to run: the constructor call, and the references that hold."""

    check: Check
    constructor: str = ""  # the call that a user would write
    options: Mapping[str, str] = field(default_factory=dict)  # those that are not the default
    groups: Sequence[Group] = ()


@dataclass
class Observation:
    """What an implementation did."""

    plan: Plan
    steps: int = 0
    series: dict[str, list[Any]] = field(default_factory=dict)  # plotted in the report
    constructor: str = ""  # replaces the plan's, where only the run shows what to write


@dataclass(frozen=True)
class Area:
    """Checks of one kind, with a page of their own in the report."""

    name: str
    title: str  # of its page
    says: str  # what it checks, in one sentence
    subject: str  # what a row of its matrix is: "Schedule"
    checks: Callable[[], Iterable[Check]]
    # The names whose constructor options count for coverage, by framework.
    entries: Callable[[str], Mapping[str, Entry]] = lambda framework: {}


def select(table: Iterable[Check], **given: Iterable[str]) -> list[Check]:
    """The checks of the table that match every given option exactly; BadInput for an unknown name."""
    table = list(table)
    wanted = {}
    for option in SELECTIONS:
        allowed = {getattr(i, option) for i in table}
        wanted[option] = {choose(f"--{option}", v.lower(), allowed) for v in given.get(option, ())}
    return [i for i in table if all(not w or getattr(i, o) in w for o, w in wanted.items())]
