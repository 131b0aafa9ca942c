"""Options that verbs have in common."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.run.gate import run_path


def common(parser: argparse.ArgumentParser) -> None:
    """The folder of the reports, and the name of the run."""
    parser.add_argument("--reports", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    parser.add_argument(
        "--name",
        default="conformance",
        metavar="NAME",
        help="the run's name (default: conformance): DIR/runs/NAME.jsonl",
    )


def reading(parser: argparse.ArgumentParser) -> None:
    """The same, and run files."""
    parser.add_argument(
        "runs",
        nargs="*",
        type=Path,
        metavar="RUN",
        help="run files, taken together (default: that of --name)",
    )
    common(parser)


def paths(args: argparse.Namespace) -> list[Path]:
    """The run files that are given, or that of the name."""
    return args.runs or [run_path(args.reports, args.name)]
