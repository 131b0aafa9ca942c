"""What all pages share: templates and their filters, the style of each outcome, and writing files."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import jinja2

from conformance.judge import failure
from conformance.judge.record import Outcome, atomically
from conformance.report.model import Cell
from conformance.run.gate import count

# Text and a symbol with every colour: colour alone never carries meaning. The class is a colour in report.css.
STYLES = {
    Outcome.CONFORMS: ("ok", "✓", "conform"),
    Outcome.DIVERGES_KNOWN: ("known", "≠", "known"),
    Outcome.UNSUPPORTED: ("none", "–", "unsupported"),
    Outcome.DIVERGES: ("bad", "✗", "diverge"),
    Outcome.BLIND: ("blind", "?", "blind"),
    Outcome.ERROR: ("error", "!", "error"),
}


def environment(html: bool) -> jinja2.Environment:
    """The templates of this package, with their filters."""
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("conformance.report", "templates"),
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    env.filters |= {
        "style": lambda outcome: STYLES[outcome][0],
        "symbol": lambda outcome: STYLES[outcome][1],
        "says": lambda outcome: STYLES[outcome][2],
        "name": failure.display_name,
        "number": failure.number,
        "allowed": allowed,
        "href": href,
        "count": count,
        "cell": markdown_cell,
        "mdtext": markdown_text,
    }
    env.globals |= {"Outcome": Outcome, "cell_text": cell_text}
    return env


def allowed(share: float | None) -> str:
    """ "0.83 of allowed" below the limit, "3,400 × allowed" above it."""
    if share is None:
        return ""
    return f"{failure.number(share)} {'of' if share <= 1 else '×'} allowed"


def cell_text(cell: Cell) -> str:
    """ "120 conform · 4 known · 6 unsupported"."""
    return " · ".join(f"{n:,} {STYLES[outcome][2]}" for outcome, n in cell.counts.items())


def href(link: str | None) -> str:
    """A link that is safe in a page: anything but a web address is shown as text."""
    return link if link and link.startswith(("https://", "http://")) else ""


def markdown_cell(text: str) -> str:
    """Text for backticks within a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("`", "'")


def markdown_text(text: str) -> str:
    """Text outside backticks, free of markup."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for mark in "\\|*_[]`#":
        text = text.replace(mark, f"\\{mark}")
    return text


def write_all(texts: Mapping[str, str], folder: str | Path) -> list[Path]:
    """Write the files, all of them or none; return them."""
    paths = [Path(folder) / name for name in texts]
    with contextlib.ExitStack() as stack:
        # All temporary files exist before the first one is renamed.
        files = [stack.enter_context(atomically(path)) for path in paths]
        for file, text in zip(files, texts.values(), strict=True):
            file.write(text)
    return paths
