"""Step-by-step conformance of the optimizers of TensorFlow/Keras and PyTorch with a NumPy reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.checking.custom import DoesNotConform, check
    from conformance.porting.translation import translate
    from conformance.radam import RAdam
    from conformance.warmup import WarmupCosine

__all__ = ["DoesNotConform", "RAdam", "WarmupCosine", "check", "translate"]


def __getattr__(name: str) -> Any:
    # Lazily, because torch without TensorFlow is a valid installation, and TensorFlow takes seconds to load.
    if name == "RAdam":
        from conformance.radam import RAdam

        return RAdam
    if name == "WarmupCosine":
        from conformance.warmup import WarmupCosine

        return WarmupCosine
    if name == "translate":
        from conformance.porting.translation import translate

        return translate
    if name in ("check", "DoesNotConform"):
        from conformance.checking import custom

        return getattr(custom, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
