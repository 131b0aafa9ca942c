"""The checks of bad input: on constructors that take everything, nothing, or what they should."""

from dataclasses import replace

import pytest

from conformance.areas.refusals import checks as refusals
from conformance.areas.refusals.write import wrong
from conformance.bindings import BINDINGS, installed
from conformance.judge import engine, ledger
from conformance.judge.record import Outcome
from conformance.report import refusals_page

CHECKS = {c.id: c for c in refusals.checks()}
LEDGER = ledger.load()
needs_torch = pytest.mark.skipif("torch" not in installed(), reason="torch is not installed")


def run(check, **given):
    return engine.run(replace(check, **given), LEDGER)


def test_ids_are_unique_and_every_optimizer_has_some():
    assert len(CHECKS) == len(list(refusals.checks()))
    there = {(c.framework, c.optimizer, c.bad) for c in CHECKS.values()}
    assert there >= {(f, o, True) for f, b in BINDINGS.items() for o in b.entries}
    assert there >= {(f, o, False) for f, b in BINDINGS.items() for o in b.entries}


def test_what_is_listed_is_tried():
    """A line of the list that no check reads would go unnoticed."""
    labels = {(c.framework, c.case): {i.label for i in c.inputs} for c in CHECKS.values()}
    for name, section in refusals.listing().items():
        framework = refusals.Requirement(name).name
        for case, listed in section.items():
            assert set(listed) <= labels[framework, case]
            assert len(listed) == len(set(listed))


def test_our_radam_is_not_on_the_list():
    sections = [s for name, s in refusals.listing().items() if name.startswith("keras")]
    assert not [case for s in sections for case in s if case.startswith("radam-")]


@pytest.mark.parametrize("framework", installed())
def test_the_list_is_what_writing_it_gives(framework):
    binding = BINDINGS[framework]
    if not binding.versions()[framework].startswith(binding.pinned):
        pytest.skip("the list is written from the versions that are pinned")
    sections = refusals.listed(framework, binding.versions())
    found = wrong(framework)
    kept = {case: [x for s in sections for x in s.get(case, ())] for s in sections for case in s}
    assert found == kept, "out of date; look, then: python -m conformance update"


# -- what a check says ----------------------------------------------------------------------------------
def classes(monkeypatch, cls):
    monkeypatch.setattr(BINDINGS["torch"], "constructor", lambda entry: cls)


class TakesEverything:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, **more):
        pass


class TakesNothing:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        raise RuntimeError("no")


@needs_torch
def test_what_is_accepted_and_not_listed_diverges(monkeypatch):
    check = CHECKS["torch-adam-refuses-lr-any-constructor"]
    assert run(check).outcome is Outcome.CONFORMS
    classes(monkeypatch, TakesEverything)
    record = run(check)
    assert record.outcome is Outcome.DIVERGES
    assert "accepted and should not be: -1.0, nan, '0.1', None" in record.reason
    assert record.constructor == "torch.optim.Adam(params, lr=-1.0)  # accepted, as with nan, '0.1', None"
    assert record.series == {"refused": [], "accepted": ["-1.0", "nan", "'0.1'", "None"]}


@needs_torch
def test_what_is_listed_and_refused_diverges(monkeypatch):
    check = CHECKS["torch-sgd-refuses-lr-any-constructor"]
    known = run(check)
    assert known.outcome is Outcome.DIVERGES_KNOWN
    assert known.ledger == "torch-sgd-takes-nan"
    classes(monkeypatch, TakesNothing)
    record = run(check)
    assert record.outcome is Outcome.DIVERGES
    assert "refusals.json lists nan, refused now" in record.reason
    assert record.series["refused"][0] == "-1.0 (RuntimeError)"


@needs_torch
def test_what_is_listed_needs_a_row():
    record = engine.run(CHECKS["torch-sgd-refuses-lr-any-constructor"], ledger.Ledger(()))
    assert record.outcome is Outcome.DIVERGES
    assert "no row of the ledger expects 'listed:refusals.json' here" in record.reason


@needs_torch
def test_good_input_that_is_refused_diverges(monkeypatch):
    check = CHECKS["torch-adam-takes-lr-any-constructor"]
    assert run(check).outcome is Outcome.CONFORMS
    classes(monkeypatch, TakesNothing)
    record = run(check)
    assert record.outcome is Outcome.DIVERGES
    assert "refused and should not be: lr=1" in record.reason


@needs_torch
def test_what_a_version_lacks_is_unsupported(monkeypatch):
    check = CHECKS["torch-nadam-refuses-momentum_decay-any-constructor"]
    classes(monkeypatch, TakesEverything)
    record = run(check)
    assert record.outcome is Outcome.UNSUPPORTED
    assert record.reason == "NAdam has no argument momentum_decay"

    def missing(entry):
        raise AttributeError("NAdam")

    monkeypatch.setattr(BINDINGS["torch"], "constructor", missing)
    assert run(check).reason == "this version of torch has no NAdam"


def test_the_table_of_the_page_has_a_row_for_each_optimizer():
    records = [engine.blank(c) for c in CHECKS.values()]
    for r in records:
        r.series = {"accepted": ["nan"], "refused": ["-1.0"]}
    tables = refusals_page.tables(records)
    assert [t["title"] for t in tables] == ["Keras", "PyTorch"]
    assert [len(t["rows"]) for t in tables] == [len(BINDINGS["keras"].entries), len(BINDINGS["torch"].entries)]
