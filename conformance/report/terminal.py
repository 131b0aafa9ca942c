"""The result on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.judge import failure
from conformance.judge.record import Outcome
from conformance.report.changes import Change, size
from conformance.report.model import Cell, Report
from conformance.report.templating import STYLES
from conformance.run.gate import count

_COLORS = {
    "ok": "green",
    "known": "yellow",
    "none": "dim",
    "bad": "bold red",
    "blind": "magenta",
    "error": "bold red",
}


def console(stderr: bool = False) -> Console:
    """Without markup and emoji codes: the text comes from run files and may contain brackets."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def print_verdict(report: Report) -> None:
    """The headline and, if it is not good, the reasons."""
    out = console()
    out.print(report.headline, style="bold green" if report.verdict.passes else "bold red", soft_wrap=True)
    for reason in report.verdict.reasons:
        out.print(f"- {reason}", soft_wrap=True)
    for framework, options in report.uncovered.items():
        if not report.header.pinned.get(framework, False):  # for pinned versions it is among the reasons
            names = ", ".join(options)
            out.print(f"- Not pinned here, so it passes: UNCOVERED in {framework}: {names}", soft_wrap=True)


def print_changes(title: str, changes: Sequence[Change], compared: int) -> None:
    """The changes between two versions, one paragraph each."""
    out = console()
    out.print(f"{title}: {compared:,} checks compared", style="bold", soft_wrap=True)
    if not changes:
        out.print("Nothing changes.", style="bold green")
    for c in changes:
        out.print(
            f"\n{c.optimizer}: {c.was} → {c.becomes} ({count(c.checks, 'check')})", style="bold", soft_wrap=True
        )
        out.print(f"  cases    {', '.join(c.cases)}", soft_wrap=True)
        out.print(f"  size     {size(c)}", soft_wrap=True)
        out.print(f"  because  {c.why or 'NOT EXPLAINED'}", soft_wrap=True)


def print_summary(report: Report) -> None:
    """The matrix, then the verdict, so that the verdict stays in view."""
    if report.rows:
        table = Table("optimizer", *(failure.display_name(f) for f in report.frameworks), box=None)
        for row in report.rows:
            table.add_row(row.title, *(_cell(cell) for cell in row.cells))
        console().print(table)
        legend = "  ".join(f"{symbol} {says}" for _, symbol, says in STYLES.values())
        console().print(f"{legend}  worst: share of what is allowed\n", style="dim", soft_wrap=True)
    print_verdict(report)


def _cell(cell: Cell | None) -> Text:
    if cell is None:
        return Text("—", style="dim")
    share = "" if cell.share is None or cell.outcome is Outcome.ERROR else f"  worst {failure.number(cell.share)}"
    counts = "  ".join(f"{STYLES[outcome][1]} {n:,}" for outcome, n in cell.counts.items())
    return Text(counts + share, style=_COLORS[STYLES[cell.outcome][0]])
