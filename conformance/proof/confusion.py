"""How often the diagnosis is right: every known mistake planted blind, and the diagnosis of it.

A mutated reference in plain NumPy stands in for the implementation. The diagnosis sees only what it did, not
the mutant, nor even that there is one.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, field, replace
from typing import Any

from conformance import mutants
from conformance.bindings.binding import Group
from conformance.judge import diagnosis, suspects
from conformance.judge.diagnosis import Diagnosis, diagnose_all
from conformance.judge.examined import Examined
from conformance.mutants import Mutant
from conformance.proof.detection import FAILS
from conformance.proof.kill_matrix import code, of_cases
from conformance.proof.trials import Trial, of_optimizer, unmutated
from conformance.run import workers
from reference.wrapped import Wrapped

CASES = 3  # how many of the cases that detect a mistake the diagnosis is shown


@dataclass(frozen=True)
class Trialled:
    """One mistake planted in one rule, and the diagnosis of what it did."""

    optimizer: str
    mutant: str
    cases: tuple[str, ...]  # those shown
    said: tuple[str, ...]  # names of the explanations, ranked, including indistinguishable ones
    term: str
    alone: bool  # the first explanation is the mistake, and no other is equivalent
    first: bool  # the first explanation is the mistake, or equivalent to it in the cases shown
    among_three: bool
    unknown: tuple[str, ...] | None = None  # the explanations when the mistake is not on the list; None: not tried


@dataclass
class Confusion:
    """The mistakes of one optimizer, and what each was taken for."""

    optimizer: str
    rows: list[Trialled] = field(default_factory=list)

    @property
    def planted(self) -> int:
        return len(self.rows)

    @property
    def alone(self) -> int:
        """How many were named first, without an equivalent explanation beside them."""
        return sum(r.alone for r in self.rows)

    @property
    def first(self) -> int:
        """How many were named first."""
        return sum(r.first for r in self.rows)

    @property
    def among_three(self) -> int:
        return sum(r.among_three for r in self.rows)

    @property
    def unexplained(self) -> int:
        return sum(not r.said for r in self.rows)

    @property
    def invented(self) -> dict[str, str]:
        """Mistakes missing from the list, with what they were taken for: most should have no explanation."""
        return {r.mutant: r.unknown[0] for r in self.rows if r.unknown}

    def mistaken(self) -> dict[str, str]:
        """Mistake -> what it was taken for instead."""
        return {r.mutant: (r.said or ("nothing",))[0] for r in self.rows if not r.first}


def confusion(optimizer: str, cases: int = CASES, names: Iterable[str] = (), hidden: bool = False) -> Confusion:
    """Plant every mistake of an optimizer, show `cases` that detect it, and note the diagnosis.

    `names` selects mistakes; empty means all. A mistake that no case detects has no row. With `hidden`, note also
    the diagnosis when that mistake, and everything equivalent to it, is not on its list.
    """
    wanted = set(names)
    tried = [
        one(optimizer, mutant, cases, hidden)
        for mutant in _mutants(optimizer)
        if not wanted or mutant.name in wanted
    ]
    return Confusion(optimizer, [row for row in tried if row])


def one(optimizer: str, mutant: Mutant, cases: int = CASES, hidden: bool = False) -> Trialled | None:
    """One mistake and its diagnosis; None if no case detects it."""
    seen = _seen(optimizer, mutant, cases)
    if not seen:
        return None
    said = diagnose_all([e for _, e in seen])
    row = _row(optimizer, mutant, seen, said)
    if not hidden:
        return row
    same = next(({e.name, *e.same} for e in said.nearest if mutant.name in (e.name, *e.same)), set())
    blind = diagnose_all([e for _, e in seen], without={mutant.name, *same})
    return replace(row, unknown=tuple(e.name for e in blind.nearest))


def _attempt(task: tuple[str, Mutant]) -> Trialled | None:
    return one(*task)


def run(optimizers: Iterable[str], processes: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The report's section, by optimizer, each as soon as it is finished."""
    tasks = [(name, mutant) for name in optimizers for mutant in _mutants(name)]
    rows: list[Trialled | None] = []
    for (name, _), row in workers.in_parallel(_attempt, tasks, processes, "diagnosis"):
        rows.append(row)
        if len(rows) == len(_mutants(name)):
            yield name, {"digest": digest(name), **to_json(Confusion(name, [r for r in rows if r]))}
            rows = []


def digest(optimizer: str) -> str:
    """A fingerprint of what these figures depend on: the rule, its cases, its mistakes, and the diagnosis."""
    state = f"{of_cases(optimizer)} {CASES} {[astuple(m) for m in _mutants(optimizer)]}"
    state += code(diagnosis) + code(suspects)
    return hashlib.sha256(state.encode()).hexdigest()[:16]


def _mutants(optimizer: str) -> list[Mutant]:
    """The mistakes of the rule, and of what is wrapped around it."""
    return [*mutants.of(of_optimizer(optimizer)[0].entry.reference), *mutants.of(Wrapped)]


def _seen(optimizer: str, mutant: Mutant, cases: int) -> list[tuple[Trial, Examined]]:
    """The first cases, under distinct names, that tell the mistake from the rule."""
    found: list[tuple[Trial, Examined]] = []
    names: set[str] = set()
    for trial in of_optimizer(optimizer):
        if trial.case.name in names or len(found) == cases:
            continue
        groups = mutants.planted(trial.groups(), mutant)
        if groups is None:
            continue
        with contextlib.suppress(*FAILS):  # it raises, or is blind: other cases reveal more
            given = examined(trial, groups)
            if _bits_differ(trial, given) and not given.conforms:
                found.append((trial, given))
                names.add(trial.case.name)
    return found


def _bits_differ(trial: Trial, given: Examined) -> bool:
    pairs = zip(given.evidence.states, unmutated(trial), strict=True)
    return any(a.tobytes() != b.tobytes() for x, y in pairs for a, b in zip(_arrays(x), _arrays(y), strict=False))


def _arrays(state: object) -> list:
    slots = [v for _, values in sorted(state.slots.items()) for v in values if v is not None]
    return [*state.params, *slots]


def examined(trial: Trial, groups: list[Group]) -> Examined:
    """What these references do in a case, as if they were an implementation."""
    found = trial.evidence(trial.states(groups, strict=False))
    return Examined(replace(found, free_steps=None))  # the whole free run


def _row(optimizer: str, mutant: Mutant, seen: list[tuple[Trial, Examined]], found: Diagnosis) -> Trialled:
    said = [(e.name, *e.same) for e in found.nearest]
    places = [n for n, names in enumerate(said) if mutant.name in names]
    at = places[0] if places else None
    return Trialled(
        optimizer,
        mutant.name,
        tuple(t.id for t, _ in seen),
        tuple(name for names in said for name in names),
        found.term,
        alone=at == 0 and len(said[0]) == 1,
        first=at == 0,
        among_three=at is not None,
    )


def to_json(found: Confusion) -> dict[str, Any]:
    """The figures of one optimizer."""
    return {
        "cases": CASES,
        "planted": found.planted,
        "first": found.first,
        "alone": found.alone,
        "among_three": found.among_three,
        "unexplained": found.unexplained,
        "mistaken": found.mistaken(),
    }
