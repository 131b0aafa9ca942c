"""Real bugs of schedules, from public trackers: the case that catches each, and its mistake; or why none can.

A case catches a bug if it detects the mistake planted in the reference: a test runs each pair.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    where: str  # repository and number in its tracker
    says: str
    case: str = ""  # the id of the check
    mutant: str = ""  # the mistake's name in the registry
    reason: str = ""  # why no case can catch it, or what the case shows instead


BUGS: tuple[Bug, ...] = (
    Bug("pytorch#31828", "MultiStepLR called by index forgets the other milestones",
        "torch-multisteplr-base-float64-indexed", "at-milestone-only"),
    Bug("pytorch#20086 #37916 #40997 #152081 #20405", "CosineAnnealingLR departs from its formula beyond T_max and "
        "for fractional epochs", "torch-cosineannealinglr-base-float64-indexed", "stays-always",
        "stepped beyond T_max: torch-cosineannealinglr-base-float64-stepped; T_max of 10^9 steps cannot be stepped"),
    Bug("pytorch#23480 #23833", "CosineAnnealingWarmRestarts restarts one update late",
        "torch-cosineannealingwarmrestarts-base-float64-stepped", "restart-late"),
    Bug("pytorch#49630 #88791", "CosineAnnealingWarmRestarts made with last_epoch is in a wrong period",
        "torch-cosineannealingwarmrestarts-base-float64-constructed", "last-epoch-forgets-periods",
        "still so: a row of the ledger"),
    Bug("pytorch#91853", "OneCycleLR said to be off by one: a false alarm, withdrawn",
        "torch-onecyclelr-base-float64-stepped", "", "it must conform, and does"),
    Bug("DeepSpeed#8589", "OneCycle's momentum keeps growing in the decay phase, beyond 1",
        "torch-onecyclelr-three-phase-float64-stepped", "momentum-grows"),
    Bug("pytorch#162359", "SequentialLR with a tensor as the rate: the initial rate is overwritten",
        "torch-sequentiallr-base-float64-tensor", "",
        "a formula cannot express aliasing: planted in torch's own code, it makes this case fail"),
    Bug("pytorch#185872", "SequentialLR with a milestone of 0 starts with the wrong schedule",
        "torch-sequentiallr-milestone-zero-float64-stepped", "milestone-zero"),
    Bug("pytorch#60265 pytorch-template#68", "the rate jumps when training is resumed with last_epoch",
        "torch-swalr-base-float64-constructed", "last-epoch-starts-again",
        "still so in SWALR; all others: mode constructed"),
    Bug("keras#3991 #4011", "ReduceLROnPlateau with cooldown=0 cuts the rate in every epoch",
        "keras-reducelronplateau-base-float64-callback", "wait-not-reset"),
    Bug("pytorch#2545 #7151", "patience is exceeded in torch but reached in Keras: a dialect",
        "torch-reducelronplateau-patience-one-float64-stepped", "patience-early"),
    Bug("nitrain#23", "patience is not used", "keras-reducelronplateau-patience-float64-callback", "waited-ignored"),
    Bug("models#9776", "no decay after the warmup",
        "keras-cosinedecay-warmup-target-float32-call", "no-decay-after-warmup"),
    Bug("fairseq#2916", "anneals to the wrong end", "torch-cosineannealinglr-end-float64-stepped", "end-ignored"),
    Bug("PaddleDetection#4611", "the decay counts the updates of the warmup",
        "keras-cosinedecay-warmup-target-float32-optimizer", "phase-not-shifted"),
    Bug("DeepSpeed#4688", "a warmup of no steps",
        "keras-cosinedecay-warmup-no-steps-float32-call", "warmup-counter", "the mistake divides by no steps"),
    Bug("transformers#34754", "the first update has rate 0, or not: where the warmup starts is a dialect",
        "keras-warmupcosine-base-float32-optimizer", "warmup-early"),
    Bug("spd#642", "a cosine over steps - 1: 2.5e-6 of a step", "torch-cosineannealinglr-base-float64-stepped",
        "steps-less-one"),
    Bug("espnet#3319", "OneCycle and Cyclic stepped per epoch and not per iteration", reason="the user calls step(): "
        "no schedule can know how often; the rate used at each update is right here"),
    Bug("tensorflow#31324 #31323", "a callable as the learning rate is read once and kept",
        "keras-exponentialdecay-base-float32-graph", "frozen",
        "the rates are those used by a compiled step, at every update"),
    Bug("pytorch#163093 #107076 #133898 #130467", "a changing rate recompiles a compiled step; ReduceLROnPlateau replaces "
        "a tensor by a number", "torch-reducelronplateau-base-float64-tensor", "",
        "recompiling costs time but changes no rate; replacing the tensor by a number, planted in torch's own code, "
        "makes this case fail"),
)  # fmt: skip
