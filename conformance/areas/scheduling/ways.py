"""The plan for the learning rate, and each way to follow it as a user writes it.

Epochs 0 to 2 at `RATE`, then half of it after every two epochs: what ReduceLROnPlateau does with a metric that
never improves after the first epoch. Halves are exact in every precision, so nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.areas.training import routes, task
from conformance.areas.training.loop import Trained

RATE, EPOCHS = 2.0**-5, 8
CHANGES = (3, 5, 7)  # the epochs that start with half the previous rate


def planned(epoch: int) -> float:
    """The learning rate of an epoch, counted from 0."""
    return RATE * 0.5 ** sum(epoch >= change for change in CHANGES)


def rates() -> dict[int, float]:
    """The first step, counted from 1, of each learning rate."""
    return {epoch * task.EPOCH + 1: planned(epoch) for epoch in (0, *CHANGES)}


@dataclass(frozen=True)
class Way:
    """One way to follow the plan."""

    framework: str
    name: str
    says: str
    code: str  # as a user writes it
    train: Callable[[Callable[..., Any], str], Trained]  # gets the maker of the optimizer, and the dtype


Make = Callable[..., Any]  # (the framework, the learning rate[, the parameters]) -> the optimizer


# ---------------------------------------------------------------- Keras


def _schedule(make: Make, dtype: str) -> Trained:
    boundaries = [epoch * task.EPOCH - 1 for epoch in CHANGES]
    values = [planned(epoch) for epoch in (0, *CHANGES)]

    def optimizer(tf: Any) -> Any:
        return make(tf, tf.keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, values))

    return routes.keras("fit", optimizer, dtype, EPOCHS)


def _callback(make: Make, dtype: str) -> Trained:
    def callbacks(tf: Any) -> list[Any]:
        return [tf.keras.callbacks.LearningRateScheduler(planned)]

    return routes.keras("fit", lambda tf: make(tf, RATE), dtype, EPOCHS, callbacks)


def _plateau(make: Make, dtype: str) -> Trained:
    def callbacks(tf: Any) -> list[Any]:
        class Stuck(tf.keras.callbacks.Callback):
            """A metric that never improves, for the callbacks later in the list."""

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                logs["stuck"] = 1.0

        return [Stuck(), tf.keras.callbacks.ReduceLROnPlateau(monitor="stuck", mode="min", factor=0.5, patience=2)]

    return routes.keras("fit", lambda tf: make(tf, RATE), dtype, EPOCHS, callbacks)


def _manual(make: Make, dtype: str) -> Trained:
    def each_epoch(epoch: int, optimizer: Any) -> None:
        optimizer.learning_rate = planned(epoch)

    return routes.keras("train-on-batch", lambda tf: make(tf, RATE), dtype, EPOCHS, each_epoch=each_epoch)


# ---------------------------------------------------------------- torch


def _torch(scheduler: Callable[[Any, Any], Any], *given: Any) -> Callable[[Make, str], Trained]:
    """The scheduler steps once per epoch, after the optimizer; `given` are the arguments of its step."""

    def train(make: Make, dtype: str) -> Trained:
        kept = []

        def optimizer(torch: Any, params: Any) -> Any:
            made = make(torch, RATE, params)
            kept.append(scheduler(torch.optim.lr_scheduler, made))
            return made

        return routes.torch(optimizer, dtype, EPOCHS, after_epoch=lambda *_: kept[0].step(*given))

    return train


def _torch_manual(make: Make, dtype: str) -> Trained:
    def each_epoch(epoch: int, optimizer: Any) -> None:
        for group in optimizer.param_groups:
            group["lr"] = planned(epoch)

    return routes.torch(lambda torch, params: make(torch, RATE, params), dtype, EPOCHS, each_epoch=each_epoch)


WAYS = (
    Way(
        "keras",
        "schedule-object",
        "a schedule object as the learning rate, read at every step",
        "SGD(PiecewiseConstantDecay([11, 19, 27], [...])), fit",
        _schedule,
    ),
    Way(
        "keras",
        "callback",
        "a Python function of the epoch in a LearningRateScheduler callback",
        "fit(callbacks=[LearningRateScheduler(planned)])",
        _callback,
    ),
    Way(
        "keras",
        "plateau",
        "ReduceLROnPlateau, with a metric stuck from the first epoch on",
        "fit(callbacks=[ReduceLROnPlateau('stuck', factor=0.5, patience=2)])",
        _plateau,
    ),
    Way(
        "keras",
        "manual",
        "the attribute set by hand before each epoch",
        "optimizer.learning_rate = planned(epoch), train_on_batch",
        _manual,
    ),
    Way(
        "torch",
        "multi-step",
        "MultiStepLR, the counterpart of a schedule object with these boundaries",
        "MultiStepLR(optimizer, [3, 5, 7], 0.5), scheduler.step() after each epoch",
        _torch(lambda module, made: module.MultiStepLR(made, list(CHANGES), 0.5)),
    ),
    Way(
        "torch",
        "lambda",
        "LambdaLR, for a Python function, which returns a factor",
        "LambdaLR(optimizer, lambda epoch: planned(epoch) / lr), scheduler.step() after each epoch",
        _torch(lambda module, made: module.LambdaLR(made, lambda epoch: planned(epoch) / RATE)),
    ),
    Way(
        "torch",
        "plateau",
        "ReduceLROnPlateau with a stuck metric: one epoch of patience less than in Keras",
        "ReduceLROnPlateau(optimizer, factor=0.5, patience=1), scheduler.step(1.0) after each epoch",
        _torch(lambda module, made: module.ReduceLROnPlateau(made, factor=0.5, patience=1), 1.0),
    ),
    Way(
        "torch",
        "manual",
        "the parameter groups set by hand before each epoch",
        "group['lr'] = planned(epoch)",
        _torch_manual,
    ),
)


@dataclass(frozen=True)
class ScheduledRule:
    """An optimizer, and how to make it in either framework."""

    name: str
    why: str
    hyperparameters: Mapping[str, Any]
    keras: Make
    torch: Make
    dtypes: tuple[str, ...] = ("float64",)
    ways: tuple[str, ...] = ()  # all, if empty

    def __repr__(self) -> str:
        return f"Rule({self.name!r}, {dict(self.hyperparameters)!r})"


RULES = {
    "sgd": ScheduledRule(
        "sgd",
        "plain steps, from which the learning rate can be read off",
        {},
        lambda tf, rate: tf.keras.optimizers.SGD(rate),
        lambda torch, rate, params: torch.optim.SGD(params, lr=rate),
        ("float64", "float32"),
    ),
    "momentum": ScheduledRule(
        "sgd",
        "with momentum: the rate is inside the velocity in Keras and outside it in torch",
        {"momentum": 0.875},
        lambda tf, rate: tf.keras.optimizers.SGD(rate, momentum=0.875),
        lambda torch, rate, params: torch.optim.SGD(params, lr=rate, momentum=0.875),
        ways=("schedule-object", "multi-step", "manual"),
    ),
}
