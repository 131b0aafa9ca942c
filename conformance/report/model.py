"""What a report shows, as plain data: built from a run, independent of how it is rendered."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from conformance.areas import registry
from conformance.cases.check import Area
from conformance.errors import choose
from conformance.judge import failure
from conformance.judge.record import Header, Outcome, Record, Run
from conformance.report import area_pages
from conformance.report.headline import headline
from conformance.report.pictures import Figure, Pictures
from conformance.run.gate import GateVerdict, failures, gaps, judge, record_passes
from conformance.run.names import is_partial

# The most urgent first: a matrix cell has the colour of the first one it contains.
URGENCY = (
    Outcome.DIVERGES,
    Outcome.ERROR,
    Outcome.BLIND,
    Outcome.DIVERGES_KNOWN,
    Outcome.CONFORMS,
    Outcome.UNSUPPORTED,
)
KINDS = ("defect", "dialect", "precision", "unsupported")  # a framework's defect is news, a dialect is not
MAIN_MODES = ("eager", "for-loop", "forloop", "default")  # the plain mode comes first


@dataclass(frozen=True)
class CheckView:
    """One record, as shown in an open cell."""

    id: str
    outcome: Outcome
    passes: bool
    dtype: str
    mode: str
    share: float | None  # of what is allowed; 1 is the limit
    facts: list[tuple[str, str]]
    link: str | None


@dataclass(frozen=True)
class CaseView:
    """One case of one optimizer in one framework, in all its modes and dtypes."""

    name: str
    constructor: str
    options: list[str]
    why: str
    checks: dict[str, list[CheckView]]  # by mode, then by dtype
    counts: dict[Outcome, int]


@dataclass(frozen=True)
class Cell:
    """One optimizer in one framework."""

    anchor: str
    framework: str
    title: str
    outcome: Outcome  # the most urgent one in the cell
    counts: dict[Outcome, int]  # only outcomes that occur
    share: float | None  # the worst error, as a share of what is allowed
    modes: list[str]
    dtypes: list[str]
    cases: list[CaseView]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class OptimizerRow:
    """One optimizer."""

    name: str
    title: str
    cells: list[Cell | None]  # one per framework; None if the framework lacks the optimizer


@dataclass(frozen=True)
class Failure:
    """The failing checks of one case, since one mistake shows in many modes and dtypes."""

    first: CheckView
    title: str
    anchor: str  # the cell's
    others: list[CheckView]


@dataclass(frozen=True)
class LedgerGroup:
    """The checks that one ledger row accounts for."""

    name: str
    kind: str
    reason: str
    link: str | None
    expect: str
    where: list[str]  # "PyTorch NAdam"
    count: int
    size: float | None  # the worst error against the reference, as a multiple of what is allowed
    command: str


@dataclass(frozen=True)
class AreaPage:
    """An area, which has its own page."""

    name: str
    title: str
    says: str
    subject: str  # what a row stands for
    header: Header
    counts: dict[Outcome, int]
    frameworks: list[str]
    rows: list[OptimizerRow]
    failing: int
    drawn: list[Callable[[], Figure]] = field(repr=False)
    tables: list[dict[str, Any]]

    @property
    def figures(self) -> list[Figure]:
        """The pictures, once they are drawn."""
        return [done() for done in self.drawn]

    @property
    def file(self) -> str:
        return f"{self.name}.html"


@dataclass(frozen=True)
class Report:
    header: Header
    verdict: GateVerdict
    headline: str
    gaps: list[str]
    selection: bool  # judged by itself, not as a run of everything
    counts: dict[Outcome, int]
    frameworks: list[str]
    rows: list[OptimizerRow]  # one per optimizer
    areas: list[AreaPage]
    failures: list[Failure]
    uncovered: dict[str, list[str]]
    known: list[LedgerGroup]
    unsupported: list[LedgerGroup]
    records: list[Record] = field(repr=False)
    pictures: Pictures = field(repr=False)  # of the areas: begun early for whoever makes their pages


def build(run: Run, everything: bool = True) -> Report:
    """The view of `run`, always the same. Without `everything`, a selection is judged by itself."""
    records = sorted(run.records, key=lambda r: r.id)
    run = Run(run.header, records)
    verdict = judge(run, everything)
    steps = [r for r in records if r.area == "optimizers"]
    frameworks = sorted({*run.header.pinned, *(r.framework for r in steps)})
    pages, pictures = _areas(run)
    return Report(
        header=run.header,
        verdict=verdict,
        headline=headline(run, verdict, everything),
        gaps=gaps(run),
        selection=is_partial(run.header) and not everything,
        counts=_count(records),
        frameworks=frameworks,
        rows=_rows(steps, frameworks, run.header.versions),
        areas=pages,
        failures=_failures(run),
        uncovered={f: sorted(o) for f, o in sorted(run.header.uncovered.items()) if o},
        known=_ledger(r for r in records if r.outcome is Outcome.DIVERGES_KNOWN and record_passes(r)),
        unsupported=_ledger(r for r in records if r.outcome is Outcome.UNSUPPORTED and record_passes(r)),
        records=records,
        pictures=pictures,
    )


def _areas(run: Run) -> tuple[list[AreaPage], Pictures]:
    """A page for each area, and all their pictures, drawn together."""
    records = _group((r for r in run.records if r.area != "optimizers"), lambda r: r.area)
    abouts = {name: registry.area(choose("area", name, registry.AREAS)) for name in records}
    draws = [(name, draw) for name in abouts for draw in area_pages.figures(name, records[name])]
    pictures, figures = Pictures([draw for _, draw in draws]), defaultdict(list)
    for place, (name, _) in enumerate(draws):
        figures[name].append(partial(pictures.get, place))
    return [_area(name, about, records[name], figures[name], run) for name, about in abouts.items()], pictures


def _area(name: str, about: Area, records: list[Record], figures: list[Callable], run: Run) -> AreaPage:
    frameworks = sorted({r.framework for r in records}, key=lambda f: (f == "both", f))
    return AreaPage(
        name=name,
        title=about.title,
        says=about.says,
        subject=about.subject,
        header=run.header,
        counts=_count(records),
        frameworks=frameworks,
        rows=_rows(records, frameworks, run.header.versions),
        failing=sum(not record_passes(r) for r in records),
        drawn=figures,
        tables=area_pages.tables(name, records),
    )


def class_name(record: Record) -> str:
    """The framework's spelling of the optimizer, from the constructor call."""
    plain = record.optimizer.replace("_", "").lower()
    for name in re.findall(r"([A-Za-z_]\w*)\(", record.constructor):
        if name.replace("_", "").lower() == plain:
            return name
    return record.optimizer


