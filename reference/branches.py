"""Comparisons that rounding could turn either way: each answer is followed to its own result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Ambiguous(ValueError):
    """A comparison whose answer rounding could change, made outside `candidates`."""


class _Branches:
    """The answers given to ambiguous comparisons during one evaluation, in the order in which they are made."""

    active: _Branches | None = None

    def __init__(self, answers: tuple[bool, ...]):
        self.answers = answers
        self.asked = 0
        self.maybes = 0

    def answer(self, maybe: np.ndarray) -> bool:
        self.asked += 1
        self.maybes += int(np.count_nonzero(maybe))
        return self.answers[self.asked - 1] if self.asked <= len(self.answers) else True


class TooManyBranches(ValueError):
    """More ambiguous comparisons in one evaluation than `candidates` is asked to follow."""


def candidates(evaluate: Callable[[], T], limit: int = 32) -> tuple[list[T], int]:
    """Evaluate once for every combination of answers to the ambiguous comparisons.

    Returns the results and the number of ambiguous elements in the first evaluation (0: one result).
    """
    results: list[T] = []
    maybes = 0
    queue: list[tuple[bool, ...]] = [()]
    outer = _Branches.active
    try:
        while queue:
            if len(results) >= limit:
                raise TooManyBranches(f"more than {limit} combinations of ambiguous comparisons")
            answers = queue.pop()
            _Branches.active = branches = _Branches(answers)
            results.append(evaluate())
            maybes = maybes or branches.maybes
            # Every comparison beyond the given answers was answered True: queue the branch with False.
            for position in range(len(answers), branches.asked):
                queue.append(answers + (True,) * (position - len(answers)) + (False,))
    finally:
        _Branches.active = outer
    return results, maybes


def decide(surely: np.ndarray, surely_not: np.ndarray, a: object, b: object) -> np.ndarray:
    """How `a` and `b` compare, elementwise; a maybe takes the answer that `candidates` follows."""
    maybe = ~(surely | surely_not)
    if not np.any(maybe):
        return surely
    if _Branches.active is None:
        raise Ambiguous(f"rounding could change how {a!r} and {b!r} compare: evaluate within candidates()")
    return np.where(maybe, _Branches.active.answer(maybe), surely)
