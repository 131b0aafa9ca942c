"""Write refusals.json from what the installed frameworks do, after a review of the changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from conformance.areas.refusals.checks import PATH, RefusalCheck, checks, listed, listing
from conformance.bindings import BINDINGS, installed
from conformance.bindings.binding import Unsupported
from conformance.errors import BadInput
from conformance.judge.record import atomically


def wrong(framework: str) -> dict[str, list[str]]:
    """The inputs that the installed framework treats wrongly."""
    found = {}
    for check in checks():
        if check.framework == framework and (labels := _wrong(check)):
            found[check.case] = labels
    return dict(sorted(found.items()))


def _wrong(check: RefusalCheck) -> list[str]:
    try:
        return [label for label, (_, error) in check.tried().items() if bool(error) != check.bad]
    except Unsupported:
        return []


def write() -> list[str]:
    """Replace what holds for every version; sections for some versions stay unchanged. Returns the changes."""
    sections, changed = listing(), []
    for framework in installed():
        binding = BINDINGS[framework]
        versions = binding.versions()
        if not versions[framework].startswith(binding.pinned):
            raise BadInput(
                f"{PATH.name}: it is written from {framework} {', '.join(binding.pinned)}x, and this is "
                f"{versions[framework]}."
            )
        some = [s for s in listed(framework, versions) if s is not sections.get(framework)]
        found = wrong(framework)
        for section in some:
            for case, labels in section.items():
                found[case] = [label for label in found.get(case, []) if label not in labels]
        before, sections[framework] = (
            sections.get(framework, {}),
            {c: labels for c, labels in found.items() if labels},
        )
        changed += _changes(framework, before, sections[framework])
    if changed:
        with atomically(PATH) as file:
            file.write(_text(sections))
        listing.cache_clear()
    return changed


def _changes(framework: str, before: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> Iterator[str]:
    for case in sorted(before.keys() | now.keys()):
        new = [x for x in now.get(case, ()) if x not in before.get(case, ())]
        gone = [x for x in before.get(case, ()) if x not in now.get(case, ())]
        if new or gone:
            yield f"{framework} {case}: {', '.join([*(f'+ {x}' for x in new), *(f'- {x}' for x in gone)])}"


def _text(sections: dict[str, dict[str, list[str]]]) -> str:
    """JSON with one line per check, so that each change is one line."""
    parts = []
    for name, section in sections.items():
        lines = [f"  {json.dumps(case)}: {json.dumps(labels)}" for case, labels in section.items()]
        parts.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"
