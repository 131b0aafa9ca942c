"""Runs one case instance: drive the implementation, judge it, name the outcome."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, field, fields, replace
from typing import Any

from conformance.areas import registry
from conformance.bindings import BINDINGS
from conformance.bindings.base import Group, UndeclaredSlot, Unsupported, defaults, departures, opaque, own_defaults
from conformance.cases import side_by_side
from conformance.cases.side_by_side import Observation
from conformance.cases.table import Instance
from conformance.judge import ledger as ledgers
from conformance.judge.diagnosis import Diagnosis, diagnose
from conformance.judge.evidence import Evidence
from conformance.judge.record import Outcome, Record, packed
from conformance.judge.verdict import Judge, Judged, blind_above
from reference.base import Reference
from reference.branches import TooManyBranches

MANY = 256  # elements of a tensor that are kept of where a case ended


def drive(instance: Instance) -> Observation:
    """Run the implementation through the whole case, and keep everything that it held."""
    with contextlib.suppress(Exception):  # what one problem does to a run must not be another's outcome
        shared = side_by_side.drive(instance)
        if shared is not None:
            return shared
    return drive_alone(instance)


def drive_alone(instance: Instance) -> Observation:
    """The same on the case's own tensors, whatever shares its constructor call."""
    binding, case = BINDINGS[instance.framework], instance.case
    problem = case.data(instance.entry)
    groups = case.groups(instance.entry, binding.constructor(instance.entry))
    try:
        driver = binding.start(instance.entry, groups, problem.params, instance.dtype, instance.mode)
    except (ValueError, TypeError) as error:
        if case.name in instance.entry.lacks:  # it says that it refuses this, and it does
            raise Unsupported(instance.entry.lacks[case.name]) from error
        raise
    return through(instance, driver, groups)


def through(instance: Instance, driver: Any, groups: list[Group]) -> Observation:
    """The same with a driver that stands at its first step."""
    case, problem = instance.case, instance.case.data(instance.entry)
    states = [driver.read()]
    given = problem.grads
    if instance.entry.reference.closure:
        given = problem.closures(lambda g: g.astype(instance.dtype))
    for t, grads in enumerate(given, 1):
        if t == case.resumed_at:
            driver = driver.resumed()
        if t in case.rates:
            driver.set_learning_rate(case.rates[t])
        driver.step(grads)
        states.append(driver.read())
    driver.done()
    return Observation(groups, states)


def judge(
    instance: Instance,
    seen: Observation,
    groups: list[Group] | None = None,
    trajectories: dict | None = None,
    row: ledgers.Row | None = None,
) -> Judge:
    """The judge of an observation, by the case's own references or by others, computed as a row expects."""
    narrower = row.format if row else None
    entry, of = instance.entry, groups or seen.groups
    return Judge(
        entry,
        narrower or BINDINGS[instance.framework].formats(instance.dtype),
        of,
        instance.case.rates,
        instance.case.data(instance.entry),
        seen.states,
        trajectories,
        narrower is not None,
        row is not None and row.moves_twice,
        # Where no slot can be read the free run is all there is.
        None if opaque(entry, of) else instance.case.free_steps,
    )


def run(instance: Instance, ledger: ledgers.Ledger, explain: bool = True, deep: bool = False) -> Record:
    """Run and judge one instance. Whatever goes wrong becomes an outcome, never an exception.

    With `explain`, a divergence is also compared with the other modes and with every known mistake; with
    `deep`, with a form and a mistake together, which takes seconds.
    """
    record = replace(registry.blank(instance), steps=instance.case.steps)
    try:
        _judged(instance, ledger, record, explain, deep)
    except Unsupported as reason:
        record.outcome, record.reason = Outcome.UNSUPPORTED, str(reason)
    except TooManyBranches as reason:
        record.outcome, record.reason = Outcome.BLIND, str(reason)
    except Exception as error:
        record.outcome, record.reason = Outcome.ERROR, f"{type(error).__name__}: {error}"
        row = ledger.row(instance, BINDINGS[instance.framework].versions())
        if row is not None and row.raises(record.reason):
            record.outcome, record.reason, record.expect = Outcome.DIVERGES_KNOWN, row.reason, row.expect
            record.ledger, record.kind, record.link = row.id, row.kind, row.link
    return record


