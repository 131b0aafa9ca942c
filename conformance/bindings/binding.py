"""A binding: the small adapter between one framework and the references.

A binding lists one `Entry` for each optimizer of the framework, and does three things with it:
translate constructor arguments to and from the reference, drive the optimizer one step at a time, and
read its state under the reference's slot names. It imports its framework only when it is used.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Protocol

import numpy as np

from reference.base import Reference
from reference.formats import Format
from reference.rows import Rows
from reference.wrapped import Wrapped

Shapes = tuple[tuple[int, ...], ...]

BACKENDS = ("tensorflow", "jax", "torch")  # what Keras computes with
SHAPES: Shapes = ((), (7,), (5, 11))  # a scalar, a vector and a matrix: most optimizers take these


class Unsupported(Exception):
    """The framework has no such optimizer, option, mode or call; the message is the reason."""


class UndeclaredSlot(RuntimeError):
    """State of the framework that the binding does not name, and that would go unchecked."""


@dataclass(frozen=True)
class Argument:
    """The constructor argument for a hyperparameter, where more than the name differs."""

    name: str
    item: int | None = None  # the place within a tuple argument, as in betas=(beta_1, beta_2)
    when: str = ""  # the flag argument that turns it on
    to: Callable[[Any], Any] = lambda value: value  # reference -> constructor
    back: Callable[[Any], Any] = lambda value: value  # constructor -> reference


@dataclass(frozen=True)
class Slot:
    """The framework's state for a slot, where more than the name differs."""

    name: str
    back: Callable[[np.ndarray], np.ndarray]  # framework -> reference
    to: Callable[[np.ndarray], np.ndarray]  # reference -> framework


@dataclass(frozen=True)
class Entry:
    """One optimizer of one framework, described in the reference's terms."""

    optimizer: str  # lower case, as in test ids: "adam"
    cls: str  # the class, as the framework's users import it: "Adam"
    reference: type[Reference]
    arguments: Mapping[str, str | Argument]  # hyperparameter -> constructor argument
    dialect: Mapping[str, Any] = field(default_factory=dict)  # forms fixed by the framework
    base: Mapping[str, Any] = field(default_factory=dict)  # its defaults for forms that are options there
    slots: Mapping[str, str | Slot] = field(default_factory=dict)  # the framework's slot -> the reference's
    scratch: frozenset[str] = frozenset()  # state that the framework keeps but never reads again
    lacks: Mapping[str, str] = field(default_factory=dict)  # mode, hyperparameter or case -> why there is none
    shapes: Shapes = SHAPES  # of the tensors that it takes
    names: Mapping[int, str] = field(default_factory=dict)  # tensor names, where they matter
    # Hyperparameters that the framework turns into tensors, so that anything computed from them alone is
    # rounded to the tensor's precision. The others are Python numbers, in float64.
    tensors: frozenset[str] = frozenset()
    cases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # cases of this framework alone
    # Cases of what the framework's documentation, or the paper it cites, promises but its dialect does not do:
    # the constructor cannot ask for it, so they run with the default, and the ledger has a row for each.
    promised: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    not_update: Mapping[str, str] = field(default_factory=dict)  # arguments that change no update -> why
    module: str = ""  # where the class is, if not in the framework's own module: "somebodys_package.optimizers"
    framework: str = ""  # the framework that it belongs to
    kind: ClassVar[str] = "optimizer"
    # How to construct a custom optimizer (conformance.checking). Any of its state that `slots` does not name is
    # not compared, whereas undeclared state of the framework's own optimizers is an error.
    build: Callable[..., Any] | None = None

    def path(self, package: str) -> str:
        """The class as users write it."""
        return self.cls if self.build else f"{self.module or package}.{self.cls}"

    def argument(self, name: str) -> Argument | None:
        found = self.arguments.get(name)
        return Argument(found) if isinstance(found, str) else found

    def slot(self, name: str) -> Slot:
        """The reference's slot for the framework's slot."""
        found = self.slots[name]
        return Slot(found, lambda x: x, lambda x: x) if isinstance(found, str) else found


@dataclass
class State:
    """An implementation's state after a step, under the reference's names, as float64 or int arrays."""

    params: list[np.ndarray]
    slots: dict[str, list[np.ndarray | None]]


@dataclass(frozen=True)
class Group:
    """The tensors of one parameter group and the reference for them."""

    tensors: tuple[int, ...]
    reference: Reference


class Driver(Protocol):
    """An optimizer of the framework with its parameters, driven one step at a time."""

    def step(self, grads: Sequence[np.ndarray | Rows | None]) -> None: ...

    def set_learning_rate(self, value: float) -> None: ...

    def resumed(self) -> Driver:
        """A new optimizer with new parameters and all state, transferred as users save and restore it."""
        ...

    def read(self) -> State: ...

    def done(self) -> None:
        """The run is over."""


