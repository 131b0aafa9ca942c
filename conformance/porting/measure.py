"""Measures the map: an optimizer in one framework and its translation in the other, step by step.

Two correct implementations of the same steps differ by at most the sum of their distances from the
reference, in float64: the bounds of the free-running references. There is no other tolerance.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry, Group, State, to_arguments, to_reference
from conformance.cases import problems
from conformance.cases.case import Case
from conformance.cases.optimizers import OptimizerCheck
from conformance.errors import BadInput
from conformance.judge import ledger
from conformance.judge.evidence import Evidence
from conformance.judge.steps import Judge
from conformance.porting import map_data
from conformance.porting.dialects import CONSTANT_RATE, EVERY_GRADIENT, Outside
from conformance.porting.map_rows import MapRow
from conformance.porting.translation import Translation, of_reference, reference_of
from conformance.porting.uses import Use, base_reference, directed, naive, uses
from reference.base import Reference

STEPS = 100
DTYPE = "float64"
MODES = {"torch": "forloop", "keras": "graph"}
SHORT = 12  # steps, enough to show a broken condition
RATES: Mapping[int, float] = {4: 0.5, 9: 2.0**-8, 60: 2.0**-5}  # a schedule that goes up and down


@dataclass(frozen=True)
class Training:
    """The circumstances of a run: the gradients, and the learning rates with the steps where they begin."""

    problem: str = "ordinary"
    rates: tuple[tuple[int, float], ...] = ()
    steps: int = STEPS
    shapes: tuple[tuple[int, ...], ...] = problems.SHAPES

    @property
    def data(self) -> problems.Problem:
        if self.shapes == problems.SHAPES:
            return problems.problem(self.problem, self.steps)
        return problems.problem(self.problem, self.steps, shapes=self.shapes)

    def of(self, row: MapRow) -> Training:
        """The same with only the tensors that both classes accept."""
        return replace(self, shapes=getattr(row.entry("torch"), "shapes", problems.SHAPES))


CALM = Training()
CHANGING = Training(rates=tuple(RATES.items()))
GAPS = Training("missing")
BREAKS = {CONSTANT_RATE: CHANGING, EVERY_GRADIENT: GAPS}


def hardest(use: Use) -> Training:
    """The hardest training that meets the conditions of this use."""
    needs = use.needs
    return Training(
        "ordinary" if EVERY_GRADIENT in needs else "missing",
        () if CONSTANT_RATE in needs else CHANGING.rates,
    ).of(use.row)


# ---------------------------------------------------------------- one run

_kept: dict[Any, list[State]] = {}


def run(
    framework: str, entry: Entry, reference: Reference, training: Training, outside: Sequence[Outside] = ()
) -> list[State]:
    """The states of an optimizer from the start, including what is done outside it."""
    key = (framework, entry.optimizer, repr(reference), training, tuple(outside))
    if key not in _kept:
        if len(_kept) > 64:
            _kept.clear()
        _kept[key] = _run(framework, entry, reference, training, outside)
    return _kept[key]


def _run(framework: str, entry: Entry, reference: Reference, training: Training, outside: Sequence[Outside]):
    binding, data = BINDINGS[framework], training.data
    everything = tuple(range(len(data.params)))
    # Tracing a graph takes longer than a few eager steps.
    mode = "eager" if framework == "keras" and training.steps <= SHORT else MODES[framework]
    driver = binding.start(entry, [Group(everything, reference)], data.params, DTYPE, mode)
    kinds = {o.kind: o.value for o in outside}
    rates, rate = dict(training.rates), reference.learning_rate
    states = [driver.read()]
    for t, grads in enumerate(data.grads, 1):
        rate = rates.get(t, rate)
        if t in rates or "schedule" in kinds:
            driver.set_learning_rate(rate / (1 + (t - 1) * kinds.get("schedule", 0.0)))
        if "negate" in kinds:
            grads = [None if g is None else -g for g in grads]
        if "regularizer" in kinds:
            grads = _regularized(driver, grads, kinds["regularizer"])
        if "decay" in kinds:
            _decayed(driver, grads, rate, kinds["decay"])
        driver.step(grads)
        states.append(driver.read())
    return states


def _regularized(driver: Any, grads: Sequence[np.ndarray | None], weight_decay: float) -> list[np.ndarray]:
    """The gradient of a loss, here g times p, including Keras' regularizer."""
    tf = driver.tf
    with tf.GradientTape() as tape, driver._as_floatx():
        penalty = tf.keras.regularizers.L2(weight_decay / 2)
        loss = tf.add_n([penalty(p) for p in driver.params])
        for p, g in zip(driver.params, grads, strict=True):
            if g is not None:
                loss += tf.reduce_sum(tf.constant(g, p.dtype) * p)
    return [g.numpy() for g in tape.gradient(loss, driver.params)]


