"""The command line: `python -m conformance VERB`. A new verb is one entry in VERBS.

Exit codes, of every verb: 0 good, 1 divergence, 2 bad input, 3 incomplete run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from conformance.errors import BadInput, Incomplete, choose
from conformance.run.gate import BAD_INPUT, DIVERGENCE, GOOD, INCOMPLETE, run_path

EXIT_CODES = "exit codes: 0 good, 1 divergence, 2 bad input, 3 incomplete run"


@dataclass(frozen=True)
class Verb:
    help: str
    options: Callable[[argparse.ArgumentParser], None]
    call: Callable[[argparse.Namespace], int]


# ---------------------------------------------------------------- run


def _run_options(parser: argparse.ArgumentParser) -> None:
    from conformance.run_verb import options

    options(parser)
    _common(parser)


def run(args: argparse.Namespace) -> int:
    """The same run as pytest's, then the report; the exit code is the gate's."""
    from conformance.run_verb import run

    return run(args)


# ---------------------------------------------------------------- report and gate


def _reading_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs",
        nargs="*",
        type=Path,
        metavar="RUN",
        help="run files, taken together (default: that of --name)",
    )
    _common(parser)


def report(args: argparse.Namespace) -> int:
    """Make the report of a run, or of the same checks in several versions: the matrix.

    Its exit code says whether it was made; `gate` says what is in it.
    """
    from conformance.report import versions, versions_page
    from conformance.report.model import build
    from conformance.report.render import write_report
    from conformance.run.combine import read_runs

    paths = _paths(args)
    if len(paths) > 1 and versions.several(runs := versions.read(paths)):
        written = versions_page.write(versions.build(runs), args.reports)
    else:
        written = write_report(build(read_runs(paths)), args.reports)
    for path in written:
        print(path)
    return GOOD


def _gate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="a summary.json: fail too on what newly diverges, newly conforms or disappeared since",
    )
    _reading_options(parser)


def gate(args: argparse.Namespace) -> int:
    """Judge a run: CONFORMS, DIVERGES_KNOWN and a declared UNSUPPORTED pass, nothing else."""
    from conformance.judge import ledger
    from conformance.report import terminal
    from conformance.report.model import build
    from conformance.run import baseline
    from conformance.run.combine import read_runs

    before = baseline.load(args.baseline) if args.baseline else None
    run = read_runs(_paths(args))
    result = build(run)
    terminal.print_verdict(result)
    if before is None:
        return result.verdict.exit_code
    compared = baseline.compare(run, before, ledger.load())
    for line in (*compared.wrong, *compared.notes):
        print(f"- {line}")
    return DIVERGENCE if compared.wrong else result.verdict.exit_code


# ---------------------------------------------------------------- matrix, merge and diff


def _matrix_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("environments", nargs="*", metavar="ENV", help="environments of tox.ini (default: all)")
    parser.add_argument("--brief", action="store_true", help="each case once, in one dtype and mode")
    _common(parser)


def matrix(args: argparse.Namespace) -> int:
    """Run the suite by tox in every version, and make one report of them: DIR/versions.html."""
    from conformance.report import versions, versions_page
    from conformance.run import environments

    paths = environments.run(args.environments, args.reports, args.brief)
    for path in versions_page.write(versions.build(versions.read(paths)), args.reports):
        print(path)
    return GOOD


def merge(args: argparse.Namespace) -> int:
    """Put the shards of a run together: the same records as one run of everything leaves."""
    from conformance.judge.record import write_run
    from conformance.run.combine import read_runs

    run = read_runs(args.runs)
    run.header.name = args.name
    path = run_path(args.reports, args.name)
    write_run(path, run)
    print(path)
    return GOOD


def _diff_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", type=Path, metavar="A", help="the run file of the older version")
    parser.add_argument("after", type=Path, metavar="B", help="that of the newer one")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="only these constructor calls, a line each (see run --config)"
    )
    _common(parser)


def diff(args: argparse.Namespace) -> int:
    """What changes between two versions: where, by how much, and why."""
    from conformance.cases import calls
    from conformance.report import terminal, versions

    listed = calls.load(args.config) if args.config else None
    terminal.print_changes(*versions.changes(args.before, args.after, listed))
    return GOOD


# ---------------------------------------------------------------- explain


def _explain_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="of a check: framework-optimizer-case-dtype-mode")
    _common(parser)


def explain(args: argparse.Namespace) -> int:
    """Say of one check what differs, to which term of the equations that belongs, and what explains it.

    From the record of a run; where that has no diagnosis and the framework is installed, the check runs again.
    """
    from conformance.report.why import explained

    print(explained(args.id, run_path(args.reports, args.name)))
    return GOOD


def _paths(args: argparse.Namespace) -> list[Path]:
    return args.runs or [run_path(args.reports, args.name)]


# ---------------------------------------------------------------- map


def _map_options(parser: argparse.ArgumentParser) -> None:
    from conformance.map_verb import options

    options(parser)
    _common(parser)


def show_map(args: argparse.Namespace) -> int:
    """Which torch optimizer is which Keras optimizer, under which conditions, with which arguments."""
    from conformance.map_verb import show

    return show(args)


# ---------------------------------------------------------------- fashion-mnist


def _fashion_options(parser: argparse.ArgumentParser) -> None:
    from conformance.lab.fashion.verb import options

    options(parser)


def fashion(args: argparse.Namespace) -> int:
    """Train the same ConvNet on Fashion-MNIST in Keras and PyTorch, and write what the comparison shows.

    Finished trainings are kept: a killed run goes on where it stopped.
    """
    from conformance.lab.fashion.verb import compare_all

    return compare_all(args)


def _lab_options(parser: argparse.ArgumentParser) -> None:
    from conformance.lab.verb import options

    options(parser)


def make_lab(args: argparse.Namespace) -> int:
    """Make the notebook and the page of the optimizer lab, in lab/, from conformance/lab/source.py."""
    from conformance.lab.verb import make

    return make(args)


# ---------------------------------------------------------------- the suite tried on itself


def _proof(verb: str, says: str) -> Verb:
    """A verb of conformance/proof/sections.py, which is imported when it is asked for."""

    def options(parser: argparse.ArgumentParser) -> None:
        from conformance.proof import sections

        getattr(sections, f"{verb}_options", sections.options)(parser)
        _common(parser)

    def call(args: argparse.Namespace) -> int:
        from conformance.proof import sections

        return getattr(sections, verb)(args)

    call.__doc__ = f"{says[0].upper()}{says[1:]}. Exit code 1 if one is not as it has to be."
    return Verb(says, options, call)


# ---------------------------------------------------------------- all verbs


VERBS: dict[str, Verb] = {
    "run": Verb("run the checks, make the report, judge the result", _run_options, run),
    "report": Verb("make the report of a run again", _reading_options, report),
    "explain": Verb("say of one check what differs and what explains it", _explain_options, explain),
    "gate": Verb("judge a run: exit code 0 only if all of it is as it should be", _gate_options, gate),
    "diff": Verb("what changes between two versions", _diff_options, diff),
    "matrix": Verb("run the suite in every version, by tox, and report what changes", _matrix_options, matrix),
    "merge": Verb("put the shards of a run together", _reading_options, merge),
    "map": Verb("which torch optimizer is which Keras optimizer; translate a call", _map_options, show_map),
    "fashion-mnist": Verb("train the same ConvNet in Keras and PyTorch, and compare", _fashion_options, fashion),
    "lab": Verb("make the optimizer lab, a notebook and a page, from its source", _lab_options, make_lab),
    "mutants": _proof("mutants", "plant every known mistake: which case sees which"),
    "seeds": _proof("seeds", "run right implementations over many seeds: none is accused"),
    "confusion": _proof("confusion", "plant mistakes blind: how often the diagnosis names them"),
    "planted": _proof("planted", "plant mistakes in the installed frameworks, in processes of their own"),
    "prove": _proof("prove", "bring the figures of these four up to date, and the README's"),
}


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
        return VERBS[args.verb].call(args)
    except BadInput as error:
        code, message = BAD_INPUT, error
    except Incomplete as error:
        code, message = INCOMPLETE, error
    print(f"error: {message}", file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}. See: {self.prog} --help")


def _parser(asked: Sequence[str] = tuple(VERBS)) -> argparse.ArgumentParser:
    """The parser of the verbs; the options of those that are `asked` for, since some have to look them up."""
    parser = _Parser(
        prog="python -m conformance",
        description="Checks the optimizers of TensorFlow/Keras and PyTorch step by step against a reference.",
        epilog=EXIT_CODES,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for name, verb in VERBS.items():
        one = verbs.add_parser(
            name, help=verb.help, description=verb.call.__doc__, epilog=EXIT_CODES, allow_abbrev=False
        )
        if name in asked:
            verb.options(one)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reports", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    parser.add_argument(
        "--name",
        default="conformance",
        metavar="NAME",
        help="the run's name (default: conformance): DIR/runs/NAME.jsonl",
    )


def _check_name(name: str) -> None:
    if not name or name.startswith(".") or any(c in name for c in "/\\\0"):
        raise BadInput(f"--name: {name!r} is not a file's name. Allowed: letters, digits, '-', '_', '.' within.")
