"""What an implementation did in one case, beside what the right references do: what a diagnosis looks at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from conformance.bindings.base import Entry, Group, State
from conformance.cases.problems import Problem
from conformance.judge.compared import Compared
from conformance.judge.suspects import Suspect
from conformance.judge.verdict import LIMIT, Judge
from reference.formats import Format


@dataclass
class Evidence:
    """One case, and what an implementation did in it."""

    case: str
    entry: Entry
    fmt: Format
    groups: Sequence[Group]
    rates: Mapping[int, float]
    problem: Problem
    states: Sequence[State]
    defaults: Mapping[str, Any] = field(default_factory=dict)  # hyperparameter -> the constructor's own value
    opaque: bool = False  # slots of the rule cannot be read, so that only the whole run can be judged

    def judge(self, suspect: Suspect | None = None) -> Judge:
        """The judge by the right references, or by a suspect."""
        if suspect is None:
            return Judge(self.entry, self.fmt, self.groups, self.rates, self.problem, self.states)
        states = self.states
        if suspect.uncounted:  # then the counter that it keeps is no counter of this
            states = [replace(s, slots={n: v for n, v in s.slots.items() if n != "step"}) for s in states]
        return Judge(self.entry, self.fmt, suspect.groups, suspect.rates, self.problem, states)

    @cached_property
    def locked(self) -> list[list[Compared]]:
        """Step by step beside the right references."""
        if self.opaque:
            return []
        judge = self.judge()
        with np.errstate(all="ignore"):
            return [list(judge.compared(t)) for t in range(1, len(self.states))]

    @cached_property
    def free(self) -> list[list[Compared]]:
        """The whole run beside that of the right references."""
        judge = self.judge()
        with np.errstate(all="ignore"):
            runs = [list(judge.compared_free(g)) for g in self.groups]
        return [[run[t] for run in runs if t < len(run)] for t in range(max(map(len, runs), default=0))]

    @cached_property
    def right(self) -> list[dict[tuple[str, int], tuple]]:
        """For each step: (quantity, tensor) -> ratio, expected value and bound, what was observed."""
        return [elements(step) for step in self.locked]

    @cached_property
    def conforms(self) -> bool:
        """Whether the right references explain it already."""
        steps = [*self.locked, *self.free]
        return all(within(r) for step in steps for c in step for r, _ in c.ratios.values())


def elements(step: Iterable[Compared]) -> dict[tuple[str, int], tuple]:
    """(quantity, tensor) -> ratio, expected value, its bound, and what was observed."""
    found = {}
    for c in step:
        for (name, i), (ratio, expected) in c.ratios.items():
            columns = [c.layout.parts(i, x) for x in (ratio, expected.value, expected.error, c.observed[name, i])]
            for parts in zip(*columns, strict=True):
                found[name, parts[0][0]] = tuple(np.asarray(part) for _, part in parts)
    return found


def within(ratio: np.ndarray) -> bool:
    """Whether all of it is within the limit."""
    return bool(np.all(ratio <= LIMIT))
