"""Synthetic runs for the tests of what reads run files. No framework and no engine is involved."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

from conformance.judge.record import Header, Outcome, Record, Run, Worst
from conformance.report import model
from conformance.report import render as renderer

VERSIONS = {
    "python": "3.11.9",
    "numpy": "2.4.6",
    "tensorflow": "2.21.0",
    "keras": "3.15.1",
    "torch": "2.13.0+cpu",
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"  # of no suite: see conftest.py
TORCH = (
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ASGD",
    "LBFGS",
    "Muon",
    "NAdam",
    "RAdam",
)
TORCH += ("RMSprop", "Rprop", "SGD", "SparseAdam")
KERAS = (
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
)
KERAS += ("RMSprop", "ScheduleFreeAdamW", "SGD")
MODES = {"torch": ("for-loop", "foreach", "fused", "compiled"), "keras": ("eager", "graph", "xla", "fit")}
DTYPES = ("float64", "float32", "bfloat16")
CASES = {
    "default": ({}, "the defaults, as everybody runs them"),
    "eps": ({"eps": "0.001"}, "epsilon in the root, outside it, or added before the bias correction"),
    "weight_decay": ({"weight_decay": "0.25"}, "decay coupled with the gradient, or decoupled from it"),
    "amsgrad": ({"amsgrad": "True"}, "the maximum is taken of the uncorrected second moment"),
    "maximize": (
        {"maximize": "True", "weight_decay": "0.25"},
        "the sign is turned before the decay is added",
    ),
    "long": ({"lr": "0.0078125"}, "2,000 steps: a recurrence that drifts shows late"),
}


def fraction(*parts: str) -> float:
    """A number in [0, 1) that depends on `parts` only."""
    return int(hashlib.sha256("-".join(parts).encode()).hexdigest()[:8], 16) / 2**32


def record(
    framework: str = "torch",
    optimizer: str = "Adam",
    case: str = "eps",
    dtype: str = "float64",
    mode: str = "for-loop",
    **changes: object,
) -> Record:
    """A record that conforms, unless `changes` say something else."""
    options, why = CASES.get(case, ({}, "why " + case))
    arguments = ", ".join(f"{k}={v}" for k, v in options.items())
    call = (
        f"torch.optim.{optimizer}(params, {arguments})"
        if framework == "torch"
        else (f"keras.optimizers.{optimizer}({arguments})")
    )
    name = f"{framework}-{optimizer.lower()}-{case}-{dtype}-{mode}"
    at = fraction(name)
    step = 1 + int(at * 30)
    ratio = 0.02 + at * 0.95
    found = Record(
        id=name,
        framework=framework,
        optimizer=optimizer.lower(),
        case=case,
        dtype=dtype,
        mode=mode,
        outcome=Outcome.CONFORMS,
        constructor=call.replace("(params, )", "(params)"),
        options=dict(options),
        why=why,
        steps=30,
        locked=Worst(ratio, step, "exp_avg_sq[1]", (step % 5, step % 3), 0.1 + at, 0.1 + at, 1.4e-16),
        resolution=1e-9,
        command=f"python -m conformance run --framework {framework} -k {name}",
    )
    if changes.get("outcome") is Outcome.UNSUPPORTED:  # it did not run
        changes = {"locked": None, "resolution": None, **changes}
    return replace(found, **changes)


def failing(**changes: object) -> dict[str, object]:
    """The changes that make a record one that diverges, with all that is said of it."""
    return {
        "outcome": Outcome.DIVERGES,
        "first_bad": 3,
        "locked": Worst(3.4e6, 7, "params[1]", (2, 3), 0.12345678901234567, 0.12345677, 2.3e-16),
        "agrees": ["exp_avg", "exp_avg_sq", "params[0]"],
        "other_modes": {"foreach": "CONFORMS", "fused": "DIVERGES"},
        "nearest": [{"name": "eps_inside_root", "ratio": 0.4, "says": "epsilon is added inside the square root"}],
        **changes,
    }


def known(ledger: str, kind: str, reason: str, link: str | None, ratio: float) -> dict[str, object]:
    """The changes that make a record a known divergence."""
    return {
        "outcome": Outcome.DIVERGES_KNOWN,
        "ledger": ledger,
        "kind": kind,
        "reason": reason,
        "link": link,
        "expect": "behaves as written in its documentation of version 3.15",
        "expect_ratio": 0.61,
        "locked": Worst(ratio, 4, "params[0]", (1,), 0.5, 0.25, 1e-16),
    }


def header(records: list[Record], **changes: object) -> Header:
    """The header of a complete run of `records`."""
    frameworks = sorted({r.framework for r in records})
    found = Header(
        name="conformance",
        created="2026-11-22T09:30:00+00:00",
        commit=COMMIT,
        platform="Linux x86_64",
        versions=dict(VERSIONS),
        digest="5f0c2b7e9a",
        total=len(records),
        selected=len(records),
        pinned=dict.fromkeys(frameworks, True),
    )
    return replace(found, **changes)


def run_of(*records: Record, **changes: object) -> Run:
    """A complete run of `records`, unless `changes` to its header say something else."""
    return Run(header(list(records), **changes), list(records))


NADAM = known(
    "keras-nadam-float32-scalars",
    "defect",
    "Keras passes 0.96 through float32 in a float64 run: the momentum schedule is wrong from the first step.",
    "https://example.org/issues/1",
    2e8,
)
EPS_HAT = known(
    "keras-adam-eps-hat",
    "dialect",
    "Epsilon is added before the bias correction, as in the paper's section 2 and not as in its algorithm 1.",
    "https://arxiv.org/abs/1412.6980",
    8.1e3,
)
MU_PRODUCT = known(
    "torch-nadam-mu-product",
    "precision",
    "mu_product is a float32 scalar whatever the parameters are.",
    None,
    3.1e5,
)


def _normal(framework: str, optimizer: str, case: str, dtype: str, mode: str) -> dict[str, object]:
    """What a healthy run would find here."""
    if mode == "fused" and optimizer not in ("SGD", "Adam", "AdamW", "Adagrad"):
        return {
            "outcome": Outcome.UNSUPPORTED,
            "reason": "fused exists for SGD, Adam, AdamW and Adagrad",
            "locked": None,
        }
    if case == "amsgrad" and optimizer not in ("Adam", "AdamW"):
        return {"outcome": Outcome.UNSUPPORTED, "reason": "the optimizer has no amsgrad", "locked": None}
    if (framework, optimizer) == ("keras", "Nadam") and dtype == "float64":
        return NADAM
    if framework == "keras" and optimizer in ("Adam", "AdamW") and case == "eps":
        return EPS_HAT
    if (framework, optimizer) == ("torch", "NAdam") and dtype == "float64":
        return MU_PRODUCT
    return {}


def large(scale: int = 1, **changes: object) -> Run:
    """About 1,500 records (times `scale`), as a healthy run of everything would leave them."""
    records = []
    for framework, optimizers in (("torch", TORCH), ("keras", KERAS)):
        for optimizer in optimizers:
            for case in CASES:
                for n in range(scale):
                    name = case if n == 0 else f"{case}_{n}"
                    for dtype in DTYPES if case != "long" else DTYPES[:1]:
                        for mode in MODES[framework]:
                            found = _normal(framework, optimizer, case, dtype, mode)
                            records.append(record(framework, optimizer, name, dtype, mode, **found))
    return run_of(*records, **changes)


def broken() -> Run:
    """The same with every outcome, uncovered options, a stale row, and a platform without long doubles."""
    run = large()
    for n, one in enumerate(run.records):
        where = (one.framework, one.optimizer, one.case)
        if where == ("torch", "radam", "weight_decay") and one.mode == "foreach":
            run.records[n] = replace(one, **failing())
        elif where == ("keras", "lamb", "eps") and one.mode in ("graph", "xla"):
            run.records[n] = replace(one, **failing(first_bad=1, nearest=[]))
        elif where == ("torch", "muon", "default") and one.dtype == "bfloat16":
            run.records[n] = replace(one, outcome=Outcome.BLIND, resolution=0.4, reason="the bound is too wide")
        elif where == ("keras", "ftrl", "maximize") and one.mode == "xla":
            reason = "InvalidArgumentError: Detected unsupported operations when trying to compile <graph>"
            run.records[n] = replace(one, outcome=Outcome.ERROR, reason=reason, locked=None)
        elif one.id == "torch-sgd-default-float32-compiled":
            run.records[n] = replace(
                one, **failing(locked=Worst(math.inf, 2, "params[0]", (), math.nan, 0.5, 1e-8), agrees=[])
            )
    run.header.uncovered = {"torch": ["Adam.decoupled_weight_decay", "SGD.dampening"], "keras": []}
    run.header.stale = ["keras-lion-momentum"]
    run.header.longdouble_is_wider = False
    return run


def render(run: Run) -> dict[str, str]:
    """The report of a run: file name -> text."""
    return renderer.render(model.build(run))
