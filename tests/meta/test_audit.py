"""A run file is evidence: a right run passes, and each edit of it is red by name, with what follows instead."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from sample_runs import VERSIONS

from conformance.areas import registry
from conformance.areas.refusals.checks import listed
from conformance.bindings import BINDINGS
from conformance.cases import calls
from conformance.cases.check import Check
from conformance.cli import main as cli
from conformance.errors import BadInput
from conformance.judge import engine, ledger
from conformance.judge.record import Header, Outcome, Record, Run, Worst, read_run, write_run
from conformance.report.headline import headline
from conformance.report.model import build
from conformance.report.render import render
from conformance.run import audit, gate, shards
from conformance.run import header as heads
from conformance.run.combine import combine
from conformance.run.follows import versions_of

LEDGER = ledger.load()
GOOD, BAD = Worst(0.5, 1, "params[0]", (), 1.0, 1.0, 1e-16), Worst(1e9, 1, "params[0]", (), 1.0, 2.0, 1e-9)
EVERYTHING = tuple(BINDINGS)
NEXT = ("Run again: ", "run again: ", "Run it again: ", "Delete them, or", "Write a case")  # what to do


def right(check: Check, versions: dict[str, str] = VERSIONS) -> Record:
    """A record as a right run of these versions leaves it."""
    mine = versions_of(check.framework, versions)
    record, row = engine.blank(check), LEDGER.row(check, mine)
    known = {"outcome": Outcome.DIVERGES_KNOWN}
    if row is not None:
        known |= {"ledger": row.id, "kind": row.kind, "link": row.link, "expect": row.expect, "reason": row.reason}
    if check.area == "claims":
        true = check.reading.expects(mine)
        reason = f"{'true' if true else 'not true'}: {check.reading.says}"
        return replace(record, outcome=Outcome.CONFORMS, series={"true": [true]}, reason=reason)
    if check.area == "refusals":
        wrong = {name for s in listed(check.framework, mine) for name in s.get(check.case, ())}
        done, undone = ("refused", "accepted") if check.bad else ("accepted", "refused")
        wrong &= {i.label for i in check.inputs}
        series = {done: [i.label for i in check.inputs if i.label not in wrong], undone: sorted(wrong)}
        return replace(record, **(known if wrong else {"outcome": Outcome.CONFORMS}), series=series)
    binding = BINDINGS.get(check.framework)
    reason = binding.mode_reason(check.entry, check.mode) if check.area == "optimizers" else ""
    if reason:
        return replace(record, outcome=Outcome.UNSUPPORTED, reason=reason)
    if row is None:
        return replace(record, outcome=Outcome.CONFORMS, locked=GOOD, free=GOOD, resolution=1e-9)
    if row.expect.startswith("raises:"):
        return replace(record, **known)
    return replace(record, **known, locked=BAD, free=GOOD, first_bad=1, resolution=1e-9, expect_ratio=0.5)


@cache
def records(frameworks: tuple[str, ...], brief: bool) -> tuple[Record, ...]:
    return tuple(map(right, heads.part(registry.checks(frameworks), brief)))


def run_of(frameworks: tuple[str, ...] = ("torch",), brief: bool = True, **changes: object) -> Run:
    """A right run of these frameworks, unless `changes` to its header say something else."""
    found, ending = list(records(frameworks, brief)), "-brief" if brief else ""
    table = heads.part(registry.checks(frameworks), brief)
    head = Header(
        name="conformance",
        created="2026-11-28T09:30:00+00:00",
        commit=heads.commit(),
        platform="Linux x86_64",
        versions=dict(VERSIONS),
        digest=registry.digest(frameworks) + ending,
        total=len(found),
        selected=len(found),
        pinned=dict.fromkeys(frameworks, True),
        tables=heads.tables(frameworks, table, ending),
    )
    return Run(replace(head, **changes), found)


def first(**wanted: object) -> Record:
    """The first record of the sample run with these values."""
    there = (r for r in records(EVERYTHING, False) if all(getattr(r, k) == v for k, v in wanted.items()))
    return next(there)


def edited(record: Record, **changes: object) -> Run:
    """A right run of the record's frameworks in which this record was edited."""
    frameworks = EVERYTHING if record.framework == "both" else (record.framework,)
    run = run_of(frameworks, brief=False)
    run.records = [replace(r, **changes) if r.id == record.id else r for r in run.records]
    return run


