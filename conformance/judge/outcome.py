"""The outcome: a verdict judged by the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.bindings.binding import Unsupported
from conformance.judge.evidence import Evidence
from conformance.judge.ledger import LedgerRow
from conformance.judge.record import Outcome
from conformance.judge.verdict import Verdict
from reference.branches import TooManyBranches


@dataclass
class Settled:
    """The outcome of a check, and why."""

    outcome: Outcome
    reason: str = ""
    row: LedgerRow | None = None  # of the ledger, if one applies
    verdict: Verdict | None = None  # None if the check did not get that far

    @property
    def unexplained(self) -> Evidence | None:
        """The evidence for a diagnosis, if there is a divergence to diagnose."""
        return self.verdict.evidence if self.verdict is not None else None


def settled(verdict: Verdict, row: LedgerRow | None) -> Settled:
    """By the references and, if it diverges from them, by what the ledger expects."""
    if verdict.conforms:
        if row is not None and not verdict.listed:
            gone = f"it conforms now: the ledger's row {row.id!r} no longer holds for it; narrow or remove it"
            return Settled(Outcome.DIVERGES, gone, row, verdict)
        if verdict.blind:
            return Settled(Outcome.BLIND, verdict.blind, None, verdict)
        return Settled(Outcome.CONFORMS, verdict.remark, None, verdict)
    if row is None:
        return Settled(Outcome.DIVERGES, verdict.says, None, verdict)
    if verdict.expected is not None and verdict.expected.conforms:
        return Settled(Outcome.DIVERGES_KNOWN, row.reason, row, verdict)
    other = f"the ledger expects {row.expect!r} (row {row.id!r}), and it is not that either"
    says = verdict.expected.says if verdict.expected is not None else ""
    return Settled(Outcome.DIVERGES, says or other, row, verdict)


def stopped(error: Exception, row: LedgerRow | None) -> Settled:
    """The outcome of a check ended by an exception. Every failure is an outcome."""
    if isinstance(error, Unsupported):
        return Settled(Outcome.UNSUPPORTED, str(error))
    if isinstance(error, TooManyBranches):
        return Settled(Outcome.BLIND, str(error))
    said = f"{type(error).__name__}: {error}"
    if row is not None and row.raises(said):
        return Settled(Outcome.DIVERGES_KNOWN, row.reason, row)
    return Settled(Outcome.ERROR, said)
