"""The ledger: its rows, what is wrong with a bad one, when one is stale, and that each can be seen."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache

import pytest

from conformance import mutants
from conformance.areas import registry
from conformance.bindings import BINDINGS
from conformance.cases import optimizers
from conformance.errors import BadInput
from conformance.judge import ledger
from conformance.judge.ledger import Ledger, LedgerRow

ROWS = ledger.load().rows
IDS = [i.id for i in registry.checks()]
VERSIONS = {name: version for b in BINDINGS.values() for name, version in b.versions().items()}

GOOD = {
    "id": "a-row",
    "select": ["torch-adam-*"],
    "kind": "defect",
    "expect": "mutant:epsilon-in-root",
    "reason": "because",
    "link": "https://example.org",
    "reproduce": "pass",
}


def written(path, *rows, text=""):
    def value(v):
        return (
            f"{{ {', '.join(f'{k} = {json.dumps(x)}' for k, x in v.items())} }}"
            if isinstance(v, dict)
            else json.dumps(v)
        )

    lines = [line for row in rows for line in ("[[row]]", *(f"{k} = {value(v)}" for k, v in row.items()))]
    path.write_text("\n".join(lines) + "\n" + text, encoding="utf-8")
    return path


# -- the ledger itself ----------------------------------------------------------------------------------
def test_every_selector_matches_a_case():
    ledger.load().check(IDS)


def test_no_case_is_selected_twice():
    for name in IDS:
        assert len([r.id for r in ROWS if r.matches(name) and r.applies(VERSIONS)]) <= 1


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.id)
def test_a_row_expects_what_its_references_can_be(row):
    """The mistake can be planted, the form exists, in every case that the row selects.

    An error needs neither, nor does a rounding of the right result.
    """
    if row.expect.startswith("listed:"):  # the checks of an area know the file
        assert list(ledger.PATH.parents[1].rglob(row.expect.partition(":")[2]))
        return
    chosen = {(i.framework, i.optimizer, i.name): i for i in registry.checks() if row.matches(i.id)}
    assert chosen
    for check in chosen.values():
        groups = without_the_class(check)
        if groups is None:
            continue
        expected = row.expected(groups)
        assert [g.tensors for g in expected] == [g.tensors for g in groups]
        another = any(part.startswith(("mutant:", "dialect:")) for part in ledger.parts(row.expect))
        assert another != ([g.reference for g in expected] == [g.reference for g in groups])


def without_the_class(check):
    """The groups of a check as known without the installed class; None for those of its defaults."""
    if check.area != "optimizers":
        return check.groups(installed=False)
    return None if check.case.values == "defaults" else check.case.groups(check.entry)


# -- bad rows -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reason": None}, r"missing \['reason'\]"),
        ({"reproduce": ""}, r"missing \['reproduce'\]"),
        ({"select": []}, r"missing \['select'\]"),
        ({"because": "x"}, r"unknown \['because'\]"),
        ({"kind": "bug"}, "kind 'bug'; allowed are dialect, defect, precision"),
        ({"expect": "anything"}, "allowed are mutant:NAME, dialect:FIELD=VALUE, format:NAME"),
        ({"expect": "dialect:epsilon_place"}, "allowed are mutant:NAME, dialect:FIELD=VALUE, format:NAME"),
        ({"expect": "mutant:no-such"}, "no reference has a mutant 'no-such'"),
        ({"expect": "mutant:epsilon-in-root+no-such"}, "no reference has a mutant 'no-such'"),
        ({"versions": {"torch": "about 2"}}, "versions .*about 2"),
        ({"versions": "2.0"}, "versions '2.0'"),
        ({"versions": {"torch": 2}}, "versions .*2"),
        ({"reason": 3}, "reason: text is needed"),
        ({"select": [3]}, "select"),
    ],
)
def test_a_bad_row_is_named(tmp_path, changes, says):
    row = {k: v for k, v in {**GOOD, **changes}.items() if v is not None}
    with pytest.raises(BadInput, match=f"rows.toml: row 'a-row'.*{says}"):
        ledger.load(written(tmp_path / "rows.toml", row))


def test_a_row_without_a_name_is_counted(tmp_path):
    with pytest.raises(BadInput, match=r"row 2: missing \['id'\]"):
        ledger.load(written(tmp_path / "rows.toml", GOOD, {k: v for k, v in GOOD.items() if k != "id"}))


def test_two_rows_of_one_name(tmp_path):
    with pytest.raises(BadInput, match="two rows are called a-row"):
        ledger.load(written(tmp_path / "rows.toml", GOOD, GOOD))


@pytest.mark.parametrize(
    ("text", "says"),
    [("[[row]\n", "cannot be read"), ("[rows]\n", r"unknown keys \['rows'\]")],
)
def test_a_file_that_is_no_ledger(tmp_path, text, says):
    with pytest.raises(BadInput, match=f"rows.toml: {says}"):
        ledger.load(written(tmp_path / "rows.toml", text=text))
    with pytest.raises(BadInput, match=r"nowhere\.toml: cannot be read"):
        ledger.load(tmp_path / "nowhere.toml")


def test_a_selector_that_matches_nothing(tmp_path):
    rows = ledger.load(written(tmp_path / "rows.toml", {**GOOD, "select": ["torch-adam-*", "torch-nothing-*"]}))
    with pytest.raises(BadInput, match="row 'a-row' selects 'torch-nothing-\\*', which matches no case"):
        rows.check(IDS)


def test_a_mutant_of_another_reference_is_an_error():
    row = LedgerRow(**{**GOOD, "select": ("*",), "expect": "mutant:step-not-capped"})
    case = next(i for i in optimizers.checks() if i.optimizer == "adam" and i.case.name == "probing")
    with pytest.raises(BadInput, match="'step-not-capped' of Adam: not known; there are"):
        row.expected(case.case.groups(case.entry))


def test_two_rows_for_one_case():
    rows = Ledger(tuple(LedgerRow(**{**GOOD, "id": name, "select": ("*",)}) for name in "ab"))
    with pytest.raises(BadInput, match=r"selected by more than one row: \['a', 'b'\]"):
        rows.row(optimizers.checks()[0], {})


# -- when a row is stale --------------------------------------------------------------------------------
def row(**changes):
    return Ledger((LedgerRow(**{**GOOD, "select": ("case-*",), **changes}),))


@pytest.mark.parametrize(
    ("outcomes", "stale"),
    [
        ({"case-1": "CONFORMS", "case-2": "CONFORMS", "other": "CONFORMS"}, True),
        ({"case-1": "CONFORMS", "case-2": "UNSUPPORTED"}, True),
        ({"case-1": "CONFORMS", "case-2": "DIVERGES_KNOWN"}, False),  # it is needed
        ({"case-1": "CONFORMS"}, False),  # a selection: the other case could need it
        ({"other": "CONFORMS"}, False),
        ({}, False),
    ],
)
def test_a_row_is_stale_only_when_all_its_cases_ran(outcomes, stale):
    table = ["case-1", "case-2", "other"]
    assert row().stale(outcomes, {}, table) == (["a-row"] if stale else [])


def test_a_row_of_other_versions_is_not_stale():
    rows = row(versions={"torch": "<1"})
    assert rows.stale({"case-1": "CONFORMS"}, {"torch": "2.13.0+cpu"}, ["case-1"]) == []
    assert rows.stale({"case-1": "CONFORMS"}, {}, ["case-1"]) == []
    assert row(versions={"torch": ">=2"}).stale({"case-1": "CONFORMS"}, {"torch": "2.13.0+cpu"}, ["case-1"])


def test_a_row_without_cases_in_the_table_is_not_stale():
    assert row().stale({"other": "CONFORMS"}, {}, ["other"]) == []


# -- each row can be seen without this suite ------------------------------------------------------------
HERE = [r for r in ROWS if r.applies(VERSIONS) and BINDINGS[r.select[0].partition("-")[0]].versions()]
RUNNER = """
import json, sys, traceback
found = {}
for name, script in json.load(sys.stdin).items():
    try:
        exec(compile(script, name, "exec"), {"__name__": "__main__"})
        found[name] = ""
    except BaseException:
        found[name] = traceback.format_exc(limit=-1)
