"""The verb `gate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.cli.common import paths, reading
from conformance.judge import ledger
from conformance.report import terminal
from conformance.report.model import build
from conformance.run import baseline
from conformance.run.combine import read_runs
from conformance.run.gate import DIVERGENCE


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="a summary.json: also fail on checks that newly diverge, newly conform or disappeared since",
    )
    reading(parser)


def call(args: argparse.Namespace) -> int:
    """Judge a run: only CONFORMS, DIVERGES_KNOWN and a declared UNSUPPORTED pass."""
    before = baseline.load(args.baseline) if args.baseline else None
    run = read_runs(paths(args))
    result = build(run)
    terminal.print_verdict(result)
    if before is None:
        return result.verdict.exit_code
    compared = baseline.compare(run, before, ledger.load())
    for line in (*compared.wrong, *compared.notes):
        print(f"- {line}")
    return DIVERGENCE if compared.wrong else result.verdict.exit_code
