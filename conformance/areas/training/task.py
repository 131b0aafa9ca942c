"""The regression of every training here: its data, its model, and loss and gradient in closed form.

    h = tanh(x W + b)      y_hat = h V + c      loss = mean over the batch of (y_hat - y)^2

x is a batch of `BATCH` rows with 5 features, W is (5, 4), b (4,), V (4, 1), c (1,): the layout of Keras;
torch.nn.Linear stores the transpose. The gradient, by the chain rule, with r = y_hat - y and n the batch size:

    d = 2 r / n     dV = h' d     dc = sum d     e = (d V') (1 - h^2)     dW = x' e     db = sum e

Every number is a float32, so that float64 and float32 runs see the same data. The lines run on arrays and on
`reference.bounded.Bounded`, which carries the rounding of a framework along with the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

SAMPLES, FEATURES, HIDDEN, BATCH = 64, 5, 4, 16
EPOCH = SAMPLES // BATCH  # batches in an epoch; the order is the same in each
SHAPES = ((FEATURES, HIDDEN), (HIDDEN,), (HIDDEN, 1), (1,))

Arrays = Sequence[Any]


def _float32(x: np.ndarray) -> np.ndarray:
    return np.asarray(x, np.float32).astype(np.float64)


@cache
def data() -> tuple[np.ndarray, np.ndarray]:
    """All samples: a smooth function of the features, and noise. The legacy generator's stream is frozen."""
    rng = np.random.RandomState(5)
    x = rng.standard_normal((SAMPLES, FEATURES))
    slope = np.linspace(-1, 1, FEATURES)[:, None]
    y = x @ slope + 0.5 * np.sin(2 * x[:, :1]) + 0.1 * rng.standard_normal((SAMPLES, 1))
    return _float32(x), _float32(y)


@cache
def start() -> tuple[np.ndarray, ...]:
    """The initial weights."""
    rng = np.random.RandomState(6)
    return tuple(_float32(0.5 * rng.standard_normal(shape)) for shape in SHAPES)


def batch(t: int) -> tuple[np.ndarray, np.ndarray]:
    """The batch of step t, counted from 1."""
    x, y = data()
    rows = slice((t - 1) % EPOCH * BATCH, ((t - 1) % EPOCH + 1) * BATCH)
    return x[rows], y[rows]


def loss(params: Arrays, x: Any, y: Any) -> Any:
    """The mean squared error of a batch."""
    return loss_and_gradient(params, x, y)[0]


def gradient(params: Arrays, x: Any, y: Any) -> list[Any]:
    """The gradient of the loss, in the order of the parameters."""
    return loss_and_gradient(params, x, y)[1]


def loss_and_gradient(params: Arrays, x: Any, y: Any) -> tuple[Any, list[Any]]:
    """Both, as written above."""
    w, b, v, c = params
    h = np.tanh(x @ w + b)
    r = h @ v + c - y
    d = r * (2 / len(y))
    e = (d @ v.T) * (1 - h * h)
    return np.sum(r * r) / len(y), [x.T @ e, np.sum(e, axis=0), h.T @ d, np.sum(d, axis=0)]
