"""The names people give to hyperparameters and slots, and the reference's names for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Argument, Entry, Unsupported
from conformance.cases.case import Case
from conformance.cases.optimizers import OptimizerCheck
from conformance.errors import BadInput, choose
from conformance.judge.compared import LIMIT
from conformance.judge.evidence import evidence_of
from conformance.judge.steps import Judge
from reference.base import Reference
from reference.wrapped import Wrapped

# Hyperparameter -> what constructors call it, besides the names in the bindings; the first one present counts.
ARGUMENTS: dict[str, tuple[str | Argument, ...]] = {
    "learning_rate": ("learning_rate", "lr", "step_size", "eta", "alpha"),
    "beta_1": (Argument("betas", 0), "beta_1", "beta1", "b1"),
    "beta_2": (Argument("betas", 1), "beta_2", "beta2", "b2"),
    "epsilon": ("epsilon", "eps", "fuzz", "delta"),
    "rho": ("rho", "alpha", "decay_rate", "discount"),
    "momentum": ("momentum", "mu"),
    "weight_decay": ("weight_decay", "wd"),
    "threshold": ("threshold", "sma_threshold", "n_sma_threshold"),
}
# Slot -> what state is called, besides the slot's own name and the names in the bindings.
SLOTS: dict[str, tuple[str, ...]] = {
    "step": ("step", "steps", "t", "iteration", "count"),
    "m": ("m", "m_t", "momentum", "first_moment", "exp_avg", "mu", "ms"),
    "v": ("v", "v_t", "velocity", "second_moment", "exp_avg_sq", "nu", "vs", "square_avg"),
    "v_max": ("v_max", "vhat", "v_hat", "max_exp_avg_sq"),
    "n": ("n", "square_avg", "mean_square", "v", "accumulator"),
    "a": ("a", "grad_avg", "mean_gradient", "mg"),
    "momentum": ("momentum", "momentum_buffer", "velocity", "buf", "buffer", "v"),
}


def known_entries(reference: type[Reference], framework: str) -> list[Entry]:
    """Entries of this rule, the same framework's first."""
    order = sorted(BINDINGS, key=lambda name: name != framework)
    every = [e for name in order for e in BINDINGS[name].entries.values()]
    exact = [e for e in every if e.reference is reference]
    return exact + [e for e in every if e not in exact and issubclass(reference, e.reference)]


def arguments_of(
    build: Callable[..., Any], framework: str, reference: type[Reference]
) -> dict[str, str | Argument]:
    """The constructor arguments that stand for hyperparameters."""
    there = inspect.signature(build).parameters
    names = [f.name for f in fields(reference)]
    names += [f.name for f in fields(Wrapped) if f.name != "inner"] if framework == "keras" else []
    found: dict[str, str | Argument] = {}
    taken: set[tuple[str, int | None]] = set()
    for name in names:
        for candidate in _called(name, reference, framework):
            argument = Argument(candidate) if isinstance(candidate, str) else candidate
            key = (argument.name, argument.item)
            if argument.name in there and key not in taken and (not argument.when or argument.when in there):
                found[name] = candidate
                taken.add(key)
                break
    return found


def _called(name: str, reference: type[Reference], framework: str) -> Iterator[str | Argument]:
    for entry in known_entries(reference, framework):
        if name in entry.arguments:
            yield entry.arguments[name]
    yield name
    # "alpha" is the step size in some papers, but not where a binding uses it for something else.
    other = {
        a if isinstance(a, str) else a.name
        for e in known_entries(reference, framework)
        for n, a in e.arguments.items()
        if n != name
    }
    yield from (a for a in ARGUMENTS.get(name, ()) if (a if isinstance(a, str) else a.name) not in other)


