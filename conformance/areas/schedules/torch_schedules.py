"""The schedules of torch.optim.lr_scheduler, and SWALR: one entry each. Add a new one at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.areas.schedules.functions import Power, Steps
from conformance.areas.schedules.schedule_cases import WARMUP, WARMUP_WHY, ScheduleEntry, sequence
from conformance.bindings.binding import Argument
from reference import schedules as rules
from reference.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    Linear,
    Schedule,
)

NO_INDEX = "step(epoch) is deprecated, and documented as not universally supported: {cls} has no closed form"
OWN_RATE = ("OneCycleLR", "CyclicLR")  # they start from their own arguments, not from the optimizer's rate
LAST_EPOCH = "the inner schedules must be resumed too, each from its own epoch: state_dict does that"
NOT_HERE = "{cls}.step takes no epoch"


def _entry(
    cls: str,
    reference: type[Schedule],
    arguments: Mapping[str, Any],
    fixed: Mapping[str, Any] | None = None,
    **more: Any,
) -> ScheduleEntry:
    return ScheduleEntry(
        optimizer=cls.lower(),
        cls=cls,
        reference=reference,
        arguments=arguments if cls in OWN_RATE else {"rate": "lr", **arguments},
        dialect=fixed or {},
        **more,
    )


FUNCTION = {"function": "lr_lambda"}
MOMENTA = {"cycle_momentum": "cycle_momentum", "base_momentum": "base_momentum", "max_momentum": "max_momentum"}
ADAM = {"optimizer": "Adam", "everywhere": True, "why": "the momentum of Adam is the first of its betas"}
RATE = 0.5
LINEAR = Linear(rate=RATE, start=0.25, end=1.0, steps=8)
HALVED = Exponential(rate=RATE, every=1, decay=0.875)
STAIRS = Exponential(rate=RATE, every=5, decay=0.5, staircase=True)
ANNEAL = Cosine(rate=RATE, steps=10, end=0.0625, beyond="continues")
CONSTANT = Constant(rate=RATE, factor=0.125, steps=9)
RESTARTS = CosineRestarts(rate=RATE, steps=5, t_mul=2, end=0.0625)

entries: dict[str, ScheduleEntry] = sequence(
    [
        _entry("LambdaLR", rules.Lambda, FUNCTION, base={"function": Power(0.875)}, usual={"rate": 0.1},
               per_group={"function": Steps(5)}, cases={"function": {"function": Steps(4)}}),
        _entry("MultiplicativeLR", rules.Multiplicative, FUNCTION, base={"function": Steps(8)}, recursive=True,
               usual={"rate": 0.1, "function": Power(0.95)}, per_group={"function": Steps(5)},
               cases={"function": {"function": Power(0.9375)}}, indexed=NO_INDEX.format(cls="MultiplicativeLR")),
        _entry("StepLR", rules.Exponential, {"every": "step_size", "decay": "gamma"}, {"staircase": True},
               recursive=True, usual={"rate": 0.05, "every": 9, "decay": 0.1}, lacks={"fraction": ""}),
        _entry("MultiStepLR", rules.MultiStep,
               {"milestones": Argument("milestones", to=list, back=tuple), "factor": "gamma"},
               recursive=True, usual={"rate": 0.05, "milestones": (6, 11)}),
        _entry("ConstantLR", rules.Constant, {"factor": "factor", "steps": "total_iters"}, recursive=True,
               usual={"rate": 0.05}),
        _entry("LinearLR", rules.Linear, {"start": "start_factor", "end": "end_factor", "steps": "total_iters"},
               recursive=True, usual={"rate": 0.05}),
        _entry("ExponentialLR", rules.Exponential, {"decay": "gamma"}, {"every": 1, "staircase": False},
               recursive=True, usual={"rate": 0.1, "decay": 0.95}),
        _entry("PolynomialLR", rules.Polynomial, {"steps": "total_iters", "power": "power"}, {"end": 0.0, "cycle": False},
               recursive=True, usual={"rate": 0.05, "power": 0.9, "steps": 12}),
        _entry("CosineAnnealingLR", rules.Cosine, {"steps": "T_max", "end": "eta_min"},
               {"alpha": 0.0, "warmup_target": None, "warmup_steps": 0, "beyond": "continues"}, recursive=True,
               usual={"rate": 0.1, "steps": 15, "end": 0.001}),
        _entry("CosineAnnealingWarmRestarts", rules.CosineRestarts, {"steps": "T_0", "t_mul": "T_mult", "end": "eta_min"},
               {"alpha": 0.0, "m_mul": 1.0}, usual={"rate": 0.1, "t_mul": 1, "end": 0.001},
               lacks={"fraction": "T_mult is a whole number"},
               cases={"restart-243": {"steps": 1, "t_mul": 3, "n": 48, "indices": (13, 40, 121, 364),
                                      "why": "restarts at (3^n - 1) / 2: one of them by index, the logarithm of 243"}}),
        _entry("OneCycleLR", rules.OneCycle, {
            "peak": "max_lr", "total": "total_steps", "portion": "pct_start", "strategy": "anneal_strategy",
            "div": "div_factor", "final_div": "final_div_factor", "three_phase": "three_phase", **MOMENTA},
            usual={"peak": 0.01, "total": 30}, per_group={"peak": 0.75, "base_momentum": 0.25, "max_momentum": 0.75},
            cases={"adam": ADAM, "epochs": {"given": {"total_steps": None, "epochs": 4, "steps_per_epoch": 5},
                              "why": "total_steps from epochs and steps_per_epoch"}},
        ),
        _entry("CyclicLR", rules.Cyclic, {
            "rate": "base_lr",
            "peak": "max_lr", "up": "step_size_up", "down": "step_size_down", "policy": "mode", "gamma": "gamma",
            "scale": "scale_fn", "scale_of": "scale_mode", **MOMENTA},
            {"iterations": "training"}, usual={"rate": 0.01, "peak": 0.1, "up": 10},
            per_group={"rate": 0.25, "peak": 0.75, "base_momentum": 0.25, "max_momentum": 0.75},
            cases={
                "adam": ADAM,
                "scale-by-cycle": {"scale": Power(0.75)},
                "scale-by-iteration": {"scale": Power(0.875), "scale_of": "iterations"},
                "scale-overrides": {"scale": Power(0.75), "policy": "triangular2"},
            },
            promised={"scale-as-documented": {
                "scale": Power(0.875), "scale_of": "iterations", "iterations": "cycle",
                "why": "scale_mode is documented as iterations since the start of the cycle"}},
        ),
        _entry("SequentialLR", rules.Sequential, {"parts": "schedulers", "milestones": Argument("milestones", to=list, back=tuple)},
               base={"parts": (LINEAR, ANNEAL)}, recursive=True, indexed=NOT_HERE.format(cls="SequentialLR"),
               usual={"parts": (rules.Linear(rate=0.1, steps=8), rules.Cosine(rate=0.1, steps=17, beyond="continues"))},
               cases={
                   "warmup": {"everywhere": True, "why": WARMUP_WHY, "n": 60, "milestones": (WARMUP["warmup"],),
                              "parts": (rules.Linear(rate=WARMUP["peak"], start=WARMUP["start"] / WARMUP["peak"],
                                               steps=WARMUP["warmup"]),
                                        rules.Cosine(rate=WARMUP["peak"], steps=WARMUP["decay"], end=WARMUP["start"],
                                               beyond="continues"))},
                   "three": {"everywhere": True, "parts": (CONSTANT, STAIRS, HALVED), "milestones": (5, 17)},
                   "restarts": {"parts": (HALVED, RESTARTS), "milestones": (6,)},
                   "multiplied": {"everywhere": True, "parts": (HALVED, rules.Multiplicative(rate=RATE, function=Power(0.9375))),
                                  "why": "the second multiplies the rate it receives"},
                   "milestone-zero": {"parts": (CONSTANT, STAIRS), "milestones": (0,),
                                      "why": "the first schedule is never used"},
                   "milestone-one": {"parts": (CONSTANT, HALVED), "milestones": (1,)},
                   "nested": {"parts": (rules.Sequential(parts=(LINEAR, STAIRS), milestones=(4,)), ANNEAL), "milestones": (13,)},
                   "nested-later": {"parts": (LINEAR, rules.Sequential(parts=(STAIRS, ANNEAL), milestones=(7,)))},
               },
               lacks={"constructed": LAST_EPOCH}, not_update={"last_epoch": LAST_EPOCH}),
        _entry("ChainedScheduler", rules.Chained, {"parts": "schedulers"}, base={"parts": (CONSTANT, HALVED)},
               recursive=True, indexed=NOT_HERE.format(cls="ChainedScheduler"),
               usual={"parts": (rules.Constant(rate=0.05, factor=0.1, steps=20),
                                rules.Exponential(rate=0.05, every=1, decay=0.9))},
               cases={
                   "three": {"everywhere": True, "parts": (LINEAR, STAIRS, HALVED)},
                   "cosine-last": {"parts": (STAIRS, ANNEAL)},
                   "one": {"parts": (STAIRS,), "why": "a chain of one"},
                   "optimizer": {"parts": (rules.MultiStep(rate=RATE, milestones=(3, 9), factor=0.5), LINEAR),
                                 "given": {"optimizer": ...}, "why": "the optimizer is named"},
               }),
        _entry("SWALR", rules.Averaging, {"target": "swa_lr", "steps": "anneal_epochs", "strategy": "anneal_strategy"},
               recursive=True, usual={"rate": 0.1, "target": 0.05, "strategy": "linear"},
               per_group={"target": 0.75}, module="torch.optim.swa_utils",
               indexed="step(epoch) is deprecated, and documented as not universally supported: SWALR counts its calls"),
    ]
)  # fmt: skip
