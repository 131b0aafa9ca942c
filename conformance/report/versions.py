"""Runs of several versions as one matrix: optimizer and case by version, and where behaviour changes.

Two versions behave alike in a check when they have the same outcome, by the same row of the ledger, judged by the
same reference. Both are then within its bound, so that no threshold is needed to tell a change from rounding.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from packaging.version import InvalidVersion, Version

from conformance.errors import BadInput, Incomplete
from conformance.record import Outcome, Record, Run, read_run, unpacked
from conformance.report.combine import combine
from conformance.report.explain import display_name
from conformance.report.gate import name_some
from conformance.report.model import URGENCY, class_name
from conformance.verdict import LIMIT

FORMAT = 1  # of versions.json
BACKENDS = ("tensorflow", "jax", "torch")  # of Keras, in the order of the columns


@dataclass(frozen=True)
class Column:
    """One framework in one version."""

    name: str  # of the run
    framework: str
    backend: str  # what Keras computes with
    versions: Mapping[str, str]
    records: Mapping[str, Record] = field(repr=False)
    failed: str = ""

    @property
    def title(self) -> str:
        if self.failed:
            return self.name
        if self.framework != "keras":
            return f"{display_name(self.framework)} {self.versions[self.framework]}"
        below = f"{display_name(self.backend)} {self.versions[self.backend]}"
        return f"Keras {self.versions['keras']} on {below}"

    @property
    def order(self) -> tuple:
        backend = BACKENDS.index(self.backend) if self.backend in BACKENDS else -1
        versions = [_version(self.versions.get(k, "0")) for k in (self.framework, self.backend) if k]
        return (bool(self.failed), self.framework, backend, versions, self.name)

    @property
    def counts(self) -> dict[Outcome, int]:
        found = Counter(r.outcome for r in self.records.values())
        return {o: found[o] for o in URGENCY if found[o]}


@dataclass(frozen=True)
class Change:
    """Checks of one optimizer that change together between two neighbouring versions."""

    optimizer: str
    framework: str
    before: str  # title of the column
    after: str
    was: str
    becomes: str
    why: str
    link: str | None
    ledger: str | None
    cases: tuple[str, ...]
    checks: int
    size: float | None  # the largest difference of a parameter at the end of a case
    share: float | None  # of the largest parameter there


@dataclass(frozen=True)
class Story:
    """One change of behaviour, in all optimizers that have it."""

    before: str
    after: str
    why: str
    optimizers: tuple[str, ...]
    checks: int
    largest: Change


@dataclass(frozen=True)
class Line:
    """Cases of one optimizer that have the same outcomes in every version."""

    cases: tuple[str, ...]
    cells: tuple[tuple[str, str, bool], ...]  # outcome (or ""), row of the ledger, whether it changes here


@dataclass(frozen=True)
class Matrix:
    columns: tuple[Column, ...]
    rows: Mapping[str, tuple[Line, ...]]  # optimizer -> lines
    changes: tuple[Change, ...]
    digests: Mapping[str, str]
    commits: tuple[str, ...]

    @property
    def stories(self) -> list[Story]:
        """The changes of all optimizers that have one reason, as one."""
        groups: dict[tuple, list[Change]] = defaultdict(list)
        for c in self.changes:
            why = re.sub(rf"\b{re.escape(c.optimizer)}\b", "it", c.why)
            groups[c.before, c.after, (c.was, c.ledger) if c.ledger else why].append(c)
        return [
            Story(
                before,
                after,
                min((c.why for c in several), key=len) if several[0].ledger else why,
                tuple(sorted({c.optimizer for c in several})),
                sum(c.checks for c in several),
                max(several, key=lambda c: c.share or 0.0),
            )
            for (before, after, why), several in groups.items()
        ]

    @property
    def unexplained(self) -> list[Change]:
        return [c for c in self.changes if not c.why]


def read(paths: Sequence[Path]) -> list[tuple[str, Run]]:
    return [(str(path), read_run(path)) for path in paths]


def several(runs: Sequence[tuple[str, Run]]) -> bool:
    """Whether these runs are of more than one version of a framework, so that they make a matrix."""
    seen: dict[str, set[str]] = defaultdict(set)
    for _, run in runs:
        if run.header.failed:
            return True
        for package, version in run.header.versions.items():
            if package not in ("python", "numpy"):
                seen[package].add(version)
    return any(len(v) > 1 for v in seen.values())


def build(runs: Sequence[tuple[str, Run]]) -> Matrix:
    """The matrix of any number of runs, in any order."""
    columns: list[Column] = []
    digests: dict[str, tuple[str, str]] = {}
    for name, run in _whole(runs):
        for column in _columns(name, run):
            if not column.failed:
                digest = run.header.tables[column.framework]["digest"]
                first, known = digests.setdefault(column.framework, (name, digest))
                if digest != known:
                    raise BadInput(
                        f"{name}: its cases of {column.framework} are those of the table {digest}, those of "
                        f"{first} of {known}. Run both with one version of the suite."
                    )
            twin = next((c for c in columns if c.title == column.title), None)
            if twin:
                raise BadInput(f"{name}: {column.title} is in {twin.name} already. Give one of them.")
            columns.append(column)
    columns.sort(key=lambda c: c.order)
    changes = [change for before, after in neighbours(columns) for change in between(before, after)]
    return Matrix(
        tuple(columns),
        _rows(columns),
        tuple(changes),
        {f: digest for f, (_, digest) in sorted(digests.items())},
        tuple(sorted({run.header.commit for _, run in runs if run.header.commit})),
    )


def changes(before: Path, after: Path, calls: Sequence[Any] | None = None) -> tuple[str, list[Change], int]:
    """What changes between two runs, how it is to be headed, and how many checks were compared."""
    from conformance.calls import restricted

    found, compared, titles = [], 0, []
    one, other = ({c.framework: c for c in _columns(str(p), read_run(p))} for p in (before, after))
    common = sorted(one.keys() & other.keys())
    if not common:
        raise BadInput(f"{after}: it has no framework in common with {before}.")
    for framework in common:
        a, b = one[framework], other[framework]
        if calls is not None:
            a, b = (replace(c, records={r.id: r for r in restricted([*c.records.values()], calls)}) for c in (a, b))
        shared = a.records.keys() & b.records.keys()
        compared += len(shared)
        titles.append(f"{a.title} → {b.title}")
        found += between(a, b)
    if not compared:
        raise BadInput(
            f"{after}: it has no check in common with {before}{' for these calls' if calls is not None else ''}. "
            "Run both alike, for calls of your own by: python -m conformance run --config FILE"
        )
    return ", ".join(titles), found, compared


def _whole(runs: Sequence[tuple[str, Run]]) -> list[tuple[str, Run]]:
    """Shards of one run put together; BadInput or Incomplete for what is not a whole run."""
    groups: dict[tuple, list[tuple[str, Run]]] = defaultdict(list)
    found = []
    for name, run in sorted(runs, key=lambda r: r[0]):
        head = run.header
        if head.shard:
            groups[tuple(sorted(head.versions.items())), head.digest, head.commit].append((name, run))
        else:
            found.append((name, run))
    for shards in groups.values():
        found.append((shards[0][0], combine([r for _, r in shards], [n for n, _ in shards])))
    for name, run in found:
        head = run.header
        if head.shard:
            raise Incomplete(f"{name}: only part {head.shard} of a run. Give all parts.")
        for framework, table in sorted(head.tables.items()):
            there = sum(r.framework == framework for r in run.records)
            if there != table["total"]:
                missing = f" (missing: {name_some(head.missing)})" if head.missing else ""
                raise Incomplete(
                    f"{name}: an incomplete run, {there:,} of {table['total']:,} checks of {framework}{missing}. "
                    "Run everything: python -m conformance run"
                )
        if not head.tables and not head.failed:
            raise BadInput(f"{name}: it does not say what its cases are. Run again: python -m conformance run")
    return found


def _columns(name: str, run: Run) -> Iterable[Column]:
    head = run.header
    if head.failed:
        yield Column(head.name, "keras", "", head.versions, {}, head.failed)
    for framework in head.tables:
        records = {r.id: r for r in run.records if r.framework == framework}
        backend = ""
        if framework == "keras":
            packages = set(head.versions) - ({"torch"} if "torch" in head.tables else set())
            backend = next((b for b in BACKENDS if b in packages), "")
        mine = {k: v for k, v in head.versions.items() if k in (framework, backend)}
        yield Column(head.name, framework, backend, mine, records)


def neighbours(columns: Sequence[Column]) -> list[tuple[Column, Column]]:
    """Each version and the next of the same framework on the same backend; a backend and TensorFlow's."""
    there = [c for c in columns if not c.failed]
    found = []
    for n, after in enumerate(there):
        alike = [c for c in there[:n] if (c.framework, c.backend) == (after.framework, after.backend)]
        if alike:
            found.append((alike[-1], after))
        elif after.framework == "keras" and after.backend != "tensorflow":
            same = [
                c for c in there if c.backend == "tensorflow" and c.versions["keras"] == after.versions["keras"]
            ]
            if same:
                found.append((same[-1], after))
    return found


