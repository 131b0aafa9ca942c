"""The cases of schedules: which hyperparameters, at which updates. Most are generated from the fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from conformance.bindings.binding import Entry, defaults, to_arguments, to_reference
from reference.schedules import Schedule, with_rate

LONGEST = 64  # updates made one after the other
FAR = (100, 1000, 12345)  # beyond the end of every schedule here


@dataclass(frozen=True)
class ScheduleEntry(Entry):
    """One schedule of one framework, in the reference's terms. `optimizer` is its name in test ids."""

    kind: ClassVar[str] = "schedule"

    usual: Mapping[str, Any] = field(
        default_factory=dict
    )  # values as people write them, for the case "usual-values"
    recursive: bool = False  # whether each rate is computed from the previous one
    per_group: Mapping[str, Any] = field(
        default_factory=dict
    )  # hyperparameters that may be lists -> a second value
    follows_floatx: bool = False  # whether Keras' floatx is its precision on every backend
    indexed: str = ""  # why it cannot be called by index, if it cannot


@dataclass(frozen=True)
class ScheduleCase:
    """The hyperparameters that differ from the base values, and why they are tried."""

    name: str
    why: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    values: str = "base"  # "usual": as people write them; "defaults": what the constructor has
    second: Mapping[str, Any] = field(default_factory=dict)  # other hyperparameters of the second parameter group
    given: Mapping[str, Any] = field(default_factory=dict)  # equivalent constructor arguments
    everywhere: bool = False  # in every mode and dtype
    optimizer: str = "SGD"  # whose rate is scheduled
    n: int = 0  # updates, if the boundaries do not set them
    indices: tuple[float, ...] = ()  # to call it with, besides those at the boundaries

    def reference(self, entry: ScheduleEntry, constructor: Callable[..., Any] | None = None) -> Schedule:
        """The schedule of the case in the dialect of the framework."""
        known = {f.name: f for f in fields(entry.reference)}
        start = {n: f.metadata["base"] if self.values != "usual" else f.default for n, f in known.items()}
        usual = entry.usual if self.values == "usual" else {}
        found = entry.reference(**{**start, **entry.base, **usual, **entry.dialect, **self.overrides})
        if self.values != "defaults" or constructor is None:
            return found
        installed = defaults(constructor)
        required = {
            k: v
            for k, v in to_arguments(entry, found).items()
            if installed.get(k, inspect._empty) is inspect._empty
        }
        return to_reference(entry, {**installed, **required})

    def references(
        self, entry: ScheduleEntry, constructor: Callable[..., Any] | None = None, groups: int = 2
    ) -> list:
        """One per parameter group: in cases that go everywhere, a second one starts from another rate."""
        first = self.reference(entry, constructor)
        if groups == 1 or not self.everywhere:
            return [first]
        second = replace(first, **self.second)
        if "lr" in entry.arguments.values():
            second = with_rate(second, rate_of(first) / 4)
        return [first, second]


def rate_of(schedule: Schedule) -> float:
    """The initial rate of a schedule; a composition has that of its parts."""
    if hasattr(schedule, "parts"):
        return rate_of(schedule.parts[0])
    return schedule.rate if hasattr(schedule, "rate") else schedule.peak


def turns(schedule: Schedule) -> list[float]:
    """The updates at which the rule changes, as far as the hyperparameters say."""
    found: list[float] = []
    for name in schedule.turns:
        value = getattr(schedule, name)
        found += [v for v in (value if isinstance(value, tuple) else (value,)) if v]
    if getattr(schedule, "warmup_steps", 0):
        found.append(schedule.warmup_steps + schedule.steps)
    for part in getattr(schedule, "parts", ()):
        found += turns(part)
    return sorted(set(found))


def length(schedule: Schedule, case: ScheduleCase) -> int:
    """The number of updates: past the boundaries, and past their multiples."""
    if case.n:
        return case.n
    if hasattr(schedule, "total"):  # a schedule that ends
        return schedule.total
    last = max([t for t in turns(schedule) if t < LONGEST] or [8])
    return int(min(LONGEST, max(24, 3 * last + 4)))


def points(schedule: Schedule, case: ScheduleCase) -> list[float]:
    """Indices, whole and fractional: at 0, on, before and after each boundary, and far beyond the end."""
    found: set[float] = {0, 1, 2, 0.5, *case.indices}
    if hasattr(schedule, "total"):
        return sorted({*found, *range(3, schedule.total, 2), schedule.total - 1})
    for turn in turns(schedule):
        for t in (turn, 2 * turn, 3 * turn):
            found |= {t - 1, t, t + 1, t - 0.5, t + 0.25}
    whole = {int(t) if t == int(t) else t for t in found if t >= 0}
    return sorted({*whole, *FAR})


# Linear warmup and half a cosine, with the same numbers in every schedule that has them.
WARMUP_WHY = "a linear warmup of 8 updates, then half a cosine of 24: in each schedule that has them"
WARMUP = {"start": 0.03125, "peak": 0.5, "warmup": 8, "decay": 24}


def cases(entry: ScheduleEntry) -> list[ScheduleCase]:
    """All cases of one schedule of one framework."""
    found = [
        ScheduleCase("base", "hyperparameters that every precision represents", everywhere=True),
        ScheduleCase(
            "usual-values", "hyperparameters as people write them (0.1, 0.96)", values="usual", everywhere=True
        ),
        ScheduleCase("defaults", "only the required arguments", values="defaults"),
        *_options(entry),
    ]
    if "rate" in entry.arguments and "rate" in {f.name for f in fields(entry.reference)}:
        found.append(
            ScheduleCase("whole-rate", "an initial rate that is an integer, 1 instead of 1.0", {"rate": 1})
        )
    if entry.per_group:
        found.append(
            ScheduleCase("lists", "a value for each parameter group", second=entry.per_group, everywhere=True)
        )
    for name, chosen in (*entry.cases.items(), *entry.promised.items()):
        found.append(_special(name, chosen))
    return found


def _options(entry: ScheduleEntry) -> Iterator[ScheduleCase]:
    for f in fields(entry.reference):
        probe = f.metadata["probe"]
        if probe is None or f.name in entry.dialect or f.name not in entry.arguments:
            continue
        needs = {k: v for k, v in f.metadata["needs"].items() if k in entry.arguments}
        why = f"{f.name} = {probe!r} ({f.metadata['cite']})"
        yield ScheduleCase(
            f.name.replace("_", "-"), why, {**needs, f.name: probe}, everywhere=f.name == "staircase"
        )
    for name, chosen in entry.reference.combinations.items():
        if all(k in entry.arguments and k not in entry.dialect for k in chosen) and name not in entry.lacks:
            yield _special(name, chosen)


def _special(name: str, chosen: Mapping[str, Any]) -> ScheduleCase:
    """A case of several hyperparameters; fields of `ScheduleCase` are set on the case itself."""
    rest = dict(chosen)
    own = {
        f.name: rest.pop(f.name)
        for f in fields(ScheduleCase)
        if f.name in rest and f.name not in ("name", "values")
    }
    own.setdefault("why", "together: " + ", ".join(f"{k} = {v!r}" for k, v in rest.items()))
    return ScheduleCase(name, overrides=rest, **own)


def sequence(entries: Sequence[ScheduleEntry]) -> dict[str, ScheduleEntry]:
    """Entries by their names."""
    return {e.optimizer: e for e in entries}
