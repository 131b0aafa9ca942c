"""NAdam."""

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
class NAdam(PerTensor):
    """Adam with Nesterov's momentum, whose coefficient warms up.

        m <- beta_1 m + (1 - beta_1) g              v <- beta_2 v + (1 - beta_2) g g
        mu_t = beta_1 (1 - 0.96^(psi t) / 2)        P <- P mu_t
        m_hat = mu_{t+1} m / (1 - P mu_{t+1}) + (1 - mu_t) g / (1 - P)

        corrected:  theta <- theta - alpha m_hat / (sqrt(v / (1 - beta_2^t)) + epsilon)
        hat:        theta <- theta - alpha sqrt(1 - beta_2^t) m_hat / (sqrt(v) + epsilon)

    with alpha `learning_rate`, psi `momentum_decay`, g the gradient, theta the parameter, t the slot "step" counted
    from 1; m and v the slots "m" and "v", of the parameter's shape and 0 at first, P the slot "product", one
    number that starts at 1 (one for each tensor, or for all of them where they share the counter). epsilon has
    the unit of g.

    The paper averages m with mu_t; the documented implementations use beta_1, as here.

    Weight decay lambda, `weight_decay`: coupled, g <- g + lambda theta; decoupled,
    theta <- (1 - alpha lambda) theta before the update.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Dozat, Incorporating Nesterov Momentum into Adam, ICLR Workshop 2016, Algorithm 2,
    https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ;
    its 2015 report (mu_t, with psi = 1 / 250), https://cs229.stanford.edu/proj2015/054_report.pdf;
    PyTorch documentation, torch.optim.NAdam,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html;
    TensorFlow 2.0 to 2.10 documentation, tf.keras.optimizers.Nadam (the same, with psi = 0.004),
    https://www.tensorflow.org/versions/r2.0/api_docs/python/tf/keras/optimizers/Nadam
    """

    title: ClassVar[str] = "NAdam"
    source: ClassVar[str] = "Dozat 2016, Algorithm 2"

    learning_rate: float = learning_rate(2e-3)
    beta_1: float = beta(0.9, 0.875, 0.5, "Dozat 2016, Algorithm 2: mu")
    beta_2: float = beta(0.999, 0.96875, 0.75, "Dozat 2016, Algorithm 2: nu")
    epsilon: float = epsilon(1e-8)
    momentum_decay: float = hyper(
        0.004, within="[0, inf)", base=0.25, probe=1.0, cite="PyTorch documentation, torch.optim.NAdam: psi"
    )
    weight_decay: float = weight_decay()
    decay: str = decay_form("coupled")
    maximize: bool = maximize()
    epsilon_place: str = hyper(
        "corrected",
        one_of=("corrected", "hat"),
        cite="Dozat 2016, Algorithm 2 (corrected); Keras documentation, Nadam: this epsilon is epsilon hat in the "
        "Kingma and Ba paper (hat)",
    )
    counter: str = counter()

    combinations: ClassVar = {
        "no-schedule": {"momentum_decay": 0.0},
        "late-schedule": {"momentum_decay": 1.0, "problem": "late"},
        "no-momentum": {"beta_1": 0.0},
        "no-memory": {"beta_2": 0.0},
        "maximize-decay": {"maximize": True, "weight_decay": 0.25},
        "no-epsilon": {"epsilon": 0.0},
    }

    @property
    def elementwise(self) -> bool:
        """Whether all elements share one product, and so may be packed."""
        return self._shared_counter

    def slot_names(self) -> tuple[str, ...]:
        return ("m", "v", "product")

    def shared(self, name: str) -> bool:
        return name == "product" and self._shared_counter

    def start(self, name: str, param: Array) -> Array:
        return np.ones_like(np.sum(param)) if name == "product" else np.zeros_like(param)

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        param, g = directed(self, param, grad)
        mu = self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))
        mu_next = self.beta_1 * (1 - 0.5 * 0.96 ** ((t + 1) * self.momentum_decay))
        product = slot["product"] * mu
        m = average(self.beta_1, slot["m"], g)
        v = average(self.beta_2, slot["v"], g * g)
        correction_2 = 1 - self.beta_2**t
        if self.epsilon_place == "hat":
            d = (np.sqrt(v) + self.epsilon) / np.sqrt(correction_2)
        else:
            d = np.sqrt(v / correction_2) + self.epsilon
        by_gradient = self.learning_rate * (1 - mu) / (1 - product) * g / d
        by_momentum = self.learning_rate * mu_next / (1 - product * mu_next) * m / d
        # Subtracted one after the other: the bound covers this, and adding the two first.
        return param - by_gradient - by_momentum, {"m": m, "v": v, "product": product}
