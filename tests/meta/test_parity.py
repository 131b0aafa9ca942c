"""The checks of parity see a mistake in either framework, in the training, and in what they are told to expect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from conformance.areas.parity import checks
from conformance.areas.parity.pairs import pairs
from conformance.areas.training import loop, runs, task
from conformance.bindings import installed
from conformance.judge import engine, ledger
from conformance.judge.record import Outcome
from conformance.porting import measure
from conformance.report import parity_page
from reference.bounded import Bounded
from reference.formats import FLOAT32, FLOAT64

LEDGER = ledger.load()
BOTH = pytest.mark.skipif(set(installed()) < {"torch", "keras"}, reason="it takes both frameworks")
ADAM = next(c for c in checks.checks() if (c.name, c.dtype) == ("own-epsilon", "float64"))
SHORT = replace(ADAM, pair=replace(ADAM.pair, steps=4))
Train = Callable[..., loop.Trained]


def run(check: Any = SHORT) -> Any:
    return engine.run(check, LEDGER)


def only(framework: str, planted: Callable[..., tuple[Any, ...]]) -> Train:
    """A training with a mistake in one framework: `planted` changes the arguments of the training."""
    right = runs.train

    def train(name: str, entry: Any, reference: Any, dtype: str, steps: int) -> loop.Trained:
        if name != framework:
            return right(name, entry, reference, dtype, steps)
        return right(name, *planted(entry, reference, dtype), steps)

    return train


# What the constructor is given by mistake: hyperparameter -> value, for each framework.
WRONG: dict[str, dict[str, Any]] = {
    "epsilon": {"epsilon": 3e-8},
    "rate": {"learning_rate": 1e-3 * (1 + 1e-9)},
    "beta-1": {"beta_1": 0.9 + 1e-9},
    "beta-2": {"beta_2": 0.999 + 1e-10},
    "amsgrad": {"amsgrad": True},
    "decay": {"weight_decay": 1e-7},
}


@BOTH
@pytest.mark.parametrize("framework", ["torch", "keras"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_hyperparameter_is_seen(framework: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "train", only(framework, lambda e, r, d: (e, replace(r, **WRONG[wrong]), d)))
    record = run()
    if wrong == "amsgrad":  # it has a slot that nobody expects
        assert record.outcome is Outcome.ERROR
        assert "v_max" in record.reason
    else:
        assert record.outcome is Outcome.DIVERGES, record.reason


@BOTH
@pytest.mark.parametrize("framework", ["torch", "keras"])
@pytest.mark.parametrize("wrong", ["batch", "gradient", "loss", "late", "start"])
def test_a_wrong_training_is_seen(framework: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right, before = runs.DIFFERENTIATE[framework], []

    def differentiate(driver: Any, x: np.ndarray, y: np.ndarray) -> tuple[float, list[np.ndarray]]:
        if wrong == "batch":
            x = x[::-1].copy()
        found, grads = right(driver, x, y)
        before.append(grads)
        if wrong == "late":
            grads = before[max(0, len(before) - 2)]
        elif wrong == "gradient":
            grads = [g * (1 + 1e-12) for g in grads]
        return found * (1 + 1e-12) if wrong == "loss" else found, grads

    monkeypatch.setitem(runs.DIFFERENTIATE, framework, differentiate)
    if wrong == "start":
        train = runs.train

        def shifted(name: str, *given: Any) -> loop.Trained:
            with pytest.MonkeyPatch.context() as patch:
                if name == framework:
                    moved = tuple(p + 1e-12 for p in task.start())
                    patch.setattr(task, "start", lambda: moved)
                return train(name, *given)

        monkeypatch.setattr(runs, "train", shifted)
    record = run()
    if wrong == "start":
        assert record.outcome is Outcome.ERROR
        assert "the first weights" in record.reason
        return
    assert record.outcome is Outcome.DIVERGES, record.reason
    if wrong == "loss":
        assert record.locked.quantity == f"{framework} loss"


@BOTH
def test_the_difference_is_not_explained_without_keras_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run().outcome is Outcome.CONFORMS
    monkeypatch.setattr(measure, "known_divergence", lambda *_: None)
    record = run()
    assert record.outcome is Outcome.DIVERGES
    assert record.locked.quantity.startswith("keras params")


@BOTH
@pytest.mark.parametrize(("framework", "place"), [("keras", "corrected"), ("torch", "hat")])
def test_the_difference_is_not_explained_without_epsilons_place(
    framework: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras held to torch's place of epsilon, and torch to Keras'."""
    asked = SHORT.pair.references[framework]
    monkeypatch.setattr(runs, "train", only(framework, lambda entry, _, dtype: (entry, asked, dtype)))
    monkeypatch.setattr(type(SHORT.pair), "call", lambda *_: "")
    references = {**SHORT.pair.references, framework: replace(asked, epsilon_place=place)}
    assert run(replace(SHORT, pair=replace(SHORT.pair, references=references))).outcome is Outcome.DIVERGES


