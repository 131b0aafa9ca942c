"""ReduceLROnPlateau of both frameworks, on scripted metrics: the rate used after every epoch."""

from __future__ import annotations

import copy
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np

from conformance.areas.schedules import keras_rates, torch_rates
from conformance.areas.schedules.rates import Precision, Rates, Seen, judged_values, typed
from conformance.areas.schedules.schedule_cases import ScheduleEntry
from conformance.bindings import BINDINGS, keras_versions
from conformance.bindings.binding import (
    Argument,
    Group,
    Unsupported,
    defaults,
    departures,
    to_arguments,
    to_reference,
)
from conformance.cases.check import Check, Plan
from conformance.judge.verdict import Judged
from reference.bounded import number, strong
from reference.schedules import Plateau, Schedule

NAN, INF = float("nan"), float("inf")
# Metrics for mode min; those for mode max are their negatives.
METRICS: Mapping[str, Sequence[float]] = {
    # Better by more than any threshold here, by less, stuck for long, worse, better again.
    "steps": (4, 3.9375, 3.625, 3, 2.9375, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2.5, 2.5, 2.5, 2.5, 2.5, 1, 1, 1, 1, 0.5),
    "worse": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
    # Exactly on the threshold of 1/8 or 1/4, relative or absolute, again and again.
    "ties": (
        4,
        3.875,
        3.75,
        3.5,
        3.0,
        4,
        3.5,
        3.0625,
        3.0625,
        2.9375,
        2.8125,
        2.6796875,
        2.34375,
        2,
        1.75,
        1.53125,
    ),
    "negative": (-1, -0.9375, -0.875, -1, -1.125, -1.25, -1.0, -1.0, -1.0, -1.0, -2, -1.9375, -1.75, -1.75),
    "not-a-number": (3, NAN, 2, NAN, NAN, NAN, NAN, 1, 1, NAN, 1, 1, 0.5),
    "infinite": (3, INF, 2, INF, INF, INF, INF, -INF, 1, 1, 1, 1, -INF, -INF, -INF),
    "starts-infinite": (INF, INF, INF, INF, 3, 3, 3, 3, 3),
    "starts-not-a-number": (NAN, 3, 2, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625),
    "tiny": tuple(1 - 2.0**-30 * k for k in range(12)),
}
USUAL = ("steps", "worse", "ties", "negative", "not-a-number", "infinite")

TORCH = ScheduleEntry(
    "reducelronplateau",
    "ReduceLROnPlateau",
    Plateau,
    {
        "rate": "lr",
        "mode": "mode",
        "factor": "factor",
        "patience": "patience",
        "threshold": "threshold",
        "relative": Argument("threshold_mode", to=lambda r: "rel" if r else "abs", back=lambda m: m == "rel"),
        "cooldown": "cooldown",
        "least": "min_lr",
        "epsilon": "eps",
    },
    {"patience_is": "allowed"},
)
KERAS = ScheduleEntry(
    "reducelronplateau",
    "ReduceLROnPlateau",
    Plateau,
    {
        "rate": "lr",
        "mode": Argument("mode", back=lambda mode: "min"),
        "factor": "factor",
        "patience": "patience",
        "threshold": "min_delta",
        "cooldown": "cooldown",
        "least": "min_lr",
    },
    {"patience_is": "waited", "relative": False, "epsilon": 0.0},
    not_update={"verbose": "it prints"},
)
ENTRIES = {"torch": TORCH, "keras": KERAS}
PLAIN = {"torch": "stepped", "keras": "callback"}
ANEW = "the callback has no state to save: every fit starts with no best, no wait and no cooldown"


@dataclass(frozen=True)
class PlateauCase:
    """Hyperparameters, and the sequences of metrics on which they are tried."""

    name: str
    why: str
    overrides: Mapping[str, Any]
    metrics: Sequence[str] = USUAL
    values: str = "base"
    given: Mapping[str, Any] = field(default_factory=dict)  # other constructor arguments
    second: Mapping[str, Any] = field(default_factory=dict)  # of the second parameter group, besides its rate
    everywhere: bool = False


