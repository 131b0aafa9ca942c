"""What every reference schedule is: a frozen dataclass of hyperparameters with the learning rate of every update.

    at(t) -> the rate of update t, counted from 0, in closed form
    after(t, rate) -> the same from `rate`, that of update t - 1: the recursive form, where one is published

Updates are counted from 0: the first update uses at(0). A rate has the same unit as in the optimizer. The code
runs on numbers and on `reference.bounded.Bounded` alike. Both forms have the same value, so the closed form gives
the expected value; how far rounding may take an implementation depends on the form that it uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import Any, ClassVar

from reference.base import Array, Reference, hyper


@dataclass(frozen=True)
class Schedule(Reference):
    """Base of all schedules. Between two updates, an optimizer `says` either the "next" rate or the "last" one."""

    momenta: ClassVar[bool] = False  # whether it also has a momentum for every update
    by_recursion: ClassVar[bool] = False  # whether the recursive form is the only one: `at` evaluates it
    turns: ClassVar[tuple[str, ...]] = ()  # the fields that say where the rule changes

    _: KW_ONLY
    says: str = hyper(
        "next",
        one_of=("next", "last"),
        cite="what an optimizer says that is asked for its learning rate between two updates: that of the coming "
        "one, or that of the one before",
    )

    def at(self, t: Array) -> Array:
        """The rate of update t."""
        raise NotImplementedError

    def first(self, rate: Array) -> Array:
        """The rate of update 0, given the `rate` before it: that of the optimizer, or of another schedule."""
        return rate

    def after(self, t: Array, rate: Array) -> Array:
        """The rate of update t, given `rate`, that of update t - 1."""
        raise NotImplementedError

    def momentum(self, t: Array) -> Array:
        """The momentum of update t."""
        raise NotImplementedError

    def run(self, times: Sequence[Array]) -> list[Array]:
        """The rates of the updates 0, 1, 2, ... by the recursive form."""
        rates = [self.first(self.rate)]
        for t in times[1:]:
            rates.append(self.after(t, rates[-1]))
        return rates


def whole(t: Array) -> int:
    """The number of an update as an int."""
    return int(getattr(t, "value", t))


def initial_rate(cite: str) -> Any:
    """The learning rate that a schedule starts from."""
    return hyper(0.5, within="[0, inf)", cite=cite)


def with_rate(schedule: Schedule, rate: Any) -> Schedule:
    """The schedule of an optimizer, or of a parameter group, with another learning rate."""
    changes: dict[str, Any] = {"rate": rate} if hasattr(schedule, "rate") else {}
    for f in fields(schedule):
        value = getattr(schedule, f.name)
        if isinstance(value, Sequence) and value and all(isinstance(v, Schedule) for v in value):
            changes[f.name] = tuple(with_rate(v, rate) for v in value)
    return replace(schedule, **changes)
