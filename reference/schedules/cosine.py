"""Schedules along half a cosine: annealing, warm restarts, and the annealing that precedes weight averaging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.base import Array, hyper
from reference.schedules.decays import IN_LR, IN_SCHEDULES
from reference.schedules.schedule import Schedule, initial_rate

SGDR = "Loshchilov & Hutter 2017 (SGDR, ICLR), Equation 5"


def half_cosine(low: Array, high: Array, fraction: Array) -> Array:
    """From `high` at fraction 0 to `low` at 1."""
    return low + (high - low) * (0.5 * (1 + np.cos(np.pi * fraction)))


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from a peak to a floor, after a linear warmup if there is one.

        t < W:      eta_t = eta_0 + (w - eta_0) t / W
        otherwise:  eta_t = low + (peak - low) (1 + cos(pi s / T)) / 2,      s = t - W
                    low = alpha peak + e

    with eta_0 `rate`, T `steps` (updates), alpha `alpha` (a fraction of the peak), e `end` (a rate), w
    `warmup_target` and W `warmup_steps`, t the update counted from 0. peak is w; without a warmup it is eta_0, and
    W = 0. After the end, `beyond` "stays" means that s is min(s, T), and "continues" that it keeps growing.

    Recursive (no warmup, "continues"):
    eta_t = low + (eta_{t-1} - low) (1 + cos(pi t / T)) / (1 + cos(pi (t-1) / T)),
    and where that is 0 / 0, at t - 1 = T, 3 T, ..., eta_t = eta_{t-1} + (eta_0 - low) (1 - cos(pi / T)) / 2.

    Source: Loshchilov & Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017, Equation 5,
    https://arxiv.org/abs/1608.03983;
    Keras documentation, CosineDecay (the warmup runs from initial_learning_rate to warmup_target; its code example
    leaves out "+ initial_learning_rate"), https://keras.io/api/optimizers/learning_rate_schedules/cosine_decay/;
    PyTorch documentation, CosineAnnealingLR,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
    """

    title: ClassVar[str] = "Cosine"
    source: ClassVar[str] = SGDR
    turns: ClassVar = ("warmup_steps", "steps")

    rate: float = initial_rate(SGDR + ": eta_max")
    steps: int = hyper(
        10,
        within="(0, inf)",
        base=10,
        probe=7,
        cite=IN_SCHEDULES + "CosineDecay: decay_steps; " + IN_LR + "CosineAnnealingLR: T_max",
    )
    alpha: float = hyper(0.0, within="[0, inf)", probe=0.25, cite=IN_SCHEDULES + "CosineDecay: alpha")
    end: float = hyper(0.0, within="[0, inf)", probe=0.0625, cite=SGDR + ": eta_min")
    warmup_target: float | None = hyper(
        None,
        within="[0, inf)",
        probe=0.75,
        needs={"warmup_steps": 6},
        cite=IN_SCHEDULES + "CosineDecay: warmup_target",
    )
    warmup_steps: int = hyper(
        0,
        within="[0, inf)",
        probe=9,
        needs={"warmup_target": 0.75},
        cite=IN_SCHEDULES + "CosineDecay: warmup_steps",
    )
    beyond: str = hyper(
        "stays",
        one_of=("stays", "continues"),
        cite=IN_SCHEDULES
        + "CosineDecay: step = min(step, decay_steps) (stays); "
        + IN_LR
        + "CosineAnnealingLR, note: without restarts, so T_cur = t and increases monotonically (continues)",
    )

    combinations: ClassVar = {
        "one-step": {"steps": 1},
        "warmup-from-zero": {"rate": 0.0, "warmup_target": 0.5, "warmup_steps": 5, "alpha": 0.125},
        "warmup-down": {"warmup_target": 0.125, "warmup_steps": 4},
        "warmup-no-steps": {"warmup_target": 0.75, "warmup_steps": 0},
        "warmup-ignored": {"warmup_steps": 6},
        "two-steps": {"steps": 2, "alpha": 0.5},
    }

    def at(self, t: Array) -> Array:
        peak = self.rate
        if self.warmup_target is not None:
            if t < self.warmup_steps:
                return self.rate + (self.warmup_target - self.rate) * (t / self.warmup_steps)
            t = t - self.warmup_steps
            peak = self.warmup_target
        if self.beyond == "stays":
            t = np.minimum(t, self.steps)
        return half_cosine(self.alpha * peak + self.end, peak, t / self.steps)

    def after(self, t: Array, rate: Array) -> Array:
        low = self.alpha * self.rate + self.end
        if (t - 1 - self.steps) % (2 * self.steps) == 0:
            return rate + (self.rate - low) * (1 - np.cos(np.pi / self.steps)) / 2
        before = 1 + np.cos(np.pi * (t - 1) / self.steps)
        return (1 + np.cos(np.pi * t / self.steps)) / before * (rate - low) + low


