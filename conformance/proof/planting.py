"""What is planted in an optimizer: mistakes of its rule, faults of what drives it, and mistakes of its fields.

The last are derived from the fields: every option ignored, every term left out, every other form, every slot lost
or not restored.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np

from conformance import mutants
from conformance.bindings.binding import Entry, Group
from conformance.cases.economy import WRAPPED_TOGETHER
from conformance.mutants import Mutant
from conformance.proof import trials as trials_of
from conformance.proof.faults import COUNTERS, FAULTS, forgetting, losing
from conformance.proof.numpy_driver import NumPyDriver
from conformance.proof.trials import Trial, entries, of_optimizer
from reference.base import Reference
from reference.wrapped import Wrapped

WRAPPED = "wrapped"  # what a framework wraps around every rule gets its own matrix, like an optimizer


def optimizers() -> list[str]:
    """Every rule, and what is wrapped around them."""
    return [*trials_of.optimizers(), WRAPPED]


@cache
def trials(optimizer: str) -> tuple[Trial, ...]:
    """The rule's own trials; for what is wrapped around every rule, those of the rules it is tried on."""
    if optimizer == WRAPPED:
        return tuple(t for name in WRAPPED_TOGETHER for t in of_optimizer(name) if t.case.wrapping)
    return tuple(t for t in of_optimizer(optimizer) if not t.case.wrapping)


def subject(trial: Trial) -> str:
    """Whose mistakes are planted in a trial."""
    return WRAPPED if trial.case.wrapping else trial.entry.optimizer


@cache
def planted_in(optimizer: str) -> tuple[Mutant, ...]:
    """The mistakes of a rule, including inherited ones."""
    rules = [Wrapped] if optimizer == WRAPPED else [e.reference for e in entries(optimizer)]
    return tuple(sorted({m for rule in rules for m in mutants.of(rule)}, key=lambda m: m.name))


@cache
def mistakes(optimizer: str) -> dict[str, Mutant]:
    """Everything planted in an optimizer, by name."""
    found = {m.name: m for m in planted_in(optimizer)}
    if optimizer != WRAPPED:
        found |= {f"fault:{f.name}": Mutant("driver", f.name, "", "", f.says, f.bug) for f in FAULTS.values()}
    return found | {name: Mutant("driver", name, "", "", says) for name, says, _ in systematic(optimizer)}


def wrong(trial: Trial, name: str) -> tuple[list[Group], type[NumPyDriver]] | None:
    """The references and the driver that make this mistake; None if they cannot."""
    groups = trial.groups()
    if name.startswith("fault:"):
        return groups, FAULTS[name.removeprefix("fault:")].driver
    mutant = next((m for m in planted_in(subject(trial)) if m.name == name), None)
    if mutant is not None:
        planted = mutants.planted(groups, mutant)
        return planted and (planted, NumPyDriver)
    change = next(c for n, _, c in systematic(subject(trial)) if n == name)
    if isinstance(change, LostSlot):
        return groups, (losing if change.kept else forgetting)(change.slot)
    try:
        return [Group(g.tensors, _changed(trial.entry, g.reference, *change)) for g in groups], NumPyDriver
    except ValueError:  # no such combination
        return None


@dataclass(frozen=True)
class LostSlot:
    """A slot that is never stored or never restored."""

    slot: str
    kept: bool


USUAL = "usual"  # the value in cases that are not about the option


@cache
def systematic(optimizer: str) -> tuple[tuple[str, str, Any], ...]:
    """A mistake for every option, form and slot of the optimizer: its name, a description, what it changes.

    An option is ignored (it has the other cases' value), or its term is left out (it is 0); a form is replaced;
    a slot is never stored, or not restored.
    """
    found: dict[str, tuple[str, Any]] = {}
    for trial in trials(optimizer):
        for group in trial.groups():
            rule = group.reference
            for label, name, value in _alternatives(trial.entry, rule):
                says = "the other cases' value" if value == USUAL else repr(value)
                found[label] = f"{name} is always {says}, whatever is asked for", (name, value)
            zeros = [np.zeros(p.shape) for p in trial.case.data(trial.entry).params]
            inner = rule.inner.init(zeros) if isinstance(rule, Wrapped) else {}
            for slot, first in rule.init(zeros).items():
                if slot not in (*COUNTERS, *rule.schedule, *inner) and first:
                    found[f"lost:{slot}"] = f"the slot {slot!r} keeps its first value", LostSlot(slot, True)
                    found[f"not-restored:{slot}"] = f"the slot {slot!r} is not restored", LostSlot(slot, False)
    return tuple((name, *rest) for name, rest in sorted(found.items()))


def _alternatives(entry: Entry, reference: Reference) -> Iterator[tuple[str, str, Any]]:
    """The other forms allowed here, the usual value of each number that differs from it, and 0."""
    for f in fields(reference):
        if f.name in ("counter", "learning_rate", "inner"):  # covered by the faults of counters and rates
            continue
        has, forms = getattr(reference, f.name), f.metadata["one_of"]
        number = not forms and (f.metadata["probe"] is not None or f.name in entry.arguments)
        number = number and f.name not in entry.dialect
        values = [(f"form:{f.name}={v}", v) for v in forms] + [(f"ignored:{f.name}", USUAL)] * number
        values += [(f"zero:{f.name}", 0.0)] * (number and isinstance(has, float))
        for label, value in values:
            with contextlib.suppress(ValueError):  # no such combination
                if getattr(_changed(entry, reference, f.name, value), f.name) != has:
                    yield label, f.name, value


def _changed(entry: Entry, reference: Any, name: str, value: Any) -> Any:
    if value == USUAL:
        value = entry.base.get(name, type(reference).__dataclass_fields__[name].metadata["base"])
    return replace(reference, **{name: value})
