"""The verb `run`: the suite under pytest, then the report and the verdict."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from conformance.cases.check import SELECTIONS
from conformance.cli.common import common
from conformance.errors import BadInput, Incomplete
from conformance.judge.record import atomically, read_run
from conformance.run import shards
from conformance.run.gate import GOOD, INCOMPLETE, run_path

_EXAMPLE = "python -m conformance run --framework torch --optimizer adam"


def options(parser: argparse.ArgumentParser) -> None:
    for name in SELECTIONS:
        parser.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar="NAME",
            help="only these; repeat it, or use commas",
        )
    parser.add_argument("-k", metavar="EXPRESSION", help="only checks whose id matches, as in pytest")
    parser.add_argument("-n", "--workers", default="auto", metavar="N", help="processes (default: one per core)")
    parser.add_argument(
        "--shard", metavar="I/N", help="only part I of N, all of about the same cost; merge them afterwards"
    )
    parser.add_argument("--brief", action="store_true", help="each case once, in one dtype and mode")
    parser.add_argument(
        "--config", metavar="FILE", help="check the constructor calls in a file instead of the table"
    )
    parser.add_argument("--costs", metavar="FILE", help="write the cost of the checks, the table that --shard uses")
    parser.add_argument("--junitxml", metavar="FILE", help="also write JUnit XML")
    common(parser)


def call(args: argparse.Namespace) -> int:
    """Run the suite under pytest, then build the report; the exit code is the gate's."""
    name = args.name + ("-{}of{}".format(*shards.parse(args.shard)) if args.shard else "")
    path = run_path(args.reports, name)
    _check_writable(path)
    before = _identity(path)
    code = _pytest(_pytest_arguments(args))
    if code == 4:
        raise BadInput(f"run: pytest refused an option, see above. A working example: {_EXAMPLE}")
    if code == 5:
        raise BadInput(f"run: no check matches {_selection(args)}. A working example: {_EXAMPLE}")
    if code not in (0, 1):
        raise Incomplete("run: it was interrupted or crashed, see above. Run again: python -m conformance run")
    if _identity(path) in (None, before):  # never mistake an older run for this one
        raise Incomplete(f"run: no run file was written to {path}. Run again: python -m conformance run")

    from conformance.report import model, terminal
    from conformance.report.render import write_report

    result = read_run(path)
    made = model.build(result)
    page = write_report(made, args.reports)[0]
    terminal.print_summary(made)
    print(page)
    verdict = made.verdict.exit_code
    if args.shard and verdict == INCOMPLETE and len(result.records) == result.header.selected:
        verdict = GOOD  # this part is complete: the gate comes after the parts are merged
    if verdict == GOOD and code != 0:
        raise Incomplete("run: pytest failed without leaving a record, see above. Fix that and run again.")
    return verdict


class _ProbeError(Exception):
    pass


def _check_writable(path: Path) -> None:
    """Say before the run, not after it, that its result cannot be kept."""
    with contextlib.suppress(_ProbeError), atomically(path):
        raise _ProbeError


def _pytest(arguments: list[str]) -> int:
    import pytest

    return int(pytest.main(arguments))


def _pytest_arguments(args: argparse.Namespace) -> list[str]:
    from conformance.run import plugin

    suite = Path(plugin.__file__).with_name("suite.py")  # wherever it is installed
    # No cache: it would land beside the suite, which may be in site-packages. No assert rewriting: a check says
    # what differs by itself, and each process saves a second.
    found = [str(suite), "-p", "conformance.run.plugin", "-p", "no:cacheprovider", "--assert=plain"]
    # Plugins that no check needs and that cost seconds: hypothesis, unraisable and thread exceptions, logging.
    for name in ("hypothesispytest", "unraisableexception", "logging"):
        found += ["-p", f"no:{name}"]
    found += ["-q", "-n", str(args.workers)]
    found += ["--reports", str(args.reports), "--record", args.name]
    for name in SELECTIONS:
        values = [part.strip() for value in getattr(args, name) for part in value.split(",") if part.strip()]
        found += [f"--{name}={value}" for value in values]
    for option in ("shard", "config", "costs", "junitxml"):
        found += [f"--{option}={getattr(args, option)}"] if getattr(args, option) else []
    found += ["--brief"] if args.brief else []
    return found + (["-k", args.k] if args.k else [])


def _selection(args: argparse.Namespace) -> str:
    given = [f"--{name} {','.join(getattr(args, name))}" for name in SELECTIONS if getattr(args, name)]
    return " ".join(given + ([f"-k {args.k!r}"] if args.k else [])) or "the default selection"


def _identity(path: Path) -> tuple[int, int] | None:
    """The identity of the file at `path`: a run renames a new one into place."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