@BOTH
def test_the_parts_make_up_the_whole() -> None:
    """What each cause does by itself, and what the two do together, is what was measured, within the bounds."""
    series = run().series
    for t in range(SHORT.pair.steps):
        parts = series["by epsilon"][t] + series["by rounding"][t] + series["by the two together"][t]
        assert series["difference"][t] <= parts + series["allowed"][t] + 1e-3 * parts  # of four digits each
        assert series["unexplained"][t] <= series["allowed"][t]
        assert series["by epsilon"][t] > 1e3 * series["allowed"][t], "each part can be seen"
        assert series["by rounding"][t] > 1e3 * series["allowed"][t]


@BOTH
def test_a_bound_that_is_too_wide_is_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "BLIND_ABOVE", 1e-16)
    assert run().outcome is Outcome.BLIND


def test_every_exact_row_of_the_map_is_a_pair() -> None:
    from conformance.porting.map_rows import ROWS
    from conformance.porting.status import Status

    exact = {r.optimizer for r in ROWS if Status.EXACT in (r.forward, r.backward)}
    assert exact <= {p.optimizer for p in pairs() if p.name == "same-steps" and p.dtypes == ("float64", "float32")}


def test_gradient_is_that_of_the_loss() -> None:
    """Against differences in extended precision."""
    params = [p.astype(np.longdouble) for p in task.start()]
    x, y = (a.astype(np.longdouble) for a in task.batch(3))
    step = np.longdouble(1e-6)
    for i, grad in enumerate(task.gradient(params, x, y)):
        for at in np.ndindex(grad.shape):
            sides = []
            for sign in (1, -1):
                moved = [p.copy() for p in params]
                moved[i][at] += sign * step
                sides.append(task.loss(moved, x, y))
            assert abs((sides[0] - sides[1]) / (2 * step) - grad[at]) < 1e-10


@pytest.mark.parametrize("fmt", [FLOAT64, FLOAT32], ids=lambda f: f.name)
def test_the_bound_covers_numpy(fmt: Any) -> None:
    """NumPy's own evaluation in the format lies within the bound, and not far below it."""
    x, y = task.batch(1)
    exactly = [Bounded(p, 0.0, fmt) for p in task.start()]
    said = task.loss_and_gradient(exactly, Bounded(x, 0.0, fmt), Bounded(y, 0.0, fmt))
    plain = [p.astype(fmt.name) for p in task.start()]
    got = task.loss_and_gradient(plain, x.astype(fmt.name), y.astype(fmt.name))
    shares = []
    for expected, value in zip([said[0], *said[1]], [got[0], *got[1]], strict=True):
        share = np.abs(value - expected.value) / expected.error
        assert np.all(share <= 1)
        shares.append(float(np.max(share)))
    assert max(shares) > 1e-3


@BOTH
def test_the_page_is_made_from_records_alone() -> None:
    records = [run()]
    again = [type(r).from_json({k: v for k, v in r.to_json().items() if k != "type"}) for r in records]
    assert parity_page.tables(again) == parity_page.tables(records)
    assert [draw().svg for draw in parity_page.figures(again)] == [
        draw().svg for draw in parity_page.figures(records)
    ]
    assert parity_page.figures([]) == []
    assert parity_page.tables([]) == []
