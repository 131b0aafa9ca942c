"""Where the dialects of two frameworks differ, and how to make their steps the same anyway.

One function per form (a field of a reference that one framework has fixed and the other has not, or has
fixed differently), in `DIFFERENCES`. Given the reference that the source asks for and the value that the
target has fixed, it says what to do: change other arguments, do something outside the optimizer, require
something of the training, or give up and say what is lost. A form without a function is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.bindings.binding import Entry
from conformance.judge.equations import reads_step
from reference.base import Reference


@dataclass(frozen=True)
class Condition:
    """What the training must be like for the steps to be the same."""

    name: str
    says: str


CONSTANT_RATE = Condition("constant learning rate", "the learning rate does not change during training")
EVERY_GRADIENT = Condition("no missing gradients", "every parameter has a gradient at each step")
MATRICES = Condition(
    "hidden matrices alone",
    "Muon gets only matrices, without embeddings, and AdamW gets the rest (Keras' Muon does that by itself)",
)


@dataclass(frozen=True)
class Outside:
    """Something to do outside the optimizer: to the loss, the gradients or the parameters."""

    kind: str
    says: str
    value: float = 0.0


@dataclass(frozen=True)
class Loss:
    """Something the target cannot do, so that its steps differ."""

    says: str
    cure: Mapping[str, Any]  # hyperparameters at which nothing is lost; empty if there are none
    approximate: bool = False  # the steps are close instead of different in kind
    name: str = ""  # for a loss without a cure


@dataclass
class Resolution:
    """What all the differences amount to."""

    changes: dict[str, Any] = field(default_factory=dict)  # hyperparameters for the target
    # Like `changes`, for the steps of the target together with what is done outside it.
    effective: dict[str, Any] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)
    outside: list[Outside] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    def needs(self, condition: Condition) -> None:
        if condition not in self.conditions:
            self.conditions.append(condition)


# Where only a part of the rule reads the step number, and not the part that both frameworks have.
UNCOUNTED = ("Muon",)


def counter(found: Resolution, r: Reference, fixed: str, target: Entry) -> None:
    """If a parameter lacks a gradient at some step, its own counter waits, but the optimizer's does not."""
    counts = reads_step(type(r)) and type(r).__name__ not in UNCOUNTED
    if type(r).__name__ == "Adagrad":
        counts = getattr(r, "learning_rate_decay", 0) != 0
    if counts:
        found.needs(EVERY_GRADIENT)


def velocity(found: Resolution, r: Reference, fixed: str, target: Entry) -> None:
    """With constant eta, the inside velocity is eta times the outside one, and the steps are the same."""
    if r.momentum != 0:
        found.needs(CONSTANT_RATE)


def first_velocity(found: Resolution, r: Reference, fixed: str, target: Entry) -> None:
    """mu 0 + (1 - 0) g is g: only dampening tells the two starts apart, and it is a separate difference."""


def dampening(found: Resolution, r: Reference, fixed: float, target: Entry) -> None:
    if r.momentum != 0 and r.dampening != fixed:
        found.losses.append(
            Loss(
                f"dampening = {r.dampening!r}: {target.cls} has none, and since torch leaves the first gradient "
                "undampened, no learning rate makes up for it",
                {"dampening": fixed},
            )
        )


def decay(found: Resolution, r: Reference, fixed: str, target: Entry) -> None:
    lam = r.weight_decay
    if lam == 0:
        return
    if type(r).__name__ == "SGD" and r.momentum == 0:
        return  # theta - eta (g + lambda theta) is (1 - eta lambda) theta - eta g
    found.effective |= {"decay": r.decay, "weight_decay": lam}
    found.changes["weight_decay"] = 0.0
    if r.decay == "coupled":
        says = (
            f"kernel_regularizer=keras.regularizers.L2({lam / 2!r}) (and bias_regularizer) in every layer: "
            f"the gradient of weight_decay / 2 times the squared norm is weight_decay times the parameter"
        )
        found.outside.append(Outside("regularizer", says, lam))
        # Parameters that the loss does not reach still get a gradient from the regularizer.
        found.needs(EVERY_GRADIENT)
    else:
        says = f"p.mul_(1 - lr * {lam!r}) for every parameter with a gradient, before optimizer.step()"
        found.outside.append(Outside("decay", says, lam))


def maximize(found: Resolution, r: Reference, fixed: bool, target: Entry) -> None:
    if r.maximize:
        found.effective["maximize"] = True
        found.outside.append(Outside("negate", "negate the loss: minimize(-loss)"))


def learning_rate_decay(found: Resolution, r: Reference, fixed: float, target: Entry) -> None:
    rate = r.learning_rate_decay
    if rate == 0:
        return
    found.effective["learning_rate_decay"] = rate
    says = (
        f"learning_rate=keras.optimizers.schedules.InverseTimeDecay({r.learning_rate!r}, 1, {rate!r}); Keras "
        "computes a schedule in float32"
    )
    found.outside.append(Outside("schedule", says, rate))


