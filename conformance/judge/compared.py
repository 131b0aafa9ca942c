"""Comparing the elements of an implementation's state with those of the reference, as ratios."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conformance.judge.record import Worst
from reference.bounded import Bounded

LIMIT = 1.25
"""A verdict conforms when |got - expected| is at most LIMIT times the derived bound, whatever is judged.

The bound holds for the reference's own order of operations. A framework may evaluate the same formula in
another, equally correct order (m + (g - m)(1 - beta) for beta m + (1 - beta) g), whose bound can be a little
larger. LIMIT lies between the highest ratio of a right implementation and the lowest of a wrong one, both
measured: see the report of the mutants.

BLIND_ABOVE in verdict.py says how wide a bound may be for a verdict to mean anything. Two more limits are for
Muon alone, whose iteration amplifies rounding beyond use, and both were chosen from measurements:
WIDTH in reference/ensemble.py (the bound in root mean squares of an ensemble: with 4 of them five of torch's
cases could not have failed), and BLIND_ABOVE_16 in verdict.py (with 3 the widest is 0.118 of the update, in
16 bits, of which one is 1 / 256).
"""


@dataclass
class Layout:
    """Tensors packed into one vector if the rule is elementwise, because a Python loop over tensors is slow."""

    shapes: list[tuple[int, ...]]
    tensors: tuple[int, ...]
    packed: bool

    def pack(self, values: Sequence[Any]) -> list[Any]:
        if not self.packed or len(values) != len(self.shapes):
            return list(values)
        if any(v is None for v in values):
            return [None] if all(v is None for v in values) else list(values)
        return [np.concatenate([v.reshape(-1) for v in values])]

    def place(self, tensor: int, flat: int) -> tuple[int, tuple[int, ...]]:
        """The tensor and element at a position of the packed vector."""
        if not self.packed:
            shape = self.shapes[tensor] if tensor < len(self.shapes) else ()
            size = math.prod(shape)
            index = np.unravel_index(flat, shape) if shape and flat < size else (flat,) if shape else ()
            return self.tensors[tensor], tuple(int(i) for i in index)
        for tensor, shape in zip(self.tensors, self.shapes, strict=True):
            size = math.prod(shape)
            if flat < size:
                return tensor, tuple(int(i) for i in np.unravel_index(flat, shape)) if shape else ()
            flat -= size
        raise IndexError(flat)

    def parts(self, tensor: int, values: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """The packed vector, tensor by tensor."""
        sizes = [math.prod(shape) for shape in self.shapes]
        if not self.packed or np.size(values) != sum(sizes):  # one value for all, like a counter
            yield self.tensors[tensor] if tensor < len(self.tensors) else tensor, values
            return
        flat, start = np.reshape(values, -1), 0
        for tensor, shape, size in zip(self.tensors, self.shapes, sizes, strict=True):
            yield tensor, flat[start : start + size].reshape(shape)
            start += size


@dataclass
class Compared:
    """One step of one group: the implementation's values, and the reference's."""

    t: int
    layout: Layout
    observed: dict[tuple[str, int], np.ndarray]
    started: dict[tuple[str, int], Bounded]
    ratios: dict[tuple[str, int], tuple[np.ndarray, Bounded]]
    maybes: int
    evaluate: Callable[[], Any]  # repeats the reference's step
    schedule: tuple[str, ...] = ()  # slots that depend only on the step count


def quantities(params: Sequence[Any], slots: Mapping[str, Sequence[Any]]) -> dict[tuple[str, int], Bounded]:
    found = {("params", i): p for i, p in enumerate(params)}
    for name, values in slots.items():
        found.update({(name, i): v for i, v in enumerate(values) if v is not None})
    return found


def all_ratios(results: Sequence[Mapping], observed: Mapping) -> dict[tuple[str, int], tuple[np.ndarray, Bounded]]:
    """The ratio of every element. With several candidates, each element is held to the one that fits it
    best in all quantities of its shape at once: a parameter of one branch with a slot of another is wrong."""
    each = [{k: ratio_of(r[k], observed[k]) for k in r if k in observed} for r in results]
    if len(results) == 1:
        return {k: (r, results[0][k]) for k, r in each[0].items()}
    found = {}
    for key in each[0]:
        group = [k for k in each[0] if k[1] == key[1] and np.shape(observed[k]) == np.shape(observed[key])]
        joint = np.stack([np.max(np.stack([e[k] for k in group]), axis=0) for e in each])
        best = np.argmin(joint, axis=0)
        ratio = np.take_along_axis(np.stack([e[key] for e in each]), best[None], axis=0)[0]
        values = np.take_along_axis(np.stack([r[key].value for r in results]), best[None], axis=0)[0]
        errors = np.take_along_axis(np.stack([r[key].error for r in results]), best[None], axis=0)[0]
        found[key] = (ratio, Bounded(values, errors, results[0][key].fmt))
    return found


def ratio_of(expected: Bounded, got: np.ndarray) -> np.ndarray:
    """|got - expected| / bound; non-finite values must be equal."""
    got = np.asarray(got, expected.value.dtype)
    if got.shape != expected.shape:
        return np.full(got.shape or (1,), np.inf)
    distance, error = abs(got - expected.value), expected.error
    ratio = distance / error
    if np.isfinite(ratio).all():
        return ratio
    same = (got == expected.value) | (np.isnan(got) & np.isnan(expected.value))
    ratio = np.where(error > 0, ratio, np.inf)
    ratio = np.where(same | np.isinf(error), 0, ratio)
    return np.where(np.isnan(ratio), np.inf, ratio)


def sharpness(expected: Bounded, before: Bounded | None, slot: bool = False) -> float | None:
    """bound / |update| of the sharpest element; None where nothing moves.

    A slot may stay at a value that its update rounds to, as a maximum does: there it does not move.
    """
    if before is None or before.shape != expected.shape:
        return None
    smallest, error = expected.fmt.smallest_normal, expected.error
    update = abs(expected.value - before.value)
    moved = (update >= smallest) & np.isfinite(update)
    if slot:
        moved &= update > expected.fmt.unit * abs(expected.value)
    if not moved.any():
        return None
    if slot and not (moved & (update > error)).any():
        update = abs(expected.value)  # at its fixed point a slot is compared with its own size
        moved = (update >= smallest) & np.isfinite(update)
    shares = np.where(moved, error / np.where(moved, update, 1), np.inf)
    return float(shares.min())


def largest(ratio: np.ndarray) -> tuple[int, float]:
    """The position of the worst element in the flattened values, and its ratio."""
    if not ratio.size:
        return 0, 0.0
    flat = ratio.reshape(-1)
    place = int(flat.argmax())
    return place, float(flat[place])


def worst_of(ratio: float, t: int, name: str, element: tuple, place: int, got: Any, expected: Bounded) -> Worst:
    return Worst(
        ratio=ratio,
        step=t,
        quantity=name,
        element=element,
        got=float(np.reshape(got, -1)[place]),
        expected=float(np.reshape(expected.value, -1)[place]),
        allowed=float(np.reshape(expected.error, -1)[place]) * LIMIT,
    )
