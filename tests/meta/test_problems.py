"""The problems: the same numbers everywhere, and in each what it says it is about."""

import math
import subprocess
import sys

import numpy as np
import pytest

from conformance.areas import registry
from conformance.bindings import BINDINGS
from conformance.cases import optimizers, problems, table
from conformance.proof.trials import of_optimizer, unmutated
from reference.rows import Rows

NAMES = problems.names()
OBJECTIVES = [n for n in NAMES if problems.problem(n).objective]
ROWS = [n for n in NAMES if n.endswith("-rows") and f"{n}-rows" not in NAMES]
DENSE = [n for n in NAMES if n not in OBJECTIVES and n not in ROWS]
# What every optimizer runs on; "kernels" and the like are about tensors or ties that only some rules look at.
EVERYWHERE = {c.problem for c in table.BEHAVIOUR}


def stream(name, tensor=2, steps=problems.STEPS):
    """The gradients of one tensor, the step first; by default of the matrix."""
    return np.array([g[tensor] for g in problems.problem(name, steps).grads])


# -- the same for all ------------------------------------------------------------------------------------
def test_the_digest_is_the_same_in_another_process():
    script = "from conformance.areas import registry; print(registry.digest())"
    fresh = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert fresh.stdout.strip() == registry.digest()
    assert len(registry.digest()) == 16


def test_the_numbers_are_those_of_the_first_day():
    """NumPy froze this generator's stream: another NumPy has to make the same data."""
    probing, ordinary = problems.problem("probing"), problems.problem("ordinary")
    assert probing.params[1][1] == ordinary.params[1][1] == -0.02548287995159626
    assert ordinary.grads[0][1][0] == 0.32137876749038696


@pytest.mark.parametrize("name", NAMES)
def test_made_again_it_is_the_same(name):
    first = problems.problem(name)
    problems.problem.cache_clear()
    again = problems.problem(name)
    assert first is not again
    assert [x.tobytes() for x in numbers(first)] == [x.tobytes() for x in numbers(again)]


def numbers(problem):
    """All arrays of a problem; those of a sparse gradient, its indices too."""
    given = [g for step in problem.grads for g in step if g is not None]
    sparse = [x for g in given if isinstance(g, Rows) for x in (g.indices, g.values)]
    return [*problem.params, *(g for g in given if not isinstance(g, Rows)), *sparse]


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_finite_and_float32(name):
    problem = problems.problem(name)
    assert problem.steps == problems.STEPS
    assert problem.why
    for array in numbers(problem):
        assert np.isfinite(array).all()
        np.testing.assert_array_equal(array, array.astype(np.float32))  # float64 and float32 see the same


@pytest.mark.parametrize("name", DENSE)
def test_shapes(name):
    problem = problems.problem(name)
    shapes = problems.OTHER_SHAPES.get(name, problems.SHAPES)
    shapes = (*shapes, shapes[-1]) if name == "twins" else shapes
    assert [p.shape for p in problem.params] == list(shapes)
    for step in problem.grads:
        assert len(step) == len(problem.params)
        assert all(g is None or g.shape == s for g, s in zip(step, shapes, strict=True))
        assert any(g is not None for g in step)


@pytest.mark.parametrize("name", ROWS)
def test_sparse_gradients(name):
    """Rows that are absent, out of order, there twice, and none at all: in every problem of this form."""
    problem = problems.problem(name)
    found = [g for step in problem.grads for g in step if g is not None]
    for p, step in zip(problem.params, zip(*problem.grads, strict=True), strict=True):
        assert all(g is None or (g.shape == p.shape and g.values.shape[1:] == p.shape[1:]) for g in step)
    assert all(((g.indices >= 0) & (g.indices < g.shape[0])).all() for g in found)
    absent = [len(set(g.indices.tolist())) < g.shape[0] for g in found]
    assert any(absent)
    assert any(len(g.indices) == 0 for g in found)
    assert any(len(set(g.indices.tolist())) < len(g.indices) for g in found)
    assert any((np.diff(g.indices) < 0).any() for g in found)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_gradient_of_an_objective_is_its_slope(name):
    """Along random directions, by central differences of fourth order."""
    problem = problems.problem(name)
    objective = problem.closures(np.asarray)[0]
    start = np.concatenate([p.reshape(-1) for p in problem.params])
    rng = np.random.RandomState(0)
    for _ in range(5):
        x, d, h = start + rng.standard_normal(start.size) / 8, rng.standard_normal(start.size), 1e-3
        d = d / np.sqrt(d @ d)
        f = [float(objective(x + k * h * d)[0]) for k in (-2, -1, 1, 2)]
        slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)
        assert abs(slope - float(objective(x)[1] @ d)) < 1e-6 * (1 + abs(slope))


