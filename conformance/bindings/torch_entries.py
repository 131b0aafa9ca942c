"""The optimizers of torch.optim, one entry each. Add a new one at the end of `entries`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import reference
from conformance.bindings.binding import Argument, Entry, Slot, Unsupported
from reference.base import Reference

NO_FUSED = "torch has no fused {cls} on any device"
NO_CAPTURABLE = "torch has no capturable {cls}"
ONLY_GPU = "capturable=True is refused for parameters on a CPU"
EXCLUSIVE = "it selects a mode of its own"

UNCOUNTED = ("SGD", "Muon")  # these keep no counter

DECOUPLED = Argument(
    "decoupled_weight_decay",
    to=lambda form: form == "decoupled",
    back=lambda given: "decoupled" if given else "coupled",
)
MODES_ARE_MODES = {
    "foreach": EXCLUSIVE,
    "fused": EXCLUSIVE,
    "differentiable": EXCLUSIVE,
    "capturable": EXCLUSIVE,
}
COMMON_ARGUMENTS = {"learning_rate": "lr", "weight_decay": "weight_decay", "maximize": "maximize"}


def _entry(
    cls: str,
    reference: type[Reference],
    arguments: Mapping[str, Any],
    slots: Mapping[str, str],
    fused: bool = False,
    capturable: bool = True,
    dialect: Mapping[str, Any] | None = None,
    lacks: Mapping[str, str] | None = None,
    module: str = "",
    modes: tuple[str, ...] = (),
    **more: Any,
) -> Entry:
    """An entry; for a class in another `module`, with the `modes` that it has besides the plain loop."""
    there = {f.name for f in fields(reference)}
    common = {k: v for k, v in COMMON_ARGUMENTS.items() if k in there and k not in (dialect or {})}
    if module:
        absent = {mode: f"{cls} has no argument {mode}" for mode in MODES_ARE_MODES if mode not in modes}
    else:
        absent = {"capturable": ONLY_GPU if capturable else NO_CAPTURABLE.format(cls=cls)}
        absent |= {} if fused else {"fused": NO_FUSED.format(cls=cls)}
    return Entry(
        framework="torch",
        optimizer=cls.lower(),
        cls=cls,
        reference=reference,
        arguments={**common, **arguments},
        slots=slots if cls in UNCOUNTED else {"step": "step", **slots},
        dialect=dialect or {},
        lacks={**absent, **(lacks or {})},
        not_update=MODES_ARE_MODES,
        module=module,
        **more,
    )


BETAS = {"beta_1": Argument("betas", 0), "beta_2": Argument("betas", 1), "epsilon": "eps"}
# torch keeps the reduced dimension; None, the default, is undocumented, so the paper's epsilon_1 is expected.
ROW = Slot("row", back=lambda x: x[..., 0], to=lambda x: x[..., None])
COLUMN = Slot("column", back=lambda x: x[..., 0, :], to=lambda x: x[..., None, :])
EPSILON_1 = 1e-30
FACTOR_EPSILON = Argument(
    "eps", 0, to=lambda e: None if e == EPSILON_1 else e, back=lambda e: EPSILON_1 if e is None else e
)
ADAM_SLOTS = {"exp_avg": "m", "exp_avg_sq": "v", "max_exp_avg_sq": "v_max"}

MATRICES = ((9, 4), (5, 11), (5, 5))  # tall, wide and square
ONE_MODE = {mode: f"torch.optim.Muon has no {mode} argument" for mode in MODES_ARE_MODES}


def _match_rms(rate: float | None) -> str | None:
    if rate not in (None, 0.2):
        raise Unsupported(f"torch.optim.Muon has no argument for rms_rate = {rate!r}: it is 0.2 or none")
    return None if rate is None else "match_rms_adamw"


# One entry per optimizer: the class, its reference, its arguments, its state, and the forms it fixes.
entries: dict[str, Entry] = {
    e.optimizer: e
    for e in (
        _entry(
            "SGD", reference.SGD,
            {"momentum": "momentum", "dampening": "dampening", "nesterov": "nesterov"},
            {"momentum_buffer": "momentum"},
            fused=True, capturable=False,
            dialect={"velocity": "outside", "first_velocity": "gradient", "decay": "coupled"},
        ),
        _entry("Adam", reference.Adam, {**BETAS, "amsgrad": "amsgrad", "decay": DECOUPLED}, ADAM_SLOTS, fused=True),
        _entry(
            "AdamW", reference.AdamW, {**BETAS, "amsgrad": "amsgrad"}, ADAM_SLOTS, fused=True,
            dialect={"decay": "decoupled"},
        ),
        _entry(
            "RMSprop", reference.RMSprop,
            {"rho": "alpha", "epsilon": "eps", "momentum": "momentum", "centered": "centered"},
            {"square_avg": "n", "grad_avg": "a", "momentum_buffer": "momentum"},
            dialect={"epsilon_place": "outside", "velocity": "outside", "decay": "coupled"},
        ),
        _entry(
            "Rprop", reference.Rprop, {"etas": "etas", "step_sizes": "step_sizes"},
            {"prev": "previous", "step_size": "step_size"},
        ),
        _entry(
            "RAdam", reference.RAdam, {**BETAS, "decay": DECOUPLED}, {"exp_avg": "m", "exp_avg_sq": "v"},
            dialect={"threshold": 5.0, "epsilon_place": "before", "unrectified": "momentum"},
        ),
        _entry(
            "Adagrad", reference.Adagrad,
            {
                "learning_rate_decay": "lr_decay",
                "initial_accumulator": "initial_accumulator_value",
                "epsilon": "eps",
            },
            {"sum": "s"}, fused=True, capturable=False, dialect={"epsilon_place": "outside", "decay": "coupled"},
            cases={"own-accumulator": {"second_group": {"initial_accumulator": 0.5}}},
        ),
        _entry(
            "Adadelta", reference.Adadelta, {"rho": "rho", "epsilon": "eps"}, {"square_avg": "n", "acc_delta": "u"},
            dialect={"decay": "coupled"},
        ),
        _entry(
            "Adamax", reference.Adamax, BETAS, {"exp_avg": "m", "exp_inf": "u"},
            dialect={"epsilon_place": "norm", "decay": "coupled"},
        ),
        _entry(
            "NAdam", reference.NAdam, {**BETAS, "momentum_decay": "momentum_decay", "decay": DECOUPLED},
            {"exp_avg": "m", "exp_avg_sq": "v", "mu_product": "product"}, dialect={"epsilon_place": "corrected"},
        ),
        _entry(
            "Muon", reference.Muon,
            {
                "momentum": "momentum", "nesterov": "nesterov", "ns_steps": "ns_steps", "epsilon": "eps",
                "a": Argument("ns_coefficients", 0), "b": Argument("ns_coefficients", 1),
                "c": Argument("ns_coefficients", 2),
                "rms_rate": Argument("adjust_lr_fn", to=_match_rms, back=lambda name: name and 0.2),
            },
            {"momentum_buffer": "m"},
            # It has no path for other tensors, so these hyperparameters have no effect.
            dialect={
                "buffer": "average", "orthogonal_in": "bfloat16", "shape_factor": "original", "others": "refused",
                **{f.name: f.default for f in fields(reference.Muon) if "adam" in f.name or "exclude" in f.name},
            },
            promised={"as-documented": {"buffer": "sum"}},
            lacks={**ONE_MODE, "vectors": "torch.optim.Muon takes only matrices, as documented"},
            shapes=MATRICES,
        ),
        _entry(
            "LBFGS", reference.LBFGS,
            {
                "max_iter": "max_iter", "max_eval": "max_eval", "tolerance_grad": "tolerance_grad",
                "tolerance_change": "tolerance_change", "history_size": "history_size",
                "line_search": "line_search_fn",
            },
            {
                "n_iter": "step", "func_evals": "evaluations", "d": "d", "t": "t", "old_dirs": "y", "old_stps": "s",
                "ro": "rho", "H_diag": "h", "prev_flat_grad": "g", "prev_loss": "loss",
            },
            lacks={
                **{mode: f"torch.optim.LBFGS has no {mode} argument" for mode in MODES_ARE_MODES},
                "groups": "torch.optim.LBFGS has no parameter groups, as documented",
            },
            cases={"resumed-without-pair": {"problem": "ordinary", "resumed_at": 4}},  # no pair is kept then
            scratch=frozenset({"al"}),  # the alphas of the recursion, overwritten before they are read
            shapes=((), (3,), (2, 4)),  # the bound of a dot product grows with its length
        ),
        _entry(
            "ASGD", reference.ASGD, {"lambd": "lambd", "alpha": "alpha", "t0": "t0"},
            {"ax": "average", "eta": "eta", "mu": "mu"},
            dialect={"decay": "coupled"},
            tensors=frozenset({"step"}),  # foreach computes the rates from a tensor, the loop from a number
        ),
        _entry(
            "Adafactor", reference.Adafactor,
            {"beta_2_decay": "beta2_decay", "epsilon_1": FACTOR_EPSILON, "epsilon_2": Argument("eps", 1),
             "clip_threshold": "d"},
            {"row_var": ROW, "col_var": COLUMN, "variance": "v"},
            dialect={"epsilon_place": "denominator"},
            lacks={"differentiable": "torch.optim.Adafactor has no argument differentiable",
                   "capturable": "torch.optim.Adafactor has no argument capturable"},
            cases={"default-epsilon": {"epsilon_1": EPSILON_1, "problem": "tiny"}},
        ),
        _entry(
            "SparseAdam", reference.SparseAdam, BETAS, {"exp_avg": "m", "exp_avg_sq": "v"},
            # Documented as a masked Adam, it has none of Adam's other options.
            dialect={"epsilon_place": "hat", "amsgrad": False, "weight_decay": 0.0, "decay": "coupled"},
            lacks={m: f"torch.optim.SparseAdam has no argument {m}" for m in MODES_ARE_MODES},
        ),
    )
}  # fmt: skip
