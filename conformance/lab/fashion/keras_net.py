"""The network in Keras, on TensorFlow; a training step is one graph."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from conformance.bindings import keras as binding
from conformance.lab.fashion.data import SIDE
from conformance.lab.fashion.net import LAYERS, Conv


class KerasNet:
    """The network with its optimizer. Images have the shape (n, height, width, 1) and set the dtype."""

    def __init__(self, weights: Sequence[np.ndarray], optimizer: str, arguments: Mapping[str, Any], dtype: str):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow as tf

        self.tf, self.dtype = tf, dtype
        layers = tf.keras.layers
        with self._as_floatx():
            found: list[Any] = [tf.keras.Input((SIDE, SIDE, 1))]
            # The initial weights are given, so nothing is random.
            plain = {"kernel_initializer": "zeros", "bias_initializer": "zeros"}
            for i, layer in enumerate(LAYERS):
                last = i == len(LAYERS) - 1
                activation = None if last else "relu"
                if isinstance(layer, Conv):
                    kwargs = {"strides": layer.stride, "activation": activation, **plain}
                    found.append(layers.Conv2D(layer.channels, layer.kernel, **kwargs))
                else:
                    if isinstance(LAYERS[i - 1], Conv):
                        found.append(layers.Flatten())
                    found.append(layers.Dense(layer.units, activation=activation, **plain))
            self.net = tf.keras.Sequential(found)
            self.net.set_weights([np.asarray(w, dtype) for w in weights])
            self.optimizer = binding.constructor(binding.entries[optimizer])(**arguments)
            self.optimizer.build(self.net.trainable_variables)
        self._step = tf.function(self._train, autograph=False)
        self._logits = tf.function(lambda images: self.net(images, training=False), autograph=False)

    @contextlib.contextmanager
    def _as_floatx(self) -> Iterator[None]:
        """Optimizers use floatx; layers use the policy, which remembers the first floatx it saw."""
        backend, policies = self.tf.keras.backend, self.tf.keras.mixed_precision
        before, policy = backend.floatx(), policies.global_policy()
        if before == self.dtype == policy.name:  # always so, except for training in float64
            yield
            return
        backend.set_floatx(self.dtype)
        policies.set_global_policy(self.dtype)
        try:
            yield
        finally:
            backend.set_floatx(before)
            policies.set_global_policy(policy)

    def _train(self, images: Any, labels: Any) -> tuple[Any, Any]:
        tf, variables = self.tf, self.net.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.net(images, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss, logits

    def step(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
        """One training step; returns the loss before it, and the logits."""
        with self._as_floatx():
            loss, logits = self._step(self.tf.constant(images), self.tf.constant(labels))
        return float(loss.numpy()), logits.numpy()

    def logits(self, images: np.ndarray) -> np.ndarray:
        with self._as_floatx():
            return self._logits(self.tf.constant(images)).numpy()

    def weights(self) -> list[np.ndarray]:
        return self.net.get_weights()


def prepare(threads: int) -> None:
    """Set up the process: the number of threads, and deterministic results."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
