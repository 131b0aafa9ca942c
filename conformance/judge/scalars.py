"""The hyperparameters of a reference as scalars of the precision declared by the binding."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from conformance.bindings.binding import Entry
from reference.base import Reference
from reference.bounded import Bounded, number, strong
from reference.formats import Format


def bounded(reference: Reference, entry: Entry, fmt: Format) -> Reference:
    """The reference with its hyperparameters as scalars of the precision declared by the binding."""
    changes: dict[str, Any] = {}
    for f in fields(reference):
        value = getattr(reference, f.name)
        if isinstance(value, Reference):
            changes[f.name] = bounded(value, entry, fmt)
        elif isinstance(value, tuple):
            changes[f.name] = tuple(scalar(v, f.name in entry.tensors, fmt) for v in value)
        elif isinstance(value, float):
            changes[f.name] = scalar(value, f.name in entry.tensors, fmt)
    return replace(reference, **changes)


def scalar(value: float, tensor: bool, fmt: Format) -> Bounded:
    """A Python number, or a tensor made from it."""
    return strong(number(value), fmt) if tensor else number(value)


def with_rate(reference: Reference, rate: float) -> Reference:
    """The reference with another learning rate."""
    inner = getattr(reference, "inner", None)
    if inner is not None:
        return replace(reference, inner=with_rate(inner, rate))
    return replace(reference, learning_rate=rate)
