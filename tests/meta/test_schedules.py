"""The references of schedules: two independent forms agree, every mistake is seen, no right one accused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conformance import mutants
from conformance.areas.schedules import area, joined, keras_rates, plateau_checks
from conformance.areas.schedules.rates import judged, typed
from conformance.areas.schedules.schedule_cases import ScheduleCase, cases, length, points
from conformance.bindings import keras_versions
from conformance.bindings.binding import Group, defaults
from conformance.errors import BadInput
from conformance.judge.compared import LIMIT
from conformance.judge.verdict import BLIND_ABOVE
from conformance.proof import schedule_mistakes
from conformance.proof.schedule_mistakes import DRIVERS, ENTRIES, seen_by, times, trials
from reference.formats import WORKING
from reference.schedules import SCHEDULES, is_recursive, recursive

STEPPED = {name: c for name, c in SCHEDULES.items() if name != "Plateau"}  # which follows a metric
KEPT = schedule_mistakes.load()
UPDATE = "out of date: python -m conformance update"


@pytest.mark.parametrize(
    ("framework", "entry", "mutant"),
    [pytest.param(f, e, m, id=f"{f}-{e.optimizer}-{m.name}") for f, e in ENTRIES for m in mutants.of(e.reference)],
)
def test_is_killed(framework, entry, mutant):
    """By a case of this schedule, where its dialect can make the mistake at all; and the page has that case."""
    killed = schedule_mistakes.kill(mutant, framework, entry.optimizer)
    kept = KEPT[f"{framework} {entry.cls}"].get(mutant.name)
    if killed == ():
        assert kept is None
        assert any(
            schedule_mistakes.kill(mutant, f, e.optimizer) for f, e in ENTRIES if e.reference is entry.reference
        )
        return
    assert killed is not None, f"no case sees that {mutant.says}"
    assert killed[1] > LIMIT
    assert kept[0] == killed[0], UPDATE


@pytest.mark.parametrize(
    ("framework", "entry", "option"),
    [pytest.param(f, e, o, id=f"{f}-{e.optimizer}-{o}") for f, e in ENTRIES for o in schedule_mistakes.options(e)],
)
def test_an_ignored_option_is_seen(framework, entry, option):
    """Each case that sets an option, against an implementation that leaves it at another value."""
    killed = schedule_mistakes.ignored(option, framework, entry.optimizer)
    assert killed, f"{entry.cls}: nobody sees that {option} is ignored"
    assert KEPT[f"{framework} {entry.cls}"][f"ignored:{option}"][0] == killed[0]


def test_what_is_written_down_is_all_there_is():
    """No mistake of before is left on the page."""
    for framework, entry in ENTRIES:
        there = {m.name for m in mutants.of(entry.reference)} | {
            f"ignored:{o}" for o in schedule_mistakes.options(entry)
        }
        assert set(KEPT[f"{framework} {entry.cls}"]) <= there
    names = {f"{f} {e.cls}" for f, e in ENTRIES} | {f"{f} ReduceLROnPlateau" for f in plateau_checks.PLAIN}
    assert set(KEPT) == names
    assert all(killed for kills in KEPT.values() for killed in kills.values())


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
@pytest.mark.parametrize("mutant", list(mutants.of(SCHEDULES["Plateau"])), ids=lambda m: m.name)
def test_a_mistake_on_a_plateau_is_seen(mutant):
    by = {f: schedule_mistakes.kill_plateau(mutant, f) for f in plateau_checks.PLAIN}
    assert any(by.values()), f"no case sees that {mutant.says}"
    for framework, killed in by.items():
        kept = KEPT[f"{framework} ReduceLROnPlateau"].get(mutant.name)
        assert (kept and kept[0]) == (killed and killed[0]), UPDATE


@pytest.mark.parametrize("framework", plateau_checks.PLAIN)
def test_no_right_plateau_is_accused(framework):
    for check in schedule_mistakes.plateaus(framework):
        found = schedule_mistakes.following(check, check.groups(installed=False)[0].reference)
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


@pytest.mark.parametrize("mutant", list(mutants.of(SCHEDULES["Sequential"])), ids=lambda m: m.name)
def test_a_mistake_in_a_composition_is_seen(mutant):
    """In those of Keras' schedules, where none multiplies what is there and none starts at 0."""
    told, precision = [], keras_rates.precision(joined.entry_of(joined.FALLING), "float32", "call")
    for check in joined.checks():
        wrong = mutants.plant(check.schedule, mutant)
        seen = [
            (t, {"rate[0]": float(wrong.at(t))})
            for t in points(check.schedule, ScheduleCase(check.name, check.why))
        ]
        told.append(not judged(seen, check.groups(), precision).conforms)
    assert any(told) == (mutant.name not in ("milestone-zero", "factors-go-on"))


# -- the options that the installed frameworks have -------------------------------------------------------
def offered_and_set(framework, name):
    """The options of an installed constructor, and those that a case sets."""
    if name == "reducelronplateau":
        entry, options = plateau_checks.ENTRIES[framework], set()
        for case in plateau_checks.table(framework):
            check = plateau_checks.PlateauCheck(framework, name, case.name, case.why, "float64", "", case)
            options |= set(plateau_checks.arguments(framework, [g.reference for g in check.groups()], case))
        return set(defaults(plateau_checks.constructor(framework))) - {"optimizer", *entry.not_update}, options
    driver = DRIVERS[framework]
    entry, options = driver.entries[name], set()
    for check in area.all_checks():
        if (check.framework, check.optimizer) == (framework, name):
            references = check.case.references(entry, driver.constructor(entry), driver.GROUPS)
            options |= set(driver.describe(entry, references, check.case, check.mode)[1])
    return set(driver.signature(entry)) - set(entry.not_update), options


NAMES = [(f, n) for f, d in DRIVERS.items() for n in (*d.entries, "reducelronplateau")]


@pytest.mark.parametrize(("framework", "name"), NAMES, ids=["-".join(n) for n in NAMES])
def test_every_option_is_set_by_a_case(framework, name):
    pytest.importorskip({"keras": "tensorflow"}.get(framework, framework))
    offered, options = offered_and_set(framework, name)
    assert offered <= options, f"no case sets {sorted(offered - options)}"


@pytest.mark.parametrize("framework", DRIVERS)
def test_no_schedule_is_left_out(framework):
    pytest.importorskip({"keras": "tensorflow"}.get(framework, framework))
    driver = DRIVERS[framework]
    known = {*(e.cls for e in driver.entries.values()), *driver.ELSEWHERE}
    assert set(driver.classes()) <= known


def test_an_option_that_no_case_sets_is_seen(monkeypatch):
    """The two tests above, of a class with an option more."""
    torch = pytest.importorskip("torch")

    class StepLR(torch.optim.lr_scheduler.StepLR):
        def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1, warmup=0):
            super().__init__(optimizer, step_size, gamma, last_epoch)

    monkeypatch.setattr(torch.optim.lr_scheduler, "StepLR", StepLR)
    offered, options = offered_and_set("torch", "steplr")
    assert offered - options == {"warmup"}
