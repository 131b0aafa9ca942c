"""Mutants: the references with one named mistake each.

A mistake replaces one line in the source of the reference (a method of the class or one that it inherits),
so that it reads like a diff and cannot drift from the rule: a line that is missing, or occurs twice, is an
error. Imported by: areas, cli, judge, proof.

To add the mistakes of a rule: a module here with `MUTANTS`, named as the reference's.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

from conformance.errors import BadInput
from reference.base import PerTensor, Reference
from reference.wrapped import Wrapped

Group = TypeVar("Group")  # a frozen dataclass with a `reference`


@dataclass(frozen=True)
class Mutant:
    """One named mistake."""

    optimizer: str  # the name of the reference: "Adam"; those that inherit its method have it too
    name: str
    line: str  # the text in the reference
    mistake: str  # the text in its place
    says: str  # what it does, in words
    bug: str = ""  # the real bug it represents
    method: str = "update"


def mutants(optimizer: str, *rows: tuple[str, str, str, str, str], method: str = "update") -> tuple[Mutant, ...]:
    """Mutants of one method of a reference, a row each: name, line, mistake, in words, real bug."""
    return tuple(Mutant(optimizer, *row, method) for row in rows)


@cache
def registry() -> tuple[Mutant, ...]:
    """All mutants of all references: each module of this package holds those of one, as MUTANTS."""
    found = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(m for name in found for m in importlib.import_module(f"{__name__}.{name}").MUTANTS)


def of(reference: type[Reference]) -> Iterator[Mutant]:
    """The mutants that can be planted in a reference, including those of its base classes."""
    names = {c.__name__ for c in reference.__mro__}
    return (m for m in registry() if m.optimizer in names)


def find(name: str, reference: type[Reference]) -> Mutant:
    """A reference's mutant of that name; BadInput lists the known ones."""
    known = {m.name: m for m in of(reference)}
    if name not in known:
        raise BadInput(f"mutant {name!r} of {reference.__name__}: not known; there are {', '.join(sorted(known))}")
    return known[name]


@cache
def mutated(reference: type[Reference], *mistakes: Mutant) -> type[Reference]:
    """The class with one or more mistakes."""
    names = "+".join(m.name for m in mistakes)
    body: dict[str, Any] = {"mistake": names}
    for method in dict.fromkeys(m.method for m in mistakes):
        owner = next((c for c in reference.__mro__ if method in vars(c)), None)
        if owner is None:
            raise BadInput(f"mutant {names!r}: {reference.__name__} has no method {method}")
        source = textwrap.dedent(inspect.getsource(vars(owner)[method]))
        for mutant in (m for m in mistakes if m.method == method):
            if source.count(mutant.line) != 1:
                raise BadInput(
                    f"mutant {mutant.name!r}: {mutant.line!r} stands {source.count(mutant.line)} times in "
                    f"{owner.__name__}.{method}; it has to be there once"
                )
            source = source.replace(mutant.line, mutant.mistake)
        scope: dict[str, Any] = {}
        module = dict(vars(sys.modules[owner.__module__]))
        exec(compile(source, f"<mutant {names}>", "exec"), module, scope)
        body[method] = scope[method]
    if "step" in body and issubclass(
        reference, PerTensor
    ):  # the mistake concerns how tensors are combined, so do not pack them
        body["elementwise"] = False
    return type(reference.__name__, (reference,), body)


def planted(groups: Sequence[Group], *mistakes: Mutant) -> list[Group] | None:
    """The parameter groups with the mistakes in every reference; None if they cannot be planted."""
    outer = isinstance(groups[0].reference, Wrapped)
    if mistakes[0].optimizer == "Wrapped" and not outer:
        return None
    return [replace(g, reference=plant(g.reference, *mistakes)) for g in groups]


def plant(reference: Reference, *mistakes: Mutant) -> Reference:
    """The same hyperparameters in the class with the mistakes."""
    if isinstance(reference, Wrapped) and mistakes[0].optimizer != "Wrapped":
        return replace(reference, inner=plant(reference.inner, *mistakes))
    return mutated(type(reference), *mistakes)(**vars(reference))
