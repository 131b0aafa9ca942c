"""Each way is held to the reference with the plan's learning rates: what the optimizer really used.

The reference goes through the training by itself, at each step with the learning rate of the plan; the parameters
have to be its own after every batch. A rate that comes a step late, or is rounded, shows at that step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from conformance.areas.registry import Check
from conformance.areas.scheduling import ways
from conformance.areas.scheduling.ways import RULES, WAYS, Rule, Way
from conformance.areas.training import task
from conformance.areas.training.loop import Loop, Trained
from conformance.bindings import BINDINGS
from conformance.judge.ledger import Ledger
from conformance.judge.record import Outcome, Record
from conformance.judge.verdict import BLIND_ABOVE


@dataclass(frozen=True)
class Scheduled(Check):
    """One way with one optimizer in one dtype."""

    way: str
    rule: str

    area: ClassVar[str] = "scheduling"

    @property
    def _way(self) -> Way:
        return next(w for w in WAYS if (w.framework, w.name) == (self.framework, self.way))

    @property
    def _rule(self) -> Rule:
        return RULES[self.rule]

    def judge(self, record: Record, ledger: Ledger) -> None:
        """Train, and hold every step to the reference at the planned rate."""
        way, rule = self._way, self._rule
        entry = BINDINGS[self.framework].entries[rule.name]
        reference = entry.reference(**{**entry.dialect, "learning_rate": ways.RATE, **rule.hyperparameters})
        trained = way.train(getattr(rule, self.framework), self.dtype)
        record.constructor, record.steps = way.code, trained.steps
        loop = Loop(self.framework, entry, self.dtype, reference, trained, ways.rates())
        found = loop.free()
        record.free, record.free_steps, record.resolution = found.worst, found.resolved_steps, found.resolution
        record.series = {
            "loss": [_digits(float(task.loss(s.params, *task.data()))) for s in trained.states],
            "bits": [fingerprint(trained)],
        }
        if self.rule == "sgd":
            record.series["rate used"] = used(trained)
        if trained.steps != ways.EPOCHS * task.EPOCH:
            raise ValueError(f"{trained.steps} steps of {ways.EPOCHS * task.EPOCH} were seen")
        if not found.conforms:
            record.outcome, record.first_bad = Outcome.DIVERGES, found.first_bad
            record.reason = "the learning rate that was used is not that of the plan, or the step is another"
        elif found.resolution > BLIND_ABOVE or found.resolved_steps < trained.steps:
            record.outcome, record.reason = Outcome.BLIND, "the bound is too wide: it could not have failed"
        else:
            record.outcome = Outcome.CONFORMS


def used(trained: Trained) -> list[float]:
    """The learning rate of every plain step: how far it went, in units of the gradient where it began."""
    found = []
    for t, (before, after) in enumerate(zip(trained.states, trained.states[1:], strict=False), 1):
        grads = task.gradient(before.params, *task.batch(t))
        way = sum(float(np.sum((b - a) * g)) for a, b, g in zip(after.params, before.params, grads, strict=True))
        found.append(_digits(way / sum(float(np.sum(g * g)) for g in grads)))
    return found


def fingerprint(trained: Trained) -> str:
    """Of all bits of all states."""
    state = hashlib.sha256()
    for one in trained.states:
        for p in one.params:
            state.update(np.ascontiguousarray(p).tobytes())
    return state.hexdigest()[:16]


def _digits(value: float) -> float:
    return float(f"{value:.6g}")


def checks() -> Iterator[Scheduled]:
    """Every way with every optimizer."""
    for name, rule in RULES.items():
        for way in (w for w in WAYS if not rule.ways or w.name in rule.ways):
            for dtype in rule.dtypes:
                why = f"{way.says}; {rule.why}"
                case = way.name if name == rule.name else f"{way.name}-{name}"
                yield Scheduled(way.framework, rule.name, case, why, dtype, "default", way.name, name)


__all__: list[Any] = ["Scheduled", "checks", "fingerprint", "used"]
