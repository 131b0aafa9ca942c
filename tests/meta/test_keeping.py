"""Whatever ends a run, what it finished is kept: two runs at once, signals, a full disk, files in the way."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sample_runs import record, run_of

from conformance.cli import main as cli
from conformance.errors import BadInput
from conformance.judge.record import read_run, write_run
from conformance.run import keeping, plugin
from conformance.run.keeping import keep
from conformance.run.lease import lease

ROOT = Path(plugin.__file__).parents[2]
SUITE = Path(plugin.__file__).with_name("suite.py")
FEW = ["--framework=torch", "--optimizer=sgd", "--mode=forloop", "--dtype=float64"]
VERB = ["conformance", "run", "-n", "0", *FEW]
PYTEST = [
    "pytest",
    str(SUITE),
    "-p",
    "conformance.run.plugin",
    "-p",
    "no:cacheprovider",
    "-q",
    "-c",
    os.devnull,
    *FEW,
]
# A plugin that waits after the third check, in the controlling process.
PAUSE = """
import os, threading
done = []
def pytest_runtest_logreport(report):
    if report.when == "call" and "PYTEST_XDIST_WORKER" not in os.environ:
        done.append(report)
        if len(done) == 3:
            os.write(2, b"PAUSED\\n")
            threading.Event().wait()
"""
# Also after the interrupt, until there is a line to read.
LINGER = (
    PAUSE
    + """
def pytest_keyboard_interrupt(excinfo):
    os.write(2, b"INTERRUPTED\\n")
    os.read(0, 1)
"""
)
# Before the first check.
EARLY = """
import os, threading
def pytest_runtest_logstart(nodeid):
    os.write(2, b"PAUSED\\n")
    threading.Event().wait()
