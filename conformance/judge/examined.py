"""Evidence against the right references and against suspects, element by element, for a diagnosis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from conformance.judge.compared import LIMIT, Compared
from conformance.judge.evidence import Evidence
from conformance.judge.steps import Judge
from conformance.judge.suspects import Suspect


@dataclass
class Examined:
    """The evidence of one case and what follows from it, each computed once."""

    evidence: Evidence

    def judge(self, suspect: Suspect | None = None) -> Judge:
        """The judge by the right references, or by a suspect."""
        given = self.evidence
        if suspect is None:
            return Judge(given)
        states = given.states
        if suspect.uncounted:  # then the counter that it keeps counts something else
            states = [replace(s, slots={n: v for n, v in s.slots.items() if n != "step"}) for s in states]
        return Judge(replace(given.beside(suspect.groups), rates=suspect.rates, states=states))

    @cached_property
    def locked(self) -> list[list[Compared]]:
        """Step by step against the right references."""
        if self.evidence.opaque:
            return []
        judge = self.judge()
        with np.errstate(all="ignore"):
            return [list(judge.compared(t)) for t in range(1, len(self.evidence.states))]

    @cached_property
    def free(self) -> list[list[Compared]]:
        """The whole run against that of the right references."""
        judge = self.judge()
        with np.errstate(all="ignore"):
            runs = [list(judge.compared_free(g)) for g in self.evidence.groups]
        return [[run[t] for run in runs if t < len(run)] for t in range(max(map(len, runs), default=0))]

    @cached_property
    def right(self) -> list[dict[tuple[str, int], tuple]]:
        """For each step: (quantity, tensor) -> ratio, expected value and bound, observed value."""
        return [elements(step) for step in self.locked]

    @cached_property
    def conforms(self) -> bool:
        """Whether the right references explain it already."""
        steps = [*self.locked, *self.free]
        return all(within(r) for step in steps for c in step for r, _ in c.ratios.values())


def elements(step: Iterable[Compared]) -> dict[tuple[str, int], tuple]:
    """(quantity, tensor) -> ratio, expected value, its bound, observed value."""
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
