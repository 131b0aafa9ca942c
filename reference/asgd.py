"""Stochastic gradient descent with averaging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.base import (
    Array,
    PerTensor,
    counter,
    decay_form,
    directed,
    hyper,
    learning_rate,
    maximize,
    weight_decay,
)
from reference.bounded import average

BOTTOU = "Bottou 2012, Stochastic Gradient Descent Tricks, Section 5"


@dataclass(frozen=True)
class ASGD(PerTensor):
    """Averaged stochastic gradient descent, with the decaying rate that makes the average efficient.

        eta_t   = eta / (1 + lambda eta (t - 1))^alpha          mu_t = 1 / max(1, t - 1 - t0)
        theta  <- (1 - lambda eta_t) theta - eta_t g
        average <- (1 - mu_t) average + mu_t theta

    with eta `learning_rate`, lambda `lambd` (in units of 1/eta: the L2 regularization that the rate is designed
    for), alpha `alpha`, t0 `t0` (in steps), g the gradient, theta the parameter, t the slot "step" counted from
    1. The slot "average", of the parameter's shape, is theta itself until step t0 + 2, and after that the mean of
    all theta since then; it is the result, and no step depends on it. The slots "eta" and "mu", one scalar per
    tensor, are the two rates of the next step, at the current learning rate.

    Weight decay, `weight_decay`, is coupled or decoupled as in `Adam`; lambda acts in addition to it.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Polyak & Juditsky, Acceleration of Stochastic Approximation by Averaging, SIAM J. Control and
    Optimization 1992, Section 1 (the mean of the iterates, a rate that falls more slowly than 1/t),
    https://doi.org/10.1137/0330046;
    Bottou, Stochastic Gradient Descent Tricks, in Neural Networks: Tricks of the Trade, 2012, Section 5 (eta_t with
    alpha 3/4, mu_t, the delayed start, t counted from 0), https://doi.org/10.1007/978-3-642-35289-8_25;
    PyTorch documentation, torch.optim.ASGD,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.ASGD.html
    """

    title: ClassVar[str] = "ASGD"
    source: ClassVar[str] = "Polyak & Juditsky 1992, Section 1; Bottou 2012, Section 5"
    elementwise: ClassVar[bool] = False  # "eta" and "mu" are one number per tensor
    schedule: ClassVar[tuple[str, ...]] = ("eta", "mu")

    learning_rate: float = learning_rate(0.01)
    lambd: float = hyper(
        1e-4, within="[0, inf)", base=2.0**-3, probe=2.0, cite=f"{BOTTOU}: lambda; PyTorch documentation: lambd"
    )
    alpha: float = hyper(
        0.75, within="[0, inf)", probe=0.5, cite=f"{BOTTOU}: the power 3/4; PyTorch documentation: alpha"
    )
    t0: float = hyper(
        1e6,
        within="[0, inf)",
        base=6.0,
        probe=0.0,
        cite=f"{BOTTOU}: start of the averaging; PyTorch documentation: t0",
    )
    weight_decay: float = weight_decay()
    decay: str = decay_form("coupled")
    maximize: bool = maximize()
    counter: str = counter()

    stateful: ClassVar = {"t0": 1.0}  # the average soon differs from the parameter
    combinations: ClassVar = {
        "rate-inverse": {"alpha": 1.0, "lambd": 2.0},
        "rate-constant": {"lambd": 0.0},
        "average-between-steps": {"t0": 2.5},
        "average-never": {"t0": 100.0},
        "lambd-decay": {"lambd": 2.0, "weight_decay": 0.25},
        "maximize-decay": {"maximize": True, "weight_decay": 0.25},
        "average-large": {"t0": 1.0, "problem": "huge"},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("average", "eta", "mu")

    def start(self, name: str, param: Array) -> Array:
        if name == "average":
            return np.zeros_like(param)
        return np.zeros(()) + (self.learning_rate if name == "eta" else 1)

    def rate(self, done: Array) -> Array:
        """eta of the step after `done` steps."""
        return self.learning_rate / (1 + self.lambd * self.learning_rate * done) ** self.alpha

    def weight(self, done: Array) -> Array:
        """mu of the step after `done` steps."""
        return 1 / np.maximum(1, done - self.t0)

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        param, g = directed(self, param, grad)
        eta = self.rate(t - 1)
        mu = self.weight(t - 1)
        param = param * (1 - self.lambd * eta) - eta * g
        mean = average(1 - mu, slot["average"], param)
        return param, {"average": mean, "eta": self.rate(t), "mu": self.weight(t)}
