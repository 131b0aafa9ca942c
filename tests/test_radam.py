"""What conformance.RAdam offers beside its numbers, which the conformance run judges step by step.

Nothing here has a tolerance: two ways to the same steps must agree to the bit. XLA, which rounds differently,
is left to the conformance run.
"""

from __future__ import annotations

import doctest
import json
import subprocess
import sys

import numpy as np
import pytest
import radam_driver as driver
import tensorflow as tf
from radam_driver import KERAS_3, assert_same, gradients, new_model, new_variables, split, state

import conformance.radam
from conformance import RAdam

STEPS = 12  # The first five are not rectified.
PICKY = {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}
VARIANTS = [
    {},
    {"epsilon_place": "after_correction", "threshold": 4.0},
    {"unrectified": "none", "weight_decay": 0.1},
    {"weight_decay": 0.1, "decoupled_weight_decay": False},
]
# Only Keras 3 has these two, and only Keras 2 has jit_compile.
OWN_TO_KERAS = (
    [{"loss_scale_factor": 8.0}, {"gradient_accumulation_steps": 2}] if KERAS_3 else [{"jit_compile": False}]
)
BASE_OPTIONS = [
    {"clipnorm": 1.0},
    {"clipvalue": 0.5},
    {"global_clipnorm": 1.0},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
    *OWN_TO_KERAS,
]


def schedule():
    return tf.keras.optimizers.schedules.PiecewiseConstantDecay([2, 7], [0.1, 0.02, 0.05])


def run(rows=None, dtype="float64", compiled=False, **options):
    """Parameters, slots and counter after a run through apply_gradients."""
    optimizer, variables = RAdam(**(PICKY | options)), new_variables(dtype)
    driver.apply(optimizer, variables, gradients(STEPS) if rows is None else rows, compiled)
    return state(optimizer, variables)


# One trajectory, however it is driven


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("options", VARIANTS + BASE_OPTIONS, ids=str)
def test_eager_and_graph_agree(options, dtype):
    assert_same(run(dtype=dtype, compiled=True, **options), run(dtype=dtype, **options))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_hand_written_loop_agrees(options, dtype):
    optimizer, variables = RAdam(**(PICKY | options)), new_variables(dtype)
    driver.tape(optimizer, variables, gradients(STEPS))
    assert_same(state(optimizer, variables), run(dtype=dtype, **options))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_fit_agrees(options, dtype):
    model = new_model(RAdam(**(PICKY | options)), dtype)
    driver.fit(model, gradients(STEPS, dtype))
    assert_same(state(model.optimizer, model.trainable_variables), run(dtype=dtype, **options))


def test_step_is_traced_once():
    optimizer, variables = RAdam(), new_variables()
    optimizer.build(variables)
    step = tf.function(lambda grads: optimizer.apply_gradients(zip(grads, variables, strict=True)))
    for row in gradients(STEPS):
        step([tf.constant(g) for g in split(row)])
        optimizer.learning_rate = 0.5 * optimizer.learning_rate.numpy()
    assert step.experimental_get_tracing_count() == 1


# Which steps are rectified


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("beta_2", [0.9, 0.99, 0.999, 0.9999, 0.99999])
@pytest.mark.parametrize(("threshold", "first"), [(4.0, 5), (5.0, 6), (6.0, 7)])
def test_first_rectified_step_depends_on_no_precision(dtype, beta_2, threshold, first):
    optimizer = RAdam(0.5, beta_2=beta_2, threshold=threshold, epsilon=1e-3, unrectified="none")
    variable = tf.Variable(0.0, dtype=dtype)  # At zero, where no step is too small to be seen.
    moved = []
    for _ in range(first + 1):
        before = variable.numpy()
        optimizer.apply_gradients([(tf.constant(1.0, dtype), variable)])
        moved.append(variable.numpy() != before)
    assert moved.index(True) + 1 == first


@pytest.mark.parametrize("beta_2", [0.0, 0.5, 0.6, 2 / 3])
def test_too_short_a_memory_never_rectifies(beta_2):
    """rho_inf ≤ 5, at 0.6 even exactly 4, where r_t would divide by zero."""
    first, second = run(beta_2=beta_2), run(beta_2=beta_2, epsilon=1.0, epsilon_place="after_correction")
    assert_same(first, second)


def test_first_step_by_hand():
    optimizer, variable = RAdam(0.125, beta_1=0.5), tf.Variable(1.0)
    optimizer.apply_gradients([(tf.constant(1.0), variable)])
    assert variable.numpy() == 0.875
    optimizer.apply_gradients([(tf.constant(-0.5), variable)])
    assert variable.numpy() == 0.875  # The momentum is 0 now.