def anchor(*parts: str) -> str:
    """An HTML id made of names."""
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(parts)).strip("-").lower()


def _count(records: Iterable[Record]) -> dict[Outcome, int]:
    found = Counter(r.outcome for r in records)
    return {o: found[o] for o in URGENCY if found[o]}


def _group(records: Iterable[Record], key) -> dict:
    groups = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return dict(sorted(groups.items()))


def _rows(records: list[Record], frameworks: list[str], versions: Mapping[str, str]) -> list[OptimizerRow]:
    rows = []
    for name, mine in _group(records, lambda r: r.optimizer).items():
        by_framework = _group(mine, lambda r: r.framework)
        spellings = sorted({_spelling(group) for group in by_framework.values()})
        cells = [_cell(by_framework[f], versions) if f in by_framework else None for f in frameworks]
        rows.append(OptimizerRow(name, " / ".join(spellings), cells))
    return rows


def _spelling(records: list[Record]) -> str:
    return max((class_name(r) for r in records), key=lambda name: name != records[0].optimizer)


def _cell(records: list[Record], versions: Mapping[str, str]) -> Cell:
    first = records[0]
    counts = _count(records)
    shares = [s for r in records if (s := failure.judged_share(r)) is not None]
    modes = sorted({r.mode for r in records}, key=lambda m: (m not in MAIN_MODES, m))
    return Cell(
        anchor=anchor("cell", first.framework, first.optimizer),
        framework=first.framework,
        title=f"{failure.display_name(first.framework)} {_spelling(records)}",
        outcome=next(iter(counts)),
        counts=counts,
        share=max(shares, default=None),
        modes=modes,
        dtypes=sorted({r.dtype for r in records}, key=_dtype_order),
        cases=[_case(group, modes, versions) for group in _group(records, lambda r: r.case).values()],
    )


