"""What the records of a comparison say, in numbers and sentences, for the pages, plots and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from conformance.bindings import BINDINGS
from conformance.lab.fashion import compare, statistics, training_calls
from conformance.porting.translation import reference_of
from conformance.porting.uses import argument_name

NAMES = {"torch": "PyTorch", "keras": "Keras"}
GOAL = 0.90  # validation accuracy
EXPECTED = 0.88  # below this test accuracy of a translated pair, look for a bug
SEEN = 1e-3  # a relative difference of two losses that shows in three digits
LEVELS = (0.0, 1e-6, SEEN, 1e-2)
EARLY = 1.5  # whatever drives them apart before this many times the step is quick enough to be the cause

Record = Mapping[str, Any]


@dataclass(frozen=True)
class FrameworkResult:
    """One framework with one optimizer in one setting, over its seeds."""

    framework: str
    call: str
    records: tuple[Record, ...]

    @property
    def name(self) -> str:
        return NAMES[self.framework]

    @property
    def accuracies(self) -> list[float]:
        return [r["test"]["accuracy"] for r in self.records]

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.records) > 1 else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval, from the number of test images alone: it does not shrink with more seeds."""
        return statistics.wilson(self.mean, self.records[0]["test"]["images"])

    @property
    def to_goal(self) -> list[int | None]:
        """The first evaluated step with a validation accuracy of GOAL or more."""
        return [next((v["step"] for v in r["validation"] if v["accuracy"] >= GOAL), None) for r in self.records]

    @property
    def seconds(self) -> tuple[float, float]:
        """The median time of an epoch's training steps: elapsed, and of the processor."""
        every = np.array([pair for r in self.records for pair in r["seconds"]])
        return float(np.median(every[:, 0])), float(np.median(every[:, 1]))

    def curve(self, kind: str, what: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps, and (seeds, steps) of "epochs" (training) or "validation": "loss" or "accuracy".

        A training whose loss became non-finite ended early: nan from there on.
        """
        longest = max(self.records, key=lambda r: len(r[kind]))[kind]
        rows = [[p[what] for p in r[kind]] for r in self.records]
        rows = [row + [float("nan")] * (len(longest) - len(row)) for row in rows]
        return np.array([p["step"] for p in longest]), np.array(rows, np.float64)


@dataclass(frozen=True)
class Setting:
    """An optimizer with translated or default hyperparameters."""

    name: str
    sides: tuple[FrameworkResult, ...]
    test: statistics.PairedDifference | None  # of the test accuracies: Keras minus PyTorch, in points
    images: tuple[statistics.Images, ...]  # of each pair: PyTorch first


@dataclass(frozen=True)
class LossGap:
    """Two trainings step by step: how far apart their losses are, relative to the loss."""

    name: str
    says: str
    differences: np.ndarray
    steps: tuple[int | None, ...]  # the first step above each of LEVELS


@dataclass(frozen=True)
class Optimizer:
    """Everything about one optimizer."""

    optimizer: str
    title: str
    rate: float | None
    grid: Mapping[float, float]
    alone: str
    losses: tuple[str, ...]
    translated: Setting
    defaults: Setting | None
    default_differences: tuple[tuple[str, str, str], ...]  # argument, PyTorch, Keras
    together: tuple[LossGap, ...]
    why: str

    @property
    def settings(self) -> list[Setting]:
        return [self.translated] + ([self.defaults] if self.defaults else [])


def optimizers(found: compare.TrainingComparison) -> list[Optimizer]:
    """Each optimizer of the comparison."""
    return [_optimizer(found, name) for name in found.plan.optimizers]


def _optimizer(found: compare.TrainingComparison, name: str) -> Optimizer:
    mine = [r for r in found.records if r["job"]["optimizer"] == name]
    by = {s: [r for r in mine if r["job"]["setting"] == s] for s in ("translated", "defaults", *compare.PROBES)}
    pair = training_calls.translated(name, found.rates[name])
    together = tuple(_together(by))
    return Optimizer(
        optimizer=name,
        title=training_calls.entry_of(name)[1].cls,
        rate=found.rates[name],
        grid=compare.score(found.grid, name),
        alone=pair.alone,
        losses=pair.losses,
        translated=_setting("translated", by["translated"]),
        defaults=_setting("defaults", by["defaults"]) if by["defaults"] else None,
        default_differences=tuple(default_differences(name)),
        together=together,
        why=why({t.name: t for t in together}, by_seed(by["translated"]), bool(pair.losses)),
    )


def _setting(name: str, records: Sequence[Record]) -> Setting:
    sides = []
    for framework in BINDINGS:
        mine = sorted((r for r in records if r["job"]["framework"] == framework), key=lambda r: r["job"]["seed"])
        if mine:
            sides.append(FrameworkResult(framework, mine[0]["job"]["call"], tuple(mine)))
    if len(sides) < 2:
        return Setting(name, tuple(sides), None, ())
    torch, keras = sides
    points = [100 * (k - t) for t, k in zip(torch.accuracies, keras.accuracies, strict=True)]
    images = tuple(
        statistics.by_image(right(t), right(k)) for t, k in zip(torch.records, keras.records, strict=True)
    )
    return Setting(name, tuple(sides), statistics.paired(points), images)


def right(record: Record) -> np.ndarray:
    """For each test image, whether it is classified correctly."""
    packed = np.frombuffer(bytes.fromhex(record["test"]["right"]), np.uint8)
    return np.unpackbits(packed)[: record["test"]["images"]].astype(bool)


def default_differences(name: str) -> list[tuple[str, str, str]]:
    """The hyperparameters whose defaults differ between the frameworks."""
    key = training_calls.entry_of(name)[1].optimizer
    entries = {f: b.entries[key] for f, b in BINDINGS.items() if key in b.entries}
    if len(entries) < 2:
        return []
    known = {f: reference_of(e, f, training_calls.MOMENTUM.get(key, {})) for f, e in entries.items()}
    torch, keras = known["torch"], known["keras"]
    keras = getattr(keras, "inner", keras)
    found = []
    for f in fields(torch):
        a, b = getattr(torch, f.name), getattr(keras, f.name)
        if a != b and entries["torch"].argument(f.name) and entries["keras"].argument(f.name):
            found.append((argument_name(entries["torch"], f.name), f"{a:g}", f"{b:g}"))
    return found


# ---------------------------------------------------------------- how long they stay together


def relative(first: Record, second: Record) -> np.ndarray:
    """|difference| / loss at each recorded step."""
    a, b = (np.array(r["first_losses"], np.float64) for r in (first, second))
    n = min(len(a), len(b))
    with np.errstate(all="ignore"):
        return np.abs(a[:n] - b[:n]) / np.abs(a[:n])


def parted(differences: np.ndarray) -> tuple[int | None, ...]:
    """The first step, counted from 1, whose difference exceeds each of LEVELS or is not finite."""
    steps = []
    for level in LEVELS:
        above = np.flatnonzero(~(differences <= level))
        steps.append(int(above[0]) + 1 if len(above) else None)
    return tuple(steps)


def _together(by: Mapping[str, Sequence[Record]]) -> list[LossGap]:
    found = []

    def add(name: str, says: str, first: Record | None, second: Record | None) -> None:
        if first is not None and second is not None:
            gone = relative(first, second)
            found.append(LossGap(name, says, gone, parted(gone)))

    def of(setting: str, framework: str) -> Record | None:
        mine = [r for r in by[setting] if r["job"]["framework"] == framework and r["job"]["seed"] == 0]
        return mine[0] if mine else None

    add("frameworks", "PyTorch and Keras, float32", of("translated", "torch"), of("translated", "keras"))
    for framework, name in NAMES.items():
        add(
            f"{framework} reversed",
            f"{name} and itself, each batch in reverse",
            of("translated", framework),
            of("reversed", framework),
        )
    add("float64", "PyTorch and Keras, float64", of("float64", "torch"), of("float64", "keras"))
    says = "float64, hyperparameters exact in float32, ε negligible"
    add("rounded", says, of("rounded", "torch"), of("rounded", "keras"))
    return found


def by_seed(records: Sequence[Record]) -> list[int | None]:
    """For each seed, the first step at which the losses of the two frameworks differ by more than SEEN."""
    found: dict[int, dict[str, Record]] = {}
    for record in records:
        found.setdefault(record["job"]["seed"], {})[record["job"]["framework"]] = record
    pairs = [pair for _, pair in sorted(found.items()) if len(pair) == 2]
    return [parted(relative(pair["torch"], pair["keras"]))[LEVELS.index(SEEN)] for pair in pairs]


def why(found: Mapping[str, LossGap], seeds: Sequence[int | None], has_epsilon: bool) -> str:
    """Why the two frameworks drift apart according to the probes, in sentences."""
    if "frameworks" not in found:
        return ""
    at = LEVELS.index(SEEN)
    first, step = found["frameworks"].steps[0], found["frameworks"].steps[at]
    said = ["The two losses are the same float32 numbers at all of these steps."]
    if first:
        said = [f"The two losses first differ as float32 numbers at step {first}"]
        said[0] += f", and by {SEEN:.1%} at step {step}" if step else f", but never differ by {SEEN:.1%}"
        if step and len(seeds) > 1:
            said[0] += f" ({_listed(seeds)} with seeds 0 to {len(seeds) - 1})"
        said[0] += "."
    exact, wide = found.get("rounded"), found.get("float64")
    if exact is not None:
        worst, same = float(np.nanmax(exact.differences)), exact.steps[at] is None
        numbers = "hyperparameters that are exact in float32" + (" and a negligible epsilon" if has_epsilon else "")
        said.append(
            f"In float64, with {numbers}, they {'stay within' if same else 'reach'} {worst:.0e} of each other over "
            f"{len(exact.differences)} steps: {'the rules are the same' if same else 'more than rounding differs'}."
        )
    if wide is not None and wide.steps[at]:
        place = ", and epsilon is in a different place" if has_epsilon else ""
        said.append(
            f"In float64, with the hyperparameters as given, they differ that much at step {wide.steps[at]}: Keras "
            f"rounds some of them to float32{place}."
        )
    return " ".join(said + ([_cause(found, step, at)] if step else [])).strip()


def _cause(found: Mapping[str, LossGap], step: int, at: int) -> str:
    """Which cause is quick enough: the rounding of hyperparameters, or that of sums."""
    wide = found["float64"].steps[at] if "float64" in found else None
    alone = {n: t.steps[at] for n, t in found.items() if n.endswith("reversed")}
    if not alone:
        return ""
    itself = " and ".join(
        f"{NAMES[n.split()[0]]} differs that much from itself {f'at step {s}' if s else 'never'}"
        for n, s in alone.items()
    )
    by_sums = any(s is not None and s <= EARLY * step for s in alone.values())
    by_numbers = wide is not None and wide <= EARLY * step
    if by_sums and by_numbers:
        cause = "the rounding of sums is as quick, and so are the hyperparameters"
    elif by_numbers:
        cause = "the hyperparameters drive the frameworks apart first, not the rounding of sums"
    elif by_sums:
        cause = "the rounding of sums, amplified by training, is enough"
    else:
        cause = "neither alone is as quick as both together"
    return f"When each batch is only summed in reverse order, {itself}: {cause}."


def _listed(steps: Sequence[int | None]) -> str:
    return ", ".join("never" if s is None else str(s) for s in steps)
