"""Adafactor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.base import Array, PerTensor, counter, hyper, maximize, weight_decay
from reference.bounded import average

SHAZEER = "Shazeer & Stern 2018"


def rms(x: Array) -> Array:
    """The root mean square of all elements."""
    return np.sqrt(np.mean(x * x))


@dataclass(frozen=True)
class Adafactor(PerTensor):
    """Adaptive learning rates with sublinear memory: for a matrix, only row and column means of g^2 are kept.

        rho = min(gamma, 1 / sqrt t)        alpha = max(epsilon_2, RMS(theta)) rho        beta_2 = 1 - t^tau
        s = g g + epsilon_1                                             (denominator: s = g g)

        factored, a tensor of two dimensions or more; i its second-to-last, j its last index:
            R_i <- beta_2 R_i + (1 - beta_2) mean_j s        C_j <- beta_2 C_j + (1 - beta_2) mean_i s
            V_ij = R_i C_j / mean_i R                                   (denominator: / max(mean_i R, epsilon_1))
        otherwise:
            V <- beta_2 V + (1 - beta_2) s

        u = g / sqrt V                                                  (denominator: g / max(sqrt V, epsilon_1))
        theta <- theta - alpha u / max(1, RMS(u) / d)

    with gamma `learning_rate`, relative to the size of the parameter and without a unit; tau `beta_2_decay`; d
    `clip_threshold`; g the gradient, theta the parameter, t the slot "step" counted from 1. R and C are the slots
    "row" and "column", of the parameter's shape without its last and its second-to-last dimension, respectively,
    None where it is not factored; V is the slot "v", of the parameter's shape, which for a factored parameter is
    not memory but the latest estimate. All start at 0, which has no effect: beta_2 is 0 at t = 1. epsilon_1 has
    the unit of g^2 (`epsilon_place` "denominator": it is compared with both g and g^2); epsilon_2 that of theta.
    The means replace the paper's sums: the sizes cancel in V. With `relative_step` off, rho = gamma at every step.

    Weight decay lambda, `weight_decay`, is decoupled: theta <- (1 - gamma lambda) theta before the update; alpha is
    computed from the parameter before the decay, the theta_t-1 of the step.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Shazeer & Stern, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, ICML 2018, Algorithms
    4 and 5, with the hyperparameters of Algorithm 6, https://arxiv.org/abs/1804.04235;
    PyTorch documentation, torch.optim.Adafactor (gamma, weight decay, the means, epsilon_1 in the denominators),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adafactor.html;
    Keras documentation, Adafactor (relative_step), https://keras.io/api/optimizers/adafactor/
    """

    title: ClassVar[str] = "Adafactor"
    source: ClassVar[str] = "Shazeer & Stern 2018, Algorithms 4 and 5"
    elementwise: ClassVar[bool] = False
    separable: ClassVar[bool] = False

    learning_rate: float = hyper(
        0.01,
        within="[0, inf)",
        base=0.375,
        probe=2.0**-6,  # 0.375: above 1 / sqrt t from step 8 on
        cite=f"{SHAZEER}, Algorithm 6: the 10^-2 in rho_t; PyTorch documentation: lr",
    )
    beta_2_decay: float = hyper(
        -0.8, within="(-inf, 0]", base=-0.75, probe=-0.5, cite=f"{SHAZEER}, Section 7.2 and Algorithm 6: 1 - t^-0.8"
    )
    epsilon_1: float = hyper(
        1e-30, within="[0, inf)", base=2.0**-10, probe=2.0**-4, cite=f"{SHAZEER}, Algorithms 4 to 6: epsilon_1"
    )
    epsilon_2: float = hyper(
        1e-3, within="[0, inf)", base=2.0**-6, probe=2.0, cite=f"{SHAZEER}, Algorithms 4 to 6: epsilon_2"
    )
    clip_threshold: float = hyper(
        1.0, within="(0, inf)", probe=2.0, cite=f"{SHAZEER}, Section 6 and Algorithms 4 to 6: d"
    )
    relative_step: bool = hyper(
        True, probe=False, one_of=(False, True), cite="Keras documentation, Adafactor: relative_step"
    )
    weight_decay: float = weight_decay()
    maximize: bool = maximize()
    epsilon_place: str = hyper(
        "factors",
        one_of=("factors", "denominator"),
        cite=f"{SHAZEER}, Algorithm 4 (factors); PyTorch documentation, torch.optim.Adafactor, note (denominator)",
    )
    counter: str = counter()

    combinations: ClassVar = {
        "zero-rows": {"problem": "zero-rows"},
        "kernels": {"problem": "kernels"},
        "kernels-decay": {"problem": "kernels", "weight_decay": 0.25},
        "never-clipped": {"clip_threshold": 64.0},
        "clipped-huge": {"clip_threshold": 1.5, "problem": "huge"},
        "no-memory": {"beta_2_decay": 0.0},
        "plain-mean": {"beta_2_decay": -1.0},
        "no-epsilon": {"epsilon_1": 0.0, "problem": "ordinary"},
        "no-smallest-size": {"epsilon_2": 0.0},
        "small-epsilon": {"epsilon_1": 2.0**-100, "problem": "zero-rows"},
        "maximize-decay": {"maximize": True, "weight_decay": 0.25},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("row", "column", "v")

    def start(self, name: str, param: Array) -> Array | None:
        if name == "v":
            return np.zeros_like(param)
        if param.ndim < 2:
            return None
        return np.zeros_like(param[..., 0] if name == "row" else param[..., 0, :])

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        g = -grad if self.maximize else grad
        rho = self.learning_rate
        if self.relative_step:
            rho = np.minimum(rho, 1 / np.sqrt(t))
        alpha = np.maximum(self.epsilon_2, rms(param)) * rho
        if self.weight_decay != 0:
            param = param * (1 - self.learning_rate * self.weight_decay)
        beta_2 = 1 - t**self.beta_2_decay
        in_factors = self.epsilon_place == "factors"
        s = g * g + self.epsilon_1 if in_factors else g * g
        row, column = slot["row"], slot["column"]
        if param.ndim >= 2:
            row = average(beta_2, row, np.mean(s, axis=-1))
            column = average(beta_2, column, np.mean(s, axis=-2))
            size = np.mean(row, axis=-1, keepdims=True)
            if not in_factors:
                size = np.maximum(size, self.epsilon_1)
            v = np.expand_dims(row / size, -1) * np.expand_dims(column, -2)
        else:
            v = average(beta_2, slot["v"], s)
        d = np.sqrt(v) if in_factors else np.maximum(np.sqrt(v), self.epsilon_1)
        u = g / d
        clip = np.maximum(1, rms(u) / self.clip_threshold)
        return param - alpha * u / clip, {"row": row, "column": column, "v": v}
