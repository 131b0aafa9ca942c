"""The command line: verbs, exit codes, and messages that say what to do next."""

import subprocess
import sys

import pytest
from sample_runs import broken, failing, large, record, run_of

from conformance.cli import main as cli
from conformance.judge.record import write_run
from conformance.run.keeping import keep


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """A folder of reports in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "reports"


def leave(reports, run, name="conformance"):
    write_run(reports / "runs" / f"{name}.jsonl", run)


@pytest.fixture
def fake_pytest(monkeypatch, reports):
    """Stands in for pytest.main: leaves `run` behind, returns `code`, and keeps its arguments."""

    def plant(run=None, code=0, name="conformance", **what):
        seen = []

        def main(arguments, plugins):
            seen.extend(arguments)
            (receiver,) = plugins
            if run is not None:
                receiver.kept = keep(reports / "runs" / f"{name}.jsonl", run)
            for attribute, value in what.items():
                setattr(receiver.kept or receiver, attribute, value)
            return code

        monkeypatch.setattr(pytest, "main", main)
        return seen

    return plant


def test_bare_lists_the_verbs(capsys):
    assert cli.main([]) == 0
    text = capsys.readouterr().out
    for verb in cli.VERBS:
        assert verb in text
    assert "0 good, 1 divergence, 2 bad input, 3 incomplete" in text


def test_it_runs_as_a_module_and_needs_no_framework():
    probe = (
        "import sys; sys.argv = ['conformance']; from conformance.cli.main import main; code = main();"
        "import conformance.report.render;"
        "bad = {'torch', 'tensorflow', 'keras', 'jax'} & set(sys.modules); sys.exit(code or bool(bad))"
    )
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False).returncode == 0
    bare = subprocess.run([sys.executable, "-m", "conformance"], capture_output=True, text=True, check=False)
    assert bare.returncode == 0
    assert "report" in bare.stdout


def test_explaining_a_record_loads_no_renderer():
    probe = "import sys, conformance.judge.failure; sys.exit(bool({'jinja2', 'rich'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reprot"], "did you mean 'report'?"),
        (["--what"], "--help"),
        (["report", "--what"], "--what"),
        (["gate", "--name", "a/b"], "--name: 'a/b'"),
        (["gate"], "no such run file"),
        (["report", "elsewhere.jsonl"], "elsewhere.jsonl: no such run file"),
    ],
)
def test_bad_input_is_named_and_exits_2(reports, capsys, arguments, message):
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert not reports.exists()


def test_help_of_a_verb(capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["gate", "--help"])
    assert exit_.value.code == 0
    assert "exit codes: 0 good" in capsys.readouterr().out


def test_report_writes_all_files_whatever_the_verdict(reports, capsys):
    leave(reports, broken())
    assert cli.main(["report"]) == 0
    pages = ["index.html", "map.html", "map.md", "mutants.html", "mutants.md", "summary.json", "summary.md"]
    assert sorted(p.name for p in reports.iterdir()) == sorted([*pages, "badge.json", "badge.svg", "runs"])
    assert "index.html" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (large(), 0),
        (broken(), 1),
        (run_of(record(), total=9), 3),
        (run_of(record(), record(mode="fused"), total=9, missing=["x"]), 3),
        (run_of(record(**failing()), total=9), 1),
    ],
)
def test_the_gate_says_what_it_found(reports, capsys, run, code):
    leave(reports, run)
    assert cli.main(["gate"]) == code
    assert "2026-11-22" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["gate", "report"])
@pytest.mark.parametrize(("keep", "code"), [(0, 2), (100, 2), (-50, 3)])
def test_a_damaged_run_file_leaves_no_report(reports, capsys, verb, keep, code):
    leave(reports, run_of(record()))
    path = reports / "runs" / "conformance.jsonl"
    path.write_bytes(path.read_bytes()[:keep])
    assert cli.main([verb]) == code
    assert "conformance run" in capsys.readouterr().err
    assert [p.name for p in reports.iterdir()] == ["runs"]


def test_reports_that_are_a_file_are_bad_input(reports, capsys):
    leave(reports, run_of(record()))
    reports.with_name("file").write_text("a file")
    run = str(reports / "runs" / "conformance.jsonl")
    assert cli.main(["report", run, "--reports", "file"]) == 2
    assert "--reports: " in capsys.readouterr().err
    assert reports.with_name("file").read_text() == "a file"


def test_a_run_whose_result_cannot_be_kept_does_not_start(reports, fake_pytest, capsys):
    reports.write_text("a file")
    seen = fake_pytest(run_of(record()))
    assert cli.main(["run"]) == 2
    assert "--reports: " in capsys.readouterr().err
    assert seen == []


def test_an_option_uncovered_in_a_version_that_is_not_pinned_is_noted(reports, capsys):
    leave(reports, run_of(record(), uncovered={"torch": ["Adam.fresh"]}, pinned={"torch": False}))
    assert cli.main(["gate"]) == 0
    assert "UNCOVERED in torch: Adam.fresh" in capsys.readouterr().out


def test_several_runs_are_taken_together(reports):
    leave(reports, run_of(record(), total=2), "one")
    leave(reports, run_of(record(mode="fused"), total=2), "two")
    paths = [str(reports / "runs" / f"{name}.jsonl") for name in ("one", "two")]
    assert cli.main(["gate", paths[0]]) == 3
    assert cli.main(["gate", *paths]) == 0


def test_run_is_pytest_with_the_plugin(reports, fake_pytest):
    seen = fake_pytest(run_of(record()))
    arguments = [
        "run",
        "--framework",
        "torch,keras",
        "--framework",
        "jax",
        "--mode",
        "fused",
        "-k",
        "eps",
        "-n",
        "0",
    ]
    assert cli.main([*arguments, "--name", "mine"]) == 0
    assert seen[0].endswith("suite.py")
    assert [a for a in seen if a.startswith("--framework")] == [
        "--framework=torch",
        "--framework=keras",
        "--framework=jax",
    ]
    text = " ".join(seen)
    for part in (
        "-p conformance.run.plugin",
        "-n 0",
        "--record mine",
        "--reports reports",
        "--mode=fused",
        "-k eps",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("run", "code"), [(large(), 0), (broken(), 1), (run_of(record(), total=2, selected=2, missing=["x"]), 3)]
)
def test_run_reports_and_judges(reports, fake_pytest, capsys, run, code):
    fake_pytest(run, code=int(code == 1))
    assert cli.main(["run"]) == code
    assert (reports / "index.html").exists()
    text = capsys.readouterr().out
    assert "2026-11-22" in text
    assert text.splitlines()[-1].endswith("index.html")


@pytest.mark.parametrize(("pytest_code", "code"), [(2, 3), (3, 3), (4, 2), (5, 2), (99, 3)])
def test_a_run_that_did_not_happen_leaves_no_report(reports, fake_pytest, capsys, pytest_code, code):
    leave(reports, run_of(record()))
    fake_pytest(code=pytest_code)
    assert cli.main(["run", "--optimizer", "adan"]) == code
    assert "python -m conformance run" in capsys.readouterr().err
    assert not (reports / "index.html").exists()


def test_an_older_run_file_is_not_reported_as_this_run(reports, fake_pytest, capsys):
    leave(reports, run_of(record()))
    fake_pytest()
    assert cli.main(["run"]) == 3
    assert "no run file was written" in capsys.readouterr().err


def test_a_failure_of_pytest_that_left_no_record_is_not_green(reports, fake_pytest):
    fake_pytest(run_of(record()), code=1)
    assert cli.main(["run"]) == 3
