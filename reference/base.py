"""What every reference optimizer is: a frozen dataclass of hyperparameters with two pure methods.

    init(params) -> slots
    step(params, grads, slots) -> (params, slots)

`params` and `grads` are lists of arrays; a missing gradient is None. `slots` maps the name of a slot to
a list with one array per tensor (or a list of one, where all tensors share it; None for a tensor that has no
such slot). The step counter is state like any other, so it is the slot "step". Nothing is changed in place.

The code runs on NumPy arrays and on `reference.bounded.Bounded` alike, hyperparameters included.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

Array = Any  # np.ndarray or Bounded
Slots = dict[str, list[Array]]


def hyper(
    default: Any,
    cite: str,
    base: Any = None,
    probe: Any = None,
    needs: Mapping[str, Any] | None = None,
    within: str = "",
    one_of: Sequence[Any] = (),
) -> Any:
    """A hyperparameter, or a form in which published versions of the rule differ.

    Arguments:
        default: the published value, where there is one.
        cite: the paper (with section or equation) or the documentation that has it.
        base: the value in every case that is not about this field, where the default cannot tell
            implementations apart; exact in every precision (0.875, not 0.9). None: the default.
        probe: another value, tested in a case of its own. None: there is nothing more to test.
        needs: other hyperparameters without which it has no effect.
        within: the allowed interval in mathematical notation: "[0, 1)".
        one_of: the allowed values of a form.
    """
    return field(
        default=default,
        metadata={
            "cite": cite,
            "base": default if base is None else base,
            "probe": probe,
            "needs": dict(needs or {}),
            "within": within,
            "one_of": tuple(one_of),
        },
    )


def _inside(value: float, interval: str) -> bool:
    low, high = (float(end) for end in interval[1:-1].split(","))
    above = value > low if interval[0] == "(" else value >= low
    return above and (value < high if interval[-1] == ")" else value <= high)


@dataclass(frozen=True)
class Reference:
    """Base of all references: validation of the hyperparameters, and their description."""

    title: ClassVar[str] = ""
    source: ClassVar[str] = ""
    bound: ClassVar[str] = "derived"  # "statistical" where an ensemble bounds what running error analysis cannot
    closure: ClassVar[bool] = False  # whether `grads` of `step` is a function from x to loss and gradient
    # Sets of hyperparameters that interact: each is a case of its own.
    combinations: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    # Hyperparameters with which every slot of the rule matters; without them some slots are absent or trivial.
    stateful: ClassVar[Mapping[str, Any]] = {}
    # Slots that depend only on the step count and the hyperparameters, not on the gradients.
    schedule: ClassVar[tuple[str, ...]] = ()
    # The form of the gradients: "dense", or "rows" (`reference.rows.Rows`) for a rule for sparse ones.
    gradients: ClassVar[str] = "dense"
    separable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for f in fields(self):
            value, allowed, interval = getattr(self, f.name), f.metadata["one_of"], f.metadata["within"]
            if allowed and value not in allowed:
                raise ValueError(f"{f.name}={value!r}: allowed are {', '.join(map(repr, allowed))}")
            if interval:
                for part in value if isinstance(value, tuple) else (value,):
                    number = isinstance(part, (int, float)) and not isinstance(part, bool)
                    if isinstance(part, str) or (number and not (math.isfinite(part) and _inside(part, interval))):
                        raise ValueError(f"{f.name}={value!r}: allowed is {interval}")

    def init(self, params: list[Array]) -> Slots:
        """The slots before the first step."""
        raise NotImplementedError

    def step(self, params: list[Array], grads: list[Array], slots: Slots) -> tuple[list[Array], Slots]:
        """One step: the new parameters and slots."""
        raise NotImplementedError


def counter(default: str = "parameter") -> Any:
    """The form that says what the step counter counts."""
    return hyper(
        default,
        one_of=("parameter", "optimizer"),
        cite="Kingma & Ba 2015, Algorithm 1: t counts the updates of theta. With several tensors it is read as "
        "the updates of this tensor (PyTorch documentation, torch.optim: state is kept for each parameter) or of "
        "the optimizer (Keras documentation, Optimizer.iterations: the number of training steps run).",
    )


@dataclass(frozen=True)
class PerTensor(Reference):
    """Adapter for rules that treat each tensor separately: subclasses write `update` for one tensor."""

    elementwise: ClassVar[bool] = True  # and each element separately, from its own values only
    separable: ClassVar[bool] = True  # no element's update depends on another's; a number per tensor is allowed

    def slot_names(self) -> tuple[str, ...]:
        """The slots that these hyperparameters need, besides "step"."""
        return ()

    def shared(self, name: str) -> bool:
        """Whether all tensors share one value of the slot `name`: each computes the same new value from it."""
        return False

    def start(self, name: str, param: Array) -> Array | None:
        """The first value of the slot `name`; None where this tensor has no such slot."""
        return np.zeros_like(param)

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        """One step of one tensor; `t` counts from 1."""
        raise NotImplementedError

    @property
    def _shared_counter(self) -> bool:
        return getattr(self, "counter", "parameter") == "optimizer"

    def init(self, params: list[Array]) -> Slots:
        counters = 1 if self._shared_counter else len(params)
        return {
            "step": [np.zeros(()) for _ in range(counters)],
            **{
                name: [self.start(name, p) for p in (params[:1] if self.shared(name) else params)]
                for name in self.slot_names()
            },
        }

    def step(self, params: list[Array], grads: list[Array], slots: Slots) -> tuple[list[Array], Slots]:
        params = list(params)
        before, slots = slots, {name: list(values) for name, values in slots.items()}
        if self._shared_counter:
            slots["step"] = [slots["step"][0] + 1]
        for i, grad in enumerate(grads):
            if grad is None:  # a parameter without a gradient is left alone, as are its slots and counter
                continue
            if self._shared_counter:
                t = slots["step"][0]
            else:
                t = slots["step"][i] = slots["step"][i] + 1
            place = {name: 0 if self.shared(name) else i for name in self.slot_names()}
            params[i], new = self.update(t, params[i], grad, {n: before[n][k] for n, k in place.items()})
            for name, value in new.items():
                slots[name][place[name]] = value
        return params, slots


# Fields that many rules share, with their citations.
def learning_rate(default: float) -> Any:
    return hyper(
        default, within="[0, inf)", base=2.0**-6, cite="the step size of the rule (alpha, eta, gamma or lr)"
    )


def weight_decay(default: float = 0.0, base: float = 0.0) -> Any:
    return hyper(
        default,
        within="[0, inf)",
        base=base,
        probe=0.25,
        cite="Loshchilov & Hutter 2019 (ICLR), Section 2: lambda",
    )


def decay_form(default: str) -> Any:
    return hyper(
        default,
        one_of=("coupled", "decoupled"),
        probe="decoupled" if default == "coupled" else "coupled",
        needs={"weight_decay": 0.25},
        cite="Loshchilov & Hutter 2019, Algorithms 1 and 2: line 6 (coupled, in the gradient) or line 12 "
        "(decoupled, beside the update); multiplied by the learning rate as PyTorch's AdamW and Keras document it",
    )


def maximize() -> Any:
    return hyper(
        False,
        probe=True,
        one_of=(False, True),
        cite="PyTorch documentation, torch.optim (every algorithm): maximize: g_t <- -grad f(theta)",
    )


def directed(reference: Any, param: Array, grad: Array) -> tuple[Array, Array]:
    """What precedes the rule itself: the sign of the gradient, and weight decay in either form."""
    if reference.maximize:
        grad = -grad
    if reference.weight_decay != 0:
        if reference.decay == "coupled":
            grad = grad + reference.weight_decay * param
        else:
            param = param * (1 - reference.learning_rate * reference.weight_decay)
    return param, grad
