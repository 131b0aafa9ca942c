"""The network of the comparison in both frameworks, and the calls of its optimizers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_comparison import FRAMEWORKS, PLAN

from conformance.errors import BadInput
from conformance.lab.fashion import compare, data, net, train, training_calls

# ---------------------------------------------------------------- the network


def test_batches_follow_from_seed_and_epoch():
    one = net.batches(3, 0, 1000, 128)
    assert one.shape == (7, 128)
    assert len(set(one.ravel())) == one.size
    assert np.array_equal(one, net.batches(3, 0, 1000, 128))
    assert not np.array_equal(one, net.batches(3, 1, 1000, 128))
    assert not np.array_equal(one, net.batches(4, 0, 1000, 128))


def test_first_weights_have_the_shapes_of_the_layers():
    weights = net.first_weights(0)
    assert sum(w.size for w in weights) == net.parameters()
    assert [w.shape for w in weights[::2]] == net.shapes()
    assert not np.array_equal(weights[0], net.first_weights(1)[0])


def exact_network(framework: str) -> tuple[train.Net, np.ndarray]:
    """Weights and images of so few bits that float64 computes the logits exactly, in any order."""
    rng = np.random.default_rng(0)
    call = training_calls.by_default("sgd").calls[framework]
    weights = [rng.integers(-2, 3, w.shape).astype(np.float32) / 4 for w in net.first_weights(0)]
    job = compare.job_of(PLAN, "translated", call, 0)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(net, "first_weights", lambda seed: weights)
        model = train.network(replace(job, dtype="float64"))
    assert all(np.array_equal(a, b) for a, b in zip(model.weights(), weights, strict=True))
    return model, rng.integers(0, 5, (3, data.SIDE, data.SIDE, 1)) / 4


def by_hand(weights: list[np.ndarray], images: np.ndarray) -> np.ndarray:
    """The logits in NumPy."""
    x = images
    for i, layer in enumerate(net.LAYERS):
        kernel, bias = weights[2 * i], weights[2 * i + 1]
        if isinstance(layer, net.Conv):
            window = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
            x = np.einsum("nhwcij,ijco->nhwo", window[:, :: layer.stride, :: layer.stride], kernel) + bias
        else:
            x = x.reshape(len(x), -1) @ kernel + bias
        x = np.maximum(x, 0) if i < len(net.LAYERS) - 1 else x
    return x


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_network_computes_what_numpy_does(framework):
    model, images = exact_network(framework)
    expected = by_hand([w.astype(np.float64) for w in model.weights()], images)
    assert np.array_equal(model.logits(images), expected)
    loss, logits = model.step(images, np.array([1, 2, 3]))
    assert np.array_equal(logits, expected)
    assert not np.array_equal(model.logits(images), expected)
    assert loss > 0


# ---------------------------------------------------------------- calls


@pytest.mark.parametrize(
    ("name", "torch", "keras"),
    [
        ("sgd", "SGD(params, lr=0.5, momentum=0.9)", "SGD(learning_rate=0.5, momentum=0.9)"),
        ("adam", "Adam(params, lr=0.5, eps=1e-12)", "Adam(learning_rate=0.5, epsilon=1e-12)"),
        ("adamw", "AdamW(params, lr=0.5, eps=1e-12)", "AdamW(learning_rate=0.5, epsilon=1e-12, weight_decay=0.01)"),
        ("rmsprop", "RMSprop(params, lr=0.5, eps=1e-12)", "RMSprop(learning_rate=0.5, rho=0.99, epsilon=1e-24)"),
        ("radam", "RAdam(params, lr=0.5)", "conformance.RAdam(learning_rate=0.5, decoupled_weight_decay=False)"),
        ("nadam", "NAdam(params, lr=0.5, momentum_decay=1.0)", "Nadam(learning_rate=0.5, epsilon=1e-08)"),
    ],
)
def test_a_pair_is_what_the_map_translates(name, torch, keras):
    found = training_calls.translated(name, 0.5).calls
    assert found["torch"].text.endswith(torch)
    assert found["keras"].text.endswith(keras)


def test_an_optimizer_of_one_framework_has_no_pair():
    assert list(training_calls.translated("lion", 1e-4).calls) == ["keras"]
    assert list(training_calls.translated("asgd", 1e-2).calls) == ["torch"]
    assert "no ASGD" in training_calls.translated("asgd", 1e-2).alone
    assert training_calls.grid("lion") == (3.33e-4, 1e-3, 3e-3)


@pytest.mark.parametrize(
    ("name", "says"), [("lbfgs", "closure"), ("sparseadam", "sparse"), ("adm", "did you mean 'adam'")]
)
def test_what_cannot_train_this_is_refused(name, says):
    with pytest.raises(BadInput, match=says) as error:
        training_calls.translated(name, None)
    assert "--optimizer" in str(error.value)


@pytest.mark.parametrize("name", training_calls.DEFAULT)
def test_rounded_numbers_are_those_of_float32(name):
    for call in training_calls.translated(name, 0.01).calls.values():
        numbers = np.hstack(
            [v for v in training_calls.rounded(call).arguments.values() if isinstance(v, float | tuple)]
        )
        assert np.array_equal(numbers, numbers.astype(np.float32))
        assert len(numbers) >= 2
