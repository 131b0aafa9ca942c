"""Parity: the same task in both frameworks, and the entire difference between the two explained.

For each framework every loss is held to the loss at its own parameters, and every step to the reference's step from
them (step-locked). Then both references go through the whole training by themselves, gradients included, and the
difference between the frameworks has to be the difference between the references, at every step, in every
parameter and in the loss, within the sum of the two bounds. So nothing is left unexplained: the references differ
only in the frameworks' dialects and in what the ledger expects of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from conformance import mutants
from conformance.areas.parity.pairs import FRAMEWORKS, Pair, pairs
from conformance.areas.training import runs, task
from conformance.areas.training.loop import Loop, Predicted, Trained
from conformance.bindings.binding import Entry, Group
from conformance.cases.check import Check, Observation, Plan
from conformance.judge.compared import LIMIT
from conformance.judge.ledger import LedgerRow
from conformance.judge.record import Worst
from conformance.judge.verdict import BLIND_ABOVE, Verdict, verdict_of
from conformance.porting import measure
from reference.base import Reference

LAB_ASKS = 1e-4  # of the final losses. The lab's figure and claim, not a tolerance of this suite


@dataclass(frozen=True)
class ParityCheck(Check):
    """One pair in one dtype."""

    pair: Pair

    area: ClassVar[str] = "parity"

    def plan(self) -> Plan:
        return Plan(self, "\n".join(self.pair.call(f) for f in FRAMEWORKS))

    def observe(self, plan: Plan) -> Both:
        """Train in both; each is judged by its own reference, or by what the ledger expects."""
        return Both(plan, self.pair.steps, sides={f: self._side(f) for f in FRAMEWORKS})

    def _side(self, framework: str) -> Side:
        entry, reference = self.pair.entry(framework), self.pair.references[framework]
        trained = runs.train(framework, entry, reference, self.dtype, self.pair.steps)
        row = None
        if self.dtype == measure.DTYPE:
            row = measure.known_divergence(framework, entry, self.pair.cases)
        if row is not None:
            reference = row.expected([Group(tuple(range(len(task.SHAPES))), reference)])[0].reference
        return Side(framework, entry, reference, trained, row)


@dataclass
class Side:
    """What one framework did, and the reference it is held to."""

    framework: str
    entry: Entry
    reference: Reference
    trained: Trained
    row: LedgerRow | None  # of the ledger, if it deviates from the rule


@dataclass
class Both(Observation):
    """What the two frameworks did."""

    sides: Mapping[str, Side] = field(kw_only=True)


@dataclass
class JudgedSide:
    """One framework against its reference: every step and loss, and the training by the reference alone."""

    trained: Trained
    predicted: Predicted
    resolution: float
    ratios: list[float]
    worst: Worst


def _judged(side: Side) -> JudgedSide:
    loop = Loop(side.framework, side.entry, side.reference, side.trained)
    locked, losses = loop.locked(), loop.losses_locked
    worst = max([w for _, w in losses] + [locked.worst], key=lambda w: w.ratio)
    return JudgedSide(
        side.trained,
        loop.predicted(),
        locked.resolution if locked.resolution is not None else np.inf,
        [max(a, b) for a, (b, _) in zip(locked.ratios, losses, strict=True)],
        replace(worst, quantity=f"{side.framework} {worst.quantity}"),
    )


@verdict_of.register
def of_both(seen: Both, row: LedgerRow | None) -> Verdict:
    """Each against its reference, then the difference against that between the references."""
    steps, sides = seen.steps, {f: _judged(side) for f, side in seen.sides.items()}
    resolution = max(side.resolution for side in sides.values())
    found = _resolved(_differences(sides), sides)
    together = [max(r) for r in zip(*(side.ratios for side in sides.values()), strict=True)]
    free = [ratio for ratio, _ in found] + [0.0] * (steps - len(found))
    bad = [t for t, both in enumerate(zip(together, free, strict=True), 1) if max(both) > LIMIT]
    blind = resolution > BLIND_ABOVE or len(found) < steps
    return Verdict(
        seen,
        not bad,
        locked=max((side.worst for side in sides.values()), key=lambda w: w.ratio),
        free=max((worst for _, worst in found), key=lambda w: w.ratio, default=None),
        free_steps=len(found),
        first_bad=bad[0] if bad else None,
        resolution=resolution,
        blind=f"the bound is {resolution:.2g} of the update: it could not have failed" if blind else "",
        remark="; ".join(f"{side.row.id}: {side.row.reason}" for side in seen.sides.values() if side.row),
        says="the difference between the frameworks is not that between their references",
        series=_series(seen.plan.check, sides),
    )


def _series(check: Any, sides: Mapping[str, JudgedSide]) -> dict[str, list[Any]]:
    """The series plotted on the page."""
    one, other = (sides[f] for f in FRAMEWORKS)
    series = {f"{f} loss": _short(s.trained.losses, 9) for f, s in sides.items()}
    apart = _apart(one.trained, other.trained)
    losses = zip(one.trained.losses, other.trained.losses, strict=True)
    series["loss difference"] = _short(abs(a - b) for a, b in losses)
    series["difference"] = _short(np.max(np.abs(d)) for d in apart)
    explained = list(zip(other.predicted.params, one.predicted.params, strict=True))
    series["allowed"] = _short(np.max(a.error + b.error) * LIMIT for a, b in explained)
    left = [d - (a.value - b.value) for d, (a, b) in zip(apart, explained, strict=False)]
    series["unexplained"] = _short(np.max(np.abs(d)) for d in left)
    if check.pair.taken_apart and check.dtype == "float64":
        series |= parts(check.pair)
    return series


def _apart(one: Trained, other: Trained) -> list[np.ndarray]:
    """The distance between the parameters of the two, at each step."""
    flat = [[np.concatenate([p.reshape(-1) for p in s.params]) for s in t.states[1:]] for t in (one, other)]
    return [b.astype(np.longdouble) - a for a, b in zip(*flat, strict=True)]


def _differences(sides: Mapping[str, JudgedSide]) -> Iterator[tuple[float, Worst]]:
    """The worst element of every step: the deviation from the references' difference, over the sum of bounds."""
    one, other = (sides[f] for f in FRAMEWORKS)
    apart = _apart(one.trained, other.trained)
    for t, (p, q) in enumerate(zip(one.predicted.params, other.predicted.params, strict=True)):
        loss = np.longdouble(other.trained.losses[t]) - one.trained.losses[t]
        a, b = one.predicted.losses[t], other.predicted.losses[t]
        got = np.append(apart[t], loss)
        expected = np.append(q.value - p.value, b.value - a.value)
        allowed = np.append(q.error + p.error, b.error + a.error)
        with np.errstate(all="ignore"):
            ratio = np.where(got == expected, 0, np.abs(got - expected) / allowed)
        ratio = np.where(np.isnan(ratio), np.inf, ratio)
        at = int(np.argmax(ratio))
        place, element = _place(at)
        yield (
            float(ratio[at]),
            Worst(
                float(ratio[at]),
                t + 1,
                f"keras - torch, {place}",
                element,
                float(got[at]),
                float(expected[at]),
                float(allowed[at]) * LIMIT,
            ),
        )


