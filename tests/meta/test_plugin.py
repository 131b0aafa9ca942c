"""The run: the same record whatever the number of workers, and nothing lost when one dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from conformance.bindings import BINDINGS
from conformance.cases import optimizers
from conformance.judge.record import Outcome, read_run
from conformance.run import plugin, workers
from conformance.run.gate import judge

SUITE = Path(plugin.__file__).with_name("suite.py")
FEW = ["--framework=torch", "--optimizer=sgd", "--mode=forloop", "--dtype=float64"]


def pytest_run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the suite with `arguments`, writing to `folder`."""
    command = [sys.executable, "-m", "pytest", str(SUITE), "-p", "conformance.run.plugin", "-p", "no:cacheprovider"]
    command += ["-q", "--rootdir", str(folder), "-c", os.devnull, "--reports", str(folder), *arguments]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    root = str(SUITE.parents[2])
    environment = {**kept, "PYTHONPATH": os.pathsep.join([root, str(folder)]), **environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def test_one_worker_and_two_write_the_same_bytes(tmp_path: Path) -> None:
    texts = []
    for name, parallel in (("none", []), ("one", ["-n1"]), ("two", ["-n2"])):
        done = pytest_run(tmp_path, *FEW, "--record", name, *parallel)
        assert done.returncode == 0, done.stdout
        header, *rest = (tmp_path / "runs" / f"{name}.jsonl").read_text().splitlines()
        header = {k: v for k, v in json.loads(header).items() if k not in ("created", "name")}
        texts.append([json.dumps(header), *rest])
    assert texts[0] == texts[1] == texts[2]


def test_a_worker_that_dies_leaves_an_error_and_the_rest(tmp_path: Path) -> None:
    victim = "torch-sgd-nesterov-float64-forloop"
    (tmp_path / "assassin.py").write_text(
        f"import os\ndef pytest_runtest_call(item):\n    if {victim!r} in item.nodeid:\n        os._exit(13)\n"
    )
    done = pytest_run(tmp_path, *FEW, "-n2", "-p", "assassin")
    assert done.returncode != 0
    run = read_run(tmp_path / "runs" / "selection.jsonl")
    dead = [r for r in run.records if r.outcome is Outcome.ERROR]
    assert [r.id for r in dead] == [victim]
    assert "crashed" in dead[0].reason
    assert len(run.records) == run.header.selected
    assert judge(run).exit_code == 1


@pytest.mark.parametrize("parallel", [[], ["-n2"]])
def test_only_the_call_is_reported_but_for_what_goes_wrong_around_it(tmp_path: Path, parallel: list[str]) -> None:
    before, after = "torch-sgd-nesterov-float64-forloop", "torch-sgd-momentum-float64-forloop"
    (tmp_path / "breaker.py").write_text(
        f"import os, pytest\n"
        f"def pytest_runtest_setup(item):\n    if {before!r} in item.nodeid: raise OSError('no setup')\n"
        f"@pytest.hookimpl(trylast=True)\n"
        f"def pytest_runtest_teardown(item):\n    if {after!r} in item.nodeid: raise OSError('no teardown')\n"
        f"def pytest_runtest_logreport(report):\n"
        f"    if 'PYTEST_XDIST_WORKER' not in os.environ:\n"
        f"        open('seen.txt', 'a').write(report.when + ' ' + report.outcome + chr(10))\n"
    )
    done = pytest_run(tmp_path, *FEW, *parallel, "-p", "breaker")
    assert done.returncode == 1
    run = read_run(tmp_path / "runs" / "selection.jsonl")
    broken = {r.id: r.reason for r in run.records if r.outcome is Outcome.ERROR}
    assert list(broken) == [before]
    assert "no setup" in broken[before]
    assert "no teardown" in done.stdout
    seen = Counter((tmp_path / "seen.txt").read_text().splitlines())
    assert seen == {"setup failed": 1, "call passed": len(run.records) - 1, "teardown failed": 1}


def test_unsupported_and_known_have_a_status_of_their_own(tmp_path: Path) -> None:
    done = pytest_run(tmp_path, "--framework=torch", "--optimizer=rprop", "-k", "start-outside or fused")
    assert done.returncode == 0, done.stdout
    last = done.stdout.splitlines()[-1]
    assert "4 known" in last
    assert "2 unsupported" in last
    assert "skipped" not in last


def test_a_selection_does_not_overwrite_the_whole_run(tmp_path: Path) -> None:
    pytest_run(tmp_path, *FEW, "-k", "probing")
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["selection.jsonl"]
    assert judge(read_run(tmp_path / "runs" / "selection.jsonl")).exit_code == 3


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--optimizer=adamm", "did you mean 'adam'"),
        ("--framework=jax", "Allowed: both, keras, torch"),
        ("--dtype=float8", "--dtype: 'float8'"),
        ("--mode=warp", "--mode: 'warp'"),
    ],
)
def test_unknown_names_are_refused_with_what_is_known(tmp_path: Path, option: str, says: str) -> None:
    done = pytest_run(tmp_path, option)
    assert done.returncode == 4
    assert says in done.stderr
    assert not (tmp_path / "runs").exists()


def test_an_unwritable_reports_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = pytest_run(tmp_path, *FEW, "-k", "probing", "--reports", str(tmp_path / "file"))
    assert done.returncode == 4
    assert "cannot be written" in done.stdout + done.stderr
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_framework_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "installed", lambda: ["torch"])

    class Config:
        def getoption(self, name: str) -> list[str]:
            return ["keras"] if name == "--framework" else []

    with pytest.raises(plugin.BadInput, match=r"not installed.*pip install '\.\[tensorflow-cpu\]'"):
        plugin._selected(Config())


def test_ids_select_one_optimizer() -> None:
    """`-k keras-adam-` is Adam alone, since pytest matches substrings."""
    assert all(i.id == i.id.lower() for i in optimizers.checks())
    prefixes = {f"{f}-{o}-" for f, b in BINDINGS.items() for o in b.entries}
    for prefix in prefixes:
        found = {(i.framework, i.optimizer) for i in optimizers.checks() if prefix in i.id}
        assert len(found) == 1


def test_workers_are_as_many_as_memory_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_memory_limit", lambda: plugin.MEMORY_A_WORKER * 1.5)
    assert plugin.pytest_xdist_auto_num_workers(None) == 1
