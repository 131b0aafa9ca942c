"""The references of schedules: two independent forms agree, every mistake is seen, no right one accused."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from conformance import mutants
from conformance.bindings import keras_versions
from conformance.bindings.base import Group, Unsupported, to_arguments
from conformance.errors import BadInput
from conformance.schedules import area, keras_driver, plateau, torch_driver
from conformance.schedules.bugs import BUGS
from conformance.schedules.cases import cases, length, points
from conformance.schedules.verdict import MOMENTUM, judged, typed
from conformance.verdict import BLIND_ABOVE, LIMIT
from reference.formats import WORKING
from reference.schedules import SCHEDULES, is_recursive, recursive

DRIVERS = {"torch": torch_driver, "keras": keras_driver}
ENTRIES = [(f, e) for f, d in DRIVERS.items() for e in d.entries.values()]
STEPPED = {name: c for name, c in SCHEDULES.items() if name != "Plateau"}  # which follows a metric


@cache
def trials(framework, name):
    """Every case of an entry with its reference, and the way in which its precision is widest and sharpest."""
    driver = DRIVERS[framework]
    entry = driver.entries[name]
    found = []
    for case in cases(entry):
        try:
            for reference in case.references(entry, None, driver.GROUPS):
                to_arguments(entry, reference)
                found.append((case, reference))
        except Unsupported:
            continue
    return found


def times(framework, case, reference):
    whole = list(range(length(reference, case)))
    if framework == "torch" and is_recursive(reference):
        return whole
    return sorted({*whole, *points(reference, case)})


def seen_by(framework, case, reference, make=WORKING.dtype):
    """What an implementation would use that computes with `make`: in float64, or in float32 rounded."""
    made = typed(reference, lambda _, v: make(v))
    steps = times(framework, case, reference)
    if DRIVERS[framework] is torch_driver and reference.by_recursion:
        rates = made.run(steps)
    else:
        rates = [made.at(t) for t in steps]
    rows = [(t, {"rate[0]": float(np.float64(rate))}) for t, rate in zip(steps, rates, strict=True)]
    if reference.momenta:
        for t, row in rows:
            row["momentum[0]"] = float(np.float64(made.momentum(t))) if reference.cycle_momentum else MOMENTUM
    return rows


def kill(mutant, framework, name, quick=True):
    """The case and ratio by which the mistake is seen in the cases of an entry."""
    driver = DRIVERS[framework]
    entry, reached = driver.entries[name], False
    # float64 where that is what is computed: a rounding that Keras makes anyway is nobody's mistake.
    precision = driver.precision(entry, "float64" if framework == "torch" else "float32", driver.PLAIN)
    with np.errstate(all="ignore"):
        for case, reference in trials(framework, name):
            planted = mutants.plant(reference, mutant)
            try:
                wrong = seen_by(framework, case, planted)
            except (ArithmeticError, IndexError):
                return case.name, np.inf
            if repr(wrong) == repr(seen_by(framework, case, reference)):
                continue
            reached = True
            found = judged(wrong, [Group((0,), reference)], precision)
            if not found.conforms:
                return case.name, found.ratio
    return None if reached else ()


@pytest.mark.parametrize(
    ("framework", "entry", "mutant"),
    [pytest.param(f, e, m, id=f"{f}-{e.optimizer}-{m.name}") for f, e in ENTRIES for m in mutants.of(e.reference)],
)
def test_is_killed(framework, entry, mutant):
    """By a case of this schedule, where its dialect can make the mistake at all."""
    killed = kill(mutant, framework, entry.optimizer)
    if killed == ():
        assert any(kill(mutant, f, e.optimizer) for f, e in ENTRIES if e.reference is entry.reference)
        return
    assert killed is not None, f"no case sees that {mutant.says}"
    assert killed[1] > LIMIT


@pytest.mark.parametrize(("framework", "entry"), ENTRIES, ids=lambda x: getattr(x, "optimizer", x))
def test_an_ignored_option_is_seen(framework, entry):
    """Each case that sets an option, against an implementation that leaves it at another value."""
    driver = DRIVERS[framework]
    precision = driver.precision(entry, "float64" if framework == "torch" else "float32", driver.PLAIN)
    for f in fields(entry.reference):
        if f.name not in entry.arguments or f.metadata["probe"] is None or f.name in entry.dialect:
            continue
        told = []
        for case, reference in trials(framework, entry.optimizer):
            if f.name in case.overrides:
                without = {k: v for k, v in vars(reference).items() if k != f.name}
                ignoring = entry.reference(**without, **{f.name: entry.base.get(f.name, f.metadata["base"])})
                with np.errstate(all="ignore"):
                    told.append(
                        not judged(seen_by(framework, case, ignoring), [Group((0,), reference)], precision).conforms
                    )
        assert any(told), f"{entry.cls}: nobody sees that {f.name} is ignored"


@pytest.mark.parametrize(("framework", "entry"), ENTRIES, ids=lambda x: getattr(x, "optimizer", x))
def test_no_right_evaluation_is_accused(framework, entry):
    """Real rounding, of the reference's own lines in NumPy, stays within the bound; and the bound is sharp."""
    driver = DRIVERS[framework]
    for dtype, make in (("float64", np.float64), ("float32", np.float32)):
        if (framework == "torch") != (dtype == "float64"):
            continue
        precision = driver.precision(entry, dtype, driver.PLAIN)
        for case, reference in trials(framework, entry.optimizer):
            if case.name == "factor-zero":  # it is divided by
                continue
            with np.errstate(all="ignore"):
                if framework == "torch" and entry.recursive:
                    steps = times(framework, case, reference)
                    made = typed(reference, lambda _, v, make=make: make(v))
                    rows = [(t, {"rate[0]": float(v)}) for t, v in zip(steps, recursive(made, steps), strict=True)]
                else:
                    rows = seen_by(framework, case, reference, make)
                found = judged(rows, [Group((0,), reference)], precision)
            assert found.ratio <= 1, (case.name, found.worst)
            assert found.resolution is None or found.resolution < BLIND_ABOVE, case.name