# -- slots -----------------------------------------------------------------------------------------
def slots_of(
    entry: Entry, framework: str, mode: str, table: Sequence[Case], named: Mapping[str, str]
) -> tuple[Entry, list[str]]:
    """The entry with the state that can be compared, and notes on the state that cannot."""
    wanted, seen = _look(entry, framework, mode, table)
    found: dict[str, str] = {}
    for state, slot in named.items():
        choose("slots: the reference's slot", slot, wanted)
        if state not in seen:
            raise BadInput(
                f"slots: {state!r} is no state of {entry.cls}; it keeps {', '.join(sorted(seen)) or 'nothing'}"
            )
        found[state] = slot
    for slot in wanted:
        if slot in found.values():
            continue
        state = next((s for s in _kept_as(slot, entry, framework, seen) if s not in found), None)
        if state is not None:
            found[state] = slot
    whole = replace(entry, slots=found)
    guessed = [s for s in found if s not in named]
    dropped = _of_another_form(whole, framework, mode, table, guessed) if guessed else []
    whole = replace(entry, slots={s: slot for s, slot in found.items() if s not in dropped})
    notes = [f"state {s!r} is kept in another form than the slot {found[s]!r} and is not compared" for s in dropped]
    unread = [slot for slot in wanted if slot not in whole.slots.values() and slot != "step"]
    if unread:
        notes.append(
            f"the slots {', '.join(unread)} cannot be read, so the whole run is judged instead of each step; "
            f"slots={{NAME: {unread[0]!r}}} says where they are"
            + (f" (it keeps {', '.join(sorted(seen))})" if seen else "")
        )
    return whole, notes


def _look(entry: Entry, framework: str, mode: str, table: Sequence[Case]) -> tuple[list[str], set[str]]:
    """The slots that the reference has in every case, and the optimizer's state after a step."""
    wanted: dict[tuple[str, ...], Case] = {}
    for case in table:
        if case.wrapping or case.second_group:
            continue
        rule = case.reference(entry, entry.build)
        params = [np.asarray(p) for p in case.data(entry).params]
        wanted.setdefault(tuple(n for n in rule.init(params) if n not in rule.schedule), case)
    seen: set[str] = set()
    for case in wanted.values():
        check = OptimizerCheck.of(framework, entry.optimizer, case, "float64", mode, entry)
        try:
            seen |= set(_state_after_one(check))
        except Unsupported:
            continue
    return list(dict.fromkeys(name for names in wanted for name in names)), seen


def _state_after_one(check: OptimizerCheck) -> Iterator[str]:
    """Names of the per-parameter state."""
    binding, entry = BINDINGS[check.framework], check.entry
    problem = check.case.data(entry)
    groups = check.case.groups(entry, entry.build)
    driver: Any = binding.start(entry, groups, problem.params, check.dtype, check.mode)
    driver.step(problem.grads[-1])
    if check.framework == "torch":
        for param in driver.params:
            for name, value in driver.optimizer.state.get(param, {}).items():
                if isinstance(value, (int, float)) or hasattr(value, "detach"):
                    yield name
        return
    for name, value in vars(driver.optimizer).items():
        if isinstance(value, (list, tuple)) and len(value) == len(problem.params):
            shaped = [getattr(v, "shape", None) for v in value]
            if all(s is not None and tuple(s) == p.shape for s, p in zip(shaped, problem.params, strict=True)):
                yield name


def _kept_as(slot: str, entry: Entry, framework: str, seen: set[str]) -> Iterator[str]:
    """State that could be this slot."""
    names = [n for e in known_entries(entry.reference, framework) for n, s in e.slots.items() if s == slot]
    for name in dict.fromkeys([*names, slot, *SLOTS.get(slot, ())]):
        yield from (s for s in sorted(seen) if s == name or s.strip("_").lower() == name.strip("_").lower())


def _of_another_form(
    entry: Entry, framework: str, mode: str, table: Sequence[Case], guessed: Sequence[str]
) -> list[str]:
    """Guessed slots that do not match although the parameters do: a slot may be stored scaled."""
    case = next((c for c in table if c.name in ("probing", "ordinary")), None) or table[0]
    check = OptimizerCheck.of(framework, entry.optimizer, case, "float64", mode, replace(entry, slots={}))
    try:
        if not _free_ratio(check) <= LIMIT:
            return []
        dropped = []
        for state in guessed:
            one = replace(check, custom=replace(entry, slots={state: entry.slots[state]}))
            if not _free_ratio(one) <= LIMIT:
                dropped.append(state)
        return dropped
    except Exception:  # whatever fails here fails in the cases too, and is reported there
        return []


def _free_ratio(check: OptimizerCheck) -> float:
    """How far the whole run is from the reference's."""
    return Judge(evidence_of(check.observe(check.plan()))).free().ratio
