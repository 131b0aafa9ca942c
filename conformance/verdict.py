"""The verdict: how far an implementation is from the reference, as a share of what rounding allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from conformance.bindings.base import Entry, Group, State, UndeclaredSlot
from conformance.problems import Problem
from conformance.record import Worst
from reference.base import Reference
from reference.bounded import Bounded, number, strong
from reference.branches import TooManyBranches, candidates
from reference.formats import Format
from reference.rows import Rows

LIMIT = 1.25
"""The one constant: a verdict conforms when |got - expected| is at most LIMIT times the derived bound.

The bound holds for the reference's own order of operations. A framework may evaluate the same formula in
another, equally correct order (m + (g - m)(1 - beta) for beta m + (1 - beta) g), whose bound can be a little
larger. Measured without a tuned constant, the highest ratio of right implementations was 1.00, and the
lowest of a wrong one far above 1.25: see the report of the mutants.
"""

BLIND_ABOVE = 1e-2  # a bound wider than this share of the update could not have failed
BLIND_ABOVE_16 = 0.125  # the same where the rule itself computes in 16 bits, of which one is 1 / 256


def blind_above(reference: Reference) -> float:
    """The widest bound that a verdict on this rule may have, as a share of the update."""
    rule = getattr(reference, "inner", reference)
    return BLIND_ABOVE_16 if getattr(rule, "orthogonal_in", "") == "bfloat16" else BLIND_ABOVE


def bounded(reference: Reference, entry: Entry, fmt: Format) -> Reference:
    """The reference with its hyperparameters as scalars whose precision the binding declares."""
    changes: dict[str, Any] = {}
    for f in fields(reference):
        value = getattr(reference, f.name)
        if isinstance(value, Reference):
            changes[f.name] = bounded(value, entry, fmt)
        elif isinstance(value, tuple):
            changes[f.name] = tuple(_scalar(v, f.name in entry.tensors, fmt) for v in value)
        elif isinstance(value, float):
            changes[f.name] = _scalar(value, f.name in entry.tensors, fmt)
    return replace(reference, **changes)


def _scalar(value: float, tensor: bool, fmt: Format) -> Bounded:
    return strong(number(value), fmt) if tensor else number(value)


@dataclass
class Judged:
    """What was found, step by step."""

    ratios: list[float] = field(default_factory=list)  # the worst of each step
    worst: Worst | None = None
    agrees: list[str] = field(default_factory=list)  # quantities within the limit at the first bad step
    resolution: float | None = None  # bound / |update|, the least sharp quantity
    resolved_steps: int = 0
    maybes: int = 0

    @property
    def ratio(self) -> float:
        return max(self.ratios, default=0.0)

    @property
    def first_bad(self) -> int | None:
        return next((t for t, r in enumerate(self.ratios, 1) if not r <= LIMIT), None)

    @property
    def conforms(self) -> bool:
        return self.first_bad is None


@dataclass
class Layout:
    """Tensors packed into one vector, where the rule is elementwise; a Python loop over tensors is slow."""

    shapes: list[tuple[int, ...]]
    tensors: tuple[int, ...]
    packed: bool

    def pack(self, values: Sequence[Any]) -> list[Any]:
        if not self.packed or len(values) != len(self.shapes):
            return list(values)
        if any(v is None for v in values):
            return [None] if all(v is None for v in values) else list(values)
        return [np.concatenate([np.reshape(v, -1) for v in values])]

    def place(self, tensor: int, flat: int) -> tuple[int, tuple[int, ...]]:
        """The tensor and element of a position in what `pack` made."""
        if not self.packed:
            shape = self.shapes[tensor] if tensor < len(self.shapes) else ()
            size = math.prod(shape)
            index = np.unravel_index(flat, shape) if shape and flat < size else (flat,) if shape else ()
            return self.tensors[tensor], tuple(int(i) for i in index)
        for tensor, shape in zip(self.tensors, self.shapes, strict=True):
            size = math.prod(shape)
            if flat < size:
                return tensor, tuple(int(i) for i in np.unravel_index(flat, shape)) if shape else ()
            flat -= size
        raise IndexError(flat)

    def parts(self, tensor: int, values: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """What `pack` made, tensor by tensor."""
        sizes = [math.prod(shape) for shape in self.shapes]
        if not self.packed or np.size(values) != sum(sizes):  # one for all, like a counter
            yield self.tensors[tensor] if tensor < len(self.tensors) else tensor, values
            return
        flat, start = np.reshape(values, -1), 0
        for tensor, shape, size in zip(self.tensors, self.shapes, sizes, strict=True):
            yield tensor, flat[start : start + size].reshape(shape)
            start += size


@dataclass
class Compared:
    """One step of one group: what the implementation holds, and what the reference says of it."""

    t: int
    layout: Layout
    observed: dict[tuple[str, int], np.ndarray]
    started: dict[tuple[str, int], Bounded]
    ratios: dict[tuple[str, int], tuple[np.ndarray, Bounded]]
    maybes: int
    evaluate: Callable[[], Any]  # the reference's step once more
    schedule: tuple[str, ...] = ()  # slots that follow from the steps alone


class Judge:
    """Compares the states that an implementation went through with one sequence of references."""

    def __init__(
        self,
        entry: Entry,
        fmt: Format,
        groups: Sequence[Group],
        rates: Mapping[int, float],
        problem: Problem,
        states: Sequence[State],
        trajectories: dict[int, list[tuple[list, dict]]] | None = None,
    ):
        self.entry, self.fmt, self.groups, self.rates = entry, fmt, groups, dict(rates)
        self.grads, self.states = problem.grads, states
        # A rule that evaluates the objective itself is given that in the place of gradients.
        self.closures = problem.closures(self._exact) if entry.reference.closure else None
        # The free runs of the references, by group: the same for all modes of a case, so a caller may keep them.
        self._trajectories = {} if trajectories is None else trajectories
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
        """The reference from the start on its own, while its bound stays finite and no branch is ambiguous."""
        found = Judged()
        with np.errstate(all="ignore"):
            for group in self.groups:
                self._run_free(group, found)
        return found

    # -- element by element ------------------------------------------------------------------------
    def compared(self, t: int) -> Iterator[Compared]:
        """Step t of every group from the implementation's own state, beside the reference's."""
        for group in self.groups:
            before, after = self._part(group, t - 1), self._part(group, t)
            grads = [] if self.closures else [self.grads[t - 1][i] for i in group.tensors]
            layout = self._layout(group, before, grads)
            params, slots = self._start(self._reference(group, t), before, layout, t)
            slots.update(self._schedules.get(group.tensors, {}))
            evaluate = self._evaluation(group, t, params, layout.pack(grads), slots)
            results, maybes = candidates(evaluate)
            # A schedule that the framework does not keep follows from the steps alone: it goes on by itself.
            schedule = self._reference(group, t).schedule
            self._schedules[group.tensors] = {n: results[0][1][n] for n in schedule if n not in after.slots}
            quantities = [_quantities(p, s) for p, s in results]
            observed = self._observed(after, layout, quantities[0])
            ratios = _ratios(quantities, observed)
            yield Compared(t, layout, observed, _quantities(params, slots), ratios, maybes, evaluate, schedule)

    def compared_free(self, group: Group) -> Iterator[Compared]:
        """The steps of one group beside the reference's own run, as far as that goes."""
        layout, first, trajectory = self.trajectory(group)
        before = first, self._typed(self._reference(group, 1).init(first))
        for t, (params, slots) in enumerate(trajectory, 1):
            grads = [] if self.closures else layout.pack([self.grads[t - 1][i] for i in group.tensors])
            quantities = _quantities(params, slots)
            observed = self._observed(self._part(group, t), layout, quantities)
            evaluate = self._evaluation(group, t, before[0], grads, before[1])
            ratios = _ratios([quantities], observed)
            yield Compared(t, layout, observed, _quantities(first, {}), ratios, 0, evaluate)
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
                place = int(np.argmax(np.where(np.isnan(r), np.inf, r))) if r.size else 0
                here = float(r.reshape(-1)[place]) if r.size else 0.0
                tensor, element = c.layout.place(i, place)
                (good if here <= LIMIT else bad).add(f"{name}[{tensor}]")
                ratio = max(ratio, here)
                if worst is None or here > worst.ratio:
                    worst = worst_of(here, t, f"{name}[{tensor}]", element, place, c.observed[name, i], expected)
                spread = _sharpness(expected, c.started.get((name, i)), slot=name != "params")
                # A schedule may stand still by design: that says nothing about how sharp the verdict is.
                if spread is not None and name not in c.schedule:
                    sharp.setdefault(name, []).append(spread)
        found.ratios.append(ratio)
        # The first bad step is what a person looks for; without one, the worst of all.
        if worst and (found.worst is None or (found.worst.ratio <= LIMIT and worst.ratio > found.worst.ratio)):
            found.worst = worst
            found.agrees = sorted(good - bad)

    def _run_free(self, group: Group, found: Judged) -> None:
        alive = True
        for c in self.compared_free(group):
            for (name, i), (r, expected) in c.ratios.items():
                place = int(np.argmax(np.where(np.isnan(r), np.inf, r))) if r.size else 0
                here = float(r.reshape(-1)[place]) if r.size else 0.0
                if found.worst is None or (here > found.worst.ratio):
                    tensor, element = c.layout.place(i, place)
                    got = c.observed[name, i]
                    found.worst = worst_of(here, c.t, f"{name}[{tensor}]", element, place, got, expected)
            found.ratios.append(found.worst.ratio if found.worst else 0.0)
            pairs = [(c.ratios[k][1], first) for k, first in c.started.items()]
            moved = [_sharpness(p, f) for p, f in pairs]
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
        """The reference from the start on its own, until a comparison is ambiguous."""
        slots = self._typed(self._reference(group, 1).init(params))
        for t, step in enumerate(grads, 1):
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
        state = self.states[t]
        n = len(state.params)
        slots = {
            name: [values[i] for i in group.tensors] if len(values) == n else values
            for name, values in state.slots.items()
        }
        return State([state.params[i] for i in group.tensors], slots)

    def _packable(self, group: Group) -> bool:
        return bool(getattr(group.reference, "elementwise", False))

    def _layout(self, group: Group, state: State, grads: Sequence[np.ndarray | None]) -> Layout:
        """Pack where the rule is elementwise and all tensors are at the same step with a gradient."""
        counters = state.slots.get("step")
        even = counters is None or len({None if c is None else float(c) for c in counters}) <= 1
        partly = any(any(v is None for v in vs) and any(v is not None for v in vs) for vs in state.slots.values())
        packed = self._packable(group) and even and not partly and all(g is not None for g in grads)
        return Layout([p.shape for p in state.params], group.tensors, packed)

    def _start(self, reference: Reference, state: State, layout: Layout, t: int) -> tuple[list, dict]:
        """Parameters and slots before the step: the implementation's own, and the first where it has none."""
        params = [self._exact(p) for p in layout.pack(state.params)]
        slots = reference.init(params)
        for name, first in slots.items():
            seen = state.slots.get(name)
            if seen is None:
                if name in ("step", "calls"):  # the framework keeps no counter: it is counted here
                    slots[name] = self._counted(layout, len(first), t)
                continue
            seen = (
                seen
                if len(seen) != len(layout.shapes) or not layout.packed
                else (seen[:1] if name == "step" else layout.pack(seen))
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
        """Counters are scalars of the host, or of the tensor's precision, as the binding declares."""
        for name in ("step", "calls"):
            if name in slots:
                tensor = name == "step" and name in self.entry.tensors
                slots[name] = [_scalar(float(getattr(c, "value", c)), tensor, self.fmt) for c in slots[name]]
        # What `init` makes of plain numbers is exact.
        lift = (int, float, np.ndarray, np.generic)
        return {n: [self._exact(v) if isinstance(v, lift) else v for v in vs] for n, vs in slots.items()}

    def _bounded(self, grads: Sequence[np.ndarray | Rows | None]) -> list[Any]:
        return [self._gradient(g) for g in grads]

    def _exact(self, value: np.ndarray) -> Bounded:
        return Bounded(value, 0.0, self.fmt)

    def _gradient(self, grad: np.ndarray | Rows | None) -> Bounded | Rows | None:
        return grad.over(self._exact) if isinstance(grad, Rows) else None if grad is None else self._exact(grad)

    def _observed(self, state: State, layout: Layout, quantities: Mapping) -> dict[tuple[str, int], np.ndarray]:
        """What the implementation holds, in the places of the reference's quantities."""
        names = {name for name, _ in quantities}
        for name in state.slots:
            if (
                name not in names
                and name not in ("step", "calls")
                and any(v is not None for v in state.slots[name])
            ):
                raise UndeclaredSlot(
                    f"{self.entry.cls} keeps {name!r}, which the reference has not at these options"
                )
        observed = {("params", i): p for i, p in enumerate(layout.pack(state.params))}
        for name, values in state.slots.items():
            if name not in names:
                continue
            if layout.packed and len(values) == len(layout.shapes):
                values = values[:1] if name == "step" else layout.pack(values)
            for i, value in enumerate(values):
                if value is not None:
                    observed[name, i] = value
        return observed


def with_rate(reference: Reference, rate: float) -> Reference:
    """The reference at another learning rate."""
    inner = getattr(reference, "inner", None)
    if inner is not None:
        return replace(reference, inner=with_rate(inner, rate))
    return replace(reference, learning_rate=rate)


def _quantities(params: Sequence[Any], slots: Mapping[str, Sequence[Any]]) -> dict[tuple[str, int], Bounded]:
    found = {("params", i): p for i, p in enumerate(params)}
    for name, values in slots.items():
        found.update({(name, i): v for i, v in enumerate(values) if v is not None})
    return found


def _ratios(results: Sequence[Mapping], observed: Mapping) -> dict[tuple[str, int], tuple[np.ndarray, Bounded]]:
    """The ratio of every element. With several candidates, each element is held to the one that fits it
    best in all quantities of its shape at once: a parameter of one branch with a slot of another is wrong."""
    each = [{k: ratio_of(r[k], observed[k]) for k in r if k in observed} for r in results]
    if len(results) == 1:
        return {k: (r, results[0][k]) for k, r in each[0].items()}
    found = {}
    for key in each[0]:
        group = [k for k in each[0] if k[1] == key[1] and np.shape(observed[k]) == np.shape(observed[key])]
        joint = np.stack([np.max(np.stack([e[k] for k in group]), axis=0) for e in each])
        best = np.argmin(joint, axis=0)
        ratio = np.take_along_axis(np.stack([e[key] for e in each]), best[None], axis=0)[0]
        values = np.take_along_axis(np.stack([r[key].value for r in results]), best[None], axis=0)[0]
        errors = np.take_along_axis(np.stack([r[key].error for r in results]), best[None], axis=0)[0]
        found[key] = (ratio, Bounded(values, errors, results[0][key].fmt))
    return found


def ratio_of(expected: Bounded, got: np.ndarray) -> np.ndarray:
    """|got - expected| / bound; what is not finite has to be the same."""
    got = np.asarray(got, expected.value.dtype)
    if got.shape != expected.shape:
        return np.full(got.shape or (1,), np.inf)
    distance = abs(got - expected.value)
    same = (got == expected.value) | (np.isnan(got) & np.isnan(expected.value))
    ratio = np.where(expected.error > 0, distance / expected.error, np.inf)
    ratio = np.where(same | np.isinf(expected.error), 0, ratio)
    return np.where(np.isnan(ratio), np.inf, ratio)


def _sharpness(expected: Bounded, before: Bounded | None, slot: bool = False) -> float | None:
    """bound / |update| of the element that is seen best; None where nothing moves.

    A slot may rest on a value that its update rounds to, as a maximum does: there it does not move.
    """
    if before is None or before.shape != expected.shape:
        return None
    update = abs(expected.value - before.value)
    moved = (update >= expected.fmt.smallest_normal) & np.isfinite(update)
    if slot:
        moved &= update > expected.fmt.unit * abs(expected.value)
    if not np.any(moved):
        return None
    if slot and not np.any(moved & (update > expected.error)):
        update = abs(expected.value)  # at its fixed point a slot is seen against its own size
        moved = (update >= expected.fmt.smallest_normal) & np.isfinite(update)
    return float(np.min(np.where(moved, expected.error / np.where(moved, update, 1), np.inf)))


def worst_of(ratio: float, t: int, name: str, element: tuple, place: int, got: Any, expected: Bounded) -> Worst:
    return Worst(
        ratio=ratio,
        step=t,
        quantity=name,
        element=element,
        got=float(np.reshape(got, -1)[place]),
        expected=float(np.reshape(expected.value, -1)[place]),
        allowed=float(np.reshape(expected.error, -1)[place]) * LIMIT,
    )
