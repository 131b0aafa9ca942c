"""The verb `prove`."""

from __future__ import annotations

import argparse

from conformance.cli import proving
from conformance.proof import sections


def options(parser: argparse.ArgumentParser) -> None:
    proving.options(parser)
    parser.set_defaults(keep=True, seeds=200, all=False)


def call(args: argparse.Namespace) -> int:
    """Bring all figures up to date: those of `mutants`, `seeds`, `planted`, `confusion` and the README."""
    return proving.attempt(args, *sections.SECTIONS)
