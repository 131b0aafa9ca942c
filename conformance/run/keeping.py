"""Keeping what a run found: written aside, renamed, read back; and if its place fails, kept in another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.errors import BadInput, Incomplete
from conformance.judge.record import Run, read_run, write_run
from conformance.run.gate import count


@dataclass
class Kept:
    """A record that was kept, and what went wrong on the way."""

    path: Path
    run: Run
    stopped: str = ""  # why it has not all of what was selected: "Ctrl-C", "SIGTERM"
    problems: list[str] = field(default_factory=list)  # files that could not be written, each with the reason
    replaced: str = ""  # another program wrote to the same place
    identity: tuple[int, int] | None = None

    def check(self) -> None:
        """Notice that the record is no longer the one that was written."""
        if not self.replaced and identity(self.path) != self.identity:
            self.replaced = (
                f"{self.path} was replaced by another program after it was written, so what is there now is not "
                "this run. Run again, with a --name or --reports of its own."
            )


def keep(path: Path, run: Run) -> Kept:
    """Write `run` to `path`, or where it can be written, and read it back. BadInput if there is no such place."""
    problems: list[str] = []
    for place in (path, *_elsewhere(path)):
        try:
            write_run(place, run)
        except BadInput as error:
            problems.append(f"{place} cannot be written ({because(error)})")
            continue
        found = Kept(place, run, identity=identity(place))
        if problems:
            found.problems.append(f"{problems[0]}; {_all(run)} kept in {place} instead.")
        _read_back(found)
        return found
    n = count(len(run.records), "finished check")
    raise BadInput(f"nothing is kept of {n}: {'; '.join(problems)}.")


def _all(run: Run) -> str:
    n = len(run.records)
    return f"{count(n, 'finished check')} {'is' if n == 1 else 'are'}"


def _read_back(kept: Kept) -> None:
    try:
        again = read_run(kept.path)
    except (BadInput, Incomplete) as error:
        kept.replaced = f"{kept.path} is not what was written a moment ago: {error}"
        return
    if _essence(again) != _essence(kept.run):
        kept.replaced = (
            f"{kept.path} was replaced by another program as soon as it was written. Run again, with a --name or "
            "--reports of its own."
        )


def _essence(run: Run) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """What tells two runs apart."""
    return run.header.to_json(), [(r.id, r.outcome, r.ledger, r.end) for r in run.records]


def _elsewhere(path: Path) -> Iterator[Path]:
    """Where a record can be kept if its own place fails: the folder for temporary files, then this one."""
    try:
        folder = Path(tempfile.gettempdir())
    except OSError:  # none can be written
        folder = Path.cwd()
    for one in (folder, Path.cwd()):
        yield one / f"{path.stem}-{os.getpid()}.jsonl"


def because(error: BaseException) -> str:
    """The reason of the operating system, without advice on options."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    return str(getattr(cause, "strerror", None) or cause)


def identity(path: Path) -> tuple[int, int] | None:
    """The identity of the file at `path`: writing renames a new one into place."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
