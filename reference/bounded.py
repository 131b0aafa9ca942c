"""A NumPy duck array that carries, with every value, a bound on its rounding error.

`Bounded` holds a value in extended precision and `error`, a bound on |computed - value| for any
correct evaluation of the same formula in the precision under test (running error analysis: Higham,
Accuracy and Stability of Numerical Algorithms, 2nd ed. 2002, sections 2.2 and 3.3). With u the unit
roundoff, a the exact and a+da the computed operand, |da| <= ea:

    a + b    ea + eb                              + u |result|
    a * b    |a| eb + |b| ea + ea eb              + u |result|  + underflow
    a / b    (ea + |a/b| eb) / (|b| - eb)         + u |result|  + underflow
    sqrt a   ea / (sqrt a + sqrt(a - ea))         + u |result|
    a ** b   |a**b| expm1((|b|+eb) ea/(|a|-ea) + |ln a| eb) + 3u |result|
    average  |beta| e_old + |1 - beta| e_new      + the rounding of either order of evaluation
    sum      sum of ea                            + (n-1) u sum |a|    + (n-1) flushed
    A @ B    |A| eB + eA |B| + eA eB              + k u |A||B|         + k underflow + (k-1) flushed
    max, min, abs, neg, where: no rounding of their own

where |result| is the largest magnitude that the computed result can have, |value| + error. A result of
exact scalars that is exactly representable is exact. Every operation also adds the rounding of the
extended precision itself, which matters only where np.longdouble is no wider than float64.

A scalar of the host language is *weak*: it takes the precision of the array that it meets, and is
rounded once on entry unless that precision represents it exactly. A *strong* scalar is a tensor of the
framework: what is computed from it is rounded to its format at every operation.

At a discontinuity a comparison answers yes, no or maybe; a maybe needs `candidates`, which evaluates
the formula once for each answer. Outside `candidates`, a maybe raises `Ambiguous`.

An unknown function is refused, and so is conversion to a plain array: a bound is never lost silently.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference import whole  # noqa: F401 - registers the rules, as does the arithmetic that it imports
from reference.duck import Bounded
from reference.formats import WORKING
from reference.rounding import entering, every, flushed, number, representable, strong

__all__ = ["Bounded", "accumulated", "average", "could_be_negative", "number", "representable", "strong"]


def average(beta: Any, old: Any, new: Any) -> Any:
    """The exponential moving average beta old + (1 - beta) new, on arrays and on bounded values.

    It is just as often evaluated as old + (1 - beta)(new - old), whose rounding is larger where the two are far
    apart. The bound covers the rounding of both forms; the error that it propagates is that of the first form,
    which contracts, so it does not grow with the number of steps.
    """
    one = 1 - beta
    result = beta * old + one * new
    if isinstance(result, Bounded):
        fmt = result.fmt
        b, w, x, y = (entering(part, fmt) for part in (beta, one, old, new))
        apart = abs(y.value - x.value)
        for part in (x, y):
            apart = apart if part._error is WORKING.zero else apart + part._error
        other = (2 * fmt.unit * abs(w.value) + w._error) * apart
        own = (fmt.unit * abs(b.value) + b._error) * abs(x.value)
        own = own + (fmt.unit * abs(w.value) + w._error) * abs(y.value)
        extra = np.maximum(other - own, 0)
        if fmt.flush:
            extra = extra + np.where(apart > 0, (1 + abs(w.value)) * flushed(fmt), 0)
        if not every(apart <= fmt.largest, axis=None):
            # The difference of the two, and so the other form, can overflow, or be inf - inf.
            extra = np.where(apart <= fmt.largest, extra, np.where(np.isnan(result.value), 0, np.inf))
        result = Bounded(result.value, result._error + extra, fmt, result.weak)
    return result


def accumulated(beta: Any, old: Any, new: Any) -> Any:
    """The decaying sum beta old + new, on arrays and on bounded values.

    It is also evaluated as old + (new - (1 - beta) old); as in `average`, the bound covers both.
    """
    result = beta * old + new
    if isinstance(result, Bounded):
        fmt = result.fmt
        b, x, y = (entering(part, fmt) for part in (beta, old, new))
        lost = abs((1 - b.value) * x.value)
        extra = fmt.unit * np.maximum(lost + abs(y.value - (1 - b.value) * x.value) - abs(b.value * x.value), 0)
        result = Bounded(result.value, result._error + np.where(np.isfinite(extra), extra, 0), fmt, result.weak)
    return result


def could_be_negative(x: Any) -> Any:
    """Where rounding may have taken `x` below 0, its root may be anything, including not a number."""
    if isinstance(x, Bounded):
        return Bounded(x.value, np.where(x.value < x.error, np.inf, x.error), x.fmt, x.weak)
    return x
