"""The static table of all cases, made without importing a framework.

Most of it writes itself: every optimizer runs on every problem, every option that a reference declares a
probing value for is a case, and so is every combination that the reference names. The cases
of a single framework are in its binding's entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from conformance.bindings.binding import Entry
from conformance.cases import economy, problems
from conformance.cases.case import Case
from conformance.errors import BadInput
from reference.base import Reference
from reference.wrapped import Wrapped

# What every optimizer must do, whatever its options.
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
        steps=economy.OPTION_STEPS,
        kept_for="the defaults come from the installed class: without one there is nothing to run",
    ),
    Case(
        "usual-values",
        "hyperparameters as people write them (0.9, 0.999), which binary floating point only approximates",
        "probing",
        values="ordinary",
        steps=economy.OPTION_STEPS,
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
        "saved after step 5 and restored into a new optimizer: nothing is lost",
        "ordinary",
        resumed_at=6,
        once=True,
    ),
    Case(
        "rate-change",
        "a learning rate that rises and falls during the run: it takes effect at once and is stored nowhere",
        "ordinary",
        rates={4: 2.0**-4, 5: 2.0**-9, 9: 2.0**-5},
        everywhere=True,
    ),
)
ABOUT_STATE = ("twins", "resumed")
ABOUT_STEPS = ("missing", "late", "rate-change")  # repeated where a rule can have more slots
TWO_GROUPS = "two parameter groups: the second has its own learning rate, and nothing leaks"


def _behaviour(entry: Entry) -> Iterator[Case]:
    """What every optimizer must do; the cases about state also with all slots that the rule can have."""
    stateful = {n: v for n, v in entry.reference.stateful.items() if n not in entry.dialect}
    for case in BEHAVIOUR:
        steps = economy.size(entry).steps.get(case.name, case.steps)
        yield replace(case, steps=steps, overrides=stateful if case.name in ABOUT_STATE else {})
        if stateful and case.name in ABOUT_STEPS:
            why = f"{case.why}; {_listed(stateful)}"
            yield replace(case, name=f"state-{case.name}", why=why, overrides=stateful, once=True, everywhere=False)


def _options(entry: Entry, reference: type[Reference], wrapping: bool) -> Iterator[Case]:
    """A case for each hyperparameter with a probing value, and for each named combination."""
    where = "wrapping" if wrapping else "overrides"
    for f in fields(reference):
        probe, name = f.metadata["probe"], f.name.replace("_", "-")
        if probe is None or f.name in entry.dialect:
            continue
        if probe == entry.base.get(f.name):  # then try the other value
            probe = next(v for v in f.metadata["one_of"] if v != probe)
        chosen = {**f.metadata["needs"], f.name: probe}
        why = f"{f.name} = {probe!r} ({f.metadata['cite']})"
        yield Case(name, why, "probing", **{where: chosen}, **economy.of_option(entry, chosen if wrapping else ()))
    if wrapping and entry.optimizer not in economy.WRAPPED_TOGETHER:
        return  # how they interact is the same code for all
    for name, chosen in reference.combinations.items():
        # An option that the framework lacks is one case; its combinations would only repeat that.
        if all(
            k in entry.arguments or k in ("problem", "steps") or entry.dialect.get(k) == v
            for k, v in chosen.items()
        ):
            yield _combined(entry, name, "together", chosen, where)


def _combined(entry: Entry, name: str, what: str, chosen: Mapping[str, Any], where: str = "overrides") -> Case:
    """A case of several hyperparameters, which may include its problem and number of steps."""
    rest = dict(chosen)
    own = "problem" in rest and where == "overrides"  # wrapped options need no larger tensors for a problem
    size = {"steps": problems.STEPS} if own else economy.of_option(entry, rest if where == "wrapping" else ())
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
        found.append(
            Case(
                "accumulation-clip",
                "the mean is clipped, not each gradient separately",
                "ordinary",
                wrapping={"accumulation_steps": 2, "clip_norm": 0.75},
                **economy.of_option(entry, ("clip_norm",)),
            )
        )
        if any(f.name == "weight_decay" for f in fields(entry.reference)):
            found.append(
                Case(
                    "accumulation-decay",
                    "the decay is part of the update, not of each gradient",
                    "ordinary",
                    overrides={"weight_decay": 0.25},
                    wrapping={"accumulation_steps": 2},
                    **economy.of_option(entry, ("accumulation_steps",)),
                )
            )
        if entry.optimizer in economy.WRAPPED_TOGETHER:
            why = "restored before call 6, halfway through an accumulation: nothing is lost"
            for name, chosen in (
                ("accumulation", {"accumulation_steps": 2}),
                ("average", {"average_momentum": 0.75}),
            ):
                found.append(Case(f"{name}-resumed", why, "ordinary", wrapping=chosen, resumed_at=6))
            found.append(
                Case(
                    "average-of-updates",
                    "parameters are averaged once per update, not once per gradient",
                    "ordinary",
                    wrapping={"accumulation_steps": 2, "average_momentum": 0.75},
                )
            )
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
