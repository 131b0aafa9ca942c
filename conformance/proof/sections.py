"""The parts of the proof: what each tries, and whether its stored results are up to date.

Stored results have a fingerprint of everything they depend on, and those that are up to date are not tried again,
so a killed run resumes where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.bindings import BINDINGS, installed
from conformance.errors import BadInput, choose
from conformance.proof import (
    behind_binding,
    confusion,
    kill_matrix,
    live_patches,
    operations,
    planting,
    seeds,
    store,
)
from conformance.proof.patch_table import PATCHES, Patch
from conformance.proof.store import Known
from conformance.run import workers

Found = Iterable[tuple[str, dict[str, Any]]]  # one optimizer after another


@dataclass(frozen=True)
class Section:
    """One part of the proof."""

    name: str
    digest: Callable[[str, argparse.Namespace], str]  # a fingerprint of what an optimizer's figures depend on
    run: Callable[[list[str], argparse.Namespace, Known], Found]
    everything: Callable[[], list[str]] = planting.optimizers  # everything there is to try
    wanted: Callable[[list[str]], list[str]] = list  # the ones to try among these optimizers
    frameworks: bool = False  # whether it runs the frameworks


def _of_matrix(names: list[str], args: argparse.Namespace, known: Known) -> Iterator[tuple[str, dict[str, Any]]]:
    for found in kill_matrix.run(names, workers.number(args.workers)):
        yield found.optimizer, kill_matrix.to_json(found)


def _rules(names: list[str] | None = None) -> list[str]:
    """Without the wrapper, which runs with the rules it is tried on."""
    return [name for name in names or planting.optimizers() if name != planting.WRAPPED]


def _in_a_framework(names: list[str]) -> list[str]:
    """Those that some framework has, and so can run."""
    return [name for name in names if any(name in b.entries for b in BINDINGS.values())]


def _patches() -> Mapping[str, Patch]:
    return {p.name: p for p in PATCHES}


MATRIX = Section("matrix", lambda name, args: kill_matrix.digest(name), _of_matrix)
TERMS = Section(
    "terms",
    lambda name, args: operations.digest(name),
    lambda names, args, known: operations.run(names, workers.number(args.workers)),
)
BEHIND = Section(
    "behind",
    lambda name, args: behind_binding.digest(name),
    lambda names, args, known: behind_binding.run(names, known["matrix"], workers.number(args.workers)),
)
SEEDS = Section(
    "seeds",
    lambda name, args: seeds.digest(name, args.seeds),
    lambda names, args, known: seeds.run(names, args.seeds, args.workers),
    everything=lambda: _in_a_framework(planting.optimizers()),
    wanted=lambda names: _in_a_framework(names),
    frameworks=True,
)
LIVE = Section(
    "live",
    lambda name, args: live_patches.digest(_patches()[name]),
    lambda names, args, known: live_patches.run(
        [_patches()[n] for n in names], workers.number(args.workers, workers.A_FRAMEWORK), args.all
    ),
    everything=lambda: list(_patches()),
    wanted=lambda names: [p.name for p in live_patches.chosen(names)],
    frameworks=True,
)
DIAGNOSIS = Section(
    "diagnosis",
    lambda name, args: confusion.digest(name),
    lambda names, args, known: confusion.run(names, workers.number(args.workers)),
    everything=_rules,
    wanted=_rules,
)
SECTIONS = (MATRIX, TERMS, BEHIND, SEEDS, LIVE, DIAGNOSIS)


# -- what is asked for -----------------------------------------------------------------------------
def chosen(args: argparse.Namespace) -> list[str]:
    """The requested optimizers."""
    given = [part.strip().lower() for value in args.optimizer for part in value.split(",") if part.strip()]
    return sorted({choose("--optimizer", name, planting.optimizers()) for name in given}) or planting.optimizers()


def found(section: Section, args: argparse.Namespace, known: Known) -> dict[str, Any]:
    """Bring the requested part of a section up to date in `known`, storing it if asked to, and return it."""
    if args.keep and section.frameworks and set(installed()) != set(BINDINGS):
        both = " and ".join(BINDINGS)
        raise BadInput(f"--keep: the figures need both {both}, and one is not installed.")
    wanted, everything = section.wanted(chosen(args)), section.everything()
    there = {name: one for name, one in known[section.name].items() if name in everything}
    todo = [name for name in wanted if not (args.keep and not args.anew and _current(section, args, there, name))]
    known[section.name] = there
    for name, one in section.run(todo, args, known) if todo else ():
        there[name] = one
        if args.keep:
            store.save(known)
    return {name: there[name] for name in wanted if name in there}


def _current(section: Section, args: argparse.Namespace, there: dict[str, Any], name: str) -> bool:
    return name in there and there[name].get("digest") == section.digest(name, args)


def stale(known: dict[str, Any]) -> dict[str, list[str]]:
    """Section -> what is out of date in it, and what no longer exists."""
    args = argparse.Namespace(seeds=200)
    found = {}
    for section in SECTIONS:
        there = known[section.name]
        names = section.everything()
        old = [n for n in names if not _current(section, args, there, n)]
        found[section.name] = [*old, *(n for n in there if n not in names)]
    return {name: old for name, old in found.items() if old}
