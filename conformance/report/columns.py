"""The columns of a version matrix: each is a framework in one version, from the given run files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.version import InvalidVersion, Version

from conformance.bindings.binding import BACKENDS
from conformance.errors import BadInput, Incomplete
from conformance.judge.failure import display_name
from conformance.judge.record import Outcome, Record, Run
from conformance.report.model import URGENCY
from conformance.run.combine import combine
from conformance.run.gate import name_some

BRIEF = "-brief"  # the ending of the digest of a brief run's table


@dataclass(frozen=True)
class Column:
    """One framework in one version."""

    name: str  # the run's
    framework: str
    backend: str  # Keras' backend
    versions: Mapping[str, str]
    records: Mapping[str, Record] = field(repr=False)
    failed: str = ""
    brief: bool = False  # whether each case ran only once, in one dtype and mode

    @property
    def title(self) -> str:
        if self.failed:
            return self.name
        if self.framework != "keras":
            return f"{display_name(self.framework)} {self.versions[self.framework]}"
        below = f"{display_name(self.backend)} {self.versions[self.backend]}"
        return f"Keras {self.versions['keras']} on {below}"

    @property
    def order(self) -> tuple:
        backend = BACKENDS.index(self.backend) if self.backend in BACKENDS else -1
        versions = [_version(self.versions.get(k, "0")) for k in (self.framework, self.backend) if k]
        return (bool(self.failed), self.framework, backend, versions, self.name)

    @property
    def counts(self) -> dict[Outcome, int]:
        found = Counter(r.outcome for r in self.records.values())
        return {o: found[o] for o in URGENCY if found[o]}


def whole_runs(runs: Sequence[tuple[str, Run]]) -> list[tuple[str, Run]]:
    """The shards of one run combined; BadInput or Incomplete if they are not a whole run."""
    groups: dict[tuple, list[tuple[str, Run]]] = defaultdict(list)
    found = []
    for name, run in sorted(runs, key=lambda r: r[0]):
        head = run.header
        if head.shard:
            groups[tuple(sorted(head.versions.items())), head.digest, head.commit].append((name, run))
        else:
            found.append((name, run))
    for shards in groups.values():
        found.append((shards[0][0], combine([r for _, r in shards], [n for n, _ in shards])))
    for name, run in found:
        head = run.header
        if head.shard:
            raise Incomplete(f"{name}: only part {head.shard} of a run. Give all of its parts.")
        for framework, table in sorted(head.tables.items()):
            there = sum(r.framework == framework for r in run.records)
            if there != table["total"]:
                missing = f" (missing: {name_some(head.missing)})" if head.missing else ""
                raise Incomplete(
                    f"{name}: an incomplete run, {there:,} of {table['total']:,} checks of {framework}{missing}. "
                    "Run everything: python -m conformance run"
                )
        if not head.tables and not head.failed:
            raise BadInput(f"{name}: it does not describe its cases. Run again: python -m conformance run")
    return found


def columns_of(name: str, run: Run) -> Iterable[Column]:
    head = run.header
    if head.failed:
        yield Column(head.name, "keras", "", head.versions, {}, head.failed)
    for framework in head.tables:
        records = {r.id: r for r in run.records if r.framework == framework}
        backend = ""
        if framework == "keras":
            packages = set(head.versions) - ({"torch"} if "torch" in head.tables else set())
            backend = next((b for b in BACKENDS if b in packages), "")
        mine = {k: v for k, v in head.versions.items() if k in (framework, backend)}
        brief = head.tables[framework]["digest"].endswith(BRIEF)
        yield Column(head.name, framework, backend, mine, records, brief=brief)


def neighbours(columns: Sequence[Column]) -> list[tuple[Column, Column]]:
    """Pairs to compare: each version with the next on the same backend, and each backend with TensorFlow's."""
    there = [c for c in columns if not c.failed]
    found = []
    for n, after in enumerate(there):
        alike = [c for c in there[:n] if (c.framework, c.backend) == (after.framework, after.backend)]
        if alike:
            found.append((alike[-1], after))
        elif after.framework == "keras" and after.backend != "tensorflow":
            same = [
                c for c in there if c.backend == "tensorflow" and c.versions["keras"] == after.versions["keras"]
            ]
            if same:
                found.append((same[-1], after))
    return found


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")
