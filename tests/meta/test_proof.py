"""The suite tried on itself: every planted mistake is seen, and every case sees what it is there for.

conformance/proof/proof.json keeps, for each mistake, the trial that shows it best, and for each case a mistake that
few others see. Here these are tried again: a case that was weakened fails.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import pytest

from conformance.bindings import BINDINGS, installed
from conformance.cases.table import cases
from conformance.cli import main as cli
from conformance.errors import BadInput
from conformance.judge.compared import LIMIT
from conformance.proof import (
    detection,
    equivalent,
    faults,
    kill_matrix,
    live_patches,
    operations,
    planting,
    sections,
    seeds,
    store,
    trials,
)
from conformance.proof.patch_table import PATCHES
from conformance.report import proof_page as pages

OPTIMIZERS = planting.optimizers()


def kept(optimizer):
    return store.load()["matrix"].get(optimizer, {"rows": {}, "witnesses": {}, "digest": ""})


def again(optimizer):
    return f"out of date: {store.REMAKE} --optimizer {optimizer}"


def trial(optimizer, name):
    found = next((t for t in planting.trials(optimizer) if t.id == name), None)
    assert found is not None, f"{name} is no case: {again(optimizer)}"
    return found


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_matrix_is_of_these_cases_and_mistakes(optimizer):
    assert kept(optimizer)["digest"] == kill_matrix.digest(optimizer), again(optimizer)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_mistake_is_seen(optimizer):
    """By the case that shows it best; one that no case sees has a proof that it is none."""
    rows = kept(optimizer)["rows"]
    assert set(rows) == set(planting.mistakes(optimizer)), again(optimizer)
    for name, row in rows.items():
        if "proof" in row:
            assert equivalent.proof(optimizer, name) == row["proof"]
            assert not row["kills"], f"{name} is said to change nothing"
            continue
        where = max(row["best"].values(), key=lambda best: best[1])[0]
        seen = detection.tried(trial(optimizer, where), name)
        assert seen is not None, f"{where} does not reach {name}"
        assert seen > LIMIT, f"{where} does not see {name}: {row['says']}"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_case_sees_what_few_others_see(optimizer):
    for case, (name, where) in kept(optimizer)["witnesses"].items():
        seen = detection.tried(trial(optimizer, where), name)
        assert seen is not None, f"{case} does not reach {name}"
        assert seen > LIMIT, f"{case} no longer sees {name}: {again(optimizer)} shows what does"


def test_the_proofs_are_of_mistakes_that_are_planted():
    for optimizers, names, why in equivalent.PROOFS:
        assert len(why) > 20
        for optimizer in optimizers.split():
            assert set(names.split()) <= set(planting.mistakes(optimizer)), optimizer


def test_nothing_is_wrong_with_what_is_kept():
    assert not pages.problems(store.load())
    assert set(store.load()["matrix"]) == set(OPTIMIZERS), f"out of date: {store.REMAKE}"


# -- what a weakened case does ---------------------------------------------------------------------------
def test_a_weakened_case_is_noticed():
    """Without its clipping threshold crossed, a case reaches nothing of what it was there for."""
    strong = trial(planting.WRAPPED, "keras-sgd-clip-value-float64")
    weak = replace(strong, case=replace(strong.case, wrapping={"clip_value": 1e6}))
    assert detection.tried(strong, "value-one-sided") > LIMIT
    assert detection.tried(weak, "value-one-sided") is None


def test_a_mistake_that_changes_nothing_is_not_reached():
    one = trial("sgd", "torch-sgd-probing-float64")
    assert detection.ratio(one, one.run(one.groups())) is None
    assert detection.tried(one, "dampening-forgotten") is None


def test_a_fault_is_seen_behind_a_driver():
    one = trial("adam", "torch-adam-rate-change-float64")
    run = one.run(one.groups(), driven_by=faults.FAULTS["rate-late"].driver)
    assert detection.ratio(one, run) > LIMIT


# -- every operation, changed ---------------------------------------------------------------------------
@pytest.mark.parametrize("optimizer", ["lion", "adam"])
def test_every_operation_of_a_rule_is_seen(optimizer):
    found = dict(operations.run([optimizer], 1))[optimizer]
    assert found["planted"] > 10
    assert not found["unseen"]


def test_an_operation_that_nothing_sees_has_a_proof():
    found = {o: t["unseen"] for o, t in store.load()["terms"].items()}
    assert found, f"out of date: {store.REMAKE}"
    assert all(why for unseen in found.values() for why in unseen.values())
    used = {why for unseen in found.values() for why in unseen.values()}
    assert {why for *_, why in equivalent.TERMS} == used, "a proof of what is seen, or no longer there"


def test_a_change_is_of_one_operation():
    rule = trials.entries("rprop")[0].reference
    names = [c.name for c in operations.changes(rule)]
    assert len(set(names)) >= len(names) - 2  # the same number twice in a line
    changed = operations.changed(rule, operations.changes(rule)[0])
    assert issubclass(changed, rule)
    assert len(set(vars(changed)) & set(vars(rule)) & {"update", "start"}) == 1


# -- in live code --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("patch", [p for p in PATCHES if p.framework in installed()], ids=lambda p: p.name)
def test_a_patch_has_cases_and_its_line_is_there(patch):
    if not BINDINGS[patch.framework].versions()[patch.framework].startswith(BINDINGS[patch.framework].pinned):
        pytest.skip("the lines are those of the pinned version")
    assert {i.case.name for i in live_patches.selection(patch, False)} == set(patch.see)
    with live_patches.planted(patch):
        pass
    with pytest.raises(BadInput, match="not once"), live_patches.planted(replace(patch, line="no such line")):
        pass


def test_what_is_no_longer_current_is_tried_by_its_name(monkeypatch):
    monkeypatch.setattr(live_patches, "run", lambda patches, *rest: iter([(p.name, {}) for p in patches]))
    asked = argparse.Namespace(workers="1", all=False)
    assert list(dict(sections.LIVE.run([PATCHES[0].name], asked, {}))) == [PATCHES[0].name]


def test_a_mistake_in_live_code_is_of_a_listed_optimizer():
    for framework, binding in BINDINGS.items():
        assert {p.optimizer for p in PATCHES if p.framework == framework} <= set(binding.entries)


# Few, for time; `python -m conformance planted` runs all.
FAST = {
    "torch": ("torch-adam-decay-ignored-in-foreach", "torch-adam-rate-late", "torch-adam-slot-not-restored"),
    "keras": ("keras-adam-state-shared", "keras-adam-rate-frozen-in-graph", "keras-slot-not-restored"),
}


@pytest.mark.parametrize("framework", [f for f in FAST if f in installed()])
def test_what_is_planted_in_live_code_is_seen(framework):
    """The line is replaced in a process of its own, where the gate turns red, in the modes that have it."""
    if not BINDINGS[framework].versions()[framework].startswith(BINDINGS[framework].pinned):
        pytest.skip("the lines are those of the pinned version")
    patches = [p for p in PATCHES if p.name in FAST[framework]]
    found = dict(live_patches.run(patches, 1))
    assert set(found) == set(FAST[framework])
    for patch in patches:
        one = found[patch.name]
        assert one["seen"], f"{patch.name} is seen by nothing"
        assert one["mildest"][1] > LIMIT
        assert not patch.modes or set(one["kills"]) <= set(patch.modes), one


def test_the_kept_figures_are_those_of_today():
    """Of these rules, cases, mistakes and versions; the ratios themselves are tried again above."""
    pinned = all(b.versions()[name].startswith(b.pinned) for name, b in BINDINGS.items() if name in installed())
    if set(installed()) != set(BINDINGS) or not pinned:
        pytest.skip("the figures are those of both frameworks in the pinned versions")
    old = sections.stale(store.load())
    assert not old, f"out of date: {old}. Bring them up to date: {store.REMAKE}"


# -- the seeds -----------------------------------------------------------------------------------------------
def test_seeds_lie_side_by_side():
    """As the last axis: each is the problem of that seed."""
    entry = BINDINGS["torch"].entries["sgd"]
    case = next(c for c in cases(entry) if c.name == "missing")
    together = replace(case, seeds=(0, 1, 2)).data(entry)
    for seed in range(3):
        alone = replace(case, seeds=(seed,)).data(entry)
        for many, one in zip(together.params, alone.params, strict=True):
            assert (many[..., seed] == one).all()
        for some, step in zip(together.grads, alone.grads, strict=True):
            for many, one in zip(some, step, strict=True):
                assert (many is None) == (one is None)
                assert one is None or (many[..., seed] == one).all()


def test_right_runs_of_a_few_seeds_are_not_accused():
    there = next(n for n in ("rprop", "lion") if any(n in BINDINGS[f].entries for f in installed()))
    found = dict(seeds.run([there], 3, "1"))[there]
    assert not found["accused"]
    assert found["highest"] <= 1
    assert {r["dtype"] for r in found["rows"]} == {"float64", "float32"}


@pytest.mark.skipif("torch" not in installed(), reason="torch alone has L-BFGS")
def test_what_meets_a_known_defect_is_known_and_not_accused():
    """The row is of other cases: here too torch makes a pair of a step that it did not take."""
    table = cases(BINDINGS["torch"].entries["lbfgs"])
    number = next(i for i, case in enumerate(table) if case.name == "sparse")
    found = seeds._installed(seeds.Task("torch", "lbfgs", number, 6))
    assert sum(one.runs for one in found) == 6
    assert sum(one.known for one in found) > 0
    assert all(one.ratio <= LIMIT for one in found)


# -- the verb ----------------------------------------------------------------------------------------------
def test_the_matrix_of_one_optimizer(tmp_path, capsys, monkeypatch):
    """Run, printed, written, kept; a selection of the trials, for time."""
    few = [t for t in planting.trials("rprop") if t.case.name in ("probing", "vanishing")]
    monkeypatch.setattr(planting, "trials", lambda optimizer: tuple(few))
    monkeypatch.setattr(store, "known", _empty)
    for cached in (planting.systematic, planting.mistakes, operations._ordered):
        cached.cache_clear()
    code = cli.main(["mutants", "--optimizer", "rprop", "-n", "1", "--reports", str(tmp_path / "reports")])
    for cached in (planting.systematic, planting.mistakes, operations._ordered):
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
    given = {
        "matrix": matrix,
        "seeds": {"sgd": {"accused": ["a"]}},
        "live": {"p": {"seen": 0}},
        "behind": {"sgd": {"passing": ["q"]}},
    }
    said = "\n".join(pages.problems(given))
    for part in (
        "the mistake 'm'",
        "'n' is said to change nothing",
        "the case 'c'",
        "ratio 1.5",
        "seeds: a",
        "nothing: p",
        "'q' passes the gate",
    ):
        assert part in said
    assert "'d'" not in said


def test_the_same_figures_give_the_same_pages():
    assert pages.render() == pages.render(json.loads(json.dumps(store.load())))


class _Counted:
    """A section of two names, of which one is tried at each step."""

    def __init__(self):
        self.tried = []

    def section(self):
        def run(names, args, known):
            for name in names:
                self.tried.append(name)
                yield (
                    name,
                    {"digest": f"today's {name}", "rows": {}, "idle": {}, "gaps": {}, "trials": 0, "cases": {}},
                )
                if name == self.stops:
                    raise KeyboardInterrupt

        everything = ["sgd", "lion"]
        today = lambda name, args: f"today's {name}"  # noqa: E731
        wanted = lambda names: [n for n in names if n in everything]  # noqa: E731
        return sections.Section("matrix", today, run, lambda: everything, wanted)

    stops = ""


def test_a_killed_run_goes_on_where_it_was(tmp_path, monkeypatch):
    """What is kept and up to date is not tried again; what is no longer there goes."""
    counted, kept = _Counted(), tmp_path / "proof.json"
    monkeypatch.setattr(sections, "MATRIX", counted.section())
    monkeypatch.setattr(sections, "TERMS", replace(counted.section(), name="terms", wanted=lambda names: []))
    monkeypatch.setattr(pages, "README", tmp_path / "README.md")
    monkeypatch.setattr(store, "save", lambda found, save=store.save: save(found, kept))
    monkeypatch.setattr(store, "known", lambda: dict(store.load(kept)) if kept.exists() else _empty())
    command = ["mutants", "--keep", "-n", "1", "--reports", str(tmp_path / "reports")]
    store.save(_empty() | {"matrix": {"gone": {"digest": "old"}}})
    counted.stops = "lion"
    with pytest.raises(KeyboardInterrupt):
        cli.main(command)
    assert counted.tried == ["lion"]
    assert set(store.load(kept)["matrix"]) == {"lion"}
    counted.stops = ""
    cli.main(command)
    assert counted.tried == ["lion", "sgd"]
    cli.main(command)
    assert counted.tried == ["lion", "sgd"]
    cli.main([*command, "--anew", "--optimizer", "sgd"])
    assert counted.tried == ["lion", "sgd", "sgd"]
    store.load.cache_clear()


def _empty():
    return {section: {} for section in store.SECTIONS}


def test_the_readme_is_written_between_the_mark_and_the_empty_line(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"before\n{pages.MARK}\n| old |\n| old |\n\nafter\n", encoding="utf-8")
    pages.write_readme(store.load(), page)
    assert page.read_text(encoding="utf-8") == f"before\n{pages.MARK}\n{pages.readme(store.load())}\nafter\n"
    page.write_text("nothing here", encoding="utf-8")
    with pytest.raises(BadInput, match="proof"):
        pages.write_readme(store.load(), page)


def test_the_figures_of_the_readme_are_those_that_are_kept():
    text = pages.README.read_text(encoding="utf-8")
    assert f"{pages.MARK}\n{pages.readme(store.load())}\n" in text, f"out of date; written by: {store.REMAKE}"
    f = pages.figures(store.load())
    assert f["seen"] == f["planted"]
    rules = len(planting.optimizers()) - 1  # what is wrapped around them is no rule
    assert f["optimizers"] == rules, f"out of date: {store.REMAKE}"
