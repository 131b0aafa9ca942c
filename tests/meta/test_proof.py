"""The suite tried on itself: every planted mistake is seen, and every case sees what it is there for.

conformance/proof.json keeps, for each mistake, the trial that shows it best, and for each case a mistake that few
others see. Here these are tried again: a case that was weakened fails.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from conformance import cli, equivalent, faults, kill, proof
from conformance.bindings import BINDINGS
from conformance.report import proof as pages
from conformance.verdict import LIMIT

OPTIMIZERS = kill.optimizers()


def kept(optimizer):
    return proof.load()["matrix"].get(optimizer, {"rows": {}, "witnesses": {}, "digest": ""})


def again(optimizer):
    return f"out of date: python -m conformance mutants --optimizer {optimizer} --keep"


def trial(optimizer, name):
    return next((t for t in kill.trials(optimizer) if t.id == name), None)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_matrix_is_of_these_cases_and_mistakes(optimizer):
    assert kept(optimizer)["digest"] == kill.digest(optimizer), again(optimizer)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_mistake_is_seen(optimizer):
    """By the case that shows it best; one that no case sees has a proof that it is none."""
    rows = kept(optimizer)["rows"]
    assert set(rows) == set(kill.mistakes(optimizer)), again(optimizer)
    for name, row in rows.items():
        if "proof" in row:
            assert equivalent.proof(optimizer, name) == row["proof"]
            assert not row["kills"], f"{name} is said to change nothing"
            continue
        where = max(row["best"].values(), key=lambda best: best[1])[0]
        seen = kill.tried(trial(optimizer, where), name)
        assert seen is not None, f"{where} does not reach {name}"
        assert seen > LIMIT, f"{where} does not see {name}: {row['says']}"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_case_sees_what_few_others_see(optimizer):
    for case, (name, where) in kept(optimizer)["witnesses"].items():
        seen = kill.tried(trial(optimizer, where), name)
        assert seen is not None, f"{case} does not reach {name}"
        assert seen > LIMIT, f"{case} no longer sees {name}: {again(optimizer)} shows what does"


def test_the_proofs_are_of_mistakes_that_are_planted():
    for optimizers, names, why in equivalent.PROOFS:
        assert len(why) > 20
        for optimizer in optimizers.split():
            assert set(names.split()) <= set(kill.mistakes(optimizer)), optimizer


def test_nothing_is_wrong_with_what_is_kept():
    assert not pages.problems(proof.load())
    assert set(proof.load()["matrix"]) == set(OPTIMIZERS)


# -- what a weakened case does ---------------------------------------------------------------------------
def test_a_weakened_case_is_noticed():
    """Without its clipping threshold crossed, a case reaches nothing of what it was there for."""
    strong = trial(kill.WRAPPED, "keras-sgd-clip-value-float64")
    weak = replace(strong, case=replace(strong.case, wrapping={"clip_value": 1e6}))
    assert kill.tried(strong, "value-one-sided") > LIMIT
    assert kill.tried(weak, "value-one-sided") is None


def test_a_mistake_that_changes_nothing_is_not_reached():
    one = trial("sgd", "torch-sgd-probing-float64")
    assert kill.ratio(one, one.run(one.groups())) is None
    assert kill.tried(one, "dampening-forgotten") is None


def test_a_fault_is_seen_behind_a_driver():
    one = trial("adam", "torch-adam-rate-change-float64")
    run = one.run(one.groups(), driven_by=faults.FAULTS["rate-late"].driver)
    assert kill.ratio(one, run) > LIMIT


# -- the verb ----------------------------------------------------------------------------------------------
def test_the_matrix_of_one_optimizer(tmp_path, capsys, monkeypatch):
    """Run, printed, written, kept; a selection of the trials, for time."""
    few = [t for t in kill.trials("rprop") if t.case.name in ("probing", "vanishing")]
    monkeypatch.setattr(kill, "trials", lambda optimizer: tuple(few))
    monkeypatch.setattr(proof, "_known", lambda: {section: {} for section in proof.SECTIONS})
    monkeypatch.setattr(proof, "PATH", tmp_path / "proof.json")
    for cached in (kill.systematic, kill.mistakes):
        cached.cache_clear()
    code = cli.main(["mutants", "--optimizer", "rprop", "-n", "1", "--reports", str(tmp_path / "reports")])
    for cached in (kill.systematic, kill.mistakes):
        cached.cache_clear()
    assert code == 1  # two cases cannot see all
    assert sorted(p.name for p in (tmp_path / "reports").iterdir()) == sorted(pages.NAMES)
    text = (tmp_path / "reports" / "mutants.html").read_text()
    assert "product-underflows" in text
    assert "survives" in text
    said = capsys.readouterr().out
    assert "no case sees the mistake" in said
    assert "planted mistakes are seen" in said


def test_what_is_wrong_is_said():
    row = {"kills": 0, "says": "it does x"}
    both = {"kills": 2, "says": "y", "proof": "because"}
    gap = {"right": 1.5, "right_in": "torch-sgd-probing-float64"}
    matrix = {"sgd": {"rows": {"m": row, "n": both}, "idle": {"c": "", "d": "a reason"}, "gaps": {"float64": gap}}}
    given = {"matrix": matrix, "seeds": {"sgd": {"accused": ["a"]}}, "live": {"p": {"seen": 0}}}
    said = "\n".join(pages.problems(given))
    for part in (
        "the mistake 'm'",
        "'n' is said to change nothing",
        "the case 'c'",
        "ratio 1.5",
        "seeds: a",
        "nothing: p",
    ):
        assert part in said
    assert "'d'" not in said


def test_the_same_figures_give_the_same_pages():
    assert pages.render() == pages.render(json.loads(json.dumps(proof.load())))


def test_the_figures_of_the_readme_are_those_that_are_kept():
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert pages.readme() in text, (
        f"the README has other figures; these belong under <!-- proof -->:\n{pages.readme()}"
    )
    f = pages.figures(proof.load())
    assert f["seen"] == f["planted"]
    assert f["optimizers"] == len({name for b in BINDINGS.values() for name in b.entries})
