"""The inputs: from the intervals of the references, and the tables below. No framework is imported to list them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from conformance.bindings import keras_versions
from conformance.bindings.binding import Argument, Entry
from reference.wrapped import Wrapped

TEXT = "0.1"  # looks like a number but is not one
PARAMS = "params"  # the first argument of torch's constructors
UNKNOWN = "unknown"  # an argument of no constructor


@dataclass(frozen=True)
class Made:
    """A value that only the framework can make: a name in MAKERS."""

    name: str

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Input:
    """One input, as it is listed, and the constructor arguments that make it."""

    label: str
    given: tuple[tuple[str, Any], ...]
    item: int | None = None  # the place within a tuple argument; the others keep their defaults


@dataclass(frozen=True)
class Given:
    """The inputs of one check."""

    name: str  # "lr", "betas-0"
    says: str
    inputs: tuple[Input, ...]
    bad: bool = True  # whether they should be refused


def of(framework: str, entry: Entry) -> Iterator[Given]:
    """The inputs for one constructor, by argument."""
    for f in fields(entry.reference):
        argument = entry.argument(f.name)
        values = list(_bad_values(f, argument)) if argument else []
        if argument and values:
            name = argument.name if argument.item is None else f"{argument.name}-{argument.item}"
            allowed = f": allowed is {f.metadata['within']}" if f.metadata["within"] else ": an unknown name"
            yield Given(name, f"values{allowed}", tuple(_input(argument, v) for v in values))
    if "clipnorm" in _names(entry):  # what Keras' base class wraps around every rule
        for name, (says, around) in AROUND.items():
            arguments = [(f, entry.argument(f.name)) for f in fields(Wrapped) if f.name in around]
            on = {(a.when, True): None for _, a in arguments if a.when}  # without it the others have no effect
            bad = (_around(a, v, tuple(on)) for f, a in arguments for v in _bad_values(f, a))
            yield Given(name, says, tuple(bad))
    for bad, table in ((True, BAD_CALLS), (False, GOOD_CALLS)):
        for optimizer, name, says, calls in table[framework]:
            given = tuple(_call(c) for c in calls if name == UNKNOWN or _names(entry) >= set(c))
            if optimizer in (entry.optimizer, "*") and given:
                yield Given(name, says, given, bad)


def _names(entry: Entry) -> set[str]:
    """The arguments of the constructor, as far as the binding names them."""
    named = {a.name for name in entry.arguments if (a := entry.argument(name))}
    return {PARAMS, *named, *(set(entry.not_update) - set(entry.lacks))}


def _input(argument: Argument, value: Any) -> Input:
    flag = ((argument.when, True),) if argument.when else ()
    return Input(repr(value), (*flag, (argument.name, value)), argument.item)


def _around(argument: Argument, value: Any, on: tuple[tuple[str, bool], ...]) -> Input:
    return Input(f"{argument.name}={value!r}", (*on, (argument.name, value)))


def _bad_values(f: Field, argument: Argument) -> Iterator[Any]:
    """Outside the interval at each end it has, nan, a string, None, a fractional count, an unknown name."""
    interval = f.metadata["within"]
    if isinstance(f.default, tuple):
        return
    if not interval:
        if f.metadata["one_of"] and not isinstance(argument.to(f.metadata["one_of"][0]), bool):
            yield "unheard-of"
        return
    low, high = (float(end) for end in interval[1:-1].split(","))
    if math.isfinite(low):
        yield low - 1.0 if interval[0] == "[" else low
    if math.isfinite(high):
        yield high + 1.0 if interval[-1] == "]" else high
    yield math.nan
    yield TEXT
    if str(f.type).startswith("int"):
        yield max(low, 0.0) + 0.5
    if "None" not in str(f.type) and not (f.name == "weight_decay" and argument.to(0.0) is None):
        yield None


def _call(given: Mapping[str, Any]) -> Input:
    label = ", ".join(repr(v) if k == PARAMS else f"{k}={v!r}" for k, v in given.items())
    return Input(label, tuple(given.items()))


def _pair(first: str, second: str) -> dict[str, float]:
    return {first: 1.0, second: 0.5}


# Groups of options around every rule: the name of the check, what is wrong, and the hyperparameters.
AROUND = {
    "clipping": ("impossible limits", ("clip_value", "clip_norm", "global_clip_norm")),
    "averaging": ("averages with an invalid momentum or interval", ("average_momentum", "overwrite_every")),
    "microsteps": ("an invalid number of steps", ("accumulation_steps",)),
    "loss-scale": ("an invalid factor", ("loss_scale",)),
}
# Optimizer (or all), the name of the check, what is wrong, and the calls.
BAD_CALLS: Mapping[str, tuple[tuple[str, str, str, tuple[dict[str, Any], ...]], ...]] = {
    "torch": (
        ("*", PARAMS, "nothing to optimize, or something that cannot be", (
            {PARAMS: Made("nothing")}, {PARAMS: Made("a bare tensor")}, {PARAMS: Made("a set of tensors")},
            {PARAMS: Made("a number among tensors")}, {PARAMS: Made("a computed tensor")},
            {PARAMS: Made("a group without params")}, {PARAMS: Made("one tensor in two groups")},
            {PARAMS: Made("one tensor twice in a group")}, {PARAMS: Made("a group with a set")},
        )),
        ("*", UNKNOWN, "an argument that does not exist", ({"no_such_argument": 1.0},)),
        ("*", "implementation", "two implementations at once", (
            {"foreach": True, "fused": True}, {"fused": True, "differentiable": True},
        )),
        ("*", "betas", "not a pair", ({"betas": 0.9}, {"betas": (0.9,)}, {"betas": (0.9, 0.99, 0.999)})),
        ("sgd", "nesterov", "Nesterov's rule without a momentum, or with dampening", (
            {"nesterov": True}, {"nesterov": True, "momentum": 0.9, "dampening": 0.5},
        )),
        ("rprop", "etas", "etas that violate eta- < 1 < eta+", (
            {"etas": (0.0, 1.2)}, {"etas": (0.5, 1.0)}, {"etas": (1.2, 0.5)}, {"etas": (math.nan, 1.2)},
            {"etas": (0.5, math.nan)}, {"etas": 0.5},
        )),
        ("rprop", "step_sizes", "the smallest above the largest, or below 0", (
            {"step_sizes": (50.0, 1e-6)}, {"step_sizes": (-1.0, 50.0)}, {"step_sizes": (math.nan, 50.0)},
        )),
        ("muon", "matrices", "a tensor that is not a matrix", ({PARAMS: Made("a vector")},)),
        ("adamax", "lr-tensor", "several rates for one parameter", ({"lr": Made("a tensor of two")},)),
        ("adam", "lr-tensor", "several rates for one parameter", ({"lr": Made("a tensor of two")},)),
    ),
    "keras": (
        ("*", UNKNOWN, "an argument that does not exist", ({"no_such_argument": 1.0},)),
        ("*", "two-clippings", "two kinds of clipping at once", (
            _pair("clipnorm", "clipvalue"), _pair("clipnorm", "global_clipnorm"),
            _pair("clipvalue", "global_clipnorm"),
        )),
        ("sgd", "nesterov", "Nesterov's rule without a momentum", ({"nesterov": True},)),
        ("radam", "never-moves", "never a step", ({"unrectified": "none", "beta_2": 0.5},)),
    ),
}  # fmt: skip
GOOD_CALLS: Mapping[str, tuple[tuple[str, str, str, tuple[dict[str, Any], ...]], ...]] = {
    "torch": (
        ("*", "lr", "rates of other types", (
            {"lr": 1}, {"lr": Made("np.float32(0.5)")}, {"lr": Made("np.float64(0.5)")},
            {"lr": Made("a tensor of one")},
        )),
        ("*", "betas", "a list instead of a pair", ({"betas": [0.9, 0.99]},)),
        ("*", PARAMS, "other ways to give parameters", (
            {PARAMS: Made("a generator")}, {PARAMS: Made("a list of groups")},
            {PARAMS: Made("pairs of name and tensor")},
        )),
    ),
    "keras": (
        ("*", "learning_rate", "rates of other types", (
            {"learning_rate": 1}, {"learning_rate": Made("np.float32(0.5)")},
            {"learning_rate": Made("np.float64(0.5)")}, {"learning_rate": Made("a schedule")},
            {"learning_rate": Made("a function")},
        )),
    ),
}  # fmt: skip


def _torch() -> dict[str, Callable[[], Any]]:
    import numpy as np
    import torch

    def tensor(*shape: int) -> torch.nn.Parameter:
        return torch.nn.Parameter(torch.zeros(*(shape or (2, 2))))

    one = tensor()
    return {
        "nothing": list,
        "a bare tensor": tensor,
        "a set of tensors": lambda: {tensor()},
        "a number among tensors": lambda: [tensor(), 1.0],
        "a computed tensor": lambda: [tensor() * 2],
        "a group without params": lambda: [{"lr": 0.1}],
        "one tensor in two groups": lambda: [{"params": [one]}, {"params": [one]}],
        "one tensor twice in a group": lambda: [one, one],
        "a group with a set": lambda: [{"params": {tensor()}}],
        "a vector": lambda: [tensor(2)],
        "a generator": lambda: (tensor() for _ in range(2)),
        "a list of groups": lambda: [{"params": [tensor()]}],
        "pairs of name and tensor": lambda: [("weight", tensor())],
        "a tensor of one": lambda: torch.tensor(0.5),
        "a tensor of two": lambda: torch.tensor([0.5, 0.5]),
        "np.float32(0.5)": lambda: np.float32(0.5),
        "np.float64(0.5)": lambda: np.float64(0.5),
    }


def _keras() -> dict[str, Callable[[], Any]]:
    import numpy as np

    keras = keras_versions.package()
    return {
        "a schedule": lambda: keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.5),
        "a function": lambda: lambda: 0.5,
        "np.float32(0.5)": lambda: np.float32(0.5),
        "np.float64(0.5)": lambda: np.float64(0.5),
    }


MAKERS: Mapping[str, Callable[[], dict[str, Callable[[], Any]]]] = {"torch": _torch, "keras": _keras}
