"""What changes between two versions: where, by how much, and why.

Two versions behave alike in a check if they have the same outcome, by the same ledger row, judged by the same
reference. Both are then within its bound, so no threshold is needed to tell a change from rounding.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conformance.judge.compared import LIMIT
from conformance.judge.failure import number
from conformance.judge.record import Outcome, Record, unpacked
from conformance.report.columns import Column
from conformance.report.model import class_name


@dataclass(frozen=True)
class Change:
    """One optimizer's checks that change together between two neighbouring versions."""

    optimizer: str
    framework: str
    before: str  # the title of its column
    after: str
    was: str
    becomes: str
    why: str
    link: str | None
    ledger: str | None
    cases: tuple[str, ...]
    checks: int
    size: float | None  # the largest difference in a parameter at the end of a case
    share: float | None  # of the largest parameter there


@dataclass(frozen=True)
class Story:
    """One change of behaviour, in all optimizers that it affects."""

    before: str
    after: str
    why: str
    optimizers: tuple[str, ...]
    checks: int
    largest: Change


def stories(changes: Sequence[Change]) -> list[Story]:
    """The changes of all optimizers that share a reason, as one."""
    groups: dict[tuple, list[Change]] = defaultdict(list)
    for c in changes:
        why = re.sub(rf"(?<![.\w]){re.escape(c.optimizer)}\b", "it", c.why).replace(
            "optimizer it", "such optimizer"
        )
        groups[c.before, c.after, (c.was, c.ledger) if c.ledger else why].append(c)
    return [
        Story(
            before,
            after,
            # If there is only one, in its own words; the ledger's words name no optimizer.
            min((c.why for c in several), key=len) if several[0].ledger or _one(several) else why,
            tuple(sorted({c.optimizer for c in several})),
            sum(c.checks for c in several),
            max(several, key=lambda c: c.share or 0.0),
        )
        for (before, after, why), several in groups.items()
    ]


def _one(several: Sequence[Change]) -> bool:
    return len({c.optimizer for c in several}) == 1


def behaviour(record: Record | None) -> tuple:
    """What two versions must have in common to behave alike."""
    if record is None:
        return ()
    if record.outcome in (Outcome.CONFORMS, Outcome.DIVERGES_KNOWN):
        return (record.outcome, record.ledger, record.rule)
    return (record.outcome, record.ledger)


def between(before: Column, after: Column) -> list[Change]:
    """What changes from one version to the other, grouped by optimizer and kind of change."""
    groups: dict[tuple, list[tuple[Record, Record]]] = defaultdict(list)
    for name in sorted(before.records.keys() & after.records.keys()):
        one, other = before.records[name], after.records[name]
        if behaviour(one) != behaviour(other):
            key = (one.area, one.optimizer, _state(one), _state(other), _moved(one, other))
            groups[key].append((one, other))
    return [_change(before, after, *key[1:], pairs) for key, pairs in sorted(groups.items())]


def _state(record: Record) -> str:
    return record.outcome.value + (f" {record.ledger}" if record.ledger else "")


def _moved(one: Record, other: Record) -> str:
    """How the reference that judges both changed, if the constructor's defaults did."""
    if not one.rule or not other.rule or one.rule == other.rule:
        return ""
    old, new = (set(_arguments(r.rule)) for r in (one, other))
    was, becomes = (", ".join(sorted(a - b)) or "the rule's own" for a, b in ((old, new), (new, old)))
    return f"{was} becomes {becomes}"


def _arguments(rule: str) -> list[str]:
    return [part.strip("() ") for part in rule.replace("(", ", ").split(", ") if "=" in part]


def _change(
    before: Column, after: Column, optimizer: str, was: str, becomes: str, moved: str, pairs: list
) -> Change:
    size, share = _size(pairs)
    why, row, link = _why(pairs, moved)
    return Change(
        optimizer=max((class_name(r) for p in pairs for r in p), key=lambda n: n != n.lower()),
        framework=after.framework,
        before=before.title,
        after=after.title,
        was=was,
        becomes=becomes,
        why=why,
        link=link,
        ledger=row,
        cases=tuple(sorted({o.case for o, _ in pairs})),
        checks=len(pairs),
        size=size,
        share=share,
    )


def _why(pairs: list[tuple[Record, Record]], moved: str) -> tuple[str, str | None, str | None]:
    one, other = pairs[0]
    if moved and _state(one) == _state(other):
        return (f"The constructor's defaults: {moved}.", None, None)
    if other.outcome is Outcome.UNSUPPORTED:
        return (other.reason, None, None)
    if one.outcome is Outcome.UNSUPPORTED and other.outcome.passes:
        known = f" {other.reason}" if other.ledger else ""
        return (f"New: {one.reason}.{known}", other.ledger, other.link)
    if other.outcome.passes and one.ledger and other.ledger and one.outcome is other.outcome:
        return (f"{other.reason} No longer: {one.reason}", other.ledger, other.link)
    for record, says in ((other, ""), (one, "No longer: ")):
        if record.outcome is Outcome.DIVERGES_KNOWN and record.ledger and other.outcome.passes:
            return (says + record.reason, record.ledger, record.link)
    for record, says in ((other, "Behaves as"), (one, "No longer behaves as")):
        if record.nearest and record.nearest[0]["ratio"] <= LIMIT:
            return (f"{says} {record.nearest[0]['name']}: {record.nearest[0]['says']}.", None, None)
    return ("", None, None)


def _size(pairs: list[tuple[Record, Record]]) -> tuple[float | None, float | None]:
    """The largest difference in a parameter after the last step, and its share of the largest parameter."""
    worst: tuple[float, float] | None = None
    for one, other in pairs:
        if not one.end or not other.end:
            continue
        a, b = unpacked(one.end), unpacked(other.end)
        if a.shape != b.shape:
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            apart = np.where(same, 0.0, np.abs(a - b))
        size = float("inf") if np.isnan(apart).any() else float(apart.max(initial=0.0))
        scale = float(np.nanmax(np.abs(np.concatenate([a, b])), initial=0.0))
        share = size / scale if scale else 0.0
        if worst is None or share > worst[1]:
            worst = (size, share)
    return worst or (None, None)


def size(change: Change) -> str:
    """ "0.012, 3% of the largest parameter"."""
    if change.size is None:
        return "no parameters to compare"
    if change.size == 0:
        return "the parameters are the same"
    if change.share is None or change.share == float("inf"):
        return "not finite in one of the two"
    return f"{number(change.size)} ({number(change.share)} of the largest parameter)"
