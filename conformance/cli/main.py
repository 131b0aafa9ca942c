"""`python -m conformance VERB`. A new verb is a module beside this one, and a line in VERBS.

A verb's module has `options(parser)` and `call(args)`, whose docstring is the description that --help shows.

Exit codes, of every verb: 0 good, 1 divergence, 2 bad input, 3 incomplete run.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from conformance.errors import BadInput, Incomplete, choose
from conformance.run.gate import BAD_INPUT, GOOD, INCOMPLETE

EXIT_CODES = "exit codes: 0 good, 1 divergence, 2 bad input, 3 incomplete run"

# Verb -> what it does, in a line.
VERBS: dict[str, str] = {
    "run": "run the checks, make the report, judge the result",
    "report": "make the report of a run again",
    "explain": "say of one check what differs and what explains it",
    "gate": "judge a run: exit code 0 only if all of it is as it should be",
    "diff": "what changes between two versions",
    "matrix": "run the suite in every version, by tox, and report what changes",
    "merge": "put the shards of a run together",
    "map": "which torch optimizer is which Keras optimizer; translate a call",
    "fashion-mnist": "train the same ConvNet in Keras and PyTorch, and compare",
    "lab": "make the optimizer lab, a notebook and a page, from its source",
    "mutants": "plant every known mistake: which case sees which",
    "seeds": "run correct implementations over many seeds: no false positives",
    "confusion": "plant mistakes blind: how often the diagnosis names them",
    "planted": "plant mistakes in the installed frameworks, in processes of their own",
    "prove": "bring the figures of these four up to date, and the README's",
    "update": "write anew what follows from the entries and the installed frameworks: after a new optimizer",
}


def module(verb: str) -> ModuleType:
    """The module of a verb, imported when it is asked for."""
    return importlib.import_module(f"conformance.cli.{verb.replace('-', '_')}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(arguments[:1])
    if not arguments:
        parser.print_help()
        return GOOD
    try:
        if not arguments[0].startswith("-"):
            choose("VERB", arguments[0], VERBS)
        args = parser.parse_args(arguments)
        if not args.verb:
            raise BadInput(f"VERB: none given. Allowed: {', '.join(VERBS)}.")
        _check_name(args.name)
        return module(args.verb).call(args)
    except BadInput as error:
        code, message = BAD_INPUT, error
    except Incomplete as error:
        code, message = INCOMPLETE, error
    print(f"error: {message}", file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}. See: {self.prog} --help")


def _parser(asked: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the verbs; the options of those that are `asked` for, since some have to look them up."""
    parser = _Parser(
        prog="python -m conformance",
        description="Checks the optimizers of TensorFlow/Keras and PyTorch step by step against a reference.",
        epilog=EXIT_CODES,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for name, says in VERBS.items():
        one = verbs.add_parser(name, help=says, epilog=EXIT_CODES, allow_abbrev=False)
        if name in asked:
            one.description = module(name).call.__doc__
            module(name).options(one)
    return parser


def _check_name(name: str) -> None:
    if not name or name.startswith(".") or any(c in name for c in "/\\\0"):
        raise BadInput(f"--name: {name!r} is not a file's name. Allowed: letters, digits, '-', '_', '.' within.")
