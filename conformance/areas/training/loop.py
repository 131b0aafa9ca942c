"""Judging a training: the reference trains too, and computes its own gradients.

`Loop` is a `Judge` whose gradients are those of the task at the parameters that a step starts from. Free-running,
nothing but the initial weights comes from the implementation: losses, gradients and steps are all predicted, with a
bound on the rounding of any right evaluation of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conformance.areas.training import task
from conformance.bindings.binding import Entry, Group, State
from conformance.cases.problems import Problem
from conformance.judge.compared import ratio_of, worst_of
from conformance.judge.evidence import Evidence
from conformance.judge.record import Worst
from conformance.judge.steps import Judge
from conformance.judge.verdict import Judged
from reference.base import Reference
from reference.bounded import Bounded
from reference.formats import Format

Through = Callable[[Sequence[Any], list[Any]], list[Any]]
"""Changes the gradients before the step, given the parameters and the gradients."""


@dataclass
class Trained:
    """What an implementation did: the loss of each batch before its step, and all states from the start."""

    fmt: Format  # of what it computes
    losses: list[float]
    states: list[State]
    grads: list[list[np.ndarray]] = field(default_factory=list)  # if they can be read

    @property
    def steps(self) -> int:
        return len(self.states) - 1


@dataclass
class Predicted:
    """The reference's predictions: value and bound of every loss, and of all parameters, flattened."""

    losses: list[Bounded]
    params: list[Bounded]


class Loop(Judge):
    """The judge of a training on the task, by one reference."""

    def __init__(
        self,
        framework: str,
        entry: Entry,
        reference: Reference,
        trained: Trained,
        rates: Mapping[int, Any] | None = None,
        through: Through | None = None,
        batch: Any = task.batch,
    ):
        everything = Group(tuple(range(len(task.SHAPES))), reference)
        # The problem only tells the judge that there are no missing gradients; the loop computes their values.
        there = tuple(np.zeros(shape) for shape in task.SHAPES)
        problem = Problem("regression", "", task.start(), (there,) * trained.steps)
        for here, right in zip(trained.states[0].params, task.start(), strict=True):
            if not np.array_equal(here, right):
                raise ValueError(f"{framework} {entry.cls}: the first weights are not those of the task")
        super().__init__(Evidence(entry, trained.fmt, [everything], problem, trained.states, rates or {}))
        self.framework, self.losses, self.through, self.batch = framework, trained.losses, through, batch
        self._said: dict[int, Bounded] = {}  # the loss at each step of the latest evaluation
        self._predicted: Predicted | None = None
        self.losses_locked: list[tuple[float, Worst]] = []
        self.losses_free: list[tuple[float, Worst]] = []

    def _evaluation(self, group: Group, t: int, params: list, grads: Any, slots: dict) -> Callable[[], Any]:
        reference = self._reference(group, t)
        whole = len(params) == len(task.SHAPES)
        parts = params if whole else self._apart(params[0])
        self._said[t], found = task.loss_and_gradient(parts, *map(self._exact, self.batch(t)))
        if self.through is not None:
            found = self.through(parts, found)
        given = found if whole else [np.concatenate([g.reshape(-1) for g in found])]
        return lambda: reference.step(params, given, slots)

    def locked(self) -> Judged:
        """Each step from the implementation's own state, and each loss at its own parameters."""
        found = super().locked()
        self.losses_locked = self._compared(self._said)
        return found

    def _apart(self, flat: Bounded) -> list[Bounded]:
        sizes = [int(np.prod(shape)) for shape in task.SHAPES]
        ends = np.cumsum(sizes)
        return [flat[e - n : e].reshape(s) for n, e, s in zip(sizes, ends, task.SHAPES, strict=True)]

    def predicted(self) -> Predicted:
        """The free run of the reference: losses and parameters, as far as no branch is ambiguous."""
        if self._predicted is None:
            with np.errstate(all="ignore"):
                _, _, steps = self.trajectory(self.groups[0])
            everything = [np.concatenate([p.reshape(-1) for p in params]) for params, _ in steps]
            self._predicted = Predicted([self._said[t] for t in range(1, len(steps) + 1)], everything)
        return self._predicted

    def free(self) -> Judged:
        """The reference from the initial weights on, including losses."""
        said = dict(enumerate(self.predicted().losses, 1))
        found = super().free()
        self.losses_free = self._compared(said)
        return found

    def _compared(self, said: Mapping[int, Bounded]) -> list[tuple[float, Worst]]:
        """Ratio and figures of every loss."""
        found = []
        for t, got in enumerate(self.losses[: len(said)], 1):
            ratio = float(ratio_of(said[t], np.asarray(got)))
            found.append((ratio, worst_of(ratio, t, "loss", (), 0, got, said[t])))
        return found
