"""Functions of whole arrays: sums, matrix products, selection, and functions that only move elements around."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.arithmetic import maximum, minimum
from reference.duck import FUNCTIONS, RULES, Bounded
from reference.formats import WORKING
from reference.rounding import alone, flushed, lift, meet, rounded


def _where(condition: Any, a: Any, b: Any) -> Bounded:
    a, b, fmt, weak = meet(a, b)
    condition = condition.value != 0 if isinstance(condition, Bounded) else condition
    exact = a._error is WORKING.zero and b._error is WORKING.zero
    error = WORKING.zero if exact else np.where(condition, a.error, b.error)
    return Bounded(np.where(condition, a.value, b.value), error, fmt, weak)


def _clip(a: Any, low: Any = None, high: Any = None) -> Bounded:
    a = a if low is None else maximum(a, low)
    return a if high is None else minimum(a, high)


def _sum(a: Any, axis: Any = None, keepdims: bool = False) -> Bounded:
    a, fmt, weak = alone(a)
    value = np.sum(a.value, axis=axis, keepdims=keepdims)
    terms = a.size // max(1, value.size)
    spread = np.sum(abs(a.value) + a._error, axis=axis, keepdims=keepdims)
    carried = (
        np.sum(a.error, axis=axis, keepdims=keepdims) if a._error is not WORKING.zero else np.zeros_like(spread)
    )
    error = carried + max(0, terms - 1) * ((fmt.unit + WORKING.unit) * spread + flushed(fmt))
    error = np.where(np.isfinite(value), np.where(spread <= fmt.largest, error, np.inf), carried)  # partial sums
    return rounded(value, error, fmt, weak, 0, False)


def _max(a: Any) -> Bounded:
    """The error of the largest element is at most the largest error."""
    return Bounded(np.max(a.value), np.max(a.error), a.fmt, a.weak)


def _mean(a: Any, axis: Any = None, keepdims: bool = False) -> Bounded:
    total = _sum(a, axis, keepdims)
    return total / (lift(a).size // max(1, total.size))


def _matmul(a: Any, b: Any) -> Bounded:
    a, b, fmt, weak = meet(a, b)
    k = a.shape[-1]
    left, right = abs(a.value), abs(b.value)
    terms = (left + a._error) @ (right + b._error)
    error = left @ b.error + a.error @ right + a.error @ b.error
    below = np.where(terms > 0, k * fmt.underflow + max(0, k - 1) * flushed(fmt), 0)  # of each term
    error = error + k * (fmt.unit + WORKING.unit) * terms + below
    error = np.where(terms <= fmt.largest, error, np.inf)  # a partial sum can overflow
    return rounded(a.value @ b.value, error, fmt, weak, 0, False)


def _filled(number: float) -> Callable[..., Bounded]:
    return lambda a, *_, **__: Bounded(np.full(a.shape, number), 0.0, a.fmt, a.weak)


def _moved(move: Callable) -> Callable[..., Bounded]:
    return lambda a, *args, **kwargs: a._each(lambda x: move(x, *args, **kwargs))


def _concatenate(arrays: Any, axis: int = 0) -> Bounded:
    parts = [lift(x) for x in arrays]
    typed = [x for x, given in zip(parts, arrays, strict=True) if isinstance(given, Bounded)]
    fmt = max(typed, key=lambda x: x.fmt.precision).fmt
    value = np.concatenate([p.value for p in parts], axis)
    exact = all(p._error is WORKING.zero for p in parts)
    error = WORKING.zero if exact else np.concatenate([np.asarray(p.error) for p in parts], axis)
    return Bounded(value, error, fmt, all(p.weak for p in parts))


FUNCTIONS.update(
    {
        np.where: _where,
        np.sum: _sum,
        np.mean: _mean,
        np.max: _max,
        np.dot: _matmul,
        np.clip: _clip,
        np.outer: lambda a, b: a.reshape(-1, 1) * b.reshape(1, -1),
        np.zeros_like: _filled(0.0),
        np.ones_like: _filled(1.0),
        np.full_like: lambda a, number, **_: _filled(number)(a),
        np.copy: _moved(np.copy),
        np.reshape: _moved(np.reshape),
        np.transpose: _moved(np.transpose),
        np.squeeze: _moved(np.squeeze),
        np.expand_dims: _moved(np.expand_dims),
        np.ravel: _moved(np.ravel),
        np.broadcast_to: _moved(np.broadcast_to),
        np.concatenate: _concatenate,
        np.shape: lambda a: a.shape,
        np.ndim: lambda a: a.ndim,
        np.size: lambda a: a.size,
    }
)
RULES[np.matmul] = _matmul
