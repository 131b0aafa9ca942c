"""The verb `mutants`."""

from __future__ import annotations

import argparse

from conformance.cli import proving
from conformance.proof import sections


def options(parser: argparse.ArgumentParser) -> None:
    proving.options(parser)


def call(args: argparse.Namespace) -> int:
    """Plant every known mistake in the references, and change each operation; exit code 1 if one survives."""
    return proving.attempt(args, sections.MATRIX, sections.TERMS)
