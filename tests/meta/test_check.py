"""`check`: an optimizer of one's own, right or wrong, in torch and Keras."""

import functools
import subprocess
import sys

import own_torch
import pytest
import torch

import reference
from conformance import DoesNotConform, check
from conformance.errors import BadInput
from conformance.judge.record import Outcome

QUICK = {"only": ("probing", "usual-values", "missing"), "dtypes": ("float64",)}


def wrong(optimizer, like, **options):
    """The result of a check that fails."""
    with pytest.raises(DoesNotConform) as raised:
        check(optimizer, like=like, **{**QUICK, **options})
    assert isinstance(raised.value, AssertionError)
    assert str(raised.value) == str(raised.value.result)
    return raised.value.result


def test_importing_loads_no_framework():
    probe = "import sys, conformance; sys.exit(bool({'torch', 'tensorflow', 'keras'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


# -- torch -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("like", [reference.Adam(), reference.Adam, "adam"])
def test_a_right_one_conforms(like):
    result = check(own_torch.Adam, like=like, only=("probing",))
    assert result.conforms
    assert result.diagnosis is None
    assert {r.outcome for r in result.records} == {Outcome.CONFORMS}
    assert "Adam conforms to reference.Adam(): 2 of 2 checks" in str(result)


def test_all_cases_of_a_right_one():
    """Its options are found by their names, and each is a case."""
    result = check(own_torch.Adam, like=reference.Adam(), dtypes=("float64",))
    names = {r.case for r in result.records}
    assert {"probing", "defaults", "beta-1", "beta-2", "epsilon", "weight-decay", "rate-change", "groups"} <= names
    assert not {"amsgrad", "maximize"} & names  # it has no such options
    assert not result.notes


def test_the_frameworks_own_class_is_one_like_any_other():
    options = {"only": ("probing", "amsgrad", "groups"), "dtypes": ("float64",)}
    assert check(torch.optim.Adam, like=reference.Adam(), **options).conforms


@pytest.mark.parametrize(
    ("optimizer", "expected", "term"),
    [
        (own_torch.EpsilonInside, "epsilon-in-root", "the update of the parameter"),
        (own_torch.EpsilonHat, "epsilon_place='hat'", "the update of the parameter"),
        (own_torch.SecondMomentOfAbs, "second-moment-abs", "the slot 'v'"),
        (own_torch.EpsilonNotPassedOn, "epsilon=1e-08", "the update of the parameter"),
        (own_torch.CountsByParameter, "step-counted-by-parameter", "the step counter"),
    ],
)
def test_a_wrong_one_is_told_what_it_does(optimizer, expected, term):
    result = wrong(optimizer, reference.Adam())
    assert result.diagnosis.nearest[0].name == expected
    assert result.diagnosis.term == term
    text = str(result)
    assert f"behaves as        {expected}" in text
    assert "of what is allowed" in text
    assert ("reference/adam.py:" in text) == (term != "the step counter")
    assert optimizer.__name__ in text


def test_a_form_that_was_meant_can_be_asked_for():
    result = wrong(own_torch.DecoupledDecay, reference.Adam(), only=("weight-decay",))
    assert "decay='decoupled'" in result.diagnosis.nearest[0].name
    assert "ask for it" in result.diagnosis.hint
    meant = reference.Adam(decay="decoupled")
    assert check(own_torch.DecoupledDecay, like=meant, only=("weight-decay", "probing")).conforms


def test_two_forms_at_once():
    result = wrong(own_torch.HatWithDecoupledDecay, reference.Adam(), only=("weight-decay",))
    assert set(result.diagnosis.nearest[0].name.split(" + ")) == {"epsilon_place='hat'", "decay='decoupled'"}


def test_what_nothing_explains_is_said_to_be_that():
    result = wrong(own_torch.SharesSecondMoment, reference.Adam(), only=("probing",))
    assert result.diagnosis.nearest == []
    assert result.diagnosis.term == "the slot 'v'"
    assert result.diagnosis.at.step == 1
    assert "the first tensor is right and others are not" in str(result)
    assert "no known mistake explains this" in str(result)


# -- names -----------------------------------------------------------------------------------------
NAMES = {"learning_rate": "rate", "beta_1": ("decays", 0), "beta_2": ("decays", 1), "epsilon": "fuzz"}
SLOTS = {"n_updates": "step", "mean": "m", "scatter": "v"}


def test_names_can_be_given():
    options = {"arguments": NAMES, "slots": SLOTS, "dtypes": ("float64",)}
    result = check(own_torch.OtherNames, like=reference.Adam(), **options)
    assert not result.notes
    assert {"probing", "beta-1", "rate-change", "groups"} <= {r.case for r in result.of(Outcome.CONFORMS)}