def test_the_tensors_are_a_scalar_a_vector_and_a_matrix_of_odd_sizes():
    assert sorted(len(s) for s in problems.SHAPES) == [0, 1, 2]
    assert all(n % 2 for s in problems.SHAPES for n in s)
    assert len({math.prod(s) for s in problems.SHAPES}) == len(problems.SHAPES)


def test_every_problem_is_in_the_table_of_every_optimizer():
    for binding in BINDINGS.values():
        for entry in binding.entries.values():
            form = "" if entry.reference.gradients == "dense" else f"-{entry.reference.gradients}"
            assert {f"{name}{form}" for name in EVERYWHERE} <= {c.problem for c in table.cases(entry)}
    assert {"probing", "ordinary", "zeros", "missing", "late", "huge", "tiny"} <= EVERYWHERE


def test_every_problem_is_in_the_table():
    used = {i.case.problem for i in optimizers.checks()}
    assert set(DENSE) | set(OBJECTIVES) <= used


# -- each has what it says -------------------------------------------------------------------------------
def test_half_of_the_parameters_start_at_zero():
    for name in NAMES:
        for p in problems.problem(name).params:
            assert (p.reshape(-1)[::2] == 0).all()
            assert (p.reshape(-1)[1::2] != 0).all()


def test_probing_has_every_size_and_pattern():
    g = stream("probing", steps=24).reshape(24, -1)
    sizes = np.log2(abs(g[g != 0]))
    assert sizes.min() < -14  # far below the base epsilon, 2^-10
    assert sizes.max() > 4
    assert all(((sizes > low) & (sizes < low + 3)).any() for low in range(-14, 4, 3))
    zero_at_times = (g == 0).any(axis=0)
    assert 0.2 < zero_at_times.mean() < 0.8
    assert ((np.sign(g[1:]) * np.sign(g[:-1])) == -1).all(axis=0).any()  # one that flips at every step
    assert (abs(g[11]) < 2.0**-9 * abs(g[0]))[g[0] != 0].any()  # one that shrinks
    assert (g[:4] == 0).all(axis=0).any()  # one that begins late
    assert (abs(g[23]) > 3 * abs(g[1])).any()  # one that grows
    assert ((g > 0).all(axis=0) | (g < 0).all(axis=0)).any()  # one that is nearly constant


def test_zeros():
    assert (stream("zeros")[:4] == 0).all()
    assert (stream("zeros")[::3] == 0).all()
    assert (stream("zeros")[4:6] != 0).all()
    assert (stream("zeros", tensor=1) == 0).all()


def test_missing_and_late():
    gone = [[g is None for g in step] for step in problems.problem("missing").grads]
    assert [t for t, step in enumerate(gone) if step[1]] == [t for t in range(problems.STEPS) if t % 4 in (1, 2)]
    assert not any(step[0] or step[2] for step in gone)
    late = [[g is None for g in step] for step in problems.problem("late").grads]
    assert [step[2] for step in late] == [True] * 5 + [False] * (problems.STEPS - 5)
    assert not any(step[0] or step[1] for step in late)


def test_tiny_and_vanishing():
    tiny, vanishing = stream("tiny"), stream("vanishing")
    normal = float(np.finfo(np.float32).tiny)
    assert (tiny**2 > normal).all()  # squares that float32 still holds, below any epsilon
    assert (abs(tiny) < 1e-14).all()
    with np.errstate(under="ignore"):
        assert (vanishing.astype(np.float32) ** 2 == 0).all()
    assert (abs(vanishing) > normal).all()
    assert (np.sign(vanishing[1:]) != np.sign(vanishing[:-1])).any()


