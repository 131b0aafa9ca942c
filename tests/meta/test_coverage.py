"""Every constructor option of the installed frameworks is set by a case, or its reason is on the list."""

from __future__ import annotations

import pytest

from conformance.bindings import BINDINGS, installed
from conformance.bindings.binding import Unsupported, defaults, departures
from conformance.cases import optimizers
from conformance.cases.table import cases
from conformance.porting import map_data

UPDATE = "out of date; look, then: python -m conformance update"
ENTRIES = [(f, o) for f in installed() for o in BINDINGS[f].entries]


def _covered(framework: str, optimizer: str) -> set[str]:
    """The arguments that some case sets to something else than the default."""
    binding = BINDINGS[framework]
    entry = binding.entries[optimizer]
    constructor = binding.constructor(entry)
    found: set[str] = set()
    for mode in binding.modes:
        for case in cases(entry):
            try:
                for group in case.groups(entry, constructor):
                    found |= set(departures(constructor, binding.arguments(entry, group.reference, mode)))
            except Unsupported:
                continue
    return found


@pytest.mark.parametrize(("framework", "optimizer"), ENTRIES)
def test_every_option_is_set_by_a_case(framework: str, optimizer: str) -> None:
    entry = BINDINGS[framework].entries[optimizer]
    options = set(defaults(BINDINGS[framework].constructor(entry)))
    uncovered = options - _covered(framework, optimizer) - set(entry.not_update)
    assert not uncovered, f"no case sets {', '.join(sorted(uncovered))} of {entry.cls}"


@pytest.mark.parametrize("framework", installed())
def test_no_optimizer_and_no_option_is_left_out(framework: str) -> None:
    """The entries are all the optimizers that the installed framework has."""
    binding = BINDINGS[framework]
    entries = binding.entries.values()
    assert {e.cls for e in entries} >= set(binding.classes())
    if binding.versions()[framework].startswith(binding.pinned):
        kept = map_data.load().defaults[framework]  # written by a command, so that a change is a line of a diff
        found = {e.cls: set(defaults(binding.constructor(e))) - {"name"} for e in entries}
        assert found == {cls: set(known) for cls, known in kept.items()}, UPDATE


@pytest.mark.parametrize(("framework", "optimizer"), ENTRIES)
def test_every_case_takes_all_its_steps_somewhere_and_each_dtype_has_it(framework: str, optimizer: str) -> None:
    """What goes by turns, or is brief in one mode, is whole in another; both dtypes have it, unless wrapped."""
    entry = BINDINGS[framework].entries[optimizer]
    table = [i for i in optimizers.checks((framework,)) if i.optimizer == optimizer]
    for case in cases(entry):
        mine = [i for i in table if i.name == case.name]
        assert max(i.case.steps for i in mine) == case.steps
        assert case.wrapping or {i.dtype for i in mine} == set(BINDINGS[framework].dtypes)
