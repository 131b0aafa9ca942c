"""The trainings that test the claims, each run once per process, and the rules they follow.

Hyperparameters are dyadic: every precision represents them, so that differences come from the rule, not rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from conformance.areas.training import routes, task
from conformance.areas.training.loop import Loop, Through, Trained
from conformance.bindings import BINDINGS
from conformance.judge.verdict import BLIND_ABOVE

DTYPE, EPOCHS = "float64", 2
RATE, DECAY, LIMIT = 2.0**-5, 0.25, 0.5  # LIMIT: of the norm, or of each element, of a gradient
ADAM = {"beta_1": 0.875, "beta_2": 0.96875, "epsilon": 2.0**-10}
KERAS = {
    "sgd": {},
    "momentum": {"momentum": 0.875},
    "adam": ADAM,
    "adamw": ADAM,
    "rmsprop": {"epsilon": 2.0**-10, "rho": 0.875},
}
TORCH = {"sgd": {}, "adam": {"betas": (0.875, 0.96875), "eps": 2.0**-10}}
TORCH["adamw"] = TORCH["adam"]
CLASSES = {"sgd": "SGD", "momentum": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}


@cache
def keras(
    rule: str,
    route: str = "tape-loop",
    kernel: float | None = None,
    bias: float | None = None,
    fit: tuple = (),
    **options: Any,
) -> Trained:
    """A training in Keras; `kernel` and `bias` are L2 regularization factors, `fit` extra arguments of fit."""

    def optimizer(tf: Any) -> Any:
        return getattr(tf.keras.optimizers, CLASSES[rule])(RATE, **KERAS[rule], **options)

    tf = routes.tensorflow()
    given = {"kernel_regularizer": kernel, "bias_regularizer": bias}
    layers = {k: tf.keras.regularizers.L2(v) for k, v in given.items() if v is not None}
    return routes.keras(route, optimizer, DTYPE, EPOCHS, layers=layers, **dict(fit))


@cache
def torch(rule: str, clip: str = "", zero: bool = True, **options: Any) -> Trained:
    """A training in torch; `clip` names one of `CLIPS`."""

    def optimizer(library: Any, params: Any) -> Any:
        return getattr(library.optim, CLASSES[rule])(params, lr=RATE, **TORCH[rule], **options)

    return routes.torch(optimizer, DTYPE, EPOCHS, before_step=CLIPS[clip] if clip else None, zero=zero)


def _clip_each(library: Any, params: Any) -> None:
    for p in params:
        library.nn.utils.clip_grad_norm_([p], LIMIT)


CLIPS: dict[str, Callable[[Any, Any], Any]] = {
    "all": lambda library, params: library.nn.utils.clip_grad_norm_(params, LIMIT),
    "each": _clip_each,
    "value": lambda library, params: library.nn.utils.clip_grad_value_(params, LIMIT),
}


def follows(framework: str, rule: str, trained: Trained, through: Through | None = None, **forms: Any) -> bool:
    """Whether every step is the reference's within its bound, in the framework's dialect except for `forms`."""
    entry = BINDINGS[framework].entries[CLASSES[rule].lower()]
    start = {"learning_rate": RATE, "weight_decay": 0.0, **KERAS[rule]}
    reference = entry.reference(**{**entry.dialect, **start, **forms})
    if trained.steps != EPOCHS * task.EPOCH:
        return False  # from other batches
    found = Loop(framework, entry, reference, trained, through=through).free()
    if found.resolution is None or found.resolution > BLIND_ABOVE or found.resolved_steps < trained.steps:
        raise ValueError(f"the bound is {found.resolution} of the update: too wide to tell")
    return found.conforms


def same_bits(one: Trained, other: Trained) -> bool:
    """Whether two trainings went through the same parameters, to the last bit."""
    pairs = zip(one.states, other.states, strict=True) if one.steps == other.steps else ()
    return one.steps == other.steps and all(
        np.array_equal(p, q) for a, b in pairs for p, q in zip(a.params, b.params, strict=True)
    )


# ---------------------------------------------------------------- operations on gradients, by definition


def norm_of_all(beside: float = 0.0) -> Through:
    """g times c / max(norm + beside, c), the norm of all gradients together (Pascanu et al. 2013, Algorithm 1).

    torch's documentation of clip_grads_with_norm_ has 1e-6 beside the norm.
    """

    def through(params: Any, grads: list[Any]) -> list[Any]:
        total = np.sum(grads[0] * grads[0])
        for g in grads[1:]:
            total = total + np.sum(g * g)
        return [g * (LIMIT / np.maximum(np.sqrt(total) + beside, LIMIT)) for g in grads]

    return through


def norm_of_each(beside: float = 0.0) -> Through:
    """The same for each gradient separately."""
    return lambda params, grads: [norm_of_all(beside)(params, [g])[0] for g in grads]


def each_value(params: Any, grads: list[Any]) -> list[Any]:
    """min(max(g, -c), c)."""
    return [np.minimum(np.maximum(g, -LIMIT), LIMIT) for g in grads]


def l2(decay: float, kernels_alone: bool = False) -> Through:
    """g + decay p: the gradient of decay / 2 times the squared norm of p."""

    def through(params: Any, grads: list[Any]) -> list[Any]:
        chosen = [p.ndim == 2 or not kernels_alone for p in params]
        return [g + decay * p if c else g for p, g, c in zip(params, grads, chosen, strict=True)]

    return through
