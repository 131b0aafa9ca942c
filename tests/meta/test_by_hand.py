"""A few steps worked out by hand from the papers' equations, in fractions.

The numbers on the right were made with pencil and paper, the arithmetic is beside them; nothing is taken
from the references. A reference runs on `Bounded`, whose bound is a few units of float64: the fraction has
to lie in it.
"""

from dataclasses import fields, replace
from fractions import Fraction
from math import isqrt

import numpy as np
import pytest

from reference import SGD, Adam, AdamW, RAdam, RMSprop, Rprop
from reference.base import Reference
from reference.bounded import Bounded
from reference.formats import FLOAT64
from reference.wrapped import Wrapped

F = Fraction


def weak(value):
    return Bounded(value, weak=True)


def hosted(reference):
    """The reference with its numbers as the host's float64."""
    changes = {}
    for f in fields(reference):
        value = getattr(reference, f.name)
        if isinstance(value, Reference):
            changes[f.name] = hosted(value)
        elif isinstance(value, tuple):
            changes[f.name] = tuple(weak(v) for v in value)
        elif isinstance(value, float):
            changes[f.name] = weak(value)
    return replace(reference, **changes)


def steps(reference, start, grads, slots=None, step=0):
    """All parameters, and the last slots, of tensors with one element each (or as many as `start` has)."""
    rule = hosted(reference)
    params = [Bounded(np.atleast_1d(np.asarray(p, float)), 0.0, FLOAT64) for p in start]
    state = {n: [weak(float(step))] * len(v) if n in ("step", "calls") else v for n, v in rule.init(params).items()}
    for name, value in (slots or {}).items():
        state[name] = [Bounded(np.array([float(value)]), 0.0, FLOAT64)]
    seen = []
    for given in grads:
        given = [Bounded(np.atleast_1d(np.asarray(g, float)), 0.0, FLOAT64) for g in given]
        params, state = rule.step(params, given, state)
        seen.append(list(params))
    return seen, state


def path(reference, start, grads, **more):
    """The parameter after each step, for one tensor of one element."""
    return [p[0] for p in steps(reference, [start], [[g] for g in grads], **more)[0]]


def agree(bounded, expected):
    """Every fraction lies within its bound, and no bound is wider than a few units."""
    assert len(bounded) == len(expected)
    for b, e in zip(bounded, expected, strict=True):
        for place, exact in np.ndenumerate(np.atleast_1d(np.asarray(e, object))):
            value, error = b.value[place], float(b.error[place])
            high = float(value)
            off = abs(F(high) + F(float(value - np.longdouble(high))) - F(exact))
            assert off <= F(error) + F(1, 2**62) * abs(F(exact)), (float(value), exact)
            assert error <= 40 * FLOAT64.unit * max(1, abs(high))


def root(x):
    """The square root of a fraction to forty digits."""
    return F(isqrt(x.numerator * 10**80 // x.denominator), 10**40)


# -- SGD: Sutskever et al. 2013, equations 1 to 4; eta = 1/2, mu = 1/2, theta = 4, g = 2 twice -------------
def sgd(**options):
    return SGD(learning_rate=0.5, **options)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (sgd(), [3, 2]),  # 4 - 2/2, 3 - 2/2
        (sgd(maximize=True), [5, 6]),
        (sgd(momentum=0.5), [3, F(3, 2)]),  # v = 2, 1 + 2 = 3: 4 - 1, 3 - 3/2
        (sgd(momentum=0.5, velocity="inside"), [3, F(3, 2)]),  # v = -1, -1/2 - 1: 4 - 1, 3 - 3/2
        (sgd(momentum=0.5, nesterov=True), [F(5, 2), F(3, 4)]),  # 4 - (2 + 1)/2, 5/2 - (2 + 3/2)/2
        (sgd(momentum=0.5, nesterov=True, velocity="inside"), [F(5, 2), F(3, 4)]),  # 4 - 1/2 - 1, 5/2 - 3/4 - 1
        (sgd(momentum=0.5, dampening=0.5), [F(7, 2), F(11, 4)]),  # v = 1, 1/2 + 1: 4 - 1/2, 7/2 - 3/4
        (sgd(momentum=0.5, dampening=0.5, first_velocity="gradient"), [3, 2]),  # v = 2, 1 + 1: 4 - 1, 3 - 1
        # lambda = 1/2, coupled: g = 2 + 4/2 = 4, v = 4, 4 - 2; g = 2 + 2/2 = 3, v = 2 + 3 = 5, 2 - 5/2
        (sgd(momentum=0.5, weight_decay=0.5), [2, F(-1, 2)]),
        # decoupled: 4 (1 - 1/4) = 3, v = 2, 3 - 1; 2 (3/4) = 3/2, v = 1 + 2 = 3, 3/2 - 3/2
        (sgd(momentum=0.5, weight_decay=0.5, decay="decoupled"), [2, 0]),
        # maximize, coupled: g = -2 + 2 = 0, v = 0, 4; g = -2 + 2 = 0
        (sgd(momentum=0.5, weight_decay=0.5, maximize=True), [4, 4]),
    ],
)
def test_sgd(rule, expected):
    agree(path(rule, 4, [2, 2]), expected)


