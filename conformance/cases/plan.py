"""The plan of a check of an optimizer, and what an implementation did in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.bindings.binding import Entry, State
from conformance.cases.case import Case
from conformance.cases.check import Observation, Plan
from reference.formats import FLOAT64, Format


@dataclass(frozen=True)
class StepPlan(Plan):
    """An optimizer about to be driven through a case."""

    entry: Entry | None = None
    case: Case | None = None
    make: Callable[..., Any] | None = None  # the constructor
    fmt: Format = FLOAT64  # of its computations


@dataclass
class States(Observation):
    """The state at the start and after every step."""

    states: Sequence[State] = field(default_factory=list)
