"""The findings of the proof, kept in proof.json: section -> findings, by optimizer."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from conformance.errors import Incomplete
from conformance.judge.record import atomically, decoded, encoded

PATH = Path(__file__).with_name("proof.json")
FORMAT = 2
SECTIONS = ("matrix", "terms", "behind", "seeds", "live", "diagnosis")
REMAKE = "python -m conformance update"  # everything; for the proof alone: prove

Known = dict[str, dict[str, Any]]  # section -> findings, by name


@cache
def load(path: Path = PATH) -> dict[str, Any]:
    """Section -> findings, by optimizer."""
    try:
        found = decoded(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Incomplete(f"{path.name}: cannot be read ({error}). Make it again: {REMAKE}") from error
    return {section: found.get(section, {}) for section in SECTIONS}


def save(found: dict[str, Any], path: Path = PATH) -> None:
    """Write it whole or not at all; the same data gives the same bytes."""
    data = {"format": FORMAT, **found}
    text = json.dumps(encoded(data), indent=0, sort_keys=True, allow_nan=False, ensure_ascii=False)
    with atomically(path) as file:
        file.write(text + "\n")
    load.cache_clear()


def known() -> dict[str, Any]:
    try:
        return dict(load())
    except Incomplete:  # none yet
        return {section: {} for section in SECTIONS}
