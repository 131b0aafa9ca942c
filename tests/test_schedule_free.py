"""The evaluation point of schedule-free learning, which no framework's step shows."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.cases import problems
from reference import ScheduleFreeAdamW
from reference.bounded import Bounded


@pytest.mark.parametrize("warmup", [0, 8])
def test_evaluation_point_is_the_weighted_mean_of_the_iterates(warmup: int) -> None:
    """x_T = sum gamma_t^2 z_t / sum gamma_t^2 (Defazio et al. 2024, Algorithm 1, unrolled)."""
    problem = problems.problem("ordinary")
    rule = ScheduleFreeAdamW(learning_rate=0.125, beta_1=0.875, beta_2=0.75, warmup_steps=warmup)
    params = [Bounded(p) for p in problem.params]
    slots, total, weights = rule.init(params), [0.0 for _ in params], 0.0
    for t, grads in enumerate(problem.grads, 1):
        params, slots = rule.step(params, [Bounded(g) for g in grads], slots)
        weight = min(1.0, t / warmup) ** 2 if warmup else 1.0
        weights += weight
        total = [a + weight * z.value for a, z in zip(total, slots["z"], strict=True)]
    for y, z, mean in zip(params, slots["z"], total, strict=True):
        x = rule.evaluation_point(y, z)
        assert np.all(abs(x.value - mean / weights) <= x.error)


def test_without_interpolation_the_evaluation_point_is_not_made_up() -> None:
    with pytest.raises(ValueError, match="beta_1=0"):
        ScheduleFreeAdamW(beta_1=0.0).evaluation_point(np.ones(2), np.ones(2))
