"""The map as derived from the bindings, for every row and each way: uses, conditions, arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from conformance.bindings.binding import Argument, Entry
from conformance.porting.dialects import Condition, Loss
from conformance.porting.map_data import defaults_of
from conformance.porting.map_rows import CONDITIONAL, EXACT, NONE, ROWS, MapRow
from conformance.porting.status import Status
from conformance.porting.translation import Translation, of_reference
from reference.base import Reference

DIRECTIONS = (("torch", "keras"), ("keras", "torch"))


# ---------------------------------------------------------------- what is derived: the uses of a row


@dataclass(frozen=True)
class Use:
    """A row in one direction with one of its options: what must hold for the steps to be the same."""

    row: MapRow
    source: str
    target: str
    name: str  # "plain", or the option's name in the case table
    overrides: Mapping[str, Any]
    plain: Translation  # as asked for
    cured: Translation  # at values where nothing is lost
    cures: tuple[Loss, ...]

    @property
    def id(self) -> str:
        return f"{self.source}-{self.row.optimizer}-{self.name}"

    @property
    def status(self) -> Status:
        """NONE if the option itself is lost."""
        hard = any(not loss.approximate for loss in self.cured.losses)
        if hard or any(set(loss.cure) & set(self.overrides) for loss in self.cures):
            return NONE
        return CONDITIONAL if self.conditions else EXACT

    @property
    def values(self) -> tuple[str, ...]:
        """The conditions on hyperparameters, in the source's terms."""
        entry = self.row.entry(self.source)
        found = [item for loss in self.cures for item in loss.cure.items()]
        return tuple(dict.fromkeys(shown(entry, name, value) for name, value in found))

    @property
    def conditions(self) -> tuple[str, ...]:
        """All conditions, by short name."""
        training = tuple(c.name for c in self.cured.conditions)
        outside = tuple(OUTSIDE.get(o.kind, o.kind) for o in self.cured.outside)
        return self.values + training + outside + tuple(loss.name for loss in self.cured.losses if loss.name)

    @property
    def needs(self) -> tuple[Condition, ...]:
        return self.cured.conditions


OUTSIDE = {
    "regularizer": "weight decay as a regularizer",
    "negate": "negated loss",
    "decay": "weight decay by hand",
    "schedule": "a schedule",
}


def argument_name(entry: Entry | None, name: str) -> str:
    """The framework's name of a hyperparameter: "betas[0]"."""
    argument = entry.argument(name) if entry else None
    if argument is None:
        return name
    return argument.name + ("" if argument.item is None else f"[{argument.item}]")


def shown(entry: Entry | None, name: str, value: Any) -> str:
    """A hyperparameter as users of the framework write it: "eps = 0"."""
    argument = entry.argument(name) if entry else None
    value = argument.to(value) if argument else value
    return f"{argument_name(entry, name)} = {0 if value == 0 and value is not False else value!r}"


def base_reference(entry: Entry, overrides: Mapping[str, Any]) -> Reference:
    """The rule in the framework's dialect, with values that are exact in every precision."""
    start = {f.name: f.metadata["base"] for f in fields(entry.reference)}
    start = {n: v for n, v in start.items() if n not in entry.lacks}
    return entry.reference(**{**start, **entry.base, **entry.dialect, **overrides})


def uses(row: MapRow, source: str, target: str) -> list[Use]:
    """The plain rule, and every option with conditions or losses of its own."""
    if not row.paired:
        return []
    here = row.entry(source)
    plain = use_of(row, source, target, "plain", {})
    found, seen = [plain], set(_signature(plain))
    for f in fields(here.reference):
        probe, form = f.metadata["probe"], bool(f.metadata["one_of"])
        if probe is None or here.argument(f.name) is None:
            continue
        if probe == here.base.get(f.name):
            probe = next(v for v in f.metadata["one_of"] if v != probe)
        there = row.entry(target)
        if not form and there.argument(f.name) is None and f.default != there.dialect.get(f.name, f.default):
            probe = f.default  # a hyperparameter the target lacks: as published
        use = use_of(row, source, target, f.name.replace("_", "-"), {**f.metadata["needs"], f.name: probe})
        if form or f.name == "weight_decay" or _signature(use) != _signature(plain):
            found.append(use)
            seen |= set(_signature(use))
    for name, chosen in here.reference.combinations.items():
        known = {f.name for f in fields(here.reference)}
        if set(chosen) <= known and all(here.argument(k) is not None for k in chosen):
            use = use_of(row, source, target, name, dict(chosen))
            if not set(_signature(use)) <= seen | {""}:
                found.append(use)
                seen |= set(_signature(use))
    return found


