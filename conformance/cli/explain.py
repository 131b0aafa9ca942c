"""The verb `explain`: one check in words, its diagnosis included."""

from __future__ import annotations

import argparse
import difflib
from dataclasses import replace
from pathlib import Path

from conformance.areas import registry
from conformance.bindings import installed
from conformance.cli.common import common
from conformance.errors import BadInput
from conformance.judge import engine, ledger
from conformance.judge.diagnosis import Diagnosis
from conformance.judge.failure import display_name, facts, listed
from conformance.judge.record import Outcome, Record, read_run
from conformance.run.gate import GOOD, run_path
from conformance.run.names import SELECTION, WHOLE

INSTALL = "install it, or use --reports and --name to give a run that includes it"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="a check: framework-optimizer-case-dtype-mode")
    common(parser, name=None, says=f"the latest of {WHOLE} and {SELECTION} that has the check")


def call(args: argparse.Namespace) -> int:
    """Explain one check: what differs, which term of the equations it belongs to, and why.

    Reads the record of a run. If that has no diagnosis and the framework is installed, the check runs again.
    """
    print(explained(args.id, run_path(args.reports, args.name) if args.name else _latest(args.id, args.reports)))
    return GOOD


def _latest(name: str, reports: Path) -> Path:
    """The latest record that has the check: of the whole run, or of a selection."""
    whole = run_path(reports, WHOLE)
    there = [p for p in (whole, *whole.parent.glob(f"{SELECTION}*.jsonl")) if p.exists()]
    there.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return next((path for path in there if _recorded(name, path)[0] is not None), whole)


def explained(name: str, path: Path) -> str:
    """The check's record, from a run file or from running it again, with its diagnosis."""
    record, versions = _recorded(name, path)
    if record is not None and (record.diagnosis or record.outcome in (Outcome.CONFORMS, Outcome.UNSUPPORTED)):
        return _text(record, versions, f"from {path}")
    return _again(name, record, versions, path)


def _recorded(name: str, path: Path) -> tuple[Record | None, dict[str, str]]:
    if not path.exists():
        return None, {}
    run = read_run(path)
    return next((r for r in run.records if r.id == name), None), run.header.versions


def _again(name: str, record: Record | None, versions: dict[str, str], path: Path) -> str:
    """Run the check again, looking deeper than a whole run has time for."""
    known = {c.id: c for c in registry.checks()}
    if name not in known:
        near = next(iter(difflib.get_close_matches(name, list(known), n=1)), None)
        hint = f"; did you mean {near!r}?" if near else "."
        raise BadInput(
            f"ID: {name!r} is not known{hint} "
            "Ids have the form framework-optimizer-case-dtype-mode, as in a report."
        )
    check = known[name]
    lacking = [display_name(f) for f in check.needs if f not in installed()]
    if lacking:
        if record is None:
            raise BadInput(f"ID: {name} is not in {path} and {lacking[0]} is not installed: {INSTALL}.")
        return _text(record, versions, f"from {path}; {lacking[0]} is not installed here")
    again = engine.run(check, ledger.load(), deep=True)
    # The row names the divergence; the diagnosis gives the details, if the check got as far as a verdict.
    if again.outcome is Outcome.DIVERGES_KNOWN and not (again.expect or "").startswith("raises:"):
        found = engine.diagnosed(check)
        again.diagnosis = found.to_json() if found else {}
    return _text(again, check.versions(), "run now")


def _text(record: Record, versions: dict[str, str], whence: str) -> str:
    """A description of the case, then the diagnosis instead of the verdict's own words."""
    title = f"{record.outcome.value}  {record.id}  ({whence})"
    if not record.diagnosis:
        return listed(title, facts(record, versions))
    bare = replace(record, locked=None, free=None, first_bad=None, agrees=[], nearest=[], diagnosis={})
    rows = facts(bare, versions)
    return listed(title, [*rows[:-1], *Diagnosis.from_json(record.diagnosis).facts(), rows[-1]])
