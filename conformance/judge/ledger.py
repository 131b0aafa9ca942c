"""The ledger: known divergences as data, in ledger.toml.

A row does not excuse, it expects: a case that it selects must behave exactly as the row says (the
reference with a named mistake, or in another dialect), within the same derived bound. A row whose selector
matches no case of the static table is an error, and a case that no longer needs its row diverges.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import cache
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from conformance import mutants
from conformance.bindings.binding import BACKENDS, Group
from conformance.errors import BadInput
from reference.base import Reference
from reference.formats import FORMATS, Format

PATH = Path(__file__).with_name("ledger.toml")
KINDS = ("dialect", "defect", "precision")


@dataclass(frozen=True)
class LedgerRow:
    """One known divergence."""

    id: str
    select: tuple[str, ...]  # fnmatch patterns of instance ids
    kind: str
    # "mutant:NAME", "mutant:NAME+NAME", "dialect:FIELD=VALUE", "format:NAME" (no more precise than that, whatever
    # the dtype), "rounded:twice" (the parameter is moved in two additions), several of these: "dialect:…, mutant:…"
    # "raises:ERROR: beginning of it", or "listed:FILE", where the checks of an area find what is expected of each.
    expect: str
    reason: str
    link: str
    versions: Mapping[str, str] = field(default_factory=dict)  # distribution -> version specifier
    reproduce: str = ""  # a few lines that show it without this suite
    unless: tuple[str, ...] = ()  # patterns of ids in `select` that the row leaves to another
    backends: tuple[str, ...] = ()  # Keras backends, where they matter

    def matches(self, instance_id: str) -> bool:
        return bool(_matcher(*self.select)(instance_id)) and not _matcher(*self.unless)(instance_id)

    def applies(self, versions: Mapping[str, str]) -> bool:
        """Whether the installed versions are within the row's ranges."""
        backend = next((b for b in BACKENDS if b in versions), "")
        if self.backends and backend not in self.backends:
            return False
        return all(
            name in versions and SpecifierSet(spec).contains(versions[name].split("+")[0], prereleases=True)
            for name, spec in self.versions.items()
        )

    @property
    def format(self) -> Format | None:
        """The format in which the row expects part of the step to be computed, whatever the dtype."""
        found = [part.removeprefix("format:") for part in parts(self.expect) if part.startswith("format:")]
        return FORMATS[found[0]] if found else None

    @property
    def moves_twice(self) -> bool:
        """Whether the row expects a step to add to the parameter twice, and so to round twice."""
        return "rounded:twice" in parts(self.expect)

    def raises(self, said: str) -> bool:
        """Whether the row expects this error."""
        kind, _, error = self.expect.partition(":")
        return kind == "raises" and said.startswith(error)

    def expected(self, groups: Sequence[Group]) -> list[Group]:
        """The references that the row expects instead."""
        if self.expect.startswith("raises:"):  # and it did not
            return list(groups)
        for part in parts(self.expect):
            groups = self._one(part, groups)
        return list(groups)

    def _one(self, part: str, groups: Sequence[Group]) -> list[Group]:
        kind, _, name = part.partition(":")
        if kind in ("format", "rounded"):
            return list(groups)
        if kind == "mutant":
            rule, outer = type(_inner(groups[0].reference)), type(groups[0].reference)
            found = [_mutant(n, rule, outer) for n in name.split("+")]
            # Mistakes in what is wrapped around a rule and in the rule itself are planted one after the other.
            for mistakes in (
                [m for m in found if m.optimizer == "Wrapped"],
                [m for m in found if m.optimizer != "Wrapped"],
            ):
                planted = mutants.planted(groups, *mistakes) if mistakes else groups
                if planted is None:
                    raise BadInput(f"ledger row {self.id!r}: the mutant {name!r} cannot be planted in this case")
                groups = planted
            return list(groups)
        form, _, value = name.partition("=")
        return [Group(g.tensors, replace(g.reference, **{form: value})) for g in groups]


def parts(expect: str) -> list[str]:
    """The parts of what a row expects: a dialect, mutants, a format."""
    return re.split(r", (?=dialect:|mutant:|format:|rounded:)", expect)


def _mutant(name: str, rule: type[Reference], outer: type[Reference]) -> mutants.Mutant:
    known = {m.name for m in mutants.of(rule)}
    return mutants.find(name, rule if name in known else outer)


@cache
def _matcher(*patterns: str) -> Callable[[str], Any]:
    """Whether an id matches any of the patterns; one regular expression, as each id is tried with each row."""
    return re.compile("|".join(map(translate, patterns))).match if patterns else lambda name: None


def _inner(reference: Any) -> Any:
    return getattr(reference, "inner", None) or reference


