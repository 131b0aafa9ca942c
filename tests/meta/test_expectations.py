"""What a row of the ledger makes of the bound, alone: a narrower format, and a parameter moved by two additions."""

from dataclasses import replace

import numpy as np
import pytest

from conformance.bindings.base import State
from conformance.cases import table
from conformance.cases.side_by_side import Observation
from conformance.judge import engine
from conformance.judge.ledger import Row

pytest.importorskip("torch", exc_type=ImportError)


def instance(name):
    return next(i for i in table.instances(("torch",)) if i.id == name)


def row(expect):
    return Row("a-row", ("torch-*",), "precision", expect, "because", "https://example.org")


def moved(seen, change):
    """The same run, with other parameters after the first step."""
    first, second, *rest = seen.states
    params = [change(p, before) for p, before in zip(second.params, first.params, strict=True)]
    return Observation(seen.groups, [first, State(params, second.slots), *rest][:2])


@pytest.mark.parametrize(
    ("by", "as_float32"), [(0.0, True), (1e-9, True), (1e-8, True), (1e-5, False), (0.1, False)]
)
def test_a_format_allows_its_own_rounding_and_no_more(by, as_float32):
    """A float64 run whose step was computed in float32 is off by about 1e-8 of the step."""
    one = instance("torch-sgd-ordinary-float64-forloop")
    seen = moved(engine.drive_alone(one), lambda p, before: p + by * (p - before))
    assert engine.judge(one, seen).locked().conforms == (by == 0)
    assert engine.judge(one, seen, row=row("format:float32")).locked().conforms == as_float32


def test_a_format_does_not_excuse_a_mistake():
    one = instance("torch-sgd-nesterov-float64-forloop")
    seen = moved(engine.drive_alone(one), lambda p, before: before)
    assert not engine.judge(one, seen, row=row("format:float32")).locked().conforms


def test_two_additions_round_twice_and_no_more():
    """The parameter after the first of the two additions is rounded: half a unit in the last place more."""
    one = instance("torch-sgd-nesterov-float32-forloop")
    seen = engine.drive_alone(one)
    once, twice = (engine.judge(one, seen, row=r) for r in (None, row("rounded:twice")))
    assert once.locked().conforms
    shares = list(zip(twice.locked().ratios, once.locked().ratios, strict=True))
    assert all(more_allowed <= less for more_allowed, less in shares)
    assert any(more_allowed < less for more_allowed, less in shares)
    ulps = {n: moved(seen, lambda p, before, n=n: p + n * np.spacing(np.abs(p))) for n in (0, 16)}
    found = {n: engine.judge(one, s, row=row("rounded:twice")).locked().conforms for n, s in ulps.items()}
    assert found == {0: True, 16: False}


def test_both_are_of_one_row_beside_a_mistake():
    found = replace(row("mutant:x-of-new-z, format:float32"))
    assert found.format.precision == 24
    assert not found.moves_twice
    assert row("rounded:twice").moves_twice
    assert row("rounded:twice").format is None
