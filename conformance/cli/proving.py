"""What the verbs that test the suite itself have in common.

With --keep the figures go into conformance/proof/proof.json and into the README. The report uses them, and so do
the fast tests, which repeat for every mistake and every case the one trial that shows it best.
"""

from __future__ import annotations

import argparse

from conformance.cli.common import common
from conformance.proof import sections, store
from conformance.report import proof_page, proof_terminal
from conformance.run.gate import DIVERGENCE, GOOD


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--optimizer", action="append", default=[], metavar="NAME", help="only these")
    parser.add_argument("-n", "--workers", default="auto", metavar="N", help="processes (default: one per core)")
    parser.add_argument(
        "--keep",
        action="store_true",
        help=f"keep the findings in {store.PATH.name}, for the report and the README; what is up to date is not "
        "tried",
    )
    parser.add_argument("--anew", action="store_true", help="with --keep: also retry what is up to date")
    common(parser)


def attempt(args: argparse.Namespace, *chosen: sections.Section) -> int:
    """Try what is asked for, merge it with what is known, write the pages, print the result, and judge it."""
    known, wrong, paths = store.known(), False, []
    for section in chosen:
        found = sections.found(section, args, known)
        if args.keep:
            store.save(known)
            proof_page.write_readme(known)
        paths = proof_page.write(known, args.reports)
        lines = proof_page.problems({section.name: found})
        wrong = wrong or bool(lines)
        proof_terminal.show(section.name, dict(sorted(found.items())), lines, proof_page.headline(known))
    print(paths[0])
    return DIVERGENCE if wrong else GOOD
