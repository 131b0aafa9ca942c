"""PyTorch: torch.optim."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conformance.bindings.binding import Entry, Group, installed_version
from conformance.bindings.torch_closure import TorchClosureDriver
from conformance.bindings.torch_driver import AS_IT_IS, TorchDriver, arguments, constructor, modes
from conformance.bindings.torch_entries import entries
from reference.formats import FORMATS, Format

framework = "torch"
extra = "torch"  # of pyproject.toml
pinned = ("2.13.",)
dtypes = ("float64", "float32")


def versions() -> dict[str, str]:
    found = installed_version("torch")
    return {"torch": found} if found else {}


def classes() -> list[str]:
    """The optimizers of the installed framework."""
    import torch

    base = torch.optim.Optimizer
    return [
        n for n, c in vars(torch.optim).items() if isinstance(c, type) and issubclass(c, base) and c is not base
    ]


def formats(dtype: str) -> Format:
    return FORMATS[dtype]


def mode_reason(entry: Entry, mode: str) -> str:
    """Why the optimizer cannot run in this mode, or an empty string."""
    return entry.lacks.get(mode, "")


def start(
    entry: Entry, groups: Sequence[Group], params: Sequence[np.ndarray], dtype: str, mode: str
) -> TorchDriver:
    if entry.reference.closure:
        return TorchClosureDriver(entry, groups, params, dtype, mode)
    return TorchDriver(entry, groups, params, dtype, mode)


def call(entry: Entry, calls: Sequence[str]) -> str:
    """The constructor call as a user writes it, with one or more parameter groups."""
    if len(calls) == 1:
        return f"{entry.path('torch.optim')}(params{', ' if calls[0] else ''}{calls[0]})"
    groups = ", ".join(f"dict(params=group_{i}, {c})" for i, c in enumerate(calls, 1))
    return f"{entry.path('torch.optim')}([{groups}])"


__all__ = [
    "AS_IT_IS",
    "arguments",
    "call",
    "classes",
    "constructor",
    "dtypes",
    "entries",
    "extra",
    "formats",
    "framework",
    "mode_reason",
    "modes",
    "pinned",
    "start",
    "versions",
]
