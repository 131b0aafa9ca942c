"""The suite in every environment of tox.ini, one after the other, and one report of them all.

An environment that could not be installed, or crashed, becomes a column of the report that says so. Existing runs
of this commit are kept, so an interrupted matrix resumes where it stopped.
"""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.errors import BadInput, Incomplete, choose
from conformance.judge.record import Header, Run, read_run, write_run
from conformance.run.gate import run_path
from conformance.run.header import commit

# Without kerasnewest and tensorflow: today they install what tf221 does, and no version is reported twice.
ENVIRONMENTS = (
    *("tf212", "tf215", "tf216", "tf221", "keras30", "keras312"),  # those that differ most come first
    *("keras33", "keras36", "keras39", "kerasjax", "kerastorch", "torch"),
    *("tf213", "tf214", "tf217", "tf218", "tf219", "tf220"),
)
SAID = 200  # how many characters to keep of why an environment failed


def run(names: Sequence[str], reports: Path, brief: bool = False) -> list[Path]:
    """Run the environments that have no run of this commit; return the run files of all."""
    if not Path("tox.ini").is_file():
        raise BadInput("matrix: there is no tox.ini here. Start it at the root of a checkout.")
    chosen = [choose("ENV", name, ENVIRONMENTS) for name in names] or list(ENVIRONMENTS)
    paths = []
    for number, name in enumerate(chosen, 1):
        path = run_path(reports, name)
        paths.append(path)
        if _done(path, brief):
            print(f"[{number}/{len(chosen)}] {name}: already there", flush=True)
            continue
        path.unlink(missing_ok=True)
        print(f"[{number}/{len(chosen)}] {name} …", flush=True)
        said = _tox(name, reports, brief)
        if not path.exists():
            write_run(path, _failed(name, said))
            print(f"    not run: {said}", flush=True)
    return paths


def _tox(name: str, reports: Path, brief: bool) -> str:
    """Run one environment, with its output in a file beside its run; return its last meaningful line."""
    command = [sys.executable, "-m", "tox", "run", "-e", name, "--", "--reports", str(reports)]
    command += ["--brief"] if brief else []
    log = run_path(reports, name).with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False)
    lines = [line.strip() for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["no output"])[-1][:SAID]


def _done(path: Path, brief: bool) -> bool:
    try:
        head = read_run(path).header
    except (BadInput, Incomplete):
        return False
    same = head.commit == commit() and not head.commit.endswith("+changes")
    return same and not head.failed and head.digest.endswith("-brief") == brief and head.selected == head.total


def _failed(name: str, said: str) -> Run:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    head = Header(
        name=name,
        created=now,
        commit=commit(),
        platform="",
        versions={},
        digest="",
        total=0,
        selected=0,
        failed=said,
    )
    return Run(head, [])