def _judged(instance: Instance, ledger: ledgers.Ledger, record: Record, explain: bool, deep: bool) -> None:
    binding = BINDINGS[instance.framework]
    reason = binding.mode_reason(instance.entry, instance.mode)
    if reason:
        raise Unsupported(reason)
    _describe(instance, record)
    seen = drive(instance)
    _check_shown(instance, seen)
    locked, free = _verdicts(instance, seen)
    record.locked, record.free, record.free_steps = locked.worst, free.worst, free.resolved_steps
    record.resolution, record.maybes = locked.resolution, locked.maybes
    record.rule = " and ".join(told(g.reference) for g in seen.groups)
    record.end = packed(p.reshape(-1)[:MANY] for p in seen.states[-1].params)
    rule = seen.groups[0].reference
    record.bound, widest = getattr(rule, "inner", rule).bound, blind_above(rule)
    row = ledger.row(instance, binding.versions())
    if locked.conforms and free.conforms:
        if row is not None:
            record.outcome = Outcome.DIVERGES
            record.ledger, record.kind, record.link = row.id, row.kind, row.link
            record.reason = (
                f"it conforms now: the ledger's row {row.id!r} no longer holds for it; narrow or remove it"
            )
        elif locked.resolution is None or locked.resolution > widest:
            record.outcome = Outcome.BLIND
            record.reason = f"the bound is {locked.resolution} of the update, above {widest}: it could not fail"
        else:
            record.outcome = Outcome.CONFORMS
        return
    worse = locked if not locked.conforms else free
    record.outcome, record.first_bad, record.agrees = Outcome.DIVERGES, worse.first_bad, worse.agrees
    if row is not None:
        expected = _expected(instance, seen, row, free=locked.conforms)
        record.ledger, record.kind, record.link = row.id, row.kind, row.link
        record.expect, record.expect_ratio = row.expect, expected.ratio
        if expected.conforms:
            record.outcome, record.reason = Outcome.DIVERGES_KNOWN, row.reason
            return
        record.reason = f"the ledger expects {row.expect!r} (row {row.id!r}), and it is not that either"
    if locked.conforms and not opaque(instance.entry, seen.groups):
        record.reason = (
            record.reason or "each step conforms by itself, the whole does not: state that no slot holds"
        )
    if explain:
        found = diagnose(evidence(instance, seen), deep=deep)
        record.diagnosis = found.to_json()
        record.nearest = [{"name": e.name, "ratio": e.ratio, "says": e.says} for e in found.nearest]
        record.other_modes = _other_modes(instance)


@dataclass
class _Shared:
    """What the modes of one case share: the free run of the reference, and verdicts on the same bits."""

    case: tuple = ()
    trajectories: dict = field(default_factory=dict)
    verdicts: dict[bytes, tuple[Judged, Judged]] = field(default_factory=dict)
    expected: dict[tuple[bytes, str], Judged] = field(default_factory=dict)  # by what a row of the ledger says


_shared = _Shared()


def _verdicts(instance: Instance, seen: Observation) -> tuple[Judged, Judged]:
    """Step-locked and free-running. Modes follow each other, so what they share is kept for one case."""
    shared, key = _of_case(instance), fingerprint(seen)
    if key not in shared.verdicts:
        judging = judge(instance, seen, trajectories=shared.trajectories)
        free = judging.free()
        # Where slots cannot be read there is no state to start a step from: the whole run decides.
        unread = opaque(instance.entry, seen.groups)
        locked = Judged(resolution=free.resolution) if unread else judging.locked()
        shared.verdicts[key] = locked, free
    return shared.verdicts[key]


def _expected(instance: Instance, seen: Observation, row: ledgers.Row, free: bool) -> Judged:
    """What was observed, by what the ledger expects; a wrong start shows in the free run alone."""
    shared, key = _of_case(instance), (fingerprint(seen), row.id)
    if key not in shared.expected:
        judging = judge(instance, seen, row.expected(seen.groups), row=row)
        shared.expected[key] = judging.free() if free else judging.locked()
    return shared.expected[key]


