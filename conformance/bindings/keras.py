"""Keras on TensorFlow: tf.keras.optimizers, and conformance.RAdam."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from conformance.bindings.base import (
    Entry,
    Group,
    State,
    UndeclaredSlot,
    Unsupported,
    departures,
    installed_version,
    to_arguments,
)  # fmt: skip
from conformance.bindings.keras_entries import entries as entries
from reference.base import Reference
from reference.formats import FORMATS, Format
from reference.wrapped import Wrapped

framework = "keras"
extra = "tensorflow-cpu"  # of pyproject.toml
pinned = ("3.15.",)
modes = ("eager", "graph", "xla")
costly_modes = ("xla",)
dtypes = ("float64", "float32")


def versions() -> dict[str, str]:
    """What is installed of Keras and TensorFlow; nothing unless both are."""
    keras, tensorflow = installed_version("keras"), installed_version("tensorflow")
    return {"keras": keras, "tensorflow": tensorflow} if keras and tensorflow else {}


def _tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow

    return tensorflow


def constructor(entry: Entry) -> Callable[..., Any]:
    if entry.build is not None:
        return entry.build
    tf = _tensorflow()
    if entry.module == "conformance":
        import conformance

        return getattr(conformance, entry.cls)
    return getattr(tf.keras.optimizers, entry.cls)


WRAPPERS = ("Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap")


def classes() -> list[str]:
    """The optimizers that the installed framework has, and ours; wrappers around others aside."""
    tf = _tensorflow()
    found = {n for n, c in vars(tf.keras.optimizers).items() if isinstance(c, type)} - set(WRAPPERS)
    return [*found, "RAdam"]


def formats(dtype: str) -> Format:
    return FORMATS[dtype].flushing()  # TensorFlow sets the flush-to-zero bit in its threads


def mode_reason(entry: Entry, mode: str) -> str:
    """Why the optimizer cannot run in this mode, or nothing."""
    return entry.lacks.get(mode, "")


def arguments(entry: Entry, reference: Reference, mode: str) -> dict[str, Any]:
    """The constructor arguments; a mode is how the step is called, so it adds none."""
    return to_arguments(entry, reference)


class KerasDriver:
    """A Keras optimizer and its variables; the step runs eagerly, as a graph, or compiled by XLA."""

    def __init__(self, entry: Entry, groups: Sequence[Group], params: Sequence[np.ndarray], dtype: str, mode: str):
        if len(groups) > 1:
            raise Unsupported("Keras optimizers have no parameter groups")
        self.tf = tf = _tensorflow()
        self.entry, self.dtype, self.mode = entry, dtype, mode
        self._begun = entry, groups, params, dtype, mode
        reference = groups[0].reference
        self.wrapped = isinstance(reference, Wrapped)
        cls = constructor(entry)
        with self._as_floatx():
            self.optimizer = cls(**departures(cls, arguments(entry, reference, mode)))
            # Who looks at the name of a variable needs Keras' own: tf.Variable has no path.
            made = tf.keras.Variable if entry.names else tf.Variable
            self.params = [
                made(np.asarray(p, dtype), name=entry.names.get(i, f"p{i}"), dtype=dtype)
                for i, p in enumerate(params)
            ]
            self.optimizer.build(self.params)
        self._graphs: dict[tuple[bool, ...], Callable[..., Any]] = {}

    @contextlib.contextmanager
    def _as_floatx(self) -> Iterator[None]:
        """The learning rate takes Keras' floatx: who trains in float64 sets that."""
        backend = self.tf.keras.backend
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
            # A pattern of missing gradients is a graph of its own, as it is in a user's training step.
            if pattern not in self._graphs:
                self._graphs[pattern] = self.tf.function(
                    lambda given: self._apply(pattern, given), jit_compile=self.mode == "xla", autograph=False
                )
            self._graphs[pattern](tensors)

    def _apply(self, pattern: tuple[bool, ...], tensors: Sequence[Any]) -> None:
        given = iter(tensors)
        pairs = [(next(given) if there else None, p) for there, p in zip(pattern, self.params, strict=True)]
        self.optimizer.apply_gradients(pairs)

    def set_learning_rate(self, value: float) -> None:
        self.optimizer.learning_rate = value

    def resumed(self) -> KerasDriver:
        found = KerasDriver(*self._begun)
        for new, old in zip(found.params, self.params, strict=True):
            new.assign(old)
        store: dict[str, Any] = {}
        self.optimizer.save_own_variables(store)
        found.optimizer.load_own_variables(store)
        return found

    def read(self) -> State:
        slots: dict[str, list[np.ndarray | None]] = {"step": [_array(self.optimizer.iterations)]}
        seen = {id(self._counter())}
        if self.wrapped:
            slots["calls"] = [_array(self._counter())]
        rate = self.optimizer.learning_rate if hasattr(self.optimizer, "learning_rate") else None
        seen.add(id(rate))
        for attribute in self.entry.slots:
            variables, slot = getattr(self.optimizer, attribute, None), self.entry.slot(attribute)
            if variables is not None and not isinstance(variables, (list, tuple)):
                variables = [variables]  # one for all tensors
            if variables:
                slots[slot.name] = [None if v is None else slot.back(_array(v)) for v in variables]
                seen.update(id(v) for v in variables)
        for variable in self.optimizer.variables:
            if id(variable) not in seen and self.entry.build is None:
                name = getattr(variable, "path", variable.name)
                raise UndeclaredSlot(f"{self.entry.cls} keeps {name!r}, which no binding declares")
        return State([_array(p) for p in self.params], slots)

    def _counter(self) -> Any:
        return getattr(self.optimizer, "_iterations", None)


def _array(value: Any) -> np.ndarray:
    return np.array(value.numpy() if hasattr(value, "numpy") else value, np.float64)


def start(
    entry: Entry, groups: Sequence[Group], params: Sequence[np.ndarray], dtype: str, mode: str
) -> KerasDriver:
    return KerasDriver(entry, groups, params, dtype, mode)


def call(entry: Entry, calls: Sequence[str]) -> str:
    """The constructor call as a user writes it."""
    return f"{entry.path('tf.keras.optimizers')}({calls[0]})"
