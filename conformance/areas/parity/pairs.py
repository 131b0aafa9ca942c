"""The pairs for parity: Adam as in the lab, and what the map says takes the same steps in both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry, to_arguments
from conformance.porting import measure
from conformance.porting.dialects import CONSTANT_RATE, EVERY_GRADIENT
from conformance.porting.map_rows import ROWS
from conformance.porting.status import Status
from conformance.porting.uses import DIRECTIONS, Use, uses
from reference.base import Reference

FRAMEWORKS = ("torch", "keras")
DTYPES = ("float64", "float32")
RATE = 2.0**-9  # small enough to bound rounding over a whole training in float32
# As in the lab; both frameworks have these defaults, but different epsilons.
LAB = {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999}
EPSILON = {"torch": 1e-8, "keras": 1e-7}


@dataclass(frozen=True)
class Pair:
    """An optimizer for both frameworks: two references in the dialects of their frameworks."""

    optimizer: str
    name: str
    why: str
    references: Mapping[str, Reference]
    cases: tuple[str, ...]  # cases in the ledger with hyperparameters like these
    dtypes: tuple[str, ...] = ("float64",)
    steps: int = 16
    taken_apart: bool = False  # whether there is a difference, split into its causes

    def __repr__(self) -> str:
        given = {f: self.arguments(f) for f in FRAMEWORKS}
        return f"Pair({self.optimizer!r}, {self.name!r}, {given!r}, steps={self.steps})"

    def entry(self, framework: str) -> Entry:
        return BINDINGS[framework].entries[self.optimizer]

    def arguments(self, framework: str) -> dict[str, object]:
        return to_arguments(self.entry(framework), self.references[framework])

    def call(self, framework: str) -> str:
        """As a user writes it, with everything that is not neutral spelled out."""
        entry = self.entry(framework)
        neutral = to_arguments(entry, entry.reference(**entry.dialect, **_off(entry)))
        given = {
            k: v for k, v in self.arguments(framework).items() if neutral.get(k, ...) != v or k in ("lr", "betas")
        }
        return BINDINGS[framework].call(entry, [", ".join(f"{k}={v!r}" for k, v in given.items())])


def _off(entry: Entry) -> dict[str, object]:
    return {"epsilon": 0.5} if "epsilon" in entry.arguments else {}


@cache
def pairs() -> tuple[Pair, ...]:
    """All of them, in a fixed order."""
    return _adam("own-epsilon", EPSILON), _adam("same-epsilon", dict.fromkeys(FRAMEWORKS, 1e-7)), *_same_steps()


def _adam(name: str, epsilon: Mapping[str, float]) -> Pair:
    entries = {f: BINDINGS[f].entries["adam"] for f in FRAMEWORKS}
    references = {f: e.reference(**{**e.dialect, **LAB, "epsilon": epsilon[f]}) for f, e in entries.items()}
    own = f"each framework's own epsilon, {epsilon['torch']!r} and {epsilon['keras']!r}"
    why = own if len(set(epsilon.values())) > 1 else f"the same epsilon, {epsilon['keras']!r}, in its two places"
    return Pair("adam", name, f"Adam as in the lab, with {why}", references, ("usual-values",), DTYPES, 100, True)


# Everything that is the same unconditionally, and these of the rest; the other options come from the map.
SHOWN = ("plain", "momentum", "nesterov")


def _same_steps() -> list[Pair]:
    """Every use in the map whose conditions the task meets: a constant rate, no missing gradients.

    Of the two directions the less demanding one: torch can do Keras' default Adagrad.
    """
    found = []
    for row in ROWS:
        kept = [u for d in DIRECTIONS for u in uses(row, *d) if _kept(u)]
        for name in dict.fromkeys(u.name for u in kept):
            use = min((u for u in kept if u.name == name), key=lambda u: len(u.conditions))
            found.append(_pair(use))
    return found


def _kept(use: Use) -> bool:
    cured = use.cured
    same = use.status is not Status.NONE and not cured.losses and not cured.outside
    same = same and (use.name in SHOWN or use.status is Status.EXACT)
    return same and {*cured.conditions} <= {CONSTANT_RATE, EVERY_GRADIENT}


def _pair(use: Use) -> Pair:
    references = {use.source: measure.cured(use), use.target: use.cured.reference}
    references = {f: replace(r, learning_rate=min(r.learning_rate, RATE)) for f, r in references.items()}
    conditions = f" ({', '.join(use.conditions)})" if use.conditions else ""
    why = f"the map has it as {use.status.value}{conditions}, {use.source} to {use.target}"
    name = "same-steps" if use.name == "plain" else f"same-steps-{use.name}"
    dtypes = DTYPES if use.status is Status.EXACT else DTYPES[:1]
    return Pair(use.row.optimizer, name, why, references, ("ordinary", use.name), dtypes)
