"""The verb `diff`."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.cases import calls
from conformance.cli.common import common
from conformance.report import terminal, versions
from conformance.run.gate import GOOD


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", type=Path, metavar="A", help="the run file of the older version")
    parser.add_argument("after", type=Path, metavar="B", help="the run file of the newer version")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="only these constructor calls, one per line (see run --config)"
    )
    common(parser)


def call(args: argparse.Namespace) -> int:
    """Show what changes between two versions: where, by how much, and why."""
    listed = calls.load(args.config) if args.config else None
    terminal.print_changes(*versions.changes(args.before, args.after, listed))
    return GOOD
