"""LAMB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.adam import beta, epsilon
from reference.base import Array, PerTensor, counter, hyper, learning_rate, maximize, weight_decay
from reference.bounded import average

SCALE = 2.0**32


def norm(x: Array) -> Array:
    """The Euclidean norm, scaled so that the squares of small numbers do not underflow."""
    scaled = x * SCALE
    return np.sqrt(np.sum(scaled * scaled)) / SCALE


@dataclass(frozen=True)
class Lamb(PerTensor):
    """Layer-wise adaptive moments: Adam's step, scaled for each tensor to the norm of the tensor.

        m <- beta_1 m + (1 - beta_1) g              v <- beta_2 v + (1 - beta_2) g g
        r = (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)

        in the ratio:   r <- r + lambda theta
        decoupled:      theta <- (1 - alpha lambda) theta, before all norms

        theta <- theta - alpha (||theta|| / ||r||) r        the ratio is 1 where either norm is 0

    with alpha `learning_rate`, lambda `weight_decay`, g the gradient, theta the parameter, t the slot "step"
    counted from 1, m and v the slots "m" and "v", of the parameter's shape and 0 at first, ||.|| the Euclidean norm
    of a whole tensor (the paper's phi is the identity). epsilon has the unit of g.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: You et al., Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, ICLR 2020,
    Algorithm 2, https://arxiv.org/abs/1904.00962;
    the authors' published implementation (the ratio is 1 for a norm of 0),
    https://github.com/tensorflow/addons/blob/master/tensorflow_addons/optimizers/lamb.py
    """

    title: ClassVar[str] = "LAMB"
    source: ClassVar[str] = "You et al. 2020, Algorithm 2"
    elementwise: ClassVar[bool] = False
    separable: ClassVar[bool] = False

    learning_rate: float = learning_rate(1e-3)
    beta_1: float = beta(0.9, 0.875, 0.5, "You et al. 2020, Algorithm 2: beta_1")
    beta_2: float = beta(0.999, 0.96875, 0.75, "You et al. 2020, Algorithm 2: beta_2")
    epsilon: float = epsilon(1e-6)
    weight_decay: float = weight_decay()
    decay: str = hyper(
        "ratio",
        one_of=("ratio", "decoupled"),
        probe="decoupled",
        needs={"weight_decay": 0.25},
        cite="You et al. 2020, Algorithm 2: r_t + lambda x_t (ratio); Loshchilov & Hutter 2019, Algorithm 2, "
        "line 12 (decoupled)",
    )
    maximize: bool = maximize()
    counter: str = counter()

    combinations: ClassVar = {
        "no-momentum": {"beta_1": 0.0},
        "no-memory": {"beta_2": 0.0},
        "large-epsilon-zeros": {"epsilon": 0.25, "problem": "zeros"},  # tensors and updates that are 0
        "decay-zeros": {"decay": "decoupled", "weight_decay": 0.25, "problem": "zeros"},
        "maximize-decay": {"maximize": True, "weight_decay": 0.25},
        "no-epsilon": {"epsilon": 0.0, "problem": "constant"},
        "no-epsilon-sparse": {"epsilon": 0.0, "problem": "sparse"},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("m", "v")

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        g = -grad if self.maximize else grad
        if self.decay == "decoupled" and self.weight_decay != 0:
            param = param * (1 - self.learning_rate * self.weight_decay)
        m = average(self.beta_1, slot["m"], g)
        v = average(self.beta_2, slot["v"], g * g)
        correction_1 = 1 - self.beta_1**t
        correction_2 = 1 - self.beta_2**t
        r = (m / correction_1) / (np.sqrt(v / correction_2) + self.epsilon)
        if self.decay == "ratio" and self.weight_decay != 0:
            r = r + self.weight_decay * param
        length, step = norm(param), norm(r)
        ratio = np.where((length > 0) & (step > 0), length / step, np.ones_like(length))
        return param - self.learning_rate * ratio * r, {"m": m, "v": v}
