"""The suite tried on itself, without a framework: references in plain NumPy stand in for implementations.

An unmutated reference, in float32 or float64, has to conform to itself in every case: else the bound is
wrong. Every mistake has to be told from it by some case: see conformance/proof/detection.py.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np

from conformance.bindings import BINDINGS
from conformance.bindings.base import Entry, Group, State, Unsupported, to_arguments
from conformance.cases import table
from conformance.cases.case import Case
from conformance.judge.evidence import Evidence
from conformance.judge.scalars import with_rate
from conformance.judge.steps import Judge
from reference.base import Reference
from reference.formats import FORMATS
from reference.rows import Rows


class Host(float):
    """A number of the host language: float64 by itself, in the array's precision when it meets one.

    A plain float would do, but np.sqrt makes an np.float64 of it, which pulls a float32 array up.
    """

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [float(x) if isinstance(x, Host) else x for x in inputs]
        result = getattr(ufunc, method)(*plain, **kwargs)
        alone = all(type(x) in (int, float) for x in plain)
        return Host(result) if alone and isinstance(result, np.floating) else result


def _operator(name: str) -> Callable[..., Any]:
    own = getattr(float, name)

    def apply(self: Host, *other: Any) -> Any:
        if other and isinstance(other[0], np.generic):  # a tensor's scalar decides the precision
            return NotImplemented
        result = own(self, *other)
        return Host(result) if isinstance(result, float) else result

    return apply


for _name in ("add", "sub", "mul", "truediv", "pow", "radd", "rsub", "rmul", "rtruediv", "rpow", "neg", "abs"):
    setattr(Host, f"__{_name}__", _operator(f"__{_name}__"))


def typed(reference: Reference, entry: Entry, dtype: str) -> Reference:
    """The reference with hyperparameters as the binding declares them: tensors of `dtype`, or the host's."""
    changes: dict[str, Any] = {}
    for f in fields(reference):
        value = getattr(reference, f.name)
        make = _tensor(dtype) if f.name in entry.tensors else Host
        if isinstance(value, Reference):
            changes[f.name] = typed(value, entry, dtype)
        elif isinstance(value, tuple):
            changes[f.name] = tuple(make(v) if isinstance(v, float) else v for v in value)
        elif isinstance(value, float):
            changes[f.name] = make(value)
    return replace(reference, **changes)


def _tensor(dtype: str) -> Callable[[float], np.ndarray]:
    return np.dtype(dtype).type  # NumPy before version 2 computes with two of them in float64, too exactly


class NumPyDriver:
    """References run as if they were an implementation. Unlike a framework it may be wrong on purpose.

    `strict` refuses what was computed in another precision: as the proof of a bound it would be too exact.
    """

    def __init__(
        self,
        entry: Entry,
        groups: Sequence[Group],
        params: Sequence[np.ndarray],
        dtype: str,
        strict: bool = True,
    ):
        self.entry, self.dtype, self.groups, self.starts = entry, dtype, list(groups), list(params)
        # Before version 2 NumPy takes an array of shape () for a number of the host.
        self.strict = strict and np.lib.NumpyVersion(np.__version__) >= "2.0.0"
        self.params = [self._array(p) for p in params]
        self.references = [typed(g.reference, entry, dtype) for g in groups]
        # What the framework keeps; a counter for all is always there.
        kept = {entry.slot(name).name for name in entry.slots} | {"calls"}
        self.shown = kept | ({"step"} if entry.dialect.get("counter") == "optimizer" else set())
        self.slots: list[dict[str, list[Any]]] = []
        for group, reference in zip(groups, self.references, strict=True):
            slots = reference.init([self.params[i] for i in group.tensors])
            first = {n: [None if v is None else self._array(v) for v in values] for n, values in slots.items()}
            self.slots.append({name: self._own(reference, name, values) for name, values in first.items()})

    def step(self, grads: Any) -> None:
        """One step, with a gradient for each tensor, or with the objective."""
        for k, (group, reference) in enumerate(zip(self.groups, self.references, strict=True)):
            given = grads if callable(grads) else [self._gradient(grads[i]) for i in group.tensors]
            params, slots = reference.step([self.params[i] for i in group.tensors], given, self.slots[k])
            self.slots[k] = {name: self._own(reference, name, values) for name, values in slots.items()}
            for i, p in zip(group.tensors, params, strict=True):
                self.params[i] = self._checked(p)

    def set_learning_rate(self, value: float) -> None:
        self.references = [typed(with_rate(g.reference, value), self.entry, self.dtype) for g in self.groups]

    def resumed(self) -> NumPyDriver:
        """Another one that goes on from here, as from a file."""
        found = type(self)(self.entry, self.groups, self.starts, self.dtype, self.strict)
        found.params, found.slots, found.references = list(self.params), deepcopy(self.slots), list(self.references)
        return found

    def done(self) -> None:
        """Nothing is kept for another run."""

    def _array(self, value: np.ndarray) -> np.ndarray:
        return np.asarray(value, self.dtype)

    def _gradient(self, grad: np.ndarray | Rows | None) -> np.ndarray | Rows | None:
        return grad.over(self._array) if isinstance(grad, Rows) else None if grad is None else self._array(grad)

    def _own(self, reference: Reference, name: str, values: Sequence[Any]) -> list[Any]:
        """Counters as the binding declares them, schedules as they were computed, the others as arrays."""
        if name in getattr(reference, "schedule", ()):
            return list(values)
        if name in ("step", "calls"):
            make = _tensor(self.dtype) if name == "step" and name in self.entry.tensors else Host
            return [make(v) for v in values]
        return [None if v is None else self._checked(v) for v in values]

    def _checked(self, value: np.ndarray) -> np.ndarray:
        if self.strict and np.result_type(value) != np.dtype(self.dtype):
            raise TypeError(f"a {self.dtype} run computed in {np.result_type(value)}: it would be too exact")
        return self._array(value)

    def read(self) -> State:
        slots: dict[str, list[np.ndarray | None]] = {}
        for group, held in zip(self.groups, self.slots, strict=True):
            for name, values in held.items():
                if name not in self.shown:
                    continue
                read = [None if v is None else np.array(v, np.float64) for v in values]
                if len(values) != len(group.tensors):  # one for all
                    slots[name] = read
                    continue
                column = slots.setdefault(name, [None] * len(self.params))
                for i, v in zip(group.tensors, read, strict=True):
                    column[i] = v
        return State([np.array(p, np.float64) for p in self.params], slots)


