"""The verb `update`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator

from conformance import mutants
from conformance.areas.refusals import generated_rows
from conformance.areas.refusals import write as refusals
from conformance.bindings import BINDINGS, installed
from conformance.bindings.entry_errors import entry_errors
from conformance.cli import proving
from conformance.errors import BadInput, choose
from conformance.porting import map_data, measure
from conformance.proof import schedule_mistakes, sections, store
from conformance.proof.trials import optimizers
from conformance.run.gate import GOOD, name_some
from reference import REFERENCES


def options(parser: argparse.ArgumentParser) -> None:
    proving.options(parser)
    parser.add_argument(
        "--no-proof",
        action="store_true",
        help="leave the proof alone: after a change to a rule or a case it takes minutes",
    )
    parser.set_defaults(keep=True, seeds=200, all=False)


def call(args: argparse.Namespace) -> int:
    """Rewrite everything derived from the entries and the installed frameworks, and print what changed.

    That is: the list of accepted bad input and its ledger rows, the defaults and measurements of the map, the
    mistakes that the schedule cases detect, and the proof (`prove`). For a new optimizer or schedule, the tests
    ask for nothing else. With `--optimizer`, its rows of the map are measured again.
    """
    if set(installed()) != set(BINDINGS):
        raise BadInput(f"update: it needs both {' and '.join(BINDINGS)}, and one is not installed.")
    for name in args.optimizer:
        choose("--optimizer", name, optimizers())
    errors = [e for b in BINDINGS.values() for entry in b.entries.values() for e in entry_errors(b, entry)]
    errors += [
        f"no mistakes of reference.{name}: write conformance/mutants/{name}.py with its MUTANTS"
        for name, rule in REFERENCES.items()
        if not list(mutants.of(rule))
    ]
    if errors:
        raise BadInput(f"update: nothing was written: {'; '.join(errors)}.")
    for line in _changes(args.optimizer):
        print(line)
    if args.no_proof:
        for section, names in sections.stale(store.known()).items():
            print(f"{store.PATH.name}: {section} is out of date: {name_some(names)}")
        return GOOD
    return proving.attempt(args, *sections.SECTIONS)


def _changes(again: Collection[str]) -> Iterator[str]:
    yield from (f"refusals.json: {what}" for what in refusals.write())
    yield from (f"ledger.toml: + {name}" for name in generated_rows.write())
    before = map_data.load()
    now = measure.measure_all(lambda text: print(text, file=sys.stderr), missing=True, again=again)
    for framework, known in now.defaults.items():
        for cls, values in known.items():
            if before.defaults.get(framework, {}).get(cls) != values:
                yield f"{map_data.PATH.name}: {framework} {cls}"
    yield from (f"{map_data.PATH.name}: {name}" for name in sorted(before.measured.keys() ^ now.measured.keys()))
    yield from (f"{schedule_mistakes.PATH.name}: {name}" for name in schedule_mistakes.write())
