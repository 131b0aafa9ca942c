"""The schedules of Keras, one entry each, and how they are driven: called, and in an optimizer.

SGD moves a variable of 0 with gradient 1 by exactly minus the rate.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from conformance.areas.schedules.rates import Precision, Seen
from conformance.areas.schedules.schedule_cases import (
    WARMUP,
    WARMUP_WHY,
    ScheduleCase,
    ScheduleEntry,
    length,
    points,
    sequence,
)
from conformance.bindings import BINDINGS, keras_versions
from conformance.bindings.binding import (
    Argument,
    Unsupported,
    class_of,
    defaults,
    departures,
    dialect_of,
    to_arguments,
)
from conformance.bindings.keras_backends import as_run, variable
from reference import schedules as rules
from reference.schedules import Cosine, CosineRestarts, Schedule

# How a schedule is used; each is a separate implementation.
MODES = {
    "call": "schedule(step), with whole and fractional numbers",
    "optimizer": "the learning_rate of an optimizer, eager",
    "graph": "the same within tf.function",
    "resumed": "as optimizer, and rebuilt from the serialized schedule on, before and after each boundary",
}
GROUPS = 1
PLAIN = "optimizer"
ELSEWHERE = ("LearningRateSchedule",)  # the base class
NAMED = {"name": "it names the operations"}
RATE = {"rate": "initial_learning_rate"}
TIMED = {**RATE, "every": "decay_steps", "decay": "decay_rate", "staircase": "staircase"}
WARMED = {"why": WARMUP_WHY, "everywhere": True, "n": 60, "steps": WARMUP["decay"]}
LIST = {"to": list, "back": tuple}

entries = sequence(
    [
        ScheduleEntry("exponentialdecay", "ExponentialDecay", rules.Exponential, TIMED, not_update=NAMED,
              usual={"rate": 0.1, "every": 30, "decay": 0.96},
              cases={"accumulated": {"given": {"gradient_accumulation_steps": 2}, "n": 12,
                                     "why": "gradients of two batches an update: the rate of each update"}}),
        ScheduleEntry("inversetimedecay", "InverseTimeDecay", rules.InverseTime, TIMED, not_update=NAMED,
              usual={"rate": 0.1, "every": 7}),
        ScheduleEntry("polynomialdecay", "PolynomialDecay", rules.Polynomial,
              {**RATE, "steps": "decay_steps", "end": "end_learning_rate", "power": "power", "cycle": "cycle"},
              not_update=NAMED, usual={"rate": 0.1, "end": 0.01, "power": 0.9, "steps": 13},
              cases={"whole-root": {"rate": 1, "power": 0.5, "end": 0.25, "why": "an integer rate, other floats"}}),
        ScheduleEntry("piecewiseconstantdecay", "PiecewiseConstantDecay", rules.Piecewise,
              {"boundaries": Argument("boundaries", **LIST), "values": Argument("values", **LIST)},
              not_update=NAMED, usual={"values": (0.1, 0.05, 0.001)},
              cases={"whole-values": {"values": (1, 3, 2)},
                     "broken-boundaries": {"boundaries": (3.5, 8.25), "why": "between two updates"}}),
        ScheduleEntry("cosinedecay", "CosineDecay", rules.Cosine,
              {**RATE, "steps": "decay_steps", "alpha": "alpha", "warmup_target": "warmup_target",
               "warmup_steps": "warmup_steps"}, {"end": 0.0, "beyond": "stays"}, not_update=NAMED,
              usual={"rate": 0.1, "steps": 13, "alpha": 0.01, "warmup_target": 0.3, "warmup_steps": 7},
              cases={"warmup": {**WARMED, "rate": WARMUP["start"], "warmup_target": WARMUP["peak"],
                                "warmup_steps": WARMUP["warmup"], "alpha": WARMUP["start"] / WARMUP["peak"]},
                     "warmup-as-documented": {"rate": 0, "warmup_target": 0.125, "warmup_steps": 8,
                                              "why": "the documented example: an integer rate of 0"}}),
        ScheduleEntry("cosinedecayrestarts", "CosineDecayRestarts", rules.CosineRestarts,
              {**RATE, "steps": "first_decay_steps", "t_mul": "t_mul", "m_mul": "m_mul", "alpha": "alpha"},
              {"end": 0.0}, not_update=NAMED, usual={"rate": 0.1, "t_mul": 1.5, "m_mul": 0.9, "alpha": 0.01},
              cases={"warmup": {**WARMED, "rate": WARMUP["peak"], "t_mul": 1,
                                "alpha": WARMUP["start"] / WARMUP["peak"],
                                "why": "the same half cosine, with restarts"}}),
        ScheduleEntry("warmupcosine", "WarmupCosine", rules.Cosine,
              {"rate": "start", "warmup_target": "peak", "warmup_steps": "warmup_steps", "steps": "decay_steps",
               "end": "end"}, {"alpha": 0.0, "beyond": "stays"}, not_update=NAMED, module="conformance",
                      follows_floatx=True,
              base={"rate": 0.0, "warmup_target": 0.5, "warmup_steps": 6},
              usual={"rate": 0.001, "warmup_target": 0.1, "warmup_steps": 7, "steps": 13, "end": 0.01},
              cases={"start": {"rate": 0.125}, "whole-peak": {"warmup_target": 1},
                     "warmup": {**WARMED, "rate": WARMUP["start"], "warmup_target": WARMUP["peak"],
                                "warmup_steps": WARMUP["warmup"], "end": WARMUP["start"]}}),
    ]
)  # fmt: skip


def constructor(entry: ScheduleEntry) -> Callable[..., Any]:
    """The class; Unsupported if the installed version lacks it."""
    return class_of(entry, keras_versions.package().optimizers.schedules, keras_versions.described())


def classes() -> list[str]:
    """The schedules of the installed framework, and ours."""
    schedules = keras_versions.package().optimizers.schedules
    return sorted({n for n, c in vars(schedules).items() if isinstance(c, type)} | {"WarmupCosine"})


def signature(entry: ScheduleEntry) -> list[str]:
    """The arguments of the installed constructor."""
    return sorted(defaults(constructor(entry)))


def precision(entry: ScheduleEntry, dtype: str, mode: str) -> Precision:
    """Keras turns all numbers into tensors: float32 on TensorFlow, whatever floatx is, elsewhere floatx.

    On JAX its cosine is always float32. A custom schedule may follow floatx everywhere.
    """
    result = BINDINGS["keras"].formats(dtype)
    backend = keras_versions.backend()
    narrow = backend == "tensorflow" or (backend == "jax" and entry.reference in (Cosine, CosineRestarts))
    follows = entry.follows_floatx or not narrow
    scalars = result if follows else BINDINGS["keras"].formats("float32")
    return Precision(result, scalars=scalars, said=result)


def describe(
    entry: ScheduleEntry, references: Sequence[Schedule], case: ScheduleCase, mode: str
) -> tuple[str, dict[str, str]]:
    """The call that a user would write, and the options in it that are not the default."""
    options = {k: repr(v) for k, v in arguments(entry, references[0]).items()}
    call = f"{entry.path('tf.keras.optimizers.schedules')}({', '.join(f'{k}={v}' for k, v in options.items())})"
    if case.given:
        call = f"tf.keras.optimizers.SGD({call}, {', '.join(f'{k}={v!r}' for k, v in case.given.items())})"
    return call, options


def arguments(entry: ScheduleEntry, reference: Schedule) -> dict[str, Any]:
    """The arguments that a user would write: those that differ from the default."""
    known = defaults(constructor(entry))
    neutral = to_arguments(entry, dialect_of(entry))
    found = departures(constructor(entry), to_arguments(entry, reference))
    return {k: v for k, v in found.items() if k in known or v != neutral[k]}  # a neutral option may be missing


def taken(entry: ScheduleEntry, reference: Schedule) -> dict[str, Any]:
    """The same; Unsupported if this version lacks one of them."""
    found = arguments(entry, reference)
    missing = set(found) - set(defaults(constructor(entry)))
    if missing:
        raise Unsupported(f"{entry.cls} of this Keras has no argument {', '.join(sorted(missing))}")
    return found


def drive(entry: ScheduleEntry, references: Sequence[Schedule], case: ScheduleCase, dtype: str, mode: str) -> Seen:
    """Every rate used, by update."""
    if mode == "graph" and as_run(mode) == "xla":
        raise Unsupported("Keras on JAX has no graph but XLA's, in which the suite runs no schedule")
    given = taken(entry, references[0])
    indices = points(references[0], case)
    whole = [t for t in indices if t == int(t)]
    steps = sorted({*range(length(references[0], case)), *whole}) if case.everywhere else whole
    if case.given:
        steps = range(length(references[0], case))
    asked = mode == "optimizer" and not case.given
    return rates(
        lambda: constructor(entry)(**given), indices, steps, dtype, mode, case.given, case.everywhere, asked
    )


def rates(
    make: Callable[[], Any],
    indices: Sequence[float],
    steps: Sequence[float],
    dtype: str,
    mode: str,
    given: Mapping[str, Any] | None = None,
    tensors: bool = True,
    asked: bool = False,
) -> Seen:
    """The rates of the schedule: called with the indices, or used by an optimizer in the steps.

    `tensors`: also called with tensors; `asked`: the rate that the optimizer reports is judged too.
    """
    with floatx(dtype) as keras:
        schedule = make()
        if mode == "call":
            return [(t, _called(schedule, t, ("int32", dtype) if tensors else ())) for t in indices]
        return _used(keras, schedule, steps, dtype, mode, given or {}, asked)


@contextlib.contextmanager
def floatx(dtype: str) -> Iterator[Any]:
    """Keras, while its floatx is this dtype."""
    keras = keras_versions.package()
    before = keras.backend.floatx()
    keras.backend.set_floatx(dtype)
    try:
        yield keras
    finally:
        keras.backend.set_floatx(before)


def number(value: Any) -> float:
    """The value of a variable or a tensor of one element."""
    if keras_versions.backend() == "tensorflow":
        value = keras_versions.tensorflow().convert_to_tensor(value)
    else:
        value = keras_versions.package().ops.convert_to_numpy(value)
    return float(np.asarray(value).reshape(()))


def _tensor(value: float, dtype: str) -> Any:
    if keras_versions.backend() == "tensorflow":
        return keras_versions.tensorflow().constant(value, dtype)
    return keras_versions.package().ops.convert_to_tensor(value, dtype)


def _called(schedule: Any, t: float, dtypes: Sequence[str]) -> dict[str, float]:
    """Called with a number, and with tensors of it: results that differ in any bit are judged too."""
    found = {"rate[0]": number(schedule(t))}
    for dtype in dtypes:
        if dtype.startswith("float") or t == int(t):
            again = number(schedule(_tensor(t, dtype)))
            found |= {f"{dtype}[0]": again} if again != found["rate[0]"] else {}
    return found


class Used:
    """A variable of 0 that an optimizer moves by minus its rate."""

    def __init__(self, dtype: str, optimizer: Any, mode: str = "optimizer"):
        self.on_tensorflow = keras_versions.backend() == "tensorflow"
        if self.on_tensorflow:
            tf = keras_versions.tensorflow()
            self.variable, self.one = tf.Variable(0.0, dtype=dtype), tf.ones([], dtype)
        else:
            self.variable = variable(np.zeros(()), "moved", dtype)
            self.one = keras_versions.package().ops.ones([], dtype)
        self.optimizer = optimizer
        optimizer.build([self.variable])
        graph = mode == "graph" and self.on_tensorflow
        self._step = tf.function(self._update, autograph=False) if graph else self._update

    def _update(self) -> None:
        self.variable.assign(self.one * 0)
        self.optimizer.apply_gradients([(self.one, self.variable)])

    def rate(self, calls: int = 1) -> float:
        """The rate of one update, which takes so many calls."""
        for _ in range(calls):
            self._step()
        return 0.0 - number(self.variable)


def _used(
    keras: Any, schedule: Any, steps: Sequence[float], dtype: str, mode: str, given: Mapping[str, Any], asked: bool
) -> Seen:
    missing = set(given) - set(defaults(keras.optimizers.SGD))
    if missing:
        raise Unsupported(f"the optimizers of {keras_versions.described()} have no {', '.join(sorted(missing))}")
    moved = Used(dtype, keras.optimizers.SGD(learning_rate=schedule, **given), mode)
    seen: Seen = []
    for position, t in enumerate(steps):
        follows = position and t == steps[position - 1] + 1  # it counts by itself: the counter is under test too
        if not follows and t != number(moved.optimizer.iterations):
            moved.optimizer.iterations.assign(int(t))
        if mode == "resumed" and position % 5 == 3:
            moved.optimizer = _resumed(moved)
        said = number(moved.optimizer.learning_rate) if asked and position < 3 else None
        seen.append((t, {"rate[0]": moved.rate(given.get("gradient_accumulation_steps", 1))}))
        if said is not None and said != seen[-1][1]["rate[0]"]:
            seen[-1][1]["said[0]"] = said
    return seen


def _resumed(moved: Used) -> Any:
    """An optimizer built from another's configuration, with its state."""
    new = type(moved.optimizer).from_config(moved.optimizer.get_config())
    new.build([moved.variable])
    for to, saved in zip(new.variables, moved.optimizer.variables, strict=True):
        to.assign(saved)
    return new
