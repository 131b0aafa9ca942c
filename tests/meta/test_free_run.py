"""The free run of the reference: whole where a case is about more than an option, and for an option its start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.bindings import installed
from conformance.bindings.binding import Group
from conformance.cases import optimizers
from conformance.cases.drive import drive_alone
from conformance.cases.economy import START
from conformance.cases.plan import States
from conformance.judge import evidence
from conformance.judge.steps import Judge
from conformance.proof import trials

INITIAL = next(t for t in trials.of_optimizer("adagrad") if t.id == "torch-adagrad-initial-accumulator-float64")


def test_a_wrong_start_shows_in_the_free_run_of_an_option_alone() -> None:
    """From its own accumulator every step is right; that it began with another shows beside the reference's run."""
    right = INITIAL.groups()
    assert INITIAL.judge(INITIAL.states(right)).free().conforms
    wrong = [Group(g.tensors, replace(g.reference, initial_accumulator=0.25)) for g in right]
    judge = INITIAL.judge(INITIAL.states(wrong))
    assert judge.locked().conforms
    assert judge.free().first_bad == 1


@pytest.mark.skipif("torch" not in installed(), reason="it takes torch")
def test_how_far_the_reference_runs_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {i.id: i for i in optimizers.checks(("torch",))}

    def far(name: str) -> int:
        plan = table[name].plan()
        seen = States(plan, states=drive_alone(plan))
        return len(Judge(evidence.evidence_of(seen)).free().ratios)

    option, whole = "torch-adagrad-initial-accumulator-float64-forloop", "torch-adagrad-ordinary-float64-forloop"
    assert far(option) == START
    assert far(whole) == table[whole].case.steps
    monkeypatch.setattr(
        evidence, "opaque", lambda *_: True
    )  # no slot can be read: there is nothing but the free run
    assert far(option) == table[option].case.steps
