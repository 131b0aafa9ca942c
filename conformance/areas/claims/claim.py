"""A claim, its readings, and the verdict that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from packaging.specifiers import SpecifierSet

HOLDS, HOLDS_IF, DOES_NOT_HOLD = "HOLDS", "HOLDS IF", "DOES NOT HOLD"


class Role(StrEnum):
    """The role of a reading in its claim."""

    STATED = "stated"  # the claim as worded: all of these must be true
    IF = "if"  # a condition under which the claim is true
    INSTEAD = "instead"  # what does do what the claim promises
    NOTE = "note"  # what it could also be taken to say


STATED, IF, INSTEAD, NOTE = Role
Versions = tuple[tuple[str, bool], ...]  # ranges of versions of the framework -> whether it is true there


@dataclass(frozen=True)
class Reading:
    """A sentence that is true or false of the installed frameworks, and which is expected."""

    name: str
    role: Role
    says: str
    test: Callable[[], bool]
    expected: bool | Versions = True
    framework: str = "both"

    def __repr__(self) -> str:  # the function by name, so that the fingerprint of the table is the same everywhere
        return (
            f"Reading({self.name!r}, {self.role.value!r}, {self.says!r}, {self.test.__name__}, {self.expected!r})"
        )

    def expects(self, versions: Mapping[str, str]) -> bool:
        """Of these versions; BadInput where no range has them would be silence, so the first that fits decides."""
        if isinstance(self.expected, bool):
            return self.expected
        version = versions[self.framework].split("+")[0]
        return next(true for spec, true in self.expected if SpecifierSet(spec).contains(version, prereleases=True))


@dataclass(frozen=True)
class Claim:
    """A statement of the lab, its readings, and its verdict."""

    name: str
    states: str
    verdict: str  # the same in every version so far; a reading that depends on one says so
    because: str
    readings: tuple[Reading, ...]


def verdict(found: Mapping[str, bool], claim: Claim) -> str:
    """The verdict from the readings that ran; empty if the stated ones could not be tested."""
    ran = [(reading, found[reading.name]) for reading in claim.readings if reading.name in found]
    stated = [true for reading, true in ran if reading.role is STATED]
    if not stated:
        return ""
    if all(stated):
        return HOLDS
    conditions = [true for reading, true in ran if reading.role is IF]
    return HOLDS_IF if conditions and all(conditions) else DOES_NOT_HOLD


SHOWN = {"keras": "Keras", "torch": "torch", "both": "both"}


def by_version(claim: Claim) -> str:
    """The expected verdict: one for all versions, or one for each range that a reading distinguishes."""
    specs = {r.framework: [s for s, _ in r.expected] for r in claim.readings if not isinstance(r.expected, bool)}
    ranges = [(framework, spec) for framework, found in specs.items() for spec in found]
    if not ranges:
        return claim.verdict
    expected = {
        f"{SHOWN[framework]} {spec}": verdict({r.name: _of(r, framework, spec) for r in claim.readings}, claim)
        for framework, spec in ranges
    }
    if len(set(expected.values())) == 1:
        return f"{claim.verdict}; a note depends on the version"
    return "; ".join(f"{where}: {says}" for where, says in expected.items())


def _of(reading: Reading, framework: str, spec: str) -> bool:
    if isinstance(reading.expected, bool):
        return reading.expected
    known = dict(reading.expected)
    return known[spec] if reading.framework == framework and spec in known else next(iter(known.values()))
