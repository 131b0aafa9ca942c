"""The two constructor calls of an optimizer: the translated pair that takes the same steps, or the defaults.

The translated pair starts from the defaults of torch.optim (SGD with momentum 0.9), which the bindings translate to
Keras. Where the map says that the steps are the same only for epsilon = 0, epsilon is 1e-12 in both, each in its
own place: with 0, a gradient of exactly zero would give 0/0, and beside any other gradient 1e-12 is negligible.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry, Unsupported, to_arguments
from conformance.errors import BadInput
from conformance.porting.map_data import defaults_of
from conformance.porting.translation import NoEquivalent, find, of_reference, reference_of
from reference.base import Reference

EPSILON = 1e-12
NEGLIGIBLE = 1e-18  # in float64; its square is still nonzero in float32, to which Keras may round it
MOMENTUM = {"sgd": {"momentum": 0.9}}  # an optimizer of the comparison is SGD *with momentum*
DEFAULT = ("sgd", "adam", "adamw", "rmsprop")
# Candidate rates, chosen on the validation set; for any other optimizer: its default, a third and three times that.
GRID: Mapping[str, tuple[float, ...]] = {
    # Not 0.1: the best after two epochs, but the training and validation losses over ten show that it is too high.
    "sgd": (0.003, 0.01, 0.03),
    "adam": (3e-4, 1e-3, 3e-3),
    "adamw": (3e-4, 1e-3, 3e-3),
    "radam": (3e-4, 1e-3, 3e-3),
    "rmsprop": (1e-4, 3e-4, 1e-3),
}


@dataclass(frozen=True)
class TrainingCall:
    """A constructor call in one framework."""

    framework: str
    optimizer: str  # its name in the binding
    arguments: Mapping[str, Any]
    text: str  # as a user writes it


@dataclass(frozen=True)
class CallPair:
    """The calls in the frameworks that have the optimizer, with notes on them."""

    calls: Mapping[str, TrainingCall]
    conditions: tuple[str, ...] = ()  # under which the steps are the same
    losses: tuple[str, ...] = ()  # what differs in spite of the translation
    alone: str = ""  # why there is no pair


def entry_of(name: str) -> tuple[str, Entry]:
    """The framework and the entry of an optimizer, by name: PyTorch's, or Keras' if only Keras has it."""
    key = name.lower()
    for framework, binding in BINDINGS.items():
        if key in binding.entries:
            entry = binding.entries[key]
            if entry.reference.closure or entry.reference.gradients != "dense":
                needs = "a closure" if entry.reference.closure else "sparse gradients"
                raise BadInput(
                    f"--optimizer: {entry.cls} needs {needs}, which this training lacks. Allowed: any other."
                )
            return framework, entry
    try:
        return "torch", find(name, "torch")
    except NoEquivalent as error:
        raise BadInput(f"--optimizer: {error}") from error
    except BadInput as error:
        raise BadInput(str(error).replace("optimizer:", "--optimizer:", 1)) from error


def grid(name: str) -> tuple[float, ...]:
    """The learning rates to choose from."""
    framework, entry = entry_of(name)
    if entry.optimizer in GRID:
        return GRID[entry.optimizer]
    rate = reference_of(entry, framework, {}).learning_rate
    if not isinstance(rate, int | float):
        return ()
    return tuple(float(f"{rate * by:.3g}") for by in (1 / 3, 1, 3))


def translated(name: str, rate: float | None, epsilon: float = EPSILON) -> CallPair:
    """The calls that take the same steps, at this learning rate."""
    framework, entry = entry_of(name)
    other = "keras" if framework == "torch" else "torch"
    reference = reference_of(entry, framework, MOMENTUM.get(entry.optimizer, {}))
    if rate is not None:
        reference = replace(reference, learning_rate=rate)
    there = BINDINGS[other].entries.get(entry.optimizer)
    if there is None or there.reference is not entry.reference:
        calls = {framework: _call(framework, entry, reference)}
        return CallPair(calls, alone=f"{BINDINGS[other].framework} has no {entry.cls}")
    reference, found = _cured(reference, entry, there, (framework, other), epsilon)
    if found.outside:
        raise BadInput(f"--optimizer: {entry.cls} cannot be translated by its constructor alone: {found.outside}")
    calls = {framework: _call(framework, entry, reference), other: _made(other, there, found.arguments)}
    return CallPair(
        {f: calls[f] for f in BINDINGS if f in calls},
        tuple(c.says for c in found.conditions),
        tuple(loss.says for loss in found.losses),
    )


def _cured(
    reference: Reference, entry: Entry, there: Entry, way: tuple[str, str], epsilon: float
) -> tuple[Reference, Any]:
    """Set the hyperparameters at which the map says nothing is lost; epsilon only nearly."""
    for _ in fields(reference):
        found = of_reference(reference, entry, there, *way)
        cure = next((loss.cure for loss in found.losses if loss.cure), None)
        if not cure:
            break
        if set(cure) == {"epsilon"}:
            if reference.epsilon == epsilon:
                break
            cure = {"epsilon": epsilon}
        reference = replace(reference, **cure)
    if any(not loss.approximate for loss in found.losses):
        raise BadInput(f"--optimizer: {entry.cls} has no pair: {'; '.join(loss.says for loss in found.losses)}")
    return reference, found


def rounded(call: TrainingCall) -> TrainingCall:
    """Round every number to float32, so that no framework has anything left to round in float64.

    If the epsilon of a pair is NEGLIGIBLE, none of the differences on the map remain.
    """
    entry = BINDINGS[call.framework].entries[call.optimizer]
    known = {**defaults_of(call.framework, entry), **call.arguments}
    every = to_arguments(entry, reference_of(entry, call.framework, call.arguments))

    def as_float32(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(as_float32, value))
        return float(np.float32(value)) if isinstance(value, float) else value

    return replace(call, arguments={k: as_float32(known.get(k, v)) for k, v in every.items()})


def by_default(name: str) -> CallPair:
    """The calls as users first write them: only what makes it this optimizer."""
    _, entry = entry_of(name)
    arguments = MOMENTUM.get(entry.optimizer, {})
    there = {f: b.entries[entry.optimizer] for f, b in BINDINGS.items() if entry.optimizer in b.entries}
    return CallPair({f: _made(f, e, arguments) for f, e in there.items()})


def _call(framework: str, entry: Entry, reference: Reference) -> TrainingCall:
    """The call that asks the framework for this reference, without arguments at their defaults."""
    known = defaults_of(framework, entry)
    try:
        arguments = to_arguments(entry, reference)
    except Unsupported as error:
        raise BadInput(f"--optimizer: {entry.cls}: {error}") from error
    return _made(framework, entry, {k: v for k, v in arguments.items() if known.get(k, _NONE) != v})


_NONE = inspect.Parameter.empty


def _made(framework: str, entry: Entry, arguments: Mapping[str, Any]) -> TrainingCall:
    text = BINDINGS[framework].call(entry, [", ".join(f"{k}={v!r}" for k, v in arguments.items())])
    return TrainingCall(framework, entry.optimizer, dict(arguments), text)
