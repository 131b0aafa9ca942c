"""`Bounded`: a bound is never lost silently, and a comparison that rounding could turn is never guessed."""

import numpy as np
import pytest

from reference.bounded import Bounded, average, could_be_negative, strong
from reference.branches import Ambiguous, TooManyBranches, candidates
from reference.formats import FLOAT32, FLOAT64, FORMATS, WORKING, working_precision

U32, U64 = FLOAT32.unit, FLOAT64.unit


def array(*values, error=0.0, fmt=FLOAT32):
    return Bounded(np.array(values), error, fmt)


def weak(value):
    return Bounded(value, weak=True)


# -- what is refused ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "call",
    [
        lambda a: np.arctan(a),
        lambda a: np.arctan2(a, 1.0),
        lambda a: np.add.reduce(a),
        lambda a: np.add(a, 1, out=np.zeros(2)),
        lambda a: np.cumsum(a),
        lambda a: np.linalg.norm(a),
        lambda a: np.sort(a),
        lambda a: np.stack([a, a]),
        lambda a: a + "text",
        lambda a: a + None,
    ],
)
def test_an_unknown_function_is_refused(call):
    with pytest.raises(TypeError, match=r"no error bound is known|cannot bound"):
        call(array(1.0, 2.0))


@pytest.mark.parametrize("convert", [np.asarray, np.array, float, lambda a: np.zeros(2) + np.asarray(a)])
def test_it_does_not_become_a_plain_array(convert):
    with pytest.raises(TypeError, match="would lose the error bound"):
        convert(array(1.0))


def test_a_plain_array_does_not_swallow_it():
    a = array(1.0, 2.0)
    for result in (np.ones(2) + a, np.ones(2) * a, np.float32(3) - a, np.float64(3) / a, 2.0**a, 1 - a):
        assert isinstance(result, Bounded)
        assert result.fmt is FLOAT32
    shaped = np.where(np.array([True, False]), a, 0.0), np.zeros_like(a), np.maximum(a, 0), np.sum(a), np.copy(a)
    assert all(isinstance(r, Bounded) for r in shaped)


def test_it_is_no_key():
    with pytest.raises(TypeError, match="unhashable"):
        hash(array(1.0))


# -- scalars --------------------------------------------------------------------------------------------
def test_a_weak_scalar_is_rounded_once_where_it_has_to_be():
    one = array(1.0)
    assert (one * 0.875).error[0] <= 1.001 * U32 * 0.875  # exact: only the product's rounding
    assert (one * 0.1).error[0] > 1.9 * U32 * 0.1  # and its own
    assert (one * weak(0.1)).error[0] > 1.9 * U32 * 0.1


def test_weak_scalars_compute_in_the_hosts_precision():
    kept = 1 - weak(0.999) ** 3.0
    assert kept.weak
    assert 0 < kept.error < 10 * U64
    assert strong(kept, FLOAT32).error > U32 * kept.value
    tensor = 1 - strong(weak(0.999), FLOAT32) ** 3.0
    assert not tensor.weak
    assert tensor.error > U32  # 1 - 0.997 in float32 has lost digits


def test_exact_scalars_stay_exact():
    assert (weak(0.875) * 0.5 - 0.25).error == 0
    assert strong(weak(3.0) + 1, FLOAT32).error == 0
    assert (weak(0.1) * 1).error == 0
    assert (weak(1.0) / 3.0).error > 0


def test_a_strong_format_beats_a_weak_one_and_an_array_a_scalar():
    scalar64 = Bounded(np.asarray(2.0), 0.0, FLOAT64)
    assert (array(1.0) * scalar64).fmt is FLOAT32
    assert (weak(0.1) * scalar64).fmt is FLOAT64
    assert (weak(0.1) * weak(2.0)).weak


# -- comparisons ----------------------------------------------------------------------------------------
def test_a_comparison_is_yes_no_or_maybe():
    a = array(1.0, 3.0, error=0.5)
    assert (a > 0).all()
    assert (a < 4).all()
    assert list(a > 2) == [False, True]
    for maybe in (lambda: a > 1.25, lambda: a >= 1.25, lambda: a < 1.25, lambda: a == 1.25, lambda: np.sign(a - 1)):
        with pytest.raises(Ambiguous, match="rounding could change"):
            maybe()


def test_exact_numbers_always_compare():
    a = array(1.0, -0.0)
    assert list(a == 1) == [True, False]
    assert list(a >= 1) == [True, False]
    assert list(a > 0) == [True, False]
    assert list(np.sign(a).value) == [1, 0]


def test_the_edge_of_a_bound_is_not_crossed():
    a = array(1.0, error=0.25)
    assert not a > 1.25  # at most equal
    assert a >= 0.75
    with pytest.raises(Ambiguous):
        assert a > 0.75


def test_a_plain_if_on_a_maybe_raises():
    def step():
        return "a branch" if Bounded(np.asarray(1.0), 0.1) > 1 else "another"

    with pytest.raises(Ambiguous):
        step()
    with pytest.raises(Ambiguous):
        bool(Bounded(np.asarray(0.0), 0.1))
    assert bool(Bounded(np.asarray(1.0), 0.1))


@pytest.mark.filterwarnings("ignore:invalid value")
def test_nan_and_inf_compare_as_they_do():
    a = array(np.nan, np.inf, -np.inf)
    assert list(a > 0) == [False, True, False]
    assert list(a == np.inf) == [False, True, False]
    assert list(a >= np.inf) == [False, True, False]


