"""The header of a run file: what was run, on which platform, and what no case covers."""

from __future__ import annotations

import datetime
import hashlib
import platform
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conformance.areas import registry
from conformance.bindings import BINDINGS, installed
from conformance.cases import economy
from conformance.judge.ledger import Ledger
from conformance.judge.record import Header, Outcome, Record
from conformance.run.subjects import subjects
from reference.formats import WORKING

CALLS = "the constructor calls of a file"
BRIEF = "each case once, in one dtype and mode: a brief run"
# framework, optimizer -> {"options": [constructor arguments], "classes": [optimizers of the framework]}
Signatures = Mapping[tuple[str, str], Mapping[str, list[str]]]


@dataclass(frozen=True)
class Scope:
    """How much is run of what there is."""

    table: Sequence[Any]
    selected: int
    selection: str  # in words; empty for everything that is installed
    shard: str = ""

    @property
    def total(self) -> int:
        return len(self.table)


def scope(
    selected: Collection[str],
    frameworks: Sequence[str],
    shard: str = "",
    brief: bool = False,
    called: Sequence[Any] | None = None,
) -> Scope:
    """The scope of a run of these frameworks; with `called`, those instances are the whole table."""
    table = list(called) if called is not None else part(registry.checks(frameworks), brief)
    if len(selected) < len(table) and not shard:
        words = f"{subjects(i for i in table if i.id in selected)}, by command-line options"
    elif brief or called is not None:
        words = BRIEF if brief else CALLS
    else:
        words = "" if set(frameworks) >= set(installed()) else f"{' and '.join(frameworks)} alone"
    return Scope(table, len(selected), words, shard)


def make_header(
    name: str,
    selected: Collection[str],
    records: Mapping[str, Record],
    signatures: Signatures,
    ledger: Ledger,
    frameworks: Sequence[str] = (),
    shard: str = "",
    brief: bool = False,
    called: Sequence[Any] | None = None,
) -> Header:
    """Describe a run of these frameworks, or of all installed ones; `selected` are the requested instances.

    With `called`, those instances are the whole table: the constructor calls from a file.
    """
    frameworks = frameworks or installed()
    asked = scope(selected, frameworks, shard, brief, called)
    table = asked.table
    ending = "-brief" if brief else "" if called is None else f"-{_fingerprint(called)}"
    versions = all_versions(frameworks)
    whole = len(selected) == len(table)
    options = {f"{f}-{o}": list(s["options"]) for (f, o), s in sorted(signatures.items())}
    return Header(
        name=name,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        commit=commit(),
        platform=f"{platform.system()} {platform.machine()}",
        versions=versions,
        digest=registry.digest(frameworks) + ending,
        total=asked.total,
        selected=len(selected),
        selection=asked.selection,
        missing=sorted(set(selected) - set(records)),
        longdouble_is_wider=WORKING.is_wider,
        uncovered=uncovered(records.values(), options) if whole and called is None else {},
        unlisted=unlisted(signatures),
        pinned={f: versions.get(f, "").startswith(BINDINGS[f].pinned) for f in frameworks},
        stale=stale(records.values(), versions, frameworks, ledger),
        shard=shard,
        tables=tables(frameworks, table, ending),
        options=options,
    )


def part(table: list[Any], brief: bool) -> list[Any]:
    """The table of a brief run, or the whole table."""
    return economy.brief(table) if brief else table


def tables(frameworks: Sequence[str], table: Sequence[Any], ending: str = "") -> dict[str, dict[str, Any]]:
    """Each framework's part of the table."""
    return {
        f: {"digest": registry.digest([f]) + ending, "total": sum(i.needs == (f,) for i in table)}
        for f in frameworks
    }


def _fingerprint(called: Sequence[Any]) -> str:
    return hashlib.sha256("\n".join(i.fingerprint for i in called).encode()).hexdigest()[:8]


def stale(
    records: Iterable[Record], versions: Mapping[str, str], frameworks: Sequence[str], ledger: Ledger
) -> list[str]:
    """Ledger rows that nothing needed although every case they select was run."""
    outcomes = {r.id: r.outcome.value for r in records}
    return ledger.stale(outcomes, versions, (i.id for i in registry.checks(frameworks)))


def all_versions(frameworks: Collection[str]) -> dict[str, str]:
    """Versions of Python, NumPy, and each framework under test with its backend."""
    found = {"python": platform.python_version(), "numpy": np.__version__}
    for framework in frameworks:
        found.update(BINDINGS[framework].versions())
    return found


def commit() -> str:
    """The commit of this checkout, marked if it has changes; empty for an installed package.

    A package that is installed inside another repository is not of its commit: git must know this file.
    """
    here = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "--", str(Path(__file__).resolve()))
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".")
        return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def uncovered(records: Iterable[Record], options: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The constructor arguments that every case leaves at their default."""
    given: dict[str, set[str]] = {}
    for r in records:
        if r.outcome is not Outcome.ERROR:
            given.setdefault(f"{r.area}-{r.framework}-{r.optimizer}", set()).update(r.options)
    found: dict[str, list[str]] = {}
    for key, names in sorted(options.items()):
        framework, _, optimizer = key.partition("-")
        area, entry = registry.entry(framework, optimizer)
        for option in names:
            if option not in given.get(f"{area}-{key}", ()) and option not in entry.not_update:
                found.setdefault(framework, []).append(f"{entry.cls}.{option}")
    return found


def unlisted(signatures: Signatures) -> dict[str, list[str]]:
    """Each framework's optimizers and schedules without an entry, which nothing checks."""
    found: dict[str, list[str]] = {}
    for (framework, _), signature in signatures.items():
        known = signature.get("known") or [e.cls for e in BINDINGS[framework].entries.values()]
        missing = set(signature["classes"]) - set(known)
        if missing:
            found[framework] = sorted(missing.union(found.get(framework, ())))
    return dict(sorted(found.items()))
