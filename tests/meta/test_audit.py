"""A run file is evidence: a right run passes, and each edit of it is red by name, with what follows instead."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from right_runs import BAD, CONFORMING, EVERYTHING, GOOD, KNOWN, LEDGER, edited, first, red, right, run_of, shard
from sample_runs import VERSIONS

from conformance.areas import registry
from conformance.cases import calls
from conformance.judge import engine
from conformance.judge.record import Outcome, Run, Worst, read_run, write_run
from conformance.run import audit, follows, gate
from conformance.run import header as heads
from conformance.run.combine import combine
from conformance.run.follows import versions_of

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


@pytest.mark.parametrize(
    "worst",
    [
        replace(GOOD, ratio=0.0, got=math.inf, expected=math.inf),
        replace(GOOD, ratio=0.0, got=math.nan, expected=math.nan),
        replace(GOOD, ratio=0.0, got=math.nan, expected=0.0, allowed=math.inf),
        replace(GOOD, ratio=1.25, got=1.0, expected=1.0 + 2**-52, allowed=1e-18),  # rounded when it was written
    ],
)
def test_numbers_that_are_right_as_they_were_written_pass(worst: Worst) -> None:
    assert follows.from_itself(replace(first(**CONFORMING), locked=worst)) == ""


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
