"""The conformance run itself: one test for each instance of the case table."""

from __future__ import annotations

from collections.abc import Callable

from conformance.cases.table import Instance


def test_step(instance: Instance, judged: Callable[[Instance], None]) -> None:
    """Every parameter and slot of the implementation is within the derived bound, at every step."""
    judged(instance)
