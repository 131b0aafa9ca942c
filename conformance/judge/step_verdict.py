"""The verdict on the steps of an optimizer: each by itself, and the whole run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from conformance.bindings.binding import State, UndeclaredSlot
from conformance.cases.plan import States
from conformance.judge.evidence import Evidence, evidence_of, for_diagnosis
from conformance.judge.ledger import LedgerRow
from conformance.judge.record import packed
from conformance.judge.steps import Judge
from conformance.judge.verdict import Expected, Judged, Verdict, blind_above, too_wide
from reference.base import Reference

MANY = 256  # elements kept per tensor from the end of a case
WHOLE = "each step conforms by itself but the whole run does not: there is state that no slot holds"


def of_steps(seen: States, row: LedgerRow | None) -> Verdict:
    """Step-locked and free-running, against the references and, if it diverges, against the row's."""
    evidence = evidence_of(seen)
    _check_whole(seen)
    _check_shown(evidence)
    locked, free = _beside_the_references(seen, evidence)
    worse = locked if not locked.conforms else free
    conforms = locked.conforms and free.conforms
    rule = evidence.groups[0].reference
    expected = None
    if row is not None and not conforms:
        # A wrong start shows only in the free run.
        found = _beside_the_row(seen, evidence, row, free=locked.conforms)
        expected = Expected(found.conforms, found.ratio)
    return Verdict(
        seen,
        conforms,
        locked=locked.worst,
        free=free.worst,
        free_steps=free.resolved_steps,
        first_bad=worse.first_bad,
        agrees=[] if conforms else worse.agrees,
        resolution=locked.resolution,
        maybes=locked.maybes,
        blind=too_wide(locked.resolution, blind_above(rule)),
        says=WHOLE if locked.conforms and not evidence.opaque else "",
        expected=expected,
        evidence=None if conforms else for_diagnosis(seen),
        bound=getattr(rule, "inner", rule).bound,
        rule=" and ".join(told(g.reference) for g in evidence.groups),
        end=packed(p.reshape(-1)[:MANY] for p in seen.states[-1].params),
    )


@dataclass
class _Shared:
    """Shared by the modes of one case: the free run of the reference, and verdicts on identical bits."""

    case: tuple = ()
    trajectories: dict = field(default_factory=dict)
    judged: dict[bytes, tuple[Judged, Judged]] = field(default_factory=dict)
    expected: dict[tuple[bytes, str], Judged] = field(default_factory=dict)  # by what a ledger row expects


_shared = _Shared()


def _beside_the_references(seen: States, evidence: Evidence) -> tuple[Judged, Judged]:
    """Step-locked and free-running. The modes of a case run in sequence, so one case's shared results are kept."""
    shared, key = _of_case(seen), fingerprint(seen.states)
    if key not in shared.judged:
        evidence.trajectories = shared.trajectories
        judge = Judge(evidence)
        free = judge.free()
        # If slots cannot be read, there is no state to start a step from: the whole run decides.
        locked = Judged(resolution=free.resolution) if evidence.opaque else judge.locked()
        shared.judged[key] = locked, free
    return shared.judged[key]


def _beside_the_row(seen: States, evidence: Evidence, row: LedgerRow, free: bool) -> Judged:
    shared, key = _of_case(seen), (fingerprint(seen.states), row.id)
    if key not in shared.expected:
        judge = Judge(evidence.as_expected(row))
        shared.expected[key] = judge.free() if free else judge.locked()
    return shared.expected[key]


def _of_case(seen: States) -> _Shared:
    global _shared
    plan, check = seen.plan, seen.plan.check
    by = tuple((g.tensors, type(g.reference), repr(g.reference)) for g in plan.groups)
    case = (check.framework, check.optimizer, plan.case, check.dtype, plan.entry, by)
    if _shared.case != case:
        _shared = _Shared(case)
    return _shared


def fingerprint(states: Sequence[State]) -> bytes:
    """Equal for two runs that are equal bit for bit."""
    state = hashlib.sha256()
    for one in states:
        for name, values in [("params", one.params), *one.slots.items()]:
            state.update(name.encode())
            for value in values:
                state.update(b"none" if value is None else value.tobytes())
    return state.digest()


def _check_whole(seen: States) -> None:
    """Check that every step was observed, and that every tensor has references."""
    steps, states = seen.plan.case.steps, len(seen.states)
    if states != steps + 1:
        raise ValueError(f"{states} states observed of {steps} steps: the start and the end of each are needed")
    judged = sorted(i for group in seen.plan.groups for i in group.tensors)
    if judged != list(range(len(seen.states[0].params))):
        raise ValueError(f"references for the tensors {judged} of {len(seen.states[0].params)}")


def _check_shown(evidence: Evidence) -> None:
    """Check that every slot of the rule can be read: one that is never kept would go unchecked.

    A rule that takes a closure may end at once, at a gradient below its tolerance, and then has no slots.
    """
    if evidence.opaque or evidence.entry.reference.closure:
        return
    shown = {name for state in evidence.states for name in state.slots}
    for group in evidence.groups:
        rule = group.reference
        made = rule.init([evidence.states[0].params[i] for i in group.tensors])
        kept = {name for name, values in made.items() if values} - set(rule.schedule) - {"step", "calls"}
        if kept - shown:
            lost = ", ".join(sorted(kept - shown))
            raise UndeclaredSlot(f"{evidence.entry.cls} does not keep {lost}, which its rule has")


def told(rule: Reference) -> str:
    """A reference with its non-default values: tells whether two versions were judged by the same rule."""
    given = []
    for f in fields(rule):
        value = getattr(rule, f.name)
        if f.name == "inner":
            given.insert(0, told(value))
        elif value != f.default:
            given.append(f"{f.name}={value!r}")
    return f"{type(rule).__name__}({', '.join(given)})"
