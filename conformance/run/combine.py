"""Several run files as one: shards of a run, or one run per framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from conformance.errors import BadInput
from conformance.judge.record import Header, Record, Run, read_run
from conformance.run import shards


def read_runs(paths: Sequence[Path]) -> Run:
    """Read run files and combine them."""
    return combine([read_run(path) for path in paths], [str(path) for path in paths])


def combine(runs: Sequence[Run], names: Sequence[str] | None = None) -> Run:
    """Several runs as one. BadInput if they do not fit together: different cases, versions or results."""
    if not runs:
        raise BadInput("RUN: give at least one run file written by `python -m conformance run`.")
    if len(runs) == 1:
        return runs[0]
    names = names or [run.header.name for run in runs]
    records: dict[str, Record] = {}
    versions: dict[str, str] = {}
    first = runs[0].header
    for name, run in zip(names, runs, strict=True):
        _same("digest of the case table", names[0], first.digest, name, run.header.digest)
        _same("commit", names[0], first.commit, name, run.header.commit)
        for package, version in run.header.versions.items():
            _same(
                f"version of {package}",
                "the earlier run files",
                versions.setdefault(package, version),
                name,
                version,
            )
        for record in run.records:
            if records.setdefault(record.id, record) != record:
                raise BadInput(
                    f"{name}: {record.id} differs from its record in an earlier run file. Give only one of them."
                )
    heads = [run.header for run in runs]
    _shards(heads)
    total, selected = _totals(heads)
    repeated = sum(len(run.records) for run in runs) - len(records)
    selections = {h.selection for h in heads}
    header = Header(
        name=" + ".join(sorted({h.name for h in heads})),
        created=max(h.created for h in heads),
        commit=first.commit,
        platform=" and ".join(sorted({h.platform for h in heads})),
        versions=versions,
        digest=first.digest,
        total=total,
        selected=selected - repeated,
        selection="; ".join(sorted(s for s in selections if s)) if selected - repeated < total else "",
        longdouble_is_wider=all(h.longdouble_is_wider for h in heads),
        uncovered=_union([h.uncovered for h in heads]),
        shard=_shard(heads),
        tables={f: table for h in heads for f, table in h.tables.items()},
        options={k: o for h in heads for k, o in sorted(h.options.items())},
        unlisted=_union([h.unlisted for h in heads]),
        pinned={f: pinned for h in heads for f, pinned in h.pinned.items()},
        stale=sorted({row for h in heads for row in h.stale}),
        missing=sorted({i for h in heads for i in h.missing} - records.keys()),
    )
    if any(h.shard for h in heads) and not header.shard:
        _judge_the_whole(header, records)
    return Run(header, [records[i] for i in sorted(records)])


def _shards(heads: Sequence[Header]) -> None:
    """Each must be a part that there is, and all must divide the run by the same number."""
    for head in heads:
        for one in filter(None, head.shard.split(", ")):
            if not shards.valid(one):
                raise BadInput(
                    f"{head.name}: its shard is {one!r}, and there is no such part. Give the files as "
                    "`python -m conformance run --shard I/N` wrote them."
                )
    counts = {h.shard.partition("/")[2] for h in heads if h.shard}
    if len(counts) > 1:
        raise BadInput(
            f"RUN: shards of different divisions: {', '.join(sorted(h.shard for h in heads if h.shard))}."
        )


def _shard(heads: Sequence[Header]) -> str:
    """Which shards there are; empty when none is missing."""
    there = sorted({h.shard for h in heads if h.shard}, key=lambda s: int(s.partition("/")[0]))
    complete = there and len(there) == int(there[0].partition("/")[2])
    return "" if complete else ", ".join(there)


def _judge_the_whole(header: Header, records: Mapping[str, Record]) -> None:
    """What no shard can tell alone: which ledger rows are stale, and which options no case sets."""
    from conformance.areas import registry
    from conformance.judge import ledger
    from conformance.run import header as heads

    frameworks = list(header.pinned)
    table = registry.digest(frameworks)
    if header.digest.removesuffix("-brief") != table:
        raise BadInput(
            f"RUN: the shards have the case table {header.digest}, and here it is {table}, so the ledger's rows "
            "cannot be judged. Merge the shards with the version that ran them."
        )
    header.stale = heads.stale(records.values(), header.versions, frameworks, ledger.load())
    header.uncovered = heads.uncovered(records.values(), header.options)


def _same(what: str, one: str, value: str, other: str, found: str) -> None:
    if value != found:
        raise BadInput(
            f"{other}: its {what} is {found!r}, but {value!r} in {one}. Runs in one report must agree: "
            "make a report of each, with its own --reports."
        )


def _totals(heads: Sequence[Header]) -> tuple[int, int]:
    """`total` counts the table of a run's frameworks: shards share it, other frameworks add theirs."""
    totals: dict[frozenset[str], int] = {}
    for head in heads:
        frameworks = frozenset(head.pinned)
        if totals.setdefault(frameworks, head.total) != head.total:
            raise BadInput(f"{head.name}: counts {head.total} cases, another run {totals[frameworks]}.")
    if sum(map(len, totals)) != len(frozenset().union(*totals)):
        raise BadInput(
            "RUN: the frameworks of the runs partly overlap, so their cases cannot be counted. Give shards of "
            "one run, or runs of different frameworks."
        )
    return sum(totals.values()), sum(head.selected for head in heads)


def _union(uncovered: Sequence[dict[str, list[str]]]) -> dict[str, list[str]]:
    frameworks = sorted({framework for one in uncovered for framework in one})
    return {f: sorted({option for one in uncovered for option in one.get(f, [])}) for f in frameworks}