@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """Half a cosine again and again, each period longer and each peak lower by a factor.

        eta_t = low + (peak - low) (1 + cos(pi s / T_i)) / 2
        T_i = T_0 M^i,   peak = eta_0 m^i,   low = alpha eta_0 + e

    with s the updates since restart i, which is at T_0 + ... + T_{i-1}; eta_0 `rate`, T_0 `steps` (updates), M
    `t_mul`, m `m_mul`, alpha `alpha` (a fraction of eta_0), e `end` (a rate), t the update counted from 0.

    Source: Loshchilov & Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017, Equation 5 and
    Section 3, https://arxiv.org/abs/1608.03983;
    Keras documentation, CosineDecayRestarts,
    https://keras.io/api/optimizers/learning_rate_schedules/cosine_decay_restarts/;
    PyTorch documentation, CosineAnnealingWarmRestarts (m = 1),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html
    """

    title: ClassVar[str] = "Cosine with restarts"
    source: ClassVar[str] = SGDR
    turns: ClassVar = ("steps",)

    rate: float = initial_rate(SGDR + ": eta_max")
    steps: int = hyper(10, within="(0, inf)", base=6, probe=5, cite=SGDR + ": T_0")
    t_mul: float = hyper(
        2.0, within="[1, inf)", base=2, probe=3, cite="Loshchilov & Hutter 2017, Section 3: T_mult"
    )
    m_mul: float = hyper(
        1.0,
        within="(0, inf)",
        probe=0.75,
        cite=IN_SCHEDULES + "CosineDecayRestarts: m_mul, the rate of the i-th period",
    )
    alpha: float = hyper(
        0.0,
        within="[0, inf)",
        probe=0.25,
        cite=IN_SCHEDULES + "CosineDecayRestarts: alpha, of the initial_learning_rate",
    )
    end: float = hyper(0.0, within="[0, inf)", probe=0.0625, cite=SGDR + ": eta_min")

    combinations: ClassVar = {
        "same-periods": {"t_mul": 1},
        "shrinking": {"t_mul": 1, "m_mul": 0.5},
        "shrinking-floor": {"m_mul": 0.5, "alpha": 0.25},
        "fraction": {"t_mul": 1.5},
    }

    def at(self, t: Array) -> Array:
        start, period, restarts = 0, self.steps, 0
        if self.t_mul == 1:
            restarts = np.floor(t / period)
            done = t / period - restarts
        else:
            while t >= start + period:
                start, period, restarts = start + period, period * self.t_mul, restarts + 1
            done = (t - start) / period
        peak = self.rate * self.m_mul**restarts
        low = self.alpha * self.rate + self.end
        return half_cosine(low, peak, done)


@dataclass(frozen=True)
class Averaging(Schedule):
    """From the current rate to a fixed one, along a line or half a cosine.

        eta_t = a r + (1 - a) eta_0
        linear:  a = min(t / T, 1)         cos:  a = (1 - cos(pi min(t / T, 1))) / 2

    with eta_0 `rate`, r `target`, T `steps` (updates; with 0 the rate is r from the start), t the update counted
    from 0. Recursive: eta_0 is recovered from eta_{t-1} and from a at t - 1.

    Source: Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization, UAI 2018,
    Section 3.2, https://arxiv.org/abs/1803.05407;
    PyTorch documentation, swa_utils.SWALR, and its get_lr: interpolates between each group's lr and swa_lr over
    anneal_epochs, https://docs.pytorch.org/docs/stable/generated/torch.optim.swa_utils.SWALR.html
    """

    title: ClassVar[str] = "Weight averaging"
    source: ClassVar[str] = "PyTorch documentation, torch.optim.swa_utils.SWALR"
    turns: ClassVar = ("steps",)

    rate: float = initial_rate("PyTorch documentation, SWALR: the lr of the group")
    target: float = hyper(
        0.05, within="[0, inf)", base=0.0625, probe=0.75, cite="PyTorch documentation, SWALR: swa_lr"
    )
    steps: int = hyper(10, within="[0, inf)", base=10, probe=7, cite="PyTorch documentation, SWALR: anneal_epochs")
    strategy: str = hyper(
        "cos", one_of=("cos", "linear"), probe="linear", cite="PyTorch documentation, SWALR: anneal_strategy"
    )

    combinations: ClassVar = {"at-once": {"steps": 0}, "one-step": {"steps": 1}}

    def annealed(self, t: Array) -> Array:
        """The fraction of the way that is done."""
        if self.steps == 0:
            return 1
        fraction = np.minimum(t / self.steps, 1)
        return fraction if self.strategy == "linear" else (1 - np.cos(np.pi * fraction)) / 2

    def at(self, t: Array) -> Array:
        a = self.annealed(t)
        return a * self.target + (1 - a) * self.rate

    def first(self, rate: Array) -> Array:
        return self.target if self.steps == 0 else rate

    def after(self, t: Array, rate: Array) -> Array:
        if t > self.steps:
            return self.target
        before, a = self.annealed(t - 1), self.annealed(t)
        start = (rate - before * self.target) / (1 - before)
        return a * self.target + (1 - a) * start
