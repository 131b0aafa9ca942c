"""Step-by-step conformance of the optimizers of TensorFlow/Keras and PyTorch with a NumPy reference."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.checking.custom import check
    from conformance.checking.result import DoesNotConform
    from conformance.porting.translation import translate
    from conformance.radam import RAdam
    from conformance.warmup import WarmupCosine

# What users import -> where it is. Lazily, because torch without TensorFlow is a valid installation, and TensorFlow
# takes seconds to load.
_HOMES = {
    "DoesNotConform": "conformance.checking.result",
    "RAdam": "conformance.radam",
    "WarmupCosine": "conformance.warmup",
    "check": "conformance.checking.custom",
    "translate": "conformance.porting.translation",
}

__all__ = ["DoesNotConform", "RAdam", "WarmupCosine", "check", "translate"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
