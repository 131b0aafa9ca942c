"""The tests of the readings: each function returns whether its sentence is true of the installed versions."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from conformance.areas.claims.trainings import (
    DECAY,
    EPOCHS,
    LIMIT,
    RATE,
    each_value,
    follows,
    keras,
    l2,
    norm_of_all,
    norm_of_each,
    same_bits,
    torch,
)
from conformance.areas.parity.checks import LAB_ASKS
from conformance.areas.parity.pairs import pairs
from conformance.areas.scheduling import ways
from conformance.areas.training import routes, runs, task
from conformance.areas.training.loop import Loop, Trained
from conformance.bindings import BINDINGS

# ---------------------------------------------------------------- weight decay


def keras_decoupled() -> bool:
    rules = ("sgd", "momentum", "adam", "rmsprop")
    return all(
        follows("keras", r, keras(r, weight_decay=DECAY), decay="decoupled", weight_decay=DECAY) for r in rules
    )


def keras_gradient_left_alone() -> bool:
    trained = keras("adam", weight_decay=DECAY)
    return not follows("keras", "adam", trained, decay="coupled", weight_decay=DECAY)


def keras_adam_is_adamw() -> bool:
    return same_bits(keras("adam", weight_decay=DECAY), keras("adamw", weight_decay=DECAY))


def torch_adamw_decoupled() -> bool:
    trained = torch("adamw", weight_decay=DECAY)
    return follows("torch", "adamw", trained, decay="decoupled", weight_decay=DECAY)


def torch_adam_l2() -> bool:
    trained = torch("adam", weight_decay=DECAY)
    coupled = follows("torch", "adam", trained, decay="coupled", weight_decay=DECAY)
    return coupled and not follows("torch", "adam", trained, decay="decoupled", weight_decay=DECAY)


def same_default_decay() -> bool:
    from conformance.bindings.binding import defaults

    found = [defaults(b.constructor(b.entries["adamw"]))["weight_decay"] for b in BINDINGS.values()]
    return len(set(found)) == 1


def _regularized(rule: str, factor: float) -> Trained:
    return keras(rule, kernel=factor, bias=factor)


def regularizer_is_weight_decay() -> bool:
    return follows("keras", "adam", _regularized("adam", DECAY / 2), decay="decoupled", weight_decay=DECAY)


def regularizer_is_weight_decay_in_sgd() -> bool:
    return follows("keras", "sgd", _regularized("sgd", DECAY / 2), decay="decoupled", weight_decay=DECAY)


def regularizer_is_weight_decay_with_momentum() -> bool:
    trained = _regularized("momentum", DECAY / 2)
    return follows("keras", "momentum", trained, decay="decoupled", weight_decay=DECAY)


def regularizer_is_l2() -> bool:
    return follows("keras", "adam", _regularized("adam", DECAY / 2), l2(DECAY))


def regularizer_factor_is_weight_decay() -> bool:
    return follows("keras", "adam", _regularized("adam", DECAY), l2(DECAY))


def regularizer_of_kernels_reaches_biases() -> bool:
    trained = keras("adam", kernel=DECAY / 2)
    if not follows("keras", "adam", trained, l2(DECAY, kernels_alone=True)):
        raise ValueError("kernel_regularizer is neither that of all parameters nor that of the kernels")
    return follows("keras", "adam", trained, l2(DECAY))


# ---------------------------------------------------------------- clipping


def clipnorm_is_of_all() -> bool:
    return follows("keras", "sgd", keras("sgd", clipnorm=LIMIT), norm_of_all())


def clipvalue_is_of_norm() -> bool:
    return follows("keras", "sgd", keras("sgd", clipvalue=LIMIT), norm_of_all())


def clipnorm_is_of_each() -> bool:
    there = follows("keras", "sgd", keras("sgd", clipnorm=LIMIT), norm_of_each())
    return there and follows("torch", "sgd", torch("sgd", clip="each"), norm_of_each(1e-6))


def global_clipnorm_is_of_all() -> bool:
    there = follows("keras", "sgd", keras("sgd", global_clipnorm=LIMIT), norm_of_all())
    return there and follows("torch", "sgd", torch("sgd", clip="all"), norm_of_all(1e-6))


def clip_grad_norm_is_exact() -> bool:
    return follows("torch", "sgd", torch("sgd", clip="all"), norm_of_all())


def clipvalue_is_clip_grad_value() -> bool:
    there = follows("keras", "sgd", keras("sgd", clipvalue=LIMIT), each_value)
    return there and follows("torch", "sgd", torch("sgd", clip="value"), each_value)


# ---------------------------------------------------------------- schedules


def _planned(framework: str, name: str) -> bool:
    way = next(w for w in ways.WAYS if (w.framework, w.name) == (framework, name))
    rule = ways.RULES["sgd"]
    trained = way.train(getattr(rule, framework), "float64")
    entry = BINDINGS[framework].entries["sgd"]
    reference = entry.reference(**{**entry.dialect, "learning_rate": ways.RATE})
    return Loop(framework, entry, reference, trained, ways.rates()).free().conforms


def keras_takes_a_schedule() -> bool:
    return _planned("keras", "schedule-object")


def torch_scheduler_wraps() -> bool:
    return _planned("torch", "multi-step")


def torch_takes_a_schedule() -> bool:
    import torch as library

    try:
        library.optim.SGD([library.zeros(1, requires_grad=True)], lr=lambda step: RATE)
    except (TypeError, ValueError):
        return False
    return True


def scheduler_alone_schedules() -> bool:
    """A scheduler that is created but whose step is never called."""

    def optimizer(library: Any, params: Any) -> Any:
        made = library.optim.SGD(params, lr=RATE)
        library.optim.lr_scheduler.ExponentialLR(made, 0.5)
        return made

    return not follows("torch", "sgd", routes.torch(optimizer, "float64", EPOCHS))


def schedule_can_be_overruled() -> bool:
    tf = routes.tensorflow()
    made = tf.keras.optimizers.SGD(tf.keras.optimizers.schedules.ExponentialDecay(RATE, 1, 0.5))
    try:
        made.learning_rate = RATE
    except (TypeError, AttributeError):
        return False
    return True


# ---------------------------------------------------------------- steps


def _route(name: str) -> bool:
    return follows("keras", "adam", keras("adam", route=name))


def torch_step() -> bool:
    return follows("torch", "adam", torch("adam"))


def apply_gradients_is_a_step() -> bool:
    return torch_step() and _route("apply-gradients")


def apply_is_a_step() -> bool:
    return _route("apply")


def tape_loop_is_a_step() -> bool:
    return _route("tape-loop")


def train_on_batch_is_a_step() -> bool:
    return _route("train-on-batch")


def fit_is_a_step() -> bool:
    return follows("keras", "adam", keras("adam", route="fit", fit=(("shuffle", True),)))


def fit_in_order_is_a_step() -> bool:
    return _route("fit")


def _routes() -> list[str]:
    """The routes that the installed Keras has."""
    tf = routes.tensorflow()
    return [r for r in routes.ROUTES if r != "apply" or hasattr(tf.keras.optimizers.SGD(), "apply")]


def keras_routes_to_the_last_bit() -> bool:
    first, *others = [keras("adam", route=name) for name in _routes()]
    return all(same_bits(first, other) for other in others)


def one_trajectory() -> bool:
    """Every route of both frameworks within the bounds of one reference: plain SGD has no dialect."""
    mine = [follows("keras", "sgd", keras("sgd", route=name)) for name in _routes()]
    return all(mine) and follows("torch", "sgd", torch("sgd"))


def step_without_zero_grad() -> bool:
    return follows("torch", "adam", torch("adam", zero=False))


# ---------------------------------------------------------------- state


def has_get_weights() -> bool:
    return hasattr(routes.tensorflow().keras.optimizers.Adam(), "get_weights")


def has_set_weights() -> bool:
    return hasattr(routes.tensorflow().keras.optimizers.Adam(), "set_weights")


def _halves(give: Any) -> bool:
    """Train, stop, move all state to a new model and optimizer with another rate, continue: same as in one go?"""
    with routes.floatx("float64") as tf:
        ends = []
        for stop in (False, True):
            model = routes.keras_model(tf, "float64")
            made = tf.keras.optimizers.Adam(RATE)
            step = routes.apply_gradients(tf, model, made)
            for t in range(1, 9):
                if stop and t == 5:
                    other, new = routes.keras_model(tf, "float64"), tf.keras.optimizers.Adam(RATE)
                    new.build(other.trainable_variables)
                    other.set_weights(model.get_weights())
                    give(made, new)
                    model, step = other, routes.apply_gradients(tf, other, new)
                step(*(tf.constant(a, "float64") for a in task.batch(t)))
            ends.append(routes.keras_state(model).params)
    return all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))


def _variables(optimizer: Any) -> list[Any]:
    found = optimizer.variables
    return list(found() if callable(found) and not isinstance(found, list | tuple) else found)


def variables_resume() -> bool:
    return _halves(lambda old, new: new.set_weights([v.numpy() for v in _variables(old)]))


def model_weights_resume() -> bool:
    return _halves(lambda old, new: None)


def state_dict_resumes() -> bool:
    import torch as library

    def optimizer(module: Any, params: Any) -> Any:
        return module.optim.Adam(params, lr=RATE)

    whole = routes.torch(optimizer, "float64", 2)
    kept: dict[str, Any] = {}

    def other(module: Any, params: Any) -> Any:
        """With another learning rate, and the state of the first one after the first epoch."""
        made = module.optim.Adam(params, lr=1.0)
        with module.no_grad():
            for p, q in zip(params, kept["params"], strict=True):
                p.copy_(q)
        made.load_state_dict(kept["state"])
        return made

    def keep(epoch: int, made: Any) -> None:
        kept["params"] = [p.detach().clone() for g in made.param_groups for p in g["params"]]
        kept["state"] = made.state_dict()

    library.manual_seed(0)
    routes.torch(optimizer, "float64", 1, after_epoch=keep)
    resumed = routes.torch(other, "float64", 1)
    ends = whole.states[-1].params, resumed.states[-1].params
    return all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))


def state_holds_the_rate() -> bool:
    with routes.floatx("float64") as tf:
        made = tf.keras.optimizers.Adam(RATE)
        made.build([tf.Variable(np.zeros(2))])
        return any(np.size(v.numpy()) == 1 and float(v.numpy()) == RATE for v in _variables(made))


# ---------------------------------------------------------------- parity


@cache
def _final(dtype: str, scale: float = 1.0, steps: int = 100) -> tuple[float, float]:
    """The last losses of the lab's Adam, each with its framework's own epsilon."""
    pair = pairs()[0]
    found = [runs.last_loss(f, pair.entry(f), pair.references[f], dtype, steps, scale) for f in pair.references]
    return found[0], found[1]


def losses_within() -> bool:
    return all(abs(a - b) <= LAB_ASKS for a, b in (_final("float32"), _final("float64")))


def losses_within_at_the_end() -> bool:
    first, _ = _final("float32", steps=1)
    a, b = _final("float32", steps=700)
    if not max(a, b) < first / 10:
        raise ValueError(f"the loss has gone from {first} to {a} and {b}: the training has not converged")
    return abs(a - b) <= LAB_ASKS


def losses_the_same() -> bool:
    a, b = _final("float64")
    return a == b


def losses_within_near_epsilon() -> bool:
    a, b = _final("float64", 2.0**-24)
    return abs(a - b) <= LAB_ASKS