@dataclass(frozen=True)
class Ledger:
    rows: tuple[LedgerRow, ...]

    def row(self, instance: Any, versions: Mapping[str, str]) -> LedgerRow | None:
        """The row for an instance with these versions, if any."""
        found = [r for r in self.rows if r.matches(instance.id) and r.applies(versions)]
        if len(found) > 1:
            raise BadInput(f"ledger: {instance.id} is selected by more than one row: {[r.id for r in found]}")
        return found[0] if found else None

    def check(self, ids: Iterable[str]) -> None:
        """Check that every selector matches a case of the static table."""
        ids = list(ids)
        for row in self.rows:
            for pattern in (*row.select, *row.unless):
                if not any(map(_matcher(pattern), ids)):
                    raise BadInput(f"{PATH.name}: row {row.id!r} selects {pattern!r}, which matches no case")

    def stale(self, outcomes: Mapping[str, str], versions: Mapping[str, str], table: Iterable[str]) -> list[str]:
        """Rows that no case needed, although every case they select ran."""
        table = list(table)
        found = []
        for row in self.rows:
            chosen, left = _matcher(*row.select), _matcher(*row.unless)
            selected = [i for i in table if chosen(i) and not left(i)]
            ran = row.applies(versions) and selected and all(i in outcomes for i in selected)
            if ran and not any(outcomes[i] == "DIVERGES_KNOWN" for i in selected):
                found.append(row.id)
        return found


def load(path: Path = PATH) -> Ledger:
    """Read and check the ledger; BadInput says which row is wrong, and how."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path.name}: cannot be read ({error})") from error
    if set(data) - {"row"}:
        raise BadInput(f"{path.name}: unknown keys {sorted(set(data) - {'row'})}; allowed are [[row]] tables")
    rows = tuple(_row(path.name, number, raw) for number, raw in enumerate(data.get("row", []), 1))
    names = [r.id for r in rows]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise BadInput(f"{path.name}: two rows are called {', '.join(twice)}")
    return Ledger(rows)


REQUIRED = ("id", "select", "kind", "expect", "reason", "link", "reproduce")


def _row(file: str, number: int, raw: Mapping[str, Any]) -> LedgerRow:
    where = f"{file}: row {raw.get('id', number)!r}"
    missing = [k for k in REQUIRED if not raw.get(k)]
    unknown = sorted(set(raw) - {*REQUIRED, "versions", "unless", "backends"})
    if missing or unknown:
        raise BadInput(f"{where}: missing {missing}, unknown {unknown}")
    if raw["kind"] not in KINDS:
        raise BadInput(f"{where}: kind {raw['kind']!r}; allowed are {', '.join(KINDS)}")
    wrong = [k for k in REQUIRED if not isinstance(raw[k], str) and k != "select"]
    if wrong:
        raise BadInput(f"{where}: {', '.join(wrong)}: text is needed")
    _check_expect(where, raw["expect"])
    patterns = {}
    for key in ("select", "unless"):
        given = raw.get(key, [])
        patterns[key] = tuple(given if isinstance(given, list) else [given])
        if not all(isinstance(pattern, str) for pattern in patterns[key]):
            raise BadInput(f"{where}: {key} {given!r}; a list of patterns of ids is needed")
    backends = raw.get("backends", [])
    if not set(backends) <= set(BACKENDS):
        raise BadInput(f"{where}: backends {backends!r}; allowed are {', '.join(BACKENDS)}")
    patterns["backends"] = tuple(backends)
    try:
        for spec in raw.get("versions", {}).values():
            SpecifierSet(spec)
    except (InvalidSpecifier, AttributeError, TypeError) as error:
        raise BadInput(f"{where}: versions {raw['versions']!r}: {error}") from error
    return LedgerRow(**{**raw, **patterns})


def _check_expect(where: str, expect: str) -> None:
    for part in parts(expect):
        _check_part(where, part)


def _check_part(where: str, expect: str) -> None:
    kind, _, name = expect.partition(":")
    kinds = ("mutant", "dialect", "format", "rounded", "raises", "listed")
    if kind not in kinds or (kind == "dialect" and "=" not in name) or not name:
        raise BadInput(
            f"{where}: expect {expect!r}; allowed are mutant:NAME, dialect:FIELD=VALUE, format:NAME, "
            "rounded:twice, raises:ERROR: MESSAGE and listed:FILE"
        )
    if kind == "format" and name not in FORMATS:
        raise BadInput(f"{where}: expect {expect!r}: no format {name!r}; there are {', '.join(FORMATS)}")
    if kind == "mutant":
        known = {m.name for m in mutants.registry()}
        for part in name.split("+"):
            if part not in known:
                raise BadInput(f"{where}: expect {expect!r}: no reference has a mutant {part!r}")