def _decayed(driver: Any, grads: Sequence[np.ndarray | None], rate: float, weight_decay: float) -> None:
    with driver.torch.no_grad():
        for p, g in zip(driver.params, grads, strict=True):
            if g is not None:
                p.mul_(1 - rate * weight_decay)


# ---------------------------------------------------------------- two runs against each other


Step = list[
    tuple[np.ndarray, np.ndarray]
]  # for each tensor its value, and how far a correct implementation may be off


def trajectory(framework: str, entry: Entry, reference: Reference, training: Training) -> list[Step]:
    """The free-running reference, computed as in the framework."""
    data = training.data
    group = Group(tuple(range(len(data.params))), reference)
    start = State([np.asarray(p, np.float64) for p in data.params], {})
    fmt = BINDINGS[framework].formats(DTYPE)
    with np.errstate(all="ignore"):
        judge = Judge(Evidence(entry, fmt, [group], data, [start], dict(training.rates)))
        layout, _, steps = judge.trajectory(group)
    if len(steps) != training.steps:
        raise BadInput(f"{framework} {entry.cls}: the reference is ambiguous after {len(steps)} steps")
    return [
        list(
            zip(
                _unpacked(layout, [p.value for p in params]),
                _unpacked(layout, [p.error for p in params]),
                strict=True,
            )
        )
        for params, _ in steps
    ]


def _unpacked(layout: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
    if not layout.packed:
        return [np.asarray(a) for a in arrays]
    sizes = [int(np.prod(shape)) for shape in layout.shapes]
    parts = np.split(arrays[0], np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, layout.shapes, strict=True)]


def known_divergence(framework: str, entry: Entry, names: Sequence[str]) -> ledger.LedgerRow | None:
    """The ledger row that says the framework departs from its reference in one of these cases."""
    rows, versions = _ledger(), BINDINGS[framework].versions()
    cases = [OptimizerCheck.of(framework, entry.optimizer, Case(n, "", n), DTYPE, MODES[framework]) for n in names]
    return next((row for case in cases if (row := rows.row(case, versions))), None)


_ledger = cache(ledger.load)


def expected(
    framework: str, entry: Entry, reference: Reference, training: Training, case: str
) -> tuple[list[Step], list[Step]]:
    """The reference, and what the ledger knows the framework does instead; usually the same."""
    right = trajectory(framework, entry, reference, training)
    row = known_divergence(framework, entry, (case, training.problem))
    if row is None:
        return right, right
    planted = row.expected([Group(tuple(range(len(training.data.params))), reference)])[0].reference
    return right, trajectory(framework, entry, planted, training)


@dataclass(frozen=True)
class Difference:
    """Two trajectories: their largest final distance, and the worst share of what rounding allows."""

    distance: float
    ratio: float | None  # over all steps; the limit is LIMIT. None: rounding has no bound over so many steps