def _case(records: list[Record], modes: list[str], versions: Mapping[str, str]) -> CaseView:
    ordered = sorted(records, key=lambda r: (modes.index(r.mode), _dtype_order(r.dtype)))
    first = ordered[0]
    checks: dict[str, list[CheckView]] = defaultdict(list)
    for record in ordered:
        checks[record.mode].append(_check(record, versions, same_as=first))
    return CaseView(
        name=first.case,
        constructor=first.constructor,
        options=[f"{k}={v}" for k, v in sorted(first.options.items())],
        why=first.why,
        checks=dict(checks),
        counts=_count(ordered),
    )


def _check(record: Record, versions: Mapping[str, str], same_as: Record | None = None) -> CheckView:
    """`same_as` was already shown for the case: only facts that differ from it are repeated."""
    facts = failure.facts(record, versions)
    if same_as is not None:
        said = {
            "why this case": same_as.why == record.why,
            "constructor": same_as.constructor == record.constructor,
        }
        facts = [(label, text) for label, text in facts if not said.get(label)]
    return CheckView(
        id=record.id,
        outcome=record.outcome,
        passes=record_passes(record),
        dtype=record.dtype,
        mode=record.mode,
        share=failure.judged_share(record),
        facts=facts,
        link=record.link,
    )


def _dtype_order(dtype: str) -> tuple[int, str]:
    order = ("float64", "float32", "bfloat16", "float16")
    return (order.index(dtype) if dtype in order else len(order), dtype)


def _plainest(records: list[Record]) -> Record:
    """The record to show for many: the plain mode, the widest dtype."""
    return min(records, key=lambda r: (r.mode not in MAIN_MODES, _dtype_order(r.dtype), r.id))


def _failures(run: Run) -> list[Failure]:
    groups: dict[tuple, list[Record]] = defaultdict(list)
    for record in failures(run):  # already in the order of urgency
        groups[(record.outcome, record.framework, record.optimizer, record.case)].append(record)
    found = []
    for (_, framework, optimizer, case), records in groups.items():
        first = _plainest(records)
        checks = [_check(r, run.header.versions) for r in records if r is not first]
        title = f"{failure.display_name(framework)} {class_name(first)}: {case}"
        found.append(
            Failure(_check(first, run.header.versions), title, anchor("cell", framework, optimizer), checks)
        )
    return found


def _ledger(records: Iterable[Record]) -> list[LedgerGroup]:
    groups = []
    for (name, reason), mine in _group(records, lambda r: (r.ledger or "", r.reason)).items():
        first = _plainest(mine)
        sizes = [s for r in mine if (s := failure.reference_share(r)) is not None]
        groups.append(
            LedgerGroup(
                name=name,
                kind=first.kind or ("unsupported" if first.outcome is Outcome.UNSUPPORTED else ""),
                reason=reason,
                link=first.link,
                expect=first.expect or "",
                where=sorted({f"{failure.display_name(r.framework)} {class_name(r)}" for r in mine}),
                count=len(mine),
                size=max(sizes, default=None),
                command=first.command,
            )
        )
    # An unknown kind sorts last.
    order = {kind: n for n, kind in enumerate(KINDS)}
    return sorted(groups, key=lambda g: (order.get(g.kind, len(order)), -(g.size or 0), g.name, g.reason))
