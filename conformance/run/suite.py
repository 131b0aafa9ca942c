"""The conformance run itself: one test per check."""

from __future__ import annotations

from collections.abc import Callable

from conformance.cases.check import Check


def test_step(check: Check, judged: Callable[[Check], None]) -> None:
    """Every parameter and slot of the implementation is within the derived bound at every step."""
    judged(check)