def red(run: Run, code: int, *says: str) -> None:
    """The gate fails the run with this exit code, and one sentence has all these words and says what to do."""
    verdict = gate.judge(run)
    assert verdict.exit_code == code, verdict.reasons
    found = [r for r in verdict.reasons if all(part in r for part in says)]
    assert found, verdict.reasons
    assert found[0] in verdict.audit
    assert any(word in found[0] for word in NEXT)


# -- what is right stays green ------------------------------------------------------------------------------


@pytest.mark.parametrize("frameworks", [EVERYTHING, ("torch",), ("keras",)])
@pytest.mark.parametrize("brief", [True, False])
def test_a_right_run_passes(frameworks: tuple[str, ...], brief: bool) -> None:
    assert gate.judge(run_of(frameworks, brief)).reasons == ()


def test_a_right_run_passes_when_it_was_written(tmp_path: Path) -> None:
    write_run(tmp_path / "a.jsonl", run_of(EVERYTHING, brief=False))
    assert gate.judge(read_run(tmp_path / "a.jsonl")).reasons == ()


@pytest.mark.parametrize(
    "versions",
    [
        {"keras": "2.15.0", "tensorflow": "2.15.1"},
        {"keras": "3.3.3", "tensorflow": "2.16.2"},
        {"keras": "3.15.1", "jax": "0.10.2"},
        {"keras": "3.15.1", "torch": "2.13.0+cpu"},
    ],
)
def test_a_right_run_of_other_versions_passes(versions: dict[str, str]) -> None:
    run = run_of(("keras",), versions=versions, pinned={"keras": versions["keras"].startswith("3.15.")})
    run.records = [right(c, versions) for c in heads.part(registry.checks(["keras"]), True)]
    run.header.stale = heads.stale(run.records, versions, ["keras"], LEDGER)
    assert audit.audit(run) == audit.Audit()


def test_a_backend_under_test_itself_is_not_taken_for_that_of_keras() -> None:
    assert versions_of("keras", VERSIONS) == {"keras": "3.15.1", "tensorflow": "2.21.0"}
    assert versions_of("torch", VERSIONS) == {"torch": "2.13.0+cpu"}
    assert versions_of("both", VERSIONS).keys() == {"torch", "keras", "tensorflow"}
    assert versions_of("keras", {"keras": "3.15.1", "torch": "2.13.0"}) == {"keras": "3.15.1", "torch": "2.13.0"}


def test_runs_that_are_incomplete_are_only_incomplete() -> None:
    selection = run_of()
    selection.records = selection.records[:9]
    selection.header.selected = 9
    assert (gate.judge(selection).exit_code, gate.judge(selection).audit) == (3, ())
    failed = Run(replace(run_of().header, failed="no matching distribution", total=0, selected=0, digest=""), [])
    assert (gate.judge(failed).exit_code, gate.judge(failed).audit) == (3, ())


def shard(part: str, frameworks: tuple[str, ...] = ("torch",)) -> Run:
    whole = run_of(frameworks, name=f"conformance-{part.replace('/', 'of')}")
    mine = {c.id for c in shards.part(heads.part(registry.checks(frameworks), True), part)}
    found = [r for r in whole.records if r.id in mine]
    return Run(replace(whole.header, shard=part, selected=len(found)), found)


def test_shards_and_their_merge_are_right() -> None:
    parts = [shard(f"{n}/3") for n in (1, 2, 3)]
    assert {gate.judge(p).audit for p in (*parts, combine(parts[:2]))} == {()}
    assert gate.judge(combine(parts)).exit_code == 0


