"""A case: a problem, the hyperparameters that differ from the base values, and why it exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from conformance.bindings.binding import Entry, Group, Shapes, defaults, to_reference
from conformance.cases import problems
from reference.base import Reference
from reference.wrapped import Wrapped


@dataclass(frozen=True)
class Case:
    """A problem, the hyperparameters that differ from the base values, and why it exists."""

    name: str
    why: str
    problem: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    wrapping: Mapping[str, Any] = field(default_factory=dict)  # fields of `Wrapped`
    rates: Mapping[int, float] = field(default_factory=dict)  # step, counted from 1 -> learning rate from there on
    second_group: Mapping[str, Any] = field(default_factory=dict)  # the overrides of tensor 1
    # "base": made for probing; "ordinary": as people use them; "defaults": none given; "given": those of a call
    values: str = "base"
    given: tuple[tuple[str, Any], ...] = ()  # arguments of the constructor
    everywhere: bool = False  # in the costly modes too
    steps: int = problems.STEPS
    free_steps: int | None = None  # how far the reference runs by itself; None: as far as it resolves
    shapes: Shapes | None = None  # of other tensors than the optimizer usually has
    resumed_at: int | None = None  # before this step all state is saved and restored in a new optimizer
    once: bool = False  # once a dtype, in another mode: what it is about is the same code for all optimizers
    seeds: tuple[int, ...] = (0,)  # several: stacked as elements, for rules that are elementwise
    kept_for: str = ""  # the reason to have it, where no planted mistake can be seen in it

    @property
    def plain(self) -> bool:
        """Whether it is the base values on a problem, and nothing else."""
        asks = (
            self.overrides,
            self.wrapping,
            self.rates,
            self.second_group,
            self.given,
            self.shapes,
            self.resumed_at,
        )
        return self.values == "base" and self.seeds == (0,) and not any(asks)

    def data(self, entry: Entry) -> problems.Problem:
        """The parameters and gradients."""
        return problems.stacked(self.problem, self.steps, self.seeds, self.shapes or entry.shapes)

    def reference(self, entry: Entry, constructor: Callable[..., Any] | None = None) -> Reference:
        """The reference of this case in the dialect of the framework."""
        if self.values in ("defaults", "given"):
            return to_reference(entry, {**defaults(constructor), **dict(self.given)})
        known = {f.name: f for f in fields(entry.reference)}
        start = {n: f.metadata["base"] if self.values == "base" else f.default for n, f in known.items()}
        inner = entry.reference(**{**start, **entry.base, **entry.dialect, **self.overrides})
        return Wrapped(inner=inner, **self.wrapping) if self.wrapping else inner

    def groups(self, entry: Entry, constructor: Callable[..., Any] | None = None) -> list[Group]:
        """The parameter groups: one of all tensors, or two."""
        first = self.reference(entry, constructor)
        everything = tuple(range(len(self.data(entry).params)))
        if not self.second_group:
            return [Group(everything, first)]
        second = type(first)(**{**vars(first), **self.second_group})
        return [Group(tuple(i for i in everything if i != 1), first), Group((1,), second)]
