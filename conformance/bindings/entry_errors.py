"""What is wrong with an entry, seen before anything runs: names that its class or its rule does not have."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields

from conformance.bindings.binding import Binding, Entry, Unsupported, defaults
from reference.base import PerTensor
from reference.wrapped import Wrapped


def entry_errors(binding: Binding, entry: Entry) -> Iterator[str]:
    """One line for each: what, and what is allowed."""
    where = f"the {binding.framework} entry {entry.optimizer!r}"
    rule = entry.reference
    known = {f.name for f in fields(rule)}
    if issubclass(rule, PerTensor) and "counter" not in known:
        yield f"{where}: reference.{rule.__name__} has no field `counter`: add `counter: str = counter()`"
    there = known | {f.name for f in fields(Wrapped)}
    for kind, names in (("arguments", entry.arguments), ("dialect", {**entry.dialect, **entry.base})):
        for name in sorted(set(names) - there):
            allowed = ", ".join(sorted(known))
            yield f"{where}, {kind}: reference.{rule.__name__} has no field {name!r}; it has {allowed}"
    try:
        constructor = binding.constructor(entry)
    except Unsupported as error:
        yield f"{where}: {error}. `module` must be importable here (PYTHONPATH), and have the class {entry.cls}"
        return
    if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(constructor).parameters.values()):
        return  # it takes names that its signature does not show
    offered = defaults(constructor)
    for name in entry.arguments:
        argument = entry.argument(name)
        for given in filter(None, (argument.name, argument.when)):
            if given not in offered:
                yield f"{where}: {entry.cls} has no argument {given!r}; it has {', '.join(sorted(offered))}"
