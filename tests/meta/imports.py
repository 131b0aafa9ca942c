"""The import graph of reference/ and conformance/: every import, and modules that a string names."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
Graph = Mapping[str, set[str]]
TOPS = ("reference.", "conformance.")


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Dotted name -> file."""
    found = {}
    for top in ("reference", "conformance"):
        for path in sorted((root / top).rglob("*.py")):
            if "cells" not in path.parts:  # of the notebook, which nothing imports
                found[".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


def graph(root: Path = ROOT) -> dict[str, set[str]]:
    """Module -> the modules that it imports: in functions, under TYPE_CHECKING, and by name, as AREAS does."""
    known = modules(root)
    return {name: set(_imports(name, path, known)) - {name} for name, path in known.items()}


def _imports(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # "import reference" makes reference.adam reachable; a variable may have the same name.
    plain = (alias for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names if not alias.asname)
    tops = {alias.name.partition(".")[0] for alias in plain if _known(alias.name, known)}
    docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (_known(alias.name, known) for alias in node.names if _known(alias.name, known))
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: relative imports are not used here"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found = full if full in known else _known(node.module or "", known)
                if found:
                    yield found
        elif isinstance(node, ast.Attribute) and _written(node).partition(".")[0] in tops:
            yield _known(_written(node), known)
        elif isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield from _named(node.value, known)


def _written(node: ast.expr) -> str:
    """ "conformance.run.gate" for a chain of attributes; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    inner = _written(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if inner else ""


def _named(value: object, known: Mapping[str, Path]) -> Iterator[str]:
    """A module in a string: all of it, its beginning ("conformance.run." + name), or an object of it ("m:name")."""
    if isinstance(value, str) and value.startswith(TOPS) and re.fullmatch(r"[\w.]+(:[\w.]*)?", value):
        found = _known(value.partition(":")[0], known)
        if "." in found:
            yield found


def third_party(path: Path) -> set[str]:
    """The names of the packages that a module imports and that are neither ours nor Python's."""
    tree, found = ast.parse(path.read_text(encoding="utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names) - {top.rstrip(".") for top in TOPS}


def _known(name: str, known: Mapping[str, Path]) -> str:
    """The module itself, or the one that an attribute of it is imported from; "" for what is not ours."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


def room(module: str) -> str:
    """The package that a module belongs to: "judge"; a module of conformance/ itself is a room of its own."""
    first, *rest = module.split(".")
    if first == "reference":
        return "reference"
    return rest[0] if rest else "conformance"


def rooms(given: Graph) -> dict[str, set[str]]:
    """The same graph between rooms."""
    found: dict[str, set[str]] = {}
    for module, imported in given.items():
        mine = found.setdefault(room(module), set())
        mine |= {room(m) for m in imported} - {room(module)}
    return found


def circle(given: Graph) -> list[str]:
    """A circle of imports, if there is one."""
    state: dict[str, int] = {}
    path: list[str] = []

    def visit(name: str) -> list[str]:
        state[name] = 1
        path.append(name)
        for other in sorted(given[name]):
            if state.get(other) == 1:
                return [*path[path.index(other) :], other]
            if other not in state and (found := visit(other)):
                return found
        path.pop()
        state[name] = 2
        return []

    return next((found for name in sorted(given) if name not in state and (found := visit(name))), [])


def longest(given: Graph) -> list[str]:
    """The longest chain of imports of a graph without circles, what is imported last."""

    @cache
    def chain(name: str) -> tuple[str, ...]:
        return (name, *max((chain(other) for other in sorted(given[name])), key=len, default=()))

    return list(max((chain(name) for name in sorted(given)), key=len))
