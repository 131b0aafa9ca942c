"""What a run's record is called, and where its pages are: a selection is not a run, and never takes its name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from conformance.judge.record import Header
from conformance.run import header as headers
from conformance.run import shards
from conformance.run.header import Scope

WHOLE = "conformance"  # everything that is installed; its pages are in the reports folder itself
SELECTION = "selection"
OTHER_TABLES = {headers.BRIEF: "brief", headers.CALLS: "calls"}


def is_whole(header: Header | Scope) -> bool:
    """Whether it is a run of everything: no selection, no shard, no brief run, no calls from a file."""
    return not header.selection and not header.shard and header.selected == header.total > 0


def is_partial(header: Header | Scope) -> bool:
    """Whether its own table has more: what the gate refuses although nothing is lost."""
    return bool(header.shard) or header.selected < header.total


def named(header: Header | Scope, given: str | None = None) -> str:
    """The given name, or one that says what was run; a shard's has its number too."""
    if header.shard:
        return (given or WHOLE) + "-{}of{}".format(*shards.parse(header.shard))
    return given or (WHOLE if is_whole(header) else OTHER_TABLES.get(header.selection, SELECTION))


def unfinished(path: Path) -> Path:
    """Where a run that was stopped keeps what it finished: beside its record, which stays as it was."""
    return path.with_name(f"{path.stem}-unfinished.jsonl")


def pages(reports: str | Path, paths: Sequence[Path], header: Header) -> Path:
    """The folder of the pages: the reports folder for a run of everything, else one with the record's name."""
    if is_whole(header):
        return Path(reports)
    return Path(reports) / "selections" / "+".join(path.stem for path in paths)


def holds_a_whole_run(path: Path) -> bool:
    """Whether the file is the record of a run of everything: only another such run may replace it."""
    try:
        with path.open(encoding="utf-8") as file:
            head = json.loads(file.readline())
        return is_whole(Header(**{k: v for k, v in head.items() if k not in ("type", "format")}))
    except (OSError, ValueError, TypeError, AttributeError):
        return False  # no file, or no run file: nothing to protect