print("\\n" + json.dumps(found))
"""


@cache
def reproduced(framework):
    """What each script of a framework's rows said: one process, since the import takes longest."""
    scripts = {r.id: r.reproduce for r in HERE if r.select[0].startswith(f"{framework}-")}
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=json.dumps(scripts), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("row", HERE, ids=lambda r: r.id)
def test_a_row_is_reproduced_by_its_script(row):
    said = reproduced(row.select[0].partition("-")[0])[row.id]
    assert not said, f"it holds no longer, on {VERSIONS}:\n{said}"


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.id)
def test_a_script_stands_alone(row):
    assert "assert" in row.reproduce, "it has to say what it sees"
    assert "conformance" not in row.reproduce
    assert "reference" not in row.reproduce
    assert row.link.startswith("https://")
    assert len(row.reason.strip()) > 40


def test_every_mutant_that_a_row_expects_is_known():
    for expect in (part for r in ROWS for part in ledger.parts(r.expect) if part.startswith("mutant:")):
        assert set(expect.partition(":")[2].split("+")) <= {m.name for m in mutants.registry()}


def test_an_error_is_expected_by_its_beginning():
    row = LedgerRow(**{**GOOD, "expect": "raises:TypeError: expected Tensor", "select": ("torch-adam-*",)})
    assert row.raises("TypeError: expected Tensor as element 2")
    assert not row.raises("TypeError: another")
    assert not replace(row, expect="mutant:epsilon-in-root").raises("mutant:epsilon-in-root")