def compare(
    source: str,
    here: Entry,
    reference: Reference,
    target: str,
    there: Entry,
    translated: Translation,
    training: Training,
    case: str = "",
) -> Difference:
    """An optimizer and its translation, in the same training; `case` is the ledger's name for it."""
    a = run(source, here, reference, training)
    b = run(target, there, translated.reference, training, translated.outside)
    if getattr(reference, "bound", "") == "statistical":
        return Difference(distance(a, b), None)
    ones = expected(source, here, reference, training, case)
    others = expected(target, there, translated.effective, training, case)
    ratio = 0.0
    for t, (one, other) in enumerate(zip(a[1:], b[1:], strict=True)):
        for i, (x, y) in enumerate(zip(one.params, other.params, strict=True)):
            # A known divergence moves one of them by exactly what the ledger says.
            moved = [shown[t][i][0] - right[t][i][0] for right, shown in (ones, others)]
            allowed = sum(shown[t][i][1] for _, shown in (ones, others))
            with np.errstate(all="ignore"):
                apart = np.abs((x - y) - (moved[0] - moved[1]))
                share = np.where(apart == 0, 0.0, apart / allowed)
            ratio = max(ratio, float(np.max(np.where(np.isnan(share), np.inf, share))))
    return Difference(distance(a, b), ratio)


def distance(a: Sequence[State], b: Sequence[State]) -> float:
    """The largest difference in a parameter after the last step."""
    return max(float(np.max(np.abs(x - y))) for x, y in zip(a[-1].params, b[-1].params, strict=True))


# ---------------------------------------------------------------- a use of a row


def right(use: Use) -> Difference:
    """The correct port in the hardest training that meets its conditions."""
    here, there = use.row.entry(use.source), use.row.entry(use.target)
    return compare(use.source, here, cured(use), use.target, there, use.cured, hardest(use), use.name)


def cured(use: Use) -> Reference:
    """The source's reference at which nothing is lost."""
    reference = base_reference(use.row.entry(use.source), use.overrides)
    for loss in use.cures:
        reference = replace(reference, **loss.cure)
    return reference


@dataclass(frozen=True)
class Broken:
    """A use with one condition broken: what is asked for, and in which training."""

    condition: str
    reference: Reference
    translated: Translation
    training: Training

    def compared(self, use: Use) -> Difference:
        """The comparison over a few steps, with the share of what rounding allows."""
        here, there = use.row.entry(use.source), use.row.entry(use.target)
        short = replace(self.training, steps=SHORT)
        return compare(use.source, here, self.reference, use.target, there, self.translated, short, use.name)

    def distance(self, use: Use) -> float:
        """The distance after 100 steps."""
        here, there = use.row.entry(use.source), use.row.entry(use.target)
        return distance(
            run(use.source, here, self.reference, self.training),
            run(use.target, there, self.translated.reference, self.training, self.translated.outside),
        )


def broken(use: Use, known: Sequence[str] = ()) -> list[Broken]:
    """Breaks each condition in turn: what is lost, what the training must not do, what is done outside.

    `known` are the conditions to leave out.
    """
    here, there = use.row.entry(use.source), use.row.entry(use.target)
    reference, training = cured(use), hardest(use)
    asked = base_reference(here, use.overrides)
    found = []
    for loss, name in zip(use.cures, use.values, strict=True):
        without = replace(reference, **{k: getattr(asked, k) for k in loss.cure})
        translated = of_reference(without, here, there, use.source, use.target)
        found.append(Broken(name, without, translated, training))
    for condition in use.needs:
        if condition in BREAKS:  # a call that the other framework refuses cannot be compared
            found.append(Broken(condition.name, reference, use.cured, BREAKS[condition].of(use.row)))
    for one, name in zip(use.cured.outside, use.conditions[len(use.values) + len(use.needs) :], strict=False):
        rest = tuple(o for o in use.cured.outside if o is not one)
        found.append(Broken(name, reference, replace(use.cured, outside=rest), training))
    return [b for b in found if b.condition not in known]


