"""RMSprop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.adam import epsilon
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
class RMSprop(PerTensor):
    """RMSprop, plain or centred, with momentum.

        n <- rho n + (1 - rho) g g
        centred:  a <- rho a + (1 - rho) g,  s = n - a a;  otherwise s = n
        outside:  d = sqrt(s) + epsilon        inside:  d = sqrt(s + epsilon)

        velocity outside:  b <- mu b + g / d        theta <- theta - eta b
        velocity inside:   b <- mu b + eta g / d    theta <- theta - b

    with eta `learning_rate`, rho the decay rate, mu `momentum`, g the gradient, theta the parameter;
    `centered` selects the centred form, `epsilon_place` says where epsilon stands, `velocity` where eta does;
    n, a and b the slots "n", "a" and "momentum", of the parameter's shape and 0 at first. With mu = 0 there is no
    slot b. epsilon has the unit of g outside the root, of g squared inside. s estimates a variance (n >= a a,
    since n and a average with the same weights), so where rounding takes it below 0 it is set to 0.

    Weight decay lambda, `weight_decay`: coupled, g <- g + lambda theta; decoupled,
    theta <- (1 - eta lambda) theta before the update.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Tieleman & Hinton, Lecture 6.5, Neural Networks for Machine Learning, 2012,
    https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf;
    Graves, Generating Sequences With Recurrent Neural Networks, 2013, equations 38 to 41 (centred, with momentum,
    epsilon inside the root), https://arxiv.org/abs/1308.0850;
    PyTorch documentation, torch.optim.RMSprop (epsilon outside, learning rate outside the buffer; it says that
    TensorFlow has them the other way round),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
    """

    title: ClassVar[str] = "RMSprop"
    source: ClassVar[str] = "Tieleman & Hinton 2012; Graves 2013, equations 38-41"

    learning_rate: float = learning_rate(0.01)
    rho: float = hyper(0.9, within="[0, 1)", base=0.875, probe=0.5, cite="Graves 2013, equation 38: aleph")
    epsilon: float = epsilon(1e-8)
    momentum: float = hyper(0.0, within="[0, inf)", probe=0.875, cite="Graves 2013, equation 40: beth")
    centered: bool = hyper(False, probe=True, one_of=(False, True), cite="Graves 2013, equations 38-40")
    weight_decay: float = weight_decay()
    decay: str = decay_form("coupled")
    maximize: bool = maximize()
    epsilon_place: str = hyper(
        "outside",
        one_of=("outside", "inside"),
        cite="Graves 2013, equation 40 (inside); PyTorch documentation, torch.optim.RMSprop, note (outside)",
    )
    velocity: str = hyper(
        "outside",
        one_of=("outside", "inside"),
        cite="Graves 2013, equations 40-41 (inside); PyTorch documentation, torch.optim.RMSprop (outside)",
    )
    counter: str = counter()

    stateful: ClassVar = {"centered": True, "momentum": 0.875}
    combinations: ClassVar = {
        "usual-momentum": {"momentum": 0.9, "rho": 0.99},
        "centered-momentum": {"centered": True, "momentum": 0.875},
        "centered-decay": {"centered": True, "maximize": True, "weight_decay": 0.25},
        "momentum-decay": {"momentum": 0.5, "weight_decay": 0.25},
        "maximize-decay": {"maximize": True, "weight_decay": 0.25},
        # The variance of a constant is 0, and its two averages soon differ by rounding alone.
        "centered-constant": {"centered": True, "rho": 0.25, "problem": "constant"},
        "no-epsilon": {"epsilon": 0.0},
    }

    def slot_names(self) -> tuple[str, ...]:
        momentum = ("momentum",) if self.momentum != 0 else ()
        return ("n", *(("a",) if self.centered else ()), *momentum)

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        param, g = directed(self, param, grad)
        n = average(self.rho, slot["n"], g * g)
        new = {"n": n}
        s = n
        if self.centered:
            a = new["a"] = average(self.rho, slot["a"], g)
            s = np.maximum(n - a * a, 0)
        d = np.sqrt(s + self.epsilon) if self.epsilon_place == "inside" else np.sqrt(s) + self.epsilon
        if self.velocity == "inside":
            move = self.learning_rate * g / d
            if self.momentum != 0:
                move = new["momentum"] = self.momentum * slot["momentum"] + move
            return param - move, new
        move = g / d
        if self.momentum != 0:
            move = new["momentum"] = self.momentum * slot["momentum"] + move
        return param - self.learning_rate * move, new
