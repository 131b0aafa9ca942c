"""Schedules that decay by a formula in the number of updates: exponential, inverse, polynomial, in steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from reference.base import Array, hyper
from reference.schedules.schedule import Schedule, initial_rate, whole

IN_SCHEDULES = "Keras documentation, optimizers.schedules."
IN_LR = "PyTorch documentation, torch.optim.lr_scheduler."


@dataclass(frozen=True)
class Exponential(Schedule):
    """Decays by a constant factor.

        eta_t = eta_0 d^(t / T)         staircase: eta_0 d^floor(t / T)

    with eta_0 `rate`, d `decay`, T `every` (updates), t the update counted from 0.

    Recursive, where T = 1 or in a staircase: eta_t = eta_{t-1} d at every T-th update.

    Source: Keras documentation, ExponentialDecay (both forms),
    https://keras.io/api/optimizers/learning_rate_schedules/exponential_decay/;
    PyTorch documentation, ExponentialLR (T = 1),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html;
    PyTorch documentation, StepLR (the staircase),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
    """

    title: ClassVar[str] = "Exponential"
    source: ClassVar[str] = "Keras documentation, ExponentialDecay"
    turns: ClassVar = ("every",)

    rate: float = initial_rate(IN_SCHEDULES + "ExponentialDecay: initial_learning_rate")
    every: int = hyper(
        1,
        within="(0, inf)",
        base=6,
        probe=7,
        cite=IN_SCHEDULES + "ExponentialDecay: decay_steps; " + IN_LR + "StepLR: step_size",
    )
    decay: float = hyper(
        0.9,
        within="[0, inf)",
        base=0.875,
        probe=0.625,
        cite=IN_SCHEDULES + "ExponentialDecay: decay_rate; " + IN_LR + "StepLR: gamma",
    )
    staircase: bool = hyper(
        False, one_of=(False, True), probe=True, cite=IN_SCHEDULES + "ExponentialDecay: staircase"
    )

    combinations: ClassVar = {"fraction": {"every": 2.5}, "growing": {"decay": 1.03125}}

    def at(self, t: Array) -> Array:
        p = t / self.every
        if self.staircase:
            p = np.floor(p)
        return self.rate * self.decay**p

    def after(self, t: Array, rate: Array) -> Array:
        return rate * self.decay if t % self.every == 0 else rate


@dataclass(frozen=True)
class InverseTime(Schedule):
    """Decays in inverse proportion to the number of updates.

        eta_t = eta_0 / (1 + d t / T)         staircase: eta_0 / (1 + d floor(t / T))

    with eta_0 `rate`, d `decay`, T `every` (updates), t the update counted from 0.

    Source: Keras documentation, InverseTimeDecay,
    https://keras.io/api/optimizers/learning_rate_schedules/inverse_time_decay/
    """

    title: ClassVar[str] = "Inverse time"
    source: ClassVar[str] = "Keras documentation, InverseTimeDecay"
    turns: ClassVar = ("every",)

    rate: float = initial_rate(IN_SCHEDULES + "InverseTimeDecay: initial_learning_rate")
    every: int = hyper(
        1,
        within="(0, inf)",
        base=6,
        probe=7,
        cite=IN_SCHEDULES + "InverseTimeDecay: decay_steps, how often to decay",
    )
    decay: float = hyper(
        0.5, within="[0, inf)", base=0.75, probe=2.0, cite=IN_SCHEDULES + "InverseTimeDecay: decay_rate"
    )
    staircase: bool = hyper(
        False, one_of=(False, True), probe=True, cite=IN_SCHEDULES + "InverseTimeDecay: staircase"
    )

    combinations: ClassVar = {"fraction": {"every": 2.5}}

    def at(self, t: Array) -> Array:
        p = t / self.every
        if self.staircase:
            p = np.floor(p)
        return self.rate / (1 + self.decay * p)


@dataclass(frozen=True)
class Polynomial(Schedule):
    """Decays to an end value as a power of the remaining time.

        eta_t = (eta_0 - e) (1 - min(t, T) / T)^p + e
        cycle:  T is T max(1, ceil(t / T)), the first multiple that is not smaller than t, and t is not bounded

    with eta_0 `rate`, e `end`, T `steps` (updates), p `power`, t the update counted from 0.

    Recursive (e = 0, no cycle): eta_t = eta_{t-1} ((1 - t / T) / (1 - (t - 1) / T))^p up to t = T, then constant.

    Source: Keras documentation, PolynomialDecay,
    https://keras.io/api/optimizers/learning_rate_schedules/polynomial_decay/;
    PyTorch documentation, PolynomialLR (e = 0, no cycle),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html
    """

    title: ClassVar[str] = "Polynomial"
    source: ClassVar[str] = "Keras documentation, PolynomialDecay"
    turns: ClassVar = ("steps",)

    rate: float = initial_rate(IN_SCHEDULES + "PolynomialDecay: initial_learning_rate")
    steps: int = hyper(
        10,
        within="(0, inf)",
        base=10,
        probe=7,
        cite=IN_SCHEDULES + "PolynomialDecay: decay_steps; " + IN_LR + "PolynomialLR: total_iters",
    )
    end: float = hyper(
        0.0, within="[0, inf)", probe=0.0625, cite=IN_SCHEDULES + "PolynomialDecay: end_learning_rate"
    )
    power: float = hyper(1.0, within="[0, inf)", probe=2.5, cite=IN_SCHEDULES + "PolynomialDecay: power")
    cycle: bool = hyper(False, one_of=(False, True), probe=True, cite=IN_SCHEDULES + "PolynomialDecay: cycle")

    combinations: ClassVar = {
        "root": {"power": 0.5},
        "cycle-end": {"cycle": True, "end": 0.125, "power": 2.0},
        "rising": {"end": 1.0},
    }

    def at(self, t: Array) -> Array:
        steps = self.steps
        if self.cycle:
            steps = steps * np.maximum(np.ceil(t / steps), 1)
        else:
            t = np.minimum(t, steps)
        return (self.rate - self.end) * (1 - t / steps) ** self.power + self.end

    def after(self, t: Array, rate: Array) -> Array:
        if t > self.steps:
            return rate
        left = (1 - t / self.steps) / (1 - (t - 1) / self.steps)
        return rate * left**self.power


@dataclass(frozen=True)
class Linear(Schedule):
    """Multiplied by a factor that changes linearly.

        eta_t = eta_0 (s + (e - s) min(t, T) / T)

    with eta_0 `rate`, s `start` and e `end` (factors), T `steps` (updates), t the update counted from 0.

    Recursive: eta_t = eta_{t-1} (1 + (e - s) / (T s + (t - 1) (e - s))) up to t = T, then constant.

    Source: PyTorch documentation, LinearLR: start_factor multiplies in the first epoch, end_factor at the end of
    the linear change (the numbers of its example begin with the second epoch),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html
    """

    title: ClassVar[str] = "Linear"
    source: ClassVar[str] = "PyTorch documentation, LinearLR"
    turns: ClassVar = ("steps",)

    rate: float = initial_rate(IN_LR + "LinearLR: the initial lr")
    start: float = hyper(1 / 3, within="(0, 1]", base=0.25, probe=0.625, cite=IN_LR + "LinearLR: start_factor")
    end: float = hyper(1.0, within="[0, 1]", probe=0.5, cite=IN_LR + "LinearLR: end_factor")
    steps: int = hyper(5, within="(0, inf)", base=10, probe=7, cite=IN_LR + "LinearLR: total_iters")

    combinations: ClassVar = {
        "falling": {"start": 1.0, "end": 0.125},
        "to-zero": {"start": 0.75, "end": 0.0},
        "one-step": {"steps": 1},
    }

    def at(self, t: Array) -> Array:
        return self.rate * (self.start + (self.end - self.start) * np.minimum(t, self.steps) / self.steps)

    def first(self, rate: Array) -> Array:
        return rate * self.start

    def after(self, t: Array, rate: Array) -> Array:
        if t > self.steps:
            return rate
        change = self.end - self.start
        return rate * (1 + change / (self.steps * self.start + (t - 1) * change))


@dataclass(frozen=True)
class Constant(Schedule):
    """Multiplied by a factor for a while.

        eta_t = c eta_0 while t < T, then eta_0

    with eta_0 `rate`, c `factor`, T `steps` (updates), t the update counted from 0.

    Recursive: eta_0 multiplied by c, and at t = T by 1 / c.

    Source: PyTorch documentation, ConstantLR,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ConstantLR.html
    """

    title: ClassVar[str] = "Constant"
    source: ClassVar[str] = "PyTorch documentation, ConstantLR"
    turns: ClassVar = ("steps",)

    rate: float = initial_rate(IN_LR + "ConstantLR: the initial lr")
    factor: float = hyper(1 / 3, within="[0, 1]", base=0.375, probe=0.625, cite=IN_LR + "ConstantLR: factor")
    steps: int = hyper(5, within="[0, inf)", base=6, probe=9, cite=IN_LR + "ConstantLR: total_iters")

    combinations: ClassVar = {"no-steps": {"steps": 0}, "factor-zero": {"factor": 0.0}}

    def at(self, t: Array) -> Array:
        return self.rate * self.factor if t < self.steps else self.rate

    def first(self, rate: Array) -> Array:
        return rate * self.factor if self.steps > 0 else rate

    def after(self, t: Array, rate: Array) -> Array:
        return rate * (1 / self.factor) if t == self.steps else rate


@dataclass(frozen=True)
class MultiStep(Schedule):
    """Decays by a factor at milestones.

        eta_t = eta_0 g^(the number of milestones m with m <= t)

    with eta_0 `rate`, g `factor`, `milestones` (updates; one that is listed twice counts twice), t the update
    counted from 0. Recursive: multiplied by g at each milestone.

    Source: PyTorch documentation, MultiStepLR,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html
    """

    title: ClassVar[str] = "Multi-step"
    source: ClassVar[str] = "PyTorch documentation, MultiStepLR"
    turns: ClassVar = ("milestones",)

    rate: float = initial_rate(IN_LR + "MultiStepLR: the initial lr")
    milestones: tuple[int, ...] = hyper(
        (4, 9), probe=(3, 5, 14), within="[0, inf)", cite=IN_LR + "MultiStepLR: milestones"
    )
    factor: float = hyper(0.1, within="[0, inf)", base=0.375, probe=0.625, cite=IN_LR + "MultiStepLR: gamma")

    combinations: ClassVar = {"twice": {"milestones": (3, 3, 8)}}

    def at(self, t: Array) -> Array:
        return self.rate * self.factor ** sum(m <= t for m in self.milestones)

    def after(self, t: Array, rate: Array) -> Array:
        reached = sum(m == t for m in self.milestones)
        return rate * self.factor**reached if reached else rate


@dataclass(frozen=True)
class Piecewise(Schedule):
    """One value for each interval.

        eta_t = v_0 where t <= b_0, v_i where b_{i-1} < t <= b_i, the last value beyond the last boundary

    with b `boundaries` (updates, increasing), v `values` (rates, one more than the boundaries), t the update
    counted from 0.

    Source: Keras documentation, PiecewiseConstantDecay,
    https://keras.io/api/optimizers/learning_rate_schedules/piecewise_constant_decay/
    """

    title: ClassVar[str] = "Piecewise constant"
    source: ClassVar[str] = "Keras documentation, PiecewiseConstantDecay"

    boundaries: tuple[float, ...] = hyper(
        (4, 9), probe=(2, 11), within="[0, inf)", cite=IN_SCHEDULES + "PiecewiseConstantDecay: boundaries"
    )
    values: tuple[float, ...] = hyper(
        (0.5, 0.125, 0.25),
        probe=(0.375, 0.75, 0.0625),
        within="[0, inf)",
        cite=IN_SCHEDULES + "PiecewiseConstantDecay: values",
    )
    turns: ClassVar = ("boundaries",)

    combinations: ClassVar = {
        "one-boundary": {"boundaries": (5,), "values": (0.5, 0.25)},
        "four-values": {"boundaries": (1, 2, 8), "values": (0.5, 1.0, 0.25, 0.75)},
    }

    def at(self, t: Array) -> Array:
        for boundary, value in zip(self.boundaries, self.values, strict=False):
            if t <= boundary:
                return value
        return self.values[-1]


@dataclass(frozen=True)
class Lambda(Schedule):
    """eta_t = eta_0 f(t), with eta_0 `rate`, f `function`, t the update counted from 0.

    Source: PyTorch documentation, LambdaLR,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html
    """

    title: ClassVar[str] = "Lambda"
    source: ClassVar[str] = "PyTorch documentation, LambdaLR"

    rate: float = initial_rate(IN_LR + "LambdaLR: the initial lr")
    function: Any = hyper(None, cite=IN_LR + "LambdaLR: lr_lambda, given an epoch")  # noqa: RUF009 - a field

    def at(self, t: Array) -> Array:
        return self.rate * self.function(t)


@dataclass(frozen=True)
class Multiplicative(Schedule):
    """eta_t = eta_{t-1} f(t), with eta_0 `rate`, f `function`, t the update counted from 0: f(0) is never used.

    Source: PyTorch documentation, MultiplicativeLR: the initial lr is lr, then it is multiplied by the factor,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiplicativeLR.html
    """

    title: ClassVar[str] = "Multiplicative"
    source: ClassVar[str] = "PyTorch documentation, MultiplicativeLR"
    by_recursion: ClassVar[bool] = True

    rate: float = initial_rate(IN_LR + "MultiplicativeLR: the initial lr")
    function: Any = hyper(None, cite=IN_LR + "MultiplicativeLR: lr_lambda")  # noqa: RUF009 - a field

    def at(self, t: Array) -> Array:
        return self.run(range(whole(t) + 1))[-1]

    def after(self, t: Array, rate: Array) -> Array:
        return rate * self.function(t)
