"""Problems of one constructor call, driven side by side, as elements of the same tensors.

In a framework the cost of a step depends on the number of operations, not of elements. Where no element's update
depends on another's, all problems of a plain optimizer share one run, along a last axis of its tensors, and each
case takes its own elements from it. Running any of these cases runs all of them, so that what a case sees does not
depend on what was selected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from conformance.bindings import BINDINGS
from conformance.bindings.binding import State
from conformance.cases import problems
from conformance.cases.case import Case
from conformance.cases.plan import StepPlan
from conformance.cases.table import BEHAVIOUR


def companions(plan: StepPlan) -> tuple[Case, ...]:
    """The cases with the same constructor call that can share one run with this one; empty if it cannot."""
    entry, case = plan.entry, plan.case
    # A custom optimizer gets the tensors that its author expects, and each problem separately.
    if entry.build is not None or not entry.reference.separable or entry.reference.gradients != "dense":
        return ()
    found = tuple(c for c in BEHAVIOUR if c.plain and problems.whole(c.problem))
    place = _place(case, found) if replace(case, rates={}).plain else None
    return found if place is not None and case.steps <= found[place].steps else ()


def _place(case: Case, among: tuple[Case, ...]) -> int | None:
    """The position of its problem among them. A variant has a separate run, on the same tensors: see `_variant`."""
    problem = "ordinary" if case.problem in problems.GAPS else case.problem
    return next((i for i, c in enumerate(among) if c.problem == problem), None)


def _variant(case: Case) -> tuple:
    """What differs in the whole run: a changing learning rate, and missing gradients."""
    return (case.problem if case.problem in problems.GAPS else "", *case.rates.items())


def drive(plan: StepPlan) -> list[State] | None:
    """The states of this case, from the run of all its companions; None if it has none."""
    cases = companions(plan)
    if not cases:
        return None
    key = (plan.check.framework, plan.check.optimizer)
    if _kept.get("of") != key:
        forget()
        _kept["of"] = key
    run = (plan.check.dtype, plan.check.mode, _variant(plan.case))
    if run not in _kept:
        _kept[run] = _driven(plan, cases)
    place = _place(plan.case, cases)
    return [_taken(s, place) for s in _kept[run][: plan.case.steps + 1]]


_kept: dict = {}  # the runs of the optimizer being checked, by dtype, mode and learning rates


def forget() -> None:
    """Discard the runs kept: the framework's code has changed."""
    _kept.clear()


def _driven(plan: StepPlan, cases: Sequence[Case]) -> list[State]:
    """All cases in one run, as long as the longest; those that end earlier have gradients of 0 from there on."""
    entry, rates = plan.entry, plan.case.rates
    each = [c.data(entry) for c in cases]
    params = [np.stack(p, axis=-1) for p in zip(*(p.params for p in each), strict=True)]
    groups = cases[0].groups(entry, plan.make)
    driver = BINDINGS[plan.check.framework].start(entry, groups, params, plan.check.dtype, plan.check.mode)
    states = [driver.read()]
    gaps = plan.case.data(entry).grads if plan.case.problem in problems.GAPS else None
    for t in range(max(p.steps for p in each)):
        if t + 1 in rates:
            driver.set_learning_rate(rates[t + 1])
        at = [p.grads[t] if t < p.steps else [np.zeros_like(x) for x in p.params] for p in each]
        grads = [np.stack(g, axis=-1) for g in zip(*at, strict=True)]
        driver.step([None if gaps and gaps[t][i] is None else g for i, g in enumerate(grads)])
        states.append(driver.read())
    driver.done()
    return states


def _taken(state: State, place: int) -> State:
    """One problem's elements of anything shaped like its tensor. A number for all elements is for each problem."""

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
