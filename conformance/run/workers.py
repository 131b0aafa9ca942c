"""How many processes to use, and a map over them."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from conformance.errors import BadInput

A_WORKER = 2e8  # bytes: NumPy and the suite, no framework
A_FRAMEWORK = 1.5e9  # both frameworks, their graphs and the records of a run


def auto(memory: float = A_WORKER) -> int:
    """As many workers as there are cores, and as memory has room for at `memory` bytes each."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = min(psutil.virtual_memory().available, _memory_limit())
    return max(1, min(cores, int(free / memory)))


def _memory_limit() -> float:
    """The memory limit of a container, which a machine's own memory says nothing about."""
    try:
        return float(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return float("inf")


def one_thread_each() -> None:
    """The tensors are tiny, and each worker has one core: threads within a worker would only fight over it.

    The frameworks read this when they start, which must be later.
    """
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(variable, "1")


def collect_rarely() -> None:
    """Collect garbage less often, and never among the objects that exist now.

    The frameworks hold a million objects that live as long as the process: walking them again and again takes a
    twentieth of a run, and seconds at its end.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def number(given: str, memory: float = A_WORKER) -> int:
    """What `-n` asks for: a number of processes, or "auto"."""
    if given == "auto":
        return auto(memory)
    if not given.isdecimal() or int(given) < 1:
        raise BadInput(f"-n: {given!r} is not a number of processes. Allowed: auto, 1, 2, …")
    return int(given)


def in_parallel(
    work: Callable[[Any], Any], tasks: Sequence[Any], processes: int, said: str, apart: bool = False
) -> Iterator[tuple[Any, Any]]:
    """Each task with the result of `work`, in the order of the tasks, as soon as all earlier ones are done.

    A bar shows the progress. A single process is this one, unless the work must be kept `apart` from it.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(said, total=len(tasks))
        found: dict[int, Any] = {}
        first = 0
        for i, result in _unordered(work, tasks, processes, apart):
            found[i] = result
            progress.advance(bar)
            while first in found:
                yield tasks[first], found.pop(first)
                first += 1


def _unordered(
    work: Callable[[Any], Any], tasks: Sequence[Any], processes: int, apart: bool
) -> Iterable[tuple[int, Any]]:
    if processes == 1 and not apart:
        yield from ((i, work(task)) for i, task in enumerate(tasks))
        return
    # Spawned, not forked: the bar has a thread, and so do the frameworks.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(work, task): i for i, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