class Binding(Protocol):
    """One framework."""

    framework: str
    extra: str  # the extra of pyproject.toml that installs it
    pinned: tuple[str, ...]  # versions pinned by CI: with these, an uncovered option fails
    modes: tuple[str, ...]
    dtypes: tuple[str, ...]
    entries: Mapping[str, Entry]

    def versions(self) -> dict[str, str]: ...

    def constructor(self, entry: Entry) -> Callable[..., Any]: ...

    def arguments(self, entry: Entry, reference: Reference, mode: str) -> dict[str, Any]: ...

    def classes(self) -> list[str]: ...

    def formats(self, dtype: str) -> Format: ...

    def mode_reason(self, entry: Entry, mode: str) -> str: ...

    def start(
        self, entry: Entry, groups: Sequence[Group], params: Sequence[np.ndarray], dtype: str, mode: str
    ) -> Driver: ...


def class_of(entry: Entry, package: Any, described: str) -> Callable[..., Any]:
    """The class of an entry, from its own module or the framework's. Unsupported if there is none."""
    if entry.module:
        try:
            home = importlib.import_module(entry.module)
            return getattr(home, entry.cls)
        except (ImportError, AttributeError) as error:
            raise Unsupported(str(error)) from error
    found = getattr(package, entry.cls, None)
    if found is None:
        raise Unsupported(f"{described} has no {entry.kind} {entry.cls}")
    return found


@cache
def installed_version(module: str) -> str | None:
    """The installed version of a module's distribution, without importing it: a release, a nightly, a build."""
    for distribution in _providers().get(module, [module]):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


@cache
def _providers() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def dialect_of(entry: Entry, **overrides: Any) -> Reference:
    """The reference in the framework's forms."""
    return entry.reference(**{**entry.dialect, **overrides})


def to_arguments(entry: Entry, reference: Reference) -> dict[str, Any]:
    """The constructor arguments that ask the framework for this reference; Unsupported says what it lacks."""
    arguments: dict[str, Any] = {}
    if isinstance(reference, Wrapped):
        around = _translated(entry, reference, Wrapped(), {})
        arguments.update({k: v for k, v in around.items() if v is not None})
        reference = reference.inner
    neutral = entry.reference()
    arguments.update(_translated(entry, reference, neutral, entry.dialect))
    return arguments


def _translated(entry: Entry, reference: Reference, neutral: Reference, fixed: Mapping[str, Any]) -> dict:
    arguments: dict[str, Any] = {}
    for f in fields(reference):
        if f.name == "inner":
            continue
        value, argument = getattr(reference, f.name), entry.argument(f.name)
        if argument is None:
            promised = any(case.get(f.name) == value for case in entry.promised.values())
            if value != fixed.get(f.name, getattr(neutral, f.name)) and not promised:
                raise Unsupported(
                    entry.lacks.get(f.name) or f"{entry.cls} has no argument for {f.name} = {value!r}"
                )
            continue
        value = argument.to(value)
        if argument.when and value is not None:
            arguments[argument.when] = True
        if argument.item is None:
            arguments[argument.name] = value
        else:
            items = dict(arguments.get(argument.name, {}))
            items[argument.item] = value
            arguments[argument.name] = items
    return {k: tuple(v[i] for i in sorted(v)) if isinstance(v, dict) else v for k, v in arguments.items()}


def to_reference(entry: Entry, arguments: Mapping[str, Any]) -> Reference:
    """The reference for a constructor call: the inverse of `to_arguments`."""
    values = dict(entry.dialect)
    outer: dict[str, Any] = {}
    wrapping = {f.name for f in fields(Wrapped)} - {"inner"}
    for name in entry.arguments:
        argument = entry.argument(name)
        if argument is None or argument.name not in arguments:
            continue
        if argument.when and not arguments.get(argument.when):
            continue
        value = arguments[argument.name]
        value = argument.back(value if argument.item is None else value[argument.item])
        (outer if name in wrapping else values)[name] = value
    values = {k: v for k, v in values.items() if v is not None}
    reference = entry.reference(**values)
    outer = {k: v for k, v in outer.items() if v is not None}
    return Wrapped(inner=reference, **outer) if outer else reference


def own_defaults(entry: Entry, constructor: Callable[..., Any]) -> dict[str, Any]:
    """The hyperparameters with a constructor default, and that default in the reference's terms."""
    given, found = defaults(constructor), {}
    for name in entry.arguments:
        argument = entry.argument(name)
        value = given.get(argument.name, inspect.Parameter.empty)
        if value is not inspect.Parameter.empty and value is not None and not argument.when:
            found[name] = argument.back(value if argument.item is None else value[argument.item])
    return found


def opaque(entry: Entry, groups: Sequence[Group]) -> bool:
    """Whether some slots of the rule cannot be read, so that steps cannot be judged one by one."""
    readable = {*(entry.slot(name).name for name in entry.slots), "step", "calls"}
    if entry.build is None:  # the state of the framework's own optimizers is declared
        return False
    params = [np.zeros(shape) for shape in entry.shapes]
    return any(set(g.reference.init(params)) - readable - set(g.reference.schedule) for g in groups)


def defaults(constructor: Callable[..., Any]) -> dict[str, Any]:
    """The arguments of a constructor with their defaults, read from the installed class."""
    skip = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = inspect.signature(constructor).parameters.values()
    return {p.name: p.default for p in parameters if p.kind not in skip and p.name not in ("params", "self")}


def departures(constructor: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that differ from the default: those that a user would write."""
    known = defaults(constructor)
    return {k: v for k, v in arguments.items() if k not in known or (known[k] is not v and known[k] != v)}
