"""The page about bad input, from the records alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conformance.judge.record import Record


def tables(records: Sequence[Record]) -> list[dict[str, Any]]:
    """By optimizer: what it refuses, what it wrongly accepts, what it wrongly refuses."""
    found = []
    for framework in sorted({r.framework for r in records}):
        mine = [r for r in records if r.framework == framework and r.series]
        rows = []
        for optimizer in sorted({r.optimizer for r in mine}):
            of_it = [r for r in mine if r.optimizer == optimizer]
            bad = [r for r in of_it if r.case.startswith("refuses-")]
            good = [r for r in of_it if r not in bad]
            rows.append([optimizer, _cell(bad, "accepted"), _cell(good, "refused"), _cell(bad, "refused")])
        found.append(
            {
                "title": {"torch": "PyTorch", "keras": "Keras"}[framework],
                "says": "Each argument with the values tried. Open a case below for the call.",
                "head": ["Optimizer", "accepts but should not", "refuses but should not", "refuses"],
                "rows": rows,
            }
        )
    return found


def _cell(records: Sequence[Record], what: str) -> str:
    parts = [(r.case.partition("-")[2], ", ".join(map(str, r.series.get(what, [])))) for r in records]
    return "; ".join(f"{name}: {labels}" for name, labels in parts if labels) or "—"