# -- candidates -----------------------------------------------------------------------------------------
def test_candidates_follow_every_combination_of_answers():
    a, b = array(1.0, error=0.5), array(2.0, error=0.5)

    def evaluate():
        return np.where(a > 1.25, 10.0, 20.0) + np.where(b > 2.25, 1.0, 2.0)

    results, maybes = candidates(evaluate)
    assert sorted(float(r[0]) for r in results) == [11, 12, 21, 22]
    assert maybes == 2


def test_candidates_of_a_branch_that_only_one_answer_reaches():
    a = array(1.0, error=0.5)

    def evaluate():
        if a > 1.25:
            return "large"
        return "small" if a < 0.75 else "middle"

    assert sorted(candidates(evaluate)[0]) == ["large", "middle", "small"]


def test_without_a_maybe_there_is_one_candidate():
    assert candidates(lambda: array(1.0) > 0)[1] == 0
    assert len(candidates(lambda: array(1.0) > 0)[0]) == 1


def test_candidates_are_capped():
    a = array(1.0, error=0.5)
    with pytest.raises(TooManyBranches, match="more than 4"):
        candidates(lambda: [a > 1.25 for _ in range(3)], limit=4)
    with pytest.raises(Ambiguous):  # and nothing of it is left behind
        assert a > 1.25


def test_candidates_within_candidates():
    a = array(1.0, error=0.5)
    results, _ = candidates(lambda: (len(candidates(lambda: a > 1.25)[0]), bool(a > 1.25)))
    assert sorted(results) == [(2, False), (2, True)]


# -- infinite and unknown -------------------------------------------------------------------------------
@pytest.mark.parametrize("fmt", FORMATS.values(), ids=str)
def test_overflow(fmt):
    with np.errstate(all="ignore"):
        large = array(fmt.largest, fmt=fmt)
        surely, maybe = large * 2, large * (1 + fmt.unit)
        assert (surely.value, surely.error) == (np.inf, 0)
        assert maybe.error == np.inf
        assert (large / 2).error < np.inf


def test_division_by_what_could_be_zero():
    with np.errstate(all="ignore"):
        unknown = array(1.0) / array(1e-3, error=1e-2)
        zero = array(1.0, 0.0) / array(0.0)
    assert unknown.error == np.inf
    assert np.isinf(zero.value[0])
    assert np.isnan(zero.value[1])
    assert list(zero.error) == [0, 0]


def test_what_could_be_anything_stays_so():
    with np.errstate(all="ignore"):
        unknown = array(1.0) / array(1e-3, error=1e-2)
        infinite = array(np.inf)
        for result in (unknown * 0, unknown / unknown, infinite + unknown, infinite * unknown, infinite - unknown):
            assert result.error == np.inf
        assert np.sqrt(unknown).error == np.maximum(unknown, infinite).error == np.inf
        assert (infinite * array(2.0, error=1.0)).error == 0  # surely infinite
        assert (infinite * array(0.5, error=1.0)).error == np.inf


def test_roots_of_what_could_be_negative():
    with np.errstate(all="ignore"):
        assert np.isnan(np.sqrt(array(-1.0, error=0.5)).value)
        assert np.sqrt(array(-0.1, error=0.5)).error == np.inf
        assert np.sqrt(array(0.0)).error == 0
        # Taken for a variance held at 0 from below: np.maximum(x, 0) keeps no sign.
        assert np.sqrt(array(1e-4, error=1e-2)).error < 0.11
        assert np.sqrt(could_be_negative(array(1e-4, error=1e-2))).error == np.inf


def test_underflow():
    for fmt in FORMATS.values():
        tiny = array(fmt.smallest_normal, fmt=fmt)
        for result in (tiny * tiny, tiny / 3, tiny @ tiny):
            assert np.all(result.error >= fmt.underflow)
            assert np.all(result.error > 0)
        assert (tiny - tiny * 0.75).error <= 4 * fmt.underflow  # a sum of subnormals is exact
        flushing = Bounded(tiny.value, 0.0, fmt.flushing())
        assert np.all((flushing - flushing * 0.75).error >= fmt.smallest_normal)


# -- moving averages ------------------------------------------------------------------------------------
def test_an_average_of_plain_numbers():
    assert average(0.75, 4.0, 8.0) == 5.0


def test_an_average_contracts():
    old = array(1.0, error=1e-3)
    for _ in range(200):
        old = average(0.875, old, array(1.0))
    assert old.error < 30 * U32


# -- the working precision ------------------------------------------------------------------------------
def test_the_working_precision_is_longer_here():
    assert WORKING.is_wider
    assert np.finfo(WORKING.dtype).nmant >= 63


def test_without_a_longer_long_double_bounds_grow_by_the_references_own_rounding():
    a, b = np.array([0.1]), np.array([0.3])
    before = Bounded(a, 0.0, FLOAT64) * Bounded(b, 0.0, FLOAT64)
    with working_precision(np.float64):
        assert not WORKING.is_wider
        shorter = Bounded(a, 0.0, FLOAT64) * Bounded(b, 0.0, FLOAT64)
        assert shorter.value.dtype == np.float64
        exact = weak(0.5) * 0.5
    assert WORKING.is_wider
    assert 1.99 < float(shorter.error[0] / before.error[0]) < 2.01
    assert exact.error > 0  # nothing can be seen to be exact


def test_the_header_says_which_it_was():
    from conformance.judge.ledger import Ledger
    from conformance.run.header import make_header

    assert make_header("any", [], {}, {}, Ledger(())).longdouble_is_wider
    with working_precision(np.float64):
        assert not make_header("any", [], {}, {}, Ledger(())).longdouble_is_wider
