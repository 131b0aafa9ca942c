"""The bound holds: real float32 and float64 arithmetic never leaves it, and it is not much wider.

Random programs of the operations that references are written in run three times: in NumPy's own float32
or float64, on `Bounded`, and, for what the other two share, in exact fractions. The hosts' scalars are
weak (Python floats) or strong (np.float32).
"""

from dataclasses import fields
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conformance.bindings.binding import Entry, Group
from conformance.cases.problems import Problem
from conformance.judge.evidence import Evidence
from conformance.judge.steps import Judge
from conformance.proof.numpy_driver import Host, NumPyDriver
from reference import REFERENCES
from reference.bounded import Bounded, average, number
from reference.bounded import strong as as_tensor
from reference.branches import TooManyBranches, candidates
from reference.formats import FORMATS, WORKING, working_precision

derandomized = settings(derandomize=True, deadline=None, database=None, max_examples=150)
SIZE = 4
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 3.0, 1e-10, 1e-20, 1e-38, 1.2e-38, 1e-40, 1e-45, 1e18, 3e38, 1 + 2.0**-23)


class Flushing(np.ndarray):
    """An array whose subnormal results become zero, as on a platform that sets the bit for it."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        (into,) = kwargs.pop("out", (None,))
        plain = [np.asarray(x) if isinstance(x, Flushing) else x for x in inputs]
        result = getattr(ufunc, method)(*plain, **kwargs)
        result = result if into is None else result.astype(into.dtype)
        if result.dtype.kind != "f":
            return result
        tiny = np.finfo(result.dtype).tiny
        return np.where(abs(result) < tiny, np.zeros((), result.dtype), result).view(Flushing)


def lerp(beta, old, new):
    """The moving average in the other order of evaluation, for numbers that are really rounded."""
    if isinstance(old, Bounded):
        return average(beta, old, new)
    return old + (1 - beta) * (new - old)


def lerp_from_end(beta, old, new):
    """And in the one that is used where the weight of the new value is large."""
    if isinstance(old, Bounded):
        return average(beta, old, new)
    return new - beta * (new - old)


UNARY = {
    "negative": lambda a: -a,
    "absolute": abs,
    "square": np.square,
    "sqrt": lambda a: np.sqrt(abs(a)),
    "sqrt of a difference": lambda a: np.sqrt(np.maximum(a, 0)),
    "sign": np.sign,
    "positive part": lambda a: np.maximum(a, 0.0),
    "clip": lambda a: np.minimum(np.maximum(a, -0.75), 0.75),
    "sum": lambda a: a * 0 + np.sum(a),
    "mean": lambda a: a * 0 + np.mean(a),
    "norm": lambda a: a / np.maximum(np.sqrt(np.sum(a * a)), 1e-3),
    "matmul": lambda a: (a.reshape(2, 2) @ a.reshape(2, 2)).reshape(SIZE),
    "power": lambda a: abs(a) ** 0.75,
    "inverse power": lambda a: abs(a) ** -0.5,
}
BINARY = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / abs(b),  # a zero has no sign on `Bounded`: np.maximum(-0.0, 0.0) has either
    "divide by a negative": lambda a, b: a / -np.maximum(abs(b), 1e-3),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "where": lambda a, b: np.where(a > b, a, b),
    "where equal": lambda a, b: np.where(a == b, a, -b),
    "average": lambda a, b: average(0.9, a, b),
    "lerp": lambda a, b: lerp(0.9, a, b),
    "lerp of a small beta": lambda a, b: lerp(0.1, a, b),
    "lerp from its end": lambda a, b: lerp_from_end(0.1, a, b),
}
SCALED = {
    "scaled": lambda a, c: a * c,
    "shifted": lambda a, c: a + c,
    "decayed": lambda a, c: a * (1 - c * 0.01),
    "corrected": lambda a, c: a / (1 - 0.9**3.0) * np.sqrt(1 + c * c),
}


def numbers(width):
    plain = st.floats(width=width, allow_nan=False, allow_infinity=False)
    ordinary = st.floats(-4, 4, width=width)
    return st.one_of(st.sampled_from([float(np.float32(x)) for x in SPECIAL]), ordinary, plain)


@st.composite
def programs(draw, width):
    arrays = draw(st.lists(st.lists(numbers(width), min_size=SIZE, max_size=SIZE), min_size=2, max_size=3))
    lines = []
    for i in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(("unary", "binary", "binary", "scaled")))
        names = {"unary": UNARY, "binary": BINARY, "scaled": SCALED}[kind]
        places = st.integers(0, len(arrays) + i - 1)
        lines.append((draw(st.sampled_from(sorted(names))), draw(places), draw(places)))
    constant = draw(st.sampled_from((0.1, 0.001, 0.875, 1e-8, 3.0)))
    return arrays, lines, constant


def evaluate(lines, arrays, constant):
    """All values that a program computes, in any arithmetic."""
    values = list(arrays)
    with np.errstate(all="ignore"):
        for name, i, j in lines:
            if name in UNARY:
                values.append(UNARY[name](values[i]))
            elif name in BINARY:
                values.append(BINARY[name](values[i], values[j]))
            else:
                values.append(SCALED[name](values[i], constant))
    return values


def inside(got, expected):
    """Where the number that was really computed lies within the bound."""
    got = np.asarray(got).astype(WORKING.dtype)
    with np.errstate(all="ignore"):
        same = (got == expected.value) | (np.isnan(got) & np.isnan(expected.value))
        return same | np.isinf(expected.error) | (abs(got - expected.value) <= expected.error)


def check(program, dtype, strong=False, flush=False):
    arrays, lines, constant = program
    fmt = FORMATS[dtype].flushing() if flush else FORMATS[dtype]
    given = [np.asarray(a, dtype) for a in arrays]
    if flush:
        given = [np.where(abs(a) < np.finfo(dtype).tiny, np.zeros((), dtype), a).view(Flushing) for a in given]
    scalar = np.dtype(dtype).type(constant) if strong else Host(constant)
    real = evaluate(lines, given, scalar)
    weak = number(constant)
    tensor = as_tensor(weak, fmt)
    exact = [Bounded(np.asarray(a), 0.0, fmt) for a in given]
    try:
        followed, _ = candidates(lambda: evaluate(lines, exact, tensor if strong else weak), limit=64)
    except TooManyBranches:
        assume(False)
    assert all(r.dtype == dtype for r in real)
    held = np.zeros((len(real), SIZE), bool)
    for values in followed:  # every element takes one answer at every comparison: one of these throughout
        held |= np.array([np.broadcast_to(inside(r, b), SIZE) for r, b in zip(real, values, strict=True)])
    if not held.all():
        line, element = np.argwhere(~held)[0]
        raise AssertionError(
            f"line {line}: got {real[line][element]!r}, expected "
            + " or ".join(f"{v[line].value[element]!r} +- {v[line].error[element]!r}" for v in followed)
        )


@derandomized
@given(programs(32), st.booleans())
def test_float32(program, strong):
    check(program, "float32", strong)


@derandomized
@given(programs(64), st.booleans())
def test_float64(program, strong):
    check(program, "float64", strong)


@derandomized
@given(programs(32))
def test_a_platform_that_flushes(program):
    check(program, "float32", flush=True)


@derandomized
@given(programs(64))
def test_a_platform_without_a_longer_long_double(program):
    with working_precision(np.float64):
        check(program, "float64")


# -- single operations, against exact fractions: the bound holds, and is not much wider ------------------
FRACTIONS = {  # the exact result of two fractions, and how many units of the result the bound may be
    "add": (np.add, lambda a, b: a + b, 1),
    "subtract": (np.subtract, lambda a, b: a - b, 1),
    "multiply": (np.multiply, lambda a, b: a * b, 1),
    "divide": (np.divide, lambda a, b: a / b, 1),
    "maximum": (np.maximum, max, 0),
    "average": (lambda a, b: average(0.875, a, b), lambda a, b: a * 7 / 8 + b / 8, None),
}


def mixed_signs(n, seed=0):
    rng = np.random.RandomState(seed)
    return rng.standard_normal(n) * 2.0 ** rng.randint(-9, 9, n)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FRACTIONS)
def test_an_operation_is_bounded_and_its_bound_is_reached(name, dtype):
    operation, exactly, units = FRACTIONS[name]
    fmt = FORMATS[dtype]
    a, b = (mixed_signs(500, seed).astype(dtype) for seed in (1, 2))
    real = operation(a, b)
    bounded = operation(Bounded(a, 0.0, fmt), Bounded(b, 0.0, fmt))
    exact = [exactly(Fraction(float(x)), Fraction(float(y))) for x, y in zip(a, b, strict=True)]
    off = [abs(Fraction(float(r)) - e) for r, e in zip(real, exact, strict=True)]
    bound = [fraction(e) for e in bounded.error]
    assert all(o <= e for o, e in zip(off, bound, strict=True))
    unit = Fraction(fmt.unit)
    if units is None:  # of what goes in: where the two cancel, the result itself is small
        wide = 4 * unit
        sizes = [abs(Fraction(float(x))) + abs(Fraction(float(y))) for x, y in zip(a, b, strict=True)]
    else:
        wide, sizes = Fraction(1001, 1000) * units * unit, [abs(e) for e in exact]
    assert all(e <= wide * s for e, s in zip(bound, sizes, strict=True))
    if units != 0:  # somewhere rounding takes most of what it is allowed
        assert max(o / e for o, e in zip(off, bound, strict=True) if e) > Fraction(1, 2 if units else 4)


def fraction(x):
    """The exact fraction of an extended number."""
    high = float(x)
    return Fraction(high) + Fraction(float(x - np.longdouble(high)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("function", "units"), [(np.sqrt, 1), (np.exp, 8), (np.log, 8), (np.cos, 8), (np.sin, 8)])
def test_a_function_is_bounded(function, units, dtype):
    fmt = FORMATS[dtype]
    a = np.exp(mixed_signs(4000) % 4).astype(dtype)
    bounded = function(Bounded(a, 0.0, fmt))
    assert inside(function(a), bounded).all()
    assert np.all(bounded.error <= 1.001 * units * fmt.unit * abs(bounded.value))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_sums_and_products_of_matrices(n, dtype):
    fmt = FORMATS[dtype]
    a = mixed_signs(n * n).reshape(n, n).astype(dtype)
    exact = Bounded(a, 0.0, fmt)
    for real, bounded, size in (
        (np.sum(a), np.sum(exact), n * n * np.sum(abs(a))),
        (np.sum(a, axis=1), np.sum(exact, axis=1), n * np.sum(abs(a), axis=1)),
        (np.mean(a), np.mean(exact), 2 * np.sum(abs(a))),
        (np.dot(a, a.T), np.dot(exact, exact.T), n * (abs(a) @ abs(a.T))),
        (np.outer(a[0], a[0]), np.outer(exact[0], exact[0]), np.outer(abs(a[0]), abs(a[0]))),
    ):
        assert inside(real, bounded).all()
        assert np.all(bounded.error <= 1.001 * fmt.unit * size)


# -- whole steps of the references ----------------------------------------------------------------------
@st.composite
def options(draw, reference):
    """Hyperparameters from what the fields say of themselves."""
    chosen = {}
    for f in fields(reference):
        about = f.metadata
        values = [f.default, about["base"], *([] if about["probe"] is None else [about["probe"]]), *about["one_of"]]
        chosen[f.name] = draw(st.sampled_from(values))
    try:
        return reference(**chosen)
    except ValueError:  # a combination that the rule does not define
        assume(False)


def judged(reference, tensors, params, grads, dtype):
    """The judge of real steps, taken in NumPy: of two tensors, so that what they share is seen to be."""
    slots = {name: name for name in reference.init(params)}
    entry = Entry("any", "Any", REFERENCES["sgd"], {}, slots=slots, tensors=frozenset(tensors))
    groups = [Group((0, 1), reference)]
    driver = NumPyDriver(entry, groups, params, dtype)
    states = [driver.read()]
    with np.errstate(all="ignore"):
        for g in grads:
            driver.step(g)
            states.append(driver.read())
    problem = Problem("drawn", "", tuple(params), tuple(tuple(g) for g in grads))
    return Judge(Evidence(entry, FORMATS[dtype], groups, problem, states))


# Those that take gradients as arrays, and whose bound is derived: Muon's is statistical, L-BFGS takes a closure.
STEPPED = [
    n for n, c in sorted(REFERENCES.items()) if c.gradients == "dense" and c.bound == "derived" and not c.closure
]


@pytest.mark.parametrize("name", STEPPED)
@settings(derandomized, max_examples=25)
@given(st.data())
def test_steps_of_a_reference(name, data):
    reference = data.draw(options(REFERENCES[name]))
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    width = 32 if dtype == "float32" else 64
    pairs = st.lists(numbers(width), min_size=8, max_size=8).map(
        lambda x: [np.array(x[:6]).reshape(2, 3), np.array(x[6:])]
    )
    params, *grads = data.draw(st.lists(pairs, min_size=4, max_size=6))
    tensors = data.draw(st.sampled_from([[], ["learning_rate"], [f.name for f in fields(reference)] + ["step"]]))
    judge = judged(reference, tensors, params, grads, dtype)
    try:
        locked, free = judge.locked(), judge.free()
    except TooManyBranches:
        assume(False)
    assert max(locked.ratio, free.ratio) <= 1, (reference, locked.worst, free.worst)


LONG = {
    "sgd": {"momentum": 0.9, "weight_decay": 0.01},
    "adam": {"learning_rate": 1e-3},
    "rmsprop": {"momentum": 0.5, "epsilon": 1e-3},
}


@pytest.mark.parametrize("name", LONG)
def test_a_thousand_steps_on_its_own(name):
    """The recurrences contract, so that the free-running bound stays narrow, and it holds."""
    reference = REFERENCES[name](**LONG[name])
    rng = np.random.RandomState(0)
    grads = [[g[:15], g[15:]] for g in rng.standard_normal((1000, 16)).astype(np.float32)]
    free = judged(reference, [], [np.ones(15), np.zeros(1)], grads, "float32").free()
    assert free.ratio <= 1
    assert free.resolved_steps == 1000
