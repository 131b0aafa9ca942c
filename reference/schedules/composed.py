"""Schedules made of others: one after the other, and all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from reference.base import Array, hyper
from reference.schedules.decays import IN_LR
from reference.schedules.schedule import Schedule, whole


@dataclass(frozen=True)
class Sequential(Schedule):
    """One schedule after the other, each counted from its own start.

        eta_t = schedule k at t - m_k,   k the number of milestones m with m <= t,   m_0 = 0

    with `parts` the schedules, `milestones` (updates) where the next one begins, t the update counted from 0.

    Source: PyTorch documentation, SequentialLR,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html
    """

    title: ClassVar[str] = "Sequential"
    source: ClassVar[str] = "PyTorch documentation, SequentialLR"
    turns: ClassVar = ("milestones",)

    parts: tuple[Schedule, ...] = hyper((), cite=IN_LR + "SequentialLR: schedulers")
    milestones: tuple[int, ...] = hyper((8,), within="[0, inf)", cite=IN_LR + "SequentialLR: milestones")

    def at(self, t: Array) -> Array:
        k = sum(m <= t for m in self.milestones)
        return self.parts[k].at(t - self.milestones[k - 1] if k else t)

    def run(self, times: Sequence[Array]) -> list[Array]:
        rates: list[Array] = []
        for part, start, end in zip(self.parts, (0, *self.milestones), (*self.milestones, None), strict=True):
            rates += recursive(part, [t - start for t in times[start:end]])
        return rates


@dataclass(frozen=True)
class Chained(Schedule):
    """All schedules at once: at every update, each changes the rate left by the one before it.

    with `parts` the schedules, in that order. For schedules that multiply, the factors are multiplied; those that
    add are defined only in their recursive form, which is used for all.

    Source: PyTorch documentation, ChainedScheduler,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html
    """

    title: ClassVar[str] = "Chained"
    source: ClassVar[str] = "PyTorch documentation, ChainedScheduler"
    by_recursion: ClassVar[bool] = True

    parts: tuple[Schedule, ...] = hyper((), cite=IN_LR + "ChainedScheduler: schedulers")

    def at(self, t: Array) -> Array:
        return self.run(range(whole(t) + 1))[-1]

    def run(self, times: Sequence[Array]) -> list[Array]:
        rate = self.parts[0].rate
        for part in self.parts:
            rate = part.first(rate)
        rates = [rate]
        for t in times[1:]:
            for part in self.parts:
                rate = part.after(t, rate)
            rates.append(rate)
        return rates


def is_recursive(schedule: Schedule) -> bool:
    """Whether a recursive form is published."""
    return type(schedule).after is not Schedule.after or type(schedule).run is not Schedule.run


def recursive(schedule: Schedule, times: Sequence[Array]) -> list[Array]:
    """The rates of the updates 0, 1, 2, ... by the recursive form if there is one, else in closed form."""
    return schedule.run(times) if len(times) and is_recursive(schedule) else [schedule.at(t) for t in times]
