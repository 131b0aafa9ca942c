"""The verb `merge`."""

from __future__ import annotations

import argparse

from conformance.cli.common import reading as options
from conformance.errors import BadInput
from conformance.judge.record import write_run
from conformance.run import names
from conformance.run.combine import read_runs
from conformance.run.gate import GOOD, run_path


def call(args: argparse.Namespace) -> int:
    """Combine the shards of a run into the records of a single run of everything."""
    run = read_runs(args.runs)
    run.header.name = args.name
    path = run_path(args.reports, args.name)
    if not names.is_whole(run.header) and names.holds_a_whole_run(path):
        raise BadInput(
            f"--name: {path} is the record of a run of everything, and these are only parts of one. Give all of "
            "them, or another --name."
        )
    write_run(path, run)
    print(path)
    return GOOD


__all__ = ["call", "options"]
