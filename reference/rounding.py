"""How formats combine in an operation, and what the rounding of one operation adds to the error.

A rule of the suite computes the same few scalars again and again: beta ** t at every step, 1 - beta. A scalar
made by `number` remembers what was computed from it, and so do the results.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference.duck import Bounded
from reference.formats import FLOAT64, WORKING, Format

KEPT = 20_000  # the maximum number of scalars

every, some = np.logical_and.reduce, np.logical_or.reduce  # faster than the methods
_numbers: dict[tuple, Bounded] = {}


def number(value: float) -> Bounded:
    """A number of the host language: exact and weak. The same number is the same object."""
    key = (WORKING.dtype, type(value), value, math.copysign(1.0, value))
    found = _numbers.get(key)
    if found is None:
        if len(_numbers) >= KEPT:
            _numbers.clear()
        found = _numbers[key] = Bounded(value, weak=True)
        found._known = {}
    return found


def strong(x: Bounded, fmt: Format) -> Bounded:
    """A scalar of the host language turned into a tensor of that format: rounded once, unless exact there."""
    known = x._known
    if known is not None and fmt in known:
        return known[fmt]
    rounded = to_format(x, fmt) if fmt != x.fmt or not x.weak else x
    made = Bounded(rounded.value, rounded._error, fmt)
    if known is not None:
        made._known, known[fmt] = {}, made
    return made


def remembered(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A rule of one or two operands that looks up its earlier results for scalars that remember them."""

    @functools.wraps(rule)
    def apply(a: Any, *rest: Any) -> Any:
        if type(a) is int or type(a) is float:
            a = number(a)
        if type(a) is not Bounded or a._known is None:
            return rule(a, *rest)
        b = rest[0] if rest else a
        if type(b) is int or type(b) is float:
            b = number(b)
        if type(b) is not Bounded or b._known is None:
            return rule(a, *rest)
        key = rule, id(b)
        if key not in a._known:
            result = rule(a, b) if rest else rule(a)
            result._known = {}
            a._known[key] = result, b  # which keeps b alive, so that its id stays its own
        return a._known[key][0]

    return apply


def lift(x: Any) -> Bounded:
    """A number or plain array is exact; a number is weak."""
    if isinstance(x, Bounded):
        return x
    if type(x) in (int, float):
        return number(x)
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"cannot bound the error of {x!r}")
    return Bounded(array, 0.0, FLOAT64, weak=array.ndim == 0)


def representable(value: np.ndarray, fmt: Format) -> np.ndarray:
    """Where `value` is a number of the format (subnormals excluded, except zero)."""
    scaled = np.ldexp(np.frexp(value)[0], fmt.precision)
    normal = (abs(value) >= fmt.smallest_normal) & (abs(value) <= fmt.largest)
    return (value == 0) | (normal & (scaled == np.rint(scaled)))


def to_format(x: Bounded, fmt: Format) -> Bounded:
    """A weak scalar entering an operation in `fmt`: rounded once, unless exact there."""
    if x.fmt is fmt or x.fmt == fmt:
        return x
    if x._rounded_to is not None and x._rounded_to.fmt is fmt:
        return x._rounded_to
    value, error = x.value, x._error
    exact = (error == 0) & (representable(value, fmt) | ~np.isfinite(value))
    below = np.where(abs(value) < fmt.smallest_normal, fmt.underflow, 0)
    rounding = np.where(exact, 0, fmt.unit * (abs(value) + error) + below)
    total = error + rounding
    total = WORKING.zero if x.ndim == 0 and total == 0 else total
    x._rounded_to = Bounded(value, total, fmt, x.weak)
    return x._rounded_to


def entering(x: Any, fmt: Format) -> Bounded:
    """An operand of an operation in `fmt`."""
    x = lift(x)
    return to_format(x, fmt) if x.weak else x


def meet(a: Any, b: Any) -> tuple[Bounded, Bounded, Format, bool]:
    """Bring operands to the format of the operation: strong beats weak, an array beats a scalar.

    Returns them, the format, and whether the result is weak. A plain array has no format of its own.
    """
    plain_a, plain_b = not isinstance(a, Bounded), not isinstance(b, Bounded)
    a, b = lift(a) if plain_a else a, lift(b) if plain_b else b
    if a.weak:
        if b.weak:
            return a, b, FLOAT64, True
        return to_format(a, b.fmt), b, b.fmt, False
    if b.weak:
        return a, to_format(b, a.fmt), a.fmt, False
    if a.fmt is b.fmt or plain_b:
        return a, b, a.fmt, False
    if plain_a:
        return a, b, b.fmt, False
    return a, b, max((a, b), key=lambda x: (x.ndim > 0, x.fmt.precision)).fmt, False


def alone(a: Any) -> tuple[Bounded, Format, bool]:
    """The one operand of an operation, the format that rounds it, and whether the result is weak."""
    a = lift(a)
    return a, FLOAT64 if a.weak else a.fmt, a.weak


def rounded(
    value: Any,
    error: Any,
    fmt: Format,
    weak: bool,
    ulps: float,
    lost: bool,
    exact: bool = False,
    factors: tuple[Bounded, ...] = (),
) -> Bounded:
    """Add the rounding of one operation: `ulps` units of the result, and underflow where `lost` says so.

    `exact` operands give an exact result where the format represents it. `factors` are the operands of a
    product or quotient: where one is infinite, the result is known if the other cannot be zero.
    """
    if exact and (value == 0 or (WORKING.is_wider and representable(value, fmt))):
        return Bounded(value, WORKING.zero, fmt, weak)
    size = abs(value)
    share = ulps * fmt.unit + WORKING.unit
    if error is WORKING.zero:
        least = most = size
        total = share * size
    else:
        least, most = size - error, size + error
        total = error + share * most
    if lost or fmt.flush:
        # What is not exactly zero can fall below the normal range and lose up to `underflow`.
        below = least < fmt.smallest_normal
        if some(below, axis=None):
            total = total + np.where(below & (most > 0), fmt.underflow, 0)
    if not every(size + total <= fmt.largest, axis=None):
        value = np.where(size - total > fmt.largest, np.copysign(np.inf, value), value)
        settled = ~np.isfinite(value)  # inf and nan are statements, not measurements: no error to bound,
        doubtful = np.isinf(error) & ~np.isfinite(size)  # unless an operand could have been anything
        if factors:
            sure = [(x._error == 0) | (abs(x.value) > x._error) for x in factors]
            doubtful = ~np.isfinite(size) & ~np.logical_and(*sure)
        unknown = np.isnan(total) | (size + total > fmt.largest)
        total = np.where(settled & ~doubtful, 0, np.where(unknown, np.inf, total))
    return Bounded(value, total, fmt, weak)


def flushed(fmt: Format) -> float:
    """What a partial sum can lose where subnormal results become zero."""
    return fmt.underflow if fmt.flush else 0.0


def is_exact(*operands: Bounded) -> bool:
    """Whether these are exact scalars, whose result is exact if representable: those of the host, and counters.

    Not every scalar: for a tensor of shape (), another order of evaluation may round where this one does not.
    """
    if any(x.value.ndim for x in operands):
        return False
    return all(x._error == 0 and (x.weak or x.value == np.rint(x.value)) for x in operands)
