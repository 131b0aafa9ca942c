"""The kill matrix: which case tells which planted mistake from the reference, and by what ratio.

No framework is needed: the references run in plain NumPy, in float64 and float32, in the dialect of each
framework (conformance/selfcheck.py). A mistake is planted in them, and the case judges it like any
implementation. A mistake that no case sees is a hole in the table.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from functools import cache
from typing import Any

import numpy as np

from conformance import cases, mutants, selfcheck, workers
from conformance.bindings import BINDINGS
from conformance.bindings.base import Entry, Group, State, UndeclaredSlot
from conformance.cases import Case
from conformance.equivalent import proof
from conformance.faults import COUNTERS, FAULTS, forgetting, losing
from conformance.mutants import Mutant
from conformance.selfcheck import NumPyDriver, Trial
from conformance.verdict import LIMIT, Compared, Judge
from reference.base import Reference
from reference.branches import TooManyBranches
from reference.rows import Rows
from reference.wrapped import Wrapped

DTYPES = ("float64", "float32")
# What makes an outcome that the gate fails: BLIND, or the ERROR of an implementation that raises.
FAILS = (UndeclaredSlot, TooManyBranches, ArithmeticError, LookupError, ValueError)


@dataclass
class Tried:
    """One trial: the ratio of the right implementation, and of each mistake that changes anything in it."""

    right: float
    wrong: dict[str, float] = field(default_factory=dict)


def entries(optimizer: str) -> list[Entry]:
    """The entries of an optimizer, one a framework that has it."""
    return [b.entries[optimizer] for b in BINDINGS.values() if optimizer in b.entries]


WRAPPED = "wrapped"  # what a framework wraps around every rule has a matrix of its own, as if it were an optimizer


def optimizers() -> list[str]:
    """Every optimizer of every framework, and what is wrapped around them."""
    return [*sorted({name for b in BINDINGS.values() for name in b.entries}), WRAPPED]


@cache
def trials(optimizer: str) -> tuple[Trial, ...]:
    """Those of the rule alone; of what is wrapped around every rule, those of the rules that it is tried on."""
    if optimizer == WRAPPED:
        return tuple(t for name in cases.WRAPPED_TOGETHER for t in selfcheck.trials(name) if t.case.wrapping)
    return tuple(t for t in selfcheck.trials(optimizer) if not t.case.wrapping)


def subject(trial: Trial) -> str:
    """Whose mistakes are planted in a trial."""
    return WRAPPED if trial.case.wrapping else trial.entry.optimizer


@cache
def planted_in(optimizer: str) -> tuple[Mutant, ...]:
    """The mistakes of a rule, those that it inherits included."""
    rules = [Wrapped] if optimizer == WRAPPED else [e.reference for e in entries(optimizer)]
    return tuple(sorted({m for rule in rules for m in mutants.of(rule)}, key=lambda m: m.name))


def attempt(task: tuple[str, int]) -> Tried:
    """All mistakes of an optimizer in one of its trials, by its number."""
    optimizer, number = task
    trial = trials(optimizer)[number]
    found = Tried(right(trial))
    for name in mistakes(optimizer):
        r = tried(trial, name)
        if r is not None:
            found.wrong[name] = r
    return found


def tried(trial: Trial, name: str) -> float | None:
    """The ratio of one mistake in one trial; None where it changes nothing there."""
    found = wrong(trial, name)
    if found is None:
        return None
    groups, driver = found
    try:
        return ratio(trial, trial.run(groups, strict=False, driven_by=driver))
    except FAILS:
        return math.inf
    except Exception as error:
        raise RuntimeError(f"{trial.id}: the mistake {name!r} does not run") from error


def wrong(trial: Trial, name: str) -> tuple[list[Group], type[NumPyDriver]] | None:
    """The references and the driver that make the mistake of this name; None where they cannot."""
    groups = trial.groups()
    if name.startswith("fault:"):
        return groups, FAULTS[name.removeprefix("fault:")].driver
    mutant = next((m for m in planted_in(subject(trial)) if m.name == name), None)
    if mutant is not None:
        planted = mutants.planted(groups, mutant)
        return planted and (planted, NumPyDriver)
    change = next(c for n, _, c in systematic(subject(trial)) if n == name)
    if isinstance(change, Losing):
        return groups, (losing if change.kept else forgetting)(change.slot)
    try:
        return [Group(g.tensors, _changed(trial.entry, g.reference, *change)) for g in groups], NumPyDriver
    except ValueError:  # no such combination
        return None


@dataclass(frozen=True)
class Losing:
    """A slot that is never stored or, if it is kept, not restored."""

    slot: str
    kept: bool


USUAL = "usual"  # the value that the cases have which are not about the option


@cache
def systematic(optimizer: str) -> tuple[tuple[str, str, Any], ...]:
    """A mistake for every option, form and slot of the optimizer: its name, in words, what it changes.

    An option is ignored (it is what the other cases have), or its term is left out (it is 0); a form is another;
    a slot is never stored, or not restored.
    """
    found: dict[str, tuple[str, Any]] = {}
    for trial in trials(optimizer):
        for group in trial.groups():
            rule = group.reference
            for label, name, value in _alternatives(trial.entry, rule):
                says = "what the other cases have" if value == USUAL else repr(value)
                found[label] = f"{name} is {says}, whatever is asked for", (name, value)
            zeros = [np.zeros(p.shape) for p in trial.case.data(trial.entry).params]
            inner = rule.inner.init(zeros) if isinstance(rule, Wrapped) else {}
            for slot, first in rule.init(zeros).items():
                if slot not in (*COUNTERS, *rule.schedule, *inner) and first:
                    found[f"lost:{slot}"] = f"the slot {slot!r} keeps its first value", Losing(slot, True)
                    found[f"not-restored:{slot}"] = f"the slot {slot!r} is not restored", Losing(slot, False)
    return tuple((name, *rest) for name, rest in sorted(found.items()))


def _alternatives(entry: Entry, reference: Reference) -> Iterator[tuple[str, str, Any]]:
    """The other forms that are allowed here, the usual value of each number that is another, and 0."""
    for f in fields(reference):
        if f.name in ("counter", "learning_rate", "inner"):  # the faults of counters and rates are about these
            continue
        has, forms = getattr(reference, f.name), f.metadata["one_of"]
        number = not forms and (f.metadata["probe"] is not None or f.name in entry.arguments)
        number = number and f.name not in entry.dialect
        values = [(f"form:{f.name}={v}", v) for v in forms] + [(f"ignored:{f.name}", USUAL)] * number
        values += [(f"zero:{f.name}", 0.0)] * (number and isinstance(has, float))
        for label, value in values:
            with contextlib.suppress(ValueError):  # no such combination
                if getattr(_changed(entry, reference, f.name, value), f.name) != has:
                    yield label, f.name, value


def _changed(entry: Entry, reference: Any, name: str, value: Any) -> Any:
    if value == USUAL:
        value = entry.base.get(name, type(reference).__dataclass_fields__[name].metadata["base"])
    return replace(reference, **{name: value})


_trajectories: dict[Trial, dict] = {}


def _judge(trial: Trial, states: Sequence[State]) -> Judge:
    """The judge of the trial; the reference's own run is made once for all that is tried in it."""
    if trial not in _trajectories:
        _trajectories.clear()
    return trial.judge(states, _trajectories.setdefault(trial, {}))


