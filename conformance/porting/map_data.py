"""What the map knows without a framework: constructor defaults and measurements, in map.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry, defaults
from conformance.errors import BadInput, Incomplete
from conformance.judge.record import atomically
from reference.base import Reference

PATH = Path(__file__).with_name("map.json")
REMAKE = "python -m conformance map --measure"
UPDATE = "out of date: python -m conformance update"
NOT_OPTIONS = ("params", "kwargs", "name")


@dataclass(frozen=True)
class MapData:
    versions: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)  # framework, class
    # "torch-adam-amsgrad" -> the measurements of its translation to the other framework
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@cache
def load(path: Path = PATH) -> MapData:
    """The data that comes with the suite, or was measured here."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return MapData(**found)
    except (OSError, json.JSONDecodeError, TypeError) as error:
        raise Incomplete(f"{path.name}: cannot be read ({error}). Make it again: {REMAKE}") from error


def save(data: MapData, path: Path = PATH) -> None:
    """Write it whole or not at all; the same data gives the same bytes."""
    text = json.dumps(asdict(data), indent=1, sort_keys=True, allow_nan=False)
    with atomically(path) as file:
        file.write(text + "\n")
    load.cache_clear()


def plain(value: Any) -> Any:
    """The value after a round trip through JSON."""
    return json.loads(json.dumps(value))


def defaults_of(framework: str, entry: Entry) -> dict[str, Any]:
    """The arguments of a constructor, with their defaults."""
    known = load().defaults.get(framework, {}).get(entry.cls)
    if known is None:
        raise BadInput(f"{framework}: the defaults of {entry.cls} are not in {PATH.name}. Make it again: {REMAKE}")
    return {name: tuple(v) if isinstance(v, list) else v for name, v in known.items()}


def installed_defaults() -> dict[str, dict[str, dict[str, Any]]]:
    """The defaults of every optimizer in every installed framework, read from the signatures."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for framework, binding in BINDINGS.items():
        if binding.versions():
            found[framework] = {}
            listed = {e.cls for e in binding.entries.values() if e.module}
            for cls in sorted({*binding.classes(), *listed}):
                entry = binding.entries.get(cls.lower()) or Entry(cls.lower(), cls, Reference, {})
                known = defaults(binding.constructor(entry))
                found[framework][cls] = {k: v for k, v in known.items() if k not in NOT_OPTIONS}
    return found