@pytest.mark.parametrize(("framework", "entry"), ENTRIES, ids=lambda x: getattr(x, "optimizer", x))
def test_the_recursive_form_is_the_closed_form(framework, entry):
    """In extended precision, two formulas from the documentation, written apart, have the same values."""
    for case, reference in trials(framework, entry.optimizer):
        if not (framework == "torch" and is_recursive(reference)) or reference.by_recursion:
            continue
        exact = typed(reference, lambda _, v: WORKING.dtype(v))
        steps = [WORKING.dtype(t) for t in range(length(reference, case))]
        if case.name in ("factor-zero", "nested"):  # divides by the factor; counts whole numbers
            continue
        closed = [exact.at(t) for t in steps]
        for a, b in zip(closed, recursive(exact, steps), strict=True):
            assert abs(a - b) < 1e-14 * max(abs(float(v)) for v in closed), case.name


@pytest.mark.parametrize("cls", SCHEDULES.values(), ids=SCHEDULES)
def test_mistakes_can_be_planted(cls):
    found = list(mutants.of(cls))
    assert len(found) >= 6
    assert len({m.name for m in found}) == len(found)
    for mutant in found:
        assert mutants.mutated(cls, mutant).mistake == mutant.name


# Rates from the documentation and the papers, and by hand.
BY_HAND = [
    # "lr = 0.05 if epoch < 30, 0.005 if 30 <= epoch < 60, 0.0005 if 60 <= epoch < 90" (StepLR)
    (
        "Exponential",
        {"rate": 0.05, "every": 30, "decay": 0.1, "staircase": True},
        {0: 0.05, 29: 0.05, 30: 0.005, 60: 0.0005},
    ),
    # "lr = 0.05 if epoch < 30, 0.005 if 30 <= epoch < 80, 0.0005 if epoch >= 80" (MultiStepLR)
    (
        "MultiStep",
        {"rate": 0.05, "milestones": (30, 80), "factor": 0.1},
        {29: 0.05, 30: 0.005, 79: 0.005, 80: 0.0005},
    ),
    # "1.0 for the first 100001 steps, 0.5 for the next 10000 steps, and 0.1 for any additional steps"
    (
        "Piecewise",
        {"boundaries": (100000, 110000), "values": (1.0, 0.5, 0.1)},
        {100000: 1.0, 100001: 0.5, 110000: 0.5, 110001: 0.1},
    ),
    # "lr = 0.025 if epoch == 0, ..., 0.05 if epoch >= 40" (ConstantLR)
    ("Constant", {"rate": 0.05, "factor": 0.5, "steps": 40}, {0: 0.025, 39: 0.025, 40: 0.05}),
    # "lr = 0.003687, 0.004875, 0.006062, 0.00725" (LinearLR, whose example begins with the second epoch)
    ("Linear", {"rate": 0.05, "start": 0.05, "steps": 40}, {0: 0.0025, 1: 0.0036875, 2: 0.004875, 40: 0.05}),
    ("InverseTime", {"rate": 1.0, "every": 1, "decay": 0.5}, {0: 1.0, 2: 0.5, 6: 0.25}),
    ("Polynomial", {"rate": 1.0, "steps": 10, "power": 2.0}, {0: 1.0, 5: 0.25, 10: 0.0, 11: 0.0}),
    ("Polynomial", {"rate": 1.0, "steps": 10, "cycle": True}, {10: 0.0, 11: 0.45, 15: 0.25, 20: 0.0}),
    ("Cosine", {"rate": 1.0, "steps": 6}, {0: 1.0, 2: 0.75, 3: 0.5, 4: 0.25, 6: 0.0, 7: 0.0}),
    (
        "Cosine",
        {"rate": 0.0, "steps": 6, "warmup_target": 1.0, "warmup_steps": 4},
        {1: 0.25, 4: 1.0, 6: 0.75, 10: 0.0},
    ),
    ("CosineRestarts", {"rate": 1.0, "steps": 2, "t_mul": 2}, {0: 1.0, 1: 0.5, 2: 1.0, 4: 0.5, 6: 1.0, 10: 0.5}),
    # the paper's example of a cycle: stepsize 2, from 1 to 3
    ("Cyclic", {"rate": 1.0, "peak": 3.0, "up": 2}, {0: 1.0, 1: 2.0, 2: 3.0, 3: 2.0, 4: 1.0}),
    (
        "OneCycle",
        {"peak": 1.0, "total": 11, "portion": 3 / 11, "div": 10.0, "final_div": 10.0},
        {0: 0.1, 1: 0.55, 2: 1.0, 6: 0.505, 10: 0.01},
    ),
    ("Averaging", {"rate": 1.0, "target": 0.0, "steps": 4, "strategy": "linear"}, {0: 1.0, 1: 0.75, 4: 0.0}),
]


