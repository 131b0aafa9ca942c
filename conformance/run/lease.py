"""The lease of a run's name: two runs at once never write one record."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from conformance.errors import BadInput
from conformance.judge.record import atomically
from conformance.run.names import holds_a_whole_run

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and a run that was replaced is noticed when it is read back
    fcntl = None


class Lease:
    """The right to write `path`, held until it is released or the process ends, however it ends."""

    def __init__(self, path: Path, lock: int | None) -> None:
        self.path = path
        self._lock = lock

    def release(self) -> None:
        """Leave no trace of it."""
        if self._lock is not None:
            _lock_of(self.path).unlink(missing_ok=True)  # while it is held, so that nobody loses a lock
            os.close(self._lock)
            self._lock = None


def lease(path: Path, whole: bool, another: bool) -> Lease:
    """The right to write `path`. If another run has it: `another` name ("selection-2"), or BadInput says who.

    The record of a run of everything is not given to anything less.
    """
    check_writable(path)
    for one in _names(path) if another else (path,):
        if not whole and holds_a_whole_run(one):
            if another:
                continue
            raise BadInput(
                f"--name: {path} is the record of a run of everything, which a selection does not replace. "
                "Give it another name, or none."
            )
        lock = _locked(one)
        if lock != TAKEN:
            return Lease(one, lock)
    raise BadInput(
        f"--reports: another run{_owner(path)} is writing {path}. Wait for it, or give this run a --name or "
        "--reports of its own."
    )


def check_writable(path: Path) -> None:
    """Say before the run, not after it, that its result cannot be kept."""
    with contextlib.suppress(_ProbeError), atomically(path):
        raise _ProbeError


class _ProbeError(Exception):
    pass


TAKEN = -1


def _names(path: Path) -> Iterator[Path]:
    yield path
    for number in count(2):
        yield path.with_name(f"{path.stem}-{number}.jsonl")


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.stem}.lock")


def _locked(path: Path) -> int | None:
    """The open lock; TAKEN if another run holds it, and None where files cannot be locked."""
    if fcntl is None:
        return None
    lock = _lock_of(path)
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return TAKEN
        except OSError:  # a file system without locks
            os.close(handle)
            return None
        if _is_file(handle, lock):
            with contextlib.suppress(OSError):  # a full disk: whose it is then stays unsaid
                os.ftruncate(handle, 0)
                os.write(handle, str(os.getpid()).encode())
            return handle
        os.close(handle)  # it was released, and removed, in between


def _is_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _owner(path: Path) -> str:
    try:
        return f" (process {int(_lock_of(path).read_text())})"
    except (OSError, ValueError):
        return ""
