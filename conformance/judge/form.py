"""Whether what was read from a run file has the form of a header and of records."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


def check_form(*values: Any) -> None:
    """A dataclass accepts any type: refuse what would only fail later, in the middle of a report."""
    plain = {"str": str, "int": int, "bool": bool}
    for value in values:
        for f in fields(value):
            found = getattr(value, f.name)
            base = f.type.partition("[")[0]
            wanted = plain.get(f.type) or {"dict": dict, "list": list}.get(base)
            if wanted and not isinstance(found, wanted):
                raise TypeError(f"{f.name} is {found!r}, not {f.type}")
        if hasattr(value, "outcome"):  # a record
            _check_numbers(value)


def _check_numbers(record: Any) -> None:
    """A ratio that is no number is no ratio: neither null nor a word passes as one."""
    numbers = {name: getattr(record, name) for name in ("expect_ratio", "resolution", "first_bad")}
    found = {name: value for name, value in numbers.items() if value is not None}
    for name in ("locked", "free"):
        worst = getattr(record, name)
        if worst is not None:
            found |= {f"{name}.{n}": getattr(worst, n) for n in ("ratio", "step", "got", "expected", "allowed")}
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{record.id}: {name} is {value!r}, not a number")