def test_epsilon_has_no_place_when_it_is_zero():
    rows = gradients(STEPS) + 2.0**-10
    assert_same(run(rows, epsilon=0.0), run(rows, epsilon=0.0, epsilon_place="after_correction"))


@pytest.mark.parametrize("place", ["before_correction", "after_correction"])
def test_zero_gradients_move_nothing(place):
    variables = new_variables()
    driver.apply(RAdam(epsilon_place=place), variables, np.zeros((STEPS, 24)))
    assert_same([v.numpy() for v in variables], [v.numpy() for v in new_variables()])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("t", [0, 9])
def test_short_dtypes_are_float32_rounded_once(dtype, t):
    results, rows = [], tf.cast(gradients(1), dtype).numpy().astype("float64")
    for arithmetic in (dtype, "float32"):
        optimizer, variables = RAdam(**PICKY), new_variables(dtype)
        variables = [tf.Variable(tf.cast(v, arithmetic)) for v in variables]
        optimizer.build(variables)
        optimizer.iterations.assign(t)
        for slot in (*optimizer._momentums, *optimizer._velocities):
            slot.assign(tf.fill(slot.shape, tf.constant(0.25, arithmetic)))
        driver.apply(optimizer, variables, rows)
        results.append([tf.cast(x, dtype).numpy() for x in state(optimizer, variables)])
    assert_same(*results)


# Weight decay


def test_decoupled_decay_by_hand():
    optimizer, variables = RAdam(**PICKY), new_variables()
    rate = np.float64(np.float32(PICKY["learning_rate"]))
    for row in gradients(STEPS):
        for variable in variables:
            variable.assign(variable.numpy() - variable.numpy() * (rate * 0.1))
        driver.apply(optimizer, variables, row[None])
    assert_same(state(optimizer, variables), run(weight_decay=0.1))


def test_coupled_decay_by_hand():
    optimizer, variables = RAdam(**PICKY), new_variables()
    for row in gradients(STEPS):
        decay = np.concatenate([np.ravel(v.numpy()) for v in variables]) * 0.1
        driver.apply(optimizer, variables, (row + decay)[None])
    assert_same(state(optimizer, variables), run(weight_decay=0.1, decoupled_weight_decay=False))


@pytest.mark.parametrize("decoupled", [True, False])
@pytest.mark.parametrize("by_name", [True, False])
def test_excluded_variables_do_not_decay(by_name, decoupled):
    optimizer, variables = RAdam(**PICKY, weight_decay=0.1, decoupled_weight_decay=decoupled), new_variables()
    kept = tf.Variable(variables[2].numpy(), name="kernel_bias")
    variables[2] = kept
    optimizer.exclude_from_weight_decay(**({"var_names": ["bias"]} if by_name else {"var_list": [kept]}))
    driver.apply(optimizer, variables, gradients(STEPS))
    decayed, bare = run(weight_decay=0.1, decoupled_weight_decay=decoupled), run()
    assert_same([v.numpy() for v in variables], [*decayed[:2], bare[2]])
    assert not np.array_equal(decayed[2], bare[2])


def test_exclusion_after_build_is_refused():
    optimizer = RAdam(weight_decay=0.1)
    optimizer.build(new_variables())
    with pytest.raises(ValueError, match="before"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])


# Learning rates


@pytest.mark.parametrize("compiled", [False, True])
def test_schedule_is_assignment_in_mid_run(compiled):
    optimizer, variables, rows = RAdam(**PICKY), new_variables(), gradients(STEPS)
    for rate, some in ((0.1, rows[:3]), (0.02, rows[3:8]), (0.05, rows[8:])):
        optimizer.learning_rate = rate
        driver.apply(optimizer, variables, some, compiled)
    assert_same(state(optimizer, variables), run(rows, learning_rate=schedule(), compiled=compiled))


