"""The house: which package imports which, one name a thing, and sizes. The table is that of the README."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict

import imports
import pytest
from imports import ROOT, circle, graph, longest, modules, room, rooms

GRAPH = graph()
LONGEST_CHAIN = 12  # rooms, a module of conformance/ itself counted as one
LINES = 400
SUPPRESSIONS = 40
# Both are what users import: the rule, and Keras' optimizer of it.
SAME_NAME = {"RAdam"}
# Modules whose name says their role beside their package: an area's checks, the mistakes of a reference, a verb.
ROLES = re.compile(r"conformance\.(areas\.\w+\.(area|checks)|mutants\.\w+|cli\.\w+)")


def table() -> dict[str, set[str]]:
    """Room -> what it may import, by the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w/.]+)` \| .* \| (.*) \|$", readme[readme.index("## How it is built") :], re.M)
    listed = {re.sub(r"^conformance/(?=.)|/$|\.py$", "", name): says for name, says in rows}
    found: dict[str, set[str]] = {}
    for name, says in listed.items():  # what a room may import stands above it
        direct = set(re.findall(r"`(\w+)/?`", says))
        below = set().union(*(found[d] for d in direct)) if says.endswith("imports") else set()
        found[name] = direct | below
    return found


TABLE = table()


def wrong(given: imports.Graph) -> list[str]:
    """The imports that the table does not allow."""
    found = []
    for module, imported in sorted(given.items()):
        mine = room(module)
        for other in sorted(imported):
            there = room(other)
            if there not in (mine, "errors") and there not in TABLE.get(mine, ()):
                found.append(f"{module} imports {other}: {mine} may import {', '.join(sorted(TABLE[mine]))}")
    return found


def test_every_package_is_in_the_table():
    packages = {room(m) for m, path in modules().items() if path.name == "__init__.py"} - {"conformance"}
    assert packages <= set(TABLE)
    assert {"conformance", "errors", "radam", "warmup", "__main__"} <= set(TABLE)


def test_imports_go_one_way():
    assert wrong(GRAPH) == []
    assert circle(GRAPH) == []
    assert circle(rooms(GRAPH)) == []


@pytest.mark.parametrize(
    ("module", "other"),
    [
        ("reference.adam", "conformance.judge.steps"),
        ("conformance.bindings.torch", "conformance.cases.economy"),
        ("conformance.judge.engine", "conformance.areas.registry"),
        ("conformance.areas.registry", "conformance.run.plugin"),
        ("conformance.report.render", "conformance.cli.main"),
        ("conformance.checking.custom", "conformance"),
    ],
)
def test_an_arrow_that_is_turned_is_seen(module, other):
    turned = {**GRAPH, module: GRAPH[module] | {other}}
    assert [said for said in wrong(turned) if said.startswith(f"{module} imports {other}:")]


def test_the_judge_knows_no_framework():
    """Of the bindings it has the types alone: what an entry and a group are."""
    judge = {m for m in GRAPH if room(m) == "judge"}
    known = {other for m in judge for other in GRAPH[m] if room(other) == "bindings"}
    assert known <= {"conformance.bindings.binding"}
    assert {m for m in judge if GRAPH[m] & {"conformance.cases.drive", "conformance.cases.side_by_side"}} == set()


FRAMEWORKS = {"torch", "tensorflow", "keras", "jax"}
NUMPY = {"reference": {"numpy"}, "errors": set(), "mutants": {"numpy"}}  # all that these rooms may import of others


def test_frameworks_are_imported_where_they_are_driven():
    """Nothing third-party where the table says NumPy or nothing, and no framework in the judge."""
    found = {}
    for name, path in modules().items():
        others = imports.third_party(path)
        wrong = others - NUMPY[room(name)] if room(name) in NUMPY else set()
        wrong |= others & FRAMEWORKS if room(name) in ("cases", "judge", "report") else set()
        if wrong:
            found[name] = sorted(wrong)
    assert found == {}


def test_importing_the_package_loads_nothing_of_it():
    script = "import sys, conformance; print([m for m in sys.modules if m.startswith('conformance.')])"
    done = subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_circle_is_seen():
    assert circle(
        {**GRAPH, "conformance.judge.ledger": {*GRAPH["conformance.judge.ledger"], "conformance.judge.steps"}}
    )


def test_imports_in_functions_and_by_name_are_seen(tmp_path):
    package = tmp_path / "conformance"
    package.mkdir()
    (tmp_path / "reference").mkdir()
    texts = {
        "__init__.py": "",
        "one.py": "def f():\n    from conformance import two\n",
        "two.py": "if TYPE_CHECKING:\n    from conformance.three import X\n",
        "three.py": 'AREAS = {"four": "conformance.four"}\n',
        "four.py": '"""conformance.one"""\n',
        "five.py": "import_module('conformance.' + x, f'conformance.one.{x}')\n",
        "six.py": "MAIN = 'conformance.one:f'\nSAYS = 'conformance.two is a module'\n",
        "seven.py": "import conformance.one\nconformance.two.f()\nimport torch, numpy.linalg, json\n",
    }
    for name, text in texts.items():
        (package / name).write_text(text)
    found = graph(tmp_path)
    assert found["conformance.one"] == {"conformance.two"}
    assert found["conformance.two"] == {"conformance.three"}
    assert found["conformance.three"] == {"conformance.four"}
    assert found["conformance.four"] == set()  # a docstring imports nothing
    assert found["conformance.five"] == {"conformance.one"}
    assert found["conformance.six"] == {"conformance.one"}
    assert found["conformance.seven"] == {"conformance.one", "conformance.two"}
    assert imports.third_party(package / "seven.py") == {"torch", "numpy"}


def test_the_chain_of_rooms_is_short():
    assert circle(rooms(GRAPH)) == []
    assert len(longest(rooms(GRAPH))) <= LONGEST_CHAIN, longest(rooms(GRAPH))


def test_nothing_imports_what_users_import():
    assert [m for m, imported in GRAPH.items() if "conformance" in imported] == []


def test_the_public_names_are_functions_after_everything_was_imported():
    """No package has the name of a public function."""
    script = f"""
import importlib, warnings
for name in {sorted(m for m in modules() if "lab.fashion" not in m and m != "conformance.__main__")!r}:
    importlib.import_module(name)
import conformance
from conformance import check, translate
assert callable(check) and callable(translate), (check, translate)
assert set(conformance.__all__).isdisjoint({sorted({room(m) for m in modules()})!r})
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


@pytest.mark.parametrize("package", sorted({room(m) for m, p in modules().items() if p.name == "__init__.py"}))
def test_a_package_says_what_it_is_who_imports_it_and_where_to_add(package):
    path = ROOT / ("reference" if package == "reference" else f"conformance/{package}") / "__init__.py"
    if package == "conformance":
        return
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert "To add" in text
    said = re.search(r"Imported by: ([\w, ]+)\.", text)
    assert said, f"{path}: no line 'Imported by: …'"
    importing = {name for name, there in rooms(GRAPH).items() if package in there} - {"conformance", "__main__"}
    assert set(said[1].split(", ")) == (importing or {"nothing"})


def test_one_name_a_class():
    homes = defaultdict(list)
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name)
    assert {c: where for c, where in homes.items() if len(where) > 1 and c not in SAME_NAME} == {}


def test_one_name_a_module():
    homes = defaultdict(list)
    for name, path in modules().items():
        if path.name != "__init__.py" and not ROLES.fullmatch(name) and name != "conformance.radam":
            homes[path.stem].append(name)
    assert {m: where for m, where in homes.items() if len(where) > 1} == {}


def sources():
    listed = [p for top in ("reference", "conformance", "tests") for p in (ROOT / top).rglob("*.py")]
    return sorted([*listed, ROOT / "conftest.py"])


def test_modules_are_short():
    long = {str(p.relative_to(ROOT)): n for p in sources() if (n := len(p.read_text().splitlines())) > LINES}
    assert long == {}


def test_few_rules_are_suppressed():
    marks = re.compile(r"# (fmt: skip|noqa|type: ignore)\b")
    found = [
        f"{p.relative_to(ROOT)}:{n}" for p in sources() for n, line in enumerate(p.open(), 1) if marks.search(line)
    ]
    assert len(found) <= SUPPRESSIONS, found
