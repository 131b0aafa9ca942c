"""conformance.RAdam saved and restored, its constructor's bad input, and where TensorFlow is missing."""

from __future__ import annotations

import doctest
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import radam_driver as driver
import tensorflow as tf
from packaging.version import Version
from radam_driver import (
    BASE_OPTIONS,
    KERAS_3,
    PICKY,
    STEPS,
    VARIANTS,
    assert_same,
    gradients,
    new_model,
    new_variables,
    run,
    schedule,
    state,
)

import conformance.radam
from conformance import RAdam, WarmupCosine

SAVED_OPTIONS = {
    "learning_rate": WarmupCosine(start=0.0, peak=0.1, warmup_steps=4, decay_steps=16, end=0.01),
    "weight_decay": 0.01,
    "threshold": 4.0,
}


def saved_variables(path):
    """The optimizer's variables in a .keras file, in their order."""
    with zipfile.ZipFile(path) as archive:
        held = archive.read("model.weights.h5")
    with h5py.File(io.BytesIO(held)) as file:
        found = file["optimizer/vars"]
        return [found[str(i)][()] for i in range(len(found))]


# Configuration, saving and restoring


@pytest.mark.parametrize("options", [*VARIANTS, *BASE_OPTIONS, {"learning_rate": 0.25}], ids=str)
def test_config_round_trip(options):
    optimizer = RAdam(**options)
    config = optimizer.get_config()
    assert options.items() <= config.items()
    assert RAdam.from_config(json.loads(json.dumps(config))).get_config() == config
    again = tf.keras.optimizers.deserialize(tf.keras.optimizers.serialize(optimizer))
    assert type(again) is RAdam
    assert again.get_config() == config


def test_schedule_survives_the_config():
    config = RAdam(schedule()).get_config()
    again = RAdam.from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    assert_same(run(learning_rate=again._learning_rate), run(learning_rate=schedule()))


@pytest.mark.parametrize("options", VARIANTS + BASE_OPTIONS + [{"learning_rate": "schedule"}], ids=str)
@pytest.mark.parametrize("at", [3, 9])
def test_keras_file_continues_exactly(tmp_path, options, at):
    options = PICKY | options
    if options["learning_rate"] == "schedule":
        options["learning_rate"] = schedule()
    rows = gradients(STEPS)
    straight, interrupted = new_model(RAdam(**options)), new_model(RAdam(**options))
    driver.fit(interrupted, rows[:at])
    interrupted.save(tmp_path / "model.keras")
    resumed = tf.keras.models.load_model(tmp_path / "model.keras")
    assert type(resumed.optimizer) is RAdam
    for model, parts in ((straight, (rows[:at], rows[at:])), (resumed, (rows[at:],))):
        for part in parts:
            driver.fit(model, part)
    assert_same(
        state(resumed.optimizer, resumed.trainable_variables),
        state(straight.optimizer, straight.trainable_variables),
    )


