"""Drives an implementation through a case and records its whole state."""

from __future__ import annotations

import contextlib
from typing import Any

from conformance.bindings import BINDINGS
from conformance.bindings.binding import State, Unsupported
from conformance.cases import side_by_side
from conformance.cases.plan import StepPlan


def drive(plan: StepPlan) -> list[State]:
    """The state at the start and after every step, from a run shared with other cases where possible."""
    with contextlib.suppress(Exception):  # one problem's failure must not become another's outcome
        shared = side_by_side.drive(plan)
        if shared is not None:
            return shared
    return drive_alone(plan)


def drive_alone(plan: StepPlan) -> list[State]:
    """The same on the case's own tensors, even if other cases share its constructor call."""
    entry, params = plan.entry, plan.case.data(plan.entry).params
    try:
        driver = BINDINGS[plan.check.framework].start(entry, plan.groups, params, plan.check.dtype, plan.check.mode)
    except (ValueError, TypeError) as error:
        if plan.case.name in entry.lacks:  # the binding says that it refuses this, and it does
            raise Unsupported(entry.lacks[plan.case.name]) from error
        raise
    return through(plan, driver)


def through(plan: StepPlan, driver: Any) -> list[State]:
    """The same with a driver at its first step."""
    case, problem = plan.case, plan.case.data(plan.entry)
    states = [driver.read()]
    given = problem.grads
    if plan.entry.reference.closure:
        given = problem.closures(lambda g: g.astype(plan.check.dtype))
    for t, grads in enumerate(given, 1):
        if t == case.resumed_at:
            driver = driver.resumed()
        if t in case.rates:
            driver.set_learning_rate(case.rates[t])
        driver.step(grads)
        states.append(driver.read())
    driver.done()
    return states
