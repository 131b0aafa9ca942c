"""The registry of mistakes, and that no reference is accused of one. That each is seen: see test_proof.py."""

import pytest

from conformance import mutants
from conformance.bindings import BINDINGS
from conformance.errors import BadInput
from conformance.proof import detection, trials
from reference import REFERENCES
from reference.schedules import SCHEDULES
from reference.wrapped import Wrapped

ENTRIES = {e.optimizer: e for b in BINDINGS.values() for e in b.entries.values()}


def accused(optimizer, central):
    """The trials in which real rounding, of the reference's own lines in NumPy, leaves the bound."""
    found = {}
    for trial in trials.of_optimizer(optimizer):
        if central == (trial.case.everywhere or trial.case.values != "base"):
            judge = trial.judge(trials.unmutated(trial))
            ratio = max(judge.locked().ratio, judge.free().ratio)
            if not ratio <= 1:
                found[trial.id] = ratio
    return found


@pytest.mark.parametrize("optimizer", sorted(ENTRIES))
def test_no_reference_is_accused(optimizer):
    """Not by LIMIT, and not by 1: the cases that go everywhere, and the usual values."""
    assert not accused(optimizer, central=True)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", sorted(ENTRIES))
def test_no_reference_is_accused_in_any_case(optimizer):
    assert not accused(optimizer, central=False)


@pytest.mark.parametrize("reference", [*REFERENCES.values(), Wrapped], ids=lambda r: r.__name__)
def test_can_be_planted(reference):
    """A mistake that no longer stands in the source, or twice, is an error: here, not in a run."""
    found = list(mutants.of(reference))
    home = f"conformance/mutants/{reference.__name__.lower()}.py"
    assert len(found) >= 6, f"{reference.__name__}: {home} needs six mistakes at least"
    for mutant in found:
        assert mutants.mutated(reference, mutant).mistake == mutant.name


def test_names_say_which_mistake():
    for reference in [*REFERENCES.values(), Wrapped]:
        names = [m.name for m in mutants.of(reference)]
        assert len(set(names)) == len(names), reference
    known = {c.__name__ for r in [*REFERENCES.values(), Wrapped, *SCHEDULES.values()] for c in r.__mro__}
    for mutant in mutants.registry():
        assert mutant.optimizer in known, f"{mutant.name}: there is no reference {mutant.optimizer}"
        assert mutant.says
        assert mutant.line != mutant.mistake


def test_a_line_that_is_not_there_is_an_error():
    sgd = REFERENCES["sgd"]
    for line in ("no such line", "self"):
        with pytest.raises(BadInput, match="it has to be there once"):
            mutants.mutated(sgd, mutants.Mutant("SGD", "wrong", line, "x", "nothing"))
    with pytest.raises(BadInput, match="maximize-ignored"):
        mutants.find("no-such-mutant", sgd)


def test_a_mutant_that_does_nothing_changes_no_bit():
    same = mutants.Mutant("Rprop", "same", 'size = slot["step_size"]', 'size = +slot["step_size"]', "nothing")
    for trial in trials.of_optimizer("rprop")[:4]:
        assert detection.ratio(trial, trial.run(mutants.planted(trial.groups(), same))) is None
