"""Faults: mistakes not in a rule but in what drives it: steps, state, rates, gradients.

A mutant (conformance/mutants) is a rule with one wrong line. A fault is a correct rule driven wrongly, here by a
driver of numpy_driver.py with one wrong method. Each stands for a kind of bug that frameworks have had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from conformance.bindings.binding import Group
from conformance.judge.scalars import with_rate
from conformance.proof.numpy_driver import NumPyDriver, typed
from reference.rows import Rows

COUNTERS = ("step", "calls")


class RateLate(NumPyDriver):
    """A new learning rate takes effect one step late."""

    bug = "torch.optim.ASGD"
    late: float | None = None

    def set_learning_rate(self, value: float) -> None:
        self.late = value

    def step(self, grads: Any) -> None:
        super().step(grads)
        if self.late is not None:
            super().set_learning_rate(self.late)
            self.late = None


class RateFrozen(NumPyDriver):
    """A new learning rate is ignored."""

    bug = "tensorflow#31324"

    def set_learning_rate(self, value: float) -> None:
        pass


class RateLeaks(NumPyDriver):
    """The learning rate of the first group is used for every group."""

    bug = "transformers#9751"

    def __init__(self, entry: Any, groups: Sequence[Group], *rest: Any):
        first = groups[0].reference
        rate = getattr(first, "inner", first).learning_rate
        super().__init__(entry, [Group(g.tensors, with_rate(g.reference, rate)) for g in groups], *rest)


class StateShared(NumPyDriver):
    """Tensors of the same shape share their state: both read what was written last."""

    bug = ""

    def step(self, grads: Any) -> None:
        super().step(grads)
        for group, slots in zip(self.groups, self.slots, strict=True):
            last = {self.params[i].shape: k for k, i in enumerate(group.tensors)}
            for name, values in slots.items():
                if len(values) == len(group.tensors) > 1 and name not in COUNTERS:
                    slots[name] = [values[last[self.params[i].shape]] for i in group.tensors]


class _Counted(NumPyDriver):
    """The rule reads a counter that differs from the stored one."""

    ahead = 0

    def step(self, grads: Any) -> None:
        self._shift(self.ahead)
        super().step(grads)
        self._shift(-self.ahead)

    def _shift(self, by: int) -> None:
        for reference, slots in zip(self.references, self.slots, strict=True):
            if "step" in slots:
                slots["step"] = self._own(reference, "step", [s + by for s in slots["step"]])


class CounterAhead(_Counted):
    """The rule reads a counter that is one ahead: t + 1 for t."""

    bug = "tensorflow#35444"
    ahead = 1


class CounterBehind(_Counted):
    """The rule reads a counter that is one behind: t - 1 for t, 0 at first."""

    bug = "tensorflow#35444"
    ahead = -1


class CounterStuck(NumPyDriver):
    """The counter stops at 3."""

    bug = ""

    def step(self, grads: Any) -> None:
        super().step(grads)
        for reference, slots in zip(self.references, self.slots, strict=True):
            if "step" in slots:
                slots["step"] = self._own(reference, "step", [min(s, s * 0 + 3) for s in slots["step"]])


class CountedPerTensor(NumPyDriver):
    """The counter is increased once per tensor, not once per step."""

    bug = "DeepLearningExamples#391"

    def step(self, grads: Any) -> None:
        before = [list(slots.get("step", ())) for slots in self.slots]
        super().step(grads)
        there = len(self.params) if callable(grads) else sum(g is not None for g in grads)
        for reference, slots, old in zip(self.references, self.slots, before, strict=True):
            if old:
                counted = [o + (n - o) * there for n, o in zip(slots["step"], old, strict=True)]
                slots["step"] = self._own(reference, "step", counted)


class DecayLate(NumPyDriver):
    """A decoupled decay shrinks the parameter after the step instead of before it."""

    bug = "transformers#14539"

    def step(self, grads: Any) -> None:
        right = list(self.references)
        late = [getattr(r, "decay", "decoupled") == "decoupled" and hasattr(r, "weight_decay") for r in right]
        self.references = [
            replace(r, weight_decay=type(r.weight_decay)(0.0)) if there else r
            for r, there in zip(right, late, strict=True)
        ]
        super().step(grads)
        self.references = right
        for group, reference, there in zip(self.groups, right, late, strict=True):
            for i in group.tensors if there and not callable(grads) else ():
                if grads[i] is not None:
                    factor = 1 - reference.learning_rate * reference.weight_decay
                    self.params[i] = self._array(self.params[i] * factor)


class MissingIsZero(NumPyDriver):
    """A missing gradient is taken for zero: the slots decay, and the counter advances."""

    bug = "SparseAdam against Adam: pytorch#18404"

    def step(self, grads: Any) -> None:
        if not callable(grads):
            rows = any(isinstance(g, Rows) for g in grads)
            grads = [_nothing(p, rows) if g is None else g for g, p in zip(grads, self.starts, strict=True)]
        super().step(grads)


def _nothing(like: np.ndarray, rows: bool) -> Any:
    if rows:
        return Rows(np.zeros(0, np.int64), np.zeros((0, *like.shape[1:])), like.shape)
    return np.zeros(like.shape)


class MissingIsStale(NumPyDriver):
    """A missing gradient is replaced by the previous step's, which was not cleared."""

    bug = ""
    last: Sequence[Any] = ()

    def step(self, grads: Any) -> None:
        if not callable(grads):
            self.last = [b if g is None else g for g, b in zip(grads, self.last or grads, strict=True)]
            grads = self.last
        super().step(grads)


