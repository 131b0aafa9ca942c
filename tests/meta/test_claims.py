"""The verdicts follow from the readings, in every version; and a framework that changes turns its reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.areas.claims import checks, readings, trainings
from conformance.areas.claims.claim import DOES_NOT_HOLD, HOLDS, HOLDS_IF, Claim, Role, by_version, verdict
from conformance.areas.claims.statements import CLAIMS
from conformance.bindings import installed
from conformance.judge import engine, ledger
from conformance.judge.record import Outcome
from conformance.report import claims_page

LEDGER = ledger.load()
BOTH = pytest.mark.skipif(set(installed()) < {"torch", "keras"}, reason="it takes both frameworks")
TABLE = {(c.claim, c.name): c for c in checks.checks()}
VERSIONS = [{"torch": "2.13.0+cpu", "keras": k} for k in ("2.12.0", "2.15.0", "3.0.5", "3.15.1", "4.0.0.dev1")]


def forget() -> None:
    for kept in (trainings.keras, trainings.torch, readings._final):
        kept.cache_clear()


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Trainings are kept for a process: those with a mistake in them must not be."""
    forget()
    yield monkeypatch
    forget()


@pytest.mark.parametrize("versions", VERSIONS, ids=lambda v: v["keras"])
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_the_verdict_is_what_the_readings_say(claim: Claim, versions: dict[str, str]) -> None:
    expected = {reading.name: reading.expects(versions) for reading in claim.readings}
    assert verdict(expected, claim) == claim.verdict


def test_the_page_says_where_versions_differ() -> None:
    from dataclasses import replace

    claim = next(c for c in CLAIMS if c.name == "clipping")
    assert by_version(claim) == HOLDS_IF
    ranges = (("<3", True), (">=3", False))
    readings = tuple(replace(r, expected=ranges) if r.name == "each" else r for r in claim.readings)
    found = by_version(replace(claim, readings=readings))
    assert found == f"both <3: {HOLDS_IF}; both >=3: {DOES_NOT_HOLD}"
    assert by_version(next(c for c in CLAIMS if c.name == "state")).startswith(f"{DOES_NOT_HOLD}; a note")


def test_a_verdict_follows_from_what_was_found() -> None:
    claim = next(c for c in CLAIMS if c.name == "clipping")
    right = {reading.name: reading.expected for reading in claim.readings}
    assert verdict(right, claim) == HOLDS_IF
    assert verdict({**right, "each": False}, claim) == DOES_NOT_HOLD
    assert verdict({**right, "clipnorm": True}, claim) == HOLDS_IF
    assert verdict({**right, "clipnorm": True, "clipvalue": True}, claim) == HOLDS
    assert verdict({"value": True}, claim) == ""


def test_every_claim_can_turn_out_either_way() -> None:
    """Each has a reading that is stated; one that does not hold as it is says what does."""
    for claim in CLAIMS:
        roles = {reading.role for reading in claim.readings}
        assert Role.STATED in roles
        assert claim.verdict != HOLDS_IF or Role.IF in roles
        assert claim.verdict != DOES_NOT_HOLD or Role.INSTEAD in roles


@BOTH
def test_an_expectation_that_is_wrong_is_seen() -> None:
    from dataclasses import replace

    check = TABLE["state", "get-weights"]
    assert engine.run(check, LEDGER).outcome is Outcome.CONFORMS
    wrong = replace(check, reading=replace(check.reading, expected=True))
    record = engine.run(wrong, LEDGER)
    assert record.outcome is Outcome.DIVERGES
    assert "expected of this version: true" in record.reason


# ---------------------------------------------------------------- mistakes in the frameworks


def _no_decay(patch: Any, tf: Any, torch: Any) -> None:
    patch.setattr(tf.keras.optimizers.Optimizer, "_apply_weight_decay", lambda self, variables: None)


def _adam_decoupled(patch: Any, tf: Any, torch: Any) -> None:
    right = torch.optim.Adam.__init__
    patch.setattr(
        torch.optim.Adam, "__init__", lambda self, *a, **k: right(self, *a, **k, decoupled_weight_decay=True)
    )


