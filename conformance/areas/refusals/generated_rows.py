"""Writes ledger rows for what refusals.json lists and no row covers, for a person to complete."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from conformance.areas.refusals.checks import EXPECT, RefusalCheck, checks
from conformance.areas.refusals.inputs import Input, Made
from conformance.bindings import BINDINGS, installed
from conformance.bindings.binding import Unsupported
from conformance.judge import ledger
from conformance.judge.record import atomically

LINKS = {"torch": "https://docs.pytorch.org/docs/stable/optim.html", "keras": "https://keras.io/api/optimizers/"}
HOMES = {"torch": "torch.optim", "keras": "tensorflow.keras.optimizers"}


def write() -> list[str]:
    """Append a row for each optimizer that needs one; return their names."""
    rows = ledger.load()
    lacking: dict[tuple[str, str], list[RefusalCheck]] = defaultdict(list)
    for check in checks():
        if check.framework in installed() and check.listed():
            row = rows.row(check, check.versions())
            if row is None or row.expect != EXPECT:
                lacking[check.framework, check.optimizer].append(check)
    if not lacking:
        return []
    text = ledger.PATH.read_text(encoding="utf-8").rstrip()
    for (framework, optimizer), those in lacking.items():
        text += "\n\n" + _row(framework, optimizer, those)
    with atomically(ledger.PATH) as file:
        file.write(text + "\n")
    ledger.load()  # check that it can be read
    return [_name(*key) for key in lacking]


def _name(framework: str, optimizer: str) -> str:
    return f"{framework}-{optimizer}-unchecked-arguments"


def _row(framework: str, optimizer: str, those: Sequence[RefusalCheck]) -> str:
    entry = BINDINGS[framework].entries[optimizer]
    says = [f"{'keeps' if c.bad else 'refuses'} {c.name.partition('-')[2]}: {', '.join(c.listed())}" for c in those]
    select = ", ".join(f'"{framework}-{optimizer}-{c.name}-*"' for c in those)
    return f'''[[row]]
id = "{_name(framework, optimizer)}"
select = [{select}]
kind = "defect"
expect = "{EXPECT}"
reason = """
The constructor of {entry.cls} treats these inputs wrongly: {"; ".join(says)}."""
link = "{LINKS[framework]}"
reproduce = """
{_script(framework, optimizer, those)}"""'''


def _script(framework: str, optimizer: str, those: Sequence[RefusalCheck]) -> str:
    """A few lines that show it without this suite."""
    entry = BINDINGS[framework].entries[optimizer]
    kept = [given for c in those if c.bad for given in _written(c)]
    refused = [given for c in those if not c.bad for given in _written(c)]
    first = "" if framework == "keras" else "[torch.nn.Parameter(torch.zeros(2, 2))], "
    lines = [
        f"import importlib{', torch' if framework == 'torch' else ''}",
        f'make = getattr(importlib.import_module("{entry.module or HOMES[framework]}"), "{entry.cls}")',
        "def refuses(given):",
        "    try:",
        f"        make({first}**given)",
        "    except Exception:",
        "        return True",
        "    return False",
        f"assert not any(map(refuses, [{', '.join(kept)}]))",
        f"assert all(map(refuses, [{', '.join(refused)}]))",
    ]
    return "\n".join(lines) + "\n"


def _written(check: RefusalCheck) -> Iterator[str]:
    """The listed inputs of a check that can be written as text, as keyword arguments."""
    try:
        there = check.tried()
    except Unsupported:
        return
    for given in check.inputs:
        if given.label in check.listed() and given.label in there and _plain(given):
            yield "{" + ", ".join(f"{name!r}: {_value(value)}" for name, value in given.given) + "}"


def _plain(given: Input) -> bool:
    return given.item is None and not any(isinstance(value, Made) for _, value in given.given)


def _value(value: Any) -> str:
    return "float('nan')" if isinstance(value, float) and math.isnan(value) else repr(value)