def test_sgd_the_two_velocities_part_when_the_rate_changes():
    # eta = 1/2 then 1/4, g = 2, 2, mu = 1/2. Outside: v = 2, 3: 4 - 1, 3 - 3/4. Inside: v = -1, -1/2 - 1/2.
    for form, expected in (("outside", F(9, 4)), ("inside", F(2))):
        first = SGD(learning_rate=0.5, momentum=0.5, velocity=form)
        params, state = steps(first, [4], [[2]])
        second = hosted(replace(first, learning_rate=0.25))
        last, _ = second.step(params[-1], [Bounded(np.array([2.0]), 0.0, FLOAT64)], state)
        agree(last, [expected])


# -- Adam: Kingma & Ba 2015, Algorithm 1; alpha = 1, beta_1 = 1/2, beta_2 = 3/4, epsilon = 1 -----------------
def adam(cls=Adam, **options):
    return cls(
        **{"learning_rate": 1.0, "beta_1": 0.5, "beta_2": 0.75, "epsilon": 1.0, "weight_decay": 0.0, **options}
    )


def test_adam():
    # g = 2:  m = 1, v = 1;       m^ = 1 / (1/2) = 2,          v^ = 1 / (1/4) = 4;      0 - 2 / (2 + 1)
    # g = -2: m = 1/2 - 1 = -1/2, v = 3/4 + 1 = 7/4;
    #         m^ = (-1/2) / (3/4) = -2/3, v^ = (7/4) / (7/16) = 4;               -2/3 + (2/3) / 3
    agree(path(adam(), 0, [2, -2]), [F(-2, 3), F(-4, 9)])
    agree(path(adam(maximize=True), 0, [-2, 2]), [F(-2, 3), F(-4, 9)])


def test_adam_epsilon_hat():
    # The same first step: alpha_1 = sqrt(1/4) / (1/2) = 1, 0 - 1 * 1 / (sqrt(1) + 1)
    agree(path(adam(epsilon_place="hat"), 0, [2]), [F(-1, 2)])


def test_adam_weight_decay():
    # alpha = 1/2, lambda = 1/2, theta = 4, g = 2.
    # coupled:   g = 2 + 2 = 4, m = 2, m^ = 4, v = 4, v^ = 16;  4 - (1/2) 4 / (4 + 1) = 18/5
    # decoupled: theta = 4 (1 - 1/4) = 3;                       3 - (1/2) 2 / (2 + 1) = 8/3
    agree(path(adam(learning_rate=0.5, weight_decay=0.5), 4, [2]), [F(18, 5)])
    agree(path(adam(AdamW, learning_rate=0.5, weight_decay=0.5), 4, [2]), [F(8, 3)])


