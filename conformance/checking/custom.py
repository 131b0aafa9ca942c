"""Compares a custom optimizer with a reference: `from conformance import check`.

    check(MyRAdam, like=reference.RAdam())

runs the cases of that reference on a Keras or torch optimizer that no binding lists. Hyperparameters and slots
with common names are found automatically; others can be given.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from conformance.bindings import BINDINGS
from conformance.bindings import torch as torch_binding
from conformance.bindings.binding import SHAPES, Argument, Entry, own_defaults
from conformance.cases.case import Case
from conformance.cases.optimizers import OptimizerCheck
from conformance.cases.table import cases
from conformance.checking.aliases import arguments_of, known_entries, slots_of
from conformance.checking.result import DoesNotConform, Result
from conformance.errors import BadInput, choose
from conformance.judge import engine
from conformance.judge.diagnosis import Diagnosis, diagnose_all
from conformance.judge.evidence import for_diagnosis
from conformance.judge.examined import Examined
from conformance.judge.ledger import Ledger
from conformance.judge.record import Outcome, Record
from reference import REFERENCES
from reference.base import Reference
from reference.wrapped import Wrapped

MODES = {"torch": (torch_binding.AS_IT_IS,), "keras": ("eager", "graph")}
EXAMINED = 8  # cases for the diagnosis
# The cases that reveal most about a mistake come first, in the diagnosis too.
FIRST = ("probing", "ordinary", "usual-values", "missing", "late", "rate-change", "sparse", "zeros")


def check(
    optimizer: Callable[..., Any],
    like: Reference | type[Reference] | str,
    *,
    arguments: Mapping[str, str | tuple[str, int] | Argument] | None = None,
    slots: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    dtypes: Sequence[str] = ("float64", "float32"),
    modes: Sequence[str] | None = None,
    framework: str | None = None,
    raise_on_failure: bool = True,
) -> Result:
    """Run an optimizer through the cases of a reference; say whether it conforms and, if not, what it does instead.

    Arguments:
        optimizer: a Keras or torch optimizer class, or a function that makes one: from the parameters and
            options in torch (lambda params, lr: ...), from the options alone in Keras (lambda: ...).
        like: the reference, in the published form you mean: reference.RAdam(threshold=5.0). Anything the
            constructor has no argument for takes the value given here, numbers included.
        arguments: the constructor's names of hyperparameters, where they are uncommon:
            {"epsilon": "fuzz", "beta_1": ("decays", 0)}.
        slots: the optimizer's state -> the slot of the reference: {"exp_avg": "m"}. In torch the keys of
            optimizer.state[param], in Keras attributes that hold a list with one variable per parameter.
            The rest is matched by common names. If some slots of the rule cannot be read, the parameters
            are judged over the whole run instead of step by step.
        only: names of cases. Default: all; `result.records` names them.
        dtypes, modes: which ones to run. The modes are "eager" and "graph" in Keras.
        framework: "torch" or "keras", if a function's signature does not tell.
        raise_on_failure: raise DoesNotConform, an AssertionError with the diagnosis as its message.

    The step counter counts the updates of each parameter in torch, and of the optimizer in Keras, as documented.

    Raises BadInput for something that is not an optimizer or a reference, and for unknown names.
    """
    rule = _reference(like)
    if framework is not None:
        choose("framework", framework, BINDINGS)
    own = _Own(optimizer, framework)
    for mode in modes or ():
        choose("modes", mode, MODES[own.framework])
    for dtype in dtypes:
        choose("dtypes", dtype, BINDINGS[own.framework].dtypes)
    entry = _entry(own, rule, arguments or {})
    table = sorted(_cases(entry), key=lambda c: FIRST.index(c.name) if c.name in FIRST else len(FIRST))
    for name in only:
        choose("only", name, [c.name for c in table])
    table = [c for c in table if not only or c.name in only]
    entry, notes = slots_of(entry, own.framework, MODES[own.framework][0], table, slots or {})
    checks = [
        OptimizerCheck.of(own.framework, entry.optimizer, case, dtype, mode, entry)
        for case in table
        for dtype in dtypes
        for mode in modes or MODES[own.framework]
    ]
    result = Result(own.name, _name(rule), [engine.run(c, Ledger(()), explain=False) for c in checks], None, notes)
    if result.of(Outcome.DIVERGES):
        result.diagnosis = _diagnosed(checks, result.records)
    if not result.conforms and raise_on_failure:
        raise DoesNotConform(result)
    return result


def _reference(like: Any) -> Reference:
    if isinstance(like, str):
        like = REFERENCES[choose("like", like.lower(), REFERENCES)]
    if isinstance(like, type) and issubclass(like, Reference):
        like = like()
    if not isinstance(like, Reference) or isinstance(like, Wrapped):
        raise BadInput(
            f"like: {like!r} is not a reference. Give one from the package reference, as in "
            f"like=reference.RAdam(); it has {', '.join(c.__name__ for c in REFERENCES.values())}."
        )
    return like


def _name(rule: Reference) -> str:
    given = [f"{f.name}={getattr(rule, f.name)!r}" for f in fields(rule) if getattr(rule, f.name) != f.default]
    return f"reference.{type(rule).__name__}({', '.join(given)})"


class _Own:
    """The user's optimizer, callable the way the bindings call an optimizer class."""

    def __init__(self, optimizer: Any, framework: str | None):
        if not callable(optimizer):
            kind = type(optimizer)
            made = "an optimizer that is made already" if _framework_of(kind) else "not callable"
            raise BadInput(
                f"optimizer: {optimizer!r} is {made}. Give the class, or a function that makes one: "
                f"check({kind.__name__}, ...) or check(lambda params: {kind.__name__}(params, ...), ...)."
            )
        self.make = optimizer
        cls = getattr(optimizer, "func", optimizer)  # functools.partial
        self.name = getattr(cls, "__name__", type(cls).__name__).replace("<lambda>", "the function's optimizer")
        found = framework or (_framework_of(cls) if isinstance(cls, type) else None)
        if found is None and isinstance(cls, type):
            raise BadInput(
                f"optimizer: {self.name} is not an optimizer class: it inherits neither from torch.optim.Optimizer "
                "nor from tf.keras.optimizers.Optimizer"
            )
        try:
            parameters = list(inspect.signature(optimizer).parameters.values())
        except (TypeError, ValueError) as error:
            raise BadInput(f"optimizer: the signature of {optimizer!r} cannot be read ({error})") from error
        required = [
            p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        # A function that takes parameters makes a torch optimizer; one that takes only options, a Keras optimizer.
        self.framework = found or ("torch" if required else "keras")
        if not BINDINGS[self.framework].versions():
            raise BadInput(f"optimizer: {self.framework} is not installed")
        if self.framework == "torch":
            if not parameters:
                raise BadInput(f"optimizer: {self.name} takes no arguments: a torch optimizer needs the parameters")
            parameters = parameters[1:]
        self.open = any(p.kind is p.VAR_KEYWORD for p in parameters)
        self.__signature__ = inspect.Signature(
            [p.replace(kind=p.KEYWORD_ONLY) for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        )

    def __call__(self, params: Any = None, **options: Any) -> Any:
        made = self.make(params, **options) if self.framework == "torch" else self.make(**options)
        if _framework_of(type(made)) != self.framework:
            raise BadInput(
                f"optimizer: {self.name} returned {made!r}, which is not a {self.framework} optimizer "
                "(use framework= to say which one you mean)"
            )
        return made


def _framework_of(cls: type) -> str | None:
    """Found from the names of its base classes, so that no framework is imported."""
    for base in cls.__mro__:
        root = base.__module__.partition(".")[0]
        if root == "torch" and base.__name__ == "Optimizer":
            return "torch"
        if root in ("keras", "tensorflow", "tf_keras") and "Optimizer" in base.__name__:
            return "keras"
    return None


def _entry(own: _Own, rule: Reference, named: Mapping[str, str | tuple[str, int] | Argument]) -> Entry:
    """An entry like those of a binding."""
    reference = type(rule)
    known = {f.name for f in fields(reference)}
    found = arguments_of(own, own.framework, reference)
    for name, argument in named.items():
        choose("arguments", name, known)
        argument = Argument(*argument) if isinstance(argument, tuple) else argument
        asked = argument if isinstance(argument, str) else argument.name
        if not own.open:
            choose(f"arguments: {name}", asked, own.__signature__.parameters)
        found[name] = argument
    fixed = {f.name: getattr(rule, f.name) for f in fields(reference) if f.name not in found}
    if own.framework == "keras" and "counter" in known:
        fixed["counter"] = "optimizer"
    # Forms that the constructor has an option for: the requested one is the base.
    forms = {
        f.name: getattr(rule, f.name)
        for f in fields(reference)
        if f.name in found and getattr(rule, f.name) != f.default and f.metadata["one_of"]
    }
    modes = (*BINDINGS[own.framework].modes, torch_binding.AS_IT_IS)
    listed = known_entries(reference, own.framework)
    return Entry(
        framework=own.framework,
        optimizer=own.name.lower() if own.name.isidentifier() else "own",
        cls=own.name if own.name.isidentifier() else "optimizer",
        reference=reference,
        arguments=found,
        dialect=fixed,
        base=forms,
        # Its scalars may be Python numbers or tensors: the wider of the two bounds holds for both.
        tensors=frozenset({*known, "step", "average_momentum"} - {"counter"}),
        lacks={
            m: "a custom optimizer runs only in the default mode" for m in modes if m not in MODES[own.framework]
        },
        shapes=listed[0].shapes if listed else SHAPES,
        build=own,
    )


def _cases(entry: Entry) -> list[Case]:
    """The cases of the reference; the one about defaults only if every default is known."""
    given = own_defaults(entry, entry.build)
    whole = all(n in given or n not in {f.name for f in fields(entry.reference)} for n in entry.arguments)
    found = cases(entry)
    if "learning_rate" not in entry.arguments:  # then there may be no way to change it either
        found = [c for c in found if not c.rates and not c.second_group]
    return [c for c in found if whole or c.values != "defaults"]


def _diagnosed(checks: Sequence[OptimizerCheck], records: Sequence[Record]) -> Diagnosis:
    """From the first cases that diverge and, if there is room, some that conform."""
    runs = list(zip(checks, records, strict=True))
    chosen: dict[tuple[str, str], OptimizerCheck] = {}
    for outcome, room in ((Outcome.DIVERGES, EXAMINED - 2), (Outcome.CONFORMS, EXAMINED)):
        for check, record in runs:
            key = (check.name, check.dtype)
            if record.outcome is outcome and key not in chosen and len(chosen) < room:
                chosen[key] = check
    examined = [Examined(for_diagnosis(c.observe(c.plan()))) for c in chosen.values()]
    # If only one mode goes wrong, describe what that mode did.
    found = diagnose_all(examined)
    modes = {r.mode for r in records if r.outcome is Outcome.DIVERGES}
    others = {r.mode for r in records} - modes
    if others:
        found = replace(
            found, hint=f"only {', '.join(sorted(modes))} diverges, {', '.join(sorted(others))} conforms"
        )
    return found