def behaviour(record: Record | None) -> tuple:
    """What has to be the same for two versions to behave alike."""
    if record is None:
        return ()
    if record.outcome in (Outcome.CONFORMS, Outcome.DIVERGES_KNOWN):
        return (record.outcome, record.ledger, record.rule)
    return (record.outcome, record.ledger)


def between(before: Column, after: Column) -> list[Change]:
    """What changes from one version to the other, the checks of one optimizer and one kind of change together."""
    groups: dict[tuple, list[tuple[Record, Record]]] = defaultdict(list)
    for name in sorted(before.records.keys() & after.records.keys()):
        one, other = before.records[name], after.records[name]
        if behaviour(one) != behaviour(other):
            key = (one.area, one.optimizer, _state(one), _state(other), _moved(one, other))
            groups[key].append((one, other))
    return [_change(before, after, *key[1:], pairs) for key, pairs in sorted(groups.items())]


def _state(record: Record) -> str:
    return record.outcome.value + (f" {record.ledger}" if record.ledger else "")


def _moved(one: Record, other: Record) -> str:
    """How the reference changed that both are judged by, where the constructor's defaults did."""
    if not one.rule or not other.rule or one.rule == other.rule:
        return ""
    old, new = (set(_arguments(r.rule)) for r in (one, other))
    was, becomes = (", ".join(sorted(a - b)) or "the rule's own" for a, b in ((old, new), (new, old)))
    return f"{was} becomes {becomes}"


