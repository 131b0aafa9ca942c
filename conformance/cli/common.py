"""Options shared by several verbs."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.run.gate import run_path


def common(parser: argparse.ArgumentParser) -> None:
    """The reports folder, and the run's name."""
    parser.add_argument("--reports", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    parser.add_argument(
        "--name",
        default="conformance",
        metavar="NAME",
        help="the run's name (default: conformance): DIR/runs/NAME.jsonl",
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