def _resolved(found: Iterator[tuple[float, Worst]], sides: Mapping[str, JudgedSide]) -> list[tuple[float, Worst]]:
    """As long as the sum of the two bounds is small compared with the distance that the parameters have moved."""
    start = np.concatenate([p.reshape(-1) for p in task.start()])
    predicted = zip(*(side.predicted.params for side in sides.values()), strict=True)
    sharp = []
    for both in predicted:
        way = max(np.max(np.abs(p.value - start)) for p in both)
        sharp.append(np.max(sum(p.error for p in both)) <= BLIND_ABOVE * way)
    until = sharp.index(False) if False in sharp else len(sharp)
    return list(found)[:until]


def _place(at: int) -> tuple[str, tuple[int, ...]]:
    for i, shape in enumerate(task.SHAPES):
        size = int(np.prod(shape))
        if at < size:
            return f"params[{i}]", tuple(int(k) for k in np.unravel_index(at, shape))
        at -= size
    return "loss", ()


# ---------------------------------------------------------------- the difference taken apart


def parts(pair: Pair) -> dict[str, list[Any]]:
    """The effect of each cause alone, in exact arithmetic: switched from torch to Keras one at a time."""
    torch, keras = (pair.references[f] for f in FRAMEWORKS)
    epsilon = replace(torch, epsilon=keras.epsilon, epsilon_place=keras.epsilon_place)
    rounded = mutants.find("correction-beta-float32", type(torch))
    rows = {
        "by epsilon": epsilon,
        "by rounding": mutants.plant(torch, rounded),
        "by both": mutants.plant(epsilon, rounded),
    }
    start = exact(torch, pair.steps)
    found = {name: [b - a for a, b in zip(start, exact(r, pair.steps), strict=True)] for name, r in rows.items()}
    both = zip(found["by both"], found["by epsilon"], found["by rounding"], strict=True)
    found["by the two together"] = [whole - a - b for whole, a, b in both]
    return {name: _short(np.max(np.abs(d)) for d in steps) for name, steps in found.items()}


def exact(reference: Reference, steps: int) -> list[np.ndarray]:
    """The reference's training in extended precision: the parameters after each step, flattened."""
    params = [p.astype(np.longdouble) for p in task.start()]
    slots, found = reference.init(params), []
    for t in range(1, steps + 1):
        params, slots = reference.step(params, task.gradient(params, *task.batch(t)), slots)
        found.append(np.concatenate([p.reshape(-1) for p in params]))
    return found


def _short(values: Any, digits: int = 4) -> list[float]:
    """Enough digits for a picture."""
    return [float(f"{float(v):.{digits}g}") for v in values]


def checks() -> Iterator[ParityCheck]:
    """Every pair in both dtypes."""
    for pair in pairs():
        for dtype in pair.dtypes:
            yield ParityCheck("both", pair.optimizer, pair.name, pair.why, dtype, "default", pair)