def epsilon_place(found: Resolution, r: Reference, fixed: str, target: Entry) -> None:
    """epsilon outside the root, inside it, or added before the bias correction: each needs a different value."""
    rule = type(r).__name__
    if rule == "Adafactor":
        _adafactor_epsilon(found, r, fixed)
        return
    eps, cure = r.epsilon, {"epsilon": 0.0}
    if eps == 0:
        return
    if rule == "Adagrad" and fixed == "outside":
        # sqrt(s + epsilon) with s starting at s_0 equals sqrt(s) with s starting at s_0 + epsilon.
        found.changes |= {"initial_accumulator": r.initial_accumulator + eps, "epsilon": 0.0}
    elif rule == "Adamax":
        inside = fixed == "norm"
        says = (
            f"epsilon = {eps!r} is {'beside' if inside else 'in'} the maximum here and "
            f"{'in' if inside else 'beside'} it there: max(beta_2 u, |g| + epsilon) or max(beta_2 u, |g|) + epsilon"
        )
        found.losses.append(Loss(says, cure, approximate=True))
    elif r.epsilon_place == "outside" or fixed == "outside":
        inside = fixed == "inside"
        found.changes["epsilon"] = float(f"{eps**2 if inside else eps**0.5:.12g}")
        says = (
            f"epsilon = {eps!r} is {'outside of' if inside else 'inside'} the root here and "
            f"{'inside' if inside else 'outside of'} it there: {found.changes['epsilon']:.3g} agrees for gradients "
            f"far below and far above epsilon, and is up to {41 if inside else 29} % of a step off between"
        )
        found.losses.append(Loss(says, cure, approximate=True))
    else:
        here, there, factor = ("after", "before", "1 / sqrt(1 - beta_2^t)")
        if fixed not in ("hat", "before"):
            here, there, factor = ("before", "after", "sqrt(1 - beta_2^t)")
        says = (
            f"epsilon = {eps!r} is added {here} the bias correction here and {there} it there, so it counts "
            f"{factor} times as much there until beta_2^t is negligible"
        )
        found.losses.append(Loss(says, cure, approximate=True))


def _adafactor_epsilon(found: Resolution, r: Reference, fixed: str) -> None:
    if r.epsilon_1 != 0:
        ways = {"factors": "added to the squared gradient", "denominator": "a lower bound of denominators"}
        says = f"epsilon_1 = {r.epsilon_1!r} is {ways[r.epsilon_place]} here and {ways[fixed]} there"
        found.losses.append(Loss(says, {"epsilon_1": 0.0}, approximate=True))


def buffer(found: Resolution, r: Reference, fixed: str, target: Entry) -> None:
    """A sum is an average times 1 / (1 - mu), and orthogonalizing removes the scale, except for a tiny epsilon."""


def orthogonal_in(found: Resolution, r: Reference, fixed: str, target: Entry) -> None:
    says = "torch orthogonalizes in bfloat16, Keras in the precision of the variable"
    found.losses.append(Loss(says, {}, approximate=True, name="up to the rounding of bfloat16"))


def shape_factor(found: Resolution, r: Reference, fixed: str, target: Entry) -> None:
    """torch scales a tall matrix if no rate is given; given one, both scale by it."""
    if r.rms_rate is None:
        says = "without a rate torch scales by sqrt(max(1, rows / columns)), Keras by 1"
        found.losses.append(Loss(says, {"rms_rate": 0.2}))


def epsilon(found: Resolution, r: Reference, fixed: float, target: Entry) -> None:
    """Keras' Muon has a fixed epsilon, negligible beside the norm of a matrix unless torch's is large."""
    if type(r).__name__ != "Muon":
        unasked(found, "epsilon", r, fixed, target)
        return
    says = f"epsilon = {r.epsilon!r}: {target.cls} always adds {fixed!r} to the norm of a matrix"
    found.losses.append(Loss(says, {}, approximate=True, name="epsilon far below the norm"))


def others(found: Resolution, r: Reference, fixed: Any, target: Entry) -> None:
    """What Keras' Muon does with anything but hidden matrices."""
    found.needs(MATRICES)


def unasked(found: Resolution, name: str, r: Reference, fixed: Any, target: Entry) -> None:
    """A form or hyperparameter without a function here: the target has no way to ask for it."""
    value = getattr(r, name)
    reason = target.lacks.get(name, "")
    says = reason or f"{name} = {value!r}: {target.cls} has no argument for it and always uses {fixed!r}"
    found.losses.append(Loss(says, {name: fixed}))


Difference = Callable[[Resolution, Reference, Any, Entry], None]
# Form -> the function for it.
DIFFERENCES: dict[str, Difference] = {
    "counter": counter,
    "velocity": velocity,
    "first_velocity": first_velocity,
    "dampening": dampening,
    "decay": decay,
    "maximize": maximize,
    "learning_rate_decay": learning_rate_decay,
    "epsilon_place": epsilon_place,
    "buffer": buffer,
    "orthogonal_in": orthogonal_in,
    "shape_factor": shape_factor,
    "epsilon": epsilon,
    # What Keras' Muon does with tensors other than hidden matrices.
    "others": others,
    "embeddings": others,
    "exclude_embeddings": others,
    "excluded": others,
    "adam_lr_ratio": others,
    "adam_weight_decay": others,
    "adam_beta_1": others,
    "adam_beta_2": others,
    "adam_epsilon": others,
}
