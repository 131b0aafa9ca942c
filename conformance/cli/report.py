"""The verb `report`."""

from __future__ import annotations

import argparse

from conformance.cli.common import paths
from conformance.cli.common import reading as options
from conformance.report import versions, versions_page
from conformance.report.model import build
from conformance.report.render import write_report
from conformance.run import names
from conformance.run.combine import read_runs
from conformance.run.gate import GOOD


def call(args: argparse.Namespace) -> int:
    """Build the report of a run, or the matrix of the same checks in several versions.

    A selection's pages have a folder of their own, DIR/selections/NAME. The exit code says whether the report was
    built; `gate` judges what is in it.
    """
    given = paths(args)
    if len(given) > 1 and versions.several(runs := versions.read(given)):
        written = versions_page.write(versions.build(runs), args.reports)
    else:
        run = read_runs(given)
        written = write_report(build(run, everything=False), names.pages(args.reports, given, run.header))
    for path in written:
        print(path)
    return GOOD


__all__ = ["call", "options"]
