"""Bounds where running error analysis says nothing: an ensemble of randomly rounded evaluations.

An iteration that alternately amplifies and forgets rounding errors (Newton-Schulz) has a worst-case bound
far above anything that happens in practice: it assumes that all errors conspire. Here the same code runs once
in extended precision, and `SAMPLES` times with a random error of up to u |result|, of either sign, in every
result (stochastic arithmetic: Vignes, Discrete Stochastic Arithmetic, Numerical Algorithms 37, 2004). The
bound of an element is `WIDTH` times its root mean square distance from the exact result.

It is statistical, not proved, but on the safe side: the errors of rounding to nearest are smaller (by
0.7 in the mean square), and a fused product rounds less often than this code does. The seed is fixed, so that
the same input has the same bound on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference.bounded import Bounded, representable
from reference.formats import WORKING, Format

SAMPLES = 60
WIDTH = 3
"""How many root mean squares of the ensemble's distance from the exact result are allowed."""

SEED = 20


class Draws:
    """Random numbers from -1 to 1, seeded with `SEED`: the same for each evaluation, so drawn only once."""

    _rng = np.random.RandomState(SEED)
    _drawn = np.empty(0)

    def __init__(self) -> None:
        self.at = 0

    def __call__(self, shape: tuple[int, ...]) -> np.ndarray:
        begin, self.at = self.at, self.at + math.prod(shape)
        while self.at > Draws._drawn.size:
            Draws._drawn = np.concatenate([Draws._drawn, Draws._rng.uniform(-1, 1, 2**17)])
        return Draws._drawn[begin : self.at].reshape(shape)


class Shaken:
    """A stack of `SAMPLES` evaluations of one array, in which every operation is randomly rounded."""

    __array_priority__ = 1001

    def __init__(self, values: np.ndarray, fmt: Format, draws: Draws):
        self.values, self.fmt, self.draws = values, fmt, draws

    @classmethod
    def of(cls, x: Any, fmt: Format, draws: Draws) -> Shaken:
        """Samples of what a bounded value can be, each rounded to the format unless it is exact there."""
        x = x if isinstance(x, Bounded) else Bounded(x)
        shape = (SAMPLES, *x.shape)
        # float64 is wide enough for the random roundings of a narrower format, and its matrix products are fast.
        working = np.float64 if fmt.precision <= 24 else WORKING.dtype
        values = np.asarray(x.value, working) + np.asarray(x.error, working) * draws(shape)
        exact = (x.error == 0) & representable(x.value, fmt)
        off = fmt.unit * draws(shape)
        return cls(np.where(exact, values, values * (1 + off)), fmt, draws)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape[1:]

    @property
    def T(self) -> Shaken:  # noqa: N802 - the name that NumPy gives it
        return Shaken(np.swapaxes(self.values, -1, -2), self.fmt, self.draws)

    def _rounded(self, values: np.ndarray, size: np.ndarray | None = None) -> Shaken:
        """One rounding of a result, in units of `size`: the result itself, or the sum of its terms' sizes."""
        size = values if size is None else size
        off = self.fmt.unit * self.draws(values.shape)
        return Shaken(values + size * off, self.fmt, self.draws)

    def _binary(self, other: Any, f: Callable) -> Shaken:
        a, b = self.values, other.values if isinstance(other, Shaken) else other
        if isinstance(other, Shaken):  # a number meets a matrix
            a = a.reshape(a.shape + (1,) * (b.ndim - a.ndim))
            b = b.reshape(b.shape + (1,) * (a.ndim - b.ndim))
        return self._rounded(f(a, b))

    def __add__(self, other: Any) -> Shaken:
        return self._binary(other, np.add)

    def __mul__(self, other: Any) -> Shaken:
        return self._binary(other, np.multiply)

    def __truediv__(self, other: Any) -> Shaken:
        return self._binary(other, np.divide)

    __radd__, __rmul__ = __add__, __mul__

    def __matmul__(self, other: Shaken) -> Shaken:
        a, b = self.values, other.values
        return self._rounded(a @ b, _accumulated(a, b, self.fmt))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs or ufunc not in (np.sqrt, np.maximum):
            raise TypeError(f"no random rounding is known for np.{ufunc.__name__}")
        if ufunc is np.sqrt:
            return self._rounded(np.sqrt(self.values))
        a, b = (x.values if isinstance(x, Shaken) else x for x in inputs)
        return Shaken(np.maximum(a, b), self.fmt, self.draws)

    def __array_function__(self, func: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        if func is not np.sum or kwargs:
            raise TypeError(f"no random rounding is known for np.{func.__name__}")
        return self._rounded(np.sum(self.values, axis=tuple(range(1, self.values.ndim))))


def _accumulated(a: np.ndarray, b: np.ndarray, fmt: Format) -> np.ndarray | None:
    """The unit of the rounding of a matrix product: a sum in 16 bits is kept in float32 and rounded once; in other
    formats each of its k partial sums is rounded, and these errors add up like the square root of k (Higham 2002,
    section 2.8).
    """
    return None if fmt.precision < 24 else np.sqrt(a.shape[-1]) * (abs(a) @ abs(b))


def statistical(f: Callable[..., Any], fmt: Format, *arguments: Any) -> Bounded:
    """`f` of bounded values, evaluated in `fmt`: the exact value, and the spread of the ensemble.

    `f` may use only +, *, /, @, .T, np.sum of all elements, np.sqrt and np.maximum.
    """
    exact = f(*(x.value if isinstance(x, Bounded) else np.asarray(x, WORKING.dtype) for x in arguments))
    draws = Draws()
    samples = f(*(Shaken.of(x, fmt, draws) for x in arguments)).values
    spread = np.sqrt(np.mean((samples - exact) ** 2, axis=0))
    return Bounded(exact, WIDTH * spread, next(x.fmt for x in arguments if isinstance(x, Bounded) and x.ndim))
