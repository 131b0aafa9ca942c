"""The map on the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from conformance.porting.status import Status
from conformance.porting.translation import Translation
from conformance.report.map_page import NAMES, STYLES, Direction, Map, RowView
from conformance.report.terminal import console

_COLORS = {Status.EXACT: "green", Status.CONDITIONAL: "yellow", Status.NONE: "dim"}


def print_map(m: Map) -> None:
    """Every row, briefly."""
    out = console()
    table = Table("PyTorch", "Keras", "to Keras", "to PyTorch", "by name", "translated", box=None)
    for row in m.rows:
        forward, backward = _status(row.forward), _status(row.backward)
        numbers = (row.forward.defaults_naive, row.forward.defaults_right)
        table.add_row(row.torch or "—", row.keras or "—", forward, backward, *numbers)
    out.print(table)
    out.print(
        "\nby name, translated: the largest difference in a parameter after 100 steps with the class's defaults. "
        "Conditions, arguments and options of one optimizer: python -m conformance map NAME\n",
        style="dim",
    )
    out.print(m.headline, style="bold", soft_wrap=True)


def _status(way: Direction) -> Text:
    return Text(f"{STYLES[way.status][1]} {way.status.value}", style=_COLORS[way.status])


def print_row(row: RowView) -> None:
    """Everything about one optimizer."""
    out = console()
    out.print(
        f"{row.torch or 'no equivalent in PyTorch'} and {row.keras or 'no equivalent in Keras'}", style="bold"
    )
    out.print(row.says)
    if row.instead:
        out.print(f"Instead: {row.instead}")
    if row.arguments:
        table = Table("PyTorch", "default", "Keras", "default", "translation", box=None)
        for a in row.arguments:
            there = Text(_shown(a.keras, a.keras_default), style="yellow" if a.differs else "")
            table.add_row(a.torch or "—", _shown(a.torch, a.torch_default), a.keras or "—", there, a.says)
        out.print(table)
    for way in row.ways:
        out.print(f"\n{NAMES[way.source]} to {NAMES[way.target]}", style="bold")
        for use in way.uses:
            out.print(
                Text.assemble((f"{STYLES[use.status][1]} {use.status.value}", _COLORS[use.status]), "  ", use.name)
            )
            missing = dict(use.broken)
            for c in use.conditions:
                out.print(f"    if {c}" + (f"  (otherwise {missing[c]})" if missing.get(c) else ""), soft_wrap=True)
            out.print(f"    {use.call}", soft_wrap=True)
            for text in use.outside:
                out.print(f"    and {text}", soft_wrap=True)
            for text in use.losses:
                out.print(f"    lost: {text}", soft_wrap=True)
            out.print(f"    after 100 steps: translated {use.right}, by name {use.naive or 'refused'}", style="dim")
            for known in use.known:
                out.print(f"    the remainder is exactly the known divergence {known} of the ledger", style="dim")


def _shown(name: str, default: object) -> str:
    return str(default) if name else ""


def print_translation(t: Translation) -> None:
    """The translation of one call."""
    out = console()
    out.print(Text(t.status.value, style=_COLORS[t.status]))
    out.print(t.call, style="bold", soft_wrap=True)
    for what, texts in (
        ("if", [c.says for c in t.conditions]),
        ("and", [o.says for o in t.outside]),
        ("lost:", [loss.says for loss in t.losses]),
    ):
        for text in texts:
            out.print(f"{what} {text}", soft_wrap=True)
