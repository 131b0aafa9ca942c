"""Runs a check from start to end: plan -> observation -> verdict -> outcome -> explanation -> record.

Each stage is a function of the previous value. None calls an earlier one; anything else that a stage needs (the row
of the ledger, the verdicts on the other modes) is passed in here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from conformance.cases.check import Check, Observation, Plan
from conformance.cases.plan import States
from conformance.judge.diagnosis import Diagnosis, diagnose
from conformance.judge.examined import Examined
from conformance.judge.ledger import Ledger, LedgerRow
from conformance.judge.outcome import Settled, settled, stopped
from conformance.judge.record import Outcome, Record
from conformance.judge.step_verdict import of_steps
from conformance.judge.verdict import Verdict, verdict_of

verdict_of.register(States, of_steps)  # the areas register theirs


@dataclass
class Explanations:
    """The explanation of a divergence; empty for any other outcome."""

    diagnosis: Diagnosis | None = None
    other_modes: dict[str, str] = field(default_factory=dict)


def run(check: Check, ledger: Ledger, explain: bool = True, deep: bool = False) -> Record:
    """Run and judge one check. Whatever goes wrong becomes an outcome, never an exception.

    With `explain`, a divergence is also compared with the other modes and with every known mistake; with
    `deep`, with a form and a mistake together, which takes seconds.
    """
    row: LedgerRow | None = None
    plan: Plan | None = None
    seen: Observation | None = None
    try:
        row = ledger.row(check, check.versions())
        plan = check.plan()
        seen = check.observe(plan)
        found = settled(verdict_of(seen, row), row)
    except Exception as error:
        found = stopped(error, row)
    why = Explanations()
    if explain and found.outcome is Outcome.DIVERGES:
        try:
            others = {other.mode: _in_short(other) for other in check.in_other_modes()} if found.unexplained else {}
            why = explained(found, others, deep)
        except Exception as error:  # it diverges all the same
            failed = f"the diagnosis failed with {type(error).__name__}: {error}"
            found.reason = f"{found.reason}; {failed}" if found.reason else failed
    return recorded(check, plan, seen, found, why)


def verdict_on(check: Check) -> Verdict:
    """The verdict against the references alone; the caller handles exceptions."""
    return verdict_of(check.observe(check.plan()), None)


def _in_short(check: Check) -> str:
    try:
        return "conforms" if verdict_on(check).conforms else "diverges"
    except Exception as error:
        return type(error).__name__


def explained(found: Settled, other_modes: dict[str, str], deep: bool = False) -> Explanations:
    """Where an optimizer's steps diverge, and which known mistake, form or number explains it."""
    evidence = found.unexplained
    if evidence is None:
        return Explanations()
    return Explanations(diagnose(Examined(evidence), deep=deep), other_modes)


def diagnosed(check: Check) -> Diagnosis | None:
    """Run and diagnose a check of an optimizer; if no single suspect explains it, try a form with a mistake."""
    evidence = verdict_on(check).evidence
    return diagnose(Examined(evidence)) if evidence is not None else None


def blank(check: Check) -> Record:
    """The record of a check before anything has run."""
    return Record(
        id=check.id,
        framework=check.framework,
        optimizer=check.optimizer,
        case=check.name,
        dtype=check.dtype,
        mode=check.mode,
        area=check.area,
        outcome=Outcome.ERROR,
        why=check.why,
        steps=check.length,
        command=f"pytest -k {check.id}",
    )


COPIED = ("locked", "free", "free_steps", "first_bad", "agrees", "resolution", "maybes", "bound", "rule", "end")


def recorded(
    check: Check, plan: Plan | None, seen: Observation | None, found: Settled, why: Explanations
) -> Record:
    """The record of a check, as far as it got."""
    record = replace(blank(check), outcome=found.outcome, reason=found.reason)
    if plan is not None:
        record.constructor, record.options = plan.constructor, dict(plan.options)
    if seen is not None:
        record.steps, record.series = seen.steps, dict(seen.series)
        record.constructor = seen.constructor or record.constructor
    verdict, row = found.verdict, found.row
    if row is not None:
        record.ledger, record.kind, record.link = row.id, row.kind, row.link
        record.expect = None if verdict is not None and verdict.conforms else row.expect
    if verdict is None:
        return record
    for name in COPIED:
        setattr(record, name, getattr(verdict, name))
    record.series |= verdict.series
    record.expect_ratio = verdict.expected.ratio if verdict.expected else None
    record.other_modes = why.other_modes
    if why.diagnosis is not None:
        record.diagnosis = why.diagnosis.to_json()
        record.nearest = [{"name": e.name, "ratio": e.ratio, "says": e.says} for e in why.diagnosis.nearest]
    return record