def test_what_has_no_argument_has_the_value_of_the_reference():
    fixed = functools.partial(own_torch.OtherNames, rate=0.25, decays=(0.75, 0.5))
    like = reference.Adam(learning_rate=0.25, beta_1=0.75, beta_2=0.5, epsilon=2.0**-8)
    result = check(lambda params: fixed(params, fuzz=2.0**-8), like=like, slots=SLOTS, **QUICK)
    assert result.conforms
    other = wrong(lambda params: fixed(params, fuzz=2.0**-8, decays=(0.5, 0.75)), like, slots=SLOTS)
    assert other.diagnosis.nearest[0].name == "betas-swapped"


def test_state_that_cannot_be_read_leaves_the_whole_run_to_be_judged():
    result = check(own_torch.KeepsStateElsewhere, like=reference.Adam(), only=("probing", "missing"))
    assert result.conforms
    assert "the slots m, v cannot be read" in str(result)
    told = wrong(own_torch.KeepsItWrong, reference.Adam(), only=("probing",))
    assert told.diagnosis.nearest[0].name == "epsilon-in-root"


def test_a_slot_in_another_form_is_not_held_against_a_right_one():
    result = check(own_torch.ScaledMoment, like=reference.Adam(), only=("probing", "missing"))
    assert result.conforms
    assert "'exp_avg' is kept in another form than the slot 'm'" in str(result)


# -- Keras -----------------------------------------------------------------------------------------
def test_keras_a_right_one_conforms():
    from own_keras import RAdam

    result = check(RAdam, like=reference.RAdam(), **QUICK)
    assert {(r.outcome, r.mode) for r in result.records} == {(Outcome.CONFORMS, m) for m in ("eager", "graph")}
    assert not result.notes


@pytest.mark.parametrize(
    ("name", "expected"),
    [("EpsilonInside", "epsilon-in-root"), ("CountsByParameter", "step-counted-by-parameter")],
)
def test_keras_a_wrong_one_is_told_what_it_does(name, expected):
    import own_keras

    result = wrong(getattr(own_keras, name), reference.RAdam(), only=("probing",), modes=("eager",))
    assert result.diagnosis.nearest[0].name == expected
    assert "reference/radam.py:" in str(result)


def test_keras_a_mode_that_alone_is_wrong_is_named():
    from own_keras import CountsWhenTraced

    result = wrong(CountsWhenTraced, reference.RAdam(), only=("probing",))
    assert {r.mode for r in result.failures} == {"graph"}
    assert result.diagnosis.hint == "only graph diverges, eager conforms"


def test_keras_a_function_without_options():
    from own_keras import RAdam

    like = reference.RAdam(learning_rate=0.25, beta_1=0.75, beta_2=0.96875, epsilon=2.0**-8)
    made = functools.partial(RAdam, learning_rate=0.25, beta_1=0.75, beta_2=0.96875, epsilon=2.0**-8)
    assert check(lambda: made(), like=like, modes=("eager",), **QUICK).conforms


# -- bad input -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("optimizer", "options", "message"),
    [
        (dict, {}, "dict is not an optimizer class"),
        (3, {}, "not callable"),
        (own_torch.Adam([torch.zeros(1)]), {}, "an optimizer that is made already. Give the class"),
        (lambda params: [], {}, "which is not a torch optimizer"),
        (lambda: [], {}, "which is not a keras optimizer"),
        (own_torch.Adam, {"like": "adamm"}, "did you mean 'adam'?"),
        (own_torch.Adam, {"like": torch.optim.Adam}, "is not a reference"),
        (own_torch.Adam, {"only": ("probin",)}, "did you mean 'probing'?"),
        (own_torch.Adam, {"dtypes": ("float16",)}, "dtypes: 'float16'"),
        (own_torch.Adam, {"modes": ("graph",)}, "modes: 'graph'"),
        (own_torch.Adam, {"framework": "jax"}, "framework: 'jax'"),
        (own_torch.Adam, {"arguments": {"beta": "betas"}}, "arguments: 'beta'"),
        (own_torch.Adam, {"arguments": {"epsilon": "epsylon"}}, "arguments: epsilon: 'epsylon'"),
        (own_torch.Adam, {"slots": {"exp_avg": "moment"}}, "'moment' is not known"),
        (own_torch.Adam, {"slots": {"average": "m"}}, "'average' is no state of Adam; it keeps exp_avg"),
    ],
)
def test_bad_input_is_named(optimizer, options, message):
    with pytest.raises(BadInput) as raised:
        check(optimizer, **{"like": reference.Adam(), **QUICK, **options})
    assert message in str(raised.value)