def _arguments(rule: str) -> list[str]:
    return [part.strip("() ") for part in rule.replace("(", ", ").split(", ") if "=" in part]


def _change(
    before: Column, after: Column, optimizer: str, was: str, becomes: str, moved: str, pairs: list
) -> Change:
    size, share = _size(pairs)
    why, row, link = _why(pairs, moved)
    return Change(
        optimizer=max((class_name(r) for p in pairs for r in p), key=lambda n: n != n.lower()),
        framework=after.framework,
        before=before.title,
        after=after.title,
        was=was,
        becomes=becomes,
        why=why,
        link=link,
        ledger=row,
        cases=tuple(sorted({o.case for o, _ in pairs})),
        checks=len(pairs),
        size=size,
        share=share,
    )


def _why(pairs: list[tuple[Record, Record]], moved: str) -> tuple[str, str | None, str | None]:
    one, other = pairs[0]
    if moved and _state(one) == _state(other):
        return (f"The constructor's defaults: {moved}.", None, None)
    if other.outcome is Outcome.UNSUPPORTED:
        return (other.reason, None, None)
    if one.outcome is Outcome.UNSUPPORTED and other.outcome.passes:
        known = f" {other.reason}" if other.ledger else ""
        return (f"New: {one.reason}.{known}", other.ledger, other.link)
    if other.outcome.passes and one.ledger and other.ledger and one.outcome is other.outcome:
        return (f"{other.reason} No longer: {one.reason}", other.ledger, other.link)
    for record, says in ((other, ""), (one, "No longer: ")):
        if record.outcome is Outcome.DIVERGES_KNOWN and record.ledger and other.outcome.passes:
            return (says + record.reason, record.ledger, record.link)
    for record, says in ((other, "Behaves as"), (one, "No longer behaves as")):
        if record.nearest and record.nearest[0]["ratio"] <= LIMIT:
            return (f"{says} {record.nearest[0]['name']}: {record.nearest[0]['says']}.", None, None)
    return ("", None, None)


