"""A check of one schedule: one case of it, in one framework, dtype and mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from conformance.areas.schedules import keras_rates, torch_rates
from conformance.areas.schedules.rates import Rates, judged
from conformance.areas.schedules.schedule_cases import ScheduleCase, ScheduleEntry, cases
from conformance.bindings.binding import Group, Unsupported
from conformance.cases import economy
from conformance.cases.check import Check, Plan

DRIVERS: Mapping[str, Any] = {"torch": torch_rates, "keras": keras_rates}
DRAWN = ("base", "warmup")  # cases whose rates are plotted on the page


@dataclass(frozen=True)
class ScheduleCheck(Check):
    """The rates that an optimizer used under a schedule, update by update."""

    case: ScheduleCase

    area: ClassVar[str] = "schedules"

    @property
    def driver(self) -> Any:
        return DRIVERS[self.framework]

    @property
    def entry(self) -> ScheduleEntry:
        return self.driver.entries[self.optimizer]

    def groups(self, installed: bool = True) -> list[Group]:
        """The expected schedules; without the installed class, a case of defaults uses the base values."""
        found = self.driver.constructor(self.entry) if installed else None
        references = self.case.references(self.entry, found, self.driver.GROUPS)
        return [Group((i,), r) for i, r in enumerate(references)]

    def plan(self) -> Plan:
        groups = self.groups()
        references = [g.reference for g in groups]
        call, options = self.driver.describe(self.entry, references, self.case, self.mode)
        return Plan(self, call, options, groups)

    def observe(self, plan: Plan) -> Rates:
        references = [g.reference for g in plan.groups]
        seen = self.driver.drive(self.entry, references, self.case, self.dtype, self.mode)
        series = {}
        if self.name in DRAWN and self.mode == self.driver.PLAIN and self.dtype == "float32":
            series = {"t": [t for t, _ in seen], "rate": [numbers["rate[0]"] for _, numbers in seen]}
        precision = self.driver.precision(self.entry, self.dtype, self.mode)
        return Rates(plan, len(seen), series, beside=lambda groups: judged(seen, groups, precision))

    def signature(self) -> dict[str, Any] | None:
        """The options of the installed class, to find those without a case; None if there is no such schedule."""
        try:
            offered = self.driver.signature(self.entry)
        except Unsupported:
            return None
        return {
            "cls": self.entry.cls,
            "options": sorted(set(offered) - set(self.entry.not_update)),
            "classes": self.driver.classes(),
            "known": sorted({*(e.cls for e in self.driver.entries.values()), *self.driver.ELSEWHERE}),
        }


def checks() -> Iterator[ScheduleCheck]:
    """All checks: options in the plain modes; cases that go everywhere in each mode and dtype."""
    for framework, driver in DRIVERS.items():
        for entry in driver.entries.values():
            for case in cases(entry):
                for mode in driver.MODES:
                    for dtype in ("float64", "float32"):
                        if economy.schedule_worth(framework, dtype, mode, case.everywhere, bool(case.given)):
                            yield ScheduleCheck(framework, entry.optimizer, case.name, case.why, dtype, mode, case)
