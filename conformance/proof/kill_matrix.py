"""The kill matrix: which case tells which planted mistake from the reference, and by what ratio.

A mistake that no case detects is a gap in the table, unless it is proved to change nothing; a case that detects no
mistake needs another reason to exist.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

from conformance.cases.case import Case
from conformance.cases.table import cases
from conformance.judge.compared import LIMIT
from conformance.mutants import Mutant
from conformance.proof import planting
from conformance.proof.detection import Detected, attempt
from conformance.proof.equivalent import proof
from conformance.proof.faults import FAULTS
from conformance.proof.trials import Trial, entries
from conformance.run import workers
from reference.rows import Rows

DTYPES = ("float64", "float32")


@dataclass
class Kill:
    """One kill: where, and by what ratio."""

    trial: str
    case: str
    dtype: str
    ratio: float


@dataclass
class MistakeRow:
    """One mistake in one optimizer, and every trial that it changes."""

    mutant: Mutant
    ratios: dict[Trial, float]
    proof: str = ""  # why it changes nothing in this optimizer, so that nothing can detect it

    @property
    def kills(self) -> list[Kill]:
        """The smallest ratio first."""
        found = [Kill(t.id, t.case.name, t.dtype, r) for t, r in self.ratios.items() if not r <= LIMIT]
        return sorted(found, key=lambda k: (k.ratio, k.trial))

    @property
    def only(self) -> str | None:
        """The case that kills it, if there is only one."""
        found = {k.case for k in self.kills}
        return found.pop() if len(found) == 1 else None

    def best(self, dtype: str) -> Kill | None:
        """The kill that shows it best in one precision."""
        return max((k for k in self.kills if k.dtype == dtype), key=lambda k: (k.ratio, k.trial), default=None)


@dataclass
class KillMatrix:
    """All mistakes of one optimizer in all its cases."""

    optimizer: str
    rows: dict[str, MistakeRow]
    right: dict[Trial, float]

    @property
    def survivors(self) -> list[str]:
        return [name for name, row in self.rows.items() if not row.kills and not row.proof]

    @property
    def idle(self) -> dict[str, str]:
        """Cases that kill nothing, each with the reason to keep it."""
        killing = {k.case for row in self.rows.values() for k in row.kills}
        there = {t.case.name for t in self.right}
        table = [c for e in entries(self.optimizer) for c in cases(e) if not c.wrapping]
        found = {c.name: c.kept_for for c in table} | dict.fromkeys(there, "")
        return {
            name: why or ("" if name in there else "no framework has it, and the report says so once")
            for name, why in sorted(found.items())
            if name not in killing
        }

    def gap(self, dtype: str) -> dict[str, Any]:
        """The highest ratio of the correct implementation, and the lowest of a wrong one where it shows best."""
        right = max((t for t in self.right if t.dtype == dtype), key=lambda t: (self.right[t], t.id))
        best = [(row.best(dtype), name) for name, row in self.rows.items()]
        kill, name = min(((k, n) for k, n in best if k), key=lambda b: (b[0].ratio, b[1]), default=(None, None))
        return {
            "right": short(self.right[right]),
            "right_in": right.id,
            "wrong": kill and short(kill.ratio),
            "wrong_in": kill and kill.trial,
            "wrong_is": name,
            "gap": kill and short(_quotient(kill.ratio, self.right[right])),
        }


def _quotient(a: float, b: float) -> float:
    return a / b if b else math.inf


def run(chosen: Iterable[str], processes: int) -> Iterator[KillMatrix]:
    """The matrices of these optimizers, each as soon as it is finished."""
    tasks = [(name, i) for name in chosen for i in range(len(planting.trials(name)))]
    found: dict[Trial, Detected] = {}
    for (name, i), tried in workers.in_parallel(attempt, tasks, processes, "mutants"):
        found[planting.trials(name)[i]] = tried
        if len(found) == len(planting.trials(name)):
            yield _matrix(name, found)
            found = {}


def _matrix(optimizer: str, tried: dict[Trial, Detected]) -> KillMatrix:
    rows = {}
    for name, mutant in planting.mistakes(optimizer).items():
        ratios = {t: one.wrong[name] for t, one in tried.items() if name in one.wrong}
        rows[name] = MistakeRow(mutant, ratios, proof(optimizer, name))
    return KillMatrix(optimizer, rows, {t: one.right for t, one in tried.items()})


def digest(optimizer: str) -> str:
    """A fingerprint of what its matrix depends on: its rule, its cases with their data, and its mistakes."""
    state = hashlib.sha256(of_cases(optimizer).encode())
    for name, mutant in sorted(planting.mistakes(optimizer).items()):
        state.update(_line(name, astuple(mutant)))
    for fault in FAULTS.values():
        state.update(_line(code(fault.driver)))
    return state.hexdigest()[:16]


def of_cases(optimizer: str) -> str:
    """A fingerprint of its rule and its cases with their data."""
    state = hashlib.sha256()
    for trial in planting.trials(optimizer):
        changed = {f.name: getattr(trial.case, f.name) for f in fields(trial.case)}
        given = sorted((n, repr(v)) for n, v in changed.items() if v != Case.__dataclass_fields__[n].default)
        state.update(_line(trial.id, given))
        problem = trial.case.data(trial.entry)
        for array in (*problem.params, *(g for step in problem.grads for g in step if g is not None)):
            for part in (array.indices, array.values) if isinstance(array, Rows) else (array,):
                state.update(part.astype("<f8").tobytes())
    rules = [type(g.reference) for trial in planting.trials(optimizer) for g in trial.groups()]
    for rule in dict.fromkeys(rules):
        for cls in rule.__mro__:
            if cls.__module__.startswith("reference."):
                state.update(_line(code(cls)))
    return state.hexdigest()[:16]


def _line(*parts: Any) -> bytes:
    return " ".join(map(str, parts)).encode() + b"\n"


def code(what: Any) -> str:
    """The source of a class or module without comments, docstrings and layout, which change nothing."""
    source = re.sub(r'""".*?"""', "", inspect.getsource(what), flags=re.DOTALL)
    lines = (re.sub(r"\s+#.*|\s+", "", line) for line in source.splitlines())
    return re.sub(r",([)\]}])", r"\1", "".join(lines))


# -- as data ---------------------------------------------------------------------------------------
def to_json(matrix: KillMatrix) -> dict[str, Any]:
    """A matrix as data: sorted, and the same for the same table."""
    known = {t.case.name: t.case.why for t in matrix.right}
    killing = Counter(case for row in matrix.rows.values() for case in {k.case for k in row.kills})
    columns = sorted(known, key=lambda name: (-killing[name], name))
    return {
        "digest": digest(matrix.optimizer),
        "trials": len(matrix.right),
        "cases": {name: known[name] for name in columns},
        "idle": matrix.idle,
        "rows": {name: _row_json(row, columns) for name, row in sorted(matrix.rows.items())},
        "gaps": {dtype: matrix.gap(dtype) for dtype in DTYPES},
        "witnesses": _witnesses(matrix, columns),
    }


def _row_json(row: MistakeRow, columns: Sequence[str]) -> dict[str, Any]:
    kills = row.kills
    best = {dtype: row.best(dtype) for dtype in DTYPES}
    found = {
        "of": row.mutant.optimizer,
        "says": row.mutant.says,
        "bug": row.mutant.bug,
        "proof": row.proof,
        "kills": len(kills),
        "mildest": [kills[0].trial, short(kills[0].ratio)] if kills else None,
        "best": {dtype: [k.trial, short(k.ratio)] for dtype, k in best.items() if k},
        "only": row.only,
        **{dtype: "".join(_cell(row, case, dtype) for case in columns).rstrip() for dtype in DTYPES},
    }
    return {name: value for name, value in found.items() if value not in ("", None)}


POWERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _cell(row: MistakeRow, case: str, dtype: str) -> str:
    """One character for the highest ratio of a case: blank if nothing changes, "." if it is not detected, else the
    power of ten, with letters above 9 (z: 35 or more), "!" if the correct value is exact."""
    ratios = [r for t, r in row.ratios.items() if (t.case.name, t.dtype) == (case, dtype)]
    worst = max(ratios, default=None)
    if worst is None:
        return " "
    if not worst > LIMIT:
        return "."
    return "!" if math.isinf(worst) else POWERS[min(len(POWERS) - 1, int(math.log10(worst)))]


def _witnesses(matrix: KillMatrix, columns: Iterable[str]) -> dict[str, list[str]]:
    """Case -> a mistake that it and the fewest others detect, and the trial: what a weakened case would miss."""
    found = {}
    for case in columns:
        seeing = [(len({k.case for k in row.kills}), name) for name, row in matrix.rows.items()]
        for _, name in sorted(seeing):
            kills = [k for k in matrix.rows[name].kills if k.case == case]
            if kills:
                found[case] = [name, max(kills, key=lambda k: (k.ratio, k.trial)).trial]
                break
    return found


def short(ratio: float) -> float:
    """Three digits: more would be noise."""
    return float(f"{ratio:.3g}")
