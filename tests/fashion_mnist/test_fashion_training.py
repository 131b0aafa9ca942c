"""Trainings of the comparison: one, and many of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_comparison import FRAMEWORKS, PLAN

from conformance.cli import fashion_mnist as verb
from conformance.cli import main as cli
from conformance.errors import Incomplete
from conformance.lab.fashion import compare, data, pool, train, training_calls

# ---------------------------------------------------------------- one training


def without_seconds(record: dict) -> dict:
    return {k: v for k, v in record.items() if k != "seconds"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_training_is_deterministic(framework, loaded):
    job = compare.job_of(PLAN, "translated", training_calls.translated("adam", 1e-3).calls[framework], 1, epochs=1)
    first, second = (train.train(job, loaded) for _ in range(2))
    assert without_seconds(first) == without_seconds(second)
    assert len(first["first_losses"]) == first["steps"] == 6
    assert first["name"] == f"translated-adam-{framework}-seed1"


class Seen:
    """In the place of a network: keeps what it is given."""

    def __init__(self, loss: float = 1.0):
        self.labels: list[np.ndarray] = []
        self.loss = loss

    def step(self, images, labels):
        self.labels.append(labels)
        return self.loss, np.zeros((len(labels), data.CLASSES))

    def logits(self, images):
        return np.zeros((len(images), data.CLASSES))


@pytest.fixture
def seen(monkeypatch) -> Seen:
    model = Seen()
    monkeypatch.setattr(train, "network", lambda job: model)
    return model


def job(**other) -> train.Job:
    call = training_calls.translated("sgd", 0.03).calls[FRAMEWORKS[0]]
    return replace(compare.job_of(PLAN, "translated", call, 0), **other)


def test_reversed_batches_hold_the_same_images(seen, loaded):
    train.train(job(steps=3), loaded)
    train.train(job(steps=3, turned=True), loaded)
    assert len(seen.labels) == 6
    for plain, turned in zip(seen.labels[:3], seen.labels[3:], strict=True):
        assert np.array_equal(plain, turned[::-1])


def test_the_test_set_is_looked_at_once_and_never_to_choose(seen, loaded, monkeypatch):
    looked = []
    monkeypatch.setattr(
        train, "evaluate", lambda model, part: looked.append(len(part)) or (1.0, np.ones(len(part), bool))
    )
    assert "test" in train.train(job(evaluations=3), loaded)
    assert looked.count(len(loaded.test)) == 1
    assert looked[-1] == len(loaded.test)
    for other in ({"setting": "grid"}, {"steps": 3}):
        assert "test" not in train.train(job(**other), loaded)
    assert looked.count(len(loaded.test)) == 1


def test_a_loss_that_is_not_finite_ends_the_training(seen, loaded):
    seen.loss = float("nan")
    record = train.train(job(), loaded)
    assert record["finite"] is False
    assert len(record["epochs"]) == 1
    assert pool.says(record) == "the loss is not finite"


# ---------------------------------------------------------------- many of them


def test_what_is_finished_is_not_trained_again(small, loaded, here, tmp_path):
    plan = replace(PLAN, frameworks=PLAN.frameworks[:1], seeds=1, probes=(), epochs=1)
    source = pool.Source(*small)
    first = compare.run(plan, source, loaded, tmp_path)
    every = [j.name for j in here]
    assert len(every) == 3  # the grid, the translated one, the default
    here.clear()
    assert compare.run(plan, source, loaded, tmp_path) == first
    assert here == []
    killed = next(tmp_path.glob("translated-*"))
    killed.write_text(killed.read_text()[:100])  # damaged counts as not finished
    again = compare.run(plan, source, loaded, tmp_path)
    assert [j.name for j in here] == [every[1]]
    assert list(map(without_seconds, again.records)) == list(map(without_seconds, first.records))
    here.clear()
    compare.run(replace(plan, seeds=2), source, loaded, tmp_path)  # more seeds: only those
    assert [j.seed for j in here] == [1]


def test_another_question_is_another_record(loaded):
    base = train.key(job(), "data")
    others = [job(seed=1), job(epochs=3), job(dtype="float64"), job(arguments={"lr": 0.5}), job(threads=2)]
    assert len({base, train.key(job(), "other data"), *(train.key(j, "data") for j in others)}) == 7


def test_processes_train_the_same(small, loaded, tmp_path, capsys):
    """The pool itself, with one framework."""
    jobs = [job(epochs=1), job(epochs=1, seed=1)]
    found = pool.run(jobs, pool.Source(*small), loaded, tmp_path, 2, "trainings")
    assert [r["job"]["seed"] for r in found] == [0, 1]
    assert len(list(tmp_path.glob("*.json"))) == 2
    assert "trainings 2/2" in capsys.readouterr().err
    assert without_seconds(found[0]) == without_seconds(train.train(jobs[0], loaded))


def searched(rate: float, *accuracies: float, finite: bool = True) -> list[dict]:
    return [
        {"job": {"optimizer": "adam", "rate": rate}, "validation": [{"accuracy": a}], "finite": finite}
        for a in accuracies
    ]


def test_the_rate_is_the_best_on_average_over_the_frameworks():
    grid = searched(0.1, 0.8, 0.8) + searched(0.2, 0.9, 0.6) + searched(0.3, 0.99, 0.99, finite=False)
    assert compare.chosen(grid, "adam") == 0.1
    assert compare.chosen(grid + searched(0.01, 0.8, 0.8), "adam") == 0.01  # of equals the smallest
    assert compare.chosen([], "adam") is None
    with pytest.raises(Incomplete, match="not finite at any"):
        compare.chosen(searched(0.3, 0.9, finite=False), "adam")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--seeds", "0"], "--seeds: 0"),
        (["--epochs", "-1"], "--epochs: -1"),
        (["--jobs", "0"], "--jobs: 0"),
        (["--default-seeds", "-1"], "--default-seeds"),
        (["--framework", "jax"], "--framework: 'jax'"),
        (["--optimizer", "lbfgs"], "closure"),
        (["--data", "/nowhere"], "--data: '/nowhere' is not there"),
        (["--render"], "results.json"),
    ],
)
def test_bad_input_is_named(arguments, says, capsys, tmp_path):
    assert cli.main(["fashion-mnist", "--reports", str(tmp_path / "reports"), *arguments]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.skipif("keras" not in FRAMEWORKS, reason="Keras is not installed")
def test_keras_on_another_backend_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(verb, "backend", lambda: "jax")
    assert cli.main(["fashion-mnist", "--framework", "keras"]) == 2
    assert "KERAS_BACKEND: 'jax'" in capsys.readouterr().err
