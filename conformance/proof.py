"""The verbs that try the suite itself: `mutants`, `seeds`, `planted`. What they run, print and write.

With --keep the figures go into proof.json beside this file, for the report, the README and the fast tests, which
repeat for every mistake, and for every case, the one trial that shows it best.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path
from typing import Any

from conformance.errors import BadInput, Incomplete, choose
from conformance.record import atomically, decoded, encoded
from conformance.report.gate import DIVERGENCE, GOOD

PATH = Path(__file__).with_name("proof.json")
FORMAT = 1
SECTIONS = ("matrix", "seeds", "live", "diagnosis")
REMAKE = "python -m conformance mutants --keep"


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


def options(parser: argparse.ArgumentParser) -> None:
    """What the three verbs have in common."""
    parser.add_argument("--optimizer", action="append", default=[], metavar="NAME", help="only these")
    parser.add_argument("-n", "--workers", default="auto", metavar="N", help="processes (default: one a core)")
    parser.add_argument("--keep", action="store_true", help=f"keep what is found in {PATH.name}, for the report")


def mutants(args: argparse.Namespace) -> int:
    """Plant every known mistake in the references, and show which case sees which; 1 if one survives."""
    from conformance import kill, workers

    found = kill.run(chosen(args), workers.number(args.workers))
    return _finish(args, "matrix", {m.optimizer: kill.to_json(m) for m in found})


def seeds_options(parser: argparse.ArgumentParser) -> None:
    """Those of the verb `seeds`."""
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="how many (default: 200)")
    options(parser)


def seeds(args: argparse.Namespace) -> int:
    """Run right implementations over many seeds of every problem; 1 if one is accused."""
    from conformance import seeds as many

    if args.seeds < 2:
        raise BadInput(f"--seeds: {args.seeds}. Allowed: 2 and more.")
    return _finish(args, "seeds", many.run(_rules(args), args.seeds, args.workers))


def planted_options(parser: argparse.ArgumentParser) -> None:
    """Those of the verb `planted`."""
    parser.add_argument("--all", action="store_true", help="try each on all cases of its optimizer (an hour)")
    options(parser)


def planted(args: argparse.Namespace) -> int:
    """Plant mistakes in the source of the installed frameworks, in processes of their own; 1 if one is not seen."""
    from conformance import live

    return _finish(args, "live", live.run(_rules(args), args.workers, args.all))


def chosen(args: argparse.Namespace) -> list[str]:
    """The optimizers that are asked for."""
    from conformance import kill

    given = [part.strip().lower() for value in args.optimizer for part in value.split(",") if part.strip()]
    return sorted({choose("--optimizer", name, kill.optimizers()) for name in given}) or kill.optimizers()


def confusion(args: argparse.Namespace) -> int:
    """Plant every known mistake blind, and count how often the diagnosis names it."""
    from conformance import confusion as blind
    from conformance import workers

    names = _rules(args)
    results = workers.in_parallel(blind.confusion, names, workers.number(args.workers), "diagnosis")
    return _finish(args, "diagnosis", {name: blind.to_json(found) for name, found in results})


def _rules(args: argparse.Namespace) -> list[str]:
    """The same without what is wrapped around them, which runs with the rules that it is tried on."""
    from conformance import kill

    return [name for name in chosen(args) if name != kill.WRAPPED]


def _known() -> dict[str, Any]:
    try:
        return dict(load())
    except Incomplete:  # none yet
        return {section: {} for section in SECTIONS}


def _finish(args: argparse.Namespace, section: str, found: dict[str, Any]) -> int:
    """Put what was found beside what is known, write the pages, print it, and judge it."""
    from conformance.report import proof as pages
    from conformance.report import proof_terminal as terminal

    known = _known()
    known[section] = {**known[section], **found}
    if args.keep:
        save(known)
    paths = pages.write(known, args.reports)
    wrong = pages.problems({section: found})
    terminal.show(section, found, wrong, pages.headline(known))
    print(paths[0])
    return DIVERGENCE if wrong else GOOD
