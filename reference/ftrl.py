"""Follow the (proximally) regularized leader."""

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

MCMAHAN = "McMahan et al. 2013, Algorithm 1"


def strength(cite: str) -> float:
    """A regularization that is off by default."""
    return hyper(0.0, within="[0, inf)", probe=0.25, cite=cite)


@dataclass(frozen=True)
class Ftrl(PerTensor):
    """FTRL-Proximal, for each coordinate.

        n' = n + g g
        sigma = (n'^q - n^q) / alpha
        z <- z + g + 2 lambda_s theta - sigma theta
        n <- n'
        theta <- 0                                                          where |z| <= lambda_1
        theta <- (sgn(z) lambda_1 - z) / ((beta + n^q) / alpha + lambda_2)  elsewhere

    with alpha `learning_rate`, -q `learning_rate_power` (q = 1/2 in the paper), lambda_1 `l1`, lambda_2 `l2`,
    lambda_s `l2_shrinkage`, beta `beta`, g the gradient, theta the parameter; n and z the slots "n" and "z", of the
    parameter's shape. n starts at `initial_accumulator` (0 in the paper), in units of g squared, z at 0. lambda_1
    has the unit of g, beta that of n^q.

    theta is a function of z: where no gradient has arrived yet, the first step sets it to 0, whatever it was.

    Weight decay lambda, `weight_decay`: coupled, g <- g + lambda theta; decoupled,
    theta <- (1 - alpha lambda) theta before the update.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: McMahan et al., Ad Click Prediction: a View from the Trenches, KDD 2013, Algorithm 1,
    https://doi.org/10.1145/2487575.2488200;
    Keras documentation, Ftrl (the power of the learning rate, the initial accumulator),
    https://keras.io/api/optimizers/ftrl/;
    TensorFlow documentation, tf.raw_ops.ApplyFtrlV2 (the shrinkage: in z, with the factor 2, and not in n),
    https://www.tensorflow.org/api_docs/python/tf/raw_ops/ApplyFtrlV2
    """

    title: ClassVar[str] = "FTRL-Proximal"
    source: ClassVar[str] = MCMAHAN

    learning_rate: float = learning_rate(1e-3)
    learning_rate_power: float = hyper(
        -0.5, within="(-inf, 0]", probe=-0.75, cite="Keras documentation, Ftrl: learning_rate_power"
    )
    initial_accumulator: float = hyper(
        0.1, within="[0, inf)", base=0.125, probe=0.5, cite="Keras documentation, Ftrl: initial_accumulator_value"
    )
    l1: float = strength(f"{MCMAHAN}: lambda_1")
    l2: float = strength(f"{MCMAHAN}: lambda_2")
    l2_shrinkage: float = strength("TensorFlow documentation, tf.raw_ops.ApplyFtrlV2: l2_shrinkage")
    beta: float = hyper(0.0, within="[0, inf)", probe=1.0, cite=f"{MCMAHAN}: beta")
    weight_decay: float = weight_decay()
    decay: str = decay_form("decoupled")
    maximize: bool = maximize()
    counter: str = counter()

    combinations: ClassVar = {
        "constant-rate": {"learning_rate_power": 0.0},
        "l1-ordinary": {"l1": 0.5, "problem": "ordinary"},  # |z| crosses lambda_1 both ways
        "l1-flipping": {"l1": 1.0, "problem": "flipping"},
        "l1-zeros": {"l1": 0.25, "problem": "zeros"},
        "l1-shrinkage-beta": {"l1": 0.25, "l2_shrinkage": 0.5, "beta": 0.5},
        "l1-l2": {"l1": 0.25, "l2": 0.5},
        "shrinkage-zeros": {"l2_shrinkage": 0.25, "problem": "zeros"},
        "power-beta": {"learning_rate_power": -0.25, "beta": 2.0},
        "shrinkage-decay": {"l2_shrinkage": 0.25, "weight_decay": 0.25},
        "no-accumulator": {"initial_accumulator": 0.0},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("n", "z")

    def start(self, name: str, param: Array) -> Array:
        zeros = np.zeros_like(param)
        return zeros + self.initial_accumulator if name == "n" else zeros

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        param, g = directed(self, param, grad)
        n = slot["n"] + g * g
        q = -self.learning_rate_power
        sigma = (n**q - slot["n"] ** q) / self.learning_rate
        z = slot["z"] + (g + 2 * self.l2_shrinkage * param - sigma * param)
        # z minus sgn(z) lambda_1, and exactly 0 where |z| <= lambda_1.
        excess = np.minimum(z + self.l1, 0) + np.maximum(z - self.l1, 0)
        stiffness = (self.beta + n**q) / self.learning_rate + self.l2
        # Where no gradient has arrived yet and nothing regularizes it, the stiffness is 0 too.
        return np.where(stiffness == 0, np.zeros_like(z), -excess / stiffness), {"n": n, "z": z}
