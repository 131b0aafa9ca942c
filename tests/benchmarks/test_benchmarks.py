"""How long things take: the training loop beside the framework's own, and one step of every optimizer.

Alone on the machine, never under xdist: `tox -e benchmarks`, or `pytest -m benchmark tests/benchmarks`. Times are
of the processor, so that other work on the machine disturbs them less; one thread.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import reference
from conformance.bindings import BINDINGS, installed
from conformance.cases import problems
from conformance.cases.optimizers import OptimizerCheck
from conformance.cases.table import cases
from conformance.lab.fashion import compare, keras_net, net, torch_net, train, training_calls
from conformance.lab.fashion.data import CLASSES, SIDE, Part

pytestmark = pytest.mark.benchmark(timer=time.process_time, disable_gc=True, warmup=False)

STEPS, BATCH, ROUNDS = 60, 128, 25


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest) -> None:
    if hasattr(request.config, "workerinput"):
        pytest.fail("benchmarks beside other tests measure those: run without -n")


# ---------------------------------------------------------------- the training loop


@dataclass(frozen=True)
class Task:
    """A network, and images to train it with."""

    job: train.Job
    data: Part
    places: np.ndarray


def task(framework: str) -> Task:
    rng = np.random.default_rng(0)
    images = rng.random((STEPS * BATCH, SIDE, SIDE, 1), np.float32)
    data = Part(images, rng.integers(0, CLASSES, len(images)))
    call = training_calls.translated("adam", 1e-3).calls[framework]
    job = compare.job_of(compare.TrainingPlan(), "translated", call, seed=0)
    return Task(job, data, net.batches(0, 0, len(data), BATCH))


def bare_torch(one: Task) -> Any:
    """The loop as PyTorch's tutorials have it, on batches that are there already."""
    import torch

    model = torch_net.TorchNet(net.first_weights(0), "adam", one.job.arguments, "float32")
    pairs = [
        (torch.from_numpy(one.data.images[p]).permute(0, 3, 1, 2), torch.from_numpy(one.data.labels[p]))
        for p in one.places
    ]

    def loop() -> None:
        for images, labels in pairs:
            model.optimizer.zero_grad()
            logits = model.head(model.features(images).permute(0, 2, 3, 1))
            torch.nn.functional.cross_entropy(logits, labels).backward()
            model.optimizer.step()

    return loop


def bare_keras(one: Task) -> Any:
    """The loop as TensorFlow's guide has it, compiled, on batches that are there already."""
    import tensorflow as tf

    model = keras_net.KerasNet(net.first_weights(0), "adam", one.job.arguments, "float32")
    variables = model.net.trainable_variables
    pairs = [(tf.constant(one.data.images[p]), tf.constant(one.data.labels[p])) for p in one.places]

    @tf.function
    def step(images: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model.net(images, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        model.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    def loop() -> None:
        for images, labels in pairs:
            step(images, labels)

    return loop


def ours(one: Task) -> Any:
    model = train.network(one.job)

    def loop() -> None:
        train.train_some(model, one.job, one.data, one.places, train.Epoch(), lambda step: None, 0)

    return loop


@pytest.mark.parametrize("framework", installed())
def test_the_training_loop_costs_little(framework: str, benchmark: Any) -> None:
    """Both in turn, so that what disturbs one disturbs the other: the median of what each pair of rounds says.

    The figure is what this is for, wanted is at most 10 %; no time is asserted, as a machine has its moods.
    """
    {"torch": torch_net, "keras": keras_net}[framework].prepare(1)
    one = task(framework)
    bare, loop = {"torch": bare_torch, "keras": bare_keras}[framework](one), ours(one)
    bare_times = []

    def time_the_bare_loop() -> None:
        start = time.process_time()
        bare()
        bare_times.append(time.process_time() - start)

    time_the_bare_loop()  # traces, and warms up
    loop()
    bare_times.clear()
    benchmark.group = f"{framework}: {STEPS} training steps"
    benchmark.pedantic(loop, setup=time_the_bare_loop, rounds=ROUNDS, iterations=1)
    ratios = np.asarray(benchmark.stats.stats.data) / bare_times
    overhead, bare_time = float(np.median(ratios)), float(np.median(bare_times))
    benchmark.extra_info |= {"bare loop": bare_time, "overhead": overhead}
    print(f"{framework}: {100 * (overhead - 1):+.1f} % over the bare loop of {1000 * bare_time:.0f} ms")


# ---------------------------------------------------------------- one step

ENTRIES = [(f, name) for f in installed() for name in BINDINGS[f].entries]


def plainest(framework: str, name: str) -> OptimizerCheck:
    """The first case of an optimizer that it takes, in the mode that users run."""
    entry = BINDINGS[framework].entries[name]
    mode = {"torch": "forloop", "keras": "graph"}[framework]
    return OptimizerCheck.of(framework, name, cases(entry)[0], "float32", mode)


@pytest.mark.parametrize(("framework", "name"), ENTRIES, ids=[f"{f}-{n}" for f, n in ENTRIES])
def test_one_step(framework: str, name: str, benchmark: Any) -> None:
    """One step of the optimizer alone: gradients are there, nothing is read."""
    instance = plainest(framework, name)
    binding, problem = BINDINGS[framework], instance.case.data(instance.entry)
    groups = instance.case.groups(instance.entry, binding.constructor(instance.entry))
    driver = binding.start(instance.entry, groups, problem.params, "float32", instance.mode)
    benchmark.group = f"one step: {framework}"
    if instance.entry.reference.closure:
        objective = problem.closures(lambda g: g.astype("float32"))[0]
        benchmark(driver.step, objective)
        return
    driver.step(problem.grads[-1])
    if framework == "torch":
        benchmark(driver.optimizer.step)
        return
    import tensorflow as tf

    ((pattern, graph),) = driver._graphs.items()
    assert all(pattern)
    benchmark(graph, [tf.constant(g, "float32") for g in problem.grads[-1]])


@pytest.mark.parametrize("name", sorted(reference.REFERENCES))
def test_one_step_of_the_reference(name: str, benchmark: Any) -> None:
    rule = reference.REFERENCES[name]()
    shapes = next(
        (e.shapes for b in BINDINGS.values() for e in b.entries.values() if e.reference is type(rule)),
        problems.SHAPES,
    )
    kind = "ordinary-rows" if rule.gradients == "rows" else "ordinary"
    problem = problems.problem(kind, shapes=shapes)
    grads: Any = problem.grads[-1]
    if rule.closure:
        grads = problem.closures(lambda g: g)[0]
    slots = rule.init(list(problem.params))
    benchmark.group = "one step: reference"
    benchmark(rule.step, list(problem.params), grads, slots)
