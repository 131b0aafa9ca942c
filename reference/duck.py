"""The NumPy duck array `Bounded`: what it holds, and how NumPy and the operators reach the rules for its errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.formats import FLOAT64, WORKING, Format

# How each NumPy function is evaluated; `reference.arithmetic` and `reference.whole` fill these in.
RULES: dict[Any, Callable] = {}
FUNCTIONS: dict[Any, Callable] = {}


class Bounded:
    """A value, a bound on the rounding error of computing it, and the format that rounds it. Immutable."""

    __slots__ = ("_error", "_known", "_rounded_to", "fmt", "value", "weak")
    __array_priority__ = 1000

    def __init__(self, value: Any, error: Any = 0.0, fmt: Format = FLOAT64, weak: bool = False):
        # Indexing by () turns a zero-dimensional array into a scalar, with which NumPy computes much faster.
        self.value = np.asarray(value, WORKING.dtype)[()]
        exact = error is WORKING.zero or (type(error) is float and error == 0.0)
        self._error = WORKING.zero if exact else np.asarray(error, WORKING.dtype)[()]  # one number if all share it
        self.fmt = fmt
        self.weak = weak
        self._rounded_to: Bounded | None = None  # a weak scalar in the format that it met last
        self._known: dict | None = None  # of a scalar that is used repeatedly: what was computed from it

    # -- the shape of an array -----------------------------------------------------------------
    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    T = property(lambda self: self._each(lambda x: x.T))

    @property
    def error(self) -> np.ndarray:
        """The bound, element by element."""
        e = self._error
        return e if e.shape == self.value.shape else np.broadcast_to(e, self.value.shape)

    def _each(self, move: Callable[[np.ndarray], np.ndarray]) -> Bounded:
        """Apply a function that only moves elements around."""
        error = self._error if self._error is WORKING.zero else move(np.asarray(self.error))
        return Bounded(move(self.value), error, self.fmt, self.weak)

    def __getitem__(self, key: Any) -> Bounded:
        return self._each(lambda x: x[key])

    def __len__(self) -> int:
        return len(self.value)

    def reshape(self, *shape: Any) -> Bounded:
        return self._each(lambda x: x.reshape(*shape))

    def copy(self) -> Bounded:
        return self._each(np.copy)

    def __repr__(self) -> str:
        value, error = np.asarray(self.value), np.asarray(self.error)
        return f"Bounded({value!r}, error={error!r}, {self.fmt.name}{', weak' if self.weak else ''})"

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("a Bounded is not a plain array: converting it would lose the error bound; use .value")

    def __bool__(self) -> bool:
        answer = self != 0
        return bool(answer)

    def __float__(self) -> float:
        raise TypeError("a Bounded is not a float: converting it would lose the error bound; use .value")

    __hash__ = None  # equality is elementwise

    # -- dispatch (NEP 13, NEP 18) ---------------------------------------------------------------
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        rule = RULES.get(ufunc)
        if rule is None or method != "__call__" or kwargs:
            raise TypeError(f"no error bound is known for np.{ufunc.__name__} ({method}, {sorted(kwargs)})")
        return rule(*inputs)

    def __array_function__(self, func: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        rule = FUNCTIONS.get(func)
        if rule is None:
            raise TypeError(f"no error bound is known for np.{func.__name__}")
        return rule(*args, **kwargs)

    def __add__(self, other: Any) -> Bounded:
        return RULES[np.add](self, other)

    def __radd__(self, other: Any) -> Bounded:
        return RULES[np.add](other, self)

    def __sub__(self, other: Any) -> Bounded:
        return RULES[np.subtract](self, other)

    def __rsub__(self, other: Any) -> Bounded:
        return RULES[np.subtract](other, self)

    def __mul__(self, other: Any) -> Bounded:
        return RULES[np.multiply](self, other)

    def __rmul__(self, other: Any) -> Bounded:
        return RULES[np.multiply](other, self)

    def __truediv__(self, other: Any) -> Bounded:
        return RULES[np.divide](self, other)

    def __rtruediv__(self, other: Any) -> Bounded:
        return RULES[np.divide](other, self)

    def __pow__(self, other: Any) -> Bounded:
        return RULES[np.power](self, other)

    def __rpow__(self, other: Any) -> Bounded:
        return RULES[np.power](other, self)

    def __mod__(self, other: Any) -> Bounded:
        return RULES[np.remainder](self, other)

    def __matmul__(self, other: Any) -> Bounded:
        return RULES[np.matmul](self, other)

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self._error, self.fmt, self.weak)

    def __abs__(self) -> Bounded:
        return Bounded(abs(self.value), self._error, self.fmt, self.weak)

    def __gt__(self, other: Any) -> np.ndarray:
        return RULES[np.greater](self, other)

    def __ge__(self, other: Any) -> np.ndarray:
        return RULES[np.greater_equal](self, other)

    def __lt__(self, other: Any) -> np.ndarray:
        return RULES[np.less](self, other)

    def __le__(self, other: Any) -> np.ndarray:
        return RULES[np.less_equal](self, other)

    def __eq__(self, other: Any) -> np.ndarray:
        return RULES[np.equal](self, other)

    def __ne__(self, other: Any) -> np.ndarray:
        return RULES[np.not_equal](self, other)
