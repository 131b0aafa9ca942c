"""What conformance.RAdam offers beside its numbers, which the conformance run judges step by step.

Nothing here has a tolerance: two ways to the same steps must agree to the bit. XLA, which rounds differently,
is left to the conformance run.
"""

from __future__ import annotations

import numpy as np
import pytest
import radam_driver as driver
import tensorflow as tf
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
    split,
    state,
)

from conformance import RAdam

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
