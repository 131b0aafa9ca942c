"""A run file is evidence, not a claim: what it states is recomputed from its records, the cases and the ledger.

The table is that of the suite which reads the run, so a run of another commit, or of another case table, cannot be
audited here, and this is said instead. A commit says nothing where git does not know one (an installed package)
and not everything where files had been changed ("+changes"): then the digest of the case table decides.

What nobody can recompute without the frameworks is taken as it stands: the ratios (but for the difference that they
are the ratio of), the reason of an option that is unsupported, the options that a constructor offers, the date, the
platform and the versions; and of a run of --config FILE, how many calls the file has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from packaging.version import InvalidVersion, Version

from conformance.areas import registry
from conformance.bindings import BINDINGS
from conformance.cases.calls import PREFIX
from conformance.cases.check import Check
from conformance.errors import BadInput
from conformance.judge import ledger
from conformance.judge.record import Header, Record, Run
from conformance.run import follows, shards
from conformance.run import header as heads

AGAIN = "Run again: python -m conformance run"
_BRIEF = "-brief"
_OF_CALLS = re.compile(r"-[0-9a-f]{8}$")  # the end of the digest of a run of --config FILE
_SHOWN = 10  # sentences about records, and ids in one sentence; the others are counted


@dataclass(frozen=True)
class Audit:
    """What is wrong with a run file as evidence, in sentences."""

    contradicted: tuple[str, ...] = ()  # its evidence shows a failure that it does not state
    foreign: tuple[str, ...] = ()  # it is not a run of this suite, or not as the suite writes it

    @property
    def sentences(self) -> tuple[str, ...]:
        return (*self.contradicted, *self.foreign)


@dataclass(frozen=True)
class Suite:
    """What the version of the suite that reads a run knows of it."""

    digest: str
    table: Mapping[str, Check]
    ledger: ledger.Ledger
    of_calls: bool = False  # a run of --config FILE: it has checks of its own in place of the table
    ending: str = ""  # of the digest
    frameworks: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, run: Run) -> Suite:
        """For the frameworks of this run, and for the part of the table that it says it ran."""
        head, frameworks = run.header, tuple(f for f in BINDINGS if f in run.header.pinned)
        brief, calls = head.digest.endswith(_BRIEF), bool(_OF_CALLS.search(head.digest))
        # `run --config FILE --brief` runs the calls and says brief.
        calls |= brief and bool(run.records) and all(r.case.startswith(PREFIX) for r in run.records)
        ending = _BRIEF if brief else head.digest[-9:] if calls else ""
        table = heads.part(registry.checks(frameworks), brief)
        digest = registry.digest(frameworks) + ending
        return cls(digest, {c.id: c for c in table}, ledger.load(), calls, ending, frameworks)


def audit(run: Run) -> Audit:
    """Everything that is wrong with the evidence. A run that says why it has no records is evidence of nothing."""
    if not run.records and (run.header.failed or not run.header.total):
        return Audit()
    other = another_suite(run.header)
    if other:
        return Audit(foreign=(other,))
    objections = {r.id: said for r in run.records if (said := follows.from_itself(r))}
    beside = beside_the_suite(run, objections)
    return Audit((*_some(objections), *beside.contradicted), (*_shards(run.header), *beside.foreign))


def another_suite(head: Header) -> str:
    """Whether the run is of another commit of the suite, as a sentence."""
    mine, its = (commit.removesuffix("+changes") for commit in (heads.commit(), head.commit))
    if not mine or not its or mine == its:
        return ""
    return (
        f"The run is of commit {its} of the suite, and this is {mine}: its outcomes cannot be recomputed from the "
        f"cases and the ledger of another version. Judge it with a checkout of {its}, or run again: "
        "python -m conformance run"
    )


def beside_the_suite(run: Run, objections: dict[str, str]) -> Audit:
    """The run beside the case table and the ledger; `objections`, by id, are made already and are added to."""
    head = run.header
    strange = [*_setting(head)]
    if strange:
        return Audit(foreign=tuple(strange))
    suite = Suite.of(run)
    if head.digest != suite.digest:
        return Audit(
            foreign=(
                f"The run is of the case table {head.digest}, and the table of this version of the suite is "
                f"{suite.digest}: its outcomes cannot be recomputed here. {AGAIN}",
            )
        )
    unknown = {i for i in (*(r.id for r in run.records), *head.missing) if not _known(i, suite)}
    for record in run.records:
        if record.id not in objections and record.id not in unknown:
            said = follows.from_the_table(record, suite.table.get(record.id), suite.ledger, head.versions)
            if said:
                objections[record.id] = said
    foreign = [*_unknown(unknown), *_totals(head, suite), *_out_of_shard(run, suite)]
    return Audit(tuple(_hidden(run, suite)), tuple(foreign))


def _some(objections: Mapping[str, str]) -> list[str]:
    """The first few, and how many more there are."""
    found = [objections[i] for i in sorted(objections)]
    more = len(found) - _SHOWN
    said = f"The outcomes of {more:,} more records do not follow from their evidence either. {AGAIN}"
    return found[:_SHOWN] + ([said] if more > 0 else [])


def _known(name: str, suite: Suite) -> bool:
    if not suite.of_calls:
        return name in suite.table
    framework, optimizer, *rest = name.split("-")
    entries = BINDINGS[framework].entries if framework in suite.frameworks else {}
    return optimizer in entries and "-".join(rest).startswith(PREFIX)


def _named(ids: Iterable[str]) -> str:
    ids = sorted(ids)
    more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
    return ", ".join(ids[:_SHOWN]) + more


def _unknown(ids: set[str]) -> Iterator[str]:
    if ids:
        yield f"The case table has no check {_named(ids)}, so no run can have recorded it. {AGAIN}"


def _setting(head: Header) -> Iterator[str]:
    """Frameworks that the suite does not have, or whose version nobody wrote down."""
    for framework, pinned in sorted(head.pinned.items()):
        if framework not in BINDINGS:
            yield f"The header names the framework {framework!r}, which the suite does not have. {AGAIN}"
        elif framework not in head.versions:
            yield f"The header gives no version of {framework}, so no row of the ledger can be found. {AGAIN}"
        elif not all(map(_readable, follows.versions_of(framework, head.versions).values())):
            yield f"The header's versions of {framework} are none: {head.versions}. {AGAIN}"
        elif pinned != head.versions[framework].startswith(BINDINGS[framework].pinned):
            yield (
                f"The header says {'' if pinned else 'not '}pinned of {framework} {head.versions[framework]}, and "
                f"{', '.join(BINDINGS[framework].pinned)} are the versions that are. {AGAIN}"
            )


def _readable(version: object) -> bool:
    try:
        return bool(Version(str(version)))
    except InvalidVersion:
        return False


def _shards(head: Header) -> Iterator[str]:
    for one in filter(None, head.shard.split(", ")):
        if not shards.valid(one):
            yield f"The header's shard is {one!r}: there is no part {one}, as in 2/5 only 1 to 5. {AGAIN}"


def _totals(head: Header, suite: Suite) -> Iterator[str]:
    """The header's count of the checks, and its count and digest for each framework."""
    if suite.of_calls:
        return
    if head.total != len(suite.table):
        yield (
            f"The header counts {head.total:,} checks in all, and the case table has {len(suite.table):,}, so "
            f"{abs(len(suite.table) - head.total):,} are not accounted for. {AGAIN}"
        )
    right = heads.tables(suite.frameworks, list(suite.table.values()), suite.ending)
    for framework, table in right.items():
        stands = head.tables.get(framework)
        if stands != table:
            yield f"The header says {stands} of the table of {framework}, and this version {table}. {AGAIN}"