def test_float64_schedule_is_not_rounded():
    class Exact(tf.keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return tf.constant(0.1, tf.float64)

    optimizer, variable = RAdam(Exact(), beta_1=0.0), tf.Variable(1.0, dtype=tf.float64)
    optimizer.apply_gradients([(tf.constant(1.0, tf.float64), variable)])
    assert variable.numpy() == 1.0 - 0.1


@pytest.mark.parametrize("rate", [1, np.float32(0.5), np.float64(0.5)], ids=repr)
def test_any_number_is_a_learning_rate(rate):
    assert RAdam(rate).get_config()["learning_rate"] == float(rate)


# Gradients


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("shaped", [True, False])
@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize("indices", [[0, 2], [3, 1, 3], [2, 2, 2]], ids=str)
def test_sparse_is_dense(indices, options, shaped, compiled):
    assert_same(*sparse_and_dense(indices, options, shaped, compiled))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("options", BASE_OPTIONS, ids=str)
@pytest.mark.parametrize("indices", [[0, 2], [3, 1, 3], [2, 2, 2]], ids=str)
def test_sparse_is_dense_in_what_the_base_class_does(indices, options, compiled):
    """Keras' own optimizers clip rows of one index one by one, and fail at loss_scale_factor."""
    assert_same(*sparse_and_dense(indices, options, True, compiled))


def sparse_and_dense(indices, options, shaped, compiled):
    results = []
    for sparse in (True, False):
        optimizer, variable = RAdam(**(PICKY | options)), new_variables()[2]
        optimizer.build([variable])

        def step(values, optimizer=optimizer, variable=variable, sparse=sparse):
            gradient = tf.IndexedSlices(values, tf.constant(indices), tf.constant([4, 5]) if shaped else None)
            if not sparse:
                gradient = tf.math.unsorted_segment_sum(gradient.values, gradient.indices, 4)
            optimizer.apply_gradients([(gradient, variable)])

        step = tf.function(step) if compiled else step
        for row in gradients(STEPS):
            step(tf.constant(row[: 5 * len(indices)].reshape(-1, 5)))
        results.append(state(optimizer, [variable]))
    return results


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_variable_without_gradient_stays():
    optimizer, variables = RAdam(weight_decay=0.1), new_variables()
    optimizer.build(variables)
    optimizer.apply_gradients(zip([None, *split(gradients(1)[0])[1:]], variables, strict=True))
    assert_same([variables[0].numpy()], [new_variables()[0].numpy()])
    assert not np.array_equal(variables[2].numpy(), new_variables()[2].numpy())


@pytest.mark.parametrize("option", ["clipnorm", "global_clipnorm"])
def test_norm_clipping(option):
    clipped, plain = tf.Variable([1.0, 1.0]), tf.Variable([1.0, 1.0])
    RAdam(**{option: 5.0}).apply_gradients([(tf.constant([6.0, 8.0]), clipped)])
    RAdam().apply_gradients([(tf.constant([3.0, 4.0]), plain)])
    assert_same([clipped.numpy()], [plain.numpy()])


def test_value_clipping():
    assert_same(run(clipvalue=0.125), run(np.clip(gradients(STEPS), -0.125, 0.125)))


def test_constraint_is_applied_last():
    variable = tf.Variable([0.01, 1.0], constraint=tf.keras.constraints.NonNeg())
    RAdam(1.0).apply_gradients([(tf.constant([1.0, 1.0]), variable)])
    assert (variable.numpy() >= 0).all()


# Averages, accumulation, mixed precision


def test_average_watches_and_is_put_in_place_at_the_end():
    optimizer, variables = RAdam(**PICKY, use_ema=True, ema_momentum=0.5), new_variables()
    driver.apply(optimizer, variables, gradients(STEPS))
    assert_same(state(optimizer, variables), run())
    averages = [np.asarray(average) for average in optimizer._model_variables_moving_average]
    optimizer.finalize_variable_values(variables)
    assert_same([v.numpy() for v in variables], averages)
    assert not np.array_equal(averages[2], run()[2])


if KERAS_3:  # Keras 2 accumulates no gradients and has no loss_scale_factor.

    @pytest.mark.parametrize("options", VARIANTS, ids=str)
    @pytest.mark.parametrize("k", [2, 4])
    def test_accumulating_one_gradient_is_one_step(k, options):
        rows = np.repeat(gradients(STEPS), k, axis=0)
        accumulated = run(rows, gradient_accumulation_steps=k, **options)
        assert_same(accumulated[:-1], run(**options)[:-1])  # Before Keras 3.5 the counter counts micro-steps.

    def test_loss_scale_factor():
        assert_same(run(gradients(STEPS) * 2.0**20, loss_scale_factor=2.0**20), run())


@pytest.fixture
def mixed_float16():
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    yield tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("float32")


def test_mixed_precision(mixed_float16):
    """Gradients that float16 represents, times a power of two: the trajectory is that of float32.

    A gradient that overflows comes last, as Keras 2 (not Keras 3) counts the step that it skips.
    """
    model, rows = new_model(RAdam(**PICKY), mixed_float16), gradients(STEPS, "float32")
    assert isinstance(model.optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
    overflow = np.full((1, 24), 1e4, "float32")
    driver.fit(model, np.concatenate([rows, overflow]))
    assert {v.dtype for v in model.trainable_variables} <= {"float32", tf.float32}
    after = state(model.optimizer.inner_optimizer, model.trainable_variables)
    assert_same(after[:-1], run(dtype="float32")[:-1])


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