@dataclass(frozen=True, eq=False)  # each is itself: there is one of each, and its states are kept
class Trial:
    """One case of one entry in one precision: an instance without its mode."""

    framework: str
    entry: Entry
    case: Case
    dtype: str

    @property
    def id(self) -> str:
        return f"{self.framework}-{self.entry.optimizer}-{self.case.name}-{self.dtype}"

    def groups(self) -> list[Group]:
        """The references that hold for it."""
        return self.case.groups(self.entry)

    def states(self, groups: Sequence[Group], strict: bool = True) -> list[State]:
        """What these references go through, in plain NumPy."""
        return list(self.run(groups, strict))

    def run(
        self, groups: Sequence[Group], strict: bool = True, driven_by: type[NumPyDriver] = NumPyDriver
    ) -> Iterator[State]:
        """The same, step by step, with any driver."""
        problem = self.case.data(self.entry)
        given = problem.grads
        if self.entry.reference.closure:
            given = problem.closures(lambda g: g.astype(self.dtype))
        with np.errstate(all="ignore"):
            driver = driven_by(self.entry, groups, problem.params, self.dtype, strict)
        yield driver.read()
        for t, grads in enumerate(given, 1):
            with np.errstate(all="ignore"):
                if t == self.case.resumed_at:
                    driver = driver.resumed()
                if t in self.case.rates:
                    driver.set_learning_rate(self.case.rates[t])
                driver.step(grads)
            yield driver.read()

    def judge(self, states: Sequence[State], trajectories: dict | None = None) -> Judge:
        """Their judge, by the unmutated references in the precision under test."""
        return Judge(self.evidence(states, trajectories))

    def evidence(self, states: Sequence[State], trajectories: dict | None = None) -> Evidence:
        """Those states as a judge looks at them."""
        return Evidence(
            self.entry,
            FORMATS[self.dtype],
            self.groups(),
            self.case.data(self.entry),
            states,
            self.case.rates,
            case=self.id,
            free_steps=self.case.free_steps,
            trajectories={} if trajectories is None else trajectories,
        )


@cache
def trials(optimizer: str) -> tuple[Trial, ...]:
    """All trials of an optimizer; cases that need the installed class for its defaults are not among them."""
    return tuple(
        Trial(name, entry, case, dtype)
        for name, binding in BINDINGS.items()
        for entry in binding.entries.values()
        if entry.optimizer == optimizer
        for case in table.cases(entry)
        if case.values != "defaults" and _has(entry, case)
        for dtype in ("float64", "float32")  # those that NumPy computes in
    )


def _has(entry: Entry, case: Case) -> bool:
    """Whether the framework has the options of the case; with one counter for all it has no groups."""
    if case.name in entry.lacks:
        return False
    groups = case.groups(entry)
    if len(groups) > 1 and entry.dialect.get("counter") == "optimizer":
        return False
    try:
        for group in groups:
            to_arguments(entry, group.reference)
    except Unsupported:
        return False
    return True


@cache
def unmutated(trial: Trial) -> list[State]:
    """What the references themselves go through."""
    return trial.states(trial.groups())


def same(a: Sequence[State], b: Sequence[State]) -> bool:
    """Whether two runs are the same, bit for bit."""
    return all(operator.eq(*(list(_bytes(s)) for s in pair)) for pair in zip(a, b, strict=True))


def _bytes(state: State) -> Iterator[tuple[str, bytes | None]]:
    for name, values in [("params", state.params), *sorted(state.slots.items())]:
        for value in values:
            yield name, None if value is None else value.tobytes()


__all__ = ["Host", "NumPyDriver", "Trial", "same", "trials", "unmutated"]
