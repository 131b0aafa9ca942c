"""The facts about a framework (not costs): its arguments, slots, dialects, modes, and how to drive it.

Each framework is one module with the functions that `Binding` in binding.py lists; it imports the framework only
when it is used. Imported by: areas, cases, checking, cli, judge, lab, porting, proof, report, run.

To add an optimizer of a framework: an entry in torch_entries.py or keras_entries.py. To add a framework: a module
here, and its name in `BINDINGS`.
"""

from __future__ import annotations

from types import ModuleType

from conformance.bindings import keras, torch
from conformance.errors import choose

BINDINGS: dict[str, ModuleType] = {b.framework: b for b in (torch, keras)}


def binding(framework: str) -> ModuleType:
    """The binding with that name; BadInput lists the known ones."""
    return BINDINGS[choose("framework", framework, BINDINGS)]


def installed() -> list[str]:
    """The installed frameworks, without importing them."""
    return [name for name, b in BINDINGS.items() if b.versions()]
