"""The matrix of versions as files: a page, Markdown for a pull request, and data."""

from __future__ import annotations

from pathlib import Path

from conformance.judge.failure import number
from conformance.judge.record import Outcome, atomically
from conformance.report import versions
from conformance.report.changes import Change
from conformance.report.render import STYLES, environment


def render(matrix: versions.Matrix) -> dict[str, str]:
    """File name -> text. The same runs, in any order, give the same texts."""
    known = {outcome.value: style for outcome, style in STYLES.items()}
    found = {}
    for name, html in (("versions.html", True), ("versions.md", False)):
        env = environment(html=html)
        env.globals |= {"known": known, "size": size, "Outcome": Outcome}
        found[name] = env.get_template(f"{name}.j2").render(m=matrix)
    return {**found, "versions.json": versions.as_json(matrix)}


def size(change: Change) -> str:
    """ "0.012, 3% of the largest parameter"."""
    if change.size is None:
        return "no parameters to compare"
    if change.size == 0:
        return "the parameters are the same"
    if change.share is None or change.share == float("inf"):
        return "not finite in one of the two"
    return f"{number(change.size)} ({number(change.share)} of the largest parameter)"


def write(matrix: versions.Matrix, reports: str | Path) -> list[Path]:
    """Render into the folder `reports`; returns the files, the page first."""
    paths = []
    for name, text in render(matrix).items():
        path = Path(reports) / name
        with atomically(path) as file:
            file.write(text)
        paths.append(path)
    return paths