def _of_case(instance: Instance) -> _Shared:
    global _shared
    case = (instance.framework, instance.optimizer, instance.case.name, instance.dtype)
    if _shared.case != case:
        _shared = _Shared(case)
    return _shared


def fingerprint(seen: Observation) -> bytes:
    """The same for two runs that are the same, bit for bit."""
    state = hashlib.sha256()
    for one in seen.states:
        for name, values in [("params", one.params), *one.slots.items()]:
            state.update(name.encode())
            for value in values:
                state.update(b"none" if value is None else value.tobytes())
    return state.digest()


def _check_shown(instance: Instance, seen: Observation) -> None:
    """Every slot of the rule has to be there to look at: one that is never kept would go unchecked.

    A rule that takes a closure may end at once, at a gradient below its tolerance, and then has none to show.
    """
    if opaque(instance.entry, seen.groups) or instance.entry.reference.closure:
        return
    shown = {name for state in seen.states for name in state.slots}
    for group in seen.groups:
        rule = group.reference
        made = rule.init([seen.states[0].params[i] for i in group.tensors])
        kept = {name for name, values in made.items() if values} - set(rule.schedule) - {"step", "calls"}
        if kept - shown:
            raise UndeclaredSlot(
                f"{instance.entry.cls} keeps no {', '.join(sorted(kept - shown))}, which its rule has"
            )


def _describe(instance: Instance, record: Record) -> None:
    """The constructor call that a user would write, and the options in it."""
    binding, entry = BINDINGS[instance.framework], instance.entry
    constructor = binding.constructor(entry)
    groups = instance.case.groups(entry, constructor)
    calls = []
    for group in groups:
        given = departures(constructor, binding.arguments(entry, group.reference, instance.mode))
        record.options.update({k: repr(v) for k, v in given.items()})
        calls.append(", ".join(f"{k}={v!r}" for k, v in given.items()))
    record.constructor = binding.call(entry, calls)
    if instance.case.rates:
        rates = ", ".join(f"{r!r} from step {t}" for t, r in instance.case.rates.items())
        record.constructor += f"  # learning rate {rates}"


def told(rule: Reference) -> str:
    """A reference with what is not its default: by it two versions are told to be judged alike, or not."""
    given = []
    for f in fields(rule):
        value = getattr(rule, f.name)
        if f.name == "inner":
            given.insert(0, told(value))
        elif value != f.default:
            given.append(f"{f.name}={value!r}")
    return f"{type(rule).__name__}({', '.join(given)})"


def signature(instance: Instance) -> dict[str, list[str]]:
    """What the installed framework offers: the arguments of this constructor, and its optimizers."""
    binding = BINDINGS[instance.framework]
    try:
        options = defaults(binding.constructor(instance.entry))
    except Unsupported:  # it has no such optimizer
        options = {}
    return {"options": sorted(options), "classes": sorted(binding.classes())}


def evidence(instance: Instance, seen: Observation) -> Evidence:
    """What the diagnosis looks at: the case, and what the implementation did in it."""
    binding, entry = BINDINGS[instance.framework], instance.entry
    return Evidence(
        case=instance.id,
        entry=entry,
        fmt=binding.formats(instance.dtype),
        groups=seen.groups,
        rates=instance.case.rates,
        problem=instance.case.data(entry),
        states=seen.states,
        defaults=own_defaults(entry, binding.constructor(entry)),
        opaque=opaque(entry, seen.groups),
    )


def diagnosed(instance: Instance) -> Diagnosis:
    """Run an instance and diagnose it, with a form and a mistake together where no single one explains it."""
    return diagnose(evidence(instance, drive(instance)))


def _other_modes(instance: Instance) -> dict[str, str]:
    """What the other implementations of the same case do."""
    found = {}
    for mode in BINDINGS[instance.framework].modes:
        if mode == instance.mode or BINDINGS[instance.framework].mode_reason(instance.entry, mode):
            continue
        other = replace(instance, mode=mode)
        try:
            found[mode] = "conforms" if judge(other, drive(other)).locked().conforms else "diverges"
        except Exception as error:
            found[mode] = f"{type(error).__name__}"
    return found


__all__ = ["Judged", "Observation", "drive", "judge", "run"]
