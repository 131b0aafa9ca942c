"""Up along a line, then down with one over the root of the number of updates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.base import Array, hyper
from reference.schedules.schedule import Schedule, initial_rate

VASWANI = "Vaswani et al. 2017, Section 5.3, equation 3"


@dataclass(frozen=True)
class InverseSquareRoot(Schedule):
    """Rises for the first updates and falls with one over the root from there on.

        eta_t = eta min((t + 1) / T, sqrt(T / (t + 1)))

    with eta `rate`, the highest, T `steps` (updates), t the update counted from 0: the paper counts from 1.

    Source: Vaswani et al., Attention Is All You Need, NeurIPS 2017, Section 5.3, equation 3, where
    eta = 1 / sqrt(d T), https://arxiv.org/abs/1706.03762
    """

    title: ClassVar[str] = "InverseSquareRoot"
    source: ClassVar[str] = VASWANI
    turns: ClassVar = ("steps",)

    rate: float = initial_rate(f"{VASWANI}: the rate at the end of the warmup")
    steps: int = hyper(4000, within="[1, inf)", base=8, probe=5, cite=f"{VASWANI}: warmup_steps")

    def at(self, t: Array) -> Array:
        update = t + 1
        return self.rate * np.minimum(update / self.steps, np.sqrt(self.steps / update))
