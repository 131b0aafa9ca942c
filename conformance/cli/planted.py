"""The verb `planted`."""

from __future__ import annotations

import argparse

from conformance.cli import proving
from conformance.proof import sections


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--all", action="store_true", help="try each mistake on all cases of its optimizer (takes an hour)"
    )
    proving.options(parser)


def call(args: argparse.Namespace) -> int:
    """Plant mistakes behind a binding and in the installed frameworks; exit code 1 if one is not detected."""
    return proving.attempt(args, sections.BEHIND, sections.LIVE)
