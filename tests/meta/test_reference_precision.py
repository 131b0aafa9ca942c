"""The references agree with an evaluation of fifty digits, as far as their working precision goes.

The same lines run on `mpmath.mpf` in object arrays. The bound of a float64 evaluation, made smaller by
the ratio of the two precisions, is what the working precision may be off: it has eleven bits more.
"""

from dataclasses import fields, replace

import mpmath
import numpy as np
import pytest

from conformance.cases import problems
from reference import REFERENCES
from reference.base import Reference
from reference.bounded import Bounded
from reference.formats import FLOAT64, WORKING
from reference.wrapped import Wrapped

STEPS = 30
DIGITS = 50
SHAPES = ((3,), (2, 5))  # a few elements are enough, and fifty digits take their time

# The values of the publications, and the forms that the usual values do not reach.
VARIANTS = {
    "sgd": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01, "learning_rate": 0.01},
    "sgd-inside": {"momentum": 0.9, "velocity": "inside"},
    "adam": {},
    "adam-hat": {"epsilon_place": "hat", "weight_decay": 0.01},
    "adam-amsgrad": {"amsgrad": True, "epsilon": 0.1},
    "rmsprop": {"momentum": 0.9},
    "rmsprop-centered": {"centered": True, "epsilon_place": "inside", "velocity": "inside", "momentum": 0.9},
    "rprop": {"etas": (0.5, 1.2), "step_sizes": (0.005, 0.1)},
    "radam": {"beta_2": 0.95},
    "radam-after": {"beta_2": 0.95, "epsilon_place": "after", "weight_decay": 0.01, "decay": "decoupled"},
}
WRAPPINGS = {
    "global-norm": {"global_clip_norm": 0.7, "loss_scale": 3.0, "accumulation_steps": 2},
    "norm": {"clip_norm": 0.7, "average_momentum": 0.9, "overwrite_every": 3},
    "value": {"clip_value": 0.3, "average_momentum": 0.9},
}


def cases():
    for name in sorted({*VARIANTS, *REFERENCES}):
        rule = REFERENCES.get(name) or REFERENCES[name.partition("-")[0]]
        if rule.bound == "statistical" or rule.closure:  # no bound to hold it to; no gradients to follow
            continue
        yield pytest.param(rule(**VARIANTS.get(name, {})), id=name)
    inner = REFERENCES["adam"](learning_rate=0.1)
    for name, options in WRAPPINGS.items():
        yield pytest.param(Wrapped(inner=inner, **options), id=f"wrapped-{name}")


def with_numbers(reference, make):
    """The reference with every floating-point hyperparameter made by `make`."""
    changes = {}
    for f in fields(reference):
        value = getattr(reference, f.name)
        if isinstance(value, Reference):
            changes[f.name] = with_numbers(value, make)
        elif isinstance(value, tuple):
            changes[f.name] = tuple(make(v) for v in value)
        elif isinstance(value, float):
            changes[f.name] = make(value)
    return replace(reference, **changes)


def trajectory(reference, array, number):
    """Parameters and slots of all steps, with arrays and numbers of one kind."""
    rows = reference_of(reference).gradients == "rows"
    problem = problems.problem("ordinary-rows" if rows else "ordinary", STEPS, shapes=SHAPES)
    reference = with_numbers(reference, number)
    params = [array(p) for p in problem.params]
    slots = reference.init(params)
    slots = {n: [number(0.0) for _ in v] if n in ("step", "calls") else v for n, v in slots.items()}
    for grads in problem.grads:
        given = [g.over(array) if rows else array(g) for g in grads]
        params, slots = reference.step(params, given, slots)
        yield {"params": params, **slots}


def reference_of(reference):
    """The rule itself."""
    return getattr(reference, "inner", reference)


def digits(x):
    """An array of fifty-digit numbers, all from the same float64."""
    found = np.empty(np.shape(x), object)
    for place, value in np.ndenumerate(x):
        found[place] = mpmath.mpf(float(value))
    return found


def exactly(x):
    """A long double as a fifty-digit number."""
    high = float(x)
    return mpmath.mpf(high) + mpmath.mpf(float(x - WORKING.dtype(high)))


@pytest.mark.parametrize("reference", list(cases()))
def test_fifty_digits(reference):
    worst = 0.0
    ratio = float(WORKING.unit) / FLOAT64.unit
    with mpmath.workdps(DIGITS):
        fine = trajectory(reference, digits, mpmath.mpf)
        ours = trajectory(reference, lambda x: Bounded(x, 0.0, FLOAT64), lambda x: Bounded(x, weak=True))
        for expected, got in zip(fine, ours, strict=True):
            assert expected.keys() == got.keys()
            for name, bounded in got.items():
                for e, b in zip(expected[name], bounded, strict=True):
                    if e is None and b is None:
                        continue
                    for place, value in np.ndenumerate(np.asarray(e, object)):
                        off = abs(exactly(b.value[place]) - value)
                        allowed = float(b.error[place]) * ratio
                        if off > 0:
                            assert allowed > 0, (name, place)
                            worst = max(worst, float(off) / allowed)
    assert worst <= 1