def test_amsgrad():
    # Second step (t = 2) with v^max = 16, m = v = 0, beta_1 = 1/2, beta_2 = 3/4, epsilon = 1/7, g = 8:
    # m = 4, m^ = 4 / (3/4) = 16/3;  v = 16;  max(16, 16) = 16;  16 / (7/16) = 256/7, so epsilon = 0 and squares:
    # update^2 = (16/3)^2 / (256/7) = 7/9
    start = {"m": 0, "v": 0, "v_max": 16}
    agree(path(adam(amsgrad=True, epsilon=0.0), 0, [8], slots=start, step=1), [-root(F(7, 9))])
    # g = 4: m = 2, m^ = 8/3; v = 4, below 16: (8/3)^2 / (256/7) = 7/36. Without AMSGrad: (8/3)^2 / (64/7) = 7/9
    agree(path(adam(amsgrad=True, epsilon=0.0), 0, [4], slots=start, step=1), [-root(F(7, 36))])
    agree(path(adam(epsilon=0.0), 0, [4], slots={"m": 0, "v": 0}, step=1), [-root(F(7, 9))])
    _, state = steps(adam(amsgrad=True, epsilon=0.0), [0], [[4]], slots=start, step=1)
    agree(state["v"] + state["v_max"], [4, 16])  # the maximum is kept, without a correction


# -- RMSprop: Graves 2013, equations 38 to 41; eta = 1/2, rho = 3/4, theta = 1, g = 4, then 0 ----------------
def rmsprop(**options):
    return RMSprop(learning_rate=0.5, rho=0.75, **options)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # n = 16/4 = 4; sqrt(4) + 2 = 4: 1 - (1/2) 4/4
        (rmsprop(epsilon=2.0), [F(1, 2), F(1, 2)]),
        # sqrt(4 + 5) = 3: 1 - (1/2) 4/3
        (rmsprop(epsilon=5.0, epsilon_place="inside"), [F(1, 3), F(1, 3)]),
        # a = 1, n - a^2 = 3; sqrt(3 + 1) = 2: 1 - (1/2) 4/2
        (rmsprop(epsilon=1.0, epsilon_place="inside", centered=True), [0, 0]),
        # b = 4/4 = 1, then 1/2: 1 - 1/2, 1/2 - 1/4
        (rmsprop(epsilon=2.0, momentum=0.5), [F(1, 2), F(1, 4)]),
        # b = (1/2) 4/3 = 2/3, then 1/3: 1 - 2/3, 1/3 - 1/3
        (rmsprop(epsilon=5.0, epsilon_place="inside", velocity="inside", momentum=0.5), [F(1, 3), 0]),
    ],
)
def test_rmsprop(rule, expected):
    agree(path(rule, 1, [4, 0]), expected)


def test_rmsprop_weight_decay():
    # theta = 1, lambda = 3, g = 1 + 3 = 4: as above, 1 - 1/2
    agree(path(rmsprop(epsilon=2.0, weight_decay=3.0), 1, [1]), [F(1, 2)])


# -- Rprop: Riedmiller & Braun 1993, equations 4 and 5, with Igel & Huesken's g <- 0 -----------------------
def test_rprop():
    # eta- = 1/2, eta+ = 5/4, Delta_0 = 1/2, Delta between 1/4 and 5/8 - 1/16 = 9/16.
    rule = Rprop(learning_rate=0.5, etas=(0.5, 1.25), step_sizes=(0.25, 0.5625))
    grads = [7, 1, -3, -1, 5, 0, 1]
    expected = [
        F(-1, 2),  # no gradient before: Delta stays 1/2
        F(-17, 16),  # same sign: min(5/8, 9/16) = 9/16
        F(-17, 16),  # turned: Delta = max(9/32, 1/4) = 9/32, and no step
        F(-25, 32),  # as if there had been none: Delta stays; + 9/32
        F(-25, 32),  # turned: max(9/64, 1/4) = 1/4, no step
        F(-25, 32),  # no gradient: nothing
        F(-33, 32),  # none before: - 1/4
    ]
    agree(path(rule, 0, grads), expected)
    agree(path(replace(rule, maximize=True), 0, [-g for g in grads]), expected)


# -- RAdam: Liu et al. 2020, Algorithm 2; alpha = 1, beta_1 = 1/2, beta_2 = 3/4, so rho_inf = 2 / (1/4) - 1 = 7
def radam(**options):
    return RAdam(learning_rate=1.0, beta_1=0.5, beta_2=0.75, **{"epsilon": 0.0, **options})


def test_radam_before_the_variance_is_tractable():
    # rho_1 = 7 - 2 (3/4) / (1/4) = 1,  rho_2 = 7 - 4 (9/16) / (7/16) = 13/7: neither above 4
    # g = 2: m = 1, m^ = 2: -2.  g = 4: m = 1/2 + 2 = 5/2, m^ = (5/2) / (3/4) = 10/3: -16/3
    agree(path(radam(), 0, [2, 4]), [-2, F(-16, 3)])
    agree(path(radam(unrectified="none"), 0, [2, 4]), [0, 0])


