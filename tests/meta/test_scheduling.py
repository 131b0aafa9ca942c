"""Each way of scheduling is seen to be wrong when it is: a mistake planted in the frameworks' own classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conformance.areas.scheduling import checks, ways
from conformance.bindings import installed
from conformance.judge import engine, ledger
from conformance.judge.record import Outcome
from conformance.report import scheduling_page

LEDGER = ledger.load()
BOTH = pytest.mark.skipif(set(installed()) < {"torch", "keras"}, reason="it takes both frameworks")
TABLE = {c.id: c for c in checks.checks()}


def run(framework: str, way: str) -> Any:
    return engine.run(TABLE[f"{framework}-sgd-{way}-float64-default"], LEDGER)


def late(right: Any) -> Any:
    """What is asked of an epoch or step is answered for the one before."""
    return lambda self, at, *rest: right(self, at - 1, *rest)


def planted(name: str, patch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf
    import torch

    keras, lr = tf.keras, torch.optim.lr_scheduler
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay
    if name == "schedule-late":
        patch.setattr(schedule, "__call__", late(schedule.__call__))
    elif name == "schedule-rounded":
        right = schedule.__call__
        patch.setattr(schedule, "__call__", lambda self, step: tf.cast(right(self, step), "float64") * (1 + 1e-9))
    elif name == "callback-late":
        cls = keras.callbacks.LearningRateScheduler
        patch.setattr(cls, "on_epoch_begin", late(cls.on_epoch_begin))
    elif name == "keras-patience":
        cls = keras.callbacks.ReduceLROnPlateau
        right = cls.__init__
        patch.setattr(cls, "__init__", lambda self, *a, patience, **k: right(self, *a, patience=patience + 1, **k))
    elif name == "multi-step-late":
        right = lr.MultiStepLR.__init__
        patch.setattr(
            lr.MultiStepLR, "__init__", lambda self, o, steps, *a: right(self, o, [s + 1 for s in steps], *a)
        )
    elif name == "lambda-first":
        patch.setattr(
            lr.LambdaLR,
            "get_lr",
            lambda self: [b * f(1) for b, f in zip(self.base_lrs, self.lr_lambdas, strict=True)],
        )
    elif name == "torch-patience":
        right = lr.ReduceLROnPlateau.__init__
        patch.setattr(
            lr.ReduceLROnPlateau,
            "__init__",
            lambda self, *a, patience, **k: right(self, *a, patience=patience + 1, **k),
        )
    else:
        right = ways.planned
        patch.setattr(ways, "rates", lambda: {t: r * (1 + 1e-9) for t, r in _rates().items()})


_rates = ways.rates

MISTAKES = [
    ("keras", "schedule-object", "schedule-late"),
    ("keras", "schedule-object", "schedule-rounded"),
    ("keras", "callback", "callback-late"),
    ("keras", "plateau", "keras-patience"),
    ("keras", "manual", "another plan"),
    ("torch", "multi-step", "multi-step-late"),
    ("torch", "lambda", "lambda-first"),
    ("torch", "plateau", "torch-patience"),
    ("torch", "manual", "another plan"),
]


@BOTH
@pytest.mark.parametrize(("framework", "way", "mistake"), MISTAKES)
def test_a_mistake_is_seen(framework: str, way: str, mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(mistake, monkeypatch)
    record = run(framework, way)
    assert record.outcome is Outcome.DIVERGES, record.reason


def test_every_way_has_a_mistake() -> None:
    assert {(f, w) for f, w, _ in MISTAKES} == {(w.framework, w.name) for w in ways.WAYS}


@BOTH
def test_one_frameworks_velocity_is_not_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """With momentum the rules differ when the rate changes: neither reference takes the other's steps."""
    check = TABLE["torch-sgd-manual-momentum-float64-default"]
    rule = ways.RULES["momentum"]
    inside = {**rule.hyperparameters, "velocity": "inside", "first_velocity": "zero"}
    assert engine.run(check, LEDGER).outcome is Outcome.CONFORMS
    monkeypatch.setitem(ways.RULES, "momentum", replace(rule, hyperparameters=inside))
    record = engine.run(check, LEDGER)
    assert record.outcome is Outcome.DIVERGES
    assert record.first_bad == min(t for t in ways.rates() if t > 1)  # at the first change, and not before


@BOTH
def test_the_rate_that_was_used_is_read_off_the_steps() -> None:
    record = run("torch", "manual")
    planned = [ways.planned(epoch) for epoch in range(ways.EPOCHS) for _ in range(4)]
    assert record.series["rate used"] == pytest.approx(planned)
    drawn = [draw().svg for draw in scheduling_page.figures([record])]
    assert drawn
    assert all(drawn)
    assert scheduling_page.tables([record])[0]["rows"]
    assert scheduling_page.figures([]) == scheduling_page.tables([]) == []
