"""Adam and AdamW."""

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


def beta(default: float, base: float, probe: float, cite: str) -> float:
    """The decay rate of an exponential moving average."""
    return hyper(default, within="[0, 1)", base=base, probe=probe, cite=cite)


def epsilon(default: float) -> float:
    return hyper(
        default,
        within="[0, inf)",
        base=2.0**-10,
        probe=2.0**-4,
        cite="Kingma & Ba 2015, Algorithm 1: epsilon",
    )


@dataclass(frozen=True)
class Adam(PerTensor):
    """Adaptive moment estimation, with AMSGrad and weight decay.

        m <- beta_1 m + (1 - beta_1) g              v <- beta_2 v + (1 - beta_2) g g
        AMSGrad:  w <- max(w, v), otherwise w = v

        corrected:  theta <- theta - alpha (m / (1 - beta_1^t)) / (sqrt(w / (1 - beta_2^t)) + epsilon)
        hat:        theta <- theta - alpha sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(w) + epsilon)

    with alpha `learning_rate`, g the gradient, theta the parameter, t the slot "step" counted from 1, m, v
    and w the slots "m", "v" and "v_max", all of the parameter's shape and 0 at first. epsilon has the
    unit of g. `epsilon_place` "hat" is the paper's more efficient order, in which the bias correction does
    not scale epsilon, so that the same number has a different effect.

    Weight decay lambda, `weight_decay`: coupled, g <- g + lambda theta; decoupled,
    theta <- (1 - alpha lambda) theta before the update.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Kingma & Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, Algorithm 1 and the last
    paragraph of Section 2 (hat), https://arxiv.org/abs/1412.6980;
    Reddi, Kale & Kumar, On the Convergence of Adam and Beyond, ICLR 2018, Algorithm 2 (AMSGrad, without bias
    correction: the maximum is of v), https://arxiv.org/abs/1904.09237;
    Loshchilov & Hutter, Decoupled Weight Decay Regularization, ICLR 2019, Algorithm 2,
    https://arxiv.org/abs/1711.05101
    """

    title: ClassVar[str] = "Adam"
    source: ClassVar[str] = "Kingma & Ba 2015, Algorithm 1"

    learning_rate: float = learning_rate(1e-3)
    beta_1: float = beta(0.9, 0.875, 0.5, "Kingma & Ba 2015, Algorithm 1: beta_1")
    beta_2: float = beta(0.999, 0.96875, 0.75, "Kingma & Ba 2015, Algorithm 1: beta_2")
    epsilon: float = epsilon(1e-8)
    amsgrad: bool = hyper(False, probe=True, one_of=(False, True), cite="Reddi et al. 2018, Algorithm 2")
    weight_decay: float = weight_decay()
    decay: str = decay_form("coupled")
    maximize: bool = maximize()
    epsilon_place: str = hyper(
        "corrected",
        one_of=("corrected", "hat"),
        cite="Kingma & Ba 2015, Algorithm 1, against the last paragraph of Section 2 (epsilon hat)",
    )
    counter: str = counter()

    stateful: ClassVar = {"amsgrad": True}
    combinations: ClassVar = {
        "usual-decay": {"weight_decay": 0.01},
        "amsgrad-decay": {"amsgrad": True, "weight_decay": 0.25},
        "maximize-decay": {"maximize": True, "weight_decay": 0.25},
        "amsgrad-maximize": {"amsgrad": True, "maximize": True},
        "no-momentum": {"beta_1": 0.0},
        "no-memory": {"beta_2": 0.0},
        "no-epsilon": {"epsilon": 0.0},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("m", "v", "v_max") if self.amsgrad else ("m", "v")

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        param, g = directed(self, param, grad)
        m = average(self.beta_1, slot["m"], g)
        v = average(self.beta_2, slot["v"], g * g)
        new = {"m": m, "v": v}
        w = v
        if self.amsgrad:
            w = new["v_max"] = np.maximum(slot["v_max"], v)
        correction_1 = 1 - self.beta_1**t
        correction_2 = 1 - self.beta_2**t
        if self.epsilon_place == "hat":
            alpha_t = self.learning_rate * np.sqrt(correction_2) / correction_1
            return param - alpha_t * m / (np.sqrt(w) + self.epsilon), new
        m_hat = m / correction_1
        w_hat = w / correction_2
        return param - self.learning_rate * m_hat / (np.sqrt(w_hat) + self.epsilon), new


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: `Adam` with `decay` "decoupled" and the paper's usual lambda.

    Source: Loshchilov & Hutter, Decoupled Weight Decay Regularization, ICLR 2019, Algorithm 2,
    https://arxiv.org/abs/1711.05101;
    PyTorch documentation, torch.optim.AdamW (the decay is multiplied by the learning rate),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html;
    Keras documentation, AdamW, https://keras.io/api/optimizers/adamw/
    """

    title: ClassVar[str] = "AdamW"
    source: ClassVar[str] = "Loshchilov & Hutter 2019, Algorithm 2"

    weight_decay: float = weight_decay(0.01, base=2.0**-6)
    decay: str = decay_form("decoupled")
