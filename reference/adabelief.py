"""AdaBelief."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.adam import beta
from reference.base import Array, PerTensor, counter, hyper, learning_rate
from reference.bounded import average

ZHUANG = "Zhuang et al. 2020, Algorithm 2"


@dataclass(frozen=True)
class AdaBelief(PerTensor):
    """Adam whose second moment measures how far the gradient is from its own average: the belief in it.

        m <- beta_1 m + (1 - beta_1) g              s <- beta_2 s + (1 - beta_2) (g - m)^2 + epsilon
        theta <- theta - alpha (m / (1 - beta_1^t)) / (sqrt(s / (1 - beta_2^t)) + epsilon)

    with alpha `learning_rate`, g the gradient, theta the parameter, t the slot "step" counted from 1, m and s the
    slots "m" and "s", of the parameter's shape and 0 at first. The m in s is the updated one. The same epsilon
    appears in both places, as in the paper: in s, where it is added at every step and accumulates, it has the unit
    of g squared; beside the root it has the unit of g.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Zhuang, Tang, Ding, Tatikonda, Dvornek, Papademetris & Duncan, AdaBelief Optimizer: Adapting
    Stepsizes by the Belief in Observed Gradients, NeurIPS 2020, Algorithm 2, https://arxiv.org/abs/2010.07468
    """

    title: ClassVar[str] = "AdaBelief"
    source: ClassVar[str] = ZHUANG

    learning_rate: float = learning_rate(1e-3)
    beta_1: float = beta(0.9, 0.875, 0.5, f"{ZHUANG}: beta_1")
    beta_2: float = beta(0.999, 0.96875, 0.75, f"{ZHUANG}: beta_2")
    epsilon: float = hyper(1e-8, within="[0, inf)", base=2.0**-10, probe=2.0**-4, cite=f"{ZHUANG}: epsilon")
    counter: str = counter()

    combinations: ClassVar = {"no-momentum": {"beta_1": 0.0}, "no-memory": {"beta_2": 0.0}}

    def slot_names(self) -> tuple[str, ...]:
        return ("m", "s")

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        m = average(self.beta_1, slot["m"], grad)
        away = grad - m
        s = average(self.beta_2, slot["s"], away * away) + self.epsilon
        m_hat = m / (1 - self.beta_1**t)
        s_hat = s / (1 - self.beta_2**t)
        return param - self.learning_rate * m_hat / (np.sqrt(s_hat) + self.epsilon), {"m": m, "s": s}
