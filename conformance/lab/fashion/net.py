"""The network, its initial weights and the order of the batches: made once, in NumPy, for both frameworks.

28 x 28 -> 3 x 3 convolution, stride 2, 16 channels -> 3 x 3 convolution, stride 2, 32 channels -> 128 units ->
10 classes, ReLU in between, no padding. Strides instead of pooling take half the time and avoid ties of a maximum,
where two frameworks may send the gradient to different places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conformance.lab.fashion.data import CLASSES, SIDE


@dataclass(frozen=True)
class Conv:
    channels: int
    kernel: int
    stride: int


@dataclass(frozen=True)
class Dense:
    units: int


LAYERS: tuple[Conv | Dense, ...] = (Conv(16, 3, 2), Conv(32, 3, 2), Dense(128), Dense(CLASSES))


def shapes() -> list[tuple[int, ...]]:
    """The kernels' shapes in Keras' layout: (height, width, in, out) and (in, out); a bias follows each."""
    found: list[tuple[int, ...]] = []
    side, channels, flat = SIDE, 1, 0
    for layer in LAYERS:
        if isinstance(layer, Conv):
            found.append((layer.kernel, layer.kernel, channels, layer.channels))
            side, channels = (side - layer.kernel) // layer.stride + 1, layer.channels
            flat = side * side * channels
        else:
            found.append((flat, layer.units))
            flat = layer.units
    return found


def first_weights(seed: int) -> list[np.ndarray]:
    """Kernel and bias of each layer, float32: Glorot uniform (Glorot & Bengio 2010, equation 16), zero biases."""
    rng = np.random.default_rng([seed, 0])
    found = []
    for shape in shapes():
        field = int(np.prod(shape[:-2]))
        limit = np.sqrt(6 / (field * (shape[-2] + shape[-1])))
        found += [rng.uniform(-limit, limit, shape).astype(np.float32), np.zeros(shape[-1], np.float32)]
    return found


def parameters() -> int:
    return sum(int(np.prod(shape)) + shape[-1] for shape in shapes())


def batches(seed: int, epoch: int, images: int, size: int) -> np.ndarray:
    """The image indices of each batch in an epoch, (steps, size); leftovers are skipped."""
    order = np.random.default_rng([seed, 1, epoch]).permutation(images)
    steps = images // size
    return order[: steps * size].reshape(steps, size)
