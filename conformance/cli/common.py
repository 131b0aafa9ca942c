"""Options shared by several verbs."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.run.gate import run_path
from conformance.run.names import WHOLE


def common(parser: argparse.ArgumentParser, name: str | None = WHOLE, says: str = WHOLE) -> None:
    """The reports folder, and the run's name: its default, and what --help `says` of that."""
    parser.add_argument("--reports", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    parser.add_argument(
        "--name",
        default=name,
        metavar="NAME",
        help=f"the run's name (default: {says}): DIR/runs/NAME.jsonl",
    )


def reading(parser: argparse.ArgumentParser) -> None:
    """The same, plus run files."""
    parser.add_argument(
        "runs",
        nargs="*",
        type=Path,
        metavar="RUN",
        help="run files, combined (default: the one of --name)",
    )
    common(parser)


def paths(args: argparse.Namespace) -> list[Path]:
    """The given run files, or the one of --name."""
    return args.runs or [run_path(args.reports, args.name)]
