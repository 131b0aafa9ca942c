"""Planted mistakes told from the rule: one mistake in one trial, and the ratio by which it is detected.

No framework is needed: the references run in plain NumPy, in float64 and float32, in the dialect of each
framework (trials.py). A mistake is planted in them, and the case judges it like any implementation.
kill_matrix.py makes a table of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from conformance.bindings.binding import State, UndeclaredSlot
from conformance.judge.compared import LIMIT, Compared
from conformance.judge.steps import Judge
from conformance.proof import planting, trials
from conformance.proof.trials import Trial
from reference.branches import TooManyBranches

# What leads to an outcome that fails the gate: BLIND, or the ERROR of an implementation that raises.
FAILS = (UndeclaredSlot, TooManyBranches, ArithmeticError, LookupError, ValueError)


@dataclass
class Detected:
    """One trial: the ratio of the correct implementation, and of each mistake that changes anything in it."""

    right: float
    wrong: dict[str, float] = field(default_factory=dict)


def attempt(task: tuple[str, int]) -> Detected:
    """All mistakes of an optimizer in one of its trials, given by number."""
    optimizer, number = task
    trial = planting.trials(optimizer)[number]
    found = Detected(right(trial))
    for name in planting.mistakes(optimizer):
        r = tried(trial, name)
        if r is not None:
            found.wrong[name] = r
    return found


def tried(trial: Trial, name: str) -> float | None:
    """The ratio of one mistake in one trial; None if it changes nothing there."""
    found = planting.wrong(trial, name)
    if found is None:
        return None
    groups, driver = found
    try:
        return ratio(trial, trial.run(groups, strict=False, driven_by=driver))
    except FAILS:
        return math.inf
    except Exception as error:
        raise RuntimeError(f"{trial.id}: the mistake {name!r} does not run") from error


_trajectories: dict[Trial, dict] = {}


def _judge(trial: Trial, states: Sequence[State]) -> Judge:
    """The judge of the trial; the reference runs once for everything that is tried in it."""
    if trial not in _trajectories:
        _trajectories.clear()
    return trial.judge(states, _trajectories.setdefault(trial, {}))


def right(trial: Trial) -> float:
    """The ratio of the correct implementation."""
    judge = _judge(trial, trials.unmutated(trial))
    return max(judge.locked().ratio, judge.free().ratio)


def ratio(trial: Trial, run: Iterable[State]) -> float | None:
    """The ratio at the first step that shows the mistake, step-locked or else free-running.

    If none does, the highest ratio. None if the states are those of the correct implementation: nothing can show.
    """
    states: list[State] = []
    judge, highest, differs = _judge(trial, states), 0.0, False
    scheduled = any(g.reference.schedule for g in judge.groups)  # its slots carry over from step to step
    with np.errstate(all="ignore"):
        for t, (state, own) in enumerate(zip(run, trials.unmutated(trial), strict=True)):
            states.append(state)
            differs = differs or not trials.same([state], [own])
            if t and (differs or scheduled):  # until then it equals the correct implementation
                highest = max(highest, *map(_worst, judge.compared(t)))
            if not highest <= LIMIT:
                return highest
        for group in judge.groups if differs else ():
            for compared in judge.compared_free(group):
                highest = max(highest, _worst(compared))
                if not highest <= LIMIT:
                    return highest
    return highest if differs else None


def _worst(compared: Compared) -> float:
    ratios = [float(np.max(r, initial=0.0)) for r, _ in compared.ratios.values()]
    return math.inf if any(math.isnan(r) for r in ratios) else max(ratios, default=0.0)