def test_huge():
    g = abs(stream("huge"))
    assert g[:7].max() < 1e2 < 1e9 < np.median(g[7:])
    assert (stream("huge") ** 2 < np.finfo(np.float32).max).all()


def test_constant_shrinking_flipping():
    assert (np.diff(stream("constant"), axis=0) == 0).all()
    halves = stream("shrinking")[1:] / stream("shrinking")[:-1]
    assert abs(halves - 0.5).max() < 1e-6
    flipping = np.sign(stream("flipping"))
    assert (flipping[1:] == -flipping[:-1]).all()
    assert (flipping != 0).all()


def test_sparse():
    zero = stream("sparse") == 0
    assert 0.75 < zero.mean() < 0.95
    assert not zero.all(axis=0).all()


# -- the branches that the rules have are taken -----------------------------------------------------------
def in_float32(optimizer):
    return [t for t in of_optimizer(optimizer) if t.dtype == "float32"]


def test_both_branches_of_radam_are_taken():
    """In the same case, so that the step from one to the other is seen too."""
    crossing = 0
    for trial in in_float32("radam"):
        rule = trial.case.groups(trial.entry)[0].reference
        rule = getattr(rule, "inner", None) or rule
        infinite = 2 / (1 - rule.beta_2) - 1
        t = np.arange(1, trial.case.steps + 1)
        rho = infinite - 2 * t * rule.beta_2**t / (1 - rule.beta_2**t)
        crossing += (rho > rule.threshold).any() and (rho <= rule.threshold).any()
        assert abs(rho - rule.threshold).min() > 1e-3  # and never so near that rounding would choose
    assert crossing > 20


def test_both_bounds_of_the_step_size_of_rprop_are_reached():
    reached = {"smallest": set(), "largest": set(), "between": set()}
    for trial in in_float32("rprop"):
        smallest, largest = trial.groups()[0].reference.step_sizes
        sizes = np.concatenate([s.slots["step_size"][-1].reshape(-1) for s in unmutated(trial)])
        if (sizes == np.float32(smallest)).any():
            reached["smallest"].add(trial.case.name)
        if (sizes == np.float32(largest)).any():
            reached["largest"].add(trial.case.name)
        if ((sizes > smallest) & (sizes < largest)).any():
            reached["between"].add(trial.case.name)
    assert "bounds-reached" in reached["smallest"] & reached["largest"]
    assert {"step-sizes", "start-outside"} <= reached["largest"] | reached["smallest"]
    assert "probing" in reached["between"]


def test_amsgrads_maximum_is_more_than_the_last_value():
    for trial in in_float32("adam"):
        if trial.case.name == "amsgrad":
            last = unmutated(trial)[-1].slots
            assert (last["v_max"][-1] > 1.1 * last["v"][-1]).any()
            assert (last["v_max"][-1] == last["v"][-1]).any()


def test_clipping_is_met_and_not_met():
    """Above the limit and below it, each tensor by itself and all together."""
    data = {
        t.case.name: (t.case.wrapping, t.case.data(t.entry).grads) for t in in_float32("sgd") if t.case.wrapping
    }
    wrapping, grads = data["clip-value"]
    sizes = [float(x) for step in grads for g in step for x in abs(g).reshape(-1)]
    assert min(sizes) < wrapping["clip_value"] < max(sizes)
    wrapping, grads = data["clip-norm-below"]
    for tensor in range(len(grads[0])):
        norms = [float(np.sqrt(np.sum(step[tensor] ** 2))) for step in grads]
        assert min(norms) < wrapping["clip_norm"] < max(norms)
    wrapping, grads = data["global-clip-norm-below"]
    norms = [math.sqrt(sum(float(np.sum(g**2)) for g in step)) for step in grads]
    assert min(norms) < wrapping["global_clip_norm"] < max(norms)