"""


@contextmanager
def started(folder: Path, arguments: list[str], text: str) -> Iterator[subprocess.Popen[str]]:
    """A run with the plugin `text`, once it waits."""
    (folder / "waiting.py").write_text(text)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment = {**kept, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "PYTEST_ADDOPTS": "-p waiting"}
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments, "--reports", str(folder / "reports")],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job, and what it starts, ignores Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        until(process, "PAUSED")
        yield process
    finally:
        process.kill()
        process.communicate()


def until(process: subprocess.Popen[str], line: str) -> None:
    """Read the error output up to this line."""
    seen = []
    for said in process.stderr:
        seen.append(said)
        if line in said:
            return
    raise AssertionError("".join(seen) + process.stdout.read())


@pytest.mark.parametrize("arguments", [VERB, PYTEST, [*PYTEST, "-n2"]], ids=["run", "pytest", "workers"])
@pytest.mark.parametrize(("number", "why"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "Ctrl-C")])
def test_a_signal_keeps_the_finished_checks(tmp_path: Path, arguments: list[str], number: int, why: str) -> None:
    with started(tmp_path, arguments, PAUSE) as process:
        process.send_signal(number)
        out, err = process.communicate()
    assert [p.name for p in (tmp_path / "reports").rglob("*") if p.is_file()] == ["selection-unfinished.jsonl"]
    run = read_run(tmp_path / "reports" / "runs" / "selection-unfinished.jsonl")
    said = f"stopped by {why}: 3 of {run.header.selected} checks were finished and are kept in "
    assert said in out
    assert len(run.records) == 3
    assert len(run.header.missing) == run.header.selected - 3
    if arguments is VERB:
        assert process.returncode == 3
        assert f"error: run: {said}" in err
    else:
        assert process.returncode == pytest.ExitCode.INTERRUPTED


def test_a_second_interrupt_waits_until_they_are_kept(tmp_path: Path) -> None:
    with started(tmp_path, VERB, LINGER) as process:
        process.send_signal(signal.SIGINT)
        until(process, "INTERRUPTED")
        process.send_signal(signal.SIGINT)
        until(process, "the finished checks are kept first")
        _, err = process.communicate("\n")
    assert "stopped by Ctrl-C: 3 of " in err
    assert "Traceback" not in err
    assert process.returncode == 3
    assert len(read_run(tmp_path / "reports" / "runs" / "selection-unfinished.jsonl").records) == 3


def test_stopped_before_any_check_there_is_nothing_to_keep(tmp_path: Path) -> None:
    with started(tmp_path, [*VERB, "-k", "probing"], EARLY) as process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
    assert process.returncode == 3
    assert "error: run: stopped by SIGTERM before any check was finished" in err
    assert not list((tmp_path / "reports").rglob("*.jsonl"))


def test_two_runs_at_once_write_two_records(tmp_path: Path) -> None:
    """The second selection takes another name; one with a name of its own is refused before any check."""
    with started(tmp_path, VERB, PAUSE) as process:
        reports = ["--reports", str(tmp_path / "reports")]
        command = [sys.executable, "-m", *VERB, "-k", "probing"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {
            "PYTHONPATH": str(ROOT)
        }

        def also(*more: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*command, *reports, *more],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )

        other, refused = also(), also("--name", "selection")
        assert other.returncode == 0, other.stdout + other.stderr
        assert "selections/selection-2/index.html" in other.stdout
        assert refused.returncode == 2
        assert f"another run (process {process.pid}) is writing" in refused.stderr
        assert "error: run: it did not start. " in refused.stderr
        process.send_signal(signal.SIGTERM)
        process.communicate()
    names = sorted(p.name for p in (tmp_path / "reports" / "runs").iterdir())
    assert names == ["selection-2.jsonl", "selection-unfinished.jsonl"]


def test_a_name_is_free_again_when_its_run_ends(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "conformance.jsonl"
    first = lease(path, whole=True, another=False)
    with pytest.raises(BadInput, match=rf"another run \(process {os.getpid()}\) is writing .*--name"):
        lease(path, whole=True, another=False)
    first.release()
    assert list(path.parent.iterdir()) == []
    (path.parent / ".conformance.lock").write_text("12345")  # of a run that was killed
    lease(path, whole=True, another=False).release()


def full(*places: str) -> Callable[..., None]:
    """`write_run` on a disk that is full at these places."""

    def write(path: Path, run: object) -> None:
        if any(place in str(path) for place in places):
            cause = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            raise BadInput(f"--reports: {path} cannot be written") from cause
        write_run(path, run)

    return write


def test_on_a_full_disk_the_checks_are_kept_in_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(keeping.tempfile, "gettempdir", lambda: str(elsewhere))
    monkeypatch.setattr(keeping, "write_run", full("/reports/"))
    path = tmp_path / "reports" / "runs" / "conformance.jsonl"
    kept = keep(path, run_of(record()))
    assert kept.path.parent == elsewhere
    assert read_run(kept.path).records == [record()]
    (said,) = kept.problems
    assert said == (
        f"{path} cannot be written (No space left on device); 1 finished check is kept in {kept.path} instead."
    )


def test_where_nothing_can_be_written_every_place_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keeping, "write_run", full("/"))
    with pytest.raises(BadInput, match="nothing is kept of 1 finished check: ") as refused:
        keep(tmp_path / "reports" / "runs" / "a.jsonl", run_of(record()))
    assert str(refused.value).count("No space left on device") == 3


def test_a_record_that_is_replaced_at_once_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "write_run", lambda path, run: write_run(path, run_of(record(mode="fused"))))
    assert "was replaced by another program" in keep(tmp_path / "a.jsonl", run_of(record())).replaced
    monkeypatch.setattr(keeping, "write_run", lambda path, run: path.write_text("{}\n"))
    assert "is not what was written" in keep(tmp_path / "a.jsonl", run_of(record())).replaced
    monkeypatch.undo()
    assert keep(tmp_path / "a.jsonl", run_of(record())).replaced == ""


class Answer:
    """`run`, of which pytest leaves a record and whatever `after` does with it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch

    def __call__(self, after: Callable[[keeping.Kept], object] = lambda kept: None, code: int = 0) -> int:
        def main(arguments: list[str], plugins: list) -> int:
            plugins[0].kept = keep(self.folder / "reports" / "runs" / "conformance.jsonl", run_of(record()))
            after(plugins[0].kept)
            return code

        self.monkeypatch.setattr(pytest, "main", main)
        return cli.main(["run"])


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    monkeypatch.chdir(tmp_path)
    return Answer(tmp_path, monkeypatch)


