"""Every operation of every rule changed, one at a time: what was not thought of is planted too.

The mistakes of conformance/mutants have names and reasons. These have neither: they follow from the source of the
references by themselves. An operand left out, another operator, another constant, a comparison that is one off, a
maximum for a minimum, a root or an absolute value left out, a branch always or never taken.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from conformance.bindings.binding import Group
from conformance.judge.compared import LIMIT
from conformance.proof import detection, planting
from conformance.proof.equivalent import proof_of_term
from conformance.proof.kill_matrix import of_cases
from conformance.proof.trials import Trial, entries
from conformance.run import workers
from reference.base import Reference
from reference.wrapped import Wrapped

# What says which slots and options there are: the systematic mistakes are of these.
DESCRIBE = ("init", "slot_names", "shared", "schedule", "elementwise", "__post_init__")
# Loops that look for a point: a change may make one endless, and most of their branches differ at a tie alone. What
# they can do wrong is planted by name (conformance/mutants/lbfgs.py).
SEARCHES = {"LBFGS": ("step", "search", "most_evaluations")}
FIRST = ("probing", "ordinary", "rate-change")  # the cases that see most


@dataclass(frozen=True)
class ChangedOperation:
    """One operation of one method of a reference, and what stands in its place."""

    owner: str  # the class
    method: str
    start: int  # in the method's source
    end: int
    was: str
    now: str
    line: str  # where it stands, in full; once more where that is there twice

    @property
    def name(self) -> str:
        return f"{self.owner}.{self.method}: in {self.line!r} {self.was!r} is {self.now!r}"


def changes(rule: type[Reference]) -> list[ChangedOperation]:
    """Everything that can be changed in a rule, in the order of its source."""
    found = []
    for cls in reversed(rule.__mro__):
        if cls.__module__.startswith("reference.") and cls.__module__ != "reference.base":
            for method, function in vars(cls).items():
                home = inspect.isfunction(function) and function.__code__.co_filename
                written = home == sys.modules[cls.__module__].__file__  # and not made by dataclass
                described = method in DESCRIBE or method in SEARCHES.get(cls.__name__, ())
                if written and not described and getattr(rule, method) is function:
                    found += _of_method(cls.__name__, method, function, rule.bound == "statistical")
    return found


def _of_method(owner: str, method: str, function: Any, wide: bool) -> Iterator[ChangedOperation]:
    """The changes of one method; where the bound is `wide` a number is moved by half, else by a thousandth."""
    source = textwrap.dedent(inspect.getsource(function))
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = [line.strip() for line in source.splitlines()]
    numbered = [f"{line} (again)" if line in lines[:i] else line for i, line in enumerate(lines)]
    there = set()
    body = ast.parse(source).body[0].body
    limits = {n for s in body for c in ast.walk(s) if isinstance(c, ast.Compare) for n in c.comparators}
    for node in (node for statement in body for node in ast.walk(statement)):
        if not hasattr(node, "end_lineno") or node.end_lineno is None:
            continue
        begin, end = (
            starts[n - 1] + c for n, c in ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
        )
        for now in _others(node, source, 10 if node in limits else 1.5 if wide else 1 + 2**-10):
            if now != source[begin:end] and (begin, end, now) not in there:
                there.add((begin, end, now))
                yield ChangedOperation(owner, method, begin, end, source[begin:end], now, numbered[node.lineno - 1])


OPERATORS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*"}
COMPARED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "=="}
CALLS = {"np.maximum": "np.minimum", "np.minimum": "np.maximum"}
DROPPED = ("np.sqrt", "abs", "np.sign")
CHOOSE = ("average", "np.where")


def _others(node: ast.AST, source: str, times: float) -> Iterator[str]:
    """What may stand in the place of a node; a number is one more, and so many times what it is."""

    def text(part: ast.AST) -> str:
        return ast.get_source_segment(source, part) or ""

    if isinstance(node, ast.BinOp):
        left, right = f"({text(node.left)})", f"({text(node.right)})"
        yield from (left, right)
        if type(node.op) in OPERATORS:
            yield f"({left} {OPERATORS[type(node.op)]} {right})"
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield from (f"{node.value + 1}", f"{node.value * times}" if node.value else "-1")
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARED:
        yield f"{text(node.left)} {COMPARED[type(node.ops[0])]} {text(node.comparators[0])}"
    elif isinstance(node, ast.Call):
        called = text(node.func)
        if called in CALLS:
            yield text(node).replace(called, CALLS[called], 1)
        if called in DROPPED and len(node.args) == 1:
            yield f"({text(node.args[0])})"
        if called in CHOOSE and len(node.args) == 3:  # one of the two, and nothing of the other
            yield from (f"({text(node.args[1])})", f"({text(node.args[2])})")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield f"({text(node.operand)})"


@cache
def changed(rule: type[Reference], change: ChangedOperation) -> type[Reference]:
    """The class with the change in it."""
    owner = next(c for c in rule.__mro__ if c.__name__ == change.owner)
    source = textwrap.dedent(inspect.getsource(vars(owner)[change.method]))
    source = f"{source[: change.start]}{change.now}{source[change.end :]}"
    scope: dict[str, Any] = {}
    exec(compile(source, f"<{change.name}>", "exec"), dict(vars(sys.modules[owner.__module__])), scope)
    return type(rule.__name__, (rule,), {change.method: scope[change.method]})


def planted(reference: Reference, change: ChangedOperation) -> Reference | None:
    """The same hyperparameters in the class with the change; None where it is not a part of that."""
    if isinstance(reference, Wrapped) and change.owner != "Wrapped":
        inner = planted(reference.inner, change)
        return inner and replace(reference, inner=inner)
    rule = type(reference)
    there = any(c.__name__ == change.owner for c in rule.__mro__)
    return changed(rule, change)(**vars(reference)) if there else None


def seen(optimizer: str, change: ChangedOperation) -> str | None:
    """The first trial that tells the change from the rule; None if there is none."""
    for trial in _ordered(optimizer):
        groups = [Group(g.tensors, planted(g.reference, change)) for g in trial.groups()]
        if any(g.reference is None for g in groups):
            continue
        try:
            ratio = detection.ratio(trial, trial.run(groups, strict=False))
        except Exception:  # whatever it is, an implementation that raises is seen
            return trial.id
        if ratio is not None and not ratio <= LIMIT:
            return trial.id
    return None


@cache
def _ordered(optimizer: str) -> tuple[Trial, ...]:
    def place(trial: Trial) -> tuple:
        name = trial.case.name
        return FIRST.index(name) if name in FIRST else len(FIRST), trial.dtype == "float32"

    return tuple(sorted(planting.trials(optimizer), key=place))


def rules(optimizer: str) -> list[type[Reference]]:
    """The references of an optimizer, one or two."""
    if optimizer == planting.WRAPPED:
        return [Wrapped]
    return list(dict.fromkeys(e.reference for e in entries(optimizer)))


def of(optimizer: str) -> list[ChangedOperation]:
    """All that is changed in an optimizer."""
    return list(dict.fromkeys(c for rule in rules(optimizer) for c in changes(rule)))


def _attempt(task: tuple[str, ChangedOperation]) -> str | None:
    return seen(*task)


def run(optimizers: Iterable[str], processes: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The section of the report, by optimizer, each as soon as it is finished."""
    tasks = [(name, change) for name in optimizers for change in of(name)]
    found: list[tuple[ChangedOperation, str | None]] = []
    for (name, change), where in workers.in_parallel(_attempt, tasks, processes, "terms"):
        found.append((change, where))
        if len(found) == len(of(name)):
            unseen = {c.name: proof_of_term(name, c.name) for c, where in found if where is None}
            yield name, {"digest": digest(name), "planted": len(found), "unseen": unseen}
            found = []


def digest(optimizer: str) -> str:
    """A fingerprint of what these figures follow from: the rule, its cases with their data, and the changes."""
    all_of_it = [(c.name, proof_of_term(optimizer, c.name)) for c in of(optimizer)]
    text = f"{of_cases(optimizer)} {all_of_it}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
