"""The pipeline of a check: what one stage lets through, the next does not forgive."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

import reference
from conformance import check
from conformance.areas import registry
from conformance.bindings.binding import Group
from conformance.cases.optimizers import OptimizerCheck, checks
from conformance.cli import explain
from conformance.judge import engine, ledger
from conformance.judge.record import Outcome

torch = pytest.importorskip("torch")
NAME = "torch-adam-probing-float64-forloop"
NOTHING = ledger.Ledger(())


def _check(name: str = NAME) -> OptimizerCheck:
    return next(c for c in checks(("torch",)) if c.id == name)


class Changed(OptimizerCheck):
    """A check whose plan or observation is spoilt on its way to the judge."""

    def plan(self):
        return self.spoil_plan(super().plan())

    def observe(self, plan):
        return self.spoil(super().observe(plan))

    @staticmethod
    def spoil_plan(plan):
        return plan

    @staticmethod
    def spoil(seen):
        return seen


def _changed(**methods) -> OptimizerCheck:
    mine = _check()
    cls = type("Spoilt", (Changed,), {name: staticmethod(m) for name, m in methods.items()})
    return cls(**{f.name: getattr(mine, f.name) for f in fields(mine)})


def _wrong(seen):
    seen.states[-1].params[1] = seen.states[-1].params[1] * 1.5
    return seen


def test_what_is_not_spoilt_conforms():
    assert engine.run(_changed(), NOTHING).outcome is Outcome.CONFORMS
    assert engine.run(_changed(spoil=_wrong), NOTHING).outcome is Outcome.DIVERGES


def test_an_observation_of_fewer_steps_is_an_error():
    def short(seen):
        return replace(seen, states=seen.states[:-1])

    found = engine.run(_changed(spoil=short), NOTHING)
    assert found.outcome is Outcome.ERROR
    assert "the start and the end of each are needed" in found.reason


def test_a_tensor_without_a_reference_is_an_error():
    """It could be wrong, and nobody would look."""

    def one(plan):
        return replace(plan, groups=[Group((0,), plan.groups[0].reference)])

    found = engine.run(_changed(spoil_plan=one, spoil=_wrong), NOTHING)
    assert found.outcome is Outcome.ERROR
    assert "references for the tensors [0]" in found.reason


def test_a_diagnosis_that_fails_leaves_the_divergence(monkeypatch):
    def fails(examined, deep=False):
        raise KeyError("no such suspect")

    monkeypatch.setattr(engine, "diagnose", fails)
    found = engine.run(_changed(spoil=_wrong), NOTHING)
    assert found.outcome is Outcome.DIVERGES
    assert found.locked is not None
    assert "the diagnosis failed with KeyError" in found.reason


def test_two_rows_for_one_check_are_an_error_not_an_exception():
    rows = ledger.load().rows[:1]
    twice = ledger.Ledger(tuple(replace(rows[0], select=(NAME,), versions={}, backends=(), id=i) for i in "ab"))
    found = engine.run(_check(), twice)
    assert found.outcome is Outcome.ERROR
    assert "more than one row" in found.reason


@pytest.mark.parametrize("expect", ["listed:refusals.json", "listed:nothing.json"])
@pytest.mark.parametrize("name", [NAME, "torch-steplr-base-float64-stepped"])
def test_a_list_excuses_only_what_is_listed(expect, name):
    """A row of a list on a check that conforms, and that the list does not know, is no longer needed."""
    mine = next(c for c in registry.checks() if c.id == name)
    row = replace(ledger.load().rows[0], id="x", select=(name,), expect=expect, versions={}, backends=())
    assert engine.run(mine, ledger.Ledger((row,))).outcome is Outcome.DIVERGES


def test_a_verdict_is_kept_for_its_references_alone():
    """A second call of check() asks for another form of the rule, with the same steps of the same optimizer."""
    given = {"only": ("probing",), "dtypes": ("float64",), "raise_on_failure": False}
    assert check(torch.optim.Adam, like=reference.Adam(), **given).conforms
    assert not check(torch.optim.Adam, like=reference.Adam(epsilon_place="hat"), **given).conforms
    assert check(torch.optim.Adam, like=reference.Adam(), **given).conforms


def test_explain_tells_what_a_row_that_raises_expects(tmp_path):
    """There is no verdict to diagnose; the row says it all."""
    known = ledger.load()
    table = {c.id: c for c in registry.checks()}
    rows = [r for r in known.rows if r.expect.startswith("raises:") and r.applies(_versions())]
    assert rows
    names = [next(i for i in table if r.matches(i) and table[i].framework == "torch") for r in rows[:3]]
    for name in names:
        assert name in explain._again(name, None, {}, tmp_path)


def _versions() -> dict[str, str]:
    return {"torch": torch.__version__}


def test_observations_have_no_defaults_that_conform():
    from conformance.areas.claims.checks import Answer
    from conformance.areas.refusals.checks import Tried

    for kind in (Answer, Tried):
        with pytest.raises(TypeError, match="required keyword-only"):
            kind(None)
