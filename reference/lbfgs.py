"""Limited-memory BFGS, with and without a line search for the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from reference.base import Array, Reference, Slots, hyper, learning_rate

NW = "Nocedal & Wright 2006"
MINFUNC = "Schmidt, minFunc 2005 (www.cs.ubc.ca/~schmidtm/Software/minFunc.html)"
DOCUMENTED = "PyTorch documentation, torch.optim.LBFGS"

WOLFE = {"line_search": "strong_wolfe"}

# The objective at a point, all tensors concatenated: the loss and its gradient.
Closure = Callable[[Array], tuple[Array, Array]]


@dataclass(frozen=True)
class LBFGS(Reference):
    """Limited-memory BFGS on all tensors concatenated into one vector x.

        y <- g - previous g,  s <- t d              kept if y.s > 1e-10; then h <- y.s / y.y, rho <- 1 / y.s
        q <- -g;  newest to oldest: alpha_i <- rho_i s_i.q,  q <- q - alpha_i y_i
        d <- h q; oldest to newest: d <- d + s_i (alpha_i - rho_i y_i.d)
        x <- x + t d

    with g the gradient, h the scale of the initial Hessian, the last `history_size` pairs in the slots "y", "s" and
    "rho" (rows, oldest first), d, t and h in the slots of these names, the gradient and loss at which d
    was found in "g" and "loss". The slot "step" counts iterations, "evaluations" those of the objective. t is
    `learning_rate`, multiplied in the very first iteration by min(1, 1 / sum |g|); with `line_search` it is the
    first trial of a search for the strong Wolfe conditions with c1 = 1e-4, c2 = 0.9: N&W's Algorithms 3.5 and 3.6
    with cubic interpolation (their equation 3.59), and minFunc's safeguards: an extrapolation stays between
    t + 0.01 (t - previous t) and 10 t; a trial within a tenth of the bracket of either end is moved away from it if
    it is outside the bracket, or is the second such trial in a row.

    One call of `step` makes at most `max_iter` iterations and starts no further one after `max_eval`
    evaluations (None: 5/4 `max_iter`). It also ends when max |g| <= `tolerance_grad`; and with delta
    `tolerance_change` when the slope g.d > -delta (no move: t is 0), max |t d| <= delta, or the loss changes by
    less than delta; the line search ends when the bracket times max |d| is below delta.

    `step` takes a closure in place of the gradients: it maps x to the loss and the gradient.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: Nocedal & Wright, Numerical Optimization, 2nd ed. 2006, Algorithms 7.4 and 7.5, equation 7.20,
    Algorithms 3.5 and 3.6, https://doi.org/10.1007/978-0-387-40065-5;
    Liu & Nocedal, On the Limited Memory BFGS Method for Large Scale Optimization, Mathematical Programming 45,
    1989, https://doi.org/10.1007/BF01589116;
    Schmidt, minFunc, 2005, https://www.cs.ubc.ca/~schmidtm/Software/minFunc.html;
    PyTorch documentation, torch.optim.LBFGS (its tolerances and limits; it names minFunc as its model),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html
    """

    title: ClassVar[str] = "L-BFGS"
    source: ClassVar[str] = f"{NW}, Algorithm 7.5"
    closure: ClassVar[bool] = True  # `step` takes one

    learning_rate: float = learning_rate(1.0)
    max_iter: int = hyper(20, within="[1, inf)", base=1, probe=3, cite=f"{DOCUMENTED}: max_iter")
    max_eval: int | None = hyper(
        None, within="[1, inf)", probe=3, needs={"max_iter": 6}, cite=f"{DOCUMENTED}: max_eval"
    )
    tolerance_grad: float = hyper(
        1e-7, within="[0, inf)", probe=4.0, cite=f"{DOCUMENTED}: tolerance_grad (first order optimality)"
    )
    tolerance_change: float = hyper(
        1e-9,
        within="[0, inf)",
        probe=2.0**-3,
        needs={"max_iter": 6},
        cite=f"{DOCUMENTED}: tolerance_change (function value or parameter changes)",
    )
    history_size: int = hyper(100, within="[1, inf)", base=2, probe=4, cite=f"{NW}, Algorithm 7.5: m")
    line_search: str | None = hyper(None, one_of=(None, "strong_wolfe"), cite=f"{NW}, Algorithms 3.5 and 3.6")

    combinations: ClassVar = {
        "quadratic": {"learning_rate": 0.5, "problem": "quadratic"},
        "quadratic-several": {"learning_rate": 0.5, "max_iter": 2, "problem": "quadratic", "steps": 3},
        "quadratic-stops": {
            "learning_rate": 0.5,
            "max_iter": 6,
            "tolerance_change": 0.5,
            "problem": "quadratic",
            "steps": 3,
        },
        "ripple-ends": {
            "learning_rate": 0.5,
            "max_iter": 20,
            "tolerance_change": 7 / 256,
            "problem": "ripple",
            "steps": 1,
        },
        "quadratic-solved": {
            "learning_rate": 0.5,
            "max_iter": 4,
            "tolerance_grad": 4.0,
            "problem": "quadratic",
            "steps": 3,
        },
        "wolfe-quadratic": {"learning_rate": 1.0, **WOLFE, "problem": "quadratic"},
        "wolfe-several": {"learning_rate": 1.0, **WOLFE, "max_iter": 2, "problem": "rosenbrock", "steps": 3},
        "wolfe-rosenbrock": {
            "learning_rate": 1.0,
            **WOLFE,
            "max_eval": 25,
            "problem": "rosenbrock",
            "steps": 5,
        },
        "wolfe-short": {
            "learning_rate": 0.25,
            **WOLFE,
            "max_eval": 25,
            "problem": "quadratic",
            "steps": 4,
        },
        "wolfe-long": {
            "learning_rate": 16.0,
            **WOLFE,
            "max_eval": 25,
            "problem": "quadratic",
            "steps": 4,
        },
        "wolfe-limited": {
            "learning_rate": 30.0,
            **WOLFE,
            "max_eval": 3,
            "problem": "rosenbrock",
            "steps": 3,
        },
        "wolfe-steep": {
            "learning_rate": 1.0,
            **WOLFE,
            "max_eval": 25,
            "problem": "quartic",
            "steps": 1,
        },
        "wolfe-zoom": {
            "learning_rate": 3.0,
            **WOLFE,
            "max_eval": 6,
            "problem": "quartic",
            "steps": 1,
        },
        "wolfe-far": {
            "learning_rate": 12.0,
            **WOLFE,
            "max_eval": 6,
            "problem": "ripple",
            "steps": 1,
        },
        "wolfe-crest": {
            "learning_rate": 6.5,
            **WOLFE,
            "max_eval": 25,
            "problem": "ripple",
            "steps": 1,
        },
        "wolfe-near": {
            "learning_rate": 0.125,
            **WOLFE,
            "max_eval": 25,
            "problem": "quartic",
            "steps": 1,
        },
        "wolfe-tolerance": {
            "learning_rate": 4.0,
            **WOLFE,
            "max_eval": 25,
            "tolerance_change": 0.5,
            "problem": "rosenbrock",
            "steps": 4,
        },
        "wolfe-rise": {
            "learning_rate": 1.0,
            **WOLFE,
            "max_eval": 4,
            "problem": "step-up",
            "steps": 1,
        },
    }

    def init(self, params: list[Array]) -> Slots:
        x = _flat(params)
        zero = np.zeros_like(x[:1])
        none = np.zeros_like(x).reshape(1, -1)[:0]
        return {
            "step": [np.zeros(())],
            "evaluations": [zero.reshape(())],
            "d": [np.zeros_like(x)],
            "t": [zero.reshape(())],
            "s": [none],
            "y": [none],
            "rho": [zero[:0]],
            "h": [zero.reshape(()) + 1],
            "g": [np.zeros_like(x)],
            "loss": [zero.reshape(())],
        }

    def step(self, params: list[Array], grads: Closure, slots: Slots) -> tuple[list[Array], Slots]:
        closure, slot = grads, {name: values[0] for name, values in slots.items()}
        x = _flat(params)
        loss, g = closure(x)
        evaluations = 1
        iterations = 0
        going = not np.max(abs(g)) <= self.tolerance_grad
        while going:
            iterations += 1
            slot["step"] = slot["step"] + 1
            first = slot["step"] == 1
            slot.update(self.direction(slot, g, first))
            slot["g"], slot["loss"], d = g, loss, slot["d"]
            t = np.minimum(1, 1 / np.sum(abs(g))) * self.learning_rate if first else self.learning_rate
            slope = g @ d
            if slope > -self.tolerance_change:
                slot["t"] = np.zeros_like(slot["t"])
                break
            if self.line_search:
                room = self.most_evaluations() - evaluations
                loss, g, t, used = self.search(closure, x, d, t, loss, g, slope, room)
                x = x + t * d
                evaluations += used
            else:
                x = x + t * d
                if iterations != self.max_iter:
                    loss, g = closure(x)
                    evaluations += 1
            slot["t"] = t + np.zeros_like(slot["t"])
            going = iterations != self.max_iter and evaluations < self.most_evaluations()
            going = going and not np.max(abs(g)) <= self.tolerance_grad
            going = going and not np.max(abs(d * t)) <= self.tolerance_change
            going = going and not abs(loss - slot["loss"]) < self.tolerance_change
        slot["evaluations"] = slot["evaluations"] + evaluations
        return _split(x, params), {name: [value] for name, value in slot.items()}

    def most_evaluations(self) -> int:
        return self.max_iter * 5 // 4 if self.max_eval is None else self.max_eval

    def direction(self, slot: dict[str, Array], g: Array, first: Any) -> dict[str, Array]:
        """The memory with the newest pair, and the direction of descent by the two-loop recursion."""
        if first:
            return {"d": -g}
        y, s, rho, h = slot["y"], slot["s"], slot["rho"], slot["h"]
        new_y, new_s = g - slot["g"], slot["d"] * slot["t"]
        curvature = new_y @ new_s
        if curvature > 1e-10:
            oldest = len(y) + 1 - self.history_size
            y = _appended(y, new_y, oldest)
            s = _appended(s, new_s, oldest)
            rho = _appended(rho, 1 / curvature, oldest)
            h = curvature / (new_y @ new_y)
        q = -g
        alpha = [None] * len(y)
        for i in reversed(range(len(y))):
            alpha[i] = (s[i] @ q) * rho[i]
            q = q - alpha[i] * y[i]
        d = q * h
        for i in range(len(y)):
            d = d + s[i] * (alpha[i] - (y[i] @ d) * rho[i])
        return {"y": y, "s": s, "rho": rho, "h": h, "d": d}

    def search(
        self, closure: Closure, x: Array, d: Array, t: Any, loss: Array, g: Array, slope: Array, room: int
    ) -> tuple[Array, Array, Array, int]:
        """Line search for the strong Wolfe conditions: the loss, gradient and t found, and the evaluations used."""

        def trial(t: Any) -> tuple[Any, Array, Array, Array]:
            f, g = closure(x + t * d)
            return t, f, g @ d, g

        start = (slope * 0, loss, slope, g)
        previous, new = start, trial(t)
        used, tries, bracket = 1, 0, None
        done = False
        while tries < room and bracket is None:
            t, f, f_slope, _ = new
            if f > loss + 1e-4 * t * slope or (tries > 0 and f >= previous[1]):
                bracket = [previous, new]
            elif abs(f_slope) <= -0.9 * slope:
                bracket, done = [new], True
            elif f_slope >= 0:
                bracket = [previous, new]
            else:
                t = _cubic(previous, new, t + 0.01 * (t - previous[0]), t * 10)
                previous, new = new, trial(t)
                used += 1
                tries += 1
        if bracket is None:
            bracket = [start, new]
        widest, hesitant = np.max(abs(d)), False
        while not done and tries < room:
            one, two = bracket
            left, right = np.minimum(one[0], two[0]), np.maximum(one[0], two[0])
            if (right - left) * widest < self.tolerance_change:
                break
            low, high = (0, 1) if one[1] <= two[1] else (1, 0)
            t = _cubic(one, two, left, right)
            margin = 0.1 * (right - left)
            if np.minimum(right - t, t - left) < margin:
                if hesitant or t >= right or t <= left:
                    t = right - margin if abs(t - right) < abs(t - left) else left + margin
                    hesitant = False
                else:
                    hesitant = True
            else:
                hesitant = False
            new = trial(t)
            used += 1
            tries += 1
            if new[1] > loss + 1e-4 * t * slope or new[1] >= bracket[low][1]:
                bracket[high] = new
            else:
                if abs(new[2]) <= -0.9 * slope:
                    done = True
                elif new[2] * (bracket[high][0] - bracket[low][0]) >= 0:
                    bracket[high] = bracket[low]
                bracket[low] = new
        best = bracket[0] if len(bracket) == 1 or bracket[0][1] <= bracket[1][1] else bracket[1]
        return best[1], best[3], best[0], used


def _cubic(one: tuple, two: tuple, low: Array, high: Array) -> Array:
    """The minimum of the cubic through two values and slopes, held within [low, high]."""
    if not one[0] <= two[0]:
        one, two = two, one
    (a, f_a, g_a, _), (b, f_b, g_b, _) = one, two
    d_1 = g_a + g_b - 3 * (f_a - f_b) / (a - b)
    square = d_1 * d_1 - g_a * g_b
    if square >= 0:
        d_2 = np.sqrt(square)
        t = b - (b - a) * ((g_b + d_2 - d_1) / (g_b - g_a + 2 * d_2))
        return np.minimum(np.maximum(t, low), high)
    return (low + high) / 2


def _flat(params: list[Array]) -> Array:
    return np.concatenate([np.reshape(p, -1) for p in params])


def _split(x: Array, like: list[Array]) -> list[Array]:
    found, at = [], 0
    for p in like:
        found.append(np.reshape(x[at : at + p.size], p.shape))
        at += p.size
    return found


def _appended(rows: Array, row: Array, oldest: int) -> Array:
    """The rows from `oldest` on, followed by one more."""
    return np.concatenate([rows[max(0, oldest) :], np.reshape(row, (1, *rows.shape[1:]))])
