"""Wrong implementations behind a binding, of every optimizer; all mistakes: `python -m conformance planted`."""

from __future__ import annotations

import pytest

from conformance.judge.record import Outcome
from conformance.proof import behind_binding, planting, store

FEW = 4  # mistakes of each optimizer, for time


def _mildest(optimizer):
    """Those that the matrix sees worst, and a fault of what drives the rule."""
    rows = store.load()["matrix"].get(optimizer, {"rows": {}})["rows"]
    seen = sorted((max(r for _, r in row["best"].values()), name) for name, row in rows.items() if row["kills"])
    faults = [name for _, name in seen if name.startswith("fault:")]
    return [name for _, name in seen[: FEW - 1]] + faults[:1], rows


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("optimizer", planting.optimizers())
def test_what_is_right_passes(optimizer):
    """In the forms of every framework that has it."""
    first = {t.framework: t for t in reversed(planting.trials(optimizer))}
    for trial in first.values():
        assert behind_binding.outcome(trial) is Outcome.CONFORMS, trial.id


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("optimizer", planting.optimizers())
def test_what_is_wrong_fails(optimizer):
    names, rows = _mildest(optimizer)
    assert names, f"out of date: {store.REMAKE}"
    for name in names:
        assert not behind_binding.passes(optimizer, name, rows[name]), f"{name} passes the gate behind a binding"
