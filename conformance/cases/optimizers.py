"""The checks of optimizers: every case in the dtypes and modes worth running."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry, Unsupported, defaults, departures
from conformance.cases import economy, problems
from conformance.cases.case import Case
from conformance.cases.check import Check
from conformance.cases.drive import drive
from conformance.cases.plan import States, StepPlan
from conformance.cases.table import cases
from reference.rows import Rows


@dataclass(frozen=True)
class OptimizerCheck(Check):
    """A case of one optimizer in one framework, dtype and mode."""

    case: Case
    custom: Entry | None = None  # for an optimizer that no binding lists

    area: ClassVar[str] = "optimizers"

    @classmethod
    def of(
        cls, framework: str, optimizer: str, case: Case, dtype: str, mode: str, custom: Entry | None = None
    ) -> OptimizerCheck:
        """The check of a case, with its name and `why`."""
        return cls(framework, optimizer, case.name, case.why, dtype, mode, case, custom)

    @property
    def entry(self) -> Entry:
        return self.custom or BINDINGS[self.framework].entries[self.optimizer]

    @property
    def fingerprint(self) -> str:
        return f"{self.id} {self.case!r}"

    @property
    def length(self) -> int:
        return self.case.steps

    def signature(self) -> dict[str, list[str]]:
        """The arguments of this constructor, and the optimizers of the installed framework."""
        binding = BINDINGS[self.framework]
        try:
            options = defaults(binding.constructor(self.entry))
        except Unsupported:  # it has no such optimizer
            options = {}
        return {"options": sorted(options), "classes": sorted(binding.classes())}

    def in_other_modes(self) -> list[OptimizerCheck]:
        binding = BINDINGS[self.framework]
        others = [m for m in binding.modes if m != self.mode and not binding.mode_reason(self.entry, m)]
        return [replace(self, mode=m) for m in others]

    def plan(self) -> StepPlan:
        binding, entry, case = BINDINGS[self.framework], self.entry, self.case
        reason = binding.mode_reason(entry, self.mode)
        if reason:
            raise Unsupported(reason)
        make = binding.constructor(entry)
        groups, options, calls = case.groups(entry, make), {}, []
        for group in groups:
            given = departures(make, binding.arguments(entry, group.reference, self.mode))
            options.update({k: repr(v) for k, v in given.items()})
            calls.append(", ".join(f"{k}={v!r}" for k, v in given.items()))
        call = binding.call(entry, calls)
        if case.rates:
            call += f"  # learning rate {', '.join(f'{r!r} from step {t}' for t, r in case.rates.items())}"
        return StepPlan(self, call, options, groups, entry, case, make, binding.formats(self.dtype))

    def observe(self, plan: StepPlan) -> States:
        return States(plan, steps=self.case.steps, states=drive(plan))


def checks(frameworks: Iterable[str] = tuple(BINDINGS)) -> list[OptimizerCheck]:
    """The whole table for these frameworks, in a fixed order."""
    return [i for framework in frameworks for i in _checks(framework)]


@cache
def _checks(framework: str) -> tuple[OptimizerCheck, ...]:
    binding = BINDINGS[framework]
    found = []
    for optimizer, entry in binding.entries.items():
        for case in cases(entry):
            for dtype in binding.dtypes:
                for mode in binding.modes:
                    if economy.worth(entry, case, dtype, mode):
                        long = economy.as_long(entry, case, mode)
                        found.append(OptimizerCheck.of(framework, optimizer, long, dtype, mode))
    return tuple(found)


def data_digest(table: Iterable[Any]) -> str:
    """A fingerprint of the numbers that these checks run on."""
    state = hashlib.sha256()
    data = {(i.case.problem, i.case.steps, i.case.shapes or i.entry.shapes) for i in table}
    for name, steps, shapes in sorted(data):
        p = problems.problem(name, steps, shapes=shapes)
        for array in (*p.params, *(g for step in p.grads for g in step if g is not None)):
            for part in (array.indices, array.values) if isinstance(array, Rows) else (array,):
                state.update(part.astype("<f8").tobytes())
    return state.hexdigest()
