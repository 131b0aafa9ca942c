"""How a Keras optimizer is built, and driven one step at a time on TensorFlow."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from conformance.bindings import keras_versions
from conformance.bindings.binding import (
    Entry,
    Group,
    State,
    UndeclaredSlot,
    Unsupported,
    class_of,
    departures,
    to_arguments,
)
from reference.base import Reference
from reference.wrapped import Wrapped


def constructor(entry: Entry) -> Callable[..., Any]:
    """The class, or the maker of a custom optimizer; Unsupported if the installed version lacks the class."""
    return entry.build or class_of(entry, keras_versions.package().optimizers, keras_versions.described())


def arguments(entry: Entry, reference: Reference, mode: str) -> dict[str, Any]:
    """The constructor arguments; the mode only changes how the step is called, so it adds none."""
    return keras_versions.given(entry, constructor(entry), to_arguments(entry, reference))


class KerasDriver:
    """A Keras optimizer and its variables; the step runs eagerly, as a graph, or compiled by XLA."""

    def __init__(self, entry: Entry, groups: Sequence[Group], params: Sequence[np.ndarray], dtype: str, mode: str):
        if len(groups) > 1:
            raise Unsupported("Keras optimizers have no parameter groups")
        self.entry, self.dtype, self.mode = entry, dtype, mode
        self._begun = entry, groups, params, dtype
        self.keras = keras_versions.package()
        reference = groups[0].reference
        self.wrapped = isinstance(reference, Wrapped)
        cls = constructor(entry)
        with self._as_floatx():
            self.optimizer = cls(**departures(cls, arguments(entry, reference, mode)))
            made = self._variable()
            self.params = [
                made(np.asarray(p, dtype), name=entry.names.get(i, f"p{i}"), dtype=dtype)
                for i, p in enumerate(params)
            ]
            self.optimizer.build(self.params)
        self._graphs: dict[tuple[str, tuple[bool, ...]], Callable[..., Any]] = {}
        self._handles: dict[int, tuple[Any, Any, Any]] = {}
        self._first: tuple | None = None

    def keep_as(self, key: tuple) -> None:
        """After this run, the next one with the same constructor call may reuse what was built."""
        held = [(v, self._held(v)) for v in (*self.params, *keras_versions.all_variables(self.optimizer))]
        self._first = key, held, _plain(self.optimizer)

    @property
    def as_before(self) -> bool:
        """Whether it can be reset. Keras 3 keeps all state in variables, but a plain number may have changed."""
        return self._first is not None and _plain(self.optimizer) == self._first[2]

    def done(self) -> None:
        if not self.as_before:
            return
        _kept[self._first[0]] = self
        if len(_kept) > KEPT:
            del _kept[next(iter(_kept))]

    def restart(self, mode: str, params: Sequence[np.ndarray] = ()) -> None:
        """Reset every variable to its initial value; the mode only sets how the next step is called.

        Other `params` are possible only if no slot starts from their values.
        """
        self.mode = mode
        for variable, first in self._first[1]:
            variable.assign(first)
        for variable, value in zip(self.params, params, strict=bool(params)):
            variable.assign(np.asarray(value, self.dtype))

    def _variable(self) -> Callable[..., Any]:
        """A parameter as users make it. Where its name matters it must be Keras' own: tf.Variable has no path."""
        self.tf = keras_versions.tensorflow()
        return self.keras.Variable if self.entry.names else self.tf.Variable

    @contextlib.contextmanager
    def _as_floatx(self) -> Iterator[None]:
        """The learning rate has Keras' floatx as its dtype, so training in float64 has to set floatx."""
        backend = self.keras.backend
        before = backend.floatx()
        backend.set_floatx(self.dtype)
        try:
            yield
        finally:
            backend.set_floatx(before)

    def step(self, grads: Sequence[np.ndarray | None]) -> None:
        pattern = tuple(g is not None for g in grads)
        tensors = [self.tf.constant(g, self.dtype) for g in grads if g is not None]
        with self._as_floatx(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*[Gg]radients do not exist.*")
            if self.mode == "eager":
                self._apply(pattern, tensors)
                return
            # Each pattern of missing gradients is a separate graph, as in a user's training step.
            key = self.mode, pattern
            if key not in self._graphs:
                self._graphs[key] = self.tf.function(
                    lambda given: self._apply(pattern, given), jit_compile=self.mode == "xla", autograph=False
                )
            self._graphs[key](tensors)

    def _apply(self, pattern: tuple[bool, ...], tensors: Sequence[Any]) -> None:
        given = iter(tensors)
        pairs = [(next(given) if there else None, p) for there, p in zip(pattern, self.params, strict=True)]
        self.optimizer.apply_gradients(pairs)

    def set_learning_rate(self, value: float) -> None:
        self.optimizer.learning_rate = value

    def resumed(self) -> KerasDriver:
        found = type(self)(*self._begun, self.mode)
        for new, old in zip(found.params, self.params, strict=True):
            new.assign(old)
        keras_versions.move_state(self.optimizer, found.optimizer)
        return found

    def read(self) -> State:
        slots: dict[str, list[np.ndarray | None]] = {"step": [self._array(keras_versions.updates(self.optimizer))]}
        seen = {id(self._counter())}
        if self.wrapped:
            slots["calls"] = [self._array(self._counter())]
        rate = self.optimizer.learning_rate if hasattr(self.optimizer, "learning_rate") else None
        seen.add(id(rate))
        for attribute in self.entry.slots:
            variables, slot = getattr(self.optimizer, attribute, None), self.entry.slot(attribute)
            if variables is not None and not isinstance(variables, (list, tuple)):
                variables = [variables]  # one variable for all tensors
            if variables and not keras_versions.unread(self.optimizer, attribute):
                slots[slot.name] = [None if v is None else slot.back(self._array(v)) for v in variables]
            seen.update(id(v) for v in variables or ())
        for variable in self.optimizer.variables:
            if id(variable) not in seen and self.entry.build is None:
                name = getattr(variable, "path", variable.name)
                raise UndeclaredSlot(f"{self.entry.cls} keeps {name!r}, which no binding declares")
        return State([self._array(p) for p in self.params], slots)

    def _array(self, value: Any) -> np.ndarray:
        return np.array(self._held(value), np.float64)

    def _held(self, value: Any) -> Any:
        """The value of a variable; the raw operation is four times faster than its own method."""
        if id(value) not in self._handles:
            if not hasattr(value, "handle"):
                value = value.detach() if hasattr(value, "detach") else value  # a torch tensor
                return value.numpy() if hasattr(value, "numpy") else value
            made = value if isinstance(value, self.tf.Variable) else value.value  # inside a Keras variable
            self._handles[id(value)] = made.handle, made.dtype, value  # keeping the value keeps its id unique
        handle, dtype, _ = self._handles[id(value)]
        return self.tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype).numpy()

    def _counter(self) -> Any:
        """The number of calls, which Keras 3.5 and later distinguishes from updates."""
        found = getattr(self.optimizer, "_iterations", None)
        return self.optimizer.iterations if found is None else found


def _plain(optimizer: Any) -> dict[str, Any]:
    """The state of an optimizer outside its variables."""
    return {k: v for k, v in vars(optimizer).items() if isinstance(v, (bool, int, float, str, type(None)))}


KEPT = 16  # optimizers kept for their next run: more than one case in all dtypes and modes needs
_kept: dict[tuple, KerasDriver] = {}


def waiting(key: tuple) -> KerasDriver | None:
    """What was built for the same constructor call, if it was kept."""
    return _kept.pop(key, None)


def forget() -> None:
    """Discard everything kept: the framework's code has changed."""
    _kept.clear()
