"""The verdict on an observation: whether it matches the reference, and how sharply."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

from conformance.cases.check import Observation
from conformance.judge.compared import LIMIT
from conformance.judge.evidence import Evidence
from conformance.judge.ledger import LedgerRow
from conformance.judge.record import Worst
from reference.base import Reference

BLIND_ABOVE = 1e-2  # a bound wider than this share of the update could not have failed
BLIND_ABOVE_16 = 0.125  # the same where the rule itself computes in 16 bits, where one unit is 1 / 256


def blind_above(reference: Reference) -> float:
    """The widest bound that a verdict on this rule may have, as a share of the update."""
    rule = getattr(reference, "inner", reference)
    return BLIND_ABOVE_16 if getattr(rule, "orthogonal_in", "") == "bfloat16" else BLIND_ABOVE


@dataclass
class Judged:
    """The comparison with one sequence of references, step by step."""

    ratios: list[float] = field(default_factory=list)  # the worst of each step
    worst: Worst | None = None
    agrees: list[str] = field(default_factory=list)  # quantities within the limit at the first bad step
    resolution: float | None = None  # bound / |update|, the least sharp quantity
    resolved_steps: int = 0
    maybes: int = 0

    @property
    def ratio(self) -> float:
        return max(self.ratios, default=0.0)

    @property
    def first_bad(self) -> int | None:
        return next((t for t, r in enumerate(self.ratios, 1) if not r <= LIMIT), None)

    @property
    def conforms(self) -> bool:
        return self.first_bad is None


@dataclass
class Expected:
    """The same observation against what a row of the ledger expects."""

    conforms: bool
    ratio: float | None = None
    says: str = ""  # what differs from the expectation, in words


@dataclass
class Verdict:
    """The judgement of an observation, against the references and against what the ledger expects."""

    seen: Observation
    conforms: bool
    locked: Worst | None = None  # each step from the implementation's own state
    free: Worst | None = None  # the reference by itself from the start
    free_steps: int = 0
    first_bad: int | None = None
    agrees: list[str] = field(default_factory=list)
    resolution: float | None = None
    maybes: int = 0
    blind: str = ""  # why it could not have failed
    remark: str = ""  # a remark on one that conforms
    says: str = ""  # what a divergence is, in words
    expected: Expected | None = None  # where a ledger row applies, and it does not conform
    listed: bool = False  # a list says what is expected of each check, so that some that the row selects conform
    series: dict[str, list[Any]] = field(default_factory=dict)  # in addition to the observation's
    evidence: Evidence | None = None  # for the diagnosis of an optimizer that does not conform
    bound: str = "derived"
    rule: str = ""
    end: str = ""


@singledispatch
def verdict_of(seen: Observation, row: LedgerRow | None) -> Verdict:
    """The verdict on an observation; each kind registers how it is judged.

    `row`: the ledger row for the check. If it diverges from the references, the row states what is expected.
    """
    raise TypeError(f"{type(seen).__name__}: nothing says how it is judged")


def too_wide(resolution: float | None, limit: float = BLIND_ABOVE, of: str = "update") -> str:
    """Why a verdict with this resolution could not have failed; empty if it could."""
    if resolution is not None and resolution <= limit:
        return ""
    return f"the bound is {resolution} of the {of}, above {limit}: it could not fail"
