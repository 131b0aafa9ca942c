"""Many trainings in a few processes: each is saved to a file as it finishes, and skipped if the file exists."""

from __future__ import annotations

import contextlib
import importlib
import json
import multiprocessing
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.errors import Incomplete
from conformance.judge.record import atomically, decoded, encoded
from conformance.lab.fashion import data as dataset
from conformance.lab.fashion.train import FORMAT, NETS, Job, key, train

OFTEN = 0.5  # seconds between two progress messages


@dataclass(frozen=True)
class Source:
    """Where a process reads the data, and their expected digests."""

    folder: Path
    digests: Mapping[str, str]
    limit: int | None = None

    def load(self) -> dataset.Data:
        return dataset.load(self.folder, self.digests, self.limit)


# ---------------------------------------------------------------- saved records


def path_of(folder: Path, job: Job, digest: str) -> Path:
    return folder / f"{job.name}.{key(job, digest)}.json"


def kept(folder: Path, job: Job, digest: str) -> dict[str, Any] | None:
    """The record of a finished job; a damaged one counts as missing."""
    try:
        record = decoded(json.loads(path_of(folder, job, digest).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    good = isinstance(record, dict) and record.get("format") == FORMAT and record.get("key") == key(job, digest)
    return record if good else None


def keep(folder: Path, job: Job, digest: str, record: Mapping[str, Any]) -> None:
    with atomically(path_of(folder, job, digest)) as file:
        file.write(json.dumps(encoded(record), allow_nan=False) + "\n")


# ---------------------------------------------------------------- in a process

_data: dataset.Data | None = None
_words: Any = None


def _start(source: Source, threads: int, frameworks: Sequence[str], words: Any) -> None:
    global _data, _words
    for framework in frameworks:
        with contextlib.suppress(ImportError):
            importlib.import_module(NETS[framework][0]).prepare(threads)
    _data, _words = source.load(), words


def _work(job: Job, folder: Path) -> dict[str, Any]:
    said = 0.0

    def progress(step: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said > OFTEN:
            said = now
            _words.put((job.name, step))

    record = train(job, _data, progress)
    keep(folder, job, _data.digest, record)
    return record


# ---------------------------------------------------------------- all of them


def run(
    jobs: Sequence[Job], source: Source, loaded: dataset.Data, folder: Path, processes: int, title: str
) -> list[dict[str, Any]]:
    """The records of the jobs, in order; missing ones are made."""
    found = {job.name: kept(folder, job, loaded.digest) for job in jobs}
    todo = [job for job in jobs if found[job.name] is None]
    if todo:
        if len(todo) < len(jobs):
            print(f"{title}: {len(jobs) - len(todo)} of {len(jobs)} are finished and saved in {folder}", flush=True)
        for record in _made(todo, source, loaded, folder, processes, title):
            found[record["name"]] = record
    return [found[job.name] for job in jobs]


def _made(
    jobs: Sequence[Job], source: Source, loaded: dataset.Data, folder: Path, processes: int, title: str
) -> Iterator[dict[str, Any]]:
    context = multiprocessing.get_context("spawn")
    threads = jobs[0].threads
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):  # read when a process starts
        os.environ[variable] = str(threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    frameworks = sorted({job.framework for job in jobs})
    words = context.Queue()
    totals = {job.name: job.total(len(loaded.train)) for job in jobs}
    folder.mkdir(parents=True, exist_ok=True)
    with Progress(title, totals, words) as progress:
        executor = ProcessPoolExecutor(
            min(processes, len(jobs)), context, _start, (source, threads, frameworks, words)
        )
        try:
            futures = {executor.submit(_work, job, folder): job for job in jobs}
            for future in as_completed(futures):
                record = future.result()
                progress.finished(record)
                yield record
        except (KeyboardInterrupt, BrokenProcessPool) as error:
            stopped = "stopped" if isinstance(error, KeyboardInterrupt) else "a process died (out of memory?)"
            raise Incomplete(
                f"{title}: {stopped}. Finished trainings are saved in {folder}; the same command resumes there."
            ) from error
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


class Progress:
    """On a terminal, bars with the time left; elsewhere, a line per finished training."""

    def __init__(self, title: str, totals: Mapping[str, int], words: Any):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self.totals, self.words, self.title = totals, words, title
        self.done, self.count, self.began = dict.fromkeys(totals, 0), 0, time.monotonic()
        console = Console(stderr=True)
        self.bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            disable=not console.is_terminal,
        )
        self.all = self.bars.add_task(f"[bold]{title}", total=sum(totals.values()))
        self.tasks: dict[str, Any] = {}
        self.listener = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Progress:
        self.bars.start()
        self.listener.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.words.put(None)
        self.listener.join(timeout=5)
        self.bars.stop()

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError, queue.Empty):
            while (word := self.words.get()) is not None:
                self._at(*word)

    def _at(self, name: str, step: int) -> None:
        if step < self.done[name]:
            return  # it was finished in the meantime
        if name not in self.tasks:
            self.tasks[name] = self.bars.add_task(name, total=self.totals[name])
        self.done[name] = step
        self.bars.update(self.tasks[name], completed=step)
        self.bars.update(self.all, completed=sum(self.done.values()))

    def finished(self, record: Mapping[str, Any]) -> None:
        name = record["name"]
        self.count += 1
        self._at(name, self.totals[name])
        if name in self.tasks:
            self.bars.remove_task(self.tasks.pop(name))
        if self.bars.disable:
            done, total, spent = sum(self.done.values()), sum(self.totals.values()), time.monotonic() - self.began
            left = spent / max(1, done) * (total - done)
            print(
                f"{self.title} {self.count}/{len(self.totals)}: {name}, {says(record)}; {minutes(left)} left",
                file=sys.stderr,
                flush=True,
            )


def says(record: Mapping[str, Any]) -> str:
    """The result of a training in a few words."""
    if not record["finite"]:
        return "the loss is not finite"
    if "test" in record:
        return f"test accuracy {record['test']['accuracy']:.4f}"
    if record["validation"]:
        return f"validation accuracy {record['validation'][-1]['accuracy']:.4f}"
    return f"loss {record['epochs'][-1]['loss']:.4f}"


def minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
