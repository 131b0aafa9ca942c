"""What a row of the ledger makes of the bound, alone: a narrower format, and a parameter moved by two additions."""

from dataclasses import replace

import numpy as np
import pytest

from conformance.bindings.binding import State
from conformance.cases import optimizers
from conformance.cases.drive import drive_alone
from conformance.cases.plan import States
from conformance.judge.evidence import evidence_of
from conformance.judge.ledger import LedgerRow
from conformance.judge.steps import Judge

pytest.importorskip("torch", exc_type=ImportError)


def seen_in(name):
    """What the check of this name sees."""
    check = next(i for i in optimizers.checks(("torch",)) if i.id == name)
    plan = check.plan()
    return States(plan, states=drive_alone(plan))


def judge(seen, expected=None):
    """The judge of what was seen, by the references or by a row."""
    evidence = evidence_of(seen)
    return Judge(evidence if expected is None else evidence.as_expected(expected))


def row(expect):
    return LedgerRow("a-row", ("torch-*",), "precision", expect, "because", "https://example.org")


def moved(seen, change):
    """The same run, with other parameters after the first step."""
    first, second, *rest = seen.states
    params = [change(p, before) for p, before in zip(second.params, first.params, strict=True)]
    return replace(seen, states=[first, State(params, second.slots), *rest][:2])


@pytest.mark.parametrize(
    ("by", "as_float32"), [(0.0, True), (1e-9, True), (1e-8, True), (1e-5, False), (0.1, False)]
)
def test_a_format_allows_its_own_rounding_and_no_more(by, as_float32):
    """A float64 run whose step was computed in float32 is off by about 1e-8 of the step."""
    seen = moved(seen_in("torch-sgd-ordinary-float64-forloop"), lambda p, before: p + by * (p - before))
    assert judge(seen).locked().conforms == (by == 0)
    assert judge(seen, row("format:float32")).locked().conforms == as_float32


def test_a_format_does_not_excuse_a_mistake():
    seen = moved(seen_in("torch-sgd-nesterov-float64-forloop"), lambda p, before: before)
    assert not judge(seen, row("format:float32")).locked().conforms


def test_two_additions_round_twice_and_no_more():
    """The parameter after the first of the two additions is rounded: half a unit in the last place more."""
    seen = seen_in("torch-sgd-nesterov-float32-forloop")
    once, twice = (judge(seen, r) for r in (None, row("rounded:twice")))
    assert once.locked().conforms
    shares = list(zip(twice.locked().ratios, once.locked().ratios, strict=True))
    assert all(more_allowed <= less for more_allowed, less in shares)
    assert any(more_allowed < less for more_allowed, less in shares)
    ulps = {n: moved(seen, lambda p, before, n=n: p + n * np.spacing(np.abs(p))) for n in (0, 16)}
    found = {n: judge(s, row("rounded:twice")).locked().conforms for n, s in ulps.items()}
    assert found == {0: True, 16: False}


def test_both_are_of_one_row_beside_a_mistake():
    found = replace(row("mutant:x-of-new-z, format:float32"))
    assert found.format.precision == 24
    assert not found.moves_twice
    assert row("rounded:twice").moves_twice
    assert row("rounded:twice").format is None
