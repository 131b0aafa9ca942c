"""Constructor calls as a user writes them, one per line: the calls to compare across an upgrade.

# optimizers.txt
keras.optimizers.Adam(learning_rate=1e-3, clipnorm=1.0)
torch.optim.SGD(params, lr=0.1, momentum=0.9)
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry
from conformance.cases.case import Case
from conformance.cases.economy import cheap_modes
from conformance.cases.optimizers import OptimizerCheck
from conformance.errors import BadInput, choose

PREFIX = "call-"  # of their case names
PROBLEMS = ("ordinary", "probing", "missing")
DTYPE = "float32"  # as people train
ALLOWED = "Allowed: one call per line, arguments by name, like keras.optimizers.Adam(learning_rate=0.001)."


@dataclass(frozen=True)
class Call:
    """One constructor call."""

    framework: str
    optimizer: str
    arguments: Mapping[str, Any]
    text: str

    @property
    def entry(self) -> Entry:
        return BINDINGS[self.framework].entries[self.optimizer]

    @property
    def name(self) -> str:
        """The same for the same call, wherever it appears in a file."""
        said = repr(sorted(self.arguments.items()))
        return PREFIX + hashlib.sha256(said.encode()).hexdigest()[:8]

    def checks(self) -> list[OptimizerCheck]:
        """The call on some problems, in every cheap mode."""
        sparse = "" if self.entry.reference.gradients == "dense" else f"-{self.entry.reference.gradients}"
        found = []
        for problem in PROBLEMS:
            case = Case(
                f"{self.name}-{problem}",
                self.text,
                problem + sparse,
                values="given",
                given=tuple(self.arguments.items()),
            )
            found += [
                OptimizerCheck.of(self.framework, self.optimizer, case, DTYPE, mode)
                for mode in cheap_modes(self.entry)
            ]
        return found

    def covers(self, framework: str, optimizer: str, options: Collection[str]) -> bool:
        """Whether a check of the case table covers this call: it sets nothing that the call does not."""
        mine = (framework, optimizer) == (self.framework, self.optimizer)
        return mine and set(options) <= set(self.arguments) | {"lr", "learning_rate"}


def load(path: Path) -> list[Call]:
    """The calls of a file; BadInput names a line that is not a call."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--config: {path} cannot be read ({error}).") from error
    found = [_call(f"{path}:{n}", line.strip()) for n, line in enumerate(lines, 1) if line.split("#")[0].strip()]
    if not found:
        raise BadInput(f"--config: {path} has no call. {ALLOWED}")
    names = [(c.framework, c.optimizer, c.name) for c in found]
    if len(set(names)) != len(names):
        raise BadInput(f"--config: {path} has the same call twice.")
    return found


def _call(where: str, line: str) -> Call:
    try:
        tree = ast.parse(line, mode="eval").body
        if not isinstance(tree, ast.Call):
            raise ValueError("it is no call")
        if any(not isinstance(a, ast.Name) for a in tree.args):  # params of torch
            raise ValueError("an argument has no name")
        arguments = {k.arg: ast.literal_eval(k.value) for k in tree.keywords if k.arg}
        path = ast.unparse(tree.func).split(".")
    except (SyntaxError, ValueError) as error:
        raise BadInput(f"--config: {where}: {line!r} cannot be read ({error}). {ALLOWED}") from error
    framework = "torch" if path[0] == "torch" else "keras" if {"keras", "tf", "conformance"} & set(path[:2]) else ""
    choose("--config", framework or path[0], BINDINGS)
    entries = BINDINGS[framework].entries
    by_class = {e.cls.lower(): name for name, e in entries.items()}
    optimizer = by_class[choose("--config", path[-1].lower(), by_class)]
    _check(where, entries[optimizer], arguments)
    return Call(framework, optimizer, arguments, line)


def _check(where: str, entry: Entry, arguments: Mapping[str, Any]) -> None:
    known = {a.name for name in entry.arguments if (a := entry.argument(name))}
    known |= {a.when for name in entry.arguments if (a := entry.argument(name)) and a.when}
    for name in arguments:
        if name not in known and name not in entry.not_update:
            choose(f"--config: {where}: argument of {entry.cls}", name, known)
