"""The map is right: every row, each way, with every option that has something to say of its own.

The right port stays within the sum of the two derived bounds over 100 steps, in the hardest training
that keeps its conditions; without any one of its conditions it does not. So a row that promises too much
fails, and one that asks for too much as well.
"""

from __future__ import annotations

import pytest

from conformance.bindings import BINDINGS, installed
from conformance.judge.compared import LIMIT
from conformance.porting import dialects, map_data, measure
from conformance.porting.map_rows import ROWS, MapRow
from conformance.porting.status import Status
from conformance.porting.uses import Use, directed, status, use_of, uses

BOTH = set(installed()) >= {"torch", "keras"}
USES = [(use, found[0]) for found in (uses(*d) for d in directed()) for use in found]
PORTS = [pair for pair in USES if pair[0].status is not Status.NONE]
CONDITIONS = [(use, broken) for use, plain in USES for broken in measure.own(use, plain)]
PINNED = BOTH and all(
    BINDINGS[f].versions()[f].startswith(pin) for f in ("torch", "keras") for pin in BINDINGS[f].pinned
)


@pytest.mark.parametrize(("use", "plain"), PORTS if BOTH else [], ids=lambda use: use.id)
def test_right_port_takes_the_same_steps(use: Use, plain: Use) -> None:
    found = measure.right(use)
    if found.ratio is None:  # no bound holds over so many steps: nearer than without any of the conditions
        assert found.distance < min(b.distance(plain) for b in measure.own(plain, plain))
    else:
        assert found.ratio <= LIMIT, f"{use.cured.call}: {found.distance:.2g} apart after {measure.STEPS} steps"


@pytest.mark.parametrize(
    ("use", "broken"), CONDITIONS if BOTH else [], ids=[f"{u.id}-without-{b.condition}" for u, b in CONDITIONS]
)
def test_without_the_condition_it_does_not(use: Use, broken: measure.Broken) -> None:
    found = broken.compared(use)
    if found.ratio is None:
        assert broken.distance(use) > measure.right(use).distance
    else:
        assert found.ratio > LIMIT


@pytest.mark.parametrize(("row", "source"), [(r, s) for r, s, _ in directed()], ids=str)
def test_declared_status_is_the_derived_one(row: MapRow, source: str) -> None:
    assert row.status(source) in (None, status(row, source))


def test_every_class_has_one_row() -> None:
    for framework, known in map_data.load().defaults.items():
        assert sorted(row.cls(framework) for row in ROWS if row.cls(framework)) == sorted(known)


def test_every_use_is_measured() -> None:
    wanted = {use.id: (use.status.value, list(use.conditions)) for use, _ in USES}
    kept = {k: (m["status"], m["conditions"]) for k, m in map_data.load().measured.items() if "status" in m}
    assert kept == wanted, f"{map_data.UPDATE}; all of it: {map_data.REMAKE}"


@pytest.mark.parametrize("framework", BINDINGS if PINNED else [])
def test_kept_defaults_are_those_installed(framework: str) -> None:
    found = map_data.plain(map_data.installed_defaults()[framework])
    assert found == map_data.load().defaults[framework], map_data.UPDATE


def _sgd(**overrides: float) -> Use:
    row = next(row for row in ROWS if row.title == "SGD")
    return use_of(row, "torch", "keras", "made here", overrides)


@pytest.mark.parametrize("says", ["too much", "too little"] if BOTH else [])
def test_a_wrong_row_is_seen(says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if says == "too much":  # that the learning rate may change
        monkeypatch.setitem(dialects.DIFFERENCES, "velocity", lambda *_: None)
        assert measure.right(_sgd(momentum=0.875)).ratio > LIMIT
    else:  # that every gradient has to be there
        monkeypatch.setitem(dialects.DIFFERENCES, "counter", lambda found, *_: found.needs(dialects.EVERY_GRADIENT))
        use = _sgd()
        assert all(b.compared(use).ratio <= LIMIT for b in measure.own(use, use))
