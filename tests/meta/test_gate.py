"""The gate's rule: what passes, what does not, and with which exit code."""

import pytest
from sample_runs import EPS_HAT, failing, large, record, run_of

from conformance.errors import BadInput
from conformance.judge.record import Outcome
from conformance.run.combine import combine
from conformance.run.gate import failures, judge

UNSUPPORTED = {"outcome": Outcome.UNSUPPORTED, "reason": "the framework has no such option"}


def code_of(**changes):
    return judge(run_of(record(), record(mode="fused", **changes))).exit_code


def test_a_large_healthy_run_passes():
    verdict = judge(large())
    assert verdict.passes
    assert verdict.reasons == ()


@pytest.mark.parametrize("changes", [{}, EPS_HAT, UNSUPPORTED])
def test_what_passes(changes):
    assert code_of(**changes) == 0


@pytest.mark.parametrize(
    "changes",
    [
        failing(),
        {"outcome": Outcome.BLIND},
        {"outcome": Outcome.ERROR},
        {**UNSUPPORTED, "reason": ""},  # nobody declared it
        {**EPS_HAT, "ledger": None},  # known to whom?
    ],
)
def test_what_fails(changes):
    assert code_of(**changes) == 1


def test_every_outcome_is_decided():
    """A new outcome must not slip through."""
    alike = {Outcome.DIVERGES_KNOWN: EPS_HAT, Outcome.UNSUPPORTED: UNSUPPORTED}
    passing = {o for o in Outcome if code_of(**{"reason": "why", **alike.get(o, {"outcome": o})}) == 0}
    assert passing == {Outcome.CONFORMS, Outcome.DIVERGES_KNOWN, Outcome.UNSUPPORTED}
    assert passing == {o for o in Outcome if o.passes}


def test_the_reason_names_the_check():
    (reason,) = judge(run_of(record(**failing()))).reasons
    assert reason == "1 check diverges: torch-adam-eps-float64-for-loop."


def test_the_most_urgent_comes_first():
    run = run_of(
        record(case="a", outcome=Outcome.BLIND),
        record(case="b", outcome=Outcome.ERROR),
        record(case="c", **failing()),
    )
    assert [r.outcome for r in failures(run)] == [Outcome.DIVERGES, Outcome.ERROR, Outcome.BLIND]


@pytest.mark.parametrize(("pinned", "code"), [({"torch": True}, 1), ({"torch": False}, 0), ({}, 0)])
def test_an_uncovered_option_fails_for_pinned_versions_only(pinned, code):
    verdict = judge(run_of(record(), uncovered={"torch": ["Adam.fresh"]}, pinned=pinned))
    assert verdict.exit_code == code
    assert ("Adam.fresh" in " ".join(verdict.reasons)) == bool(code)


def test_a_stale_row_of_the_ledger_fails():
    verdict = judge(run_of(record(), stale=["torch-adam-old"]))
    assert verdict.exit_code == 1
    assert "torch-adam-old" in verdict.reasons[0]


def test_a_partial_run_says_what_was_left_out_and_how_to_run_everything():
    verdict = judge(run_of(record(), total=912, selection="--optimizer adam"))
    assert verdict.exit_code == 3
    (reason,) = verdict.reasons
    for part in ("1 of 912", "--optimizer adam", "911 left out", "python -m conformance run"):
        assert part in reason


def test_a_missing_record_is_named():
    verdict = judge(run_of(record(), total=2, selected=2, missing=["torch-adam-eps-float64-fused"]))
    assert verdict.exit_code == 3
    assert "1 record missing of the 2 selected: torch-adam-eps-float64-fused." in verdict.reasons[0]


def test_a_missing_record_is_noticed_when_nobody_named_it():
    assert judge(run_of(record(), total=2, selected=2)).exit_code == 3


def test_a_run_of_nothing_is_incomplete():
    assert judge(run_of()).exit_code == 3


def test_counts_that_do_not_fit_do_not_pass():
    assert judge(run_of(record(), total=0, selected=0)).exit_code == 3
    assert judge(run_of(record(), record(mode="fused"), total=1, selected=1)).exit_code == 3
    assert judge(run_of(record(), total=0, selected=1)).exit_code == 3


def test_a_divergence_outweighs_a_partial_run():
    verdict = judge(run_of(record(**failing()), total=912))
    assert verdict.exit_code == 1
    assert len(verdict.reasons) == 2


def test_shards_of_a_run_are_complete_together():
    one = run_of(record(), total=2, selection="--mode for-loop", stale=["a"])
    two = run_of(record(mode="fused"), total=2, selection="--mode fused", stale=["b"])
    assert judge(one).exit_code == 1
    both = combine([one, two])
    assert (both.header.selected, len(both.records), both.header.stale) == (2, 2, ["a", "b"])
    assert both.header.selection == ""


def test_runs_of_two_frameworks_add_up():
    one, two = (
        run_of(record(), pinned={"torch": True}),
        run_of(record("keras", mode="eager"), pinned={"keras": True}),
    )
    both = combine([one, two])
    assert (both.header.total, judge(both).exit_code) == (2, 0)


def test_a_shard_given_twice_counts_once():
    shard = run_of(record(), total=2)
    verdict = judge(combine([shard, shard]))
    assert verdict.exit_code == 3
    assert "1 of 2 checks" in verdict.reasons[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "another"},
        {"commit": "another"},
        {"versions": {"torch": "2.0.0"}},
        {"total": 99},
        {"pinned": {"torch": True, "keras": True}},
    ],
)
def test_runs_that_do_not_belong_together_are_refused(changes):
    with pytest.raises(BadInput):
        combine([run_of(record()), run_of(record(mode="fused"), **changes)])


def test_two_results_for_one_check_are_refused():
    with pytest.raises(BadInput, match="torch-adam-eps-float64-for-loop differs"):
        combine([run_of(record()), run_of(record(**failing()))])
