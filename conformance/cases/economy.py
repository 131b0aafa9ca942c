"""What runs in which mode and for how long: the only module that trades coverage for time.

A framework's figures are in `COSTS`, those of single optimizers in `SIZES`; a new optimizer needs neither.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry, Shapes
from conformance.cases.case import Case

# The effect of an option shows on a vector and a matrix, in enough steps for every pattern of the probing problem.
OPTION_SHAPES: Shapes = ((7,), (5, 11))
OPTION_STEPS = 8
ONE_TENSOR: Shapes = ((9, 7),)  # where every tensor is as slow as the first, and none depends on another
# If every step conforms from the implementation's own state, and the start is right, so does the whole run: the
# free run's bound is built from those of the steps. Only the start remains to be checked, and two steps show it.
START = 2


# -- by framework ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Cost:
    """What is slow in a framework."""

    modes: tuple[str, ...] = ()  # these run a few cases of each optimizer
    by_turns: bool = False  # a constructor call is slow: most optimizers try an option in one mode per dtype
    by_step: tuple[str, ...] = ()  # modes whose every step is as slow as the first: few steps per option
    one_tensor: bool = False  # every tensor is as slow as the first


COSTS: Mapping[str, Cost] = {
    "torch": Cost(modes=("differentiable",)),
    # A graph takes a tenth of a second, each eager step 20 milliseconds.
    "keras": Cost(modes=("xla",), by_turns=True, by_step=("eager",), one_tensor=True),
}


def cost(framework: str) -> Cost:
    """The cost of a framework; nothing is slow in one that is not listed."""
    return COSTS.get(framework, Cost())


def cheap_modes(entry: Entry) -> list[str]:
    """The cheap modes of an optimizer."""
    binding = BINDINGS[entry.framework]
    dear = cost(entry.framework).modes
    return [m for m in binding.modes if m not in dear and not binding.mode_reason(entry, m)]


# -- by optimizer ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Size:
    """The size of an optimizer's cases."""

    shapes: Shapes = OPTION_SHAPES  # of the tensors in a case about an option
    option_steps: int = OPTION_STEPS
    steps: Mapping[str, int] = field(default_factory=dict)  # case -> steps, where the usual number is too slow


# Where whole tensors matter, each problem is a separate, short run.
_WHOLE = ("probing", "zeros", "tiny", "huge", "constant", "shrinking", "flipping", "sparse", "vanishing")
_FEWER = dict.fromkeys(_WHOLE, 8)
SIZES: Mapping[tuple[str, str], Size] = {
    ("torch", "muon"): Size(shapes=((9, 4), (5, 11))),
    # Each step makes up to 20 iterations.
    ("torch", "lbfgs"): Size(((), (3,), (2, 4)), option_steps=12, steps={"defaults": 5, "usual-values": 5}),
    # For Adam, two hidden layers, an embedding.
    ("keras", "muon"): Size(((7,), (5, 11), (9, 4), (6, 3)), option_steps=4, steps=_FEWER),
    ("keras", "lamb"): Size(steps=_FEWER),
    ("keras", "adafactor"): Size(steps=_FEWER),
    ("keras", "nadam"): Size(),  # its tensors share a product
}


def size(entry: Entry) -> Size:
    """The size of an optimizer's cases."""
    listed = SIZES.get((entry.framework, entry.optimizer))
    if entry.build is not None or listed is not None:
        return listed if listed is not None and entry.build is None else Size()
    # Each tensor is traced separately. The cases with all slots (twins, late, resumed) cover options on several.
    alone = cost(entry.framework).one_tensor and entry.reference.separable
    return Size(shapes=ONE_TENSOR) if alone else Size()


_NORMS = {"clip_norm", "global_clip_norm"}  # options that depend on whole tensors


def of_option(entry: Entry, wrapping: Iterable[str] = ()) -> dict[str, Any]:
    """The size of a case about a single option.

    Two options wrapped around a rule depend on several tensors, together or one by one; when all of these options
    are tried together, there are several tensors.
    """
    mine = size(entry)
    shapes = mine.shapes
    if len(shapes) == 1 and wrapping and (entry.optimizer in WRAPPED_TOGETHER or _NORMS.intersection(wrapping)):
        shapes = OPTION_SHAPES
    return {"steps": mine.option_steps, "shapes": shapes, "free_steps": START}


# -- what is tried where ---------------------------------------------------------------------------
# The optimizers that try their options in every dtype and mode: the simplest, the most used, and Nadam, which
# Keras 2 computes differently in each. What is wrapped around every rule is tried in full on the simplest.
IN_FULL = ("sgd", "adam", "nadam")
WRAPPED_IN_FULL = ("sgd",)
WRAPPED_TOGETHER = ("sgd", "adam")
AVERAGES = ("average-momentum", "overwrite-every")  # with Nadam's product they also differ in each
# Steps per option where each is as slow as the first: the option's mode in the other dtype runs them all.
BRIEFLY = 4
COME_LATER = ("relative-step",)  # but these show once 1 / sqrt t is below the rate


