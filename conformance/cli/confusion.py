"""The verb `confusion`."""

from __future__ import annotations

import argparse

from conformance.cli import proving
from conformance.proof import sections


def options(parser: argparse.ArgumentParser) -> None:
    proving.options(parser)


def call(args: argparse.Namespace) -> int:
    """Plant every known mistake blind, and count how often the diagnosis names it correctly."""
    return proving.attempt(args, sections.DIAGNOSIS)
