"""Adadelta."""

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


@dataclass(frozen=True)
class Adadelta(PerTensor):
    """Adadelta: steps in units of the parameter, from the ratio of two root mean squares.

        n <- rho n + (1 - rho) g g
        d = sqrt(u + epsilon) / sqrt(n + epsilon) g
        u <- rho u + (1 - rho) d d
        theta <- theta - eta d

    with eta `learning_rate` (1 in the paper), rho the decay rate, g the gradient, theta the parameter; n and u
    the slots "n" and "u", of the parameter's shape and 0 at first. d has the unit of theta, and is not scaled
    by eta where it enters u. epsilon is added to squares of both units; without it the first step, and so
    every step, is 0.

    Weight decay lambda, `weight_decay`: coupled, g <- g + lambda theta; decoupled,
    theta <- (1 - eta lambda) theta before the update.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012, Algorithm 1 and equation 9,
    https://arxiv.org/abs/1212.5701;
    PyTorch documentation, torch.optim.Adadelta (the learning rate),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html
    """

    title: ClassVar[str] = "Adadelta"
    source: ClassVar[str] = "Zeiler 2012, Algorithm 1"

    learning_rate: float = learning_rate(1.0)
    rho: float = hyper(0.95, within="[0, 1)", base=0.875, probe=0.5, cite="Zeiler 2012, Algorithm 1: rho")
    epsilon: float = hyper(
        1e-6, within="[0, inf)", base=2.0**-10, probe=2.0**-4, cite="Zeiler 2012, equation 9: epsilon"
    )
    weight_decay: float = weight_decay()
    decay: str = decay_form("coupled")
    maximize: bool = maximize()
    counter: str = counter()

    combinations: ClassVar = {
        "whole-steps": {"learning_rate": 1.0},  # as in the paper
        "no-memory": {"rho": 0.0},
        "maximize-decay": {"maximize": True, "weight_decay": 0.25},
        "large-epsilon-tiny": {"epsilon": 0.25, "problem": "tiny"},
        "no-epsilon": {"epsilon": 0.0},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("n", "u")

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        param, g = directed(self, param, grad)
        n = average(self.rho, slot["n"], g * g)
        d = np.sqrt(slot["u"] + self.epsilon) / np.sqrt(n + self.epsilon) * g
        u = average(self.rho, slot["u"], d * d)
        return param - self.learning_rate * d, {"n": n, "u": u}