def own(use: Use, plain: Use) -> list[Broken]:
    """The conditions that go beyond the plain rule's."""
    return broken(use, () if use.name == plain.name else plain.conditions)


def naive_port(use: Use) -> float | None:
    """The naive port, by argument name, after 100 steps."""
    here = use.row.entry(use.source)
    reference = base_reference(here, use.overrides)
    return _naive(use.row, use.source, use.target, reference, _call(use.source, here, reference))


def _call(framework: str, entry: Entry, reference: Reference) -> dict[str, Any]:
    known = map_data.defaults_of(framework, entry)
    given = to_arguments(entry, reference)
    return {k: v for k, v in given.items() if k not in known or (known[k] is not v and known[k] != v)}


def _naive(row: MapRow, source: str, target: str, reference: Reference, given: Mapping[str, Any]) -> float | None:
    here, there = row.entry(source), row.entry(target)
    copied = naive(here, there, source, target, given)
    try:
        port = to_reference(there, {**map_data.defaults_of(target, there), **copied})
    except ValueError:
        return None  # the other framework refuses it
    calm = CALM.of(row)
    return distance(run(source, here, reference, calm), run(target, there, port, calm))


def known_rows(use: Use) -> list[str]:
    """The ledger rows that account exactly for a difference in the steps."""
    names = (use.name, hardest(use).problem)
    found = [known_divergence(f, use.row.entry(f), names) for f in (use.source, use.target)]
    return [row.id for row in found if row]


def measure(use: Use, plain: Use) -> dict[str, Any]:
    """The numbers of one use after 100 steps: the correct port, the naive one, and each broken condition."""
    return {
        "status": use.status.value,
        "conditions": list(use.conditions),
        "right": _short(right(use).distance),
        "naive": _short(naive_port(use)),
        "known": known_rows(use),
        "broken": {b.condition: _short(b.distance(use)) for b in own(use, plain)},
    }


def defaults(row: MapRow, source: str, target: str) -> dict[str, Any]:
    """The class with its defaults: by name, and translated."""
    here, there = row.entry(source), row.entry(target)
    reference = reference_of(here, source, {})
    translated = of_reference(reference, here, there, source, target)
    a = run(source, here, reference, CALM.of(row))
    b = run(target, there, translated.reference, CALM.of(row), translated.outside)
    return {"naive": _short(_naive(row, source, target, reference, {})), "right": _short(distance(a, b))}


# ---------------------------------------------------------------- all of it


def measure_all(
    report: Any = lambda text: None, missing: bool = False, again: Collection[str] = ()
) -> map_data.MapData:
    """The defaults and the numbers of the whole map; BadInput without both frameworks.

    `missing`: only the numbers that are not there yet, and those of the optimizers named in `again`.
    """
    versions: dict[str, str] = {}
    for name, binding in BINDINGS.items():
        if not binding.versions():
            raise BadInput(f"map --measure: {name} is not installed; measuring the map takes both frameworks.")
        versions |= binding.versions()
    before = map_data.load().measured
    known = map_data.MapData(versions, map_data.plain(map_data.installed_defaults()), before)
    map_data.save(known)
    found: dict[str, Any] = {}
    for row, source, target in directed():
        all_uses = uses(row, source, target)
        kept = missing and row.optimizer not in again
        for use in all_uses:
            if kept and use.id in before:
                found[use.id] = before[use.id]
                continue
            report(use.id)
            found[use.id] = measure(use, all_uses[0])
        name = f"{source}-{row.optimizer}-defaults"
        if all_uses:
            found[name] = before[name] if kept and name in before else defaults(row, source, target)
    data = replace(known, measured=found)
    map_data.save(data)
    return data


def _short(value: float | None) -> float | None:
    """Two digits, or one if the number is rounding alone."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.0e}" if abs(value) < 1e-12 else f"{value:.1e}")
