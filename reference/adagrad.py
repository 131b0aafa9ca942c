"""Adagrad."""

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


@dataclass(frozen=True)
class Adagrad(PerTensor):
    """The adaptive subgradient method in its diagonal form.

        s <- s + g g
        eta_t = eta / (1 + (t - 1) d)

        outside:  theta <- theta - eta_t g / (sqrt(s) + epsilon)
        inside:   theta <- theta - eta_t g / sqrt(s + epsilon)

    with eta `learning_rate`, d `learning_rate_decay`, g the gradient, theta the parameter, t the slot "step"
    counted from 1, s the slot "s", of the parameter's shape, which starts at `initial_accumulator` (in units of
    g squared). epsilon has the unit of g outside the root, of g squared inside. With epsilon = 0 and only zero
    gradients so far, the step is 0 / 0, not a number.

    Weight decay lambda, `weight_decay`: coupled, g <- g + lambda theta; decoupled,
    theta <- (1 - eta lambda) theta before the update.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Duchi, Hazan & Singer, Adaptive Subgradient Methods for Online Learning and Stochastic Optimization,
    JMLR 12, 2011, Figure 1 (H_t = delta I + diag(s_t), delta outside the root) and equation 1,
    https://jmlr.org/papers/v12/duchi11a.html;
    Ruder, An overview of gradient descent optimization algorithms, 2016, Section 4.3 (epsilon inside),
    https://arxiv.org/abs/1609.04747;
    PyTorch documentation, torch.optim.Adagrad (learning rate decay, initial accumulator value),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html
    """

    title: ClassVar[str] = "Adagrad"
    source: ClassVar[str] = "Duchi, Hazan & Singer 2011, Figure 1"

    learning_rate: float = learning_rate(0.01)
    learning_rate_decay: float = hyper(
        0.0, within="[0, inf)", probe=0.25, cite="PyTorch documentation, torch.optim.Adagrad: eta (lr decay)"
    )
    initial_accumulator: float = hyper(
        0.0,
        within="[0, inf)",
        probe=0.125,
        cite="PyTorch documentation, torch.optim.Adagrad: tau; Keras documentation, Adagrad: "
        "initial_accumulator_value",
    )
    epsilon: float = hyper(
        1e-10, within="[0, inf)", base=2.0**-10, probe=2.0**-4, cite="Duchi et al. 2011, Figure 1: delta"
    )
    weight_decay: float = weight_decay()
    decay: str = decay_form("coupled")
    maximize: bool = maximize()
    epsilon_place: str = hyper(
        "outside",
        one_of=("outside", "inside"),
        cite="Duchi et al. 2011, Figure 1 (outside); Ruder 2016, Section 4.3 (inside)",
    )
    counter: str = counter()

    combinations: ClassVar = {
        "usual-decay": {"learning_rate_decay": 0.1, "initial_accumulator": 0.1},
        "rate-decay-late": {"learning_rate_decay": 0.5, "problem": "late"},
        "accumulator-zeros": {"initial_accumulator": 0.125, "problem": "zeros"},
        "accumulator-no-epsilon": {"initial_accumulator": 0.125, "epsilon": 0.0},
        "maximize-decay": {"maximize": True, "weight_decay": 0.25},
        "no-epsilon": {"epsilon": 0.0},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("s",)

    def start(self, name: str, param: Array) -> Array:
        return np.zeros_like(param) + self.initial_accumulator

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        param, g = directed(self, param, grad)
        s = slot["s"] + g * g
        rate = self.learning_rate / (1 + (t - 1) * self.learning_rate_decay)
        d = np.sqrt(s + self.epsilon) if self.epsilon_place == "inside" else np.sqrt(s) + self.epsilon
        return param - rate * g / d, {"s": s}
