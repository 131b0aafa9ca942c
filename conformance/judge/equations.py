"""Which line of a rule a difference belongs to: the lines that lead to a quantity, read from the reference.

One step of the reference is repeated, its lines are recorded in the order in which they run, and each
value is traced back to the values that it was computed from.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

from reference.base import PerTensor, Reference
from reference.branches import candidates

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Line:
    """A line of the source of a rule."""

    file: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}  {self.text}"


@dataclass(eq=False)
class _Value:
    """One assignment of a statement to a name."""

    statement: ast.stmt
    made_of: list[_Value] = field(default_factory=list)

    def closure(self) -> set[_Value]:
        found: set[_Value] = set()
        queue = [self]
        while queue:
            value = queue.pop()
            if value not in found:
                found.add(value)
                queue += value.made_of
        return found


class RuleSource:
    """The source of the method with the rule: `update` for one tensor, or `step` for all."""

    def __init__(self, reference: Reference):
        self.reference = getattr(reference, "inner", None) or reference
        self.method = getattr(type(self.reference), "update", None) or type(self.reference).step
        source, self.first = inspect.getsourcelines(self.method)
        self.source = textwrap.dedent("".join(source)).split("\n")
        self.body: ast.FunctionDef = ast.parse("\n".join(self.source)).body[0]
        self.file = inspect.getsourcefile(self.method) or "?"
        self.controls: dict[ast.stmt, list[ast.If]] = {}
        self.at: dict[int, ast.stmt] = {}
        self._read(self.body.body, [])

    def _read(self, statements: Sequence[ast.stmt], controls: list[ast.If]) -> None:
        """Which statement stands on which line, and which conditions it depends on."""
        for statement in statements:
            self.controls[statement] = list(controls)
            inner = [getattr(statement, name, []) for name in ("body", "orelse")]
            last = statement.end_lineno or statement.lineno
            if any(inner):
                last = min(block[0].lineno for block in inner if block) - 1
            self.at.update(dict.fromkeys(range(statement.lineno, max(last, statement.lineno) + 1), statement))
            within = [*controls, statement] if isinstance(statement, ast.If) else controls
            for block in inner:
                self._read(block, within)
            if isinstance(statement, ast.If) and any(isinstance(s, ast.Return) for s in ast.walk(statement)):
                controls = [*controls, statement]  # later lines run only if it did not return

    def values(self, lines: Sequence[int]) -> dict[str, _Value]:
        """The quantities computed by a run of these lines, each with everything it was computed from."""
        statements = dict.fromkeys(self.at[n] for n in lines if n in self.at)
        names: dict[str, _Value] = {}
        items: dict[str, dict[str, _Value]] = {}
        tests: dict[ast.stmt, _Value] = {}
        found: dict[str, _Value] = {}

        def made(statement: ast.stmt, *expressions: ast.AST) -> _Value:
            loads = [n.id for e in expressions for n in ast.walk(e) if isinstance(n, ast.Name)]
            values = [names[n] for n in dict.fromkeys(loads) if n in names]
            return _Value(statement, values + [tests[c] for c in self.controls[statement] if c in tests])

        def entries(statement: ast.stmt, value: ast.AST) -> dict[str, _Value]:
            """The slots in {"m": m, "v": v}, or in the name of a dictionary."""
            if isinstance(value, ast.Dict):
                pairs = [
                    (k, v) for k, v in zip(value.keys, value.values, strict=True) if isinstance(k, ast.Constant)
                ]
                plain = {k.value: names.get(v.id) for k, v in pairs if isinstance(v, ast.Name)}
                return {k.value: plain.get(k.value) or made(statement, v) for k, v in pairs}
            return items.get(value.id, {}) if isinstance(value, ast.Name) else {}

        for statement in statements:
            if isinstance(statement, ast.If):
                # A mere choice of options, like `if self.amsgrad`, is not a line of the rule.
                if any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(statement.test)):
                    tests[statement] = made(statement, statement.test)
            elif isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign)) and statement.value:
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                kept = [statement.target] if isinstance(statement, ast.AugAssign) else []
                whole = made(statement, statement.value, *kept)
                if isinstance(statement.value, ast.Name) and not kept:  # w = v adds nothing
                    whole = names.get(statement.value.id, whole)
                for target in targets:
                    several = isinstance(target, (ast.Tuple, ast.List))  # each may be wrong by itself
                    for name in _names(target):
                        items[name] = dict(entries(statement, statement.value))
                        names[name] = made(statement, statement.value) if several else whole
                    key = _key(target)
                    if key:
                        items.setdefault(key[0], {})[key[1]] = whole
            elif isinstance(statement, ast.Return) and isinstance(statement.value, ast.Tuple):
                new, slots = statement.value.elts[0], statement.value.elts[-1]
                found["params"] = made(statement, new)
                found.update(entries(statement, slots))
        return found

    def line(self, statement: ast.stmt) -> Line:
        file = Path(self.file)
        where = file.relative_to(ROOT) if file.is_relative_to(ROOT) else Path(file.parent.name, file.name)
        last = self._last(statement)
        text = " ".join(part.strip() for part in self.source[statement.lineno - 1 : last])
        return Line(where.as_posix(), self.first + statement.lineno - 1, text)

    def _last(self, statement: ast.stmt) -> int:
        return max(n for n, s in self.at.items() if s is statement)


def _names(target: ast.AST) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from _names(element)


def _key(target: ast.AST) -> tuple[str, str] | None:
    """new["m"] is ("new", "m")."""
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
        key = target.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            return target.value.id, key.value
    return None


def traced(code: CodeType, evaluate: Callable[[], Any]) -> list[list[int]]:
    """The lines of `code` that each of its calls ran, in order."""
    calls: list[list[int]] = []

    def called(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code is not code:
            return None
        lines: list[int] = []
        calls.append(lines)

        def stepped(frame: Any, event: str, argument: Any) -> Any:
            if event == "line":
                lines.append(frame.f_lineno)
            return stepped

        return stepped

    before = sys.gettrace()
    sys.settrace(called)
    try:
        candidates(evaluate)  # the first call evaluates first
    finally:
        sys.settrace(before)
    return calls


@dataclass
class Place:
    """The order of the equations, and the possibly wrong lines."""

    order: list[str]
    lines: list[Line]


def locate(
    reference: Reference, evaluate: Callable[[], Any], call: int, bad: Sequence[str], good: Sequence[str]
) -> Place:
    """The first of the quantities `bad` in the order of the equations, and the lines that lead to it.

    Lines that also lead to a quantity in `good` are right, because those agree; the rest may be wrong.
    `call` selects the tensor whose call of the rule is examined. Empty where the source cannot be parsed so.
    """
    try:
        rule = RuleSource(reference)
        calls = traced(rule.method.__code__, evaluate)
        lines = calls[min(call, len(calls) - 1)]
        found = rule.values([n - rule.first + 1 for n in lines])
    except (OSError, SyntaxError, TypeError, ValueError, IndexError, KeyError):
        return Place([], [])
    order = sorted(found, key=lambda name: (name == "params", found[name].statement.lineno))
    first = next((name for name in order if name in bad), None)
    if first is None:
        return Place(order, [])
    right = set().union(*(found[name].closure() for name in good if name in found))
    suspect = found[first].closure() - right
    statements = sorted({v.statement for v in suspect or {found[first]}}, key=lambda s: s.lineno)
    return Place(order, [rule.line(s) for s in statements])


def reads_step(rule: type[Reference]) -> bool:
    """Whether a rule reads the step number: one whose `update` does not use `t` only keeps the counter."""
    if not issubclass(rule, PerTensor) or rule.step is not PerTensor.step:
        return True
    tree = ast.parse(textwrap.dedent(inspect.getsource(rule.update)))
    return any(isinstance(n, ast.Name) and n.id == "t" for n in ast.walk(tree))
