"""Problems: starting parameters and a stream of gradients, deterministic, the same for every framework.

Every number is a float32, so that float64 and float32 runs see the same data. The tensors are a scalar,
a vector and a matrix of odd sizes. A gradient of None is missing. Every problem also exists as NAME-rows,
with sparse gradients.

NumPy's legacy generator is used because its stream is frozen for good (NEP 19): the data must be the
same under every NumPy that a framework pins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from conformance.bindings.binding import SHAPES, Shapes
from reference.rows import Rows

OTHER_SHAPES: dict[str, Shapes] = {"kernels": ((3,), (2, 3, 5), (3, 2, 4, 3))}  # problem -> its shapes
STEPS = 12

# Loss and gradient at a point, all tensors laid end to end, on arrays and on bounded values.
Objective = Callable[[Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Problem:
    """Starting parameters, and one list of gradients per step."""

    name: str
    why: str
    params: tuple[np.ndarray, ...]
    grads: tuple[tuple[np.ndarray | Rows | None, ...], ...]

    objective: Objective | None = None

    def closures(self, made: Callable[[np.ndarray], Any]) -> list[Objective]:
        """The objective of each step; for a stream of gradients, the linear function with this gradient."""
        if self.objective is not None:
            return [self.objective] * self.steps
        return [_linear(made(_laid(grads, self.params))) for grads in self.grads]

    @property
    def steps(self) -> int:
        return len(self.grads)


def _laid(grads: Sequence[np.ndarray | None], params: Sequence[np.ndarray]) -> np.ndarray:
    """A missing gradient is 0 for a rule that takes all tensors as one vector."""
    given = [np.zeros(p.shape) if g is None else g for g, p in zip(grads, params, strict=True)]
    return np.concatenate([g.reshape(-1) for g in given])


def _linear(g: Any) -> Objective:
    return lambda x: (g @ x, g)


def _quadratic(x: Any) -> tuple[Any, Any]:
    """sum a (x - 1)^2 / 2 with a from 1/4 to 8."""
    a = 2.0 ** (np.arange(x.size) % 6 - 2).astype(getattr(x, "dtype", np.float64))
    away = x - 1
    g = away * a
    return np.sum(g * away) / 2, g


def _rosenbrock(x: Any) -> tuple[Any, Any]:
    """sum 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2."""
    here, there = x[:-1], x[1:]
    off, away = there - here * here, 1 - here
    nothing = np.zeros_like(x[:1])
    g = np.concatenate([here * off * -400 - 2 * away, nothing]) + np.concatenate([nothing, 200 * off])
    return np.sum(100 * (off * off) + away * away), g


def _along(curve: Callable[[Any], tuple[Any, Any]]) -> Callable[[np.ndarray], Objective]:
    """A curve in s, the common displacement of all elements from the start: a line search with a given shape."""

    def made(start: np.ndarray) -> Objective:
        def objective(x: Any) -> tuple[Any, Any]:
            loss, slope = curve(np.sum(x - np.asarray(start, getattr(x, "dtype", np.float64))))
            return loss, np.ones_like(x) * slope

        return objective

    return made


def _step_up(s: Any) -> tuple[Any, Any]:
    """Trial 1 is good but too steep; then 5.5: lower than the start, higher than 1, and descending steeply."""
    up = 1 / (1 + np.exp(-8 * (s - 4)))
    return 7.5 * up - s - s * s * s / 64, -1 - 3 * (s * s) / 64 + 60 * up * (1 - up)


def _quartic(s: Any) -> tuple[Any, Any]:
    return s * s * s * s / 2 - s, 2 * (s * s * s) - 1


def _ripple(s: Any) -> tuple[Any, Any]:
    return np.sin(s) / -16, np.cos(s) / -16


# Built from the starting parameters.
_OBJECTIVES: dict[str, tuple[str, Callable[[np.ndarray], Objective]]] = {
    "quadratic": ("a quadratic bowl with curvatures from 1/4 to 8", lambda start: _quadratic),
    "rosenbrock": (
        "Rosenbrock's curved valley: the line search has to bracket and to zoom",
        lambda start: _rosenbrock,
    ),
    "step-up": ("the second trial of the line search is higher than the first, and goes down", _along(_step_up)),
    "quartic": ("a trial that descends far enough, then climbs too steeply", _along(_quartic)),
    "ripple": ("shallow waves: a trial over the next crest is flat, and no descent", _along(_ripple)),
}

Stream = Callable[[int, np.random.RandomState, list[np.ndarray]], list[np.ndarray]]


def _float32(x: np.ndarray) -> np.ndarray:
    return np.asarray(x, dtype=np.float32).astype(np.float64)


def _normal(rng: np.random.RandomState, like: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.asarray(rng.standard_normal(x.shape)) for x in like]


def _starts(rng: np.random.RandomState, shapes: Shapes) -> list[np.ndarray]:
    """Parameters with every other element 0, where even the smallest update shows."""
    starts = _normal(rng, [np.empty(s) for s in shapes])
    for x in starts:
        x.reshape(-1)[::2] = 0.0
    return starts


def _probing(t: int, rng: np.random.RandomState, base: list[np.ndarray]) -> list[np.ndarray]:
    """Each element has its own size (2^-14 to 2^4, around any epsilon) and its own pattern in time."""
    grads = []
    for x in base:
        flat = np.empty(x.size)
        for i in range(x.size):
            size = 2.0 ** (4 - 3 * (i % 7)) * (1 + 0.25 * np.sin(i + t))
            sign = 1.0 if i % 2 else -1.0
            flat[i] = sign * size * PATTERNS[i % len(PATTERNS)](t)
        grads.append(flat.reshape(x.shape))
    return grads


def _zero_rows(t: int, rng: np.random.RandomState, base: list[np.ndarray]) -> list[np.ndarray]:
    """Normal gradients; in the last tensor one row and column are always 0, another row and all of it sometimes."""
    grads = _normal(rng, base)
    matrix = grads[-1]
    matrix[1, :] = matrix[:, 3] = 0.0
    matrix[t % len(matrix), :] = 0.0
    if t == 0 or t % 7 == 5:
        grads = [np.zeros_like(g) for g in grads]
    return grads


# How one element's gradient depends on the step t = 0, 1, 2, ...
PATTERNS: tuple[Callable[[int], float], ...] = (
    lambda t: 1.0,
    lambda t: (-1.0) ** t,  # flips its sign
    lambda t: 2.0 ** -(t % 12),  # shrinks: for AMSGrad's maximum
    lambda t: 0.0 if t < 4 else 1.0,  # starts late
    lambda t: 0.0 if t % 3 == 0 else 1.0 + t / 8,  # has zeros, and grows
)

_STREAMS: dict[str, tuple[str, Stream]] = {
    "ordinary": (
        "normal gradients, as in training",
        lambda t, rng, base: _normal(rng, base),
    ),
    "probing": (
        "gradients of all sizes around epsilon: constant, shrinking, growing, flipping, with zeros",
        _probing,
    ),
    "zeros": (
        "gradients that are exactly 0, at first and at every third step; for one tensor always",
        lambda t, rng, base: [
            g * (0.0 if t < 3 or t % 3 == 0 or i == 1 else 1.0) for i, g in enumerate(_normal(rng, base))
        ],
    ),
    "tiny": (
        "gradients of 1e-15, below every epsilon, whose squares are the smallest normal float32",
        lambda t, rng, base: [1e-15 * (2 + np.sin(g)) for g in _normal(rng, base)],
    ),
    "vanishing": (
        "gradients of 1e-25, whose squares are 0 in float32",
        lambda t, rng, base: [1e-25 * (-1.0) ** (t // 5) * (2 + np.sin(g)) for g in _normal(rng, base)],
    ),
    "huge": (
        "gradients of 1e10 from step 8 on, larger than all before",
        lambda t, rng, base: [(1e10 if t >= 7 else 1.0) * g for g in _normal(rng, base)],
    ),
    "constant": (
        "a constant gradient: averages converge to it, and a variance to 0",
        lambda t, rng, base: [np.where(x >= 0, 0.3, -1.7) for x in base],
    ),
    "shrinking": (
        "gradients that halve at each step, so that a memory of larger ones shows",
        lambda t, rng, base: [2.0**-t * (1.5 + np.sin(x)) for x in base],
    ),
    "flipping": (
        "gradients that change sign at each step",
        lambda t, rng, base: [(-1.0) ** t * (1.5 + np.sin(3 * x + t)) for x in base],
    ),
    "ties": (
        "minus half the previous gradient: it cancels an average exactly; then 0, then 0",
        lambda t, rng, base: [np.sign(x) * 2.0 ** (t // 4) * (1.0, -0.5, 0.0, 0.0)[t % 4] for x in base],
    ),
    "sparse": (
        "85 % of the elements are exactly 0 at each step",
        lambda t, rng, base: [g * (rng.random_sample(g.shape) > 0.85) for g in _normal(rng, base)],
    ),
    "zero-rows": (
        "whole rows and columns of a matrix exactly 0, and whole tensors at some steps",
        _zero_rows,
    ),
    "kernels": (
        "tensors of three and four dimensions, as in a convolution",
        lambda t, rng, base: _normal(rng, base),
    ),
}


def names() -> tuple[str, ...]:
    dense = (*_STREAMS, *GAPS, "twins")
    return (*dense, *(f"{name}-rows" for name in dense), *_OBJECTIVES)


def whole(name: str) -> bool:
    """Whether the problem has the usual tensors and a dense gradient of each at every step."""
    return name in _STREAMS and name not in OTHER_SHAPES


GAPS = ("missing", "late")  # the ordinary problem with some gradients missing


@cache
def problem(name: str, steps: int = STEPS, seed: int = 0, shapes: Shapes = SHAPES) -> Problem:
    """The problem with that name; the same arguments give the same numbers on every machine."""
    if name.endswith("-rows") and name not in _STREAMS:
        return _sparse(name, problem(name.removesuffix("-rows"), steps, seed, shapes))
    if name == "twins":
        return _with_twins(steps, seed, shapes)
    if name in GAPS:
        return _with_gaps(name, steps, seed, shapes)
    if name in _OBJECTIVES:
        why, made = _OBJECTIVES[name]
        starts = [_float32(x) for x in _starts(np.random.RandomState(1000 + seed), shapes)]
        return Problem(name, why, tuple(starts), ((),) * steps, made(_laid(starts, starts)))
    why, stream = _STREAMS[name]
    rng = np.random.RandomState(1000 + seed)
    shapes = OTHER_SHAPES.get(name, shapes)
    starts = [_float32(x) for x in _starts(rng, shapes)]
    base = _normal(rng, starts)
    grads = tuple(tuple(_float32(g) for g in stream(t, rng, base)) for t in range(steps))
    return Problem(name, why, tuple(starts), grads)


def _with_gaps(name: str, steps: int, seed: int, shapes: Shapes) -> Problem:
    """The ordinary problem with some gradients missing; at every step at least one is present."""
    whole = problem("ordinary", steps, seed, shapes)
    if name == "missing":
        why = "a parameter whose gradient is missing at some steps: what do its counter and slots do then?"

        def gone(t: int, i: int) -> bool:
            return i == 1 and t % 4 in (1, 2)
    else:
        why = "a parameter whose first gradient arrives at step 6: at which count does it start?"

        def gone(t: int, i: int) -> bool:
            return i == 2 and t < 5

    grads = tuple(
        tuple(None if gone(t, i) else g for i, g in enumerate(step)) for t, step in enumerate(whole.grads)
    )
    return Problem(name, why, whole.params, grads)


def _sparse(name: str, dense: Problem) -> Problem:
    """The same problem with gradients for two rows out of three, in descending order at every other step.

    Every fourth step has one row twice, every eighth none. A scalar becomes a vector of one element.
    """

    def rows(t: int, i: int, grad: np.ndarray) -> Rows:
        grad = np.atleast_1d(grad)
        indices = np.array([r for r in range(len(grad)) if (r + t + i) % 3 and t % 8 != 5], dtype=np.int64)
        indices = indices[:: -1 if t % 2 else 1]
        values = grad[indices]
        if t % 4 == 1 and len(indices):
            indices = np.append(indices, indices[0])
            values = np.concatenate([values, _float32(-0.5 * values[:1])])
            values[0] *= 1.5
        return Rows(indices, _float32(values), grad.shape)

    grads = tuple(
        tuple(None if g is None else rows(t, i, g) for i, g in enumerate(step))
        for t, step in enumerate(dense.grads)
    )
    return Problem(name, f"{dense.why}; sparse", tuple(np.atleast_1d(p) for p in dense.params), grads)


def _with_twins(steps: int, seed: int, shapes: Shapes) -> Problem:
    """The ordinary problem with another tensor shaped like the last."""
    whole = problem("ordinary", steps, seed, shapes)
    why = "two parameters of the same shape with different gradients: no state is shared"
    grads = tuple((*step, np.flip(step[-1]).copy() * 0.5) for step in whole.grads)
    return Problem("twins", why, (*whole.params, np.flip(whole.params[-1]).copy()), grads)


@cache
def stacked(name: str, steps: int = STEPS, seeds: tuple[int, ...] = (0,), shapes: Shapes = SHAPES) -> Problem:
    """The problem with several seeds side by side, along an extra last axis; a single seed has no such axis."""
    each = [problem(name, steps, seed, shapes) for seed in seeds]
    if len(each) == 1:
        return each[0]

    def beside(values: tuple[np.ndarray | None, ...]) -> np.ndarray | None:
        return None if values[0] is None else np.stack(values, axis=-1)

    grads = tuple(
        tuple(beside(g) for g in zip(*at, strict=True)) for at in zip(*(p.grads for p in each), strict=True)
    )
    params = tuple(np.stack(p, axis=-1) for p in zip(*(p.params for p in each), strict=True))
    return Problem(name, each[0].why, params, grads)
