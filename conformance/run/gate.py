"""The gate's rule, in one place: the report's headline, `gate` and `run` all use it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from conformance.judge.record import Outcome, Record, Run
from conformance.run.audit import audit

GOOD, DIVERGENCE, BAD_INPUT, INCOMPLETE = 0, 1, 2, 3
RUN_ALL = "Run everything: python -m conformance run"
_SHOWN = 10  # ids listed in one reason; the report has them all

# In words, singular and plural, in the order of urgency.
PHRASES = {
    Outcome.DIVERGES: ("diverges", "diverge"),
    Outcome.ERROR: ("ended in an error", "ended in an error"),
    Outcome.BLIND: ("is blind", "are blind"),
    Outcome.UNSUPPORTED: ("is unsupported with no reason", "are unsupported with no reason"),
    Outcome.DIVERGES_KNOWN: ("has no row in the ledger", "have no row in the ledger"),
}


@dataclass(frozen=True)
class GateVerdict:
    exit_code: int
    reasons: tuple[str, ...] = ()  # why it is not 0: one sentence each, with what to do next
    audit: tuple[str, ...] = ()  # those of them that say why the run file is not evidence of what it states

    @property
    def passes(self) -> bool:
        return self.exit_code == GOOD


def record_passes(record: Record) -> bool:
    """CONFORMS passes. So does what was declared: a divergence with its ledger row, a gap with its reason."""
    if record.outcome is Outcome.DIVERGES_KNOWN:
        return record.ledger is not None
    if record.outcome is Outcome.UNSUPPORTED:
        return bool(record.reason or record.ledger)
    return record.outcome is Outcome.CONFORMS


def failures(run: Run) -> list[Record]:
    """The failing records, the most urgent outcome first."""
    urgency = {outcome: n for n, outcome in enumerate(PHRASES)}
    return sorted((r for r in run.records if not record_passes(r)), key=lambda r: (urgency[r.outcome], r.id))


def judge(run: Run, everything: bool = True) -> GateVerdict:
    """The gate's verdict. A divergence outweighs the rest: no further record can undo it.

    What the run file states counts only as far as it follows from the evidence in it (conformance/run/audit.py).
    Without `everything`, a selection or a shard is complete when all of it is there.
    """
    found = audit(run)
    wrong = [*_failed(run), *found.contradicted, *_uncovered(run), *_stale(run)]
    missing = gaps(run, everything)
    code = DIVERGENCE if wrong else BAD_INPUT if found.foreign else INCOMPLETE if missing else GOOD
    return GateVerdict(code, (*wrong, *found.foreign, *missing), found.sentences)


def count(n: int, noun: str) -> str:
    """ "1 check", "1,200 checks"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def name_some(names: list[str]) -> str:
    """The first few of `names`, and how many more there are."""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _failed(run: Run) -> list[str]:
    bad = failures(run)
    found = Counter(r.outcome for r in bad)
    return [
        f"{count(found[outcome], 'check')} {PHRASES[outcome][found[outcome] > 1]}: "
        f"{name_some([r.id for r in bad if r.outcome is outcome])}."
        for outcome in PHRASES
        if found[outcome]
    ]


def _uncovered(run: Run) -> list[str]:
    """An option that no case sets fails only for pinned versions: others may be newer than our cases."""
    return [
        f"{count(len(options), 'option')} of {framework} UNCOVERED, set by no case: "
        f"{name_some(sorted(options))}. Write a case that sets it, or say in the binding why none can."
        for framework, options in sorted(run.header.uncovered.items())
        if options and run.header.pinned.get(framework, False)
    ]


def _stale(run: Run) -> list[str]:
    stale = sorted(run.header.stale)
    if not stale:
        return []
    return [
        f"{count(len(stale), 'ledger row')} stale, no longer needed by any of its cases: "
        f"{name_some(stale)}. Delete it, or narrow its versions."
    ]


def gaps(run: Run, everything: bool = True) -> list[str]:
    """What is absent: unselected cases and missing records."""
    head, done = run.header, len(run.records)
    found = []
    if head.total == 0 or (head.selected == 0 and done == 0):
        found.append(f"Nothing was checked{_by(head.selection)}. {RUN_ALL}")
    elif head.shard and everything:
        found.append(
            f"Only part {head.shard} of the run: {head.selected:,} of {count(head.total, 'check')}. Combine all "
            "parts: python -m conformance gate reports/runs/NAME-*of*.jsonl"
        )
    elif head.selected < head.total and everything:
        left_out = head.total - head.selected
        found.append(
            f"A selection, not a run: {head.selected:,} of {count(head.total, 'check')} were selected"
            f"{_by(head.selection)}, {left_out:,} left out. {RUN_ALL}"
        )
    if done < head.selected or head.missing:
        named = f": {name_some(sorted(head.missing))}" if head.missing else ""
        lost = max(head.selected - done, len(head.missing))
        found.append(f"{count(lost, 'record')} missing of the {head.selected:,} selected{named}. {RUN_ALL}")
    if done > head.selected or head.selected > head.total:
        found.append(
            f"The counts do not add up ({done:,} records, {head.selected:,} selected, {head.total:,} in all): "
            f"the run file was edited by hand. {RUN_ALL}"
        )
    return found


def _by(selection: str) -> str:
    return f" (selection: {selection})" if selection else ""


def run_path(reports: str | Path, name: str) -> Path:
    """The path of the run called `name`."""
    return Path(reports) / "runs" / f"{name}.jsonl"
