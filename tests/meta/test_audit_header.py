"""A run file is evidence: a header or footer that does not fit is red by name, and the verb and report say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from right_runs import BAD, GOOD, KNOWN, LEDGER, first, records, red, run_of, shard

from conformance.cli import main as cli
from conformance.errors import BadInput
from conformance.judge.record import Outcome, read_run, write_run
from conformance.report.headline import headline
from conformance.report.model import build
from conformance.report.render import render
from conformance.run import gate
from conformance.run import header as heads
from conformance.run.combine import combine

# -- a header that does not fit -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"commit": "0123456789ab"}, ("of commit 0123456789ab of the suite", "checkout of 0123456789ab")),
        ({"commit": "0123456789ab+changes"}, ("of commit 0123456789ab of the suite",)),
        ({"digest": "0123456789abcdef"}, ("of the case table 0123456789abcdef",)),
        ({"pinned": {}}, ("of the case table",)),
        ({"pinned": {"torch": False}}, ("not pinned of torch 2.13.0+cpu",)),
        ({"pinned": {"torch": True, "mxnet": True}}, ("the framework 'mxnet'",)),
        ({"versions": {"python": "3.11.9"}}, ("no version of torch",)),
        ({"versions": {"torch": "the newest"}}, ("versions of torch are none", "the newest")),
        ({"tables": {"torch": {"digest": "0123", "total": 5}}}, ("'total': 5", "of the table of torch")),
        ({"shard": "7/3"}, ("shard is '7/3'",)),
        ({"shard": "one"}, ("shard is 'one'",)),
        ({"shard": "1/3"}, ("Not of part 1/3",)),
    ],
)
def test_a_header_that_does_not_fit_is_red(changes: dict, says: tuple[str, ...]) -> None:
    red(run_of(**changes), 2, *says)


def test_lowered_totals_are_red() -> None:
    run = run_of(total=10, selected=10)
    run.records = run.records[:10]
    red(run, 2, "counts 10 checks in all", f"the case table has {len(records(('torch',), True)):,}")


def test_what_was_left_out_is_not_called_uncovered() -> None:
    run = run_of(total=10, selected=10, options={"torch-adam": ["amsgrad"]})
    run.records = run.records[:10]
    assert not [r for r in gate.judge(run).reasons if "set by no case" in r]


def test_an_unknown_id_is_red() -> None:
    run = run_of()
    run.records[5] = replace(run.records[5], id="torch-adamm-probing-float64-forloop")
    red(run, 2, "The case table has no check torch-adamm-probing-float64-forloop")
    run = run_of(missing=["torch-adamm-probing-float64-forloop"], selected=len(run.records) - 1)
    run.records.pop()
    red(run, 2, "torch-adamm-probing-float64-forloop")


def test_the_commit_decides_only_where_both_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for mine, its in (("", "0123"), ("0123", ""), ("0123+changes", "0123"), ("0123", "0123+changes")):
        monkeypatch.setattr(heads, "commit", lambda mine=mine: mine)
        assert gate.judge(run_of(commit=its)).exit_code == 0


def test_an_installed_package_has_no_commit_of_the_repository_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    inside = tmp_path / "site-packages" / "conformance" / "run" / "header.py"
    inside.parent.mkdir(parents=True)
    inside.write_text("")
    (tmp_path / "mine.txt").write_text("")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "mine.txt"], [*who, "commit", "-qm", "mine"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(heads, "__file__", str(inside))
    assert heads.commit() == ""


def test_a_stale_row_that_the_header_does_not_name_is_red() -> None:
    record = first(**KNOWN, first_bad=1)
    row = next(r for r in LEDGER.rows if r.id == record.ledger)
    run = run_of(brief=False)
    run.records = [replace(r, outcome=Outcome.ERROR) if row.matches(r.id) else r for r in run.records]
    red(run, 1, "does not say that the ledger's rows", row.id)


def test_an_uncovered_option_that_the_header_does_not_name_is_red() -> None:
    run = run_of(options={"torch-adam": ["amsgrad", "fresh"]})
    red(run, 1, "Adam.fresh", "set by no case")
    named = ["Adam.amsgrad", "Adam.fresh"]
    run.header.uncovered = {"torch": named}
    assert gate.judge(run).audit == ()
    red(run_of(options={"torch-adamm": ["lr"]}), 1, "something that has no entry")


def test_shards_that_there_are_not_are_refused() -> None:
    one, two = shard("1/3"), shard("2/3")
    one.header.shard = "7/3"
    with pytest.raises(BadInput, match=r"conformance-1of3: its shard is '7/3'"):
        combine([one, two])


# -- the file itself, and who reads it ----------------------------------------------------------------------


@pytest.fixture
def lines(tmp_path: Path) -> Callable[[int, dict], Path]:
    """Write a right run, with one line of the file edited."""

    def edit(number: int, changes: dict) -> Path:
        path = tmp_path / "runs" / "conformance.jsonl"
        write_run(path, run_of())
        text = path.read_text(encoding="utf-8").splitlines()
        text[number] = json.dumps({**json.loads(text[number]), **changes})
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
        return path

    return edit


def test_an_edited_footer_is_bad_input(lines: Callable[[int, dict], Path]) -> None:
    path = lines(-1, {"outcomes": {"CONFORMS": 9}})
    with pytest.raises(BadInput, match=r"footer counts 9 CONFORMS, the file holds .*edited by hand.*run"):
        read_run(path)
    with pytest.raises(BadInput, match="footer counts no outcome"):
        read_run(lines(-1, {"outcomes": None}))


def test_an_edited_outcome_alone_does_not_fit_the_footer(lines: Callable[[int, dict], Path]) -> None:
    path = lines(5, {"outcome": "ERROR"})
    with pytest.raises(BadInput, match="footer counts"):
        read_run(path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"locked": {**vars(GOOD), "ratio": None}}, "locked.ratio is None, not a number"),
        ({"free": {**vars(GOOD), "ratio": "small"}}, "free.ratio is 'small', not a number"),
        ({"free": {**vars(GOOD), "allowed": True}}, "free.allowed is True, not a number"),
        ({"resolution": "sharp"}, "resolution is 'sharp', not a number"),
        ({"expect_ratio": [1]}, "expect_ratio is"),
        ({"first_bad": "never"}, "first_bad is 'never', not a number"),
    ],
)
def test_a_ratio_that_is_no_number_is_bad_input(
    lines: Callable[[int, dict], Path], changes: dict, says: str
) -> None:
    name = sorted(r.id for r in run_of().records)[4]
    with pytest.raises(BadInput) as raised:
        read_run(lines(5, changes))
    assert f"{name}: " in str(raised.value)
    assert says in str(raised.value)


def test_the_verb_and_the_report_say_it(lines: Callable[[int, dict], Path], tmp_path: Path, capsys) -> None:
    path = lines(0, {"commit": "0123456789ab"})
    assert cli.main(["gate", str(path)]) == 2
    assert "of commit 0123456789ab of the suite" in capsys.readouterr().out
    made = build(read_run(path))
    texts = render(made)
    assert made.headline.startswith("The run file is not evidence of what it states (1 reason)")
    assert "NO EVIDENCE" in texts["index.html"]
    assert json.loads(texts["badge.json"])["message"] == "no evidence"


def test_the_headline_does_not_call_the_rest_right() -> None:
    run = run_of()
    run.records[0] = replace(run.records[0], locked=BAD)
    run.records[1] = replace(run.records[1], outcome=Outcome.ERROR)
    said = headline(run, gate.judge(run))
    assert "ended in an error and the run file is not evidence of the rest (1 reason)" in said