@pytest.mark.parametrize(("name", "given", "rates"), BY_HAND, ids=[f"{i}-{b[0]}" for i, b in enumerate(BY_HAND)])
def test_by_hand(name, given, rates):
    schedule = SCHEDULES[name](**given)
    for t, rate in rates.items():
        assert abs(float(schedule.at(t)) - rate) < 1e-12, t


def test_a_right_schedule_one_update_late_is_seen():
    """What the rate is used for counts, not what the schedule says: shifted by one, every schedule diverges."""
    for framework, entry in ENTRIES:
        case, reference = trials(framework, entry.optimizer)[0]
        precision = DRIVERS[framework].precision(entry, "float64", DRIVERS[framework].PLAIN)
        rows = seen_by(framework, case, reference)
        late = [(t, before) for (t, _), (_, before) in zip(rows[1:], rows[:-1], strict=True)]
        assert not judged([rows[0], *late], [Group((0,), reference)], precision).conforms, entry.cls


def test_with_another_rate():
    schedule = SCHEDULES["Constant"](rate=1.0)
    assert replace(schedule, rate=2.0).at(9) == 2.0


# -- what follows a metric -----------------------------------------------------------------------------
def followed(check, reference):
    sign = -1 if check.groups(installed=False)[0].reference.mode == "max" else 1
    scripts = {name: [sign * x for x in plateau.METRICS[name]] for name in check.case.metrics}
    seen = {
        name: [(t, {"rate[0]": float(v)}) for t, v in enumerate(reference.follow(metrics))]
        for name, metrics in scripts.items()
    }
    return seen, scripts


def plateau_checks(framework):
    found = (c for c in plateau.checks() if isinstance(c, plateau.PlateauCheck) and c.framework == framework)
    return [c for c in found if c.dtype == "float64" and c.mode == plateau.PLAIN[framework]]


@pytest.mark.parametrize("mutant", list(mutants.of(SCHEDULES["Plateau"])), ids=lambda m: m.name)
def test_a_mistake_on_a_plateau_is_seen(mutant):
    by = {}
    for framework in plateau.PLAIN:
        for check in plateau_checks(framework):
            groups = check.groups(installed=False)[:1]
            seen, scripts = followed(check, mutants.plant(groups[0].reference, mutant))
            found = plateau.judge_all(seen, scripts, groups, plateau.precision_of(framework, "float64"))
            if not found.conforms:
                by[check.id] = found.ratio
    assert by, f"no case sees that {mutant.says}"


