"""Mistakes planted for real: in the source of the installed frameworks, and in implementations behind a binding.

`python -m conformance.live FRAMEWORK [NAME...]` is the subprocess: it plants one patch after the other, runs
the part of the suite that has to see it, takes it out again, and prints a line of JSON for each. Nothing of
it is written to the installation.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance import cases, engine, ledger, workers
from conformance.bindings import BINDINGS, installed, keras
from conformance.cases import Instance
from conformance.errors import BadInput, Incomplete
from conformance.live_table import PATCHES, Patch
from conformance.record import Record

EVERYTHING = "--all"
A_BATCH = 6  # patches a process: to import a framework costs more than to try one


@contextlib.contextmanager
def planted(patch: Patch) -> Iterator[None]:
    """The patch in the framework, in this process, while the block lasts."""
    module, _, path = patch.where.partition(":")
    home = scope = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        home = getattr(home, part)
    original = vars(home)[name]
    function = inspect.unwrap(getattr(original, "__func__", original))
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(patch.line) != 1:
        raise BadInput(
            f"{patch.name}: {patch.line!r} stands {source.count(patch.line)} times in {patch.where}, not once"
        )
    found: dict[str, Any] = {}
    exec(compile(source.replace(patch.line, patch.mistake), f"<{patch.name}>", "exec"), vars(scope), found)
    setattr(home, name, found[name])
    keras.forget()  # graphs that were traced without it
    try:
        yield
    finally:
        setattr(home, name, original)
        keras.forget()


def selection(patch: Patch, everything: bool) -> list[Instance]:
    """The instances that are run against a patch: those that have to see it, or all of its optimizer."""
    table = [i for i in cases.instances((patch.framework,)) if i.optimizer == patch.optimizer]
    if not everything:
        table = [i for i in table if i.case.name in patch.see]
    return [i for i in table if not BINDINGS[i.framework].mode_reason(i.entry, i.mode)]


def failing(instances: Iterable[Instance]) -> list[Record]:
    """The records of the instances that fail the gate."""
    rows = ledger.load()
    records = [engine.run(i, rows, explain=False) for i in instances]
    return [r for r in records if not r.outcome.passes]


def _report(patch: Patch, everything: bool) -> dict[str, Any]:
    table = selection(patch, everything)
    with planted(patch):
        bad = failing(table)
    # What fails without the patch too has not seen it.
    sound = {r.id for r in bad} - {r.id for r in failing(i for i in table if i.id in {r.id for r in bad})}
    bad = [r for r in bad if r.id in sound]
    return {
        "name": patch.name,
        "says": patch.says,
        "where": patch.where,
        "line": patch.line,
        "mistake": patch.mistake,
        "ran": len(table),
        "seen": len(bad),
        "modes": dict(sorted(Counter(r.mode for r in bad).items())),
        "cases": sorted({r.case for r in bad}),
    }


@dataclass(frozen=True)
class Batch:
    """Patches of one framework for one subprocess."""

    framework: str
    names: tuple[str, ...]
    everything: bool = False


def subprocess_of(batch: Batch) -> list[dict[str, Any]]:
    """What a process of its own finds."""
    command = [sys.executable, "-m", "conformance.live", batch.framework, *batch.names]
    done = subprocess.run(command + [EVERYTHING] * batch.everything, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Incomplete(f"planting in {batch.framework} broke down:\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def run(optimizers: Sequence[str], processes: str, everything: bool = False) -> dict[str, Any]:
    """The section of the report: every patch of the installed frameworks, and who saw it."""
    workers.one_thread_each()
    batches = []
    for framework in installed():
        names = [p.name for p in PATCHES if p.framework == framework and p.optimizer in optimizers]
        batches += [
            Batch(framework, tuple(names[i : i + A_BATCH]), everything) for i in range(0, len(names), A_BATCH)
        ]
    many = workers.number(processes, workers.A_FRAMEWORK)
    found = [one for _, some in workers.in_parallel(subprocess_of, batches, many, "planted") for one in some]
    return {one.pop("name"): one for one in found}


def main(arguments: Sequence[str]) -> int:
    framework, *names = [a for a in arguments if a != EVERYTHING]
    for patch in PATCHES:
        if patch.framework == framework and (not names or patch.name in names):
            print(json.dumps(_report(patch, EVERYTHING in arguments)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