def _out_of_shard(run: Run, suite: Suite) -> Iterator[str]:
    """Records of a part of the table that the run does not say it ran."""
    named = [one for one in run.header.shard.split(", ") if one]
    if not named or suite.of_calls or not all(map(shards.valid, named)):
        return
    table = list(suite.table.values())
    # With `--framework`, the checks that need both are divided apart from the others, or not at all.
    divided = [table, [c for c in table if c.framework != "both"], [c for c in table if c.framework == "both"]]
    beyond = [_beyond(run.records, part, named) for part in divided]
    least = min(beyond, key=len)
    if least:
        yield f"Not of part {run.header.shard} of the run, though the header says so: {_named(least)}. {AGAIN}"


def _beyond(records: Iterable[Record], table: list[Check], named: list[str]) -> set[str]:
    there = {c.id for one in named for c in shards.part(table, one)}
    return {r.id for r in records} - there


def _hidden(run: Run, suite: Suite) -> Iterator[str]:
    """Stale rows and uncovered options that the records show and the header does not name."""
    head = run.header
    if suite.of_calls:
        return
    stale = set(heads.stale(run.records, head.versions, suite.frameworks, suite.ledger)) - set(head.stale)
    if stale:
        yield (
            f"The header does not say that the ledger's rows {_named(stale)} are stale, and none of their cases "
            "needs them. Delete them, or narrow their versions."
        )
    if head.shard or head.selected < len(suite.table):  # an option may be set by a case that was left out
        return
    try:
        found = heads.uncovered(run.records, head.options)
    except (KeyError, StopIteration, BadInput) as error:
        yield f"The header lists the options of something that has no entry ({error}). {AGAIN}"
        return
    for framework, options in found.items():
        missing = set(options) - set(head.uncovered.get(framework, ()))
        if missing and head.pinned.get(framework, False):
            yield (
                f"The header does not say that {_named(missing)} of {framework} are set by no case, and no record "
                "sets them. Write a case that sets them, or say in the binding why none can."
            )
