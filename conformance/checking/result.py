"""What `check` found about a custom optimizer, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from conformance.judge.diagnosis import Diagnosis
from conformance.judge.failure import number, share, worst
from conformance.judge.record import Outcome, Record


class DoesNotConform(AssertionError):
    """The optimizer does not follow its reference; `result` has the verdicts and the diagnosis."""

    def __init__(self, result: Result):
        super().__init__(str(result))
        self.result = result


@dataclass
class Result:
    """What `check` found."""

    name: str
    like: str
    records: list[Record]
    diagnosis: Diagnosis | None = None
    notes: list[str] = field(default_factory=list)  # about what is compared and what is not

    @property
    def conforms(self) -> bool:
        """Every judgeable case conforms, and there is at least one."""
        return bool(self.of(Outcome.CONFORMS)) and not self.failures

    @property
    def failures(self) -> list[Record]:
        return self.of(Outcome.DIVERGES) + self.of(Outcome.ERROR)

    def of(self, outcome: Outcome) -> list[Record]:
        """The verdicts with this outcome."""
        return [r for r in self.records if r.outcome is outcome]

    def __str__(self) -> str:
        judged = [r for r in self.records if r.outcome is not Outcome.UNSUPPORTED]
        if self.conforms:
            highest = max((share(at.ratio) or 0.0 for at in map(worst, judged) if at), default=0.0)
            lines = [
                f"{self.name} conforms to {self.like}: {len(self.of(Outcome.CONFORMS))} of {len(judged)} checks, "
                f"the largest error {number(highest)} of what is allowed"
            ]
        else:
            lines = [
                f"{self.name} does not conform to {self.like}: {len(self.failures)} of {len(judged)} checks fail"
            ]
        shown = next((r for r in self.failures if self.diagnosis and r.id == self.diagnosis.case), None)
        if shown:
            lines += [f"{'case':<18}{shown.case}, {shown.dtype}, {shown.mode}: {shown.why}"]
            lines += [f"{'constructor':<18}{shown.constructor}", str(self.diagnosis)]
        broken = self.of(Outcome.ERROR)
        if broken:
            lines.append(f"{'error':<18}{broken[0].case}, {broken[0].dtype}, {broken[0].mode}: {broken[0].reason}")
        for label, outcome in (("diverges in", Outcome.DIVERGES), ("says nothing in", Outcome.BLIND)):
            if self.of(outcome):
                lines.append(f"{label:<18}{_listed(self.of(outcome))}")
        if self.failures and self.of(Outcome.CONFORMS):
            lines.append(f"{'conforms in':<18}{_listed(self.of(Outcome.CONFORMS))}")
        return "\n".join([*lines, *(f"{'note':<18}{note}" for note in self.notes)])


def _listed(records: Iterable[Record]) -> str:
    """Cases, each with its dtypes and modes."""
    found: dict[str, dict[str, None]] = {}
    for r in records:
        found.setdefault(r.case, {})[f"{r.dtype} {r.mode}"] = None
    by_where: dict[tuple[str, ...], list[str]] = {}
    for case, where in found.items():
        by_where.setdefault(tuple(where), []).append(case)
    return "; ".join(f"{', '.join(names)} ({', '.join(where)})" for where, names in by_where.items())
