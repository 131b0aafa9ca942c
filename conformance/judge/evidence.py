"""What an implementation did in one case, and what to judge it by: everything that a judge looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.bindings.binding import Entry, Group, State, opaque, own_defaults
from conformance.cases.plan import States
from conformance.cases.problems import Problem
from conformance.judge.ledger import LedgerRow
from reference.formats import Format


@dataclass
class Evidence:
    """The states of an implementation, with the references and the problem they are judged by."""

    entry: Entry
    fmt: Format
    groups: Sequence[Group]
    problem: Problem
    states: Sequence[State]
    rates: Mapping[int, float] = field(default_factory=dict)  # step -> learning rate from there on
    case: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)  # hyperparameter -> the constructor's own value
    opaque: bool = False  # some slots of the rule cannot be read, so that only the whole run can be judged
    free_steps: int | None = None  # after these the free run ends
    narrowed: bool = False  # stored with more digits than `fmt`, in which part of the step is computed
    moved_twice: bool = False  # a step adds to the parameter twice, rounding in between
    # The free runs of the references, by group: the same for all modes of a case, so a caller may share them.
    trajectories: dict[int, list[tuple[list, dict]]] = field(default_factory=dict)

    def beside(self, groups: Sequence[Group]) -> Evidence:
        """The same against other references."""
        return replace(self, groups=groups, trajectories={})

    def as_expected(self, row: LedgerRow) -> Evidence:
        """The same against what a row of the ledger expects, computed as it expects."""
        return replace(
            self.beside(row.expected(self.groups)),
            fmt=row.format or self.fmt,
            narrowed=row.format is not None,
            moved_twice=row.moves_twice,
        )


def evidence_of(seen: States) -> Evidence:
    """What a judge looks at in an observation."""
    plan = seen.plan
    hidden = opaque(plan.entry, plan.groups)
    return Evidence(
        plan.entry,
        plan.fmt,
        plan.groups,
        plan.case.data(plan.entry),
        seen.states,
        plan.case.rates,
        case=plan.check.id,
        opaque=hidden,
        # If slots cannot be read, only the free run can be judged.
        free_steps=None if hidden else plan.case.free_steps,
    )


def for_diagnosis(seen: States) -> Evidence:
    """The same with what a diagnosis also needs: the whole free run, and the constructor's defaults."""
    defaults = own_defaults(seen.plan.entry, seen.plan.make)
    return replace(evidence_of(seen), defaults=defaults, free_steps=None)