def table(framework: str) -> Iterator[PlateauCase]:
    """All cases of one framework."""
    entry = ENTRIES[framework]
    yield PlateauCase("base", "hyperparameters that every precision represents", {}, everywhere=True)
    yield PlateauCase(
        "usual-values", "as people write them", {"rate": 0.1, "factor": 0.1}, values="usual", everywhere=True
    )
    yield PlateauCase("defaults", "nothing given", {}, values="defaults")
    for f in fields(Plateau):
        if f.metadata["probe"] is not None and f.name in entry.arguments and f.name not in entry.dialect:
            yield PlateauCase(f.name.replace("_", "-"), f.metadata["cite"], {f.name: f.metadata["probe"]})
    yield PlateauCase("no-patience", "patience 0: the first epoch without improvement", {"patience": 0})
    yield PlateauCase("patience-one", "patience 1", {"patience": 1})
    yield PlateauCase("no-threshold", "every improvement counts", {"threshold": 0.0})
    yield PlateauCase("below-least", "a rate below the minimum from the start", {"least": 0.75})
    for n in (1, 3, 5):
        yield PlateauCase(f"cooldown-{n}", f"a cooldown of {n} epochs", {"cooldown": n, "patience": 1})
    yield PlateauCase("starts-infinite", "the first metric is infinite", {"patience": 3}, ("starts-infinite",))
    yield PlateauCase("starts-not-a-number", "the first metric is not a number", {}, ("starts-not-a-number",))
    yield PlateauCase(
        "tiny", "improvements of 2^-30, too small for single precision", {"threshold": 0.0}, ("tiny",)
    )
    if framework == "torch":
        yield PlateauCase("absolute", "an absolute threshold", {"relative": False})
        yield PlateauCase("absolute-max", "an absolute threshold, mode max", {"relative": False, "mode": "max"})
        yield PlateauCase("epsilon-tie", "a change of exactly eps", {"epsilon": 0.125})
        yield PlateauCase(
            "lists", "a minimum rate for each group", {"least": 0.09375}, second={"least": 0.03125}, everywhere=True
        )
    else:
        yield PlateauCase(
            "monitor-accuracy",
            "a metric of the model that Keras finds should increase",
            {"mode": "max"},
            given={"monitor": "val_accuracy"},
        )
        yield PlateauCase(
            "monitor", "another metric, whose name tells that less is better", {}, given={"monitor": "loss"}
        )


@dataclass(frozen=True)
class PlateauCheck(Check):
    """The rates that an optimizer used with ReduceLROnPlateau on some metrics."""

    case: PlateauCase

    area: ClassVar[str] = "schedules"

    @property
    def entry(self) -> ScheduleEntry:
        return ENTRIES[self.framework]

    def groups(self, installed: bool = True) -> list[Group]:
        """The expected schedules, one for each parameter group."""
        case = self.case
        start = {f.name: f.metadata["base"] if case.values == "base" else f.default for f in fields(Plateau)}
        found: Schedule = Plateau(**{**start, **self.entry.dialect, **case.overrides})
        if case.values == "defaults" and installed:
            found = to_reference(self.entry, {**defaults(constructor(self.framework)), "lr": 0.5})
        pair = [found, replace(found, rate=found.rate / 4, **case.second)]
        return [Group((i,), r) for i, r in enumerate(pair[: 2 if self.framework == "torch" else 1])]

    def plan(self) -> Plan:
        if self.mode == "resumed" and self.framework == "keras":
            raise Unsupported(ANEW)
        groups = self.groups()
        given = arguments(self.framework, [g.reference for g in groups], self.case)
        call = ", ".join(f"{k}={v!r}" for k, v in given.items())
        first = "tf.keras.callbacks.ReduceLROnPlateau("
        if self.framework == "torch":
            first = "torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "
        written = f"{first}{call})  # lr {groups[0].reference.rate!r}"
        return Plan(self, written, {k: repr(v) for k, v in given.items()}, groups)

    def observe(self, plan: Plan) -> Rates:
        given = arguments(self.framework, [g.reference for g in plan.groups], self.case)
        sign = -1 if plan.groups[0].reference.mode == "max" else 1
        scripts = {name: [sign * x for x in METRICS[name]] for name in self.case.metrics}
        seen = {name: drive(self, plan.groups, given, metrics) for name, metrics in scripts.items()}
        precision = precision_of(self.framework, self.dtype, self.mode)
        steps = sum(len(rows) for rows in seen.values())
        return Rates(plan, steps, beside=lambda groups: judge_all(seen, scripts, groups, precision))

    def signature(self) -> dict[str, Any]:
        offered = set(defaults(constructor(self.framework))) - {"optimizer", *self.entry.not_update}
        return {"cls": self.entry.cls, "options": sorted(offered), "classes": [], "known": [self.entry.cls]}


def constructor(framework: str) -> Any:
    if framework == "torch":
        return torch_rates.constructor(TORCH)
    return keras_versions.package().callbacks.ReduceLROnPlateau


def arguments(framework: str, references: Sequence[Schedule], case: PlateauCase) -> dict[str, Any]:
    """The constructor arguments that differ from the default."""
    each = [to_arguments(ENTRIES[framework], r) for r in references]
    found = {k: [a[k] for a in each] if any(a[k] != v for a in each) else v for k, v in each[0].items()}
    found.pop("lr")
    if case.values == "defaults":
        found.pop("mode")
    if "monitor" in case.given:
        found["mode"] = "auto"
    return {**departures(constructor(framework), found), **case.given}


def precision_of(framework: str, dtype: str, mode: str = "") -> Precision:
    """torch reduces a Python number or a tensor, Keras a variable. Tensors and variables round every time."""
    fmt = BINDINGS[framework].formats(dtype)
    return Precision(fmt, rate=None if framework == "torch" and mode != "tensor" else fmt)


