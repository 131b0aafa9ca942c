"""Rectified Adam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.adam import beta, epsilon
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
class RAdam(PerTensor):
    """Adam whose adaptive step is rectified, and left out while its variance is not tractable.

        m <- beta_1 m + (1 - beta_1) g              v <- beta_2 v + (1 - beta_2) g g
        m_hat = m / (1 - beta_1^t)
        rho_inf = 2 / (1 - beta_2) - 1              rho_t = rho_inf - 2 t beta_2^t / (1 - beta_2^t)

        rho_t > threshold:  r = sqrt((rho_t - 4)(rho_t - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho_t))
            before:  l = sqrt(1 - beta_2^t) / (sqrt(v) + epsilon)
            after:   l = 1 / (sqrt(v / (1 - beta_2^t)) + epsilon)
                            theta <- theta - alpha m_hat r l
        otherwise:          theta <- theta - alpha m_hat    (or theta stays undecayed, `unrectified` "none")

    with alpha `learning_rate`, g the gradient, theta the parameter, t the slot "step" counted from 1, m and v
    the slots "m" and "v", of the parameter's shape and 0 at first. epsilon has the unit of g; `epsilon_place`
    says whether it comes before or after the bias correction. The rectification needs rho_inf > 4, that is
    beta_2 > 0.6; below that, every step is unrectified.

    Weight decay lambda, `weight_decay`: coupled, g <- g + lambda theta; decoupled,
    theta <- (1 - alpha lambda) theta before the update.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Liu, Jiang, He, Chen, Liu, Gao & Han, On the Variance of the Adaptive Learning Rate and Beyond,
    ICLR 2020, Algorithm 2, https://arxiv.org/abs/1908.03265
    """

    title: ClassVar[str] = "RAdam"
    source: ClassVar[str] = "Liu et al. 2020, Algorithm 2"

    learning_rate: float = learning_rate(1e-3)
    beta_1: float = beta(0.9, 0.875, 0.5, "Liu et al. 2020, Algorithm 2: beta_1")
    beta_2: float = beta(0.999, 0.96875, 0.875, "Liu et al. 2020, Algorithm 2: beta_2")
    epsilon: float = epsilon(1e-8)
    weight_decay: float = weight_decay()
    decay: str = decay_form("coupled")
    maximize: bool = maximize()
    threshold: float = hyper(
        4.0,
        within="[4, inf)",
        probe=5.5,
        cite="Liu et al. 2020, Algorithm 2: rho_t > 4; PyTorch documentation, torch.optim.RAdam: rho_t > 5",
    )
    epsilon_place: str = hyper(
        "before",
        one_of=("before", "after"),
        probe="after",
        cite="PyTorch documentation, torch.optim.RAdam: l_t (before); TensorFlow Addons documentation, "
        "RectifiedAdam, as in Algorithm 1 of Kingma & Ba 2015 (after)",
    )
    unrectified: str = hyper(
        "momentum",
        one_of=("momentum", "none"),
        probe="none",
        cite="Liu et al. 2020, Algorithm 2, line 12 (momentum); the authors' published implementation, "
        "degenerated_to_sgd=False (none)",
    )
    counter: str = counter()

    combinations: ClassVar = {
        "maximize-decay": {"maximize": True, "weight_decay": 0.25},
        "none-decay": {"unrectified": "none", "decay": "decoupled", "weight_decay": 0.25},
        "never-rectified": {"beta_2": 0.5},
        "no-momentum": {"beta_1": 0.0},
        "no-epsilon": {"epsilon": 0.0},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("m", "v")

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        before = param
        param, g = directed(self, param, grad)
        m = average(self.beta_1, slot["m"], g)
        v = average(self.beta_2, slot["v"], g * g)
        new = {"m": m, "v": v}
        m_hat = m / (1 - self.beta_1**t)
        correction_2 = 1 - self.beta_2**t
        rho_inf = 2 / (1 - self.beta_2) - 1
        rho = rho_inf - 2 * t * self.beta_2**t / correction_2
        if rho > self.threshold:
            r = np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
            if self.epsilon_place == "before":
                adapted = np.sqrt(correction_2) / (np.sqrt(v) + self.epsilon)
            else:
                adapted = 1 / (np.sqrt(v / correction_2) + self.epsilon)
            return param - self.learning_rate * m_hat * r * adapted, new
        if self.unrectified == "none":
            return before, new
        return param - self.learning_rate * m_hat, new
