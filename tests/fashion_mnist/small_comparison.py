"""A comparison small enough for a test, and where the real one lies."""

from __future__ import annotations

from pathlib import Path

from conformance.bindings import installed
from conformance.cli import fashion_mnist as verb
from conformance.lab.fashion import compare

FRAMEWORKS = installed()
BOTH = len(FRAMEWORKS) == 2
COMMITTED = Path(__file__).parents[2] / "reports" / verb.FOLDER
PLAN = compare.TrainingPlan(
    optimizers=("sgd",),
    frameworks=tuple(FRAMEWORKS),
    seeds=2,
    epochs=2,
    batch=64,
    grid_epochs=1,
    processes=1,
    probes=("reversed", "rounded"),
)
