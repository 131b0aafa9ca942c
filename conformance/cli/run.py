"""The verb `run`: the suite under pytest, then the report and the verdict."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from conformance.cases.check import SELECTIONS
from conformance.cli.common import common
from conformance.errors import BadInput, Incomplete
from conformance.run import names
from conformance.run.gate import GOOD, run_path
from conformance.run.keeping import Kept
from conformance.run.lease import check_writable
from conformance.run.names import SELECTION, WHOLE
from conformance.run.receiver import Receiver, how_it_stopped

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
    common(parser, name=None, says=f"{WHOLE}; for a selection: {SELECTION}")


def call(args: argparse.Namespace) -> int:
    """Run the suite under pytest, then build the report; the exit code is the gate's.

    With options that select checks it is a selection: it has a record and a page of its own, leaves those of the
    whole run alone, and is judged by what was selected. Only `gate` asks for everything.
    """
    check_writable(run_path(args.reports, args.name or WHOLE))
    receiver = Receiver()
    code, error = _pytest(_pytest_arguments(args), receiver)
    kept = receiver.kept
    if kept is None:
        raise _nothing_kept(args, code, receiver, error)
    if kept.stopped:
        raise Incomplete(f"run: {how_it_stopped(kept)}. Run again: {_again(args)}")
    if kept.replaced:
        raise Incomplete(f"run: {kept.replaced}")
    try:
        verdict = _report(args, kept)
    except KeyboardInterrupt as stop:
        raise Incomplete(f"run: stopped while the pages were made; the record is kept in {kept.path}.") from stop
    if kept.replaced:
        raise Incomplete(f"run: {kept.replaced}")
    if verdict == GOOD and kept.problems:
        raise BadInput(f"run: {' '.join(kept.problems)} The checks passed, and their record is {kept.path}.")
    for problem in kept.problems:
        print(f"error: {problem}", file=sys.stderr)
    if error is not None or (verdict == GOOD and code not in (0, 2, 4)):
        said = f" ({error!r})" if error else ""
        raise Incomplete(f"run: pytest failed beside the checks{said}, see above. Their record is {kept.path}.")
    return verdict


def _report(args: argparse.Namespace, kept: Kept) -> int:
    """Make the pages from what was read back; the exit code of the checks themselves."""
    from conformance.report import model, terminal
    from conformance.report.render import write_report

    made = model.build(kept.run, everything=False)
    folder = names.pages(args.reports, [kept.path], kept.run.header)
    try:
        page: Path | None = write_report(made, folder)[0]
    except BadInput as error:
        kept.problems.append(str(error))
        page = None
    terminal.print_summary(made)
    kept.check()
    if not names.is_whole(kept.run.header):
        print(
            f"{kept.run.header.selection or 'a shard'}: its record is {kept.path}; that of a whole run is as it was"
        )
    if page is not None:
        print(page)
    return made.verdict.exit_code


def _nothing_kept(
    args: argparse.Namespace, code: int, receiver: Receiver, error: BaseException | None
) -> BadInput | Incomplete:
    """What to answer when there is no record."""
    if receiver.refused:
        return BadInput(f"run: it did not start. {receiver.refused}")
    if receiver.lost:
        return Incomplete(f"run: {receiver.lost}. Run again: {_again(args)}")
    if code == 4:
        return BadInput(f"run: pytest refused an option, see above. A working example: {_EXAMPLE}")
    if code == 5:
        return BadInput(f"run: no check matches {_selection(args)}. A working example: {_EXAMPLE}")
    if code not in (0, 1) or error is not None:
        return Incomplete(f"run: it was interrupted or crashed, see above. Run again: {_again(args)}")
    return Incomplete(f"run: no run file was written. Run again: {_again(args)}")


def _pytest(arguments: list[str], receiver: Receiver) -> tuple[int, BaseException | None]:
    """The exit code of pytest, and what it was left by: by an interrupt while it ended, or by an error."""
    import pytest

    try:
        return int(pytest.main(arguments, plugins=[receiver])), None
    except KeyboardInterrupt:
        return int(pytest.ExitCode.INTERRUPTED), None
    except Exception as error:
        return int(pytest.ExitCode.INTERNAL_ERROR), error


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
    found += ["--reports", str(args.reports)] + (["--record", args.name] if args.name else [])
    for name in SELECTIONS:
        values = [part.strip() for value in getattr(args, name) for part in value.split(",") if part.strip()]
        found += [f"--{name}={value}" for value in values]
    for option in ("shard", "config", "costs", "junitxml"):
        found += [f"--{option}={getattr(args, option)}"] if getattr(args, option) else []
    found += ["--brief"] if args.brief else []
    return found + (["-k", args.k] if args.k else [])


def _selection(args: argparse.Namespace, nothing: str = "the default selection") -> str:
    given = [f"--{name} {','.join(getattr(args, name))}" for name in SELECTIONS if getattr(args, name)]
    return " ".join(given + ([f"-k {args.k!r}"] if args.k else [])) or nothing


def _again(args: argparse.Namespace) -> str:
    chosen = _selection(args, "")
    return f"python -m conformance run {chosen}".rstrip()