def right(trial: Trial) -> float:
    """The ratio of the right implementation."""
    judge = _judge(trial, selfcheck.unmutated(trial))
    return max(judge.locked().ratio, judge.free().ratio)


def ratio(trial: Trial, run: Iterable[State]) -> float | None:
    """The ratio at the first step that is seen to be wrong, of the steps one by one or else of the whole run.

    The highest one, where none is. None, if the states are those of the right implementation: nothing can be seen.
    """
    states: list[State] = []
    judge, highest, differs = _judge(trial, states), 0.0, False
    scheduled = any(g.reference.schedule for g in judge.groups)  # its slots go on from step to step
    with np.errstate(all="ignore"):
        for t, (state, own) in enumerate(zip(run, selfcheck.unmutated(trial), strict=True)):
            states.append(state)
            differs = differs or not selfcheck.same([state], [own])
            if t and (differs or scheduled):  # before, it is the right implementation
                highest = max(highest, *map(_worst, judge.compared(t)))
            if not highest <= LIMIT:
                return highest
        for group in judge.groups if differs else ():
            for compared in judge.compared_free(group):
                highest = max(highest, _worst(compared))
                if not highest <= LIMIT:
                    return highest
    return highest if differs else None


def _worst(compared: Compared) -> float:
    ratios = [float(np.max(r, initial=0.0)) for r, _ in compared.ratios.values()]
    return math.inf if any(math.isnan(r) for r in ratios) else max(ratios, default=0.0)


@dataclass
class Kill:
    """One kill: where, and by what ratio."""

    trial: str
    case: str
    dtype: str
    ratio: float


@dataclass
class Row:
    """One mistake in one optimizer, and every trial that it changes."""

    mutant: Mutant
    ratios: dict[Trial, float]
    proof: str = ""  # why it is no mistake in this optimizer, so that nothing can see it

    @property
    def kills(self) -> list[Kill]:
        """The mildest first."""
        found = [Kill(t.id, t.case.name, t.dtype, r) for t, r in self.ratios.items() if not r <= LIMIT]
        return sorted(found, key=lambda k: (k.ratio, k.trial))

    @property
    def only(self) -> str | None:
        """The one case that kills it, if there is but one."""
        found = {k.case for k in self.kills}
        return found.pop() if len(found) == 1 else None

    def best(self, dtype: str) -> Kill | None:
        """The kill by which it is seen best in one precision."""
        return max((k for k in self.kills if k.dtype == dtype), key=lambda k: (k.ratio, k.trial), default=None)