@pytest.mark.parametrize("framework", plateau.PLAIN)
def test_no_right_plateau_is_accused(framework):
    for check in plateau_checks(framework):
        groups = check.groups(installed=False)[:1]
        seen, scripts = followed(check, groups[0].reference)
        found = plateau.judge_all(seen, scripts, groups, plateau.precision_of(framework, "float64"))
        assert found.ratio <= 1, (check.id, found.worst)


def test_a_plateau_by_hand():
    """The example of the documentation: with no patience the second bad epoch, and each after it, reduces."""
    plain = SCHEDULES["Plateau"](rate=1.0, factor=0.5, patience=0, epsilon=0.0)
    assert plain.follow([1.0, 2.0, 2.0, 0.5, 0.5]) == [1.0, 1.0, 0.5, 0.25, 0.25, 0.125]
    waiting = replace(plain, patience=1, cooldown=2)
    assert waiting.follow([1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]) == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25]
    assert replace(plain, mode="max").follow([1.0, 2.0, 1.0]) == [1.0, 1.0, 1.0, 0.5]
    # documented: in mode rel, best (1 - threshold) of a negative best is above it, so that worse is better
    assert replace(plain, threshold=0.5).follow([-1.0, -0.75, -0.5]) == [1.0, 1.0, 1.0, 1.0]


# -- warmup and cosine -----------------------------------------------------------------------------------
def test_the_ways_to_warm_up_are_one():
    """Up to the end of the decay the formulas of the three are the same; beyond it torch's goes up again."""
    ways = [
        (f, e, c)
        for f, e in ENTRIES
        for c in cases(e)
        if c.name == "warmup" and e.reference != SCHEDULES["CosineRestarts"]
    ]
    assert len(ways) == 3
    rates = [[float(c.reference(e).at(t)) for t in range(40)] for _, e, c in ways]
    for other in rates[1:]:
        np.testing.assert_array_max_ulp(np.array(rates[0][:33]), np.array(other[:33]), 64)
    assert sorted(r[39] == r[33] for r in rates) == [False, True, True]


def test_a_schedule_of_ones_own_is_serializable():
    pytest.importorskip("tensorflow")
    from conformance import WarmupCosine

    schedules = keras_versions.package().optimizers.schedules
    made = WarmupCosine(peak=0.5, warmup_steps=4, decay_steps=8, start=0.125, end=0.25, name="own")
    again = schedules.deserialize(schedules.serialize(made))
    assert type(again) is WarmupCosine
    assert again.get_config() == made.get_config()
    assert [float(again(t)) for t in (0, 4, 12, 99)] == [0.125, 0.5, 0.25, 0.25]


@pytest.mark.parametrize("given", [{"warmup_steps": -1}, {"decay_steps": 0}, {"decay_steps": 2.5}, {"peak": -1.0}])
def test_a_bad_schedule_is_refused_by_name(given):
    pytest.importorskip("tensorflow")
    from conformance import WarmupCosine

    (name,) = given
    with pytest.raises(BadInput, match=f"{name}={given[name]!r}"):
        WarmupCosine(**{"peak": 0.5, "warmup_steps": 4, "decay_steps": 8, **given})


# -- real bugs --------------------------------------------------------------------------------------------
TABLE = {c.id: c for c in area.checks()}


@pytest.mark.parametrize("bug", BUGS, ids=lambda b: b.where.split()[0])
def test_a_real_bug_is_caught_by_its_case(bug):
    if not bug.case:
        assert bug.reason
        return
    check = TABLE[bug.case]
    if not bug.mutant:
        return
    groups = check.groups(installed=False)[:1]
    wrong = mutants.plant(groups[0].reference, mutants.find(bug.mutant, type(groups[0].reference)))
    if isinstance(check, plateau.PlateauCheck):
        seen, scripts = followed(check, wrong)
        found = plateau.judge_all(seen, scripts, groups, plateau.precision_of(check.framework, "float64"))
    else:
        precision = check.driver.precision(check.entry, check.dtype, check.mode)
        if check.mode == "indexed":
            steps = points(groups[0].reference, check.case)
            seen = [(t, {"rate[0]": float(wrong.at(t))}) for t in steps]
        else:
            seen = seen_by(check.framework, check.case, wrong)
        with np.errstate(all="ignore"):
            found = judged(seen, groups, precision)
    assert not found.conforms
