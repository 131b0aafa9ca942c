"""The status of a translation."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Whether the steps are the same: always, under conditions, or never."""

    EXACT = "EXACT"
    CONDITIONAL = "CONDITIONAL"
    NONE = "NONE"
