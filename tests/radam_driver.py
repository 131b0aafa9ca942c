"""Ways to drive a Keras optimizer through the same gradients, for tests that compare the bits that result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from conformance import RAdam

KERAS_3 = hasattr(tf.keras, "Variable")
SHAPES = ((), (3,), (4, 5))
SIZES = tuple(int(np.prod(shape)) for shape in SHAPES)


def gradients(steps: int, dtype: str = "float64") -> np.ndarray:
    """A row of 24 numbers a step: decades of sizes, flips of sign and zeros, all of them float16 numbers."""
    rng = np.random.default_rng(7)
    rows = rng.choice([-1.0, 0.0, 1.0], (steps, sum(SIZES))) * 2.0 ** rng.integers(-9, 1, (steps, sum(SIZES)))
    return (rows * rng.integers(1025, 2048, rows.shape) / 2048).astype(dtype)


def split(row: np.ndarray) -> list[np.ndarray]:
    """The gradient of each of the three variables."""
    parts = np.split(row, np.cumsum(SIZES)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, SHAPES, strict=True)]


def new_variables(dtype: str = "float64") -> list[tf.Variable]:
    """Three variables, away from zero."""
    values = (np.linspace(0.5, 2.0, n).reshape(s) for n, s in zip(SIZES, SHAPES, strict=True))
    return [tf.Variable(value, dtype=dtype) for value in values]


@tf.keras.utils.register_keras_serializable(package="test_radam")
class Dot(tf.keras.layers.Layer):
    """The sum of weights times inputs: the gradient of the weights is the input, without a rounding."""

    def build(self, input_shape: Any) -> None:
        start = np.split(np.concatenate([v.numpy().ravel() for v in new_variables()]), np.cumsum(SIZES)[:-1])
        self.parts = [
            self.add_weight(
                shape=shape, initializer=_Start(values.tolist()), name=f"part_{len(shape)}", trainable=True
            )
            for values, shape in zip(start, SHAPES, strict=True)
        ]
        self.built = True  # Or Keras 2 builds a loaded layer twice.

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        weights = tf.concat([tf.reshape(tf.convert_to_tensor(part), [-1]) for part in self.parts], 0)
        return tf.reduce_sum(inputs * tf.cast(weights, inputs.dtype), axis=-1, keepdims=True)


class _Start(tf.keras.initializers.Initializer):
    def __init__(self, values: list[float]) -> None:
        self.values = values

    def __call__(self, shape: Any, dtype: Any = None, **_: Any) -> tf.Tensor:
        return tf.reshape(tf.constant(self.values, dtype), shape)

    def get_config(self) -> dict[str, Any]:
        return {"values": self.values}


@tf.keras.utils.register_keras_serializable(package="test_radam")
def output(_: Any, predicted: Any) -> Any:
    """The loss that is the model's output."""
    return predicted


def new_model(optimizer: Any, dtype: Any = "float64") -> tf.keras.Model:
    """A compiled model of the one layer; `fit` on `gradients` applies exactly these."""
    inputs = tf.keras.Input((sum(SIZES),), dtype="float64" if dtype == "float64" else "float32")
    model = tf.keras.Model(inputs, Dot(dtype=dtype)(inputs))
    # Not under XLA, which fuses operations and so rounds differently.
    model.compile(optimizer, loss=output, jit_compile=False)
    return model


def fit(model: tf.keras.Model, rows: np.ndarray) -> None:
    """One step a row."""
    model.fit(rows, np.zeros(len(rows)), batch_size=1, shuffle=False, verbose=0)


def apply(optimizer: Any, variables: Sequence[Any], rows: np.ndarray, compiled: bool = False) -> None:
    """One step a row, through apply_gradients."""
    optimizer.build(variables)

    def step(grads: Sequence[tf.Tensor]) -> None:
        optimizer.apply_gradients(zip(grads, variables, strict=True))

    step = tf.function(step) if compiled else step
    for row in rows:
        step([tf.constant(g, v.dtype) for g, v in zip(split(row), variables, strict=True)])


def tape(optimizer: Any, variables: Sequence[Any], rows: np.ndarray) -> None:
    """One step a row, in a loop as one writes it by hand."""
    for row in rows:
        with tf.GradientTape() as recorder:
            pairs = zip(split(row), variables, strict=True)
            loss = tf.add_n([tf.reduce_sum(v * tf.constant(g, v.dtype)) for g, v in pairs])
        optimizer.apply_gradients(zip(recorder.gradient(loss, variables), variables, strict=True))


def slots(optimizer: Any) -> Iterator[np.ndarray]:
    """Momentum and velocity of each variable in turn."""
    for pair in zip(optimizer._momentums, optimizer._velocities, strict=True):
        yield from (np.asarray(slot) for slot in pair)


def state(optimizer: Any, variables: Sequence[Any]) -> list[np.ndarray]:
    """The parameters, the slots and the step counter."""
    return [*(v.numpy() for v in variables), *slots(optimizer), optimizer.iterations.numpy()]


def assert_same(ours: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> None:
    """Equal to the bit, and not because nothing is there."""
    assert len(ours) == len(others) > 0
    for one, other in zip(ours, others, strict=True):
        assert one.dtype == other.dtype
        assert np.isfinite(one).all()
        assert np.array_equal(one, other)


STEPS = 12  # The first five are not rectified.
PICKY = {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}
VARIANTS = [
    {},
    {"epsilon_place": "after_correction", "threshold": 4.0},
    {"unrectified": "none", "weight_decay": 0.1},
    {"weight_decay": 0.1, "decoupled_weight_decay": False},
]
# Only Keras 3 has these two, and only Keras 2 has jit_compile.
OWN_TO_KERAS = (
    [{"loss_scale_factor": 8.0}, {"gradient_accumulation_steps": 2}] if KERAS_3 else [{"jit_compile": False}]
)
BASE_OPTIONS = [
    {"clipnorm": 1.0},
    {"clipvalue": 0.5},
    {"global_clipnorm": 1.0},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
    *OWN_TO_KERAS,
]


def schedule():
    return tf.keras.optimizers.schedules.PiecewiseConstantDecay([2, 7], [0.1, 0.02, 0.05])


def run(rows=None, dtype="float64", compiled=False, **options):
    """Parameters, slots and counter after a run through apply_gradients."""
    optimizer, variables = RAdam(**(PICKY | options)), new_variables(dtype)
    apply(optimizer, variables, gradients(STEPS) if rows is None else rows, compiled)
    return state(optimizer, variables)
