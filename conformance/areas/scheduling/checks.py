"""Each way is held to the reference with the planned learning rates: what did the optimizer actually use?

The reference trains by itself, at each step with the planned learning rate; the parameters must match its own after
every batch. A rate that is a step late, or rounded, shows at that step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from conformance.areas.scheduling import ways
from conformance.areas.scheduling.ways import RULES, WAYS, ScheduledRule, Way
from conformance.areas.training import task
from conformance.areas.training.loop import Loop, Trained
from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry
from conformance.cases.check import Check, Observation, Plan
from conformance.judge.ledger import LedgerRow
from conformance.judge.verdict import BLIND_ABOVE, Verdict, verdict_of
from reference.base import Reference


@dataclass(frozen=True)
class ScheduledCheck(Check):
    """One way with one optimizer in one dtype."""

    way: str
    rule: str

    area: ClassVar[str] = "scheduling"

    @property
    def _way(self) -> Way:
        return next(w for w in WAYS if (w.framework, w.name) == (self.framework, self.way))

    @property
    def _rule(self) -> ScheduledRule:
        return RULES[self.rule]

    @property
    def _entry(self) -> Entry:
        return BINDINGS[self.framework].entries[self._rule.name]

    def plan(self) -> Plan:
        return Plan(self, self._way.code)

    def observe(self, plan: Plan) -> Followed:
        """Train in this way."""
        trained = self._way.train(getattr(self._rule, self.framework), self.dtype)
        series = {
            "loss": [_digits(float(task.loss(s.params, *task.data()))) for s in trained.states],
            "bits": [fingerprint(trained)],
        }
        if self.rule == "sgd":
            series["rate used"] = used(trained)
        if trained.steps != ways.EPOCHS * task.EPOCH:
            raise ValueError(f"{trained.steps} steps of {ways.EPOCHS * task.EPOCH} were seen")
        hyperparameters = {"learning_rate": ways.RATE, **self._rule.hyperparameters}
        reference = self._entry.reference(**{**self._entry.dialect, **hyperparameters})
        return Followed(plan, trained.steps, series, entry=self._entry, reference=reference, trained=trained)


@dataclass
class Followed(Observation):
    """A training, and the rule that it follows at the planned rates."""

    entry: Entry = field(kw_only=True)
    reference: Reference = field(kw_only=True)
    trained: Trained = field(kw_only=True)


@verdict_of.register
def of_followed(seen: Followed, row: LedgerRow | None) -> Verdict:
    """Every step against the reference at the planned rate."""
    found = Loop(seen.plan.check.framework, seen.entry, seen.reference, seen.trained, ways.rates()).free()
    blind = found.resolution > BLIND_ABOVE or found.resolved_steps < seen.steps
    return Verdict(
        seen,
        found.conforms,
        free=found.worst,
        free_steps=found.resolved_steps,
        first_bad=found.first_bad,
        resolution=found.resolution,
        blind="the bound is too wide: it could not have failed" if blind else "",
        says="the learning rate used is not the planned one, or the step differs",
    )


def used(trained: Trained) -> list[float]:
    """The learning rate of every plain step: its length, in units of the gradient at its start."""
    found = []
    for t, (before, after) in enumerate(zip(trained.states, trained.states[1:], strict=False), 1):
        grads = task.gradient(before.params, *task.batch(t))
        way = sum(float(np.sum((b - a) * g)) for a, b, g in zip(after.params, before.params, grads, strict=True))
        found.append(_digits(way / sum(float(np.sum(g * g)) for g in grads)))
    return found


def fingerprint(trained: Trained) -> str:
    """A digest of all bits of all states."""
    state = hashlib.sha256()
    for one in trained.states:
        for p in one.params:
            state.update(np.ascontiguousarray(p).tobytes())
    return state.hexdigest()[:16]


def _digits(value: float) -> float:
    return float(f"{value:.6g}")


def checks() -> Iterator[ScheduledCheck]:
    """Every way with every optimizer."""
    for name, rule in RULES.items():
        for way in (w for w in WAYS if not rule.ways or w.name in rule.ways):
            for dtype in rule.dtypes:
                why = f"{way.says}; {rule.why}"
                case = way.name if name == rule.name else f"{way.name}-{name}"
                yield ScheduledCheck(way.framework, rule.name, case, why, dtype, "default", way.name, name)
