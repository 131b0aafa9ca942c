"""The matrix of versions, what changes in it, and what it refuses."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from sample_runs import EPS_HAT, failing, record, run_of

from conformance.cli import main as cli
from conformance.errors import BadInput, Incomplete
from conformance.judge.record import Outcome, Run, packed, write_run
from conformance.report import columns, versions, versions_page

CASES = ("default", "eps", "amsgrad")
TABLE = {"digest": "0123", "total": len(CASES)}


def keras(version: str, tensorflow: str = "2.16.2", **changes: dict) -> Run:
    """A complete run of three checks of Keras' Adam; `changes` are those of the record of a case."""
    records = [
        record(
            "keras",
            case=case,
            mode="eager",
            **{"rule": "Adam()", "end": packed([np.ones(3)]), **changes.get(case, {})},
        )
        for case in CASES
    ]
    head = {"keras": version, "tensorflow": tensorflow, "python": "3.11.9", "numpy": "1.26.4"}
    return run_of(*records, name=f"k{version}", versions=head, tables={"keras": dict(TABLE)})


OLD = keras("2.15.0", "2.15.1", amsgrad={"outcome": Outcome.UNSUPPORTED, "reason": "Keras 2.15.0 has no amsgrad"})
MIDDLE = keras("3.0.5", eps={**EPS_HAT, "end": packed([np.full(3, 2.0)])})
NEW = keras(
    "3.15.1", eps={**EPS_HAT, "end": packed([np.full(3, 2.0)])}, default={"rule": "Adam(learning_rate=0.1)"}
)
NAMED = [("old", OLD), ("middle", MIDDLE), ("new", NEW)]


def test_the_order_of_the_runs_leaves_no_trace():
    texts = {json.dumps(versions_page.render(versions.build(order))) for order in itertools.permutations(NAMED)}
    assert len(texts) == 1


def test_each_change_stands_where_it_happens_with_its_size_and_its_reason():
    matrix = versions.build(NAMED)
    assert [c.title for c in matrix.columns] == [
        "Keras 2.15.0 on TensorFlow 2.15.1",
        "Keras 3.0.5 on TensorFlow 2.16.2",
        "Keras 3.15.1 on TensorFlow 2.16.2",
    ]
    found = {(c.after.split()[1], c.cases): c for c in matrix.changes}
    assert set(found) == {("3.0.5", ("eps",)), ("3.0.5", ("amsgrad",)), ("3.15.1", ("default",))}
    known = found["3.0.5", ("eps",)]
    assert (known.ledger, known.size, known.share) == ("keras-adam-eps-hat", 1.0, 0.5)
    assert known.why == EPS_HAT["reason"]
    assert found["3.0.5", ("amsgrad",)].why == "New: Keras 2.15.0 has no amsgrad."
    assert "learning_rate=0.1" in found["3.15.1", ("default",)].why
    assert matrix.unexplained == []


def test_a_change_that_nothing_explains_says_so():
    matrix = versions.build([("old", OLD), ("new", keras("3.0.5", eps=failing(nearest=[])))])
    assert [c.cases for c in matrix.unexplained] == [("eps",)]
    assert "NOT EXPLAINED" in versions_page.render(matrix)["versions.md"]


def test_cases_that_agree_everywhere_share_a_line():
    lines = versions.build([("a", keras("3.0.5")), ("b", keras("3.6.0"))]).rows["keras-adam"]
    assert [line.cases for line in lines] == [("amsgrad", "default", "eps")]


def test_backends_are_compared_with_tensorflow_at_the_same_keras():
    jax = keras("3.15.1")
    jax.header.versions = {"keras": "3.15.1", "jax": "0.10.2"}
    pairs = columns.neighbours(versions.build([*NAMED, ("jax", jax)]).columns)
    assert ("Keras 3.15.1 on TensorFlow 2.16.2", "Keras 3.15.1 on JAX 0.10.2") in {
        (a.title, b.title) for a, b in pairs
    }


def test_an_environment_that_could_not_be_installed_is_a_column():
    failed = run_of(name="tf299", failed="no matching distribution", total=0, selected=0)
    matrix = versions.build([*NAMED, ("tf299", failed)])
    assert matrix.columns[-1].title == "tf299"
    assert "no run: no matching distribution" in versions_page.render(matrix)["versions.html"]


def test_runs_of_other_cases_duplicates_and_incomplete_runs_are_refused_by_name():
    other = keras("3.6.0")
    other.header.tables["keras"]["digest"] = "4567"
    with pytest.raises(
        BadInput, match="other: its cases of keras are those of the table 4567, those of new of 0123"
    ):
        versions.build([("new", NEW), ("other", other)])
    with pytest.raises(BadInput, match=r"second: Keras 3\.15\.1 on TensorFlow 2\.16\.2 is in k3\.15\.1 already"):
        versions.build([("first", NEW), ("second", NEW)])
    partial = keras("3.6.0")
    partial.records.pop()
    with pytest.raises(Incomplete, match="partial: an incomplete run, 2 of 3 checks of keras"):
        versions.build([("new", NEW), ("partial", partial)])


