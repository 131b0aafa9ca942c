"""A run against an earlier one: what the gate requires besides its own rule, and what an upgrade changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.errors import BadInput
from conformance.judge.failure import number, worst
from conformance.judge.record import Outcome, Record, Run
from conformance.run.gate import count, name_some, record_passes

CHANGED = 2.0  # a ratio that grew or shrank by this factor is worth a line
DIVERGING = (Outcome.DIVERGES, Outcome.BLIND, Outcome.ERROR)


@dataclass
class BaselineComparison:
    """A run compared with a baseline. Only `wrong` fails."""

    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def load(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """The checks of a summary.json: id -> outcome, ratio, ledger."""
    again = "Give a summary.json written by `python -m conformance run`."
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        cases = data["cases"]
        for one in cases.values():
            Outcome(one["outcome"])
    except OSError as error:
        raise BadInput(f"--baseline: {path} cannot be read ({error.strerror}). {again}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"--baseline: {path} is no summary of a run ({error!r}). {again}") from error
    return cases


def compare(run: Run, baseline: Mapping[str, Mapping[str, Any]], ledger: Any = None) -> BaselineComparison:
    """What newly diverges, newly conforms or disappeared since the baseline; other changes are notes."""
    found = BaselineComparison()
    now = {r.id: r for r in run.records}
    gone = [i for i in baseline if i not in now]
    lost, worse, better, explained = [], [], [], []
    for name, old in baseline.items():
        record = now.get(name)
        if record is None:
            continue
        was = Outcome(old["outcome"])
        if record.outcome is Outcome.UNSUPPORTED and was is not Outcome.UNSUPPORTED:
            lost.append(record)
        elif was not in DIVERGING and not record_passes(record):
            worse.append(record)
        elif was is Outcome.DIVERGES_KNOWN and record.outcome is Outcome.CONFORMS:
            still = _still(record, old.get("ledger"), run, ledger)
            (better if still else explained).append(record)
        elif was in (Outcome.CONFORMS, Outcome.UNSUPPORTED) and record.outcome is Outcome.DIVERGES_KNOWN:
            explained.append(record)
    for records, says in (
        (worse, "newly diverging, and no row of the ledger expects it"),
        (better, "newly conforming, so the ledger's row for it is stale"),
        (lost, "now unsupported"),
    ):
        if records:
            found.wrong.append(f"Since the baseline {count(len(records), 'check')} {says}: {_named(records)}.")
    if gone:
        found.wrong.append(
            f"Since the baseline {count(len(gone), 'check')} disappeared: {name_some(sorted(gone))}."
        )
    if explained:
        found.notes.append(f"{count(len(explained), 'check')} changed as the ledger says: {_named(explained)}.")
    new = sorted(now.keys() - baseline.keys())
    if new:
        found.notes.append(f"{count(len(new), 'check')} not in the baseline: {name_some(new)}.")
    found.notes += _ratios(now, baseline)
    return found


def _still(record: Record, row: str | None, run: Run, ledger: Any) -> bool:
    """Whether the ledger still has a row for this check in these versions."""
    rows = () if ledger is None else ledger.rows
    return ledger is None or any(
        r.id == row and r.matches(record.id) and r.applies(run.header.versions) for r in rows
    )


def _named(records: Sequence[Record]) -> str:
    return name_some(sorted(r.id for r in records))


def _ratios(now: Mapping[str, Record], baseline: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Ratios that grew or shrank a lot, the largest factor first."""
    changed = []
    for name, old in baseline.items():
        at = worst(now[name]) if name in now else None
        before = old.get("ratio")
        if at is None or not isinstance(before, (int, float)) or min(before, at.ratio) <= 0:
            continue
        factor = at.ratio / before
        if not 1 / CHANGED < factor < CHANGED:
            changed.append((max(factor, 1 / factor), name, before, at.ratio))
    if not changed:
        return []
    changed.sort(reverse=True)
    shown = "; ".join(f"{i} {number(a)} to {number(b)}" for _, i, a, b in changed[:5])
    return [
        f"{count(len(changed), 'ratio')} changed by more than a factor of {CHANGED:g} (this never fails): {shown}."
    ]