def test_a_run_of_a_file_of_calls_is_right(tmp_path: Path) -> None:
    (tmp_path / "calls.txt").write_text("torch.optim.Adam(params, lr=0.001, amsgrad=True)\n")
    table = [c for call in calls.load(tmp_path / "calls.txt") for c in call.checks()]
    ending = "-01234567"
    digest = registry.digest(["torch"]) + ending
    run = run_of(digest=digest, total=len(table), selected=len(table), tables={})
    run.records = [replace(engine.blank(c), outcome=Outcome.CONFORMS, locked=GOOD, resolution=1e-9) for c in table]
    assert gate.judge(run).reasons == ()
    run.header.digest = registry.digest(["torch"]) + "-brief"  # with --brief it says so, and runs the same
    assert gate.judge(run).reasons == ()
    run.header.digest = digest
    run.records[0] = replace(run.records[0], id="torch-adamm-call-12345678-probing-float32-forloop")
    red(run, 2, "torch-adamm-call-12345678")
    run.records[0] = right(registry.checks(["torch"])[0])  # a check of the table is not of a file of calls
    red(run, 2, run.records[0].id)


# -- an outcome that does not follow ------------------------------------------------------------------------

CONFORMING = {"area": "optimizers", "framework": "torch", "outcome": Outcome.CONFORMS}
KNOWN = {"area": "schedules", "framework": "torch", "outcome": Outcome.DIVERGES_KNOWN}
WIDE = Worst(0.5, 1, "params[0]", (), 1.0, 2.0, 1e-9)


@pytest.mark.parametrize(
    ("wanted", "changes", "says"),
    [
        (CONFORMING, {"locked": BAD}, ("step-locked ratio is 1.0·10⁹", "limit is 1.25", "DIVERGES follows")),
        (CONFORMING, {"free": replace(GOOD, ratio=1.26)}, ("free-running ratio is 1.26", "DIVERGES follows")),
        (CONFORMING, {"locked": replace(GOOD, ratio=math.nan)}, ("ratio is NaN", "DIVERGES follows")),
        (CONFORMING, {"locked": replace(GOOD, ratio=None)}, ("ratio is null", "DIVERGES follows")),
        (CONFORMING, {"locked": None, "free": None}, ("no ratio", "ERROR follows")),
        (CONFORMING, {"locked": WIDE}, ("ratio of 0.50 is not that of got 1.0", "DIVERGES follows")),
        (CONFORMING, {"first_bad": 3}, ("step 3 is given as its first bad step", "DIVERGES follows")),
        (CONFORMING, {"resolution": 0.5}, ("the bound is 0.5 of the update", "BLIND follows")),
        (CONFORMING, {"resolution": None}, ("the bound is None", "BLIND follows")),
        (CONFORMING, {"ledger": "a-row"}, ("names the ledger's row 'a-row'", "DIVERGES follows")),
        (CONFORMING, {"area": "refusals"}, ("its area is 'refusals'", "has 'optimizers'")),
        (CONFORMING, {"dtype": "float16"}, ("its dtype is 'float16'",)),
        (CONFORMING, {"why": "because"}, ("its why is 'because'",)),
        (
            CONFORMING,
            {"outcome": Outcome.UNSUPPORTED, "reason": "no reason"},
            ("UNSUPPORTED stands there", "holds the verdict of a check that ran"),
        ),
        (KNOWN, {"ledger": "no-such-row"}, ("the ledger has no row 'no-such-row'", "DIVERGES follows")),
        (KNOWN, {"ledger": "keras-adam-beta-float32"}, ("'keras-adam-beta-float32' is not for this check",)),
        (KNOWN, {"expect_ratio": 9.0}, ("against what the row expects is 9.00", "DIVERGES follows")),
        (KNOWN, {"expect_ratio": None}, ("against what the row expects is null", "DIVERGES follows")),
        (KNOWN, {"locked": GOOD, "first_bad": None}, ("no ratio is above 1.25", "DIVERGES follows")),
        (KNOWN, {"locked": None, "free": None}, ("no ratio", "ERROR follows")),
        (KNOWN, {"reason": "it is fine"}, ("its reason is 'it is fine'", "DIVERGES follows")),
        (KNOWN, {"kind": "dialect"}, ("its kind is 'dialect'", "DIVERGES follows")),
        (KNOWN, {"link": "https://example.org"}, ("its link is 'https://example.org'",)),
        (KNOWN, {"expect": "mutant:anything"}, ("its expect is 'mutant:anything'",)),
        (KNOWN, {"expect": "raises:ValueError"}, ("leaves no ratio", "DIVERGES follows")),
    ],
)
def test_an_outcome_that_does_not_follow_is_red(wanted: dict, changes: dict, says: tuple[str, ...]) -> None:
    first_bad = {"first_bad": 1} if wanted is KNOWN else {}
    record = first(**wanted, **first_bad)
    red(edited(record, **changes), 1, f"{record.id}: ", " stands there", *says)


