"""Functions for schedules, as objects whose values and state can be written as text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Power:
    """base^t: a factor that shrinks."""

    base: float

    def __call__(self, t: float) -> float:
        return self.base**t


@dataclass(frozen=True)
class Steps:
    """1, 2, ... parts of `parts`, starting again after the last: a factor that rises and falls."""

    parts: int

    def __call__(self, t: float) -> float:
        return (t % self.parts + 1) / self.parts
