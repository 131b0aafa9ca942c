"""Arithmetic, functions and comparisons, element by element: the rules stated in `reference.bounded`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.branches import decide
from reference.duck import RULES, Bounded
from reference.formats import WORKING
from reference.rounding import alone, every, is_exact, lift, meet, remembered, rounded


@remembered
def add(a: Any, b: Any) -> Bounded:
    a, b, fmt, weak = meet(a, b)
    return rounded(a.value + b.value, _together(a, b), fmt, weak, 1, False, is_exact(a, b))


@remembered
def subtract(a: Any, b: Any) -> Bounded:
    a, b, fmt, weak = meet(a, b)
    return rounded(a.value - b.value, _together(a, b), fmt, weak, 1, False, is_exact(a, b))


def _together(a: Bounded, b: Bounded) -> np.ndarray:
    """The sum of two errors; adding zero is skipped, because most operands are exact."""
    zero = WORKING.zero
    return b._error if a._error is zero else a._error if b._error is zero else a._error + b._error


@remembered
def multiply(a: Any, b: Any) -> Bounded:
    a, b, fmt, weak = meet(a, b)
    error = zero = WORKING.zero
    if b._error is not zero:
        error = abs(a.value) * b._error
    if a._error is not zero:
        of_a = (abs(b.value) if b._error is zero else abs(b.value) + b._error) * a._error
        error = of_a if error is zero else error + of_a
    return rounded(a.value * b.value, error, fmt, weak, 1, True, is_exact(a, b), (a, b))


@remembered
def divide(a: Any, b: Any) -> Bounded:
    a, b, fmt, weak = meet(a, b)
    value = a.value / b.value
    if b._error is WORKING.zero and every(b.value != 0, axis=None):
        error = a._error if a._error is WORKING.zero else a._error / abs(b.value)
        return rounded(value, error, fmt, weak, 1, True, is_exact(a, b), (a, b))
    room = abs(b.value) - b._error  # the divisor is at least this far from zero
    if every(room > 0, axis=None):
        error = (a._error + abs(value) * b._error) / room
        return rounded(value, error, fmt, weak, 1, True, is_exact(a, b), (a, b))
    error = np.where(room > 0, (a._error + abs(value) * b._error) / np.where(room > 0, room, 1), np.inf)
    error = np.where((b._error == 0) & (b.value == 0), 0, error)  # a true division by zero: inf or nan
    return rounded(value, error, fmt, weak, 1, True, is_exact(a, b), (a, b))


@remembered
def sqrt(a: Any) -> Bounded:
    a, fmt, weak = alone(a)
    value = np.sqrt(a.value)
    least = a.value - a._error
    if every(least > 0, axis=None):
        error = a._error if a._error is WORKING.zero else a._error / (value + np.sqrt(least))
        return rounded(value, error, fmt, weak, 1, False, is_exact(a))
    low = np.sqrt(np.maximum(least, 0))
    error = np.maximum(value, np.sqrt(np.maximum(a.value, 0) + a._error) - value)
    error = np.where(low > 0, a._error / np.where(low > 0, value + low, 1), error)
    # Where a negative radicand may be positive the root could be anything; where it cannot, it is nan.
    unknown = (a.value < 0) & (a.value + a._error >= 0)
    error = np.where(unknown, np.inf, error)
    value = np.where(unknown, 0, value)
    return rounded(value, np.where(a._error == 0, 0, error), fmt, weak, 1, False, is_exact(a))


@remembered
def power(a: Any, b: Any) -> Bounded:
    a, b, fmt, weak = meet(a, b)
    value = a.value**b.value
    room = abs(a.value) - a._error
    with np.errstate(all="ignore"):
        base = np.where(a._error == 0, 0, (abs(b.value) + b._error) * a._error / np.where(room > 0, room, 1))
        exponent = np.where(b._error == 0, 0, abs(np.log(abs(a.value))) * b._error)
        error = np.where((room > 0) | (a._error == 0), abs(value) * np.expm1(base + exponent), np.inf)
        # Around zero a positive power stays below (|a| + ea) ** b.
        near = (room <= 0) & (a._error > 0) & (b.value > 0) & (b._error == 0)
        error = np.where(near, (abs(a.value) + a._error) ** b.value, error)
        # Zero to a power that is surely positive is zero.
        error = np.where((a.value == 0) & (a._error == 0) & (b.value > b._error), 0, error)
    return rounded(value, error, fmt, weak, 3, True, is_exact(a, b) and bool(b.value == 1))


def function(f: Callable, slope: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[[Any], Bounded]:
    """A library function whose derivative within the error of the value is at most `slope`.

    Accurate to 8 units: vectorized float32 functions are allowed 4 units in the last place.
    """

    def rule(a: Any) -> Bounded:
        a, fmt, weak = alone(a)
        return rounded(f(a.value), slope(a.value, a._error) * a._error, fmt, weak, 8, False)

    return rule


def _extreme(pick: np.ufunc, a: Any, b: Any) -> Bounded:
    """The larger or smaller: no rounding, and where the two are clearly apart, only the chosen one's error."""
    a, b, fmt, weak = meet(a, b)
    value = pick(a.value, b.value)
    if a._error is WORKING.zero and b._error is WORKING.zero:
        return Bounded(value, WORKING.zero, fmt, weak)
    apart = abs(a.value - b.value) > a._error + b._error
    error = np.where(apart, np.where(value == a.value, a._error, b._error), np.maximum(a._error, b._error))
    return Bounded(value, np.where(np.isfinite(value) | np.isinf(error), error, 0), fmt, weak)


