"""The run file written by a run of the suite, one JSON object per line.

    header   versions, platform, commit, digest of the case table, what was selected
    record   one per case instance: <framework>-<optimizer>-<case>-<dtype>-<mode>
    footer   the number of records by outcome; a file without it is truncated

Nothing here imports a framework, so a report can be made where none is installed. Records carry no
timings: the same commit on the same type of machine writes the same bytes, but for the header's date.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from conformance.errors import BadInput, Incomplete
from conformance.judge.form import check_form

FORMAT = 1
AGAIN = "`python -m conformance run` writes one."


class Outcome(StrEnum):
    """The closed list of outcomes. Anything else is an error, never green."""

    CONFORMS = "CONFORMS"  # within the derived bound of the reference, at every step
    DIVERGES_KNOWN = "DIVERGES_KNOWN"  # not the reference, but exactly what a row of the ledger expects
    DIVERGES = "DIVERGES"  # neither
    UNSUPPORTED = "UNSUPPORTED"  # the framework has no such option or mode, and the binding says why
    BLIND = "BLIND"  # within a bound so wide that it could not have failed
    ERROR = "ERROR"  # an exception, a dead worker, a slot that nobody declared

    @property
    def passes(self) -> bool:
        """Whether the gate lets this outcome through."""
        return self in (Outcome.CONFORMS, Outcome.DIVERGES_KNOWN, Outcome.UNSUPPORTED)


@dataclass(frozen=True)
class Worst:
    """The worst element of a verdict: ratio = |got - expected| / allowed."""

    ratio: float
    step: int  # 1-based
    quantity: str  # "params[1]", "exp_avg[0]": the reference's slot name and the tensor's index
    element: tuple[int, ...]
    got: float
    expected: float
    allowed: float


@dataclass
class Record:
    """What happened to one case instance. Non-finite numbers are written as strings."""

    id: str
    framework: str
    optimizer: str  # the framework's name of the class, lower case: "adam", "nadam"
    case: str
    dtype: str
    mode: str
    outcome: Outcome
    constructor: str = ""  # the call that a user would write
    options: dict[str, str] = field(default_factory=dict)  # constructor options that are not the default
    why: str = ""  # why the case exists
    reason: str = ""  # the ledger's reason, why it is unsupported or blind, or the error
    ledger: str | None = None  # id of the ledger row
    kind: str | None = None  # the row's kind: dialect, defect, unsupported, precision
    link: str | None = None
    expect: str | None = None  # what the row expects instead of the reference
    expect_ratio: float | None = None  # the worst ratio against that
    steps: int = 0
    first_bad: int | None = None  # the first step whose ratio is above the limit
    locked: Worst | None = None  # step-locked: each step from the implementation's own state
    free: Worst | None = None  # free-running, while its bound resolves
    free_steps: int = 0  # the number of those steps
    area: str = "optimizers"  # what kind of check it is: conformance.areas
    series: dict[str, list[Any]] = field(default_factory=dict)  # plotted in the report: name -> numbers
    bound: str = "derived"  # by running error analysis; "statistical": by an ensemble of random roundings
    resolution: float | None = None  # bound / |update|: above 1e-2 the verdict is BLIND
    maybes: int = 0  # elements at a discontinuity, judged against two candidates
    agrees: list[str] = field(default_factory=list)  # quantities that agree at the first bad step
    other_modes: dict[str, str] = field(default_factory=dict)  # only on a failure: mode -> outcome
    nearest: list[dict[str, Any]] = field(default_factory=list)  # only on a failure: {"name", "ratio", "says"}
    # Only on a failure: where it first differs, the term of the equation, what explains it: a `Diagnosis`.
    diagnosis: dict[str, Any] = field(default_factory=dict)
    command: str = ""  # the command that repeats this check
    # For comparing two versions: the reference that they were judged by, and where they ended.
    rule: str = ""  # the reference with what is not its default: "Adam(learning_rate=0.015625)"
    end: str = ""  # the parameters after the last step, as `packed` writes them

    def to_json(self) -> dict[str, Any]:
        return {"type": "record", **{f.name: encoded(getattr(self, f.name)) for f in fields(self)}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Record:
        known = {f.name for f in fields(cls)}
        data = {k: v for k, v in data.items() if k in known}
        data["outcome"] = Outcome(data["outcome"])
        for name in ("locked", "free"):
            if data.get(name) is not None:
                worst = {k: _decode(v) for k, v in data[name].items()}
                data[name] = Worst(**{**worst, "element": tuple(worst["element"])})
        for name in ("expect_ratio", "resolution"):
            data[name] = _decode(data.get(name))
        data["series"] = decoded(data.get("series", {}))
        for near in data.get("nearest", []):
            near["ratio"] = _decode(near["ratio"])
        return cls(**data)


@dataclass
class Header:
    name: str
    created: str  # ISO 8601 date and time, UTC: the only difference between two runs
    commit: str
    platform: str  # "Linux x86_64"
    versions: dict[str, str]  # python, numpy, and each framework under test with what it runs on
    digest: str  # of the static table of all cases: runs of different tables are never mixed
    total: int  # instances in the table for these frameworks
    selected: int  # instances requested; a partial run has fewer than total
    selection: str = ""  # in words, as given by options; empty means all
    longdouble_is_wider: bool = True  # if not, bounds add the reference's own rounding error
    uncovered: dict[str, list[str]] = field(default_factory=dict)  # framework -> ["Adam.option", ...]
    unlisted: dict[str, list[str]] = field(default_factory=dict)  # optimizers without any check
    pinned: dict[str, bool] = field(default_factory=dict)  # framework -> whether this version is pinned
    stale: list[str] = field(default_factory=list)  # ledger rows that none of their cases needed, although all ran
    missing: list[str] = field(default_factory=list)  # selected ids without a record
    shard: str = ""  # "2/5": the second of five parts of the table
    # framework -> {"digest", "total"} of its own part of the table, by which versions are compared
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    options: dict[str, list[str]] = field(default_factory=dict)  # "keras-adam" -> its constructor's arguments
    failed: str = ""  # why there are no records: the environment could not be installed

    def to_json(self) -> dict[str, Any]:
        return {"type": "header", "format": FORMAT, **asdict(self)}


@dataclass
class Run:
    header: Header
    records: list[Record]

    def counts(self) -> dict[str, int]:
        """Records by outcome, every outcome named."""
        found = Counter(r.outcome.value for r in self.records)
        return {o.value: found[o.value] for o in Outcome}


def packed(arrays: Iterable[np.ndarray]) -> str:
    """Arrays as text: base64 of their float64 in little-endian order."""
    flat = [np.asarray(a, "<f8").tobytes() for a in arrays]
    return base64.b64encode(b"".join(flat)).decode("ascii")


def unpacked(text: str) -> np.ndarray:
    """The inverse, as one flat array."""
    return np.frombuffer(base64.b64decode(text), "<f8")


def encoded(value: Any) -> Any:
    """JSON has no infinities: write non-finite numbers as the strings "inf", "-inf", "nan"."""
    if isinstance(value, float):
        # A np.float64 is a float whose repr is "np.float64(inf)".
        return value if math.isfinite(value) else repr(float(value))
    if isinstance(value, dict):
        return {k: encoded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [encoded(v) for v in value]
    return encoded(asdict(value)) if isinstance(value, Worst) else value


def _decode(value: Any) -> Any:
    return float(value) if value in ("inf", "-inf", "nan") else value


def decoded(value: Any) -> Any:
    """The inverse, at any depth."""
    if isinstance(value, dict):
        return {k: decoded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [decoded(v) for v in value]
    return _decode(value) if isinstance(value, str) else value


@contextlib.contextmanager
def atomically(path: Path, mode: str = "w") -> Iterator[Any]:
    """Open a temporary file next to `path` and rename it when complete: never a half-written file."""
    path = Path(path)
    name = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, mode, **({} if "b" in mode else {"encoding": "utf-8", "newline": "\n"})) as file:
            yield file
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:  # no permission, a file where a folder should be, a full disk
        blocker = next((p for p in path.parents if p.is_file()), None)
        because = f"{blocker} is a file, not a folder" if blocker else error.strerror or error
        raise BadInput(
            f"--reports: {path} cannot be written ({because}). Give a folder that can be "
            "written, or that does not exist yet."
        ) from error
    finally:
        if name is not None:
            with contextlib.suppress(FileNotFoundError):  # it was renamed, as intended
                os.unlink(name)


def write_run(path: Path, run: Run) -> None:
    """Write `run` to `path`, records sorted by id, so that the order of execution leaves no trace."""
    run.records.sort(key=lambda r: r.id)
    footer = {"type": "footer", "records": len(run.records), "outcomes": run.counts()}
    with atomically(path) as file:
        for line in (run.header.to_json(), *(r.to_json() for r in run.records), footer):
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")


def read_run(path: Path) -> Run:
    """Read a run file; BadInput says what is wrong with an empty, truncated or foreign one."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such run file. {AGAIN}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read as a run file ({error}). {AGAIN}") from error
    # Not splitlines(), which also splits at U+2028 and the like: JSON leaves those inside a string.
    lines = text.removesuffix("\n").split("\n")
    if lines == [""]:
        raise BadInput(f"{path}: the run file is empty. {AGAIN}")
    head = _parse(path, 1, lines[0])
    if head.get("type") != "header" or head.get("format") != FORMAT:
        raise BadInput(
            f"{path}: not a run file of this suite (its first line is no header of format {FORMAT}). {AGAIN}"
        )
    try:
        foot = _parse(path, len(lines), lines[-1])
    except BadInput:
        foot = {}  # cut in the middle of a line
    if foot.get("type") != "footer":
        raise Incomplete(f"{path}: truncated, its last line is no footer. {AGAIN}")
    try:
        header = Header(**{k: v for k, v in head.items() if k not in ("type", "format")})
        records = [Record.from_json(_parse(path, n, line)) for n, line in enumerate(lines[1:-1], 2)]
        check_form(header, *records)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(
            f"{path}: a line does not have the form of a header or record ({error!r}). {AGAIN}"
        ) from error
    if foot.get("records") != len(records):
        raise Incomplete(
            f"{path}: the footer counts {foot.get('records')} records, the file holds {len(records)}. {AGAIN}"
        )
    stated, there = _counts(foot), Run(header, records).counts()
    if {k: n for k, n in stated.items() if n} != {k: n for k, n in there.items() if n}:
        raise BadInput(
            f"{path}: the footer counts {_listed(stated)}, the file holds {_listed(there)}: it was edited by hand. "
            f"{AGAIN}"
        )
    doubles = [name for name, n in Counter(r.id for r in records).items() if n > 1]
    if doubles:
        raise BadInput(f"{path}: records appear twice: {', '.join(doubles[:5])}. {AGAIN}")
    return Run(header, records)


def _counts(foot: dict[str, Any]) -> dict[str, Any]:
    found = foot.get("outcomes")
    return found if isinstance(found, dict) else {}


def _listed(counts: dict[str, Any]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.items() if n) or "no outcome"


def _parse(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}:{number}: not JSON ({error.msg}), so not a run file. {AGAIN}") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path}:{number}: not a JSON object, so not a run file. {AGAIN}")
    return value
