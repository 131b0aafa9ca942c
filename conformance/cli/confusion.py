"""The verb `confusion`."""

from __future__ import annotations

import argparse

from conformance.cli import proving
from conformance.proof import sections


def options(parser: argparse.ArgumentParser) -> None:
    proving.options(parser)


def call(args: argparse.Namespace) -> int:
    """Plant every known mistake without telling the diagnosis, and count how often it names the mistake."""
    return proving.attempt(args, sections.DIAGNOSIS)