@remembered
def maximum(a: Any, b: Any) -> Bounded:
    return _extreme(np.maximum, a, b)


@remembered
def minimum(a: Any, b: Any) -> Bounded:
    return _extreme(np.minimum, a, b)


def compare(a: Any, b: Any, relation: np.ufunc) -> np.ndarray:
    """a > b or a >= b: yes, no, or the answer of the branch that `candidates` follows."""
    a, b, _, _ = meet(a, b)
    difference, error = a.value - b.value, a._error + b._error
    same = ~np.isfinite(a.value) & (a.value == b.value)
    difference = np.where(same, 0, difference)
    # "a > b" is surely true where d > e, and surely false where d <= -e; for ">=", d >= e and d < -e.
    surely = relation(difference, error)
    surely_not = ~relation(difference, -error)
    return decide(surely, surely_not, a, b)


def equal(a: Any, b: Any) -> np.ndarray:
    a, b, _, _ = meet(a, b)
    difference = abs(a.value - b.value)
    error = a._error + b._error
    surely = ((difference == 0) | (a.value == b.value)) & (error == 0)
    return decide(surely, (difference > error) | (~surely & (error == 0)), a, b)


def sign(a: Any) -> Bounded:
    a, fmt, weak = alone(a)
    value = np.where(a > 0, 1, np.where(a < 0, -1, 0))
    error = np.where(np.isinf(a._error), np.inf, 0)  # a value that could be anything could be nan
    return Bounded(np.where(np.isnan(a.value), np.nan, value), error, fmt, weak)


@remembered
def floor(a: Any) -> Bounded:
    """Exact, unless a whole number lies within the error: then the result is one of the two."""
    a, fmt, weak = alone(a)
    low, high = np.floor(a.value - a._error), np.floor(a.value + a._error)
    if np.any(high > low + 1):
        return Bounded(np.floor(a.value), high - low, fmt, weak)
    if np.all(low == high):
        return Bounded(low, WORKING.zero, fmt, weak)
    return Bounded(np.where(a >= high, high, low), WORKING.zero, fmt, weak)


def remainder(a: Any, b: Any) -> Bounded:
    """The remainder of floor division."""
    return subtract(a, multiply(b, floor(divide(a, b))))


RULES.update(
    {
        np.add: add,
        np.subtract: subtract,
        np.multiply: multiply,
        np.divide: divide,
        np.power: power,
        np.float_power: power,
        np.sqrt: sqrt,
        np.square: lambda a: multiply(a, a),
        np.negative: lambda a: -lift(a),
        np.absolute: lambda a: abs(lift(a)),
        np.maximum: maximum,
        np.minimum: minimum,
        np.sign: sign,
        np.floor: floor,
        np.ceil: lambda a: -floor(-lift(a)),
        np.remainder: remainder,
        np.exp: function(np.exp, lambda v, e: np.exp(v + e)),
        np.log: function(np.log, lambda v, e: 1 / np.maximum(v - e, 0)),
        np.tanh: function(np.tanh, lambda v, e: 1 - np.tanh(np.maximum(abs(v) - e, 0)) ** 2),
        np.cos: function(np.cos, lambda v, e: np.minimum(abs(np.sin(v)) + e, 1)),
        np.sin: function(np.sin, lambda v, e: np.minimum(abs(np.cos(v)) + e, 1)),
        np.isfinite: lambda a: np.isfinite(lift(a).value),
        np.greater: lambda a, b: compare(a, b, np.greater),
        np.less: lambda a, b: compare(b, a, np.greater),
        np.greater_equal: lambda a, b: compare(a, b, np.greater_equal),
        np.less_equal: lambda a, b: compare(b, a, np.greater_equal),
        np.equal: equal,
        np.not_equal: lambda a, b: ~equal(a, b),
    }
)
