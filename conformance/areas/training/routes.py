"""The ways in which users train: fit, train_on_batch, custom loops; optimizer.step in torch.

Each trains the task's model, made of the framework's own layers, and returns the parameters after every batch, in
the layout of the task.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from conformance.areas.training import task
from conformance.areas.training.loop import Trained
from conformance.bindings import BINDINGS, keras_versions
from conformance.bindings.binding import State, Unsupported

Hook = Callable[[int, Any], None]  # called with the epoch, counted from 0, and the optimizer


# ---------------------------------------------------------------- Keras


def tensorflow() -> Any:
    """TensorFlow, if Keras runs on it."""
    if keras_versions.backend() != "tensorflow":
        raise Unsupported(
            f"{keras_versions.described()}: trainings are written with tf.GradientTape and tf.function, "
            "which this backend does not have"
        )
    return keras_versions.tensorflow()


@contextlib.contextmanager
def floatx(dtype: str) -> Iterator[Any]:
    """TensorFlow, while Keras' floatx is this dtype."""
    tf = tensorflow()
    before = tf.keras.backend.floatx()
    tf.keras.backend.set_floatx(dtype)
    try:
        yield tf
    finally:
        tf.keras.backend.set_floatx(before)


def keras_model(tf: Any, dtype: str, **options: Any) -> Any:
    """The task's model of Dense layers; the options go to each layer.

    So does the dtype: Keras 3 keeps the policy of the first floatx it saw.
    """
    layers, options = tf.keras.layers, {"dtype": dtype, **options}
    model = tf.keras.Sequential(
        [
            tf.keras.Input((task.FEATURES,), dtype=dtype),
            layers.Dense(task.HIDDEN, activation="tanh", **options),
            layers.Dense(1, **options),
        ]
    )
    model.set_weights([np.asarray(p) for p in task.start()])
    return model


def keras_state(model: Any) -> State:
    return State([np.asarray(w, np.float64) for w in model.get_weights()], {})


def _gradients(tf: Any, model: Any, x: Any, y: Any) -> list[Any]:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x, training=True) - y))
        if model.losses:
            loss += tf.add_n(model.losses)
    return tape.gradient(loss, model.trainable_variables)


def apply_gradients(tf: Any, model: Any, optimizer: Any) -> Callable[[Any, Any], None]:
    def step(x: Any, y: Any) -> None:
        optimizer.apply_gradients(zip(_gradients(tf, model, x, y), model.trainable_variables, strict=True))

    return step


def apply(tf: Any, model: Any, optimizer: Any) -> Callable[[Any, Any], None]:
    if not hasattr(optimizer, "apply"):
        raise Unsupported("Keras 2 has no Optimizer.apply: it came with Keras 3")
    return lambda x, y: optimizer.apply(_gradients(tf, model, x, y), model.trainable_variables)


def tape_loop(tf: Any, model: Any, optimizer: Any) -> Callable[[Any, Any], None]:
    """A hand-written training step over tf.GradientTape, compiled as the guides show it."""
    optimizer.build(model.trainable_variables)
    return tf.function(apply_gradients(tf, model, optimizer), autograph=False)


def train_on_batch(tf: Any, model: Any, optimizer: Any) -> Callable[[Any, Any], None]:
    model.compile(optimizer, "mse")
    return lambda x, y: model.train_on_batch(x, y)


STEPS = {
    "apply-gradients": apply_gradients,
    "apply": apply,
    "tape-loop": tape_loop,
    "train-on-batch": train_on_batch,
}
ROUTES = (*STEPS, "fit")


def keras(
    route: str,
    optimizer: Callable[[Any], Any],
    dtype: str,
    epochs: int,
    callbacks: Callable[[Any], Sequence] | None = None,
    each_epoch: Hook | None = None,
    layers: dict[str, Any] | None = None,
    **fit: Any,
) -> Trained:
    """Train by one of `ROUTES`; `optimizer` and `callbacks` are called with the tensorflow module."""
    with floatx(dtype) as tf:
        model, made = keras_model(tf, dtype, **(layers or {})), optimizer(tf)
        found = Trained(BINDINGS["keras"].formats(dtype), [], [keras_state(model)])
        if route == "fit":
            _fit(tf, model, made, found, epochs, callbacks(tf) if callbacks else (), fit)
            return found
        step = STEPS[route](tf, model, made)
        for t in range(1, epochs * task.EPOCH + 1):
            if each_epoch and (t - 1) % task.EPOCH == 0:
                each_epoch((t - 1) // task.EPOCH, made)
            step(*(tf.constant(a, dtype) for a in task.batch(t)))
            found.states.append(keras_state(model))
    return found


def _fit(
    tf: Any, model: Any, optimizer: Any, found: Trained, epochs: int, callbacks: Sequence[Any], options: dict
) -> None:
    class Watch(tf.keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            found.states.append(keras_state(self.model))

    model.compile(optimizer, "mse")
    # In the order of the task by default.
    options = {"shuffle": False, "batch_size": task.BATCH, **options}
    x, y = task.data()
    model.fit(x, y, epochs=epochs, callbacks=[Watch(), *callbacks], verbose=0, **options)


# ---------------------------------------------------------------- torch


def torch_model(torch: Any, dtype: str) -> Any:
    """The task's model of Linear layers, which store the transpose."""
    model = torch.nn.Sequential(
        torch.nn.Linear(task.FEATURES, task.HIDDEN), torch.nn.Tanh(), torch.nn.Linear(task.HIDDEN, 1)
    ).to(getattr(torch, dtype))
    with torch.no_grad():
        for p, first in zip(model.parameters(), task.start(), strict=True):
            p.copy_(torch.tensor(first.T))
    return model


def torch_state(model: Any) -> State:
    return State([p.detach().numpy().astype(np.float64).T for p in model.parameters()], {})


def torch(
    optimizer: Callable[[Any, Any], Any],
    dtype: str,
    epochs: int,
    each_epoch: Hook | None = None,
    after_epoch: Hook | None = None,
    before_step: Callable[[Any, Any], None] | None = None,
    zero: bool = True,
) -> Trained:
    """The tutorials' loop: zero_grad, backward, step; `optimizer` is called with torch and the parameters."""
    import torch as library

    model = torch_model(library, dtype)
    made = optimizer(library, list(model.parameters()))
    found = Trained(BINDINGS["torch"].formats(dtype), [], [torch_state(model)])
    for t in range(1, epochs * task.EPOCH + 1):
        epoch, place = divmod(t - 1, task.EPOCH)
        if each_epoch and place == 0:
            each_epoch(epoch, made)
        x, y = (library.tensor(a, dtype=getattr(library, dtype)) for a in task.batch(t))
        if zero:
            made.zero_grad()
        loss = library.nn.functional.mse_loss(model(x), y)
        loss.backward()
        if before_step:
            before_step(library, list(model.parameters()))
        made.step()
        found.losses.append(loss.item())
        found.states.append(torch_state(model))
        if after_epoch and place == task.EPOCH - 1:
            after_epoch(epoch, made)
    return found
