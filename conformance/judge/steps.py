"""Judges the steps of an optimizer: the distance from the reference's, as a share of what rounding allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from conformance.bindings.binding import Group, State, UndeclaredSlot
from conformance.judge.compared import LIMIT, Compared, Layout, all_ratios, largest, quantities, sharpness, worst_of
from conformance.judge.evidence import Evidence
from conformance.judge.scalars import bounded, scalar, with_rate
from conformance.judge.verdict import BLIND_ABOVE, Judged
from reference.base import Reference
from reference.bounded import Bounded, strong
from reference.branches import TooManyBranches, candidates
from reference.formats import FLOAT64
from reference.rows import Rows

COUNTERS = ("step", "calls")  # slots with one number for all elements of a tensor, or for all tensors


class Judge:
    """Compares the states of an implementation with one sequence of references."""

    def __init__(self, evidence: Evidence):
        self.entry, self.fmt, self.groups = evidence.entry, evidence.fmt, evidence.groups
        self.rates, self.grads, self.states = dict(evidence.rates), evidence.problem.grads, evidence.states
        self.narrowed, self.moved_twice = evidence.narrowed, evidence.moved_twice
        self.free_steps = evidence.free_steps
        # A rule that evaluates the objective itself gets it in place of gradients.
        self.closures = evidence.problem.closures(self._exact) if self.entry.reference.closure else None
        self._trajectories = evidence.trajectories
        self._parts: dict[tuple[tuple[int, ...], int], State] = {}
        self._references: dict[tuple[int, float | None], Reference] = {}
        self._schedules: dict[tuple[int, ...], dict[str, list[Bounded]]] = {}

    def locked(self) -> Judged:
        """Each step from the implementation's own parameters and slots: the first bad step is exact."""
        found = Judged()
        sharp: dict[str, list[float]] = {}
        with np.errstate(all="ignore"):
            for t in range(1, len(self.states)):
                self._step(t, found, sharp)
        medians = [float(np.median(v)) for v in sharp.values() if v]
        found.resolution = max(medians, default=None)
        return found

    def free(self) -> Judged:
        """The reference by itself from the start, while its bound is finite and no branch is ambiguous."""
        found = Judged()
        with np.errstate(all="ignore"):
            for group in self.groups:
                self._run_free(group, found)
        return found

    # -- element by element ------------------------------------------------------------------------
    def compared(self, t: int) -> Iterator[Compared]:
        """Step t of every group from the implementation's own state, against the reference's."""
        for group in self.groups:
            before, after = self._part(group, t - 1), self._part(group, t)
            grads = [] if self.closures else [self.grads[t - 1][i] for i in group.tensors]
            layout = self._layout(group, before, grads)
            params, slots = self._start(self._reference(group, t), before, layout, t)
            slots.update(self._schedules.get(group.tensors, {}))
            evaluate = self._evaluation(group, t, params, layout.pack(grads), slots)
            results, maybes = candidates(evaluate)
            # A schedule that the framework does not keep depends only on the step count, so it advances by itself.
            schedule = self._reference(group, t).schedule
            self._schedules[group.tensors] = {n: results[0][1][n] for n in schedule if n not in after.slots}
            found = [quantities(p, s) for p, s in results]
            observed = self._observed(after, layout, found[0])
            ratios = all_ratios(found, observed)
            yield Compared(t, layout, observed, quantities(params, slots), ratios, maybes, evaluate, schedule)

    def compared_free(self, group: Group) -> Iterator[Compared]:
        """The steps of one group against the reference's own run, as far as that goes."""
        layout, first, trajectory = self.trajectory(group)
        before = first, self._typed(self._reference(group, 1).init(first))
        for t, (params, slots) in enumerate(trajectory, 1):
            grads = [] if self.closures else layout.pack([self.grads[t - 1][i] for i in group.tensors])
            found = quantities(params, slots)
            observed = self._observed(self._part(group, t), layout, found)
            evaluate = self._evaluation(group, t, before[0], grads, before[1])
            ratios = all_ratios([found], observed)
            yield Compared(t, layout, observed, quantities(first, {}), ratios, 0, evaluate)
            before = params, slots

    def _evaluation(self, group: Group, t: int, params: list, grads: Sequence, slots: dict) -> Callable[[], Any]:
        reference = self._reference(group, t)
        given = self.closures[t - 1] if self.closures else self._bounded(grads)
        return lambda: reference.step(params, given, slots)

    # -- one step, locked --------------------------------------------------------------------------
    def _step(self, t: int, found: Judged, sharp: dict[str, list[float]]) -> None:
        worst, bad, good = None, set(), set()
        ratio = 0.0
        for c in self.compared(t):
            found.maybes += c.maybes
            for (name, i), (r, expected) in c.ratios.items():
                place, here = largest(r)
                tensor, element = c.layout.place(i, place)
                (good if here <= LIMIT else bad).add(f"{name}[{tensor}]")
                ratio = max(ratio, here)
                if worst is None or here > worst.ratio:
                    worst = worst_of(here, t, f"{name}[{tensor}]", element, place, c.observed[name, i], expected)
                spread = sharpness(expected, c.started.get((name, i)), slot=name != "params")
                # A schedule may be constant by design: that does not make the verdict less sharp.
                if spread is not None and name not in c.schedule:
                    sharp.setdefault(name, []).append(spread)
        found.ratios.append(ratio)
        # Report the first bad step or, without one, the worst of all.
        if worst and (found.worst is None or (found.worst.ratio <= LIMIT and worst.ratio > found.worst.ratio)):
            found.worst = worst
            found.agrees = sorted(good - bad)

    def _run_free(self, group: Group, found: Judged) -> None:
        alive = True
        for c in self.compared_free(group):
            for (name, i), (r, expected) in c.ratios.items():
                place, here = largest(r)
                if found.worst is None or (here > found.worst.ratio):
                    tensor, element = c.layout.place(i, place)
                    got = c.observed[name, i]
                    found.worst = worst_of(here, c.t, f"{name}[{tensor}]", element, place, got, expected)
            found.ratios.append(found.worst.ratio if found.worst else 0.0)
            pairs = [(c.ratios[k][1], first) for k, first in c.started.items()]
            moved = [sharpness(p, f) for p, f in pairs]
            sharpest = [m for m in (found.resolution, *moved) if m is not None]
            found.resolution = min(sharpest, default=None)
            alive = alive and any(m is not None and m <= BLIND_ABOVE for m in moved)
            found.resolved_steps += alive and group is self.groups[0]

    def trajectory(self, group: Group) -> tuple[Layout, list[Bounded], list[tuple[list, dict]]]:
        """How the parameters are packed, their start, and parameters and slots after every step of the free run."""
        start = self._part(group, 0)
        grads = [[] if self.closures else [step[i] for i in group.tensors] for step in self.grads]
        whole = all(g is not None for step in grads for g in step)
        layout = Layout([p.shape for p in start.params], group.tensors, self._packable(group) and whole)
        first = [self._exact(p) for p in layout.pack(start.params)]
        key = self.groups.index(group)
        if key not in self._trajectories:
            self._trajectories[key] = list(self._trajectory(group, first, [layout.pack(g) for g in grads]))
        return layout, first, self._trajectories[key]

    def _trajectory(self, group: Group, params: list, grads: Sequence) -> Iterator[tuple[list, dict]]:
        """The reference by itself from the start, until a comparison is ambiguous."""
        slots = self._typed(self._reference(group, 1).init(params))
        for t, step in enumerate(grads[: self.free_steps], 1):
            try:
                results, maybes = candidates(self._evaluation(group, t, params, step, slots))
            except TooManyBranches:
                return
            if maybes:
                return
            params, slots = results[0]
            yield params, slots

    # -- what goes in ------------------------------------------------------------------------------
    def _reference(self, group: Group, t: int) -> Reference:
        rate = next((r for step, r in sorted(self.rates.items(), reverse=True) if step <= t), None)
        key = (self.groups.index(group), rate)
        if key not in self._references:
            reference = group.reference if rate is None else with_rate(group.reference, rate)
            self._references[key] = bounded(reference, self.entry, self.fmt)
        return self._references[key]

    def _part(self, group: Group, t: int) -> State:
        """The state after step t of the tensors of one group."""
        if (group.tensors, t) in self._parts:
            return self._parts[group.tensors, t]
        state = self.states[t]
        n = len(state.params)
        slots = {
            name: [values[i] for i in group.tensors] if len(values) == n else values
            for name, values in state.slots.items()
        }
        part = self._parts[group.tensors, t] = State([state.params[i] for i in group.tensors], slots)
        return part

    def _packable(self, group: Group) -> bool:
        return bool(getattr(group.reference, "elementwise", False))

    def _layout(self, group: Group, state: State, grads: Sequence[np.ndarray | None]) -> Layout:
        """Pack if the rule is elementwise and all tensors are at the same step with a gradient."""
        counters = state.slots.get("step")
        even = counters is None or len({None if c is None else float(c) for c in counters}) <= 1
        partly = any(any(v is None for v in vs) and any(v is not None for v in vs) for vs in state.slots.values())
        packed = self._packable(group) and even and not partly and all(g is not None for g in grads)
        return Layout([p.shape for p in state.params], group.tensors, packed)

    def _start(self, reference: Reference, state: State, layout: Layout, t: int) -> tuple[list, dict]:
        """Parameters and slots before the step: the implementation's own, and the first where it has none."""
        params = [self._exact(p) for p in layout.pack(state.params)]
        slots = reference.init(params)
        if self.moved_twice:
            params = [Bounded(p.value, self.fmt.unit * abs(p.value), self.fmt) for p in params]
        for name, first in slots.items():
            seen = state.slots.get(name)
            if seen is None:
                if name in COUNTERS:  # the framework keeps no counter, so count here
                    slots[name] = self._counted(layout, len(first), t)
                continue
            seen = (
                seen
                if len(seen) != len(layout.shapes) or not layout.packed
                else (seen[:1] if name in COUNTERS else layout.pack(seen))
            )
            slots[name] = [f if s is None else self._exact(s) for f, s in zip(first, seen, strict=True)]
        return params, self._typed(slots)

    def _counted(self, layout: Layout, n: int, t: int) -> list[Bounded]:
        """How many gradients each tensor has had before step t."""
        if n == 1 and (layout.packed or len(layout.tensors) > 1):
            return [self._exact(np.asarray(float(t - 1)))]
        had = [sum(step[i] is not None for step in self.grads[: t - 1]) for i in layout.tensors]
        return [self._exact(np.asarray(float(h))) for h in had]

    def _typed(self, slots: dict) -> dict:
        """Counters are Python numbers, or have the tensor's precision, as the binding declares."""
        for name in COUNTERS:
            if name in slots:
                tensor = name == "step" and name in self.entry.tensors
                slots[name] = [scalar(float(getattr(c, "value", c)), tensor, self.fmt) for c in slots[name]]
        # Values that `init` makes from plain numbers are exact.
        lift = (int, float, np.ndarray, np.generic)
        return {n: [self._exact(v) if isinstance(v, lift) else v for v in vs] for n, vs in slots.items()}

    def _bounded(self, grads: Sequence[np.ndarray | Rows | None]) -> list[Any]:
        return [self._gradient(g) for g in grads]

    def _exact(self, value: np.ndarray) -> Bounded:
        if self.narrowed:  # rounded once on entry
            return strong(Bounded(value, 0.0, FLOAT64, weak=True), self.fmt)
        return Bounded(value, 0.0, self.fmt)

    def _gradient(self, grad: np.ndarray | Rows | None) -> Bounded | Rows | None:
        return grad.over(self._exact) if isinstance(grad, Rows) else None if grad is None else self._exact(grad)

    def _observed(self, state: State, layout: Layout, quantities: Mapping) -> dict[tuple[str, int], np.ndarray]:
        """The implementation's values of the reference's quantities."""
        names = {name for name, _ in quantities}
        for name in state.slots:
            if name not in names and name not in COUNTERS and any(v is not None for v in state.slots[name]):
                raise UndeclaredSlot(
                    f"{self.entry.cls} keeps {name!r}, which the reference does not have with these options"
                )
        observed = {("params", i): p for i, p in enumerate(layout.pack(state.params))}
        for name, values in state.slots.items():
            if name not in names:
                continue
            if layout.packed and len(values) == len(layout.shapes):
                values = values[:1] if name in COUNTERS else layout.pack(values)
            for i, value in enumerate(values):
                if value is not None:
                    observed[name, i] = value
        return observed
