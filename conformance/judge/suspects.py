"""What an implementation may have done instead: every known mistake, form and number, as references.

A suspect is an alternative to everything that a case expects: its parameter groups and its learning rates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Any

import numpy as np

from conformance import mutants
from conformance.bindings.binding import Group
from conformance.mutants import Mutant
from reference.base import PerTensor, Reference
from reference.formats import FLOAT32, Format
from reference.wrapped import Wrapped

SINGLE = "cast through float32, whatever the dtype"
KINDS = ("form", "mistake", "number", "schedule")  # a published form is preferred to a mistake


@dataclass(frozen=True)
class Suspect:
    """One explanation to try."""

    name: str  # "epsilon-in-root", "epsilon_place='after'", "epsilon=0.0"
    kind: str
    says: str
    groups: Sequence[Group]
    rates: Mapping[int, float]
    uncounted: bool = False  # the implementation's counter counts something else
    mutant: Mutant | None = None


def suspects(
    groups: Sequence[Group], rates: Mapping[int, float], fmt: Format, defaults: Mapping[str, Any] | None = None
) -> Iterator[Suspect]:
    """All of them for one case. `defaults`: the constructor's own values of the hyperparameters."""
    rule = type(_rule(groups[0].reference))
    for mutant in [*mutants.of(rule), *mutants.of(Wrapped)]:
        planted = _planted(groups, mutant)
        if planted is not None:
            yield Suspect(mutant.name, "mistake", mutant.says, planted, rates, mutant=mutant)
    for mistake, says in STRUCTURAL.items():
        if issubclass(rule, PerTensor) and len(groups) == 1 and rule.step is PerTensor.step:
            changed = [Group(g.tensors, _structural(g.reference, mistake)) for g in groups]
            yield Suspect(mistake.name, "mistake", says, changed, rates, uncounted=True)
    for name, value in _forms(groups[0].reference):
        changed = _changed(groups, name, value)
        if changed is not None:
            yield Suspect(f"{name}={value!r}", "form", _of_form(name, value), changed, rates, name == "counter")
    for name, value, says in _numbers(groups[0].reference, defaults or {}):
        changed = _changed(groups, name, value)
        if changed is not None:
            yield Suspect(f"{name}={value!r}", "number", says, changed, rates)
    for names, values in _rounded(groups[0].reference, fmt):
        changed = [Group(g.tensors, _with(g.reference, values)) for g in groups]
        yield Suspect(f"float32: {names}", "number", SINGLE, changed, rates)
    rule_of = _rule(groups[0].reference)
    if hasattr(rule_of, "beta_1") and hasattr(rule_of, "beta_2") and rule_of.beta_1 != rule_of.beta_2:
        swapped = {"beta_1": rule_of.beta_2, "beta_2": rule_of.beta_1}
        changed = [Group(g.tensors, _with(g.reference, swapped)) for g in groups]
        yield Suspect("betas-swapped", "number", "beta_1 and beta_2 are swapped", changed, rates)
    if len(groups) > 1:
        alike = [Group(g.tensors, groups[0].reference) for g in groups]
        yield Suspect("groups-alike", "number", "all groups have the options of the first", alike, rates)
    if rates:
        yield Suspect("rate-fixed", "schedule", "a new learning rate has no effect", groups, {})
        late = {t + 1: rate for t, rate in rates.items()}
        yield Suspect("rate-late", "schedule", "a new learning rate takes effect a step late", groups, late)


def together(first: Suspect, second: Suspect) -> Suspect | None:
    """Both at once, where `first` is a form; None if impossible."""
    name = first.name.partition("=")[0]
    changed = _changed(second.groups, name, getattr(_at(first.groups[0].reference, name), name))
    if first.kind != "form" or changed is None or second.name.startswith((f"{name}=", "float32")):
        return None
    return replace(
        second,
        name=f"{first.name} + {second.name}",
        says=f"{first.says}; {second.says}",
        groups=changed,
        uncounted=first.uncounted or second.uncounted,
    )


def _rule(reference: Reference) -> Reference:
    return getattr(reference, "inner", None) or reference


def _at(reference: Reference, name: str) -> Reference:
    """Whichever has this field: the wrapper or the rule."""
    if isinstance(reference, Wrapped) and name not in {f.name for f in fields(reference)}:
        return reference.inner
    return reference