def _regularizer_doubled(patch: Any, tf: Any, torch: Any) -> None:
    right = tf.keras.regularizers.L2.__call__
    patch.setattr(tf.keras.regularizers.L2, "__call__", lambda self, x: 2 * right(self, x))


def _norm_of_last(patch: Any, tf: Any, torch: Any) -> None:
    right = torch.nn.utils.clip_grad_norm_
    patch.setattr(torch.nn.utils, "clip_grad_norm_", lambda params, c: right(params[-1:], c))


def _clipnorm_global(patch: Any, tf: Any, torch: Any) -> None:
    right = tf.keras.optimizers.SGD.__init__

    def init(self: Any, *args: Any, clipnorm: Any = None, global_clipnorm: Any = None, **kwargs: Any) -> None:
        right(self, *args, global_clipnorm=clipnorm or global_clipnorm, **kwargs)

    patch.setattr(tf.keras.optimizers.SGD, "__init__", init)


def _schedule_late(patch: Any, tf: Any, torch: Any) -> None:
    cls = tf.keras.optimizers.schedules.PiecewiseConstantDecay
    right = cls.__call__
    patch.setattr(cls, "__call__", lambda self, step: right(self, step - 1))


def _apply_twice(patch: Any, tf: Any, torch: Any) -> None:
    right = tf.keras.optimizers.Adam.update_step

    def update_step(self: Any, gradient: Any, *rest: Any) -> None:
        right(self, gradient * (1 + 1e-12), *rest)

    patch.setattr(tf.keras.optimizers.Adam, "update_step", update_step)


def _has_get_weights(patch: Any, tf: Any, torch: Any) -> None:
    patch.setattr(tf.keras.optimizers.Optimizer, "get_weights", lambda self: [], raising=False)


def _not_restored(patch: Any, tf: Any, torch: Any) -> None:
    patch.setattr(tf.keras.optimizers.Optimizer, "set_weights", lambda self, weights: None)


def _not_loaded(patch: Any, tf: Any, torch: Any) -> None:
    patch.setattr(torch.optim.Optimizer, "load_state_dict", lambda self, state: None)


def _lab_asks_more(patch: Any, tf: Any, torch: Any) -> None:
    patch.setattr(readings, "LAB_ASKS", 1e-9)


MISTAKES = [
    ("weight-decay-keras", "decoupled", _no_decay),
    ("weight-decay-torch", "adam", _adam_decoupled),
    ("kernel-regularizer", "plain-sgd", _regularizer_doubled),
    ("kernel-regularizer", "l2", _regularizer_doubled),
    ("clipping", "global", _norm_of_last),
    ("clipping", "clipnorm", _clipnorm_global),
    ("clipping", "each", _clipnorm_global),
    ("schedules", "keras", _schedule_late),
    ("step", "apply-gradients", _apply_twice),
    ("step", "fit-in-order", _apply_twice),
    ("state", "get-weights", _has_get_weights),
    ("state", "variables", _not_restored),
    ("state", "state-dict", _not_loaded),
    ("adam-parity", "losses", _lab_asks_more),
]


@BOTH
@pytest.mark.parametrize(("claim", "reading", "mistake"), MISTAKES)
def test_a_framework_that_changes_is_seen(
    claim: str, reading: str, mistake: Any, planted: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf
    import torch

    mistake(planted, tf, torch)
    record = engine.run(TABLE[claim, reading], LEDGER)
    assert record.outcome is Outcome.DIVERGES, record.reason


def test_every_claim_has_a_mistake() -> None:
    assert {claim for claim, _, _ in MISTAKES} == {claim.name for claim in CLAIMS}


@BOTH
def test_the_page_has_the_verdict_of_what_ran() -> None:
    names = [("state", n) for n in ("get-weights", "set-weights", "rate")]
    records = [engine.run(TABLE[name], LEDGER) for name in names]
    verdicts, found = claims_page.tables(records)
    assert [row[2] for row in verdicts["rows"]] == [DOES_NOT_HOLD]
    assert [row[3] for row in found["rows"]].count("not run") == len(CLAIMS[-2].readings) - len(names)
    records[0].series["true"] = [True]
    assert claims_page.tables(records)[0]["rows"][0][2] == HOLDS
    assert claims_page.tables([]) == []
