"""Adamax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.adam import beta
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


@dataclass(frozen=True)
class Adamax(PerTensor):
    """Adam with the infinity norm in place of the second moment.

        m <- beta_1 m + (1 - beta_1) g
        alpha_t = alpha / (1 - beta_1^t)
        in the norm:   u <- max(beta_2 u, |g| + epsilon)    theta <- theta - alpha_t m / u
        beside it:     u <- max(beta_2 u, |g|)              theta <- theta - alpha_t m / (u + epsilon)

    with alpha `learning_rate`, g the gradient, theta the parameter, t the slot "step" counted from 1, m and u the
    slots "m" and "u", of the parameter's shape and 0 at first. epsilon has the unit of g; the paper has none.

    Weight decay lambda, `weight_decay`: coupled, g <- g + lambda theta; decoupled,
    theta <- (1 - alpha lambda) theta before the update.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Kingma & Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, Algorithm 2,
    https://arxiv.org/abs/1412.6980;
    PyTorch documentation, torch.optim.Adamax (epsilon in the norm),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html;
    Keras documentation, Adamax (epsilon beside it), https://keras.io/api/optimizers/adamax/
    """

    title: ClassVar[str] = "Adamax"
    source: ClassVar[str] = "Kingma & Ba 2015, Algorithm 2"

    learning_rate: float = learning_rate(2e-3)
    beta_1: float = beta(0.9, 0.875, 0.5, "Kingma & Ba 2015, Algorithm 2: beta_1")
    beta_2: float = beta(0.999, 0.96875, 0.75, "Kingma & Ba 2015, Algorithm 2: beta_2")
    epsilon: float = hyper(
        1e-8,
        within="[0, inf)",
        base=2.0**-10,
        probe=2.0**-4,
        cite="PyTorch documentation, torch.optim.Adamax: epsilon; Keras documentation, Adamax: epsilon",
    )
    weight_decay: float = weight_decay()
    decay: str = decay_form("coupled")
    maximize: bool = maximize()
    epsilon_place: str = hyper(
        "norm",
        one_of=("norm", "beside"),
        cite="PyTorch documentation, torch.optim.Adamax (norm); Keras documentation, Adamax (beside)",
    )
    counter: str = counter()

    combinations: ClassVar = {
        "no-momentum": {"beta_1": 0.0},
        "no-memory": {"beta_2": 0.0},
        "norm-shrinks": {"beta_2": 0.25, "problem": "shrinking"},  # faster than the gradients
        "large-epsilon-zeros": {"epsilon": 0.25, "problem": "zeros"},
        "maximize-decay": {"maximize": True, "weight_decay": 0.25},
        "no-epsilon": {"epsilon": 0.0},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("m", "u")

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        param, g = directed(self, param, grad)
        m = average(self.beta_1, slot["m"], g)
        alpha_t = self.learning_rate / (1 - self.beta_1**t)
        if self.epsilon_place == "norm":
            u = np.maximum(self.beta_2 * slot["u"], abs(g) + self.epsilon)
            return param - alpha_t * m / u, {"m": m, "u": u}
        u = np.maximum(self.beta_2 * slot["u"], abs(g))
        return param - alpha_t * m / (u + self.epsilon), {"m": m, "u": u}
