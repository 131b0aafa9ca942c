"""Schedules that go up and down: the cyclical learning rate, and one cycle. Momentum goes the opposite way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from reference.base import Array, hyper
from reference.schedules.cosine import half_cosine
from reference.schedules.decays import IN_LR
from reference.schedules.schedule import Schedule

CLR = "Smith 2017 (Cyclical Learning Rates, WACV), Section 3"
ONE = "Smith & Topin 2018 (Super-Convergence), Section 3; " + IN_LR + "OneCycleLR"


@dataclass(frozen=True)
class Cyclic(Schedule):
    """Up and down along straight lines between two rates.

        cycle = floor(1 + t / (U + D)),  x = 1 + t / (U + D) - cycle
        height = x (U + D) / U on the way up, (x - 1) / (U / (U + D) - 1) on the way down
        eta_t = base + (max - base) height scale,   mu_t = max_mu - (max_mu - base_mu) height scale

        `policy`:  triangular: scale = 1     triangular2: 1 / 2^(cycle - 1)     exp_range: gamma^t

    with base `rate`, max `peak`, U and D `up` and `down` (updates), gamma `gamma`, base_mu and max_mu
    `base_momentum` and `max_momentum`, t the update counted from 0. A given `scale` function is called with the
    cycle, counted from 1, or with the iteration, as `scale_of` says.

    Without `cycle_momentum` the momentum is left alone. `iterations` are counted, also in exp_range, from the start
    of the "training" (the paper) or of the "cycle".

    Source: Smith, Cyclical Learning Rates for Training Neural Networks, WACV 2017, Sections 3.1 and 3.2, with the
    code in 3.1 (U = D = stepsize), https://arxiv.org/abs/1506.01186;
    PyTorch documentation, CyclicLR (U other than D, momentum, functions),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CyclicLR.html
    """

    title: ClassVar[str] = "Cyclic"
    source: ClassVar[str] = "Smith 2017, Section 3"
    momenta: ClassVar[bool] = True
    turns: ClassVar = ("up", "down")

    rate: float = hyper(0.125, within="[0, inf)", cite=CLR + ": base_lr")
    peak: float = hyper(0.5, within="[0, inf)", probe=0.75, cite=CLR + ": max_lr")
    up: int = hyper(2000, within="(0, inf)", base=6, probe=4, cite=CLR + ": stepsize")
    down: int | None = hyper(
        None,
        within="(0, inf)",
        probe=3,
        cite=IN_LR + "CyclicLR: step_size_down, that of the way up by default",
    )
    policy: str = hyper(
        "triangular",
        one_of=("triangular", "triangular2", "exp_range"),
        probe="triangular2",
        cite=CLR + ": policies",
    )
    gamma: float = hyper(1.0, within="(0, 1]", probe=0.875, needs={"policy": "exp_range"}, cite=CLR + ": exp_range")
    scale: Any = hyper(None, cite=IN_LR + "CyclicLR: scale_fn")  # noqa: RUF009 - a field
    scale_of: str = hyper("cycle", one_of=("cycle", "iterations"), cite=IN_LR + "CyclicLR: scale_mode")
    iterations: str = hyper(
        "training",
        one_of=("training", "cycle"),
        cite=CLR + ".2: gamma^iteration (training); " + IN_LR + "CyclicLR: scale_mode: cycle iterations (training "
        "iterations since start of cycle) (cycle)",
    )
    cycle_momentum: bool = hyper(True, one_of=(False, True), probe=False, cite=IN_LR + "CyclicLR: cycle_momentum")
    base_momentum: float = hyper(0.8, within="[0, 1]", base=0.5, probe=0.25, cite=IN_LR + "CyclicLR: base_momentum")
    max_momentum: float = hyper(0.9, within="[0, 1]", base=0.875, probe=0.75, cite=IN_LR + "CyclicLR: max_momentum")

    combinations: ClassVar = {
        "decaying": {"policy": "triangular2", "down": 4},
        "steep": {"up": 1},
        "sawtooth": {"up": 6, "down": 1},
    }

    def height(self, t: Array) -> Array:
        """How far the rate is on the way from the base to the peak, scaled."""
        total = self.up + (self.up if self.down is None else self.down)
        cycle = np.floor(1 + t / total)
        x = 1 + t / total - cycle
        ratio = self.up / total
        height = x / ratio if x <= ratio else (x - 1) / (ratio - 1)
        iteration = t if self.iterations == "training" else t - (cycle - 1) * total
        if self.scale is not None:
            return height * self.scale(cycle if self.scale_of == "cycle" else iteration)
        if self.policy == "triangular2":
            return height / 2.0 ** (cycle - 1)
        return height * self.gamma**iteration if self.policy == "exp_range" else height

    def at(self, t: Array) -> Array:
        return self.rate + (self.peak - self.rate) * self.height(t)

    def momentum(self, t: Array) -> Array:
        return self.max_momentum - (self.max_momentum - self.base_momentum) * self.height(t)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up once, down once, and down to almost nothing.

    N = `total` updates, of which the first p N rise (p `portion`): from eta_max / d at update 0 to eta_max at the
    last of them, update p N - 1; then
        two phases:    down to eta_max / (d f) at update N - 1
        three phases:  down to eta_max / d, symmetrically, at update 2 (p N - 1), and on to eta_max / (d f) at N - 1

    with eta_max `peak`, d `div`, f `final_div`. Between two updates that are n apart, the rate goes from a to b
    along half a cosine, b + (a - b) (1 + cos(pi s / n)) / 2, or a line, a + (b - a) s / n. The momentum goes the
    opposite way: from `max_momentum` to `base_momentum` while the rate rises, back while it falls, and constant in
    a third phase; without `cycle_momentum` it is left alone. `strategy` says which curve, `three_phase` how many
    phases.

    Source: Smith & Topin, Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates,
    2018, Section 3 (three phases), https://arxiv.org/abs/1708.07120;
    PyTorch documentation, OneCycleLR,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
    """

    title: ClassVar[str] = "One cycle"
    source: ClassVar[str] = ONE
    momenta: ClassVar[bool] = True

    peak: float = hyper(0.5, within="[0, inf)", base=0.5, probe=0.75, cite=ONE + ": max_lr")
    total: int = hyper(20, within="(0, inf)", base=20, probe=25, cite=ONE + ": total_steps")
    portion: float = hyper(0.3, within="[0, 1]", base=0.25, probe=0.375, cite=ONE + ": pct_start")
    strategy: str = hyper("cos", one_of=("cos", "linear"), probe="linear", cite=ONE + ": anneal_strategy")
    div: float = hyper(25.0, within="(0, inf)", base=16.0, probe=4.0, cite=ONE + ": div_factor")
    final_div: float = hyper(1e4, within="(0, inf)", base=64.0, probe=8.0, cite=ONE + ": final_div_factor")
    three_phase: bool = hyper(False, one_of=(False, True), probe=True, cite=ONE + ": three_phase")
    cycle_momentum: bool = hyper(True, one_of=(False, True), probe=False, cite=ONE + ": cycle_momentum")
    base_momentum: float = hyper(0.85, within="[0, 1]", base=0.5, probe=0.25, cite=ONE + ": base_momentum")
    max_momentum: float = hyper(0.95, within="[0, 1]", base=0.875, probe=0.75, cite=ONE + ": max_momentum")

    combinations: ClassVar = {
        "three-linear": {"three_phase": True, "strategy": "linear"},
        "linear-momentum": {"strategy": "linear", "max_momentum": 0.75},
    }

    def along(self, t: Array, values: tuple) -> Array:
        """The value at update t on the way through these values, one phase after the other."""
        peak = self.portion * self.total - 1
        ends = (peak, 2 * peak, self.total - 1) if self.three_phase else (peak, self.total - 1)
        start, i = 0, 0
        while i < len(ends) - 1 and not t <= ends[i]:
            start, i = ends[i], i + 1
        before, after = values[i], values[i + 1]
        fraction = (t - start) / (ends[i] - start)
        if self.strategy == "linear":
            return before + (after - before) * fraction
        return half_cosine(after, before, fraction)

    def at(self, t: Array) -> Array:
        low = self.peak / self.div
        least = low / self.final_div
        return self.along(t, (low, self.peak, low, least) if self.three_phase else (low, self.peak, least))

    def momentum(self, t: Array) -> Array:
        slow, fast = self.max_momentum, self.base_momentum
        return self.along(t, (slow, fast, slow, slow) if self.three_phase else (slow, fast, slow))
