"""Right runs of the real case table, made without a framework, for the tests of what reads a run as evidence."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from sample_runs import VERSIONS

from conformance.areas import registry
from conformance.areas.refusals.checks import listed
from conformance.bindings import BINDINGS
from conformance.cases.check import Check
from conformance.judge import engine, ledger
from conformance.judge.record import Header, Outcome, Record, Run, Worst
from conformance.run import gate, shards
from conformance.run import header as heads
from conformance.run.follows import versions_of

LEDGER = ledger.load()
GOOD, BAD = Worst(0.5, 1, "params[0]", (), 1.0, 1.0, 1e-16), Worst(1e9, 1, "params[0]", (), 1.0, 2.0, 1e-9)
EVERYTHING = tuple(BINDINGS)
CONFORMING = {"area": "optimizers", "framework": "torch", "outcome": Outcome.CONFORMS}
KNOWN = {"area": "schedules", "framework": "torch", "outcome": Outcome.DIVERGES_KNOWN}
NEXT = ("Run again: ", "run again: ", "Run it again: ", "Delete them, or", "Write a case")  # what to do


def right(check: Check, versions: dict[str, str] = VERSIONS) -> Record:
    """A record as a right run of these versions leaves it."""
    mine = versions_of(check.framework, versions)
    record, row = engine.blank(check), LEDGER.row(check, mine)
    known = {"outcome": Outcome.DIVERGES_KNOWN}
    if row is not None:
        known |= {"ledger": row.id, "kind": row.kind, "link": row.link, "expect": row.expect, "reason": row.reason}
    if check.area == "claims":
        true = check.reading.expects(mine)
        reason = f"{'true' if true else 'not true'}: {check.reading.says}"
        return replace(record, outcome=Outcome.CONFORMS, series={"true": [true]}, reason=reason)
    if check.area == "refusals":
        wrong = {name for s in listed(check.framework, mine) for name in s.get(check.case, ())}
        done, undone = ("refused", "accepted") if check.bad else ("accepted", "refused")
        wrong &= {i.label for i in check.inputs}
        series = {done: [i.label for i in check.inputs if i.label not in wrong], undone: sorted(wrong)}
        return replace(record, **(known if wrong else {"outcome": Outcome.CONFORMS}), series=series)
    binding = BINDINGS.get(check.framework)
    reason = binding.mode_reason(check.entry, check.mode) if check.area == "optimizers" else ""
    if reason:
        return replace(record, outcome=Outcome.UNSUPPORTED, reason=reason)
    if row is None:
        return replace(record, outcome=Outcome.CONFORMS, locked=GOOD, free=GOOD, resolution=1e-9)
    if row.expect.startswith("raises:"):
        return replace(record, **known)
    return replace(record, **known, locked=BAD, free=GOOD, first_bad=1, resolution=1e-9, expect_ratio=0.5)


@cache
def records(frameworks: tuple[str, ...], brief: bool) -> tuple[Record, ...]:
    return tuple(map(right, heads.part(registry.checks(frameworks), brief)))


def run_of(frameworks: tuple[str, ...] = ("torch",), brief: bool = True, **changes: object) -> Run:
    """A right run of these frameworks, unless `changes` to its header say something else."""
    found, ending = list(records(frameworks, brief)), "-brief" if brief else ""
    table = heads.part(registry.checks(frameworks), brief)
    head = Header(
        name="conformance",
        created="2026-11-28T09:30:00+00:00",
        commit=heads.commit(),
        platform="Linux x86_64",
        versions=dict(VERSIONS),
        digest=registry.digest(frameworks) + ending,
        total=len(found),
        selected=len(found),
        pinned=dict.fromkeys(frameworks, True),
        tables=heads.tables(frameworks, table, ending),
    )
    return Run(replace(head, **changes), found)


def first(**wanted: object) -> Record:
    """The first record of the sample run with these values."""
    there = (r for r in records(EVERYTHING, False) if all(getattr(r, k) == v for k, v in wanted.items()))
    return next(there)


def edited(record: Record, **changes: object) -> Run:
    """A right run of the record's frameworks in which this record was edited."""
    frameworks = EVERYTHING if record.framework == "both" else (record.framework,)
    run = run_of(frameworks, brief=False)
    run.records = [replace(r, **changes) if r.id == record.id else r for r in run.records]
    return run


def red(run: Run, code: int, *says: str) -> None:
    """The gate fails the run with this exit code, and one sentence has all these words and says what to do."""
    verdict = gate.judge(run)
    assert verdict.exit_code == code, verdict.reasons
    found = [r for r in verdict.reasons if all(part in r for part in says)]
    assert found, verdict.reasons
    assert found[0] in verdict.audit
    assert any(word in found[0] for word in NEXT)


def shard(part: str, frameworks: tuple[str, ...] = ("torch",)) -> Run:
    whole = run_of(frameworks, name=f"conformance-{part.replace('/', 'of')}")
    mine = {c.id for c in shards.part(heads.part(registry.checks(frameworks), True), part)}
    found = [r for r in whole.records if r.id in mine]
    return Run(replace(whole.header, shard=part, selected=len(found)), found)