@dataclass
class Matrix:
    """All mistakes of one optimizer in all of its cases."""

    optimizer: str
    rows: dict[str, Row]
    right: dict[Trial, float]

    @property
    def survivors(self) -> list[str]:
        return [name for name, row in self.rows.items() if not row.kills and not row.proof]

    @property
    def idle(self) -> dict[str, str]:
        """Cases that kill nothing, each with the reason to have it."""
        killing = {k.case for row in self.rows.values() for k in row.kills}
        there = {t.case.name for t in self.right}
        table = [c for e in entries(self.optimizer) for c in cases.cases(e) if not c.wrapping]
        found = {c.name: c.kept_for for c in table} | dict.fromkeys(there, "")
        return {
            name: why or ("" if name in there else "no framework has it, and the report says so once")
            for name, why in sorted(found.items())
            if name not in killing
        }

    def gap(self, dtype: str) -> dict[str, Any]:
        """The highest ratio of the right implementation and the lowest of a wrong one, seen at its best."""
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


def run(chosen: Iterable[str], processes: int) -> list[Matrix]:
    """The matrices of these optimizers."""
    tasks = [(name, i) for name in chosen for i in range(len(trials(name)))]
    found: dict[str, dict[Trial, Tried]] = defaultdict(dict)
    for (name, i), tried in workers.in_parallel(attempt, tasks, processes, "mutants"):
        found[name][trials(name)[i]] = tried
    return [_matrix(name, found[name]) for name in sorted(found)]


def _matrix(optimizer: str, tried: dict[Trial, Tried]) -> Matrix:
    rows = {}
    for name, mutant in mistakes(optimizer).items():
        ratios = {t: one.wrong[name] for t, one in tried.items() if name in one.wrong}
        rows[name] = Row(mutant, ratios, proof(optimizer, name))
    return Matrix(optimizer, rows, {t: one.right for t, one in tried.items()})


@cache
def mistakes(optimizer: str) -> dict[str, Mutant]:
    """All that is planted in an optimizer, by name."""
    found = {m.name: m for m in planted_in(optimizer)}
    if optimizer != WRAPPED:
        found |= {f"fault:{f.name}": Mutant("driver", f.name, "", "", f.says, f.bug) for f in FAULTS.values()}
    return found | {name: Mutant("driver", name, "", "", says) for name, says, _ in systematic(optimizer)}


def digest(optimizer: str) -> str:
    """A fingerprint of what its matrix follows from: its rule, its cases with their data, and its mistakes."""
    state = hashlib.sha256()

    def add(*parts: Any) -> None:
        state.update(" ".join(map(str, parts)).encode() + b"\n")

    for trial in trials(optimizer):
        changed = {f.name: getattr(trial.case, f.name) for f in fields(trial.case)}
        add(trial.id, sorted((n, repr(v)) for n, v in changed.items() if v != Case.__dataclass_fields__[n].default))
        problem = trial.case.data(trial.entry)
        for array in (*problem.params, *(g for step in problem.grads for g in step if g is not None)):
            for part in (array.indices, array.values) if isinstance(array, Rows) else (array,):
                state.update(part.astype("<f8").tobytes())
    rules = [type(g.reference) for trial in trials(optimizer) for g in trial.groups()]
    for rule in dict.fromkeys(rules):
        for cls in rule.__mro__:
            if cls.__module__.startswith("reference."):
                add(_code(cls))
    for name, mutant in sorted(mistakes(optimizer).items()):
        add(name, astuple(mutant))
    for fault in FAULTS.values():
        add(_code(fault.driver))
    return state.hexdigest()[:16]


def _code(cls: type) -> str:
    """The source without its comments and docstrings, which change nothing."""
    source = re.sub(r'""".*?"""', "", inspect.getsource(cls), flags=re.DOTALL)
    lines = (re.sub(r"\s+#.*| +$", "", line) for line in source.splitlines())
    return "\n".join(line for line in lines if line)


# -- as data ---------------------------------------------------------------------------------------
def to_json(matrix: Matrix) -> dict[str, Any]:
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


def _row_json(row: Row, columns: Sequence[str]) -> dict[str, Any]:
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


def _cell(row: Row, case: str, dtype: str) -> str:
    """One character for the highest ratio of a case: blank where nothing changes, "." where it is not seen, else
    the power of ten, the letters above 9 (z: 35 or more), "!" where the right value is exact."""
    ratios = [r for t, r in row.ratios.items() if (t.case.name, t.dtype) == (case, dtype)]
    worst = max(ratios, default=None)
    if worst is None:
        return " "
    if not worst > LIMIT:
        return "."
    return "!" if math.isinf(worst) else POWERS[min(len(POWERS) - 1, int(math.log10(worst)))]


def _witnesses(matrix: Matrix, columns: Iterable[str]) -> dict[str, list[str]]:
    """Case -> a mistake that it sees and the fewest others do, and the trial: what a weakened case would miss."""
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
    """Three digits: more say nothing."""
    return float(f"{ratio:.3g}")
