"""The schedule that follows a metric: reduces the learning rate when it has stopped improving."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.base import Array, hyper
from reference.schedules.decays import IN_LR
from reference.schedules.schedule import Schedule, initial_rate

PLATEAU = IN_LR + "ReduceLROnPlateau: "
CALLBACK = "Keras documentation, callbacks.ReduceLROnPlateau: "


@dataclass(frozen=True)
class Plateau(Schedule):
    """Multiplied by a factor when a metric has not improved for too long.

    After each epoch, with metric x and best b so far:
        improved if there is no b yet, or  min: x < b (1 - h) (relative), x < b - h (else)
                                           max: x > b (1 + h) (relative), x > b + h (else)
        improved:  b <- x, bad <- 0        else:  bad <- bad + 1
        while epochs of a cooldown are left: one less, and bad <- 0
        bad > P ("allowed") or bad >= P ("waited"):
            eta <- max(f eta, eta_min), unless that is more, or changes it by less than eps; bad <- 0, cooldown of C
            epochs

    with eta_0 `rate`, f `factor`, P `patience` and C `cooldown` (epochs), h `threshold` (a fraction, or in the unit
    of the metric), eta_min `least`, eps `epsilon` (rates); `mode` says whether a small or a large metric is good,
    `patience_is` what P counts. The first metric is the first best, whatever it is, except that one that is not a
    number compares as false: it never counts as an improvement and never becomes the best.

    Patience P is the number of epochs without improvement that are allowed (PyTorch), or after which the rate is
    reduced (Keras).

    Source: PyTorch documentation, ReduceLROnPlateau,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html;
    Keras documentation, callbacks.ReduceLROnPlateau, https://keras.io/api/callbacks/reduce_lr_on_plateau/
    """

    title: ClassVar[str] = "Plateau"
    source: ClassVar[str] = "PyTorch documentation, ReduceLROnPlateau"

    rate: float = initial_rate(PLATEAU + "the lr of the group")
    mode: str = hyper("min", one_of=("min", "max"), probe="max", cite=PLATEAU + "mode")
    factor: float = hyper(0.1, within="(0, 1)", base=0.5, probe=0.375, cite=PLATEAU + "factor")
    patience: int = hyper(10, within="[0, inf)", base=2, probe=3, cite=PLATEAU + "patience")
    threshold: float = hyper(1e-4, within="[0, inf)", base=0.125, probe=0.25, cite=PLATEAU + "threshold")
    relative: bool = hyper(True, one_of=(False, True), cite=PLATEAU + "threshold_mode; " + CALLBACK + "min_delta")
    cooldown: int = hyper(0, within="[0, inf)", probe=2, cite=PLATEAU + "cooldown")
    least: float = hyper(0.0, within="[0, inf)", probe=0.09375, cite=PLATEAU + "min_lr")
    epsilon: float = hyper(1e-8, within="[0, inf)", base=0.0, probe=0.09375, cite=PLATEAU + "eps")
    patience_is: str = hyper(
        "allowed",
        one_of=("allowed", "waited"),
        cite=PLATEAU + "the number of allowed epochs with no improvement after which the rate is reduced, with "
        "patience = 0 as its example (allowed); " + CALLBACK + "number of epochs with no improvement after which "
        "learning rate will be reduced (waited)",
    )

    def improved(self, x: float, best: float | None) -> bool:
        """Whether a metric is better than the best so far."""
        if best is None:
            return not math.isnan(x)
        if self.mode == "min":
            return x < (best * (1 - self.threshold) if self.relative else best - self.threshold)
        return x > (best * (1 + self.threshold) if self.relative else best + self.threshold)

    def follow(self, metrics: Sequence[float]) -> list[Array]:
        """The rate of each epoch: the first, and that after each metric."""
        rate, best, bad, cooling = self.rate, None, 0, 0
        rates = [rate]
        for x in metrics:
            if self.improved(x, best):
                best, bad = x, 0
            else:
                bad = bad + 1
            if cooling > 0:
                cooling, bad = cooling - 1, 0
            if bad > self.patience or (self.patience_is == "waited" and bad >= max(self.patience, 1)):
                lower = np.minimum(rate, np.maximum(rate * self.factor, self.least))
                if self.epsilon == 0 or rate - lower >= self.epsilon:
                    rate = lower
                bad, cooling = 0, self.cooldown
            rates.append(rate)
        return rates