def test_the_verb_says_that_its_record_was_replaced(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(lambda kept: write_run(kept.path, run_of(record(mode="fused")))) == 3
    assert "conformance.jsonl was replaced by another program after it was written" in capsys.readouterr().err


def test_the_verb_says_which_file_and_why(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    why = "--costs: /x/costs.json cannot be written (No space left on device)."
    assert answer(lambda kept: kept.problems.append(why), code=4) == 2
    error = capsys.readouterr().err
    assert f"error: run: {why} The checks passed, and their record is " in error
    assert "option" not in error


def test_pages_that_cannot_be_written_do_not_take_the_record_with_them(
    answer: Answer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "reports" / "index.html").mkdir(parents=True)
    assert answer() == 2
    said = capsys.readouterr()
    assert "index.html is a folder" in said.err
    assert "their record is reports/runs/conformance.jsonl" in said.err.replace(f"{tmp_path}/", "")
    assert "The one check of 1 optimizer conforms" in said.out


def test_an_error_of_pytest_does_not_take_the_record_with_it(
    answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(kept: keeping.Kept) -> None:
        raise RuntimeError("a plugin broke")

    assert answer(fail) == 3
    error = capsys.readouterr().err
    assert "a plugin broke" in error
    assert "Their record is " in error


@pytest.mark.parametrize("option", ["--costs", "--junitxml"])
@pytest.mark.parametrize("arguments", [VERB, PYTEST, [*PYTEST, "-n2"]], ids=["run", "pytest", "workers"])
def test_a_file_beside_the_record_that_cannot_be_written(tmp_path: Path, arguments: list[str], option: str) -> None:
    (tmp_path / "file").write_text("in the way")
    wrong = tmp_path / "file" / "beside.out"
    command = [sys.executable, "-m", *arguments, "-k", "probing", option, str(wrong), "--reports", str(tmp_path)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert f"{option}: {wrong} cannot be written (" in said
    assert "refused an option" not in said
    assert "Traceback" not in said
    assert done.returncode == (2 if arguments is VERB else pytest.ExitCode.USAGE_ERROR)
    assert read_run(tmp_path / "runs" / "selection.jsonl").records


def test_a_partial_run_of_pytest_leaves_the_whole_runs_record_alone(tmp_path: Path) -> None:
    """By -k, by an id, and by stopping early."""
    whole = tmp_path / "reports" / "runs" / "conformance.jsonl"
    write_run(whole, run_of(record()))
    before = whole.read_bytes()
    breaker = "def pytest_runtest_setup(item):\n    raise OSError('no setup')\n"
    (tmp_path / "breaker.py").write_text(breaker)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{tmp_path}"
    one = f"{SUITE}::test_step[torch-sgd-probing-float64-forloop]"
    tail = ["-p", "conformance.run.plugin", "-p", "no:cacheprovider", "-q", "-c", os.devnull]
    for arguments, code, name in (
        (["-k", "torch-sgd-probing-float64-forloop"], 0, "selection"),
        ([one], 0, "selection"),
        (["-x", "-p", "breaker"], 1, "conformance-unfinished"),
    ):
        target = [] if arguments[0] == one else [str(SUITE)]
        command = [sys.executable, "-m", "pytest", *target, *arguments, *tail, "--reports", "reports"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        path = whole.with_name(f"{name}.jsonl")
        assert len(read_run(path).records) == 1
        assert f"run file: reports/runs/{name}.jsonl" in done.stdout
        path.unlink()
        assert [p.name for p in whole.parent.iterdir()] == ["conformance.jsonl"]
        assert whole.read_bytes() == before


def test_a_full_disk_during_a_run(tmp_path: Path) -> None:
    """The checks of the run itself: kept elsewhere, said with the file and the reason, and how to judge them."""
    text = (
        "import errno, os, tempfile\n"
        "from conformance.errors import BadInput\n"
        "from conformance.run import keeping\n"
        f"tempfile.tempdir = {str(tmp_path)!r}\n"
        "write = keeping.write_run\n"
        "def full(path, run):\n"
        "    if 'reports' in str(path):\n"
        "        raise BadInput('--reports') from OSError(errno.ENOSPC, 'No space left on device')\n"
        "    write(path, run)\n"
        "keeping.write_run = full\n"
    )
    (tmp_path / "waiting.py").write_text(text)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment = {**kept, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "PYTEST_ADDOPTS": "-p waiting"}
    command = [sys.executable, "-m", *VERB, "-k", "probing", "--reports", str(tmp_path / "reports")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    (path,) = tmp_path.glob("selection-*.jsonl")
    assert done.returncode == 2
    assert "runs/selection.jsonl cannot be written (No space left on device); 1 finished check" in done.stderr
    assert "refused an option" not in done.stderr
    assert f"judge it: python -m conformance gate {path}" in done.stdout
    assert len(read_run(path).records) == 1
