"""An inverse-square-root schedule for Keras: what the test of the README's section adds to the suite."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="warmed")
class InverseSquareRoot(tf.keras.optimizers.schedules.LearningRateSchedule):
    """Up to the peak along a line, then down with one over the root of the update."""

    def __init__(self, peak: float, warmup_steps: int):
        super().__init__()
        self.peak, self.warmup_steps = peak, warmup_steps

    def __call__(self, step: Any) -> Any:
        update = tf.cast(step, tf.float32) + 1
        warmup = tf.constant(self.warmup_steps, tf.float32)
        return tf.constant(self.peak, tf.float32) * tf.minimum(update / warmup, tf.sqrt(warmup / update))

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warmup_steps": self.warmup_steps}
