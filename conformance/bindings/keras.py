"""Keras on TensorFlow: tf.keras.optimizers, and conformance.RAdam."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conformance.bindings import keras_versions
from conformance.bindings.binding import Entry, Group
from conformance.bindings.keras_backends import BackendDriver
from conformance.bindings.keras_driver import KerasDriver, arguments, constructor, forget, waiting
from conformance.bindings.keras_entries import entries
from conformance.bindings.keras_versions import versions
from reference.formats import FORMATS, Format

framework = "keras"
extra = "tensorflow-cpu"  # of pyproject.toml
pinned = ("3.15.",)
modes = ("eager", "graph", "xla")
dtypes = ("float64", "float32")


WRAPPERS = ("Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap")


def classes() -> list[str]:
    """The optimizers of the installed framework, and ours, without wrappers around others."""
    found = {n for n, c in vars(keras_versions.package().optimizers).items() if isinstance(c, type)}
    return [*(found - set(WRAPPERS)), "RAdam"]


def formats(dtype: str) -> Format:
    # TensorFlow and XLA set the flush-to-zero bit in their threads.
    return FORMATS[dtype] if keras_versions.backend() == "torch" else FORMATS[dtype].flushing()


def mode_reason(entry: Entry, mode: str) -> str:
    """Why the optimizer cannot run in this mode, or an empty string."""
    return entry.lacks.get(mode, "")


def start(
    entry: Entry, groups: Sequence[Group], params: Sequence[np.ndarray], dtype: str, mode: str
) -> KerasDriver:
    """A driver at its first step. All runs with the same constructor call share one traced graph."""
    if keras_versions.backend() != "tensorflow":
        return BackendDriver(entry, groups, params, dtype, mode)
    key = (entry.cls, repr(groups), dtype, *((p.shape, p.tobytes()) for p in params))
    driver = waiting(key)
    if driver is not None:
        driver.restart(mode)
        return driver
    driver = KerasDriver(entry, groups, params, dtype, mode)
    if entry.build is None:
        driver.keep_as(key)
    return driver


def call(entry: Entry, calls: Sequence[str]) -> str:
    """The constructor call as a user writes it."""
    package = "tf.keras" if keras_versions.backend() == "tensorflow" else "keras"
    return f"{entry.path(f'{package}.optimizers')}({calls[0]})"


__all__ = [
    "arguments",
    "call",
    "classes",
    "constructor",
    "dtypes",
    "entries",
    "extra",
    "forget",
    "formats",
    "framework",
    "mode_reason",
    "modes",
    "pinned",
    "start",
    "versions",
]
