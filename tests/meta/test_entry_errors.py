"""An entry that is wrong is said in a line, before anything is written."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields, replace

import pytest

import reference
from conformance.bindings import BINDINGS, installed
from conformance.bindings.entry_errors import entry_errors
from conformance.cases.table import cases
from conformance.cli import update
from conformance.errors import BadInput
from conformance.judge.equations import reads_step
from reference.base import PerTensor, counter, learning_rate
from reference.wrapped import Wrapped

TORCH = BINDINGS["torch"]
ADAM = TORCH.entries["adam"]


@pytest.mark.parametrize("framework", installed())
def test_no_entry_is_wrong(framework):
    binding = BINDINGS[framework]
    assert [e for entry in binding.entries.values() for e in entry_errors(binding, entry)] == []


@dataclass(frozen=True)
class Uncounted(PerTensor):
    """A rule without the field that says what its counter counts."""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"module": "no_such_module"}, "No module named 'no_such_module'"),
        ({"module": "math"}, "has no attribute 'Adam'"),
        ({"arguments": {"epsilon": "epsilom"}}, "Adam has no argument 'epsilom'; it has amsgrad, betas"),
        ({"arguments": {"epsilom": "eps"}}, "reference.Adam has no field 'epsilom'; it has amsgrad, beta_1"),
        ({"dialect": {"epsilon_plaice": "hat"}}, "dialect: reference.Adam has no field 'epsilon_plaice'"),
        ({"reference": Uncounted, "arguments": {}, "dialect": {}}, "add `counter: str = counter()`"),
    ],
)
def test_it_says_what_is_wrong_and_what_is_allowed(change, said):
    pytest.importorskip("torch")
    found = list(entry_errors(TORCH, replace(ADAM, **change)))
    assert found
    assert said in found[0]
    assert found[0].startswith("the torch entry 'adam'")


@dataclass(frozen=True)
class Plain(PerTensor):
    """A rule with nothing but a rate: no weight decay, and no t."""

    learning_rate: float = learning_rate(0.5)
    counter: str = counter()

    def update(self, t, param, grad, slot):
        return param - self.learning_rate * grad, {}


def test_a_rule_without_weight_decay_has_no_case_of_it():
    entry = BINDINGS["keras"].entries["sgd"]
    names = set(entry.arguments) & ({f.name for f in fields(Plain)} | {f.name for f in fields(Wrapped)})
    plain = replace(
        entry, reference=Plain, arguments={n: entry.arguments[n] for n in names}, dialect={}, base={}, cases={}
    )
    assert "accumulation-decay" in {case.name for case in cases(entry)}
    assert "accumulation-clip" in {case.name for case in cases(plain)}
    assert "accumulation-decay" not in {case.name for case in cases(plain)}


def test_whether_a_rule_reads_the_step_number_is_read_from_it():
    assert not reads_step(Plain)
    assert not reads_step(reference.Lion)
    assert reads_step(reference.Adam)
    assert reads_step(reference.ScheduleFreeAdamW)  # in its step, not in an update of one tensor
    # Adagrad reads it for the decay of its rate.
    assert reads_step(reference.Adagrad)


def test_update_writes_nothing_for_a_wrong_entry(monkeypatch):
    if set(installed()) != set(BINDINGS):
        pytest.fail("both frameworks are needed")
    wrong = replace(ADAM, module="no_such_module")
    monkeypatch.setitem(TORCH.entries, "adam", wrong)
    monkeypatch.setattr(update, "_changes", lambda again: pytest.fail("something was written"))
    with pytest.raises(BadInput, match="nothing was written: the torch entry 'adam': No module named"):
        update.call(argparse.Namespace(optimizer=[], no_proof=True))


def test_update_asks_for_the_mistakes_of_a_rule(monkeypatch):
    if set(installed()) != set(BINDINGS):
        pytest.fail("both frameworks are needed")
    monkeypatch.setattr(update.mutants, "of", lambda rule: () if rule is reference.Lion else (1,))
    with pytest.raises(BadInput, match=r"no mistakes of reference\.lion: write conformance/mutants/lion\.py"):
        update.call(argparse.Namespace(optimizer=[], no_proof=True))


def test_update_refuses_an_unknown_name():
    with pytest.raises(BadInput, match="'adamm'"):
        update.call(argparse.Namespace(optimizer=["adamm"], no_proof=True))
