"""Problems that share a run: what each case takes out of it is what it would have had alone."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest

from conformance.areas import registry
from conformance.bindings import installed
from conformance.cases import optimizers, side_by_side
from conformance.cases.drive import drive_alone
from conformance.cases.optimizers import OptimizerCheck
from conformance.run.scheduler import SharedRunScheduling, cost, part

CHOSEN = ("zeros", "missing", "late", "rate-change", "probing")


def _checks(framework: str, optimizer: str) -> list[OptimizerCheck]:
    table = optimizers.checks((framework,))
    return [i for i in table if i.optimizer == optimizer and i.name in CHOSEN and i.dtype == "float64"]


@pytest.mark.parametrize(("framework", "optimizer"), [("torch", "sgd"), ("torch", "nadam"), ("keras", "ftrl")])
def test_a_case_has_its_own_elements(framework: str, optimizer: str) -> None:
    if framework not in installed():
        pytest.fail(f"{framework} is not installed")
    for check in _checks(framework, optimizer):
        if check.mode not in ("forloop", "eager"):
            continue
        side_by_side.forget()
        plan = check.plan()
        shared, alone = side_by_side.drive(plan), drive_alone(plan)
        assert shared is not None, check.id
        for ours, theirs in zip(shared, alone, strict=True):
            assert ours.slots.keys() == theirs.slots.keys()
            mine, its = ours.slots | {"params": ours.params}, theirs.slots | {"params": theirs.params}
            for name in its:
                for a, b in zip(mine[name], its[name], strict=True):
                    assert (a is None) == (b is None)
                    if a is not None:
                        # Vectors of other lengths may be rounded in another order: a few units in the last place.
                        np.testing.assert_array_max_ulp(np.asarray(a, float), np.asarray(b, float), maxulp=64)


def test_what_looks_at_whole_tensors_runs_alone() -> None:
    lamb = next(i for i in optimizers.checks(("keras",)) if i.optimizer == "lamb" and i.name == "zeros")
    assert side_by_side.drive(lamb.plan()) is None


def test_an_optimizer_of_ones_own_runs_alone() -> None:
    sgd = next(i for i in optimizers.checks(("torch",)) if i.optimizer == "sgd" and i.name == "zeros")
    plan = sgd.plan()
    assert side_by_side.drive(replace(plan, entry=replace(plan.entry, build=lambda params: None))) is None


def test_every_check_belongs_to_a_part() -> None:
    parts = {part(i.id) for i in optimizers.checks()}
    assert "keras-adam-float32" in parts
    assert len(parts) == 2 * len({(i.framework, i.optimizer) for i in optimizers.checks()})


def test_a_worker_stays_with_its_frameworks_as_long_as_it_can() -> None:
    spread = SharedRunScheduling.__new__(SharedRunScheduling)
    spread.assigned_work = {"one": {}, "other": {}}
    spread.workqueue = OrderedDict()
    for name in (i.id for i in registry.checks()):
        spread.workqueue.setdefault(part(name), {})[f"suite.py::test_step[{name}]"] = False
    given: dict[str, list[str]] = {"one": [], "other": []}
    busy = dict.fromkeys(given, 0.0)
    spread.workqueue = OrderedDict(sorted(spread.workqueue.items(), key=lambda part: -cost(part[1])))
    while spread.workqueue:
        node = min(busy, key=busy.__getitem__)
        name = spread._next(node)
        spread.assigned_work[node][name] = spread.workqueue.pop(name)
        busy[node] += cost(spread.assigned_work[node][name])
        given[node].append(name.partition("-")[0])
    assert given["one"][0] == "keras", "it is dearest by far"
    assert given["other"][0] == "torch", "there is no worker for it yet"
    assert set(given["one"]) == {"keras"}, "what takes both is left to who has both"
