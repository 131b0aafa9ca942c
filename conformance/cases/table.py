"""The static table of all cases, made without importing a framework.

Most of it writes itself: every optimizer runs on every problem, every option that a reference declares a
probing value for is a case, and so is every combination that the reference names. What only one framework
has is in its binding's entry.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar

from conformance.bindings import BINDINGS
from conformance.bindings.base import Entry, Group, defaults, to_reference
from conformance.cases import problems
from conformance.errors import BadInput, choose
from conformance.judge.record import SELECTIONS
from reference.base import Reference
from reference.rows import Rows
from reference.wrapped import Wrapped


@dataclass(frozen=True)
class Case:
    """A problem, the hyperparameters that are not the base values, and why it exists."""

    name: str
    why: str
    problem: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    wrapping: Mapping[str, Any] = field(default_factory=dict)  # fields of `Wrapped`
    rates: Mapping[int, float] = field(default_factory=dict)  # step, counted from 1 -> learning rate from there on
    second_group: Mapping[str, Any] = field(default_factory=dict)  # the overrides of tensor 1
    # "base": made for probing; "ordinary": as people use them; "defaults": none given; "given": those of a call
    values: str = "base"
    given: tuple[tuple[str, Any], ...] = ()  # arguments of the constructor
    everywhere: bool = False  # in the costly modes too
    steps: int = problems.STEPS
    free_steps: int | None = None  # how far the reference runs by itself; None: as far as it resolves
    shapes: problems.Shapes | None = None  # of other tensors than the optimizer usually has
    resumed_at: int | None = None  # before this step all state is saved and restored in a new optimizer
    once: bool = False  # once a dtype, in another mode: what it is about is the same code for all optimizers
    seeds: tuple[int, ...] = (0,)  # several: stacked as elements, for rules that are elementwise
    kept_for: str = ""  # the reason to have it, where no planted mistake can be seen in it

    @property
    def plain(self) -> bool:
        """Whether it is the base values on a problem, and nothing else."""
        asks = (
            self.overrides,
            self.wrapping,
            self.rates,
            self.second_group,
            self.given,
            self.shapes,
            self.resumed_at,
        )
        return self.values == "base" and self.seeds == (0,) and not any(asks)

    def data(self, entry: Entry) -> problems.Problem:
        """The parameters and gradients."""
        return problems.stacked(self.problem, self.steps, self.seeds, self.shapes or entry.shapes)

    def reference(self, entry: Entry, constructor: Any = None) -> Reference:
        """The reference of this case in the dialect of the framework."""
        if self.values in ("defaults", "given"):
            return to_reference(entry, {**defaults(constructor), **dict(self.given)})
        known = {f.name: f for f in fields(entry.reference)}
        start = {n: f.metadata["base"] if self.values == "base" else f.default for n, f in known.items()}
        inner = entry.reference(**{**start, **entry.base, **entry.dialect, **self.overrides})
        return Wrapped(inner=inner, **self.wrapping) if self.wrapping else inner

    def groups(self, entry: Entry, constructor: Any = None) -> list[Group]:
        """The parameter groups: one of all tensors, or two."""
        first = self.reference(entry, constructor)
        everything = tuple(range(len(self.data(entry).params)))
        if not self.second_group:
            return [Group(everything, first)]
        second = type(first)(**{**vars(first), **self.second_group})
        return [Group(tuple(i for i in everything if i != 1), first), Group((1,), second)]


@dataclass(frozen=True)
class Instance:
    """A case of one optimizer in one framework, dtype and mode."""

    framework: str
    optimizer: str
    case: Case
    dtype: str
    mode: str
    own: Entry | None = None  # of an optimizer that no binding lists

    area: ClassVar[str] = "optimizers"

    @property
    def id(self) -> str:
        return f"{self.framework}-{self.optimizer}-{self.case.name}-{self.dtype}-{self.mode}"

    @property
    def entry(self) -> Entry:
        return self.own or BINDINGS[self.framework].entries[self.optimizer]

    @property
    def name(self) -> str:
        return self.case.name

    @property
    def why(self) -> str:
        return self.case.why

    @property
    def needs(self) -> tuple[str, ...]:
        """The frameworks that have to be installed."""
        return (self.framework,)


# What every optimizer has to do, whatever its options.
BEHAVIOUR: tuple[Case, ...] = (
    Case("probing", "gradients of every size and pattern at once", "probing", everywhere=True),
    Case(
        "ordinary",
        "normal gradients, hyperparameters that every precision represents",
        "ordinary",
        everywhere=True,
    ),
    Case(
        "defaults",
        "the constructor called with nothing but the parameters",
        "ordinary",
        values="defaults",
        steps=problems.OPTION_STEPS,
        kept_for="the defaults are those of the installed class: without one there is nothing to run",
    ),
    Case(
        "usual-values",
        "hyperparameters as people write them (0.9, 0.999), which binary numbers only approximate",
        "probing",
        values="ordinary",
        steps=problems.OPTION_STEPS,
    ),
    *(
        Case(name, problems.problem(name).why, name)
        for name in ("zeros", "tiny", "huge", "constant", "shrinking", "flipping", "sparse", "vanishing")
    ),
    Case("missing", problems.problem("missing").why, "missing"),
    Case("late", problems.problem("late").why, "late"),
    Case("twins", problems.problem("twins").why, "twins", once=True),
    Case(
        "resumed",
        "saved after step 5 and restored in a new optimizer: nothing is lost",
        "ordinary",
        resumed_at=6,
        once=True,
    ),
    Case(
        "rate-change",
        "a learning rate that goes up and down in mid-run: seen at once, and nowhere kept",
        "ordinary",
        rates={4: 2.0**-4, 5: 2.0**-9, 9: 2.0**-5},
        everywhere=True,
    ),
)
ABOUT_STATE = ("twins", "resumed")
ABOUT_STEPS = ("missing", "late", "rate-change")  # and once more where a rule can have more slots
TWO_GROUPS = "two parameter groups: the second has a learning rate of its own, and nothing leaks"


def _behaviour(entry: Entry) -> Iterator[Case]:
    """What every optimizer has to do; what is about state, with all slots that the rule can have."""
    stateful = {n: v for n, v in entry.reference.stateful.items() if n not in entry.dialect}
    for case in BEHAVIOUR:
        steps = entry.steps.get(case.name, case.steps)
        yield replace(case, steps=steps, overrides=stateful if case.name in ABOUT_STATE else {})
        if stateful and case.name in ABOUT_STEPS:
            why = f"{case.why}; {_listed(stateful)}"
            yield replace(case, name=f"state-{case.name}", why=why, overrides=stateful, once=True, everywhere=False)


def _options(entry: Entry, reference: type[Reference], wrapping: bool) -> Iterator[Case]:
    """A case for each hyperparameter with a probing value, and for each combination that is named."""
    where = "wrapping" if wrapping else "overrides"
    for f in fields(reference):
        probe, name = f.metadata["probe"], f.name.replace("_", "-")
        if probe is None or f.name in entry.dialect:
            continue
        if probe == entry.base.get(f.name):  # the other value is the one to see
            probe = next(v for v in f.metadata["one_of"] if v != probe)
        chosen = {**f.metadata["needs"], f.name: probe}
        why = f"{f.name} = {probe!r} ({f.metadata['cite']})"
        yield Case(name, why, "probing", **{where: chosen}, **_as_option(entry, chosen if wrapping else ()))
    if wrapping and entry.optimizer not in WRAPPED_TOGETHER:
        return  # how they interact is the same code for all
    for name, chosen in reference.combinations.items():
        # An option that the framework lacks is a case of its own; its combinations would say the same again.
        if all(
            k in entry.arguments or k in ("problem", "steps") or entry.dialect.get(k) == v
            for k, v in chosen.items()
        ):
            yield _combined(entry, name, "together", chosen, where)


# Where every step conforms from the state that the implementation holds, and it started right, the whole run does:
# the bound of the free run is made of those of the steps. The start is what is left to see, and two steps show it.
START = 2
_NORMS = {"clip_norm", "global_clip_norm"}  # what looks at whole tensors


def _as_option(entry: Entry, wrapping: Iterable[str] = ()) -> dict[str, Any]:
    """The size of a case that is about an option alone.

    Two of what is wrapped around a rule look at several tensors, or at each of several; where all of these options
    are tried together, each has several.
    """
    shapes = entry.option_shapes
    if len(shapes) == 1 and wrapping and (entry.optimizer in WRAPPED_TOGETHER or _NORMS.intersection(wrapping)):
        shapes = problems.OPTION_SHAPES
    return {"steps": entry.option_steps, "shapes": shapes, "free_steps": START}


def _combined(entry: Entry, name: str, what: str, chosen: Mapping[str, Any], where: str = "overrides") -> Case:
    """A case of several hyperparameters, on the problem and of the steps that are named among them, if they are."""
    rest = dict(chosen)
    own = "problem" in rest and where == "overrides"  # what is wrapped around a rule is no larger for a problem
    size = {"steps": problems.STEPS} if own else _as_option(entry, rest if where == "wrapping" else ())
    size |= {"steps": rest.pop("steps")} if "steps" in rest else {}
    problem = rest.pop("problem", "probing")
    second, resumed = rest.pop("second_group", {}), rest.pop("resumed_at", None)
    why = f"{what}: {_listed(rest or second)}{' for the second group' if second else ''}"
    if not rest and not second:
        why = problems.problem(problem).why
    why += f"; restored before step {resumed}" if resumed else ""
    return Case(name, why, problem, second_group=second, resumed_at=resumed, **size, **{where: rest})


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} = {v!r}" for k, v in values.items())


def cases(entry: Entry) -> list[Case]:
    """All cases of one optimizer of one framework."""
    found = [*_behaviour(entry), *_options(entry, entry.reference, False)]
    if "clip_norm" in entry.arguments:  # the framework wraps these around every rule
        found += _options(entry, Wrapped, True)
        found.append(Case("accumulation-clip", "the mean is clipped, not each gradient", "ordinary",
                          wrapping={"accumulation_steps": 2, "clip_norm": 0.75},
                          **_as_option(entry, ("clip_norm",))))  # fmt: skip
        found.append(Case("accumulation-decay", "the decay is part of the update, not of each gradient", "ordinary",
                          overrides={"weight_decay": 0.25}, wrapping={"accumulation_steps": 2},
                          **_as_option(entry, ("accumulation_steps",))))  # fmt: skip
        if entry.optimizer in WRAPPED_TOGETHER:
            why = "restored before call 6, where an update is half accumulated: nothing is lost"
            for name, chosen in (
                ("accumulation", {"accumulation_steps": 2}),
                ("average", {"average_momentum": 0.75}),
            ):
                found.append(Case(f"{name}-resumed", why, "ordinary", wrapping=chosen, resumed_at=6))
            found.append(Case("average-of-updates", "parameters are averaged once an update, not once a gradient",
                              "ordinary",
                              wrapping={"accumulation_steps": 2, "average_momentum": 0.75}))  # fmt: skip
    found.append(Case("groups", TWO_GROUPS, "ordinary", second_group={"learning_rate": 2.0**-4}))
    for name, chosen in entry.cases.items():
        found.append(_combined(entry, name, "of this framework", chosen))
    for name, chosen in entry.promised.items():
        found.append(_combined(entry, name, "promised by the documentation", chosen))
    if "vectors" in entry.lacks:
        found.append(Case("vectors", "tensors that are not matrices", "ordinary", shapes=problems.SHAPES))
    if entry.reference.gradients != "dense":  # the same cases on the problems' gradients in that form
        found = [replace(c, problem=f"{c.problem}-{entry.reference.gradients}") for c in found]
    names = [c.name for c in found]
    if len(set(names)) != len(names):
        raise BadInput(f"cases of {entry.cls}: a name appears twice in {', '.join(sorted(names))}")
    return found


def instances(frameworks: Iterable[str] = tuple(BINDINGS)) -> list[Instance]:
    """The whole table for these frameworks, in a fixed order."""
    return [i for framework in frameworks for i in _instances(framework)]


@cache
def _instances(framework: str) -> tuple[Instance, ...]:
    binding = BINDINGS[framework]
    found = []
    for optimizer, entry in binding.entries.items():
        for case in cases(entry):
            for dtype in binding.dtypes:
                for mode in binding.modes:
                    if _worth(binding, entry, case, dtype, mode):
                        found.append(
                            Instance(framework, optimizer, _as_long(binding, entry, case, mode), dtype, mode)
                        )
    return tuple(found)


# The optimizers that try their options in each dtype and mode: the plainest, the one most in use, and Nadam, of
# which Keras 2 computes another in each. What is wrapped around every rule is tried in full on the plainest.
IN_FULL = ("sgd", "adam", "nadam")
WRAPPED_IN_FULL = ("sgd",)
WRAPPED_TOGETHER = ("sgd", "adam")
AVERAGES = ("average-momentum", "overwrite-every")  # with the product of Nadam they are another in each, too
# The steps of an option where each is as dear as the first: the mode that it has in the other dtype takes them all.
BRIEFLY = 4
COME_LATER = ("relative-step",)  # but these show when 1 / sqrt t is below the rate


def _worth(binding: Any, entry: Entry, case: Case, dtype: str, mode: str) -> bool:
    """Costly modes run the cases that go everywhere, and each in some dtype; a mode that is lacking is said once.

    What a framework wraps around every rule is the same code for all optimizers: most try each option of it once,
    and what is about their state once a dtype. Where each constructor call has to be built and traced (`by_turns`),
    their own options go by turns too: every option in both dtypes and both modes, a dtype in one of them. So does
    each problem of a rule that cannot run them side by side.
    """
    if binding.mode_reason(entry, mode):
        return case.name == "probing"
    turn = zlib.crc32(case.name.encode())  # which stays when other cases come and go
    if mode in binding.costly_modes:
        every = case.name == "probing" or not binding.by_turns
        return case.everywhere and (every or dtype == binding.dtypes[turn % len(binding.dtypes)])
    there = [m for m in binding.modes if m not in binding.costly_modes and not binding.mode_reason(entry, m)]
    wrapped = _wrapped(entry, case)
    if case.everywhere or entry.optimizer in (WRAPPED_IN_FULL if wrapped else IN_FULL):
        return True
    if wrapped:
        pairs = [(d, m) for d in binding.dtypes for m in there]
        return (dtype, mode) == pairs[turn % len(pairs)]
    if case.once or (binding.by_turns and not (case.plain and entry.reference.separable)):
        return mode == there[(binding.dtypes.index(dtype) + (turn if binding.by_turns else 0)) % len(there)]
    return True


def _wrapped(entry: Entry, case: Case) -> bool:
    """Whether the case is about what is wrapped around the rule, and not about the rule as well."""
    return bool(case.wrapping) and not (case.name in AVERAGES and entry.optimizer in IN_FULL)


def _as_long(binding: Any, entry: Entry, case: Case, mode: str) -> Case:
    """The case, or its first steps where these are dear and what is another shows at once: in an option."""
    late = case.once or case.wrapping or case.rates or case.resumed_at or case.second_group
    late = late or case.name in COME_LATER
    of_option = not (late or case.plain or case.everywhere or entry.optimizer in IN_FULL)
    return replace(case, steps=min(case.steps, BRIEFLY)) if of_option and mode in binding.dear_by_step else case


def digest(frameworks: Iterable[str] = tuple(BINDINGS)) -> str:
    """A fingerprint of the table and its data: records of different tables are never mixed."""
    state = hashlib.sha256()
    for i in instances(frameworks):
        state.update(f"{i.id} {i.case!r}\n".encode())
    data = {(i.case.problem, i.case.steps, i.case.shapes or i.entry.shapes) for i in instances(frameworks)}
    for name, steps, shapes in sorted(data):
        p = problems.problem(name, steps, shapes=shapes)
        for array in (*p.params, *(g for step in p.grads for g in step if g is not None)):
            for part in (array.indices, array.values) if isinstance(array, Rows) else (array,):
                state.update(part.astype("<f8").tobytes())
    return state.hexdigest()[:16]


def select(table: Iterable[Any], **given: Iterable[str]) -> list[Any]:
    """The instances of the table that match every option given, exactly; BadInput for a name that none has."""
    table = list(table)
    wanted = {}
    for option in SELECTIONS:
        allowed = {getattr(i, option) for i in table}
        wanted[option] = {choose(f"--{option}", v.lower(), allowed) for v in given.get(option, ())}
    return [i for i in table if all(not w or getattr(i, o) in w for o, w in wanted.items())]