def _size(pairs: list[tuple[Record, Record]]) -> tuple[float | None, float | None]:
    """The largest difference between parameters after the last step, and its share of the largest parameter."""
    worst: tuple[float, float] | None = None
    for one, other in pairs:
        if not one.end or not other.end:
            continue
        a, b = unpacked(one.end), unpacked(other.end)
        if a.shape != b.shape:
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            apart = np.where(same, 0.0, np.abs(a - b))
        size = float("inf") if np.isnan(apart).any() else float(apart.max(initial=0.0))
        scale = float(np.nanmax(np.abs(np.concatenate([a, b])), initial=0.0))
        share = size / scale if scale else 0.0
        if worst is None or share > worst[1]:
            worst = (size, share)
    return worst or (None, None)


def _rows(columns: Sequence[Column]) -> dict[str, tuple[Line, ...]]:
    there = [c for c in columns if not c.failed]
    before = {id(after): one for one, after in neighbours(columns)}
    cells: dict[str, dict[str, list[tuple[str, str, bool]]]] = defaultdict(dict)
    by_case = [_by_case(c) for c in there]
    for key in sorted({k for one in by_case for k in one}):
        line = []
        for column, mine in zip(there, by_case, strict=True):
            records = mine.get(key, {})
            previous = before.get(id(column))
            old = by_case[there.index(previous)].get(key, {}) if previous else {}
            changed = any(n in records and behaviour(old[n]) != behaviour(records[n]) for n in old)
            line.append((*_worst(records.values()), changed))
        cells[key[0]].setdefault(key[1], line)
    rows = {}
    for optimizer, lines in sorted(cells.items()):
        alike: dict[tuple, list[str]] = defaultdict(list)
        for case, line in lines.items():
            alike[tuple(line)].append(case)
        rows[optimizer] = tuple(Line(tuple(cases), line) for line, cases in alike.items())
    return rows


def _by_case(column: Column) -> dict[tuple[str, str], dict[str, Record]]:
    found: dict[tuple[str, str], dict[str, Record]] = defaultdict(dict)
    for r in column.records.values():
        found[f"{column.framework}-{r.optimizer}", r.case][r.id] = r
    return found


def _worst(records: Iterable[Record]) -> tuple[str, str]:
    records = list(records)
    outcome = next((o for o in URGENCY if any(r.outcome is o for r in records)), None)
    rows = sorted({r.ledger for r in records if r.outcome is outcome and r.ledger})
    return (outcome.value if outcome else "", ", ".join(rows))


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def as_json(matrix: Matrix) -> str:
    """The matrix as data, small enough to be kept."""
    data: dict[str, Any] = {
        "format": FORMAT,
        "commits": matrix.commits,
        "digests": dict(matrix.digests),
        "columns": [
            {
                "run": c.name,
                "title": c.title,
                "versions": dict(c.versions),
                "failed": c.failed,
                "counts": {o.value: n for o, n in c.counts.items()},
            }
            for c in matrix.columns
        ],
        "changes": [{k: v for k, v in vars(c).items() if v is not None} for c in matrix.changes],
        "rows": {o: [{"cases": li.cases, "cells": li.cells} for li in lines] for o, lines in matrix.rows.items()},
    }
    return json.dumps(_finite(data), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, (list, tuple)) else value