def worth(entry: Entry, case: Case, dtype: str, mode: str) -> bool:
    """Costly modes run the cases that go everywhere, each in some dtype; a missing mode is reported once.

    What a framework wraps around every rule is the same code for all optimizers: most try each such option once,
    and state cases once per dtype. Where each constructor call has to be built and traced (`by_turns`),
    their own options alternate too: every option in both dtypes and both modes, each dtype in one of the modes. So
    does each problem of a rule that cannot run them side by side.
    """
    binding, dear = BINDINGS[entry.framework], cost(entry.framework)
    if binding.mode_reason(entry, mode):
        return case.name == "probing"
    turn = zlib.crc32(case.name.encode())  # it stays the same when other cases come and go
    if mode in dear.modes:
        every = case.name == "probing" or not dear.by_turns
        return case.everywhere and (every or dtype == binding.dtypes[turn % len(binding.dtypes)])
    there = cheap_modes(entry)
    wrapped = _wrapped(entry, case)
    if case.everywhere or entry.optimizer in (WRAPPED_IN_FULL if wrapped else IN_FULL):
        return True
    if wrapped:
        pairs = [(d, m) for d in binding.dtypes for m in there]
        return (dtype, mode) == pairs[turn % len(pairs)]
    if case.once or (dear.by_turns and not (case.plain and entry.reference.separable)):
        return mode == there[(binding.dtypes.index(dtype) + (turn if dear.by_turns else 0)) % len(there)]
    return True


def _wrapped(entry: Entry, case: Case) -> bool:
    """Whether the case is only about what is wrapped around the rule, not about the rule."""
    return bool(case.wrapping) and not (case.name in AVERAGES and entry.optimizer in IN_FULL)


def as_long(entry: Entry, case: Case, mode: str) -> Case:
    """The case, or only its first steps if it is about an option, which shows at once, and steps are slow."""
    late = case.once or case.wrapping or case.rates or case.resumed_at or case.second_group
    late = late or case.name in COME_LATER
    of_an_option = not (late or case.plain or case.everywhere or entry.optimizer in IN_FULL)
    briefly = of_an_option and mode in cost(entry.framework).by_step
    return replace(case, steps=min(case.steps, BRIEFLY)) if briefly else case


# -- schedules -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ScheduleModes:
    """Where a framework's schedules are tried: every option in the plain modes, what goes everywhere in more."""

    dtype: str  # in which each option is tried, and what goes everywhere in every mode
    plain: tuple[str, ...]
    other: tuple[str, ...]  # the modes that what goes everywhere has in other dtypes
    given: str = (
        ""  # the one mode of a case that gives arguments to the optimizer, where schedules take none of them
    )


SCHEDULES: Mapping[str, ScheduleModes] = {
    "torch": ScheduleModes("float64", ("stepped", "indexed"), ("stepped", "tensor")),
    "keras": ScheduleModes("float32", ("call", "optimizer"), ("call", "optimizer"), "optimizer"),
}


def schedule_worth(framework: str, dtype: str, mode: str, everywhere: bool, given: bool) -> bool:
    """Whether a case of a schedule is tried there: one that goes everywhere, or is given arguments of its own."""
    modes = SCHEDULES[framework]
    if given and modes.given:
        return (dtype, mode) == (modes.dtype, modes.given)
    if dtype != modes.dtype:
        return everywhere and mode in modes.other
    return everywhere or mode in modes.plain


# -- the brief run ---------------------------------------------------------------------------------
ONE_OF = ("eager", "graph", "forloop", "foreach")  # the modes of a brief run
BRIEF_IN_FULL = ("probing", "base")  # its cases in every dtype and mode


def brief(table: Iterable[Any]) -> list[Any]:
    """Each case once, in the widest dtype, alternating between the cheap modes; a few in full."""
    found, turns = [], defaultdict(int)
    groups: dict[tuple, list[Any]] = defaultdict(list)
    for i in table:
        groups[i.area, i.framework, i.optimizer, i.name].append(i)
    for (_, framework, optimizer, name), several in groups.items():
        if name in BRIEF_IN_FULL:
            found += several
            continue
        first = [i for i in several if i.dtype == several[0].dtype]
        modes = [i for i in first if i.mode in ONE_OF] or first
        found.append(modes[turns[framework, optimizer] % len(modes)])
        turns[framework, optimizer] += 1
    return found
