"""Runs of several versions as one matrix: optimizers and cases by version, and where behaviour changes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases.calls import Call
from conformance.errors import BadInput
from conformance.judge.record import Record, Run, read_run
from conformance.report.changes import Change, Story, behaviour, between, stories
from conformance.report.columns import BRIEF, Column, columns_of, neighbours, whole_runs
from conformance.report.model import URGENCY

FORMAT = 1  # of versions.json


@dataclass(frozen=True)
class CaseLine:
    """One optimizer's cases that have the same outcome in every version."""

    cases: tuple[str, ...]
    cells: tuple[tuple[str, str, bool], ...]  # outcome (or ""), ledger row, whether it changes here


@dataclass(frozen=True)
class VersionMatrix:
    columns: tuple[Column, ...]
    rows: Mapping[str, tuple[CaseLine, ...]]  # optimizer -> lines
    changes: tuple[Change, ...]
    digests: Mapping[str, str]
    commits: tuple[str, ...]

    @property
    def stories(self) -> list[Story]:
        """The changes of all optimizers that share a reason, as one."""
        return stories(self.changes)

    @property
    def wrong(self) -> list[tuple[Column, int]]:
        """The versions with checks that neither conform nor diverge as the ledger says, with their number."""
        counts = ((c, sum(n for o, n in c.counts.items() if not o.passes)) for c in self.columns)
        return [(c, n) for c, n in counts if n]

    @property
    def unexplained(self) -> list[Change]:
        return [c for c in self.changes if not c.why]


def read(paths: Sequence[Path]) -> list[tuple[str, Run]]:
    return [(str(path), read_run(path)) for path in paths]


def several(runs: Sequence[tuple[str, Run]]) -> bool:
    """Whether these runs cover more than one version of a framework, and so make a matrix."""
    seen: dict[str, set[str]] = defaultdict(set)
    for _, run in runs:
        if run.header.failed:
            return True
        for package, version in run.header.versions.items():
            if package not in ("python", "numpy"):
                seen[package].add(version)
    return any(len(v) > 1 for v in seen.values())


def build(runs: Sequence[tuple[str, Run]]) -> VersionMatrix:
    """The matrix of any number of runs, in any order."""
    columns: list[Column] = []
    digests: dict[str, tuple[str, str]] = {}
    for name, run in whole_runs(runs):
        for column in columns_of(name, run):
            if not column.failed:
                # A brief run has some of the table's checks, under the same names: it can stand beside whole runs.
                digest = run.header.tables[column.framework]["digest"].removesuffix(BRIEF)
                first, known = digests.setdefault(column.framework, (name, digest))
                if digest != known:
                    raise BadInput(
                        f"{name}: its cases of {column.framework} are those of the table {digest}, those of "
                        f"{first} of {known}. Run both with the same version of the suite."
                    )
            twin = next((c for c in columns if c.title == column.title), None)
            if twin:
                raise BadInput(f"{name}: {column.title} is in {twin.name} already. Give only one of them.")
            columns.append(column)
    columns.sort(key=lambda c: c.order)
    changes = [change for before, after in neighbours(columns) for change in between(before, after)]
    return VersionMatrix(
        tuple(columns),
        _rows(columns),
        tuple(changes),
        {f: digest for f, (_, digest) in sorted(digests.items())},
        tuple(sorted({run.header.commit for _, run in runs if run.header.commit})),
    )


def changes(before: Path, after: Path, calls: Sequence[Call] | None = None) -> tuple[str, list[Change], int]:
    """The changes between two runs, preceded by a title and followed by the number of checks compared."""
    found, compared, titles = [], 0, []
    one, other = ({c.framework: c for c in columns_of(str(p), read_run(p))} for p in (before, after))
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
            "Run both alike; for your own calls: python -m conformance run --config FILE"
        )
    return ", ".join(titles), found, compared


def restricted(records: Sequence[Record], calls: Sequence[Call]) -> list[Record]:
    """The records of these calls if a run has them, else the table's records about them."""
    own = {(c.framework, c.optimizer, c.name) for c in calls}
    exact = [r for r in records if (r.framework, r.optimizer, r.case.rpartition("-")[0]) in own]
    return exact or [r for r in records if any(c.covers(r.framework, r.optimizer, r.options) for c in calls)]


def _rows(columns: Sequence[Column]) -> dict[str, tuple[CaseLine, ...]]:
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
        rows[optimizer] = tuple(CaseLine(tuple(cases), line) for line, cases in alike.items())
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


def as_json(matrix: VersionMatrix) -> str:
    """The matrix as data, small enough to commit."""
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
                "brief": c.brief,
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
