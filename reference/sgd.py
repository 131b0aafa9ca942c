"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

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
class SGD(PerTensor):
    """SGD with momentum, dampening, Nesterov's look-ahead and weight decay.

        outside:  v <- mu v + (1 - tau) g           theta <- theta - eta v
        inside:   v <- mu v - (1 - tau) eta g       theta <- theta + v

        Nesterov, outside:  theta <- theta - eta (g + mu v)
        Nesterov, inside:   theta <- theta + mu v - eta g

    with eta `learning_rate`, mu `momentum`, tau `dampening`, v the slot "momentum", g the gradient,
    theta the parameter; all of the parameter's shape, eta in units of parameter per gradient. With
    mu = 0 there is no slot and theta <- theta - eta g. The first v is 0 or, with
    `first_velocity` "gradient", the first g itself, without dampening. `velocity` says where eta stands;
    `nesterov` turns on the look-ahead.

    Weight decay lambda, `weight_decay`: coupled, g <- g + lambda theta; decoupled,
    theta <- (1 - eta lambda) theta before the update.

    Errors: ValueError for a hyperparameter outside of its interval; Nesterov without momentum, or with
    dampening, is not defined, nor is a first velocity that is the gradient with the rate inside.

    Source: Sutskever, Martens, Dahl & Hinton, On the importance of initialization and momentum in deep
    learning, ICML 2013, equations 1 to 4 (inside), https://proceedings.mlr.press/v28/sutskever13.html;
    PyTorch documentation, torch.optim.SGD (outside, dampening, and its note on the two forms),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """

    title: ClassVar[str] = "SGD"
    source: ClassVar[str] = "Sutskever et al. 2013, equations 1-4"

    learning_rate: float = learning_rate(0.01)
    momentum: float = hyper(0.0, within="[0, inf)", probe=0.875, cite="Sutskever et al. 2013, equation 1: mu")
    dampening: float = hyper(
        0.0,
        within="(-inf, inf)",
        probe=0.5,
        needs={"momentum": 0.875},
        cite="PyTorch documentation, torch.optim.SGD: tau",
    )
    nesterov: bool = hyper(
        False,
        probe=True,
        one_of=(False, True),
        needs={"momentum": 0.875},
        cite="Sutskever et al. 2013, equations 3 and 4, at the shifted point (their Appendix)",
    )
    weight_decay: float = weight_decay()
    decay: str = decay_form("coupled")
    maximize: bool = maximize()
    velocity: str = hyper(
        "outside",
        one_of=("outside", "inside"),
        cite="PyTorch documentation, torch.optim.SGD, note: v <- mu v + g, p <- p - lr v; against Sutskever "
        "et al.: v <- mu v + lr g, p <- p - v",
    )
    first_velocity: str = hyper(
        "zero",
        one_of=("zero", "gradient"),
        cite="PyTorch documentation, torch.optim.SGD: if t > 1 the recurrence, else b_t <- g_t",
    )
    counter: str = counter()

    stateful: ClassVar = {"momentum": 0.875}
    combinations: ClassVar = {
        "usual-momentum": {"momentum": 0.9},
        "momentum-decay": {"momentum": 0.875, "weight_decay": 0.25},
        "nesterov-decay": {"momentum": 0.875, "nesterov": True, "weight_decay": 0.25},
        "maximize-decay": {"momentum": 0.5, "maximize": True, "weight_decay": 0.25},
        "dampening-decay": {"momentum": 0.5, "dampening": 0.25, "weight_decay": 0.25},
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov is True and (isinstance(self.momentum, (int, float)) and self.momentum <= 0):
            raise ValueError(f"nesterov=True with momentum={self.momentum!r}: momentum above 0 is needed")
        if self.nesterov is True and isinstance(self.dampening, (int, float)) and self.dampening != 0:
            raise ValueError(f"nesterov=True with dampening={self.dampening!r}: only 0 is allowed")
        if (self.velocity, self.first_velocity) == ("inside", "gradient"):
            raise ValueError("first_velocity='gradient' with velocity='inside': only 'zero' is allowed")

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum != 0 else ()

    def start(self, name: str, param: Array) -> Array:
        return None if self.first_velocity == "gradient" else super().start(name, param)

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        param, grad = directed(self, param, grad)
        if self.momentum == 0:
            return param - self.learning_rate * grad, {}
        if self.velocity == "inside":
            v = self.momentum * slot["momentum"] - (1 - self.dampening) * (self.learning_rate * grad)
            move = self.momentum * v - self.learning_rate * grad if self.nesterov else v
            return param + move, {"momentum": v}
        v = grad
        if slot["momentum"] is not None:
            v = self.momentum * slot["momentum"] + (1 - self.dampening) * grad
        move = grad + self.momentum * v if self.nesterov else v
        return param - self.learning_rate * move, {"momentum": v}