def test_radam_rectified():
    # t = 6: beta_2^6 = 729/4096; rho_6 = 7 - 12 * 729 / 3367 = 14821/3367, above 4 and below 5 (and rho_5 = 3.9)
    # r^2 = (1353/3367)(8087/3367) 7 / (3 * 5 * 14821/3367)
    # m = v = 0 before, g = 2: m = 1, m^ = 1 / (63/64) = 64/63; v = 1; l^2 = (3367/4096) / 1
    rho = F(14821, 3367)
    r2 = (rho - 4) * (rho - 2) * 7 / (3 * 5 * rho)
    move = F(64, 63) * root(r2 * F(3367, 4096))
    zeros = {"m": 0, "v": 0}
    agree(path(radam(), 0, [2], slots=zeros, step=5), [-move])
    agree(path(radam(epsilon_place="after"), 0, [2], slots=zeros, step=5), [-move])  # epsilon = 0: the same
    agree(path(radam(threshold=5.0), 0, [2], slots=zeros, step=5), [F(-64, 63)])
    # epsilon = 1: before, l = sqrt(3367/4096) / (1 + 1); after, l = 1 / (sqrt(4096/3367) + 1)
    agree(path(radam(epsilon=1.0), 0, [2], slots=zeros, step=5), [-move / 2])
    after = F(64, 63) * root(r2) / (root(F(4096, 3367)) + 1)
    agree(path(radam(epsilon=1.0, epsilon_place="after"), 0, [2], slots=zeros, step=5), [-after])


# -- around a rule: plain SGD with eta = 1 -------------------------------------------------------------------
def wrapped(**options):
    return Wrapped(inner=SGD(learning_rate=1.0), **options)


@pytest.mark.parametrize(
    ("rule", "grads", "expected"),
    [
        (wrapped(loss_scale=8.0), [16], [-2]),
        (wrapped(accumulation_steps=2), [1, 5, 2, 2], [0, -3, -3, -5]),  # (1 + 5) / 2, (2 + 2) / 2
        (wrapped(clip_value=2.0), [3, -5, 1], [-2, 0, -1]),
        (wrapped(clip_norm=2.0), [8, -1], [-2, -1]),
        (wrapped(accumulation_steps=2, clip_value=2.0), [1, 5], [0, -2]),  # of the mean, 3; not (1 + 2) / 2
        (wrapped(loss_scale=4.0, clip_value=2.0), [4], [-1]),  # 1 is not clipped
        (wrapped(average_momentum=0.5), [-2, -2], [2, 4]),
        # a = 2 at first; (2 + 4) / 2 = 3, which theta becomes; then theta = 5, a = (3 + 5) / 2 = 4
        (wrapped(average_momentum=0.5, overwrite_every=2), [-2, -2, -2, -2], [2, 3, 5, F(11, 2)]),
    ],
)  # theta = 7, a = (4 + 7) / 2 = 11/2
def test_wrapped(rule, grads, expected):
    agree(path(rule, 0, grads), expected)


def test_average_is_kept():
    _, state = steps(wrapped(average_momentum=0.5), [0], [[-2], [-2]])
    agree(state["average"], [3])


def test_norms():
    # ||(3, 4)|| = 5: with c = 1 each tensor becomes (3/5, 4/5), and (0, -2) becomes (0, -1)
    grads = [[(3, 4), (0, -2)]]
    start = [(0, 0), (0, 0)]
    agree(steps(wrapped(clip_norm=1.0), start, grads)[0][0], [(F(-3, 5), F(-4, 5)), (0, 1)])
    # all tensors: 9 + 16 + 0 + 144 = 169, norm 13; c = 1
    grads = [[(3, 4), (0, -12)]]
    thirteenths = [(F(-3, 13), F(-4, 13)), (0, F(12, 13))]
    agree(steps(wrapped(global_clip_norm=1.0), start, grads)[0][0], thirteenths)
    agree(steps(wrapped(global_clip_norm=13.0), start, grads)[0][0], [(-3, -4), (0, 12)])
