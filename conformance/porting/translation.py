"""Translates an optimizer's constructor call to the other framework: torch -> reference -> Keras, and back.

    from conformance import translate
    there = translate("RMSprop", {"lr": 0.01, "alpha": 0.95, "momentum": 0.9})
    there.call         'tf.keras.optimizers.RMSprop(learning_rate=0.01, rho=0.95, momentum=0.9, epsilon=1e-16)'
    there.conditions   the steps are the same while the learning rate is constant
    there.losses       epsilon is outside of the root here and inside it there

No framework is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from conformance.bindings import BINDINGS, binding
from conformance.bindings.binding import Entry, Unsupported, to_arguments, to_reference
from conformance.errors import BadInput, choose
from conformance.porting import dialects
from conformance.porting.dialects import Condition, Loss, Outside, Resolution
from conformance.porting.map_data import defaults_of
from conformance.porting.map_rows import without_entry, without_equivalent
from conformance.porting.status import Status
from reference.base import Reference
from reference.wrapped import Wrapped


class NoEquivalent(BadInput):
    """The other framework has nothing with this rule; the message says what to do instead."""


@dataclass(frozen=True)
class Translation:
    """A constructor call in the other framework, and what must hold for it to take the same steps."""

    source: str
    target: str
    optimizer: str  # the class there
    arguments: dict[str, Any]  # of the call there; omitted arguments have the default there
    conditions: tuple[Condition, ...]  # what the training must be like
    outside: tuple[Outside, ...]  # what must be done outside the optimizer
    losses: tuple[Loss, ...]  # what differs in spite of all that
    call: str
    reference: Reference = field(repr=False)  # what the other framework is asked for
    effective: Reference = field(repr=False)  # what it does, including what is done outside it

    @property
    def status(self) -> Status:
        """The status of this call. CONDITIONAL with losses: close steps; NONE: the nearest call there is."""
        if any(not loss.approximate for loss in self.losses):
            return Status.NONE
        if self.conditions or self.outside or self.losses:
            return Status.CONDITIONAL
        return Status.EXACT

    @property
    def exact(self) -> bool:
        """Whether the steps are the same, whatever the training is like."""
        return self.status is Status.EXACT


def translate(
    optimizer: str, arguments: Mapping[str, Any] | None = None, source: str = "torch", target: str = "keras"
) -> Translation:
    """The call in `target` that takes the same steps as a call in `source`, or the nearest one.

    Arguments:
        optimizer: the class, in upper or lower case: "NAdam".
        arguments: the keyword arguments of its constructor, without the parameters. Default: its defaults.
        source, target: "torch" and "keras", either way.

    Raises BadInput for a name, an argument or a value that `source` does not accept, and NoEquivalent if
    `target` has nothing with this rule.
    """
    binding(source)
    binding(target)
    if source == target:
        raise BadInput(f"source and target: both are {source!r}. Allowed: two frameworks, torch and keras.")
    entry = find(optimizer, source)
    there = counterpart(entry, source, target)
    return of_reference(reference_of(entry, source, arguments or {}), entry, there, source, target)


def find(optimizer: str, framework: str) -> Entry:
    """The entry of an optimizer, by class; BadInput lists the known ones."""
    entries = BINDINGS[framework].entries
    name = optimizer.lower()
    if name not in entries and without_entry(name, framework):
        raise NoEquivalent(without_entry(name, framework))
    return entries[choose("optimizer", name, entries)]


def counterpart(entry: Entry, source: str, target: str) -> Entry:
    """The other framework's entry for the same rule."""
    found = BINDINGS[target].entries.get(entry.optimizer)
    if found is None or found.reference is not entry.reference:
        raise NoEquivalent(without_equivalent(entry.optimizer, source))
    return found


def reference_of(entry: Entry, framework: str, arguments: Mapping[str, Any]) -> Reference:
    """The reference that a constructor call stands for, including its defaults."""
    known = defaults_of(framework, entry)
    used = {a.name for a in map(entry.argument, entry.arguments) if a} | {
        a.when for a in map(entry.argument, entry.arguments) if a
    }
    for name, value in arguments.items():
        choose(f"{entry.cls}, argument", name, known)
        plain = value if isinstance(value, tuple | list) else (value,)
        if name in used and not all(v is None or isinstance(v, int | float | str) for v in plain):
            raise BadInput(
                f"{entry.cls}, {name}: {value!r} is {type(value).__name__}; only numbers are translated. Translate "
                "the call with a number, and the schedule by itself."
            )
    try:
        return to_reference(entry, {**known, **arguments})
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        raise BadInput(f"{entry.cls}: {error}") from error


def of_reference(
    reference: Reference, entry: Entry, there: Entry, source: str, target: str, resolve: bool = True
) -> Translation:
    """The translation of a call's reference."""
    inner = reference.inner if isinstance(reference, Wrapped) else reference
    found = resolution(inner, there)
    if isinstance(reference, Wrapped):
        _unwrapped(found, reference, there)
    asked = replace(inner, **found.changes)
    try:
        arguments = to_arguments(there, asked)
    except Unsupported as reason:
        raise NoEquivalent(f"{source} {entry.cls} to {target}: {reason}") from reason
    known = defaults_of(target, there)
    written = {k: v for k, v in arguments.items() if k not in known or (known[k] is not v and known[k] != v)}
    call = BINDINGS[target].call(there, [", ".join(f"{k}={v!r}" for k, v in written.items())])
    return Translation(
        source,
        target,
        there.cls,
        written,
        tuple(found.conditions),
        tuple(found.outside),
        tuple(found.losses),
        call,
        asked,
        replace(asked, **found.effective),
    )


def resolution(reference: Reference, there: Entry) -> Resolution:
    """What the differences between the dialects amount to at these hyperparameters."""
    found = Resolution()
    neutral = there.reference()
    for f in fields(reference):
        if there.argument(f.name) is not None:
            continue
        value, fixed = getattr(reference, f.name), there.dialect.get(f.name, getattr(neutral, f.name))
        if value == fixed:
            continue
        found.changes[f.name] = fixed
        difference = dialects.DIFFERENCES.get(f.name)
        if difference is not None:
            difference(found, reference, fixed, there)
        else:
            dialects.unasked(found, f.name, reference, fixed, there)
    return found


# What Keras wraps around every rule, in torch terms.
AROUND = {
    "clip_value": "torch.nn.utils.clip_grad_value_(params, {0!r}) before optimizer.step()",
    "clip_norm": "torch.nn.utils.clip_grad_norm_([p], {0!r}) for each parameter p separately, before "
    "optimizer.step(); it adds 1e-6 to the norm",
    "global_clip_norm": "torch.nn.utils.clip_grad_norm_(params, {0!r}) before optimizer.step(); it adds 1e-6 to "
    "the norm",
    "average_momentum": "torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn({0!r})), "
    "updated after each step",
    "overwrite_every": "every {0!r} steps, copy the averaged model's parameters into the model",
    "loss_scale": "divide the gradients by {0!r} before optimizer.step(), as torch.amp.GradScaler does",
    "accumulation_steps": "divide the loss by {0!r} and call optimizer.step() and zero_grad() every {0!r} batches",
}


def _unwrapped(found: Resolution, around: Wrapped, there: Entry) -> None:
    for name, says in AROUND.items():
        value = getattr(around, name)
        if value is not None:
            found.outside.append(Outside(name, says.format(value), float(value)))