def use_of(row: MapRow, source: str, target: str, name: str, overrides: Mapping[str, Any]) -> Use:
    """A row with these hyperparameters, changed until nothing is lost."""
    here, there = row.entry(source), row.entry(target)
    reference = base_reference(here, overrides)
    asked = of_reference(reference, here, there, source, target)
    cured, cures, translated = reference, [], asked
    while loss := next((found for found in translated.losses if found.cure), None):
        cures.append(loss)
        cured = replace(cured, **loss.cure)
        translated = of_reference(cured, here, there, source, target)
    return Use(row, source, target, name, overrides, asked, translated, tuple(cures))


def _signature(use: Use) -> tuple[str, ...]:
    return use.conditions or ("",)


def status(row: MapRow, source: str) -> Status:
    """The derived status of a row, that of its plain use; the declared one if there are no entries yet."""
    target = "keras" if source == "torch" else "torch"
    found = uses(row, source, target)
    return found[0].status if found else row.status(source)


# ---------------------------------------------------------------- what is derived: arguments and defaults


@dataclass(frozen=True)
class ArgumentPair:
    """An argument of one framework, and its name in the other."""

    torch: str
    keras: str
    torch_default: Any
    keras_default: Any
    says: str = ""

    @property
    def differs(self) -> bool:
        both = bool(self.torch and self.keras)
        return both and (self.torch_default or 0) != (
            self.keras_default or 0
        )  # None and 0 both mean no weight decay


WITHOUT = {
    "maximize": "negate the loss: minimize(-loss)",
    "dampening": "no equivalent",
    "decay": "False is a regularizer in Keras; True is Keras' weight_decay",
    "learning_rate_decay": "learning_rate=schedules.InverseTimeDecay(lr, 1, lr_decay)",
    "momentum_decay": "always 1 in Keras",
}
PAIRED = {
    "decay": "the form of weight_decay",
    "rho": "the same number",
    "initial_accumulator": "the same number",
}


def argument_pairs(row: MapRow) -> list[ArgumentPair]:
    """Every hyperparameter under both names, with both defaults."""
    if not row.paired:
        return []
    torch, keras = row.entry("torch"), row.entry("keras")
    found = []
    for f in fields(torch.reference):
        a, b = torch.argument(f.name), keras.argument(f.name)
        if a is None and b is None:
            continue
        says = PAIRED.get(f.name, "") if a and b else WITHOUT.get(f.name, "no equivalent")
        found.append(
            ArgumentPair(
                argument_name(torch, f.name) if a else "",
                argument_name(keras, f.name) if b else "",
                _default("torch", torch, a),
                _default("keras", keras, b),
                _says(row, f.name, says),
            )
        )
    return found


def _says(row: MapRow, name: str, otherwise: str) -> str:
    """What `translate` says about epsilon and weight decay."""
    torch, keras = row.entry("torch"), row.entry("keras")
    forms = [e.dialect.get("epsilon_place", getattr(e.reference(), "epsilon_place", None)) for e in (torch, keras)]
    if name == "initial_accumulator" and row.optimizer == "adagrad":
        return "torch's is Keras' plus epsilon, with eps = 0"
    if name == "epsilon" and forms[0] != forms[1] and None not in forms:
        if row.optimizer == "adagrad":
            return "Keras' goes into torch's initial_accumulator_value; the other way, only 0 is the same"
        return f"{forms[0]} in torch, {forms[1]} in Keras: only 0 is the same"
    if name == "weight_decay" and torch.dialect.get("decay") == "coupled":
        alone = ", unless momentum is 0" if row.optimizer == "sgd" else ""
        return f"torch's is kernel_regularizer=L2(weight_decay / 2){alone}; Keras' is p.mul_(1 - lr weight_decay)"
    return otherwise


def _default(framework: str, entry: Entry, argument: Argument | None) -> Any:
    if argument is None:
        return None
    value = defaults_of(framework, entry).get(argument.name)
    return value[argument.item] if argument.item is not None and isinstance(value, tuple) else value


# ---------------------------------------------------------------- the naive port

SPELLINGS = {"lr": "learning_rate", "eps": "epsilon", "betas[0]": "beta_1", "betas[1]": "beta_2"}
SPELLINGS |= {"beta2_decay": "beta_2_decay"}
BACK = {there: here for here, there in SPELLINGS.items()}


def naive(entry: Entry, there: Entry, source: str, target: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The port by name: arguments with the same name are copied, the rest keep the other framework's defaults."""
    known = defaults_of(target, there)
    flat: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, tuple):
            flat.update({f"{name}[{i}]": v for i, v in enumerate(value)})
        else:
            flat[name] = value
    found: dict[str, Any] = {}
    for name, value in flat.items():
        other = (SPELLINGS if source == "torch" else BACK).get(name, name)
        head, _, item = other.rstrip("]").partition("[")
        if head not in known:
            continue
        if item:
            parts = list(found.get(head, known[head]))
            parts[int(item)] = value
            found[head] = tuple(parts)
        else:
            found[head] = value
    return found


def directed() -> Iterator[tuple[MapRow, str, str]]:
    """Every row, each way."""
    for row in ROWS:
        for source, target in DIRECTIONS:
            if row.cls(source):
                yield row, source, target