def _with(reference: Reference, values: Mapping[str, Any]) -> Reference:
    inner = getattr(reference, "inner", None)
    if inner is not None and not set(values) <= {f.name for f in fields(reference)}:
        return replace(reference, inner=_with(inner, values))
    return replace(reference, **values)


def _changed(groups: Sequence[Group], name: str, value: Any) -> list[Group] | None:
    try:
        return [Group(g.tensors, _with(g.reference, {name: value})) for g in groups]
    except (TypeError, ValueError):  # mutually exclusive forms
        return None


def _planted(groups: Sequence[Group], mutant: Mutant) -> list[Group] | None:
    try:
        return mutants.planted(groups, mutant)
    except TypeError:  # a mistake of a class from which this one inherits only a name
        return None


def _parts(reference: Reference) -> Iterator[tuple[Any, Any]]:
    """Each hyperparameter, with its value."""
    for part in (reference, getattr(reference, "inner", None)):
        if part is not None:
            yield from ((f, getattr(part, f.name)) for f in fields(part) if f.name != "inner")


def _forms(reference: Reference) -> Iterator[tuple[str, Any]]:
    for f, value in _parts(reference):
        yield from ((f.name, other) for other in f.metadata.get("one_of", ()) if other != value)


def _of_form(name: str, value: Any) -> str:
    words = name.replace("_", " ")
    return {True: f"as with {words}", False: f"{words} is ignored"}.get(value, f"{words} is {value!r}")


def _numbers(reference: Reference, defaults: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    for f, value in _parts(reference):
        if f.metadata.get("one_of"):
            continue
        tried = [value]
        own = defaults.get(f.name)
        for other, says in (
            (own, f"{f.name} is ignored: its default {own!r} is used"),
            (f.default, f"{f.name} is ignored: {f.default!r} is used"),
            (_nothing(value), f"{f.name} is ignored: it is 0"),
            (_square(f.name, value), f"{f.name} is squared"),
        ):
            if other not in tried and type(other) in (type(value), float, int, type(None)):
                tried.append(other)
                if other is not None or isinstance(reference, Wrapped):
                    yield f.name, other, says


def _nothing(value: Any) -> Any:
    return 0.0 if isinstance(value, float) else value


def _rounded(reference: Reference, fmt: Format) -> Iterator[tuple[str, dict[str, Any]]]:
    """Hyperparameters rounded to float32, one at a time and together."""
    single = {f.name: float(np.float32(value)) for f, value in _parts(reference) if isinstance(value, float)}
    lossy = [name for name, value in single.items() if value != getattr(_at(reference, name), name)]
    if fmt.precision > FLOAT32.precision:
        for n in range(1, len(lossy) + 1):
            for names in combinations(lossy, n):
                yield ", ".join(names), {name: single[name] for name in names}


def _square(name: str, value: Any) -> Any:
    return value * value if name == "epsilon" else value


# -- mistakes of the state of several tensors, the same in every rule that treats each by itself -----------
class _CountedByTensor:
    """One counter for all tensors, advanced once for each of them."""

    name = "step-counted-by-parameter"

    def step(self, params: list, grads: list, slots: dict) -> tuple[list, dict]:
        params, slots = list(params), {name: list(values) for name, values in slots.items()}
        before = slots["step"][0]
        there = 0
        for i, grad in enumerate(grads):
            if grad is None:
                continue
            there += 1
            t = before * len(grads) + there
            params[i], new = self.update(t, params[i], grad, {n: slots[n][i] for n in self.slot_names()})
            for name, value in new.items():
                slots[name][i] = value
        slots["step"] = [before + 1]
        return params, slots


class _NeverCounted:
    """The counter stays at its first value."""

    name = "step-always-one"

    def step(self, params: list, grads: list, slots: dict) -> tuple[list, dict]:
        started = {**slots, "step": [s * 0 for s in slots["step"]]}
        params, after = super().step(params, grads, started)
        return params, {**after, "step": slots["step"]}


STRUCTURAL = {
    _CountedByTensor: "one step counter for all parameters is advanced once for each of them",
    _NeverCounted: "the step counter is not advanced: every step is the first",
}


def _structural(reference: Reference, mistake: type) -> Reference:
    if isinstance(reference, Wrapped):
        return replace(reference, inner=_structural(reference.inner, mistake))
    rule = type(reference)
    made = type(rule.__name__, (mistake, rule), {"elementwise": rule.elementwise and mistake is _NeverCounted})
    values = vars(reference)
    return made(**({**values, "counter": "optimizer"} if "counter" in values else values))
