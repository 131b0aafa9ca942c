"""The task trained with a framework's optimizer, driven by its binding: losses, gradients, states."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np

from conformance.areas.training import task
from conformance.areas.training.loop import Trained
from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry, Group
from reference.base import Reference

MODES = {"torch": "forloop", "keras": "graph"}
Differentiate = Callable[[Any, np.ndarray, np.ndarray], tuple[float, list[np.ndarray]]]


def train(framework: str, entry: Entry, reference: Reference, dtype: str, steps: int) -> Trained:
    """Train with the framework's own optimizer, loss and differentiation; record every step."""
    found = Trained(BINDINGS[framework].formats(dtype), [], [])
    for driver, loss, grads in _steps(framework, entry, reference, dtype, steps):
        found.states.append(driver.read())
        if grads:
            found.losses.append(loss)
            found.grads.append(grads)
    return found


def last_loss(
    framework: str, entry: Entry, reference: Reference, dtype: str, steps: int, scale: float = 1.0
) -> float:
    """The same with gradients multiplied by `scale`: only the loss before the last step."""
    *_, (_, loss, _) = _steps(framework, entry, reference, dtype, steps, scale)
    return loss


def _steps(
    framework: str, entry: Entry, reference: Reference, dtype: str, steps: int, scale: float = 1.0
) -> Iterator[tuple[Any, float, list[np.ndarray]]]:
    """The driver at the start, then after each step, with the loss and the gradients before it."""
    everything = Group(tuple(range(len(task.SHAPES))), reference)
    driver = BINDINGS[framework].start(entry, [everything], task.start(), dtype, MODES[framework])
    yield driver, math.nan, []
    for t in range(1, steps + 1):
        loss, grads = DIFFERENTIATE[framework](driver, *task.batch(t))
        driver.step([g * scale for g in grads])
        yield driver, loss, grads


def _torch(driver: Any, x: np.ndarray, y: np.ndarray) -> tuple[float, list[np.ndarray]]:
    torch, (w, b, v, c) = driver.torch, driver.params
    x, y = torch.tensor(x, dtype=driver.dtype), torch.tensor(y, dtype=driver.dtype)
    loss = torch.nn.functional.mse_loss(torch.tanh(x @ w + b) @ v + c, y)
    return loss.item(), [g.numpy() for g in torch.autograd.grad(loss, driver.params)]


@cache
def _graph(tf: Any, dtype: str) -> Callable[..., Any]:
    """One graph for all optimizers: the values of the parameters come in as tensors."""

    @tf.function(autograph=False)
    def differentiate(params: Any, x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(params)
            w, b, v, c = params
            loss = tf.reduce_mean(tf.square(tf.tanh(x @ w + b) @ v + c - y))
        return loss, tape.gradient(loss, params)

    return differentiate


def _keras(driver: Any, x: np.ndarray, y: np.ndarray) -> tuple[float, list[np.ndarray]]:
    tf, dtype = driver.tf, driver.dtype
    params = [tf.convert_to_tensor(p) for p in driver.params]
    loss, grads = _graph(tf, dtype)(params, tf.constant(x, dtype), tf.constant(y, dtype))
    return float(loss), [g.numpy() for g in grads]


DIFFERENTIATE: Mapping[str, Differentiate] = {"torch": _torch, "keras": _keras}
