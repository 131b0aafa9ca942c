"""What checks are about, counted by what it is: optimizers, schedules, claims.

The headline, the header of a run file, and with it the gate and the pages, all count here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from conformance.areas import registry
from conformance.cases.check import Check
from conformance.judge.record import Record

_FIRST = ("optimizer", "schedule", "claim")  # then any others, by name


def subjects(checks: Iterable[Check | Record]) -> str:
    """ "19 optimizers, 24 schedules and 8 claims": an optimizer of several areas or frameworks counts once."""
    found: dict[str, set[str]] = defaultdict(set)
    for check in checks:
        found[_subject(check.area)].add(check.optimizer)
    order = sorted(found, key=lambda noun: (_FIRST.index(noun) if noun in _FIRST else len(_FIRST), noun))
    parts = [f"{len(found[noun]):,} {noun}{'' if len(found[noun]) == 1 else 's'}" for noun in order]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "nothing"


def _subject(area: str) -> str:
    """What a row of the area's matrix is; the case table itself, which is no area, has optimizers."""
    return registry.area(area).subject.lower() if area in registry.AREAS else "optimizer"
