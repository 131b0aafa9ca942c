"""The header of a run file: what was run, on what, and what no case covers."""

from __future__ import annotations

import datetime
import platform
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from conformance import areas
from conformance.bindings import BINDINGS, installed
from conformance.ledger import Ledger
from conformance.record import Header, Outcome, Record
from reference.formats import WORKING

# framework, optimizer -> {"options": [constructor arguments], "classes": [optimizers of the framework]}
Signatures = Mapping[tuple[str, str], Mapping[str, list[str]]]


def make_header(
    name: str,
    selected: Collection[str],
    records: Mapping[str, Record],
    signatures: Signatures,
    ledger: Ledger,
) -> Header:
    """Describe a run of the installed frameworks, of which `selected` are the instances asked for."""
    frameworks = installed()
    table = areas.instances(frameworks)
    versions = all_versions(frameworks)
    whole = len(selected) == len(table)
    return Header(
        name=name,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        commit=commit(),
        platform=f"{platform.system()} {platform.machine()}",
        versions=versions,
        digest=areas.digest(frameworks),
        total=len(table),
        selected=len(selected),
        selection="" if whole else f"{len(selected)} of {len(table)} by the options of the command line",
        missing=sorted(set(selected) - set(records)),
        longdouble_is_wider=WORKING.is_wider,
        uncovered=uncovered(records, signatures) if whole else {},
        unlisted=unlisted(signatures),
        pinned={f: versions.get(f, "").startswith(BINDINGS[f].pinned) for f in frameworks},
        stale=ledger.stale({i: r.outcome.value for i, r in records.items()}, versions, (i.id for i in table)),
    )


def all_versions(frameworks: Collection[str]) -> dict[str, str]:
    """Python, NumPy, and each framework under test with what it runs on."""
    found = {"python": platform.python_version(), "numpy": np.__version__}
    for framework in frameworks:
        found.update(BINDINGS[framework].versions())
    return found


def commit() -> str:
    """The commit of this checkout, marked when it has changes; of an installed package, nothing."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "..")
        return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def uncovered(records: Mapping[str, Record], signatures: Signatures) -> dict[str, list[str]]:
    """The constructor arguments that no case set to anything but the default."""
    found: dict[str, list[str]] = {}
    for (framework, optimizer), signature in sorted(signatures.items()):
        entry = BINDINGS[framework].entries[optimizer]
        mine = ("optimizers", framework, optimizer)
        ran = (r for r in records.values() if (r.area, r.framework, r.optimizer) == mine)
        given = {name for r in ran if r.outcome is not Outcome.ERROR for name in r.options}
        for option in signature["options"]:
            if option not in given and option not in entry.not_update:
                found.setdefault(framework, []).append(f"{entry.cls}.{option}")
    return found


def unlisted(signatures: Signatures) -> dict[str, list[str]]:
    """The optimizers of each framework that have no entry in its binding, so that nothing checks them."""
    found = {}
    for (framework, _), signature in signatures.items():
        known = {e.cls for e in BINDINGS[framework].entries.values()}
        missing = sorted(set(signature["classes"]) - known)
        if missing:
            found[framework] = missing
    return dict(sorted(found.items()))
