"""Translation of calls: the way there and back, what is lost and said, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from conformance import translate
from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry, to_arguments, to_reference
from conformance.errors import BadInput
from conformance.porting.map_rows import ROWS
from conformance.porting.status import Status
from conformance.porting.translation import NoEquivalent, of_reference
from conformance.porting.uses import base_reference, naive, uses
from reference.base import Reference

PAIRED = [row for row in ROWS if row.paired]
WAYS = [("torch", "keras"), ("keras", "torch")]


def _references(entry: Entry) -> Iterator[tuple[str, Reference]]:
    """Every option of an entry, and every combination that its reference names."""
    yield "plain", base_reference(entry, {})
    for f in fields(entry.reference):
        if f.metadata["probe"] is not None and entry.argument(f.name):
            for value in f.metadata["one_of"] or (f.metadata["probe"],):
                yield f"{f.name}={value}", base_reference(entry, {**f.metadata["needs"], f.name: value})
    for name, chosen in entry.reference.combinations.items():
        if all(entry.argument(k) for k in chosen):
            yield name, base_reference(entry, dict(chosen))


ENTRIES = [
    pytest.param(framework, entry, reference, id=f"{framework}-{entry.optimizer}-{name}")
    for framework, binding in BINDINGS.items()
    for entry in binding.entries.values()
    for name, reference in _references(entry)
]


@pytest.mark.parametrize(("framework", "entry", "reference"), ENTRIES)
def test_there_and_back_to_the_reference(framework: str, entry: Entry, reference: Reference) -> None:
    assert to_reference(entry, to_arguments(entry, reference)) == reference


@pytest.mark.parametrize(("framework", "entry", "reference"), ENTRIES)
def test_there_and_back_to_the_other_framework(framework: str, entry: Entry, reference: Reference) -> None:
    """What the other framework is asked for means the same when it is read there and asked for here again."""
    other = "keras" if framework == "torch" else "torch"
    there = BINDINGS[other].entries.get(entry.optimizer)
    if there is None:
        with pytest.raises(NoEquivalent, match="no equivalent"):
            translate(entry.cls, source=framework, target=other)
        return
    once = of_reference(reference, entry, there, framework, other)
    assert to_reference(there, to_arguments(there, once.reference)) == once.reference
    back = of_reference(once.effective, there, entry, other, framework)
    again = of_reference(back.effective, entry, there, framework, other)
    assert again.reference == once.reference or once.losses or back.losses


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
@pytest.mark.parametrize(("source", "target"), WAYS)
def test_every_class_translates_or_says_why_not(row: Any, source: str, target: str) -> None:
    cls = row.cls(source)
    if cls and row.paired:
        found = translate(cls, source=source, target=target)
        assert f".{found.optimizer}(" in found.call
    elif cls:
        with pytest.raises(NoEquivalent, match=cls):
            translate(cls, source=source, target=target)


def test_a_usual_call() -> None:
    found = translate("RMSprop", {"lr": 0.01, "alpha": 0.95, "momentum": 0.9})
    assert found.call == ("tf.keras.optimizers.RMSprop(learning_rate=0.01, rho=0.95, epsilon=1e-16, momentum=0.9)")
    assert [c.name for c in found.conditions] == ["constant learning rate"]
    assert "outside of the root" in found.losses[0].says


def test_defaults_that_differ_are_written() -> None:
    assert translate("AdamW").arguments["weight_decay"] == 0.01
    assert translate("AdamW", source="keras", target="torch").arguments["weight_decay"] == 0.004


def test_decay_of_the_gradient_becomes_a_regularizer() -> None:
    found = translate("Adam", {"weight_decay": 0.5, "eps": 0.0})
    assert "weight_decay" not in found.arguments
    assert "L2(0.25)" in found.outside[0].says
    assert found.status is Status.CONDITIONAL


def test_decay_beside_the_update_keeps_its_name() -> None:
    found = translate("Adam", {"weight_decay": 0.5, "eps": 0.0, "decoupled_weight_decay": True})
    assert found.arguments["weight_decay"] == 0.5
    assert not found.outside


def test_sgd_without_momentum_is_exact() -> None:
    assert translate("SGD", {"lr": 0.1, "weight_decay": 0.5}).exact
    assert translate("SGD", {"lr": 0.1, "dampening": 0.5}).exact  # of a velocity that is not there


def test_what_cannot_be_asked_for_is_lost() -> None:
    found = translate("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5})
    assert found.status is Status.NONE
    assert "dampening" in found.losses[0].says


def test_modes_of_torch_change_nothing() -> None:
    assert translate("SGD", {"lr": 0.1, "foreach": True}).arguments == translate("SGD", {"lr": 0.1}).arguments


def test_what_keras_wraps_around_is_done_outside_in_torch() -> None:
    found = translate("SGD", {"clipnorm": 0.5, "use_ema": True}, "keras", "torch")
    assert [o.kind for o in found.outside] == ["clip_norm", "average_momentum"]


def test_port_by_name_copies_what_is_called_the_same() -> None:
    torch, keras = (BINDINGS[f].entries["adam"] for f in ("torch", "keras"))
    assert naive(torch, keras, "torch", "keras", {"lr": 1.0, "betas": (0.5, 0.75), "maximize": True}) == {
        "learning_rate": 1.0,
        "beta_1": 0.5,
        "beta_2": 0.75,
    }
    assert naive(keras, torch, "keras", "torch", {"beta_2": 0.75, "epsilon": 1.0}) == {
        "betas": (0.9, 0.75),
        "eps": 1.0,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Rmsprob",), "did you mean 'rmsprop'"),
        (("Adam", {"learning_rate": 0.1}), "Adam, argument: 'learning_rate' is not known"),
        (("Adam", {"lr": object()}), "only numbers are translated"),
        (("Adam", {"betas": (1.5, 0.5)}), "beta_1=1.5"),
        (("Adam", {"betas": 0.5}), "Adam"),
        (("Adam", {}, "torch", "torch"), "two frameworks"),
        (("Adam", {}, "jax", "torch"), "framework: 'jax'"),
        (("Rprop",), "Instead: Subclass"),
        (("Lion", {}, "keras", "torch"), "Instead: Subclass"),
    ],
)
def test_errors_say_what_is_wrong(arguments: tuple, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        translate(*arguments)


@pytest.mark.parametrize("row", PAIRED, ids=lambda row: row.title)
@pytest.mark.parametrize(("source", "target"), WAYS)
def test_conditions_are_named_once(row: Any, source: str, target: str) -> None:
    for use in uses(row, source, target):
        assert len(set(use.conditions)) == len(use.conditions)
