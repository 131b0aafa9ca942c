"""Shards: the same parts everywhere, of about the same cost, and together the whole run."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_runs import header, large

from conformance.areas import registry
from conformance.cases import economy
from conformance.errors import BadInput
from conformance.judge import ledger
from conformance.judge.record import Run, write_run
from conformance.run import shards
from conformance.run.combine import combine
from conformance.run.gate import judge

TABLE = registry.checks()


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_every_check_is_in_one_shard(of: int):
    parts = shards.divided(TABLE, of)
    assert sorted(i for part in parts for i in part) == sorted(i.id for i in TABLE)
    assert [i.id for i in shards.part(TABLE, f"1/{of}")] == [i.id for i in TABLE if i.id in set(parts[0])]


def test_they_cost_about_the_same_and_the_order_of_the_table_leaves_no_trace():
    costs = shards.load()
    parts = shards.divided(TABLE, 4)
    sums = [sum(costs.get(shards.kind(i), shards.UNKNOWN) for i in part) for part in parts]
    assert max(sums) < 1.05 * min(sums)
    assert {frozenset(p) for p in shards.divided(TABLE[::-1], 4)} == {frozenset(p) for p in parts}


def test_the_table_of_costs_has_every_kind_of_check():
    kinds = {shards.kind(i.id) for i in TABLE if i.area == "optimizers"}
    missing = kinds - set(shards.load())
    assert len(missing) < 0.1 * len(kinds), f"run anew with --costs {shards.PATH}: {sorted(missing)}"


def test_modes_of_one_case_stay_together():
    for part in shards.divided(TABLE, 5):
        mine = {i.rpartition("-")[0] for i in part}
        assert all(i.id in set(part) for i in TABLE if i.id.rpartition("-")[0] in mine)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2"])
def test_a_part_that_is_none(text: str):
    with pytest.raises(BadInput, match="--shard"):
        shards.parse(text)


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of a table of its own, whose ledger has a row that nothing needs."""
    run = large()
    monkeypatch.setattr(registry, "digest", lambda frameworks: run.header.digest)
    monkeypatch.setattr(registry, "checks", lambda frameworks: run.records)
    names = {"keras-nadam-float32-scalars", "keras-adam-eps-hat", "torch-nadam-mu-product"}
    pattern = {"keras-lion": ("keras-lion-*",)}
    rows = [ledger.LedgerRow(n, ("nothing",), "defect", "mutant:x", "why", "link") for n in names]
    rows += [ledger.LedgerRow(n, p, "defect", "mutant:x", "why", "link") for n, p in pattern.items()]
    monkeypatch.setattr(ledger, "load", lambda: ledger.Ledger(tuple(rows)))
    run.header.stale = ["keras-lion"]
    return run


def shard_of(whole: Run, number: int, of: int) -> Run:
    mine = set(shards.divided(whole.records, of)[number - 1])
    records = [r for r in whole.records if r.id in mine]
    head = header(records, total=len(whole.records), shard=f"{number}/{of}", name=f"conformance-{number}of{of}")
    return Run(head, records)


def test_the_union_is_the_unsharded_run_byte_for_byte_but_the_header(tmp_path: Path, whole: Run):
    parts = [shard_of(whole, n, 3) for n in (3, 1, 2)]
    write_run(tmp_path / "whole.jsonl", whole)
    write_run(tmp_path / "union.jsonl", combine(parts))
    one, other = ((tmp_path / f"{n}.jsonl").read_bytes().split(b"\n", 1)[1] for n in ("whole", "union"))
    assert one == other


def test_a_stale_row_is_judged_when_all_shards_are_there(whole: Run):
    parts = [shard_of(whole, n, 3) for n in (1, 2, 3)]
    together = combine(parts)
    assert together.header.stale == ["keras-lion"]
    assert judge(together).exit_code == 1
    some = combine(parts[:2])
    assert some.header.stale == []
    verdict = judge(some)
    assert verdict.exit_code == 3
    assert "Only part 1/3, 2/3 of the run" in verdict.reasons[0]


def test_shards_of_different_divisions_are_refused(whole: Run):
    with pytest.raises(BadInput, match=r"different divisions: 1/2, 1/3"):
        combine([shard_of(whole, 1, 3), shard_of(whole, 1, 2)])


def test_a_brief_run_has_each_case_once_and_one_in_full():
    brief = economy.brief(TABLE)
    assert {(i.framework, i.optimizer, i.name) for i in brief} == {
        (i.framework, i.optimizer, i.name) for i in TABLE
    }
    full = [i for i in TABLE if i.name in economy.BRIEF_IN_FULL]
    assert [i for i in brief if i.name in economy.BRIEF_IN_FULL] == full
    assert {i.mode for i in brief if i.framework == "keras" and i.name == "beta-1"} >= {"eager", "graph"}
