"""The gate against an earlier run: red when something newly diverges, conforms or disappears."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sample_runs import EPS_HAT, failing, record, render, run_of

from conformance.cli import main as cli
from conformance.errors import BadInput
from conformance.judge import ledger
from conformance.judge.ledger import Ledger, LedgerRow
from conformance.judge.record import Outcome, Run, Worst, read_run, write_run
from conformance.run import baseline

ID = "keras-adam-eps-float64-eager"
ROW = LedgerRow("keras-adam-eps-hat", (ID,), "dialect", "mutant:epsilon-hat", "why", "link", {"keras": ">=3.0"})


def run(version: str = "2.15.0", **changes: object) -> Run:
    one, other = (record("keras", case=case, mode="eager") for case in ("default", "eps"))
    return run_of(one, replace(other, **changes), versions={"keras": version, "tensorflow": "2.15.1"})


def summary(of: Run) -> dict:
    return json.loads(render(of)["summary.json"])["cases"]


def wrong(now: Run, before: Run, *rows: LedgerRow) -> str:
    return " ".join(baseline.compare(now, summary(before), Ledger(rows)).wrong)


def test_an_upgrade_to_a_known_change_is_red_and_green_with_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Keras 2.15 conforms, 3.0 does not: red until the ledger has a row that expects what 3.0 does."""
    files = render(run())
    (tmp_path / "summary.json").write_text(files["summary.json"])
    monkeypatch.setattr(ledger, "load", lambda: Ledger((ROW,)))
    codes = []
    for found in (run("3.0.5", **failing()), run("3.0.5", **EPS_HAT)):  # without the row, with it
        write_run(tmp_path / "runs" / "conformance.jsonl", found)
        codes.append(cli.main(["gate", "--reports", str(tmp_path), "--baseline", str(tmp_path / "summary.json")]))
    assert codes == [1, 0]


def test_what_newly_diverges_is_named():
    assert (
        wrong(run(**failing()), run())
        == f"Since the baseline 1 check newly diverging, and no row of the ledger expects it: {ID}."
    )


def test_what_newly_conforms_is_stale_unless_the_row_was_narrowed():
    assert "stale: " + ID in wrong(run("3.1.0"), run("3.0.5", **EPS_HAT), ROW)
    narrow = replace(ROW, versions={"keras": ">=3.0,<3.1"})
    assert wrong(run("3.1.0"), run("3.0.5", **EPS_HAT), narrow) == ""


def test_what_disappeared_is_named():
    less = run()
    less.records.pop()
    assert wrong(less, run()) == f"Since the baseline 1 check disappeared: {ID}."
    gone = run(outcome=Outcome.UNSUPPORTED, reason="it has no epsilon")
    assert f"now unsupported: {ID}" in wrong(gone, run())


def test_a_changed_ratio_is_a_note_and_fails_nothing():
    at = Worst(0.9, 1, "m[0]", (), 1.0, 1.0, 1e-16)
    found = baseline.compare(run(locked=at), summary(run(locked=replace(at, ratio=0.1))))
    assert found.wrong == []
    assert "1 ratio changed" in found.notes[0]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cases": {"a": {"outcome": "GREEN"}}}'])
def test_a_file_that_is_no_summary(tmp_path: Path, text: str):
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(BadInput, match="is no summary of a run"):
        baseline.load(tmp_path / "summary.json")
    with pytest.raises(BadInput, match="cannot be read"):
        baseline.load(tmp_path / "nothing.json")


# -- real runs of four checks, recorded with Keras 2.15.0 and Keras 3.0.5 ----------------------------------
RECORDED = Path(__file__).parent / "recorded"
KNOWN = "keras-adagrad-accumulator-float32"  # in Keras 3, not in Keras 2


@pytest.mark.parametrize(
    ("now", "code", "says"),
    [
        (
            "keras-3.0.5-without-row",
            1,
            "no row of the ledger expects it: keras-adagrad-defaults",
        ),
        ("keras-3.0.5", 0, "changed as the ledger says: keras-adagrad-defaults"),
    ],
)
def test_a_pin_that_moves_to_a_known_change(
    tmp_path: Path, capsys: pytest.CaptureFixture, now: str, code: int, says: str
):
    """From Keras 2.15.0 to 3.0.5: red while the ledger has no row for what Adagrad does there, green with it."""
    assert any(row.id == KNOWN for row in ledger.load().rows)
    before = render(read_run(RECORDED / "keras-2.15.0.jsonl"))["summary.json"]
    (tmp_path / "summary.json").write_text(before, encoding="utf-8")
    run = str(RECORDED / f"{now}.jsonl")
    found = cli.main(["gate", run, "--baseline", str(tmp_path / "summary.json")])
    said = " ".join(capsys.readouterr().out.split())
    assert says in said
    assert found == code
