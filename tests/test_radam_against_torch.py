"""`conformance.RAdam` takes the same steps as `torch.optim.RAdam`: 100 of them, in float64, in every mode.

The tolerance is the reference's own bound: each of the two may be that far from it, and so from the other
at most the sum.
"""

from __future__ import annotations

import numpy as np
import pytest

from conformance.bindings import BINDINGS, installed
from conformance.cases.case import Case
from conformance.cases.optimizers import OptimizerCheck
from conformance.judge.compared import LIMIT
from conformance.judge.evidence import evidence_of
from conformance.judge.steps import Judge
from reference.bounded import Bounded

HUNDRED = Case("hundred-steps", "long enough for most of the rectification", "ordinary", steps=100)
PROBING = Case("hundred-probing-steps", "gradients of every size", "probing", steps=100)
MODES = BINDINGS["keras"].modes if set(installed()) >= {"keras", "torch"} else ()


def _trajectory(judge: Judge) -> list[Bounded]:
    kept = judge._trajectories
    judge.free()
    return [params[0] for params, _ in kept[0]]


@pytest.mark.parametrize("case", [HUNDRED, PROBING], ids=lambda case: case.name)
@pytest.mark.parametrize("mode", MODES)
def test_same_steps_as_torch(case: Case, mode: str) -> None:
    ours = OptimizerCheck.of("keras", "radam", case, "float64", mode)
    theirs = OptimizerCheck.of("torch", "radam", case, "float64", "forloop")
    seen, other = (check.observe(check.plan()) for check in (ours, theirs))
    judges = Judge(evidence_of(seen)), Judge(evidence_of(other))
    trajectories = [_trajectory(j) for j in judges]
    for t in range(1, case.steps + 1):
        got, expected = (np.concatenate([p.ravel() for p in s.states[t].params]) for s in (seen, other))
        allowed = LIMIT * sum(trajectory[t - 1].error for trajectory in trajectories)
        assert np.all(abs(got - expected) <= allowed), f"step {t}: {np.max(abs(got - expected) / allowed)}"
    assert all(j.locked().conforms for j in judges)
