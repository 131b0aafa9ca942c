"""Wrong implementations behind a binding: the engine, the outcomes and the gate see what the judge sees."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from conformance import cases, engine, faults, ledger, mutants, proof, selfcheck
from conformance.bindings import BINDINGS
from conformance.cases import Instance
from conformance.record import Outcome
from reference.formats import FORMATS

ENTRY = BINDINGS["torch"].entries["adam"]
MISTAKES = {
    **{m.name: m for m in mutants.of(ENTRY.reference)},
    **{f"fault:{name}": fault for name, fault in faults.FAULTS.items()},
}
# Mistakes in a form of epsilon that this dialect has not.
NOT_HERE = {m.name for m in mutants.of(ENTRY.reference) if m.name.startswith("hat-")}


def _start(mistake):
    """How the binding starts its optimizer: the reference in plain NumPy, wrong in one way or in none."""

    def start(entry, groups, params, dtype, mode):
        if isinstance(mistake, faults.Fault):
            return mistake.driver(entry, groups, params, dtype, False)
        planted = mutants.planted(groups, mistake) if mistake else groups
        return selfcheck.NumPyDriver(entry, planted, params, dtype, False)

    return start


def _binding(mistake):
    return SimpleNamespace(
        framework="numpy", entries={"adam": ENTRY}, modes=("plain",), dtypes=("float64",), costly_modes=(),
        versions=lambda: {"numpy": "2"}, constructor=lambda entry: entry.reference,
        arguments=lambda entry, reference, mode: {}, mode_reason=lambda entry, mode: "",
        formats=lambda dtype: FORMATS[dtype], call=lambda entry, calls: "Adam in NumPy", start=_start(mistake),
    )  # fmt: skip


def _outcomes(mistake, monkeypatch, first=""):
    """Of the cases one after the other; `first` is where the mistake is known to show."""
    monkeypatch.setitem(BINDINGS, "numpy", _binding(mistake))
    for case in sorted(cases.cases(ENTRY), key=lambda c: c.name != first):
        if case.values != "defaults":
            instance = Instance("numpy", "adam", case, "float64", "plain")
            yield engine.run(instance, ledger.Ledger(()), explain=False).outcome


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_right_passes(monkeypatch):
    assert set(_outcomes(None, monkeypatch)) == {Outcome.CONFORMS}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", sorted(set(MISTAKES) - NOT_HERE))
def test_what_is_wrong_fails(name, monkeypatch):
    best = proof.load()["matrix"]["adam"]["rows"][name]["best"]
    shown = max(best.values(), key=lambda b: b[1])[0]
    case = trial_case(shown)
    failing = (o for o in _outcomes(MISTAKES[name], monkeypatch, case) if not o.passes)
    assert next(failing, None) in (Outcome.DIVERGES, Outcome.ERROR), f"{name} passes the gate behind a binding"


def trial_case(name):
    return next(t.case.name for t in selfcheck.trials("adam") if t.id == name)
