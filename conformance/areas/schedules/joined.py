"""Keras schedules one after the other, by a custom schedule: Keras cannot compose them.

It does what SequentialLR does in torch, with the same reference. The inner schedules get the steps counted from
their own start, as tensors, and are serialized with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from conformance.areas.schedules import keras_rates
from conformance.areas.schedules.rates import Rates, judged
from conformance.areas.schedules.schedule_cases import ScheduleCase, ScheduleEntry, length, points
from conformance.bindings import keras_versions
from conformance.bindings.binding import Group, Unsupported
from conformance.cases.check import Check, Plan
from reference.schedules import (
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    Piecewise,
    Polynomial,
    Schedule,
    Sequential,
)

RISING = Polynomial(rate=0.03125, end=0.5, steps=8)
FALLING = Exponential(rate=0.5, every=6, decay=0.875)
# Name -> why, and the schedule. Each Keras schedule is in one of them, first or later.
COMPOSED = {
    "warmup": ("a linear warmup, then an exponential decay", Sequential((RISING, FALLING), (8,))),
    "three": (
        "three, each from its own start",
        Sequential(
            (InverseTime(rate=0.5, every=6, decay=0.75), Piecewise(), CosineRestarts(rate=0.25, steps=5, t_mul=2)),
            (7, 19),
        ),
    ),
    "nested": (
        "one nested in another",
        Sequential((Sequential((RISING, FALLING), (8,)), Cosine(rate=0.375, steps=10, alpha=0.25)), (15,)),
    ),
}


@cache
def joined() -> type:
    """The class as a user writes it."""
    if keras_versions.backend() != "tensorflow":
        raise Unsupported(f"{keras_versions.described()}: the composition is written with operations of TensorFlow")
    tf = keras_versions.tensorflow()
    schedules = tf.keras.optimizers.schedules

    @tf.keras.utils.register_keras_serializable(package="conformance")
    class Joined(schedules.LearningRateSchedule):
        def __init__(self, schedules: Sequence[Any], boundaries: Sequence[int]):
            super().__init__()
            self.schedules, self.boundaries = list(schedules), list(boundaries)

        def __call__(self, step: Any) -> Any:
            step = tf.cast(step, "float32")
            rate = self.schedules[0](step)
            for schedule, boundary in zip(self.schedules[1:], self.boundaries, strict=True):
                rate = tf.where(step < boundary, rate, schedule(step - boundary))
            return rate

        def get_config(self) -> dict[str, Any]:
            return {"schedules": [schedules.serialize(s) for s in self.schedules], "boundaries": self.boundaries}

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Joined:
            return cls([schedules.deserialize(s) for s in config["schedules"]], config["boundaries"])

    return Joined


@dataclass(frozen=True)
class JoinedCheck(Check):
    """The rates that an optimizer used with a composition."""

    schedule: Sequential

    area: ClassVar[str] = "schedules"

    def groups(self, installed: bool = True) -> list[Group]:
        """The expected schedule."""
        return [Group((0,), self.schedule)]

    def plan(self) -> Plan:
        return Plan(self, written(self.schedule), {}, self.groups())

    def observe(self, plan: Plan) -> Rates:
        case = ScheduleCase(self.name, self.why)
        indices = points(self.schedule, case)
        whole = sorted({*range(length(self.schedule, case)), *(t for t in indices if t == int(t))})
        seen = keras_rates.rates(lambda: made(self.schedule), indices, whole, self.dtype, self.mode)
        precision = keras_rates.precision(entry_of(FALLING), self.dtype, self.mode)  # that of the inner schedules
        return Rates(plan, len(seen), beside=lambda groups: judged(seen, groups, precision))


def entry_of(schedule: Schedule) -> ScheduleEntry:
    """The entry of a part."""
    found = (e for e in keras_rates.entries.values() if e.reference is type(schedule) and not e.module)
    return next(found)


def made(schedule: Schedule) -> Any:
    """The schedule of Keras."""
    if isinstance(schedule, Sequential):
        return joined()([made(part) for part in schedule.parts], schedule.milestones)
    entry = entry_of(schedule)
    return keras_rates.constructor(entry)(**keras_rates.taken(entry, schedule))


def written(schedule: Schedule) -> str:
    """As a user writes it."""
    if isinstance(schedule, Sequential):
        return f"Joined([{', '.join(written(p) for p in schedule.parts)}], {list(schedule.milestones)!r})"
    entry = entry_of(schedule)
    options = keras_rates.arguments(entry, schedule)
    return f"{entry.cls}({', '.join(f'{k}={v!r}' for k, v in options.items())})"


def checks() -> Iterator[JoinedCheck]:
    """Each composition in every mode."""
    for name, (why, schedule) in COMPOSED.items():
        for mode in keras_rates.MODES:
            yield JoinedCheck("keras", "joined", name, why, "float32", mode, schedule)