def test_a_known_divergence_that_claims_to_conform_is_red() -> None:
    record = first(**KNOWN, first_bad=1)
    cleaned = {"ledger": None, "kind": None, "link": None, "expect": None, "expect_ratio": None, "first_bad": None}
    run = edited(record, **cleaned, outcome=Outcome.CONFORMS, locked=GOOD, reason="")
    red(run, 1, record.id, f"row {record.ledger!r} is for it", "DIVERGES follows")


def test_a_mode_that_the_binding_lacks_can_only_be_unsupported() -> None:
    record = first(area="optimizers", outcome=Outcome.UNSUPPORTED)
    ran = {"outcome": Outcome.CONFORMS, "locked": GOOD, "resolution": 1e-9, "reason": ""}
    for changes in (ran, {"reason": "it was a rainy day"}):
        red(edited(record, **changes), 1, record.id, record.reason, "UNSUPPORTED for the binding's reason")


def test_a_claim_is_judged_again() -> None:
    record = first(area="claims", framework="torch")
    (true,) = record.series["true"]
    red(edited(record, series={"true": [not true]}), 1, record.id, "is expected of this version")
    red(edited(record, series={}), 1, record.id, "DIVERGES follows")
    red(edited(record, reason="true: it is"), 1, record.id, "its reason is 'true: it is'")


def test_bad_input_is_judged_again() -> None:
    record = first(area="refusals", framework="torch", outcome=Outcome.CONFORMS)
    (inputs,) = (v for v in record.series.values() if v)
    red(edited(record, series={"refused": [], "accepted": inputs}), 1, record.id, "accepted and should not be")
    for series in ({}, {"refused": 5}):
        red(edited(record, series=series), 1, record.id, "hold no input")
    red(edited(record, series={"refused": ["a unicorn"]}), 1, record.id, "inputs that this check does not try")
    known = first(area="refusals", framework="torch", outcome=Outcome.DIVERGES_KNOWN)
    both = [name for names in known.series.values() for name in names]
    red(edited(known, series={"refused": both}), 1, known.id, "refusals.json lists")


def test_a_reason_in_parity_is_that_of_a_row() -> None:
    record = first(area="parity")
    row = LEDGER.rows[0]
    assert gate.judge(edited(record, reason=f"{row.id}: {row.reason}")).audit == ()
    red(edited(record, reason="they are alike"), 1, record.id, "no row of the ledger has the reason")


def test_many_are_counted() -> None:
    run = run_of()
    run.records = [replace(r, locked=BAD) if r.locked == GOOD else r for r in run.records]
    verdict = gate.judge(run)
    assert verdict.exit_code == 1
    assert len(verdict.reasons) == 11
    assert "more records do not follow" in verdict.reasons[-1]


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