def test_a_brief_run_goes_beside_whole_ones():
    brief = keras("3.0.5", eps={**EPS_HAT, "end": packed([np.full(3, 2.0)])})
    brief.records = [r for r in brief.records if r.case != "default"]
    brief.header.tables["keras"] = {"digest": "0123-brief", "total": 2}
    matrix = versions.build([("old", OLD), ("brief", brief)])
    assert [c.brief for c in matrix.columns] == [False, True]
    assert {c.cases for c in matrix.changes} == {("eps",), ("amsgrad",)}
    assert "k3.0.5, brief" in versions_page.render(matrix)["versions.md"]


def test_what_is_not_as_recorded_is_at_the_top_even_where_it_does_not_change():
    both = [(v, keras(v, eps=failing())) for v in ("3.0.5", "3.6.0")]
    matrix = versions.build(both)
    assert matrix.changes == ()
    assert [n for _, n in matrix.wrong] == [1, 1]
    assert "not as recorded: 1 check of Keras 3.0.5" in versions_page.render(matrix)["versions.html"]


def test_report_writes_the_matrix_and_diff_answers(tmp_path: Path, capsys: pytest.CaptureFixture):
    paths = []
    for name, run in NAMED:
        paths.append(str(tmp_path / f"{name}.jsonl"))
        write_run(Path(paths[-1]), run)
    assert cli.main(["report", "--reports", str(tmp_path), *paths]) == 0
    assert (tmp_path / "versions.html").exists()
    data = json.loads((tmp_path / "versions.json").read_text())
    assert len(data["changes"]) == 3
    capsys.readouterr()
    assert cli.main(["diff", paths[0], paths[1]]) == 0
    said = capsys.readouterr().out
    assert "Keras 2.15.0 on TensorFlow 2.15.1 → Keras 3.0.5" in said
    assert "keras-adam-eps-hat" in said
    calls = tmp_path / "calls.txt"
    calls.write_text("keras.optimizers.Adam(amsgrad=True)\n")
    assert cli.main(["diff", *paths[:2], "--config", str(calls)]) == 0
    said = capsys.readouterr().out
    assert "amsgrad" in said
    assert "eps-hat" not in said  # the call sets no epsilon


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("keras.optimizers.Adamm()", "did you mean"),
        ("keras.optimizers.Adam(1e-3)", "an argument has no name"),
        ("keras.optimizers.Adam(epsilom=1)", "did you mean 'epsilon'"),
        ("Adam", "it is no call"),
        ("# nothing", "has no call"),
    ],
)
def test_a_call_that_cannot_be_read_is_refused_by_line(tmp_path: Path, line: str, says: str):
    from conformance.cases import calls

    (tmp_path / "calls.txt").write_text(line + "\n")
    with pytest.raises(BadInput, match=says):
        calls.load(tmp_path / "calls.txt")


def test_the_workflow_is_valid():
    """By GitHub's own schema, which the package has with it."""
    import subprocess
    import sys

    path = Path(__file__).parents[2] / ".github" / "workflows" / "conformance.yml"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_an_environment_that_breaks_down_leaves_a_run_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from conformance.run import environments

    (tmp_path / "tox.ini").write_text("")
    monkeypatch.chdir(tmp_path)
    asked = []

    def tox(name: str, reports: Path, brief: bool) -> str:
        asked.append(name)
        if name == "tf216":
            write_run(reports / "runs" / f"{name}.jsonl", NEW)
        return "ERROR: No matching distribution found"

    monkeypatch.setattr(environments, "_tox", tox)
    monkeypatch.setattr(environments, "commit", lambda: NEW.header.commit)
    paths = environments.run(["tf216", "tf212"], tmp_path / "reports")
    matrix = versions.build(versions.read(paths))
    assert [(c.name, c.failed) for c in matrix.columns] == [
        ("k3.15.1", ""),
        ("tf212", "ERROR: No matching distribution found"),
    ]
    environments.run(["tf216", "tf212"], tmp_path / "reports")
    assert asked == ["tf216", "tf212", "tf212"]  # what is there already is kept
    with pytest.raises(BadInput, match="ENV"):
        environments.run(["tf299"], tmp_path / "reports")


def test_tox_has_an_environment_for_each():
    import configparser

    from conformance.run import environments

    tox = configparser.ConfigParser(interpolation=None)
    tox.read(Path(__file__).parents[2] / "tox.ini")
    section = next(s for s in tox.sections() if "tf212" in s)
    assert set(environments.ENVIRONMENTS) <= set(section.removeprefix("testenv:").strip("{}").split(","))
