"""The verbs that try the suite itself: `mutants`, `seeds`, `planted`, `confusion`, and `prove`, which is all four.

With --keep the figures go into proof.json beside this file, for the report, for the fast tests, which repeat for
every mistake, and for every case, the one trial that shows it best, and for the README, where they are written too.
What is kept has a fingerprint of all that it follows from, and what is up to date is not tried again: a run that
was killed goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from conformance.errors import BadInput, Incomplete, choose
from conformance.judge.record import atomically, decoded, encoded
from conformance.run.gate import DIVERGENCE, GOOD

PATH = Path(__file__).with_name("proof.json")
README = Path(__file__).parents[2] / "README.md"
MARK = "<!-- proof -->"  # in the README: what follows, up to an empty line, is written here
FORMAT = 2
SECTIONS = ("matrix", "terms", "behind", "seeds", "live", "diagnosis")
REMAKE = "python -m conformance prove"

Known = dict[str, dict[str, Any]]  # section -> what was found, by name


@cache
def load(path: Path = PATH) -> dict[str, Any]:
    """Section -> what was found, by optimizer."""
    try:
        found = decoded(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Incomplete(f"{path.name}: cannot be read ({error}). Make it again: {REMAKE}") from error
    return {section: found.get(section, {}) for section in SECTIONS}


def save(found: dict[str, Any], path: Path = PATH) -> None:
    """Write it whole or not at all; the same data gives the same bytes."""
    data = {"format": FORMAT, **found}
    text = json.dumps(encoded(data), indent=0, sort_keys=True, allow_nan=False, ensure_ascii=False)
    with atomically(path) as file:
        file.write(text + "\n")
    load.cache_clear()


# -- what is tried ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Section:
    """One part of the proof."""

    name: str
    everything: Callable[[], list[str]]  # what there is to try
    wanted: Callable[[list[str]], list[str]]  # of these optimizers
    digest: Callable[[str, argparse.Namespace], str]  # of what the figures of one follow from
    run: Callable[[list[str], argparse.Namespace, Known], Iterable[tuple[str, dict[str, Any]]]]
    frameworks: bool = True  # whether it runs them


def _matrix() -> Section:
    from conformance.proof import kill_matrix, planting
    from conformance.run import workers

    def run(
        names: list[str], args: argparse.Namespace, known: dict[str, Any]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for found in kill_matrix.run(names, workers.number(args.workers)):
            yield found.optimizer, kill_matrix.to_json(found)

    digest = lambda name, args: kill_matrix.digest(name)  # noqa: E731
    return Section("matrix", planting.optimizers, lambda names: names, digest, run, frameworks=False)


def _terms() -> Section:
    from conformance.proof import operations, planting
    from conformance.run import workers

    return Section(
        "terms",
        planting.optimizers,
        lambda names: names,
        lambda name, args: operations.digest(name),
        lambda names, args, known: operations.run(names, workers.number(args.workers)),
        frameworks=False,
    )


def _behind() -> Section:
    from conformance.proof import behind_binding, planting
    from conformance.run import workers

    return Section(
        "behind",
        planting.optimizers,
        lambda names: names,
        lambda name, args: behind_binding.digest(name),
        lambda names, args, known: behind_binding.run(names, known["matrix"], workers.number(args.workers)),
        frameworks=False,
    )


def _seeds() -> Section:
    from conformance.proof import seeds

    return Section(
        "seeds",
        rules,
        _rules,
        lambda name, args: seeds.digest(name, args.seeds),
        lambda names, args, known: seeds.run(names, args.seeds, args.workers),
    )


def _live() -> Section:
    from conformance.proof import live_patches
    from conformance.proof.patch_table import PATCHES
    from conformance.run import workers

    patches = {p.name: p for p in PATCHES}
    return Section(
        "live",
        lambda: list(patches),
        lambda names: [p.name for p in live_patches.chosen(names)],
        lambda name, args: live_patches.digest(patches[name]),
        lambda names, args, known: live_patches.run(
            [patches[n] for n in names], workers.number(args.workers, workers.A_FRAMEWORK), args.all
        ),
    )


def _diagnosis() -> Section:
    from conformance.proof import confusion
    from conformance.run import workers

    return Section(
        "diagnosis",
        rules,
        _rules,
        lambda name, args: confusion.digest(name),
        lambda names, args, known: confusion.run(names, workers.number(args.workers)),
        frameworks=False,
    )


def rules() -> list[str]:
    """Every optimizer of every framework."""
    from conformance.proof import planting

    return _rules(planting.optimizers())


def _rules(names: list[str]) -> list[str]:
    """Without what is wrapped around them, which runs with the rules that it is tried on."""
    from conformance.proof import planting

    return [name for name in names if name != planting.WRAPPED]


# -- the verbs -------------------------------------------------------------------------------------
def options(parser: argparse.ArgumentParser) -> None:
    """What the verbs have in common."""
    parser.add_argument("--optimizer", action="append", default=[], metavar="NAME", help="only these")
    parser.add_argument("-n", "--workers", default="auto", metavar="N", help="processes (default: one a core)")
    parser.add_argument(
        "--keep",
        action="store_true",
        help=f"keep what is found in {PATH.name}, for the report and the README; what is up to date is not tried",
    )
    parser.add_argument("--anew", action="store_true", help="with --keep: try what is up to date too")


def seeds_options(parser: argparse.ArgumentParser) -> None:
    """Those of the verb `seeds`."""
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="how many (default: 200)")
    options(parser)


def planted_options(parser: argparse.ArgumentParser) -> None:
    """Those of the verb `planted`."""
    parser.add_argument("--all", action="store_true", help="try each on all cases of its optimizer (an hour)")
    options(parser)


def prove_options(parser: argparse.ArgumentParser) -> None:
    """Those of the verb `prove`, which keeps what it finds."""
    options(parser)
    parser.set_defaults(keep=True, seeds=200, all=False)


def mutants(args: argparse.Namespace) -> int:
    """Plant every known mistake in the references, and change every operation of them; 1 if one survives."""
    return _try(args, _matrix(), _terms())


def seeds(args: argparse.Namespace) -> int:
    """Run right implementations over many seeds of every problem; 1 if one is accused."""
    if args.seeds < 2:
        raise BadInput(f"--seeds: {args.seeds}. Allowed: 2 and more.")
    return _try(args, _seeds())


def planted(args: argparse.Namespace) -> int:
    """Plant mistakes behind a binding, and in the source of the installed frameworks; 1 if one is not seen."""
    return _try(args, _behind(), _live())


def confusion(args: argparse.Namespace) -> int:
    """Plant every known mistake blind, and count how often the diagnosis names it."""
    return _try(args, _diagnosis())


def prove(args: argparse.Namespace) -> int:
    """Bring all figures up to date: those of `mutants`, `seeds`, `planted` and `confusion`, and the README's."""
    return _try(args, *_sections())


