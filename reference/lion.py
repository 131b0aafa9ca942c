"""Lion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.adam import beta
from reference.base import Array, PerTensor, counter, decay_form, directed, learning_rate, maximize, weight_decay
from reference.bounded import average


@dataclass(frozen=True)
class Lion(PerTensor):
    """Evolved sign momentum: every coordinate moves by the learning rate.

        c = beta_1 m + (1 - beta_1) g
        theta <- theta - eta (sign(c) + lambda theta)
        m <- beta_2 m + (1 - beta_2) g

    with eta `learning_rate`, lambda `weight_decay`, g the gradient, theta the parameter, m the slot "m", of the
    parameter's shape and 0 at first. eta has the unit of theta. sign(0) = 0: a coordinate with neither momentum
    nor gradient stays where it is.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms, NeurIPS 2023, Algorithm 2 (Program 1 has
    the same two averages and decay), https://arxiv.org/abs/2302.06675
    """

    title: ClassVar[str] = "Lion"
    source: ClassVar[str] = "Chen et al. 2023, Algorithm 2"

    learning_rate: float = learning_rate(1e-4)
    beta_1: float = beta(0.9, 0.875, 0.5, "Chen et al. 2023, Algorithm 2: beta_1")
    beta_2: float = beta(0.99, 0.96875, 0.75, "Chen et al. 2023, Algorithm 2: beta_2")
    weight_decay: float = weight_decay()
    decay: str = decay_form("decoupled")
    maximize: bool = maximize()
    counter: str = counter()

    combinations: ClassVar = {
        # The gradient cancels the momentum exactly, then both are 0, then it is far larger.
        "ties": {"beta_1": 0.5, "beta_2": 0.5, "problem": "ties"},
        "ties-decay": {"beta_1": 0.5, "beta_2": 0.5, "weight_decay": 0.25, "problem": "ties"},
        "momentum-turns-late": {"beta_1": 0.96875, "problem": "flipping"},
        "no-memory": {"beta_2": 0.0},
        "maximize-decay": {"maximize": True, "weight_decay": 0.25},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("m",)

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        param, g = directed(self, param, grad)
        c = average(self.beta_1, slot["m"], g)
        m = average(self.beta_2, slot["m"], g)
        return param - self.learning_rate * np.sign(c), {"m": m}