@pytest.mark.skipif(Version(tf.keras.__version__) < Version("3.15"), reason="saved by Keras 3.15")
def test_a_model_that_was_saved_earlier_still_loads_and_continues():
    """A file of the commit 0b60a29, after 8 updates: the names that it holds are for ever."""
    path = Path(__file__).parent / "saved" / "radam.keras"
    loaded = tf.keras.models.load_model(path)
    kept = saved_variables(path)
    assert type(loaded.optimizer) is RAdam
    assert loaded.optimizer.get_config() == RAdam(**SAVED_OPTIONS).get_config()
    assert kept[0] == 8
    assert [v.shape for v in kept] == [v.shape for v in loaded.optimizer.variables]
    for held, was in zip(loaded.optimizer.variables, kept, strict=True):
        np.testing.assert_array_equal(held.numpy(), was)

    again = tf.keras.Sequential([tf.keras.Input((3,), dtype="float32"), tf.keras.layers.Dense(2, dtype="float32")])
    again.compile(RAdam(**SAVED_OPTIONS), "mse")
    again.optimizer.build(again.trainable_variables)
    again.set_weights(loaded.get_weights())
    for variable, was in zip(again.optimizer.variables, kept, strict=True):
        variable.assign(was)
    rng = np.random.RandomState(0)
    x, y = (rng.standard_normal((32, n)).astype("float32") for n in (3, 2))
    before = loaded.get_weights()
    for model in (loaded, again):
        model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
    for one, other, was in zip(loaded.get_weights(), again.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
        assert not np.array_equal(one, was)
    assert loaded.optimizer.iterations.numpy() == 16


@pytest.mark.parametrize("options", VARIANTS + BASE_OPTIONS, ids=str)
@pytest.mark.parametrize("at", [3, 9])
def test_checkpoint_continues_exactly(tmp_path, options, at):
    rows = gradients(STEPS)
    path = ""
    for some in (rows[:at], rows[at:]):
        # The second time round everything is to come from the checkpoint.
        variables = [tf.Variable(v * (not path)) for v in new_variables()]
        optimizer = RAdam(**(PICKY | options))
        optimizer.build(variables)
        checkpoint = tf.train.Checkpoint(optimizer=optimizer, variables=variables)
        if path:
            checkpoint.restore(path).assert_existing_objects_matched().assert_consumed()
        driver.apply(optimizer, variables, some)
        path = checkpoint.save(str(tmp_path / "checkpoint"))
    assert_same(state(optimizer, variables), run(**options))


def test_slots_are_tf_variables_among_the_optimizers_variables():
    optimizer, variables = RAdam(), new_variables("float32")
    optimizer.build(variables)
    unwrap = (lambda v: v.value) if KERAS_3 else (lambda v: v)
    known = [unwrap(v).ref() for v in optimizer.variables]
    for variable, *own in zip(variables, optimizer._momentums, optimizer._velocities, strict=True):
        for slot, word in zip(own, ("momentum", "velocity"), strict=True):
            assert isinstance(unwrap(slot), tf.Variable)
            assert unwrap(slot).ref() in known
            assert word in slot.name
            assert (unwrap(slot).shape, unwrap(slot).dtype) == (variable.shape, variable.dtype)


# Mistakes


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("learning_rate", -0.1),
        ("learning_rate", float("nan")),
        ("beta_1", 1.0),
        ("beta_1", -0.1),
        ("beta_2", 1.5),
        ("beta_2", "0.9"),
        ("epsilon", -1e-8),
        ("epsilon", float("inf")),
        ("epsilon_place", "inside"),
        ("threshold", 3.9),
        ("unrectified", "sgd"),
        ("weight_decay", -0.5),
        ("clipnorm", 0.0),
        ("clipvalue", float("nan")),
        ("ema_momentum", float("nan")),
        ("ema_overwrite_frequency", 1.5),
    ],
)
def test_bad_argument_is_named_with_its_value_and_what_is_allowed(argument, value):
    with pytest.raises(ValueError, match=argument) as error:
        RAdam(**{argument: value})
    assert repr(value) in str(error.value)
    assert "Allowed: " in str(error.value)


def test_optimizer_that_could_never_move_is_refused():
    with pytest.raises(ValueError, match=r"unrectified.*beta_2=0\.5.*threshold is 5"):
        RAdam(beta_2=0.5, unrectified="none")


def test_integer_variable_is_refused():
    with pytest.raises(ValueError, match=r"counter.*int32.*floating"):
        RAdam().build([tf.Variable(1, name="counter")])


def test_unknown_argument_is_refused():
    with pytest.raises((TypeError, ValueError), match="amsgrad"):
        RAdam(amsgrad=True)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import conformance; assert 'tensorflow' not in sys.modules", ""),
        ("sys.modules['tensorflow'] = None; from conformance import RAdam", "pip install tensorflow"),
        ("import conformance; conformance.Radam", "has no attribute 'Radam'"),
    ],
)
def test_import_without_tensorflow(code, says):
    process = subprocess.run([sys.executable, "-c", f"import sys; {code}"], capture_output=True, text=True)
    assert says in process.stderr.strip().rpartition("\n")[2]
    assert (process.returncode == 0) == (not says)


if KERAS_3:  # Keras 2 has no other backend than TensorFlow.

    def test_other_backend_is_refused(monkeypatch):
        monkeypatch.setattr(tf.keras.backend, "backend", lambda: "jax")
        with pytest.raises(ImportError, match=r"'jax'.*KERAS_BACKEND=tensorflow"):
            RAdam()


def test_example_of_the_docstring():
    result = doctest.testmod(conformance.radam)
    assert result.attempted > 0
    assert result.failed == 0
