"""Resilient backpropagation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.base import Array, PerTensor, counter, hyper, learning_rate, maximize


@dataclass(frozen=True)
class Rprop(PerTensor):
    """Rprop without weight backtracking: only the sign of the gradient counts.

        same sign as before:    Delta <- min(eta_plus Delta, Delta_max)
        opposite sign:          Delta <- max(eta_minus Delta, Delta_min),  g <- 0
        either is zero:         Delta stays
        theta <- theta - sign(g) Delta              previous g <- g

    with eta_minus and eta_plus the `etas`, Delta_min and Delta_max the `step_sizes`, Delta the slot
    "step_size", which starts at `learning_rate`, the previous gradient the slot "previous", 0 at first; all of
    the parameter's shape, Delta in units of the parameter. Changing the learning rate later has no effect: it is
    only the initial step size.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Riedmiller & Braun, A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP
    Algorithm, ICNN 1993, equations 4 and 5 and the listing of Section III,
    https://doi.org/10.1109/ICNN.1993.298623;
    Igel & Huesken, Improving the Rprop Learning Algorithm, NC 2000, Section 2.2 (iRprop-: the gradient set to 0
    after a change of sign); as a journal article: Empirical evaluation of the improved Rprop learning algorithms,
    Neurocomputing 50, 2003, https://doi.org/10.1016/S0925-2312(01)00700-7
    """

    title: ClassVar[str] = "Rprop"
    source: ClassVar[str] = "Riedmiller & Braun 1993; Igel & Huesken 2000 (iRprop-)"

    learning_rate: float = learning_rate(0.01)
    etas: tuple[float, float] = hyper(
        (0.5, 1.2),
        within="(0, inf)",
        base=(0.5, 1.25),
        probe=(0.25, 1.5),
        cite="Riedmiller & Braun 1993, equation 4: eta-, eta+",
    )
    step_sizes: tuple[float, float] = hyper(
        (1e-6, 50.0),
        within="[0, inf)",
        probe=(2.0**-8, 2.0**-4),
        cite="Riedmiller & Braun 1993, Section III: Delta_min, Delta_max",
    )
    maximize: bool = maximize()
    counter: str = counter()

    combinations: ClassVar = {
        "bounds-reached": {"etas": (0.125, 4.0), "step_sizes": (2.0**-9, 2.0**-4)},
        "start-outside": {"learning_rate": 0.25, "step_sizes": (2.0**-8, 2.0**-4)},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("previous", "step_size")

    def start(self, name: str, param: Array) -> Array:
        zeros = np.zeros_like(param)
        return zeros if name == "previous" else zeros + self.learning_rate

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        g = -grad if self.maximize else grad
        eta_minus, eta_plus = self.etas
        smallest, largest = self.step_sizes
        size = slot["step_size"]
        # The sign of the product, as the product of the signs, which cannot underflow.
        agreement = np.sign(g) * np.sign(slot["previous"])
        grown = np.minimum(size * eta_plus, largest)
        shrunk = np.maximum(size * eta_minus, smallest)
        size = np.where(agreement > 0, grown, np.where(agreement < 0, shrunk, size))
        g = np.where(agreement < 0, np.zeros_like(g), g)
        return param - np.sign(g) * size, {"previous": g, "step_size": size}
