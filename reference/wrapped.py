"""What a framework wraps around any rule: loss scaling, accumulation, clipping and averaging."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from reference.base import Array, Reference, Slots, hyper
from reference.bounded import average

PASCANU = "Pascanu, Mikolov & Bengio 2013, Algorithm 1"


@dataclass(frozen=True)
class Wrapped(Reference):
    """A rule, `inner`, with what is done to its gradients beforehand and to its parameters afterwards.

    In this order, g a gradient as it arrives and theta the parameters after the inner rule:

        loss scaling       g <- g / `loss_scale`
        accumulation       every k = `accumulation_steps` calls: g <- (sum of the last k g) / k; the other calls
                           only add to the slot "accumulator" (starts at 0, is 0 again after an update)
        clip by value      g <- min(max(g, -c), c),                  c = `clip_value`
        clip by norm       g <- g c / max(||g||, c), each tensor,    c = `clip_norm`
        by global norm     the same, with the norm of all tensors,   c = `global_clip_norm`
        the inner rule
        averaging          a <- mu a + (1 - mu) theta, mu = `average_momentum`, a the slot "average", which
                           starts as theta after the first update, or before it (`average_start`
                           "first" or "initial"); every `overwrite_every` updates theta <- a

    c has the unit of g. None turns a part off. The slot "calls" counts the calls of `step`.

    Errors: ValueError for an option outside of its interval, or two kinds of clipping at once.

    Source: Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks, ICML 2013,
    Algorithm 1, https://arxiv.org/abs/1211.5063;
    Polyak & Juditsky, Acceleration of Stochastic Approximation by Averaging, SIAM 1992, Section 1 (here with
    exponential weights), https://doi.org/10.1137/0330046;
    Micikevicius et al., Mixed Precision Training, ICLR 2018, Section 3.2 (loss scaling),
    https://arxiv.org/abs/1710.03740;
    Keras documentation of every optimizer, ema_momentum (the exponential weights) and gradient_accumulation_steps
    (the mean of the gradients), for example https://keras.io/api/optimizers/sgd/
    """

    inner: Any = field(
        default=None,
        metadata={"cite": "", "base": None, "probe": None, "needs": {}, "within": "", "one_of": ()},
    )
    loss_scale: float | None = hyper(None, within="(0, inf)", probe=8.0, cite="Micikevicius et al. 2018, 3.2")
    accumulation_steps: int | None = hyper(
        None, within="[2, inf)", probe=3, cite="Keras documentation, Optimizer, gradient_accumulation_steps"
    )
    clip_value: float | None = hyper(
        None, within="(0, inf)", probe=0.25, cite="Keras documentation, Optimizer, clipvalue"
    )
    clip_norm: float | None = hyper(None, within="(0, inf)", probe=0.75, cite=f"{PASCANU}, each tensor")
    global_clip_norm: float | None = hyper(None, within="(0, inf)", probe=0.75, cite=f"{PASCANU}, all tensors")
    average_momentum: float | None = hyper(
        None, within="[0, 1]", probe=0.75, cite="Keras documentation, Optimizer, ema_momentum"
    )
    overwrite_every: int | None = hyper(
        None,
        within="[1, inf)",
        probe=4,
        needs={"average_momentum": 0.75},
        cite="Keras documentation, Optimizer, ema_overwrite_frequency",
    )

    average_start: str = hyper(
        "first",
        one_of=("first", "initial"),
        cite="PyTorch documentation, torch.optim.swa_utils.AveragedModel: the first update copies the parameters; "
        "TensorFlow documentation, tf.train.ExponentialMovingAverage: begins with the variable's initial value",
    )

    combinations: ClassVar = {
        # A norm that begins above the limit and falls below it, where nothing is clipped.
        "clip-norm-below": {"clip_norm": 0.75, "problem": "shrinking"},
        "global-clip-norm-below": {"global_clip_norm": 0.75, "problem": "shrinking"},
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        clips = [n for n in ("clip_value", "clip_norm", "global_clip_norm") if getattr(self, n) is not None]
        if len(clips) > 1:
            raise ValueError(f"{' and '.join(clips)} are set: at most one is allowed")

    @property
    def elementwise(self) -> bool:
        norms = self.clip_norm is not None or self.global_clip_norm is not None
        return not norms and getattr(self.inner, "elementwise", False)

    @property
    def schedule(self) -> tuple[str, ...]:
        return self.inner.schedule

    def init(self, params: list[Array]) -> Slots:
        slots = {"calls": [np.zeros(())], **self.inner.init(params)}
        if self.accumulation_steps:
            slots["accumulator"] = [np.zeros_like(p) for p in params]
        if self.average_momentum is not None:
            initial = self.average_start == "initial"
            slots["average"] = [p * 1 if initial else np.zeros_like(p) for p in params]
        return slots

    def step(self, params: list[Array], grads: list[Array], slots: Slots) -> tuple[list[Array], Slots]:
        slots = {name: list(values) for name, values in slots.items()}
        calls = slots["calls"][0] + 1
        slots["calls"] = [calls]
        updates = True
        if self.loss_scale is not None:
            grads = [_each(lambda g: g / self.loss_scale, g) for g in grads]
        if self.accumulation_steps:
            k = self.accumulation_steps
            sums = [a if g is None else a + g for a, g in zip(slots["accumulator"], grads, strict=True)]
            updates = slots["step"][0] * k + k == calls
            slots["accumulator"] = [np.zeros_like(s) for s in sums] if updates else sums
            grads = [None if g is None else s / k for s, g in zip(sums, grads, strict=True)]
        if updates:
            outer = {n: slots.pop(n) for n in ("calls", "accumulator", "average") if n in slots}
            params, slots = self.inner.step(params, self._clipped(grads), slots)
            slots.update(outer)
            if self.average_momentum is not None:
                params, slots["average"] = self._averaged(params, slots)
        return params, slots

    def _clipped(self, grads: list[Array]) -> list[Array]:
        if self.clip_value is not None:
            c = self.clip_value
            return [_each(lambda g: np.minimum(np.maximum(g, -c), c), g) for g in grads]
        if self.clip_norm is not None:
            c = self.clip_norm
            return [_each(lambda g: g * c / np.maximum(np.sqrt(np.sum(g * g)), c), g) for g in grads]
        if self.global_clip_norm is not None:
            c = self.global_clip_norm
            squares = [np.sum(g * g) for g in grads if g is not None]
            total = squares[0]
            for square in squares[1:]:
                total = total + square
            norm = np.maximum(np.sqrt(total), c)
            return [_each(lambda g: g * (c / norm), g) for g in grads]
        return grads

    def _averaged(self, params: list[Array], slots: Slots) -> tuple[list[Array], list[Array]]:
        mu, updates = self.average_momentum, slots["step"][0]
        if updates == 1 and self.average_start == "first":
            averages = [p * 1 for p in params]
        else:
            averages = [average(mu, a, p) for a, p in zip(slots["average"], params, strict=True)]
        if self.overwrite_every and _divides(self.overwrite_every, updates):
            params = list(averages)
        return params, averages


def _each(f: Any, grad: Array) -> Array:
    """Apply to a gradient unless it is missing."""
    return None if grad is None else f(grad)


def _divides(n: int, count: Any) -> bool:
    """Whether `n` divides a counter, which may be a bounded value."""
    return int(getattr(count, "value", count)) % n == 0
