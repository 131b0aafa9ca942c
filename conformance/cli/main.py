"""`python -m conformance VERB`. To add a verb, put a module beside this one and a line in VERBS.

A verb's module has `options(parser)` and `call(args)`; the latter's docstring is the description in --help.

Exit codes of every verb: 0 good, 1 divergence, 2 bad input, 3 incomplete run.
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

# Verb -> what it does, in one line.
VERBS: dict[str, str] = {
    "run": "run the checks, make the report, judge the result",
    "report": "rebuild the report of a run",
    "explain": "explain one check: what differs, and why",
    "gate": "judge a run: exit code 0 only if everything is as it should be",
    "diff": "show what changes between two versions",
    "matrix": "run the suite in every version, using tox, and report what changes",
    "merge": "combine the shards of a run",
    "map": "match torch and Keras optimizers; translate a call",
    "fashion-mnist": "train the same ConvNet in Keras and PyTorch, and compare",
    "lab": "build the optimizer lab, a notebook and a page, from its source",
    "mutants": "plant every known mistake: which case detects which",
    "seeds": "run correct implementations over many seeds: no false positives",
    "confusion": "plant mistakes blind: how often the diagnosis names them correctly",
    "planted": "plant mistakes in the installed frameworks, in separate processes",
    "prove": "bring the figures of these four, and the README's, up to date",
    "update": "rewrite what is derived from the entries and the installed frameworks, as after adding an optimizer",
}


def module(verb: str) -> ModuleType:
    """A verb's module, imported on demand."""
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
        if args.name is not None:
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
    """The parser of the verbs, with the options of the `asked` ones only, since some have to look them up."""
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
        raise BadInput(f"--name: {name!r} is not a file name. Allowed: letters, digits, '-', '_', and '.' within.")
