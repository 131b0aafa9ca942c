"""The verb `seeds`."""

from __future__ import annotations

import argparse

from conformance.cli import proving
from conformance.errors import BadInput
from conformance.proof import sections


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="how many (default: 200)")
    proving.options(parser)


def call(args: argparse.Namespace) -> int:
    """Run correct implementations over many seeds of every problem; exit code 1 if there is a false positive."""
    if args.seeds < 2:
        raise BadInput(f"--seeds: {args.seeds}. Allowed: 2 or more.")
    return proving.attempt(args, sections.SEEDS)
