"""A check for each reading of each claim: its finding must be the one expected of this version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from conformance.areas.claims.claim import Reading
from conformance.areas.claims.statements import CLAIMS
from conformance.cases.check import Check, Observation, Plan
from conformance.judge.ledger import LedgerRow
from conformance.judge.verdict import Verdict, verdict_of


@dataclass(frozen=True)
class ReadingCheck(Check):
    """One reading."""

    claim: str
    reading: Reading

    area: ClassVar[str] = "claims"

    def plan(self) -> Plan:
        return Plan(self)

    def observe(self, plan: Plan) -> Answer:
        """Whether the sentence is true here, and whether it was expected to be."""
        true = self.reading.test()
        return Answer(plan, series={"true": [true]}, true=true, expected=self.reading.expects(self.versions()))


@dataclass(kw_only=True)
class Answer(Observation):
    """Whether a reading is true of the installed versions."""

    true: bool
    expected: bool


@verdict_of.register
def of_answer(seen: Answer, row: LedgerRow | None) -> Verdict:
    """The finding must be the expected one."""
    words = {True: "true", False: "not true"}
    remark = f"{words[seen.true]}: {seen.plan.check.reading.says}"
    says = f"{remark}; expected of this version: {words[seen.expected]}"
    return Verdict(seen, seen.true == seen.expected, remark=remark, says=says)


def checks() -> Iterator[ReadingCheck]:
    """Every reading of every claim."""
    for claim in CLAIMS:
        for reading in claim.readings:
            why = f"{reading.role.value}: {reading.says}"
            yield ReadingCheck(
                reading.framework, claim.name, reading.name, why, "float64", "default", claim.name, reading
            )
