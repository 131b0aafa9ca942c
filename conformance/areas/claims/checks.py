"""A check for each reading of each claim: it runs, and what it finds has to be what is expected of this version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from conformance.areas import registry
from conformance.areas.claims.table import CLAIMS, Claim, Reading
from conformance.areas.registry import Check
from conformance.judge.ledger import Ledger
from conformance.judge.record import Outcome, Record


@dataclass(frozen=True)
class Read(Check):
    """One reading."""

    claim: str
    reading: Reading

    area: ClassVar[str] = "claims"

    def judge(self, record: Record, ledger: Ledger) -> None:
        """Whether the sentence is true here, and whether that was expected."""
        found, expected = self.reading.test(), self.reading.expects(registry.versions(self))
        record.series = {"true": [found]}
        record.reason = f"{'true' if found else 'not true'}: {self.reading.says}"
        record.outcome = Outcome.CONFORMS if found == expected else Outcome.DIVERGES
        if found != expected:
            record.reason += f"; expected of this version: {'true' if expected else 'not true'}"


def checks() -> Iterator[Read]:
    """Every reading of every claim."""
    for claim in CLAIMS:
        for reading in claim.readings:
            why = f"{reading.role.value}: {reading.says}"
            yield Read(reading.framework, claim.name, reading.name, why, "float64", "default", claim.name, reading)


__all__ = ["Claim", "Read", "checks"]
