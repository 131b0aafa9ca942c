"""The optimizers of tf.keras.optimizers, and conformance.RAdam: one entry each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import reference
from conformance.bindings.binding import Argument, Entry
from reference.base import Reference

# What the base class wraps around every rule.
COMMON_ARGUMENTS: dict[str, str | Argument] = {
    "learning_rate": "learning_rate",
    "weight_decay": Argument("weight_decay", to=lambda decay: decay or None),
    "clip_value": "clipvalue",
    "clip_norm": "clipnorm",
    "global_clip_norm": "global_clipnorm",
    "average_momentum": Argument("ema_momentum", when="use_ema"),
    "overwrite_every": "ema_overwrite_frequency",
    "loss_scale": "loss_scale_factor",
    "accumulation_steps": "gradient_accumulation_steps",
}
COMMON_SLOTS = {"_accumulated_gradients": "accumulator", "_model_variables_moving_average": "average"}
COMMON_DIALECT = {"counter": "optimizer", "decay": "decoupled"}
NOT_UPDATE = {
    "name": "a name changes no update",
    "jit_compile": "Keras 2 compiles the step by itself where there is a GPU; the mode xla compiles it anywhere",
}


def _entry(
    cls: str,
    reference: type[Reference],
    arguments: Mapping[str, Any],
    slots: Mapping[str, str],
    dialect: Mapping[str, Any] | None = None,
    tensors: Iterable[str] = (),
    **more: Any,
) -> Entry:
    return Entry(
        framework="keras",
        optimizer=cls.lower(),
        cls=cls,
        reference=reference,
        arguments={**COMMON_ARGUMENTS, **arguments},
        slots={**COMMON_SLOTS, **slots},
        dialect={
            **{k: v for k, v in COMMON_DIALECT.items() if k in {f.name for f in fields(reference)}},
            **(dialect or {}),
        },
        tensors=frozenset({"learning_rate", "step", "average_momentum", *tensors}),
        not_update=NOT_UPDATE,
        **more,
    )


BETAS = {"beta_1": "beta_1", "beta_2": "beta_2", "epsilon": "epsilon"}
ADAM_SLOTS = {"_momentums": "m", "_velocities": "v", "_velocity_hats": "v_max"}
DECAY_AS_GIVEN = {"weight_decay": "weight_decay"}  # AdamW refuses None

# One entry per optimizer: the class, its reference, its arguments, its state, and the forms it fixes.
entries: dict[str, Entry] = {
    e.optimizer: e
    for e in (
        _entry(
            "SGD", reference.SGD, {"momentum": "momentum", "nesterov": "nesterov"}, {"momentums": "momentum"},
            dialect={"velocity": "inside", "first_velocity": "zero"},
        ),
        _entry(
            "Adam", reference.Adam, {**BETAS, "amsgrad": "amsgrad"}, ADAM_SLOTS, dialect={"epsilon_place": "hat"},
        ),
        _entry(
            "AdamW", reference.AdamW, {**BETAS, "amsgrad": "amsgrad", **DECAY_AS_GIVEN}, ADAM_SLOTS,
            dialect={"epsilon_place": "hat"},
        ),
        _entry(
            "RMSprop", reference.RMSprop,
            {"rho": "rho", "epsilon": "epsilon", "momentum": "momentum", "centered": "centered"},
            {"_velocities": "n", "_average_gradients": "a", "_momentums": "momentum"},
            dialect={"epsilon_place": "inside", "velocity": "inside"},
        ),
        _entry(
            "Adagrad", reference.Adagrad,
            {"initial_accumulator": "initial_accumulator_value", "epsilon": "epsilon"},
            {"_accumulators": "s"}, dialect={"epsilon_place": "inside"},
        ),
        _entry(
            "Adadelta", reference.Adadelta, {"rho": "rho", "epsilon": "epsilon"},
            {"_accumulated_grads": "n", "_accumulated_delta_vars": "u"},
        ),
        _entry("Adamax", reference.Adamax, BETAS, {"_m": "m", "_u": "u"}, dialect={"epsilon_place": "beside"}),
        _entry(
            "Nadam", reference.NAdam, BETAS, {"_momentums": "m", "_velocities": "v", "_u_product": "product"},
            dialect={"epsilon_place": "corrected", "momentum_decay": 1.0}, tensors=("beta_1", "beta_2"),
            promised={
                "schedule-of-paper": {"momentum_decay": 0.004},
                "epsilon-of-documentation": {"epsilon_place": "hat"},
            },
        ),
        _entry(
            "Ftrl", reference.Ftrl,
            {
                "learning_rate_power": "learning_rate_power",
                "initial_accumulator": "initial_accumulator_value",
                "l1": "l1_regularization_strength",
                "l2": "l2_regularization_strength",
                "l2_shrinkage": "l2_shrinkage_regularization_strength",
                "beta": "beta",
            },
            {"_accumulators": "n", "_linears": "z"},
        ),
        _entry(
            "Lion", reference.Lion, {"beta_1": "beta_1", "beta_2": "beta_2"},
            {"_momentums": "m", "momentums": "m"},  # Keras 3 and 2
            tensors=("beta_1", "beta_2"),
        ),
        _entry(
            "Lamb", reference.Lamb, BETAS, {"_momentums": "m", "_velocities": "v"},
            promised={"decay-of-paper": {"decay": "ratio", "weight_decay": 0.25}},
        ),
        replace(
            _entry(
                "RAdam", reference.RAdam,
                {
                    **BETAS,
                    "threshold": "threshold",
                    "unrectified": "unrectified",
                    "epsilon_place": Argument(
                        "epsilon_place",
                        to=lambda place: f"{place}_correction",
                        back=lambda given: given.removesuffix("_correction"),
                    ),
                    "decay": Argument(
                        "decoupled_weight_decay",
                        to=lambda form: form == "decoupled",
                        back=lambda given: "decoupled" if given else "coupled",
                    ),
                },
                {"_momentums": "m", "_velocities": "v"},
            ),
            dialect={"counter": "optimizer"},
            base={"threshold": 5.0, "epsilon_place": "before", "unrectified": "momentum", "decay": "decoupled"},
            tensors=frozenset(),  # its scalars are float64, whatever the dtype
            module="conformance",
        ),
        _entry(
            "Muon", reference.Muon,
            {
                "momentum": "momentum", "nesterov": "nesterov", "ns_steps": "ns_steps",
                "a": "muon_a", "b": "muon_b", "c": "muon_c", "rms_rate": "rms_rate",
                "exclude_embeddings": "exclude_embeddings",
                # The driver calls tensor 2 "p2", and this is a list of regular expressions.
                "excluded": Argument(
                    "exclude_layers",
                    to=lambda places: [f"p{i}" for i in places] or None,
                    back=lambda names: tuple(int(name.removeprefix("p")) for name in names or ()),
                ),
                "adam_lr_ratio": "adam_lr_ratio", "adam_weight_decay": "adam_weight_decay",
                "adam_beta_1": "adam_beta_1", "adam_beta_2": "adam_beta_2", "adam_epsilon": "epsilon",
            },
            {"momentums": "m", "adam_velocities": "v"},
            dialect={"buffer": "sum", "orthogonal_in": "parameter", "shape_factor": "none", "others": "adam",
                     "epsilon": 1e-7, "embeddings": (3,)},
            cases={"rms-rate-other": {"rms_rate": 0.5}},
            shapes=((7,), (5, 11), (9, 4), (6, 3), (5, 5), ()),
            names={3: "embedding"},
        ),
        _entry(
            "Adafactor", reference.Adafactor,
            {"beta_2_decay": "beta_2_decay", "epsilon_1": "epsilon_1", "epsilon_2": "epsilon_2",
             "clip_threshold": "clip_threshold", "relative_step": "relative_step"},
            # Keras keeps a 0 for the row and column of unfactored tensors, and for factored ones a full-size
            # "velocity" with the last estimate, which no step reads.
            {"_r": "row", "_c": "column", "_v": "v"},
            dialect={"epsilon_place": "factors"},
            tensors=("epsilon_2",),
        ),
        _entry(
            "ScheduleFreeAdamW", reference.ScheduleFreeAdamW, {**BETAS, "warmup_steps": "warmup_steps"},
            {"_momentums": "z", "_velocities": "v"},
            tensors=("beta_1", "beta_2", "epsilon"),
        ),
    )
}  # fmt: skip
