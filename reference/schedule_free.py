"""Schedule-free learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.adam import beta, epsilon
from reference.base import Array, PerTensor, Slots, counter, hyper, learning_rate, maximize, weight_decay
from reference.bounded import average

DEFAZIO = "Defazio et al. 2024, Algorithm 1"


@dataclass(frozen=True)
class ScheduleFreeAdamW(PerTensor):
    """Schedule-free AdamW: an average of the iterates in place of a learning-rate schedule.

        gamma_t = gamma min(1, t / T)                               (T = 0: gamma_t = gamma)
        v <- beta_2 v + (1 - beta_2) g g
        z' = z - gamma_t g / (sqrt(v / (1 - beta_2^t)) + epsilon) - gamma_t lambda y
        c = gamma_t^2 / (gamma_1^2 + ... + gamma_t^2)
        x <- (1 - c) x + c z'
        z <- z'
        y <- (1 - beta_1) z + beta_1 x

    with gamma `learning_rate`, T `warmup_steps`, lambda `weight_decay`, g the gradient at y, t the slot "step"
    counted from 1. The parameter is y, where gradients are taken in training; x is the point to evaluate,
    `evaluation_point`; z is the slot "z", v the slot "v", of the parameter's shape. x is not stored, as it follows
    from y and z: x = (y - (1 - beta_1) z) / beta_1. (With beta_1 = 0 it does not, and y does not need it.) The
    slot "weights" is the sum in c, a scalar. z starts at the parameter, v and the sum at 0. epsilon has the unit
    of g.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Defazio, Yang, Mehta, Mishchenko, Khaled & Cutkosky, The Road Less Scheduled, NeurIPS 2024, Algorithm 1
    and Section 4, https://arxiv.org/abs/2405.15682;
    its reference implementation (what is kept in memory), https://github.com/facebookresearch/schedule_free
    """

    title: ClassVar[str] = "ScheduleFreeAdamW"
    source: ClassVar[str] = DEFAZIO
    elementwise: ClassVar[bool] = False  # "weights" is one number per tensor
    schedule: ClassVar[tuple[str, ...]] = ("weights",)

    learning_rate: float = learning_rate(0.0025)
    beta_1: float = beta(0.9, 0.875, 0.5, f"{DEFAZIO}: beta_1")
    beta_2: float = beta(0.999, 0.96875, 0.75, f"{DEFAZIO}: beta_2")
    epsilon: float = epsilon(1e-8)
    warmup_steps: int = hyper(0, within="[0, inf)", probe=4, cite=f"{DEFAZIO}: T_warmup")
    weight_decay: float = weight_decay()
    maximize: bool = maximize()
    counter: str = counter()

    combinations: ClassVar = {
        "warmup-decay": {"warmup_steps": 4, "weight_decay": 0.25},
        "warmup-long": {"warmup_steps": 100},
        "no-interpolation": {"beta_1": 0.0},
        "no-memory": {"beta_2": 0.0},
        "no-epsilon": {"epsilon": 0.0, "problem": "ordinary"},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("z", "v", "weights")

    def start(self, name: str, param: Array) -> Array:
        if name == "weights":
            return np.zeros(())
        return param * 1 if name == "z" else np.zeros_like(param)

    def rate(self, t: Array) -> Array:
        """gamma_t."""
        if self.warmup_steps == 0:
            return self.learning_rate
        return self.learning_rate * np.minimum(t / self.warmup_steps, 1)

    def evaluation_point(self, y: Array, z: Array) -> Array:
        """x, the point at which to evaluate the model: the result of training."""
        if self.beta_1 == 0:
            raise ValueError("beta_1=0: y is z, and x does not follow from them")
        return (y - (1 - self.beta_1) * z) / self.beta_1

    def step(self, params: list[Array], grads: list[Array], slots: Slots) -> tuple[list[Array], Slots]:
        params, new = PerTensor.step(self, params, grads, slots)
        if self._shared_counter:  # the sum is over the steps that t counts, with or without a gradient
            gamma = self.rate(new["step"][0])
            new["weights"] = [
                w + gamma * gamma if g is None else w for w, g in zip(new["weights"], grads, strict=True)
            ]
        return params, new

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        y, old = param, slot["z"]
        g = -grad if self.maximize else grad
        gamma = self.rate(t)
        v = average(self.beta_2, slot["v"], g * g)
        v_hat = v / (1 - self.beta_2**t)
        z = old - gamma * g / (np.sqrt(v_hat) + self.epsilon)
        if self.weight_decay != 0:
            z = z - gamma * self.weight_decay * y
        weights = slot["weights"] + gamma * gamma
        if self.beta_1 == 0:
            y = z
        else:
            x = self.evaluation_point(y, old)
            x = average(1 - gamma * gamma / weights, x, z)
            y = (1 - self.beta_1) * z + self.beta_1 * x
        return y, {"z": z, "v": v, "weights": weights}
