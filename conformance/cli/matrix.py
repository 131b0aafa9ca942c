"""The verb `matrix`."""

from __future__ import annotations

import argparse

from conformance.cli.common import common
from conformance.report import versions, versions_page
from conformance.run import environments
from conformance.run.gate import GOOD


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("environments", nargs="*", metavar="ENV", help="environments of tox.ini (default: all)")
    parser.add_argument("--brief", action="store_true", help="each case once, in one dtype and mode")
    common(parser)


def call(args: argparse.Namespace) -> int:
    """Run the suite in every version, using tox, and combine them into one report: DIR/versions.html."""
    paths = environments.run(args.environments, args.reports, args.brief)
    for path in versions_page.write(versions.build(versions.read(paths)), args.reports):
        print(path)
    return GOOD
