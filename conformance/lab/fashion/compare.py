"""The whole comparison: the search for learning rates, then the trainings to compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from conformance.bindings import installed
from conformance.errors import Incomplete
from conformance.lab.fashion import pool, training_calls
from conformance.lab.fashion.data import Data
from conformance.lab.fashion.train import FIRST, Job

GRID_EPOCHS = 2
PROBES = ("reversed", "float64", "rounded")  # they show why two trainings drift apart


@dataclass(frozen=True)
class TrainingPlan:
    """What is compared, and how."""

    optimizers: tuple[str, ...] = training_calls.DEFAULT
    frameworks: tuple[str, ...] = ("torch", "keras")
    seeds: int = 3  # trained as translated pairs
    default_seeds: int = 1  # and with the defaults
    epochs: int = 10
    batch: int = 128
    evaluations: int = 3  # on the validation set, per epoch
    grid_epochs: int = GRID_EPOCHS
    processes: int = 2
    threads: int = 1  # per process
    limit: int | None = None  # number of training images
    probes: tuple[str, ...] = PROBES


@dataclass
class TrainingComparison:
    """The result: records as `train` makes them."""

    plan: TrainingPlan
    grid: list[dict[str, Any]]
    rates: Mapping[str, float | None]  # chosen on the validation set
    records: list[dict[str, Any]]


def frameworks(wanted: Sequence[str]) -> tuple[str, ...]:
    """The wanted frameworks that are installed."""
    there = installed()
    return tuple(f for f in wanted if f in there)


def run(plan: TrainingPlan, source: pool.Source, loaded: Data, folder: Path) -> TrainingComparison:
    """Everything that is not finished yet."""
    grid_jobs = [job for name in plan.optimizers for job in search(plan, name)]
    grid = pool.run(grid_jobs, source, loaded, folder, plan.processes, "learning rates")
    rates = {name: chosen(grid, name) for name in plan.optimizers}
    records = pool.run(trainings(plan, rates), source, loaded, folder, plan.processes, "trainings")
    return TrainingComparison(plan, grid, rates, records)


def search(plan: TrainingPlan, name: str) -> list[Job]:
    """An optimizer's grid: each rate, in each framework, for a few epochs."""
    found = []
    for rate in training_calls.grid(name):
        for framework, call in training_calls.translated(name, rate).calls.items():
            if framework in plan.frameworks:
                found.append(job_of(plan, "grid", call, 0, epochs=plan.grid_epochs, evaluations=1, rate=rate))
    return found


def chosen(grid: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """The rate with the best validation accuracy, averaged over the frameworks; if tied, the smallest."""
    scores = score(grid, name)
    if not scores:
        return None
    best = max(scores.values())
    if not np.isfinite(best) or best < 0:
        raise Incomplete(
            f"{name}: the loss is not finite at any learning rate of the grid ({', '.join(map(str, scores))})"
        )
    return min(rate for rate, value in scores.items() if value == best)


def score(grid: Sequence[Mapping[str, Any]], name: str) -> dict[float, float]:
    """Rate -> validation accuracy after the search, averaged over the frameworks; -1 if a loss is not finite."""
    found: dict[float, list[float]] = {}
    for record in grid:
        if record["job"]["optimizer"] == name.lower():
            value = record["validation"][-1]["accuracy"] if record["finite"] else -1.0
            found.setdefault(record["job"]["rate"], []).append(value)
    return {rate: float(np.mean(values)) if min(values) >= 0 else -1.0 for rate, values in sorted(found.items())}


def trainings(plan: TrainingPlan, rates: Mapping[str, float | None]) -> list[Job]:
    """All trainings to compare, the first seed of every optimizer before the second of any."""
    translated = {name: training_calls.translated(name, rate) for name, rate in rates.items()}
    defaults = {name: training_calls.by_default(name) for name in rates}
    found = []
    for seed in range(max(plan.seeds, plan.default_seeds)):
        for setting, pairs, seeds in (
            ("translated", translated, plan.seeds),
            ("defaults", defaults, plan.default_seeds),
        ):
            if seed < seeds:
                found += [
                    job_of(plan, setting, call, seed)
                    for pair in pairs.values()
                    for f, call in pair.calls.items()
                    if f in plan.frameworks
                ]
        if seed == 0:
            for name, pair in translated.items():
                without = training_calls.translated(name, rates[name], training_calls.NEGLIGIBLE).calls
                for framework, call in pair.calls.items():
                    if framework in plan.frameworks:
                        first = replace(job_of(plan, "", call, 0, epochs=1), steps=FIRST)
                        probes = {
                            "reversed": replace(first, setting="reversed", turned=True),
                            "float64": replace(first, setting="float64", dtype="float64"),
                            "rounded": replace(
                                first,
                                setting="rounded",
                                dtype="float64",
                                arguments=training_calls.rounded(without[framework]).arguments,
                            ),
                        }
                        found += [probes[name] for name in plan.probes]
    return found


def job_of(plan: TrainingPlan, setting: str, call: training_calls.TrainingCall, seed: int, **other: Any) -> Job:
    return Job(
        setting=setting,
        optimizer=call.optimizer,
        framework=call.framework,
        seed=seed,
        call=call.text,
        arguments=dict(call.arguments),
        batch=plan.batch,
        threads=plan.threads,
        limit=plan.limit,
        **{"epochs": plan.epochs, "evaluations": plan.evaluations, **other},
    )
