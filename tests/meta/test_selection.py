"""A selection is not a run: a record and a page of its own, judged by what was selected."""

import json

import pytest
from sample_runs import failing, header, large, record, run_of

from conformance.areas import registry
from conformance.cli import main as cli
from conformance.errors import BadInput
from conformance.judge.record import Run, read_run, write_run
from conformance.report.headline import headline
from conformance.report.model import build
from conformance.report.render import render
from conformance.run import names
from conformance.run.gate import judge
from conformance.run.header import scope
from conformance.run.keeping import keep
from conformance.run.subjects import subjects

CHOSEN = "1 optimizer, by command-line options"


def selection(*records, **changes):
    """A run of these, of 912 checks."""
    return run_of(*records, **{"total": 912, "selection": CHOSEN, **changes})


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """A folder with the record and the pages of a whole run."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "reports" / "runs" / "conformance.jsonl", run_of(record(), record(mode="fused")))
    assert cli.main(["report"]) == 0
    return tmp_path / "reports"


@pytest.fixture
def select(reports, monkeypatch):
    """`run`, of which pytest leaves this record."""

    def run(found, *arguments, name="selection", **what):
        def main(given, plugins):
            plugins[0].kept = keep(reports / "runs" / f"{name}.jsonl", found)
            for attribute, value in what.items():
                setattr(plugins[0].kept, attribute, value)
            return 0

        monkeypatch.setattr(pytest, "main", main)
        return cli.main(["run", "--optimizer", "adam", *arguments])

    return run


def files(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_it_leaves_the_record_and_the_pages_of_the_whole_run_alone(reports, select, capsys):
    before = files(reports)
    capsys.readouterr()
    assert select(selection(record())) == 0
    after = files(reports)
    assert {p: after[p] for p in before} == before
    said = capsys.readouterr().out
    assert "runs/selection.jsonl" in said
    assert said.splitlines()[-1].endswith("selections/selection/index.html")
    assert reports / "selections" / "selection" / "index.html" in after


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (selection(record()), 0),
        (selection(record(**failing())), 1),
        (selection(record(), selected=2, missing=["torch-adam-eps-float64-fused"]), 3),
        (run_of(record(), total=912, shard="2/5"), 0),
        (run_of(record(), total=912, selected=2, shard="2/5"), 3),
    ],
)
def test_the_exit_code_is_of_what_was_selected(select, found, code):
    assert select(found) == code


def test_only_the_gate_asks_for_everything(reports, select, capsys):
    assert select(selection(record())) == 0
    capsys.readouterr()
    assert cli.main(["gate", "--name", "selection"]) == 3
    said = capsys.readouterr().out
    for part in ("A selection, not a run: 1 of 912 checks", CHOSEN, "911 left out", "python -m conformance run"):
        assert part in said
    assert cli.main(["gate"]) == 0


def test_rebuilding_its_page_does_not_replace_the_whole_runs(reports, select):
    select(selection(record()))
    before = files(reports)
    assert cli.main(["report", "--name", "selection"]) == 0
    assert files(reports) == before


def test_its_page_says_that_it_is_one():
    texts = render(build(selection(record()), everything=False))
    page = texts["index.html"]
    assert "The one selected check of 1 optimizer conforms" in page
    assert "<b>SELECTION</b> A selection, not a run: 1 of 912 checks" in page
    assert "INCOMPLETE" not in page
    assert json.loads(texts["badge.json"])["message"] == "selection: 1 conform"
    assert json.loads(texts["summary.json"])["exit_code"] == 0
    lost = render(build(selection(record(), selected=3), everything=False))
    assert "Incomplete, 1 of 3 selected checks were run" in lost["index.html"]
    assert json.loads(lost["badge.json"])["message"] == "selection: incomplete, 1 of 3"


def test_parts_do_not_replace_a_whole_run_when_they_are_merged(reports, capsys):
    part = reports / "runs" / "part.jsonl"
    write_run(part, run_of(record(), total=2, shard="1/2"))
    before = files(reports)
    assert cli.main(["merge", str(part)]) == 2
    assert "only parts of one" in capsys.readouterr().err
    assert files(reports) == before
    assert cli.main(["merge", str(part), "--name", "parts"]) == 0


def test_explain_reads_the_latest_record_of_the_check(reports, select, capsys):
    (one,) = selection(record(why="why it is selected")).records
    assert select(selection(one)) == 0
    capsys.readouterr()
    assert cli.main(["explain", one.id]) == 0
    assert "selection.jsonl" in capsys.readouterr().out
    assert cli.main(["explain", record(mode="fused").id]) == 0
    assert "conformance.jsonl" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "given", "name"),
    [
        ({}, None, "conformance"),
        ({"selection": CHOSEN, "total": 9}, None, "selection"),
        ({"selection": "torch alone"}, None, "selection"),
        ({"selection": names.headers.BRIEF}, None, "brief"),
        ({"selection": names.headers.CALLS}, None, "calls"),
        ({"shard": "2/5", "total": 9}, None, "conformance-2of5"),
        ({"shard": "2/5", "total": 9}, "mine", "mine-2of5"),
        ({"selection": CHOSEN, "total": 9}, "mine", "mine"),
    ],
)
def test_a_name_says_what_was_run(changes, given, name):
    assert names.named(header([record()], **changes), given) == name


def test_only_a_whole_run_has_the_reports_folder_to_itself(tmp_path):
    runs = {
        "whole": {},
        "few": {"total": 9},
        "part": {"shard": "1/2", "total": 9},
        "torch": {"selection": "torch alone"},
    }
    for name, changes in runs.items():
        path = tmp_path / f"{name}.jsonl"
        write_run(path, run_of(record(), **changes))
        whole = names.pages("reports", [path], read_run(path).header).as_posix() == "reports"
        assert (whole, names.holds_a_whole_run(path)) == (name == "whole", name == "whole")
    assert not names.holds_a_whole_run(tmp_path / "none.jsonl")
    (tmp_path / "foreign.jsonl").write_text("[1]\n")
    assert not names.holds_a_whole_run(tmp_path / "foreign.jsonl")


def test_one_framework_of_two_is_a_selection(monkeypatch):
    monkeypatch.setattr(names.headers, "installed", lambda: ["torch", "keras"])
    table = {c.id for c in registry.checks(["torch"])}
    assert scope(table, ["torch"]).selection == "torch alone"
    monkeypatch.setattr(names.headers, "installed", lambda: ["torch"])
    assert scope(table, ["torch"]).selection == ""


def test_subjects_are_counted_by_what_they_are():
    """An optimizer counts once, whatever its areas and frameworks; a schedule or a claim is none."""
    found = [record("torch", "Adam"), record("keras", "Adam"), record("both", "Adam", area="parity")]
    found += [record("torch", "SGD", area="refusals"), record("keras", "SGD", area="scheduling")]
    assert subjects(found) == "2 optimizers"
    found += [record("torch", "StepLR", area="schedules")]
    assert subjects(found) == "2 optimizers and 1 schedule"
    found += [record("both", "step", area="claims"), record("both", "state", area="claims")]
    assert subjects(found) == "2 optimizers, 1 schedule and 2 claims"
    assert subjects([]) == "nothing"


def test_the_whole_table_is_not_all_optimizers():
    """What the table truly has: the entries of the bindings, and what the areas add."""
    table = registry.checks()
    kinds = {"schedules": "schedule", "claims": "claim"}
    for area, noun in kinds.items():
        n = len({c.optimizer for c in table if c.area == area})
        assert f"{n} {noun}s" in subjects(table)
    optimizers = {c.optimizer for c in table if c.area not in kinds}
    assert subjects(table).startswith(f"{len(optimizers)} optimizers, ")
    assert optimizers == {c.optimizer for c in table if c.area == "optimizers"}


def test_headline_header_and_terminal_count_alike(select, capsys):
    found = run_of(record(), record("keras", "StepLR", area="schedules"))
    assert headline(found, judge(found)).startswith("All 2 checks of 1 optimizer and 1 schedule conform: ")
    assert build(found).headline in render(build(found))["index.html"]
    table = [c for c in registry.checks() if c.optimizer in ("adam", "steplr")]
    said = scope({c.id for c in table}, ["torch", "keras"]).selection
    assert (
        said
        == f"{subjects(table)}, by command-line options"
        == "1 optimizer and 1 schedule, by command-line options"
    )
    assert select(found) == 0
    assert "All 2 checks of 1 optimizer and 1 schedule conform" in capsys.readouterr().out


def test_a_whole_run_is_judged_as_ever():
    run = large()
    assert judge(run, everything=False) == judge(run)
    assert headline(run, judge(run), everything=False) == headline(run, judge(run))
    assert judge(Run(header([]), []), everything=False).exit_code == 3


def test_a_record_of_everything_is_replaced_by_nothing_less(reports):
    from conformance.run.lease import lease

    path = reports / "runs" / "conformance.jsonl"
    with pytest.raises(BadInput, match=r"--name: .*record of a run of everything"):
        lease(path, whole=False, another=False)
    lease(path, whole=True, another=False).release()
    assert lease(path, whole=False, another=True).path.name == "conformance-2.jsonl"