def chosen(args: argparse.Namespace) -> list[str]:
    """The optimizers that are asked for."""
    from conformance.proof import planting

    given = [part.strip().lower() for value in args.optimizer for part in value.split(",") if part.strip()]
    return sorted({choose("--optimizer", name, planting.optimizers()) for name in given}) or planting.optimizers()


def _sections() -> list[Section]:
    return [_matrix(), _terms(), _behind(), _seeds(), _live(), _diagnosis()]


def _try(args: argparse.Namespace, *sections: Section) -> int:
    """Try what is asked for, put it beside what is known, write the pages, print it, and judge it."""
    from conformance.report import proof_page as pages
    from conformance.report import proof_terminal as terminal

    known, wrong, paths = _known(), False, []
    for section in sections:
        found = _found(section, args, known)
        if args.keep:
            save(known)
            write_readme(known)
        paths = pages.write(known, args.reports)
        lines = pages.problems({section.name: found})
        wrong = wrong or bool(lines)
        terminal.show(section.name, dict(sorted(found.items())), lines, pages.headline(known))
    print(paths[0])
    return DIVERGENCE if wrong else GOOD


def _found(section: Section, args: argparse.Namespace, known: Known) -> dict[str, Any]:
    """What is asked for of one section, tried or up to date; what is known has it then, and is kept if need be."""
    from conformance.bindings import BINDINGS, installed

    if args.keep and section.frameworks and set(installed()) != set(BINDINGS):
        both = " and ".join(BINDINGS)
        raise BadInput(f"--keep: the figures are those of {both} together, and one is not installed.")
    wanted, everything = section.wanted(chosen(args)), section.everything()
    there = {name: one for name, one in known[section.name].items() if name in everything}
    todo = [name for name in wanted if not (args.keep and not args.anew and _current(section, args, there, name))]
    known[section.name] = there
    for name, one in section.run(todo, args, known) if todo else ():
        there[name] = one
        if args.keep:
            save(known)
    return {name: there[name] for name in wanted if name in there}


def _current(section: Section, args: argparse.Namespace, there: dict[str, Any], name: str) -> bool:
    return name in there and there[name].get("digest") == section.digest(name, args)


def _known() -> dict[str, Any]:
    try:
        return dict(load())
    except Incomplete:  # none yet
        return {section: {} for section in SECTIONS}


def stale(known: dict[str, Any]) -> dict[str, list[str]]:
    """Section -> what is not up to date in it, and what is no longer there."""
    args = argparse.Namespace(seeds=200)
    found = {}
    for section in _sections():
        there = known[section.name]
        names = section.everything()
        old = [n for n in names if not _current(section, args, there, n)]
        found[section.name] = [*old, *(n for n in there if n not in names)]
    return {name: old for name, old in found.items() if old}


def write_readme(known: dict[str, Any], path: Path | None = None) -> None:
    """The figures after the mark in the README; where the suite is installed without one there is nothing to do."""
    from conformance.report.proof_page import readme

    path = path or README
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    before, mark, after = text.partition(MARK + "\n")
    if not mark:
        raise BadInput(f"{path.name}: the figures belong after the line {MARK}, which is not there.")
    rest = after[after.index("\n\n") + 1 :]
    with atomically(path) as file:
        file.write(before + mark + readme(known) + rest)
