"""The page of the claims, from the records alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conformance.areas.claims.claim import Claim, by_version, verdict
from conformance.areas.claims.statements import CLAIMS
from conformance.judge.record import Outcome, Record

TRUE = {True: "true", False: "not true"}


def tables(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The verdicts, then every reading."""
    kept = {(r.optimizer, r.case): r for r in records}
    claims = [c for c in CLAIMS if any((c.name, reading.name) in kept for reading in c.readings)]
    if not claims:
        return []
    return [
        {
            "title": "Verdicts",
            "says": "From the readings below, as they ran here. A verdict other than the expected one is a failure "
            "of the reading that changed. Unless a version is given, the verdict is expected of every version from "
            "TensorFlow 2.12 on.",
            "head": ("claim", "the lab states", "verdict here", "expected, by version", "because"),
            "rows": [(c.name, c.states, here(c, kept), by_version(c), c.because) for c in claims],
        },
        {
            "title": "Readings",
            "says": "Each sentence was tested by running it. The claim holds only if those stated are true.",
            "head": ("claim", "role", "sentence", "found", "expected by version"),
            "rows": [
                (
                    c.name,
                    reading.role.value,
                    reading.says,
                    _found(kept.get((c.name, reading.name))),
                    _expected(reading.expected),
                )
                for c in claims
                for reading in c.readings
            ],
        },
    ]


def here(claim: Claim, kept: dict[tuple[str, str], Record]) -> str:
    """The verdict from the readings that ran."""
    ran = {name: r.series["true"][0] for (c, name), r in kept.items() if c == claim.name and r.series}
    return verdict(ran, claim) or "not tested here"


def _found(record: Record | None) -> str:
    if record is None:
        return "not run"
    if not record.series:
        return "unsupported" if record.outcome is Outcome.UNSUPPORTED else record.outcome.value
    return TRUE[record.series["true"][0]]


def _expected(expected: bool | tuple[tuple[str, bool], ...]) -> str:
    if isinstance(expected, bool):
        return TRUE[expected]
    return ", ".join(f"{spec}: {TRUE[true]}" for spec, true in expected)
