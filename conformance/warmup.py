"""A custom schedule: a linear warmup, then half a cosine. An example for Keras users."""

from __future__ import annotations

import math
from typing import Any

from conformance.errors import BadInput

try:
    import tensorflow as tf
except ImportError as error:
    raise ImportError(
        "conformance.WarmupCosine is a Keras schedule and needs TensorFlow 2.12 or newer, which cannot be imported "
        f"here ({error}). Install it with `pip install tensorflow`. In torch it is SequentialLR of LinearLR and "
        "CosineAnnealingLR."
    ) from error


@tf.keras.utils.register_keras_serializable(package="conformance")
class WarmupCosine(tf.keras.optimizers.schedules.LearningRateSchedule):
    """From `start` up to `peak` along a line, and down to `end` along half a cosine.

        t < W:      start + (peak - start) t / W                          W = warmup_steps
        otherwise:  end + (peak - end) (1 + cos(pi s / T)) / 2            T = decay_steps, s = min(t - W, T)

    with t the step, counted from 0: the first step uses `start`, step W uses `peak`, step W + T and all later ones
    use `end`. It is computed in the precision of `floatx()`, whereas Keras' own schedules always use float32.

    Args:
        peak: the largest learning rate, > 0.
        warmup_steps: W, a whole number >= 0. With 0 there is no warmup.
        decay_steps: T, a whole number > 0.
        start: the learning rate of the first step, >= 0.
        end: the learning rate at the end, >= 0.
        name: of the operations.

    Errors: BadInput for a value that is not allowed.

    Source: Goyal et al. 2017 (Accurate, Large Minibatch SGD), Section 2.2; Loshchilov & Hutter 2017 (SGDR), Eq. 5.
    """

    def __init__(
        self,
        peak: float,
        warmup_steps: int,
        decay_steps: int,
        start: float = 0.0,
        end: float = 0.0,
        name: str = "WarmupCosine",
    ):
        super().__init__()
        for argument, value, least in (("warmup_steps", warmup_steps, 0), ("decay_steps", decay_steps, 1)):
            if isinstance(value, bool) or value != int(value) or value < least:
                raise BadInput(f"{argument}={value!r}: a whole number of at least {least} is needed")
        for argument, value in (("peak", peak), ("start", start), ("end", end)):
            if not (math.isfinite(value) and value >= 0):
                raise BadInput(f"{argument}={value!r}: a number of at least 0 is needed")
        self.peak, self.start, self.end = peak, start, end
        self.warmup_steps, self.decay_steps, self.name = warmup_steps, decay_steps, name

    def __call__(self, step: Any) -> Any:
        with tf.name_scope(self.name):
            t = tf.cast(step, tf.keras.backend.floatx())
            peak, start, end = (tf.constant(v, t.dtype) for v in (self.peak, self.start, self.end))
            rising = start + (peak - start) * t / max(self.warmup_steps, 1)
            fraction = tf.minimum(t - self.warmup_steps, self.decay_steps) / self.decay_steps
            falling = end + (peak - end) * (0.5 * (1.0 + tf.cos(math.pi * fraction)))
            return tf.where(t < self.warmup_steps, rising, falling)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "decay_steps": self.decay_steps,
            "start": self.start,
            "end": self.end,
            "name": self.name,
        }
