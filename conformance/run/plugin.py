"""The pytest plugin: selects and runs the case instances.

Workers judge and the controlling process writes (recorder.py). Each record travels as a property of its test
report, so parallel workers lose nothing, and one that dies leaves an ERROR in place of its record.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from conformance.areas import registry
from conformance.bindings import BINDINGS, installed
from conformance.cases import calls, economy
from conformance.cases.check import SELECTIONS, Check, select
from conformance.errors import BadInput
from conformance.judge import engine, ledger
from conformance.judge.failure import explain
from conformance.judge.record import Outcome
from conformance.run import shards, workers
from conformance.run.recorder import LEDGER, PROPERTY, SIGNATURE, TABLE, Recorder

OUTCOME = "outcome"  # the record's, so that a status takes no parsing
MEMORY_A_WORKER = workers.A_FRAMEWORK
STATUS = {  # statuses of their own: neither a plain pass nor a skip
    Outcome.UNSUPPORTED: ("unsupported", "u", "UNSUPPORTED"),
    Outcome.DIVERGES_KNOWN: ("known", "k", "DIVERGES_KNOWN"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "optimizer conformance")
    for name in SELECTIONS:
        group.addoption(
            f"--{name}",
            action="append",
            default=[],
            metavar="NAME",
            help=f"only this {name}, exactly (repeat it, or use commas)",
        )
    group.addoption("--reports", default="reports", metavar="DIR", help="where to write runs (default: reports)")
    group.addoption(
        "--record",
        default=None,
        metavar="NAME",
        help="the run's name: DIR/runs/NAME.jsonl (default: conformance; for a selection: selection)",
    )
    group.addoption("--shard", default=None, metavar="I/N", help="only part I of N, all of about the same cost")
    group.addoption("--brief", action="store_true", help="each case once, in one dtype and mode")
    group.addoption(
        "--config", default=None, metavar="FILE", help="check the constructor calls in a file instead of the table"
    )
    group.addoption("--costs", default=None, metavar="FILE", help="write the cost of the checks, for --shard")


def pytest_configure(config: pytest.Config) -> None:
    workers.one_thread_each()
    try:
        table = _selected(config)
        rows = ledger.load()
        if not hasattr(config, "workerinput"):  # once is enough
            rows.check(i.id for i in registry.checks())
    except BadInput as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[TABLE], config.stash[LEDGER] = table, rows
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config), "conformance-recorder")


def _selected(config: pytest.Config) -> list[Check]:
    """The instances that the options select, of the installed frameworks."""
    given = {
        name: [part.strip() for v in config.getoption(f"--{name}") for part in v.split(",") if part.strip()]
        for name in SELECTIONS
    }
    there = installed()
    if config.getoption("--config"):
        called = [i for c in calls.load(config.getoption("--config")) for i in c.checks()]
        return [i for i in select(called, **given) if i.framework in there]
    chosen = select(registry.checks(), **given)
    for name in given["framework"]:
        if name.lower() in BINDINGS and name.lower() not in there:
            raise BadInput(
                f"--framework: {name!r} is not installed. Installed: {', '.join(there) or 'none'}. "
                f"Install it: pip install '.[{BINDINGS[name.lower()].extra}]'"
            )
    chosen = [i for i in chosen if set(i.needs) <= set(there)]
    chosen = economy.brief(chosen) if config.getoption("--brief") else chosen
    shard = config.getoption("--shard")
    if shard and any(values for name, values in given.items() if name != "framework"):
        raise BadInput("--shard: it divides the whole table, so --framework is the only selection it goes with.")
    return shards.part(chosen, shard) if shard else chosen


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "judged" in metafunc.fixturenames:
        if not installed():
            raise pytest.UsageError(
                "no framework is installed, so there is nothing to test. Install one: "
                "pip install '.[torch]' or pip install '.[tensorflow]'"
            )
        table = metafunc.config.stash[TABLE]
        metafunc.parametrize("check", table, ids=[i.id for i in table])


_signed: set[tuple[str, str]] = set()


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> Any:
    """Run an instance, put its record into the test report, and fail unless its outcome passes."""

    def judge(check: Check) -> None:
        record = engine.run(check, request.config.stash[LEDGER])
        properties = request.node.user_properties
        properties.append((PROPERTY, json.dumps(record.to_json())))  # as text, which every transport carries
        properties.append((OUTCOME, record.outcome.value))
        key = (check.framework, check.optimizer)
        if key not in _signed:  # once per process and optimizer: what the installed constructor offers
            offered = check.signature()
            if offered is not None:
                _signed.add(key)
                properties.append((SIGNATURE, [*key, offered]))
        if not record.outcome.passes:
            pytest.fail(explain(record, check.versions()), pytrace=False)

    return judge


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Like pytest's own, but the setup and teardown of a check are reported only if they fail.

    Workers send each report to the controlling process, which takes up one of their cores to read it.
    """
    if "judged" not in getattr(item, "fixturenames", ()):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    if report.when == "call" and report.passed:
        outcome = dict(report.user_properties).get(OUTCOME)
        return STATUS.get(Outcome(outcome)) if outcome else None
    return None


def pytest_collection_finish(session: pytest.Session) -> None:
    workers.collect_rarely()


def pytest_unconfigure(config: pytest.Config) -> None:
    workers.collect_rarely()  # the process is ending: no need to look through what is left


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many workers as there are cores, and as memory has room for."""
    return workers.auto(MEMORY_A_WORKER)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Unless another is requested: one worker gets all checks that share a run or a traced graph."""
    if config.getoption("dist") != "load":
        return None
    from conformance.run.scheduler import SharedRunScheduling

    return SharedRunScheduling(config, log)
