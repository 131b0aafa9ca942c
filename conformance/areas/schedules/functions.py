"""Functions that schedules are given, as objects: their values and their state can be written down."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Power:
    """base^t: of a factor that shrinks."""

    base: float

    def __call__(self, t: float) -> float:
        return self.base**t


@dataclass(frozen=True)
class Steps:
    """1, 2, ... parts of `parts`, again from the start after the last: of a factor that goes up and falls."""

    parts: int

    def __call__(self, t: float) -> float:
        return (t % self.parts + 1) / self.parts
