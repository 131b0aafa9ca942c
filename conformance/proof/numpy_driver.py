"""References in plain NumPy, driven as if they were an implementation: correct, or wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import fields, replace
from typing import Any

import numpy as np

from conformance.bindings.binding import Entry, Group, State
from conformance.judge.scalars import with_rate
from reference.base import Reference
from reference.rows import Rows


class Host(float):
    """A Python number: float64 on its own, in an array's precision when combined with one.

    A plain float would do, but np.sqrt turns it into an np.float64, which would promote a float32 array.
    """

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [float(x) if isinstance(x, Host) else x for x in inputs]
        result = getattr(ufunc, method)(*plain, **kwargs)
        alone = all(type(x) in (int, float) for x in plain)
        return Host(result) if alone and isinstance(result, np.floating) else result


def _operator(name: str) -> Callable[..., Any]:
    own = getattr(float, name)

    def apply(self: Host, *other: Any) -> Any:
        if other and isinstance(other[0], np.generic):  # a tensor's scalar sets the precision
            return NotImplemented
        result = own(self, *other)
        return Host(result) if isinstance(result, float) else result

    return apply


for _name in ("add", "sub", "mul", "truediv", "pow", "radd", "rsub", "rmul", "rtruediv", "rpow", "neg", "abs"):
    setattr(Host, f"__{_name}__", _operator(f"__{_name}__"))


def typed(reference: Reference, entry: Entry, dtype: str) -> Reference:
    """The reference with hyperparameters as the binding declares them: tensors of `dtype`, or Python numbers."""
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
    return np.dtype(dtype).type  # before version 2, NumPy combines two of them in float64, which is too exact


class NumPyDriver:
    """References run as if they were an implementation. Unlike a framework, it may be wrong on purpose.

    `strict` refuses anything computed in another precision, which would be too exact to prove a bound.
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
        # Before version 2, NumPy takes an array of shape () for a Python number.
        self.strict = strict and np.lib.NumpyVersion(np.__version__) >= "2.0.0"
        self.params = [self._array(p) for p in params]
        self.references = [typed(g.reference, entry, dtype) for g in groups]
        # What the framework keeps; a counter shared by all parameters is always there.
        kept = {entry.slot(name).name for name in entry.slots} | {"calls"}
        self.shown = kept | ({"step"} if entry.dialect.get("counter") == "optimizer" else set())
        self.slots: list[dict[str, list[Any]]] = []
        for group, reference in zip(groups, self.references, strict=True):
            slots = reference.init([self.params[i] for i in group.tensors])
            first = {n: [None if v is None else self._array(v) for v in values] for n, values in slots.items()}
            self.slots.append({name: self._own(reference, name, values) for name, values in first.items()})

    def step(self, grads: Any) -> None:
        """One step, given a gradient for each tensor, or the objective."""
        for k, (group, reference) in enumerate(zip(self.groups, self.references, strict=True)):
            given = grads if callable(grads) else [self._gradient(grads[i]) for i in group.tensors]
            params, slots = reference.step([self.params[i] for i in group.tensors], given, self.slots[k])
            self.slots[k] = {name: self._own(reference, name, values) for name, values in slots.items()}
            for i, p in zip(group.tensors, params, strict=True):
                self.params[i] = self._checked(p)

    def set_learning_rate(self, value: float) -> None:
        self.references = [typed(with_rate(g.reference, value), self.entry, self.dtype) for g in self.groups]

    def resumed(self) -> NumPyDriver:
        """A new driver that continues from here, as if restored from a file."""
        found = type(self)(self.entry, self.groups, self.starts, self.dtype, self.strict)
        found.params, found.slots, found.references = list(self.params), deepcopy(self.slots), list(self.references)
        return found

    def done(self) -> None:
        """Nothing is kept for further runs."""

    def _array(self, value: np.ndarray) -> np.ndarray:
        return np.asarray(value, self.dtype)

    def _gradient(self, grad: np.ndarray | Rows | None) -> np.ndarray | Rows | None:
        return grad.over(self._array) if isinstance(grad, Rows) else None if grad is None else self._array(grad)

    def _own(self, reference: Reference, name: str, values: Sequence[Any]) -> list[Any]:
        """Counters as the binding declares them, schedules as computed, everything else as arrays."""
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
                if len(values) != len(group.tensors):  # one shared by all
                    slots[name] = read
                    continue
                column = slots.setdefault(name, [None] * len(self.params))
                for i, v in zip(group.tensors, read, strict=True):
                    column[i] = v
        return State([np.array(p, np.float64) for p in self.params], slots)
