"""Problems of one constructor call, driven together: side by side, as elements of the same tensors.

A step of a framework costs by the operation, not by the element. Where no element's update looks at another's, the
problems that a plain optimizer runs on are one run of it, along a last axis of its tensors, and each case takes its
own elements out. Every run of any of these cases is a run of all of them, so that what a case sees does not depend
on what was selected.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from conformance.bindings import BINDINGS
from conformance.bindings.base import Group, State
from conformance.cases import problems
from conformance.cases.table import BEHAVIOUR, Case, Instance


@dataclass
class Observation:
    """What an implementation did: its state at the start and after every step."""

    groups: list[Group]
    states: list[State]


def companions(instance: Instance) -> tuple[Case, ...]:
    """The cases of the same constructor call that one run can do, this one among them; else none."""
    entry = instance.entry
    # An optimizer of one's own gets the tensors that its author knows, and each problem for itself.
    if entry.build is not None or not entry.reference.separable or entry.reference.gradients != "dense":
        return ()
    found = tuple(c for c in BEHAVIOUR if c.plain and problems.whole(c.problem))
    place = _place(instance.case, found) if replace(instance.case, rates={}).plain else None
    return found if place is not None and instance.case.steps <= found[place].steps else ()


def _place(case: Case, among: tuple[Case, ...]) -> int | None:
    """Of its problem among them. A variant of one has a run of its own, on the same tensors: see `_variant`."""
    problem = "ordinary" if case.problem in problems.GAPS else case.problem
    return next((i for i, c in enumerate(among) if c.problem == problem), None)


def _variant(case: Case) -> tuple:
    """What is another in the whole run: a learning rate that changes, and gradients that are missing."""
    return (case.problem if case.problem in problems.GAPS else "", *case.rates.items())


def drive(instance: Instance) -> Observation | None:
    """What the implementation did in this case, from the run of all its companions; None where it has none."""
    cases = companions(instance)
    if not cases:
        return None
    key = (instance.framework, instance.optimizer)
    if _kept.get("of") != key:
        forget()
        _kept["of"] = key
    run = (instance.dtype, instance.mode, _variant(instance.case))
    if run not in _kept:
        _kept[run] = _driven(instance, cases)
    whole, place = _kept[run], _place(instance.case, cases)
    states = [_taken(s, place) for s in whole.states[: instance.case.steps + 1]]
    return Observation(whole.groups, states)


_kept: dict = {}  # the runs of the optimizer that is being checked, by dtype, mode and learning rates


def forget() -> None:
    """Run anew what comes next: the code of the framework is another now."""
    _kept.clear()


def _driven(instance: Instance, cases: tuple[Case, ...]) -> Observation:
    """All cases in one run, as long as the longest; those that end before have gradients of 0 from there on."""
    binding, entry = BINDINGS[instance.framework], instance.entry
    each = [c.data(entry) for c in cases]
    params = [np.stack(p, axis=-1) for p in zip(*(p.params for p in each), strict=True)]
    groups = cases[0].groups(entry, binding.constructor(entry))
    driver = binding.start(entry, groups, params, instance.dtype, instance.mode)
    states = [driver.read()]
    gaps = instance.case.data(entry).grads if instance.case.problem in problems.GAPS else None
    for t in range(max(p.steps for p in each)):
        if t + 1 in instance.case.rates:
            driver.set_learning_rate(instance.case.rates[t + 1])
        at = [p.grads[t] if t < p.steps else [np.zeros_like(x) for x in p.params] for p in each]
        grads = [np.stack(g, axis=-1) for g in zip(*at, strict=True)]
        driver.step([None if gaps and gaps[t][i] is None else g for i, g in enumerate(grads)])
        states.append(driver.read())
    driver.done()
    return Observation(groups, states)


def _taken(state: State, place: int) -> State:
    """The elements of one problem: of what has the shape of its tensor. A number for all elements is for each."""

    def part(value: np.ndarray | None, like: np.ndarray | None) -> np.ndarray | None:
        mine = value is not None and like is not None and value.shape == like.shape
        return value[..., place].copy() if mine else value

    slots = {
        name: [part(v, p) for v, p in zip(values, state.params, strict=True)]
        if len(values) == len(state.params)
        else values
        for name, values in state.slots.items()
    }
    return State([part(p, p) for p in state.params], slots)
