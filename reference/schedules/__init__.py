"""NumPy references of learning-rate schedules. Imports NumPy alone and names no framework in its code."""

from reference.schedules.composed import Chained, Sequential, is_recursive, recursive
from reference.schedules.cosine import Averaging, Cosine, CosineRestarts
from reference.schedules.cycles import Cyclic, OneCycle
from reference.schedules.decays import (
    Constant,
    Exponential,
    InverseTime,
    Lambda,
    Linear,
    Multiplicative,
    MultiStep,
    Piecewise,
    Polynomial,
)
from reference.schedules.plateau import Plateau
from reference.schedules.schedule import Schedule, with_rate

# Every reference by its name. A new schedule is a class and one entry here.
SCHEDULES: dict[str, type[Schedule]] = {
    c.__name__: c
    for c in (
        Exponential,
        InverseTime,
        Polynomial,
        Linear,
        Constant,
        MultiStep,
        Piecewise,
        Lambda,
        Multiplicative,
        Cosine,
        CosineRestarts,
        Averaging,
        Cyclic,
        OneCycle,
        Sequential,
        Chained,
        Plateau,
    )
}

__all__ = [*sorted(SCHEDULES), "SCHEDULES", "Schedule", "is_recursive", "recursive", "with_rate"]
