"""Gathers the records of a run in the controlling process, and writes its run file at the end."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.bindings import installed
from conformance.cases.check import Check
from conformance.errors import BadInput
from conformance.judge import engine, ledger
from conformance.judge.record import Header, Record, Run, atomically
from conformance.run import names, shards
from conformance.run.header import make_header, scope
from conformance.run.keeping import Kept, because, keep
from conformance.run.lease import Lease, lease
from conformance.run.receiver import Receiver, how_it_stopped
from conformance.run.stopping import Stopping

PROPERTY = "conformance"
SIGNATURE = "signature"
TABLE = pytest.StashKey[list[Check]]()
LEDGER = pytest.StashKey[ledger.Ledger]()
_ID = re.compile(r"::test_step\[(.+)\]$")


class Recorder:
    """Gathers the records, and writes them at the end: also when the run is stopped before its end."""

    def __init__(self, config: pytest.Config):
        self.config = config
        self.selected: set[str] = set()
        self.records: dict[str, Record] = {}
        self.signatures: dict[tuple[str, str], dict[str, list[str]]] = {}
        self.seconds: dict[str, float] = {}
        self.lease: Lease | None = None
        self.stopping = Stopping()
        self.receiver: Receiver = _receiver(config)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._select(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        self._select(ids)

    def _select(self, nodeids: Iterable[str]) -> None:
        self.selected.update(m[1] for m in map(_ID.search, nodeids) if m)
        if self.selected and self.lease is None and not self.config.getoption("collectonly"):
            self._begin()

    def _begin(self) -> None:
        """Lease a place for the record before the first check runs."""
        asked, given = scope(self.selected, *self._scope()), self.config.getoption("--record")
        name, whole = names.named(asked, given), names.is_whole(asked)
        path = Path(self.config.getoption("--reports")) / "runs" / f"{name}.jsonl"
        try:
            self.lease = lease(path, whole, another=not (given or whole or asked.shard))
        except BadInput as error:
            self.receiver.refused = str(error)
            raise pytest.UsageError(str(error)) from error
        self.stopping.install()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = _ID.search(report.nodeid)
        if not found:
            return
        properties = dict(report.user_properties)
        if report.when == "call":
            self.seconds[found[1]] = report.duration
        if PROPERTY in properties and report.when == "call":
            self.records[found[1]] = Record.from_json(json.loads(properties[PROPERTY]))
            if SIGNATURE in properties:
                framework, optimizer, signature = properties[SIGNATURE]
                self.signatures[framework, optimizer] = signature
        elif report.failed and found[1] not in self.records:
            # A worker died, or the test failed outside the engine. A death can be reported twice.
            crash = getattr(report.longrepr, "reprcrash", None)  # the message, not its place
            self.records[found[1]] = self._broken(found[1], crash.message if crash else str(report.longrepr))

    def _broken(self, name: str, said: str) -> Record:
        check = next(i for i in self.config.stash[TABLE] if i.id == name)
        last = said.strip().splitlines()[-1] if said.strip() else "no message"
        return replace(engine.blank(check), reason=f"no record came back: {last}")

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Keep the records before any other plugin ends, and whatever goes wrong there."""
        if self.lease is not None:
            self.stopping.hold()
            try:
                self._finish(session, self.lease)
            finally:
                self.lease.release()
                self.stopping.release()
        try:
            yield
        except OSError as error:
            xml = getattr(self.config.option, "xmlpath", None)
            if self.receiver.kept is None or not xml:
                raise
            self.receiver.kept.problems.append(f"--junitxml: {xml} cannot be written ({because(error)}).")
        if self.receiver.lost or (self.receiver.kept and self.receiver.kept.problems):
            session.exitstatus = session.exitstatus or pytest.ExitCode.USAGE_ERROR

    def _finish(self, session: pytest.Session, place: Lease) -> None:
        stopped = self._stopped(session)
        if stopped and not self.records:
            self.receiver.lost = f"stopped by {stopped} before any check was finished"
            self._say(f"error: {self.receiver.lost}, so nothing is kept")
            return
        path = names.unfinished(place.path) if stopped else place.path
        try:
            kept = keep(path, Run(self._header(path.stem), list(self.records.values())))
        except BadInput as error:
            self.receiver.lost = str(error)
            return
        kept.stopped = stopped
        self.receiver.kept = kept
        if stopped:
            self._say(how_it_stopped(kept))
        self._write_costs(kept)

    def _stopped(self, session: pytest.Session) -> str:
        """Why the run ended before its end; empty if it did not."""
        if len(self.records) >= len(self.selected):
            return ""
        early = str(session.shouldfail or session.shouldstop or "")
        if session.exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR):
            early = early or "an error of pytest, or an interrupt"
        return self.stopping.why or early

    def _write_costs(self, kept: Kept) -> None:
        costs = self.config.getoption("--costs")
        if not costs or kept.stopped:  # a table of costs is of all checks
            return
        try:
            with atomically(Path(costs)) as file:
                file.write(json.dumps(shards.measured(self.seconds), indent=1) + "\n")
        except BadInput as error:
            kept.problems.append(f"--costs: {costs} cannot be written ({because(error)}).")

    def _header(self, name: str) -> Header:
        ledger_rows = self.config.stash[LEDGER]
        return make_header(name, self.selected, self.records, self.signatures, ledger_rows, *self._scope())

    def _scope(self) -> tuple[list[str], str, bool, list[Check] | None]:
        """The frameworks, the shard, whether it is a brief run, and the calls of a file."""
        option = self.config.getoption
        called = self.config.stash[TABLE] if option("--config") else None
        return self._frameworks(), option("--shard") or "", bool(option("--brief")), called

    def _frameworks(self) -> list[str]:
        """The frameworks under test: those of --framework, else all installed ones."""
        values = self.config.getoption("--framework")
        given = {n.strip().lower() for v in values for n in v.split(",") if n.strip()}
        there = installed()
        return [f for f in there if f in given] if given and given <= set(there) else there

    def _say(self, line: str) -> None:
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(line)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for line in self._closing():
            terminalreporter.write_line(line)

    def _closing(self) -> Iterator[str]:
        if self.receiver.lost:
            yield f"error: {self.receiver.lost}"
        kept = self.receiver.kept
        if kept is None:
            return
        yield from (f"error: {line}" for line in (*kept.problems, kept.replaced) if line)
        name = kept.path.stem
        named = "" if name == names.WHOLE else f" --name {name}"
        if self.lease is not None and kept.path.parent != self.lease.path.parent:  # its own place failed
            named = f" {kept.path}"
        yield f"run file: {kept.path}"
        yield f"report:   python -m conformance report{named}    judge it: python -m conformance gate{named}"
        if names.is_partial(kept.run.header):
            yield "A selection is not a run: the gate asks for everything. The whole run's record is as it was."


def _receiver(config: pytest.Config) -> Receiver:
    """The one that the caller of pytest gave, if any."""
    given = (p for p in config.pluginmanager.get_plugins() if isinstance(p, Receiver))
    return next(given, None) or Receiver()
