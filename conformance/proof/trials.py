"""Trials: the cases of an optimizer in one precision, without a framework.

An unmutated reference, in float32 or float64, must conform to itself in every case, or the bound is wrong. Some
case must tell every mistake from it: see detection.py.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from conformance.bindings import BINDINGS
from conformance.bindings.binding import SHAPES, Entry, Group, State, Unsupported, to_arguments
from conformance.cases.case import Case
from conformance.cases.table import cases
from conformance.judge.evidence import Evidence
from conformance.judge.steps import Judge
from conformance.proof.numpy_driver import NumPyDriver
from reference import REFERENCES
from reference.base import Reference
from reference.formats import FORMATS


@dataclass(frozen=True, eq=False)  # compared by identity: there is one of each, and its states are kept
class Trial:
    """One case of one entry in one precision: an instance without a mode."""

    framework: str
    entry: Entry
    case: Case
    dtype: str

    @property
    def id(self) -> str:
        return f"{self.framework}-{self.entry.optimizer}-{self.case.name}-{self.dtype}"

    def groups(self) -> list[Group]:
        """The references that apply to it."""
        return self.case.groups(self.entry)

    def states(self, groups: Sequence[Group], strict: bool = True) -> list[State]:
        """The states of these references, in plain NumPy."""
        return list(self.run(groups, strict))

    def run(
        self, groups: Sequence[Group], strict: bool = True, driven_by: type[NumPyDriver] = NumPyDriver
    ) -> Iterator[State]:
        """The same states one by one, with any driver."""
        problem = self.case.data(self.entry)
        given = problem.grads
        if self.entry.reference.closure:
            given = problem.closures(lambda g: g.astype(self.dtype))
        with np.errstate(all="ignore"):
            driver = driven_by(self.entry, groups, problem.params, self.dtype, strict)
        yield driver.read()
        for t, grads in enumerate(given, 1):
            with np.errstate(all="ignore"):
                if t == self.case.resumed_at:
                    driver = driver.resumed()
                if t in self.case.rates:
                    driver.set_learning_rate(self.case.rates[t])
                driver.step(grads)
            yield driver.read()

    def judge(self, states: Sequence[State], trajectories: dict | None = None) -> Judge:
        """Their judge: the unmutated references in the precision under test."""
        return Judge(self.evidence(states, trajectories))

    def evidence(self, states: Sequence[State], trajectories: dict | None = None) -> Evidence:
        """Those states as a judge sees them."""
        return Evidence(
            self.entry,
            FORMATS[self.dtype],
            self.groups(),
            self.case.data(self.entry),
            states,
            self.case.rates,
            case=self.id,
            free_steps=self.case.free_steps,
            trajectories={} if trajectories is None else trajectories,
        )


PUBLISHED = "paper"  # in place of the framework, for a rule that no framework has


def optimizers() -> list[str]:
    """Every optimizer of every framework, and the references that no framework has."""
    listed = {name: entry for b in BINDINGS.values() for name, entry in b.entries.items()}
    there = {entry.reference for entry in listed.values()}
    return sorted({*listed, *(name for name, rule in REFERENCES.items() if rule not in there)})


@cache
def entries(optimizer: str) -> tuple[Entry, ...]:
    """The entries of an optimizer, one per framework that has it; if none has, the published rule's.

    There are none of what is wrapped around every rule.
    """
    found = tuple(b.entries[optimizer] for b in BINDINGS.values() if optimizer in b.entries)
    if found or optimizer not in REFERENCES:
        return found
    return (as_published(REFERENCES[optimizer]),)


def as_published(rule: type[Reference]) -> Entry:
    """An entry of the reference itself: every hyperparameter is an argument, every slot is readable."""
    whole = rule(**{f.name: f.metadata["base"] for f in fields(rule)} | dict(rule.stateful))
    slots = whole.init([np.zeros(shape) for shape in SHAPES])
    names = {f.name: f.name for f in fields(rule)}
    return Entry(
        rule.__name__.lower(), rule.__name__, rule, names, slots={s: s for s in slots}, framework=PUBLISHED
    )


@cache
def of_optimizer(optimizer: str) -> tuple[Trial, ...]:
    """All trials of an optimizer, without the cases that need the installed class for its defaults."""
    return tuple(
        Trial(entry.framework, entry, case, dtype)
        for entry in entries(optimizer)
        for case in cases(entry)
        if case.values != "defaults" and _has(entry, case)
        for dtype in ("float64", "float32")  # those NumPy computes in
    )


def _has(entry: Entry, case: Case) -> bool:
    """Whether the framework has the case's options; with one counter for all it has no groups."""
    if case.name in entry.lacks:
        return False
    groups = case.groups(entry)
    if len(groups) > 1 and entry.dialect.get("counter") == "optimizer":
        return False
    try:
        for group in groups:
            to_arguments(entry, group.reference)
    except Unsupported:
        return False
    return True


@cache
def unmutated(trial: Trial) -> list[State]:
    """The states of the references themselves."""
    return trial.states(trial.groups())


def same(a: Sequence[State], b: Sequence[State]) -> bool:
    """Whether two runs are identical, bit for bit."""
    return all(operator.eq(*(list(_bytes(s)) for s in pair)) for pair in zip(a, b, strict=True))


def _bytes(state: State) -> Iterator[tuple[str, bytes | None]]:
    for name, values in [("params", state.params), *sorted(state.slots.items())]:
        for value in values:
            yield name, None if value is None else value.tobytes()
