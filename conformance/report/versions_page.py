"""The version matrix as files: a page, Markdown for a pull request, and data."""

from __future__ import annotations

from pathlib import Path

from conformance.judge.record import Outcome
from conformance.report import versions
from conformance.report.changes import size
from conformance.report.templating import STYLES, environment, write_all


def render(matrix: versions.VersionMatrix) -> dict[str, str]:
    """File name -> text. The same runs, in any order, give the same texts."""
    known = {outcome.value: style for outcome, style in STYLES.items()}
    found = {}
    for name, html in (("versions.html", True), ("versions.md", False)):
        env = environment(html=html)
        env.globals |= {"known": known, "size": size, "Outcome": Outcome}
        found[name] = env.get_template(f"{name}.j2").render(m=matrix)
    return {**found, "versions.json": versions.as_json(matrix)}


def write(matrix: versions.VersionMatrix, reports: str | Path) -> list[Path]:
    """Render into the folder `reports`; return the files, the page first."""
    return write_all(render(matrix), reports)
