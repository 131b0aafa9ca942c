"""Mistakes planted for real: a line of the installed framework is replaced while the suite runs.

Each is tried in a separate process: the mistake is put in, the part of the suite that has to detect it runs, and
the mistake is taken out again. Nothing is written to the installation.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from functools import cache
from typing import Any

from conformance.bindings import BINDINGS, installed, keras
from conformance.cases import optimizers, side_by_side
from conformance.cases.optimizers import OptimizerCheck
from conformance.errors import BadInput
from conformance.judge import engine, ledger
from conformance.judge.record import Outcome, Record
from conformance.proof.kill_matrix import of_cases, short
from conformance.proof.patch_table import PATCHES, Patch
from conformance.run import workers


@contextlib.contextmanager
def planted(patch: Patch) -> Iterator[None]:
    """Within the block, the framework in this process has the patch."""
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
            f"{patch.name}: {patch.line!r} occurs {source.count(patch.line)} times in {patch.where}, not once"
        )
    found: dict[str, Any] = {}
    exec(compile(source.replace(patch.line, patch.mistake), f"<{patch.name}>", "exec"), vars(scope), found)
    setattr(home, name, found[name])
    _forget()
    try:
        yield
    finally:
        setattr(home, name, original)
        _forget()


def _forget() -> None:
    """Forget kept runs and traced graphs, which belong to different code."""
    keras.forget()
    side_by_side.forget()


def selection(patch: Patch, everything: bool) -> list[OptimizerCheck]:
    """The checks to run against a patch: those that have to detect it, or all of its optimizer's."""
    table = [i for i in optimizers.checks((patch.framework,)) if i.optimizer == patch.optimizer]
    if not everything:
        table = [i for i in table if i.case.name in patch.see]
    return [i for i in table if not BINDINGS[i.framework].mode_reason(i.entry, i.mode)]


def records(checks: Iterable[OptimizerCheck]) -> dict[str, Record]:
    """The record of each check, by its id."""
    return {i.id: engine.run(i, _ledger(), explain=False) for i in checks}


@cache
def _ledger() -> ledger.Ledger:
    return ledger.load()


_sound: dict[str, bool] = {}  # without a mistake: the same for all mistakes of an optimizer


def _is_sound(check: OptimizerCheck) -> bool:
    """Whether the unpatched framework passes the gate: a check that fails anyway has not detected the mistake."""
    if check.id not in _sound:
        _sound[check.id] = records([check])[check.id].outcome.passes
    return _sound[check.id]


def attempt(task: tuple[str, bool]) -> dict[str, Any]:
    """One mistake, by name: which checks detect it, in which dtype and mode, and by what ratio."""
    name, everything = task
    patch = next(p for p in PATCHES if p.name == name)
    table = selection(patch, everything)
    sound = [i for i in table if _is_sound(i)]
    with planted(patch):
        bad = {i: r for i, r in records(table).items() if not r.outcome.passes}
    seen = {i.id: bad[i.id] for i in sound if i.id in bad}
    ratios = {i: ratio(r) for i, r in seen.items()}
    kills: dict[str, dict[str, list[Any]]] = {}
    for i, r in sorted(seen.items(), key=lambda item: (ratios[item[0]], item[0])):
        kills.setdefault(r.mode, {})[r.dtype] = [r.case, short(ratios[i])]  # the last is the highest
    mildest = min(ratios, key=lambda i: (ratios[i], i), default=None)
    return {
        **_described(patch),
        "digest": digest(patch),
        "ran": len(sound),
        "seen": len(seen),
        "kills": {mode: dict(sorted(by.items())) for mode, by in sorted(kills.items())},
        "mildest": mildest and [mildest, short(ratios[mildest])],
    }


def ratio(record: Record) -> float:
    """How far a record is outside its bound; an exception, or a NaN, is infinitely far."""
    worst = [v.ratio for v in (record.locked, record.free) if v is not None]
    if record.outcome is Outcome.ERROR or not worst or any(math.isnan(w) for w in worst):
        return math.inf
    return max(worst)


def _described(patch: Patch) -> dict[str, Any]:
    return {
        "framework": patch.framework,
        "optimizer": patch.optimizer,
        "says": patch.says,
        "where": patch.where,
        "line": patch.line,
        "mistake": patch.mistake,
    }


def digest(patch: Patch) -> str:
    """A fingerprint of what its figures depend on: the mistake, the cases with their data, and the versions."""
    versions = sorted(BINDINGS[patch.framework].versions().items())
    return hashlib.sha256(f"{astuple(patch)} {of_cases(patch.optimizer)} {versions}".encode()).hexdigest()[:16]


def chosen(optimizers: Iterable[str]) -> list[Patch]:
    """These optimizers' mistakes in the installed frameworks."""
    wanted, there = set(optimizers), installed()
    return [p for p in PATCHES if p.framework in there and p.optimizer in wanted]


def run(patches: Sequence[Patch], processes: int, everything: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    """The report's section: every mistake and the checks that detect it, each as soon as it is tried."""
    workers.one_thread_each()
    tasks = [(p.name, everything) for p in patches]
    for (name, _), found in workers.in_parallel(attempt, tasks, processes, "planted", apart=True):
        yield name, found