class ZeroIsMissing(NumPyDriver):
    """Nothing moves where a gradient is exactly 0: the update is lazy."""

    bug = "tensorflow#6460"

    def step(self, grads: Any) -> None:
        params, slots = list(self.params), [{n: list(v) for n, v in s.items()} for s in self.slots]
        super().step(grads)
        still = [] if callable(grads) else [_zero(g) for g in grads]
        for i, lazy in enumerate(still):
            if lazy is not None:
                self.params[i] = np.where(lazy, params[i], self.params[i])
        for group, old, new in zip(self.groups, slots, self.slots, strict=True):
            for name, values in new.items():
                for k, i in enumerate(group.tensors if still else ()):
                    lazy = still[i]
                    if name in COUNTERS or lazy is None or len(values) != len(group.tensors):
                        continue
                    if values[k] is not None and old[name][k] is not None and np.shape(values[k]) == lazy.shape:
                        values[k] = np.where(lazy, old[name][k], values[k])


def _zero(grad: np.ndarray | Rows | None) -> np.ndarray | None:
    dense = grad.dense() if isinstance(grad, Rows) else grad
    return None if dense is None else np.asarray(dense) == 0


class GradientsPileUp(NumPyDriver):
    """Gradients are added to those of earlier steps, which are never cleared."""

    bug = ""
    pile: Sequence[Any] = ()

    def step(self, grads: Any) -> None:
        if not callable(grads):
            old = self.pile or [None] * len(grads)
            self.pile = [
                g if p is None else p if g is None else _sum(p, g) for g, p in zip(grads, old, strict=True)
            ]
            grads = self.pile
        super().step(grads)


def _sum(a: Any, b: Any) -> Any:
    if isinstance(a, Rows):
        return Rows(np.concatenate([a.indices, b.indices]), np.concatenate([a.values, b.values]), a.shape)
    return a + b


class LastTensorLeft(NumPyDriver):
    """The last tensor is never updated: a loop ends one iteration early."""

    bug = ""

    def step(self, grads: Any) -> None:
        last = self.params[-1]
        super().step(grads if callable(grads) else [*grads[:-1], None])
        self.params[-1] = last


class InSinglePrecision(NumPyDriver):
    """A float64 run keeps its parameters in float32."""

    bug = "pytorch#43706"

    def step(self, grads: Any) -> None:
        super().step(grads)
        self.params = [np.asarray(p, np.float32).astype(self.dtype) for p in self.params]


class CounterNotRestored(NumPyDriver):
    """A restored optimizer counts its steps from 0 again."""

    bug = "keras#13027"

    def resumed(self) -> NumPyDriver:
        found = super().resumed()
        for reference, slots in zip(found.references, found.slots, strict=True):
            slots.update({n: found._own(reference, n, [v * 0 for v in slots[n]]) for n in COUNTERS if n in slots})
        return found


class RateNotRestored(NumPyDriver):
    """A restored optimizer has the default learning rate."""

    bug = "pytorch#60265"

    def resumed(self) -> NumPyDriver:
        found = super().resumed()
        found.references = [typed(_defaulted(g.reference), self.entry, self.dtype) for g in self.groups]
        return found


def _defaulted(reference: Any) -> Any:
    inner = getattr(reference, "inner", reference)
    return with_rate(reference, type(inner)().learning_rate)


@cache
def losing(slot: str) -> type[NumPyDriver]:
    """A driver that never stores this slot, so that it keeps its first value."""

    class Losing(NumPyDriver):
        def step(self, grads: Any) -> None:
            before = [list(slots.get(slot, ())) for slots in self.slots]
            super().step(grads)
            for slots, old in zip(self.slots, before, strict=True):
                if slot in slots:
                    slots[slot] = old

    return Losing


@cache
def forgetting(slot: str) -> type[NumPyDriver]:
    """A driver whose restored optimizer starts with a fresh slot, which was not saved."""

    class Forgetting(NumPyDriver):
        def resumed(self) -> NumPyDriver:
            found = super().resumed()
            fresh = type(self)(self.entry, self.groups, self.starts, self.dtype, self.strict)
            for slots, new in zip(found.slots, fresh.slots, strict=True):
                if slot in slots:
                    slots[slot] = new[slot]
            return found

    return Forgetting


@dataclass(frozen=True)
class Fault:
    """One named fault."""

    name: str
    driver: type[NumPyDriver]

    @property
    def says(self) -> str:
        return (self.driver.__doc__ or "").rstrip(".")

    @property
    def bug(self) -> str:
        return getattr(self.driver, "bug", "")


FAULTS: Mapping[str, Fault] = {
    name: Fault(name, driver)
    for name, driver in {
        "rate-late": RateLate,
        "rate-frozen": RateFrozen,
        "rate-leaks": RateLeaks,
        "state-shared": StateShared,
        "counter-ahead": CounterAhead,
        "counter-behind": CounterBehind,
        "counter-stuck": CounterStuck,
        "counted-per-tensor": CountedPerTensor,
        "decay-late": DecayLate,
        "missing-is-zero": MissingIsZero,
        "missing-is-stale": MissingIsStale,
        "zero-is-missing": ZeroIsMissing,
        "gradients-pile-up": GradientsPileUp,
        "last-tensor-left": LastTensorLeft,
        "in-single-precision": InSinglePrecision,
        "counter-not-restored": CounterNotRestored,
        "rate-not-restored": RateNotRestored,
    }.items()
}
