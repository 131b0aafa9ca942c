"""Floating-point formats: those under test, and the working precision in which bounds are computed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Format:
    """A floating-point format under test: `precision` bits of significand, exponent range, flushing."""

    name: str
    precision: int
    smallest_normal: float
    largest: float
    flush: bool = False  # subnormal results become zero (what the platform does is declared by the binding)

    @cached_property
    def unit(self) -> float:
        """Unit roundoff u: half the distance from 1 to the next number."""
        return 2.0**-self.precision

    @cached_property
    def underflow(self) -> float:
        """The most by which a result below the normal range can be off."""
        half_spacing = self.smallest_normal * self.unit  # for float64 it is itself not a float64
        return self.smallest_normal if self.flush else max(half_spacing, 5e-324)

    def flushing(self) -> Format:
        return replace(self, flush=True)


FLOAT64 = Format("float64", 53, 2.0**-1022, float(np.finfo(np.float64).max))
FLOAT32 = Format("float32", 24, 2.0**-126, float(np.finfo(np.float32).max))
BFLOAT16 = Format("bfloat16", 8, 2.0**-126, (2 - 2.0**-7) * 2.0**127)
FORMATS = {f.name: f for f in (FLOAT64, FLOAT32, BFLOAT16)}


@dataclass
class Working:
    """The precision in which values and errors are held: np.longdouble, wider than float64 on x86."""

    dtype: Any
    unit: Any
    zero: Any  # the one object that stands for "no error at all", so that sums with it can be skipped

    @property
    def is_wider(self) -> bool:
        """Whether it is wider than float64; if not, bounds grow by the reference's own rounding."""
        return bool(self.unit < 2.0**-53)


def _working(dtype: Any) -> Working:
    return Working(dtype, dtype(np.finfo(dtype).eps) / 2, dtype(0))


WORKING = _working(np.longdouble)


@contextlib.contextmanager
def working_precision(dtype: Any) -> Iterator[None]:
    """Hold values in `dtype` for the time being: lets a test simulate a platform with a short long double."""
    before, other = (WORKING.dtype, WORKING.unit, WORKING.zero), _working(dtype)
    WORKING.dtype, WORKING.unit, WORKING.zero = other.dtype, other.unit, other.zero
    try:
        yield
    finally:
        WORKING.dtype, WORKING.unit, WORKING.zero = before
