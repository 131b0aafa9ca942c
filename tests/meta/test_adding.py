"""The README's "How to add", done in a copy of the project: an optimizer of torch, and a schedule of Keras."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from conformance.bindings import BINDINGS, installed
from conformance.judge.record import Outcome, read_run

ROOT = Path(__file__).parents[2]
GIVEN = Path(__file__).with_name("adding")
PINNED = set(installed()) == set(BINDINGS) and all(
    b.versions()[name].startswith(b.pinned) for name, b in BINDINGS.items()
)
# Everything that a new optimizer or schedule could be asked for: those tests in the copy.
ASKED = (
    "belief or inversesquare or kept or left_out or written or list_is or nothing_is_wrong or selector or one_row"
)
TESTS = (
    "tests/test_map.py",
    *(f"tests/meta/test_{n}.py" for n in ("coverage", "refusals", "ledger", "translate", "mutants", "proof")),
    *(f"tests/meta/test_{n}.py" for n in ("schedules", "reference_rules", "reference_precision", "architecture")),
)


def section() -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return readme[readme.index("## How to add") : readme.index("## How it is built")]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project, with the classes that users have and the files that the section says to write."""
    project = tmp_path / "project"
    for name in ("conformance", "reference", "tests"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, project / name)
    for name in ("belief.py", "warmed.py"):
        shutil.copy(GIVEN / name, project / name)
    shutil.copy(GIVEN / "inverse_square_root.py", project / "reference" / "schedules")
    shutil.copy(
        GIVEN / "inverse_square_root_mutants.py", project / "conformance" / "mutants" / "inverse_square_root.py"
    )
    return project


def do(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment = {**kept, "PYTHONPATH": str(project)}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def add_entries(project: Path) -> None:
    """What the section adds, at the end of the table of each file that it names."""
    blocks = re.findall(r"<!-- add to (\S+) -->\n```python\n(.*?)```", section(), re.DOTALL)
    assert len(blocks) == 2
    for name, block in blocks:
        path = project / name
        text = path.read_text(encoding="utf-8")
        end = re.search(r"^    [)\]]\n[})]  # fmt: skip$", text, re.MULTILINE)
        entry = textwrap.indent(block.rstrip() + ",\n", " " * 8)
        path.write_text(text[: end.start()] + entry + text[end.start() :], encoding="utf-8")


def differing(project: Path) -> set[str]:
    """The files of the project that are not as they were, or new."""
    found = set()
    for path in project.rglob("*"):
        name = path.relative_to(project).as_posix()
        if path.is_file() and "__pycache__" not in name and not name.startswith(("reports/", ".")):
            before = ROOT / name
            if not before.exists() or not filecmp.cmp(path, before, shallow=False):
                found.add(name)
    return found


@pytest.mark.skipif(not PINNED, reason="what is written is of both frameworks in the pinned versions")
def test_the_section_as_it_is_written(copy: Path) -> None:
    add_entries(copy)
    commands = [
        line
        for block in re.findall(r"<!-- run -->\n```\n(.*?)```", section(), re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(commands) == 4
    for command in commands:
        _, *arguments = command.split()
        done = do(copy, sys.executable, *arguments)
        assert done.returncode in ((0,)), done.stdout + done.stderr
        if "run" in arguments:
            records = read_run(copy / "reports" / "runs" / "selection.jsonl").records
            bad = [r.id for r in records if not r.outcome.passes]
            assert not bad
            assert sum(r.outcome is Outcome.CONFORMS for r in records) > 10
    assert differing(copy) == {
        # written by hand
        "belief.py",
        "warmed.py",
        "reference/schedules/inverse_square_root.py",
        "conformance/mutants/inverse_square_root.py",
        "conformance/bindings/torch_entries.py",
        "conformance/areas/schedules/keras_rates.py",
        # by the command
        "README.md",
        "conformance/areas/refusals/refusals.json",
        "conformance/judge/ledger.toml",
        "conformance/porting/map.json",
        "conformance/proof/proof.json",
        "conformance/proof/schedules.json",
    }
    done = do(copy, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS, "-k", ASKED)
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.skipif(not PINNED, reason="what is written is of both frameworks in the pinned versions")
def test_without_the_command_the_tests_name_it(copy: Path) -> None:
    add_entries(copy)
    tests = ("tests/meta/test_coverage.py", "tests/meta/test_refusals.py", "tests/meta/test_proof.py")
    done = do(copy, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", ASKED)
    failures = re.split(r"^_{3,} (test_\S+) _{3,}$", done.stdout, flags=re.MULTILINE)
    said = dict(zip(failures[1::2], failures[2::2], strict=True))
    assert len(said) > 4
    silent = [name for name, text in said.items() if "python -m conformance update" not in text]
    assert not silent