def judge_all(
    seen: Mapping[str, Seen], scripts: Mapping[str, Sequence[float]], groups: Sequence[Group], precision: Precision
) -> Judged:
    """Every rate of every sequence, against the references."""
    expected: dict[tuple[str, int], list] = {}
    for g, group in enumerate(groups):

        def make(name: str, value: float) -> Any:
            return strong(number(value), precision.rate) if precision.rate and name == "rate" else number(value)

        # The threshold is compared as a plain number.
        made = typed(group.reference, lambda n, v: v if n == "threshold" else make(n, v))
        for name, metrics in scripts.items():
            expected[name, g] = made.follow(metrics)
    rows = []
    for name, sequence in seen.items():
        for epoch, numbers in sequence:
            for quantity, got in numbers.items():
                value = expected[name, int(quantity[5:-1])][int(epoch)]
                rows.append((f"{quantity} after epoch {epoch} of {name}", got, [value]))
    return judged_values(rows, precision)


def drive(check: PlateauCheck, groups: Sequence[Group], given: Mapping[str, Any], metrics: Sequence[float]) -> Seen:
    """The rates of each epoch: the first, and those after each metric."""
    run = _torch if check.framework == "torch" else _keras
    return run(check, [g.reference for g in groups], given, metrics)


def _torch(check: PlateauCheck, references: Sequence[Schedule], given: Mapping, metrics: Sequence[float]) -> Seen:
    import torch

    dtype = getattr(torch, check.dtype)

    def made() -> tuple[Any, Any, list]:
        params = [torch.nn.Parameter(torch.zeros(1, dtype=dtype)) for _ in references]
        rates = [torch.tensor(r.rate, dtype=dtype) if check.mode == "tensor" else r.rate for r in references]
        described = [{"params": [p], "lr": rate} for p, rate in zip(params, rates, strict=True)]
        optimizer = torch.optim.SGD(described, foreach=False)
        return optimizer, torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **given), params

    optimizer, schedule, params = made()
    seen: Seen = []
    for epoch, metric in enumerate((None, *metrics)):
        if metric is not None:
            schedule.step(metric)
            if check.mode == "resumed":
                states = [copy.deepcopy(x.state_dict()) for x in (optimizer, schedule)]
                optimizer, schedule, params = made()
                optimizer.load_state_dict(states[0])
                schedule.load_state_dict(states[1])
        if check.mode == "tensor" and not all(isinstance(g["lr"], torch.Tensor) for g in optimizer.param_groups):
            raise TypeError("the learning rate was a tensor and has been replaced by a number")
        for param in params:
            param.data.zero_()
            param.grad = torch.ones(1, dtype=dtype)
        optimizer.step()
        seen.append((epoch, {f"rate[{i}]": 0.0 - p.item() for i, p in enumerate(params)}))
    return seen


def _keras(check: PlateauCheck, references: Sequence[Schedule], given: Mapping, metrics: Sequence[float]) -> Seen:
    with keras_rates.floatx(check.dtype) as keras:
        optimizer = keras.optimizers.SGD(learning_rate=references[0].rate)
        moved = keras_rates.Used(check.dtype, optimizer)
        callback = keras.callbacks.ReduceLROnPlateau(**given)
        of_model = _with_accuracy(check.dtype) if given.get("monitor") == "val_accuracy" else []
        callback.set_model(types.SimpleNamespace(optimizer=optimizer, metrics=of_model))
        callback.on_train_begin()
        seen: Seen = []
        for epoch, metric in enumerate((None, *metrics)):
            if metric is not None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", RuntimeWarning)
                    callback.on_epoch_end(epoch - 1, {given.get("monitor", "val_loss"): metric})
            if metric is None or keras_rates.number(optimizer.learning_rate) != seen[-1][1]["rate[0]"]:
                seen.append((epoch, {"rate[0]": moved.rate()}))
            else:  # the optimizer still holds the rate it used
                seen.append((epoch, dict(seen[-1][1])))
        return seen


@cache
def _with_accuracy(dtype: str) -> list[Any]:
    """The metrics of a model, known only after one evaluation. They are only read."""
    keras = keras_versions.package()
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    model.evaluate(np.zeros((1, 1)), np.zeros((1, 1)), verbose=0)
    return model.metrics


def checks() -> Iterator[PlateauCheck]:
    """The checks of each framework."""
    for framework, plain in PLAIN.items():
        for case in table(framework):
            ways = [("float64", plain)]
            if case.everywhere:
                ways += [("float32", plain), ("float64", "resumed")]
            if case.everywhere and framework == "torch":
                ways += [("float64", "tensor"), ("float32", "tensor")]
            for dtype, mode in ways:
                yield PlateauCheck(framework, "reducelronplateau", case.name, case.why, dtype, mode, case)
