"""One check in words, its diagnosis included: what `python -m conformance explain ID` prints."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

from conformance.errors import BadInput
from conformance.judge.failure import display_name, facts, listed
from conformance.judge.record import Outcome, Record, read_run

INSTALL = "install it, or give the run file of a run that has it with --reports and --name"


def explained(name: str, path: Path) -> str:
    """The record of this check in a run file, or of running it again, and its diagnosis."""
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
    """Run the check once more, and look deeper than a whole run has time for."""
    from conformance.areas import registry
    from conformance.bindings import installed
    from conformance.cases import table
    from conformance.judge import engine
    from conformance.judge.ledger import load

    known = {i.id: i for i in registry.instances()}
    if name not in known:
        near = next(iter(difflib.get_close_matches(name, list(known), n=1)), None)
        hint = f"; did you mean {near!r}?" if near else "."
        raise BadInput(
            f"ID: {name!r} is not known{hint} Ids are framework-optimizer-case-dtype-mode, as in a report."
        )
    instance = known[name]
    lacking = [display_name(f) for f in instance.needs if f not in installed()]
    if lacking:
        if record is None:
            raise BadInput(f"ID: {name} is not in {path} and {lacking[0]} is not installed: {INSTALL}.")
        return _text(record, versions, f"from {path}; {lacking[0]} is not installed here")
    again = registry.run(instance, load(), deep=True)
    if again.outcome is Outcome.DIVERGES_KNOWN and isinstance(
        instance, table.Instance
    ):  # the row says what it is; the diagnosis says it in detail
        again.diagnosis = engine.diagnosed(instance).to_json()
    return _text(again, registry.versions(instance), "run now")


def _text(record: Record, versions: dict[str, str], whence: str) -> str:
    """What the case is, then the diagnosis in the place of the verdict's own words."""
    from conformance.judge.diagnosis import Diagnosis

    title = f"{record.outcome.value}  {record.id}  ({whence})"
    if not record.diagnosis:
        return listed(title, facts(record, versions))
    bare = replace(record, locked=None, free=None, first_bad=None, agrees=[], nearest=[], diagnosis={})
    rows = facts(bare, versions)
    return listed(title, [*rows[:-1], *Diagnosis.from_json(record.diagnosis).facts(), rows[-1]])
