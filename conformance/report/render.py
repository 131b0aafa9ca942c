"""The report as files. Everything is rendered before anything is written, and no file is left half-written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.errors import BadInput
from conformance.judge import failure
from conformance.judge.record import Outcome
from conformance.report import map_page as map_pages
from conformance.report import proof_page as proof_pages
from conformance.report.model import Report
from conformance.report.templating import environment, write_all
from conformance.run.gate import GOOD, INCOMPLETE

FORMAT = 1  # of summary.json

_LABEL = "optimizer conformance"


def render(report: Report, fashion: bool = False) -> dict[str, str]:
    """File name -> text; `fashion`: link to the Fashion-MNIST comparison. The same run gives the same texts."""
    report.pictures.begin()
    badge = _badge(report)
    others = {**map_pages.render(), **proof_pages.render()}  # the pages that index.html links to
    return {
        "index.html": environment(html=True)
        .get_template("index.html.j2")
        .render(r=report, fashion=fashion, proof=proof_pages.line()),
        "summary.md": environment(html=False).get_template("summary.md.j2").render(r=report),
        "summary.json": _dump(_summary(report)),
        "badge.json": _dump(badge),
        "badge.svg": environment(html=True).get_template("badge.svg.j2").render(**_svg(badge)),
        **{area.file: environment(html=True).get_template("area.html.j2").render(r=area) for area in report.areas},
        **others,
    }


def write_report(report: Report, reports: str | Path) -> list[Path]:
    """Render `report` into the folder `reports`; return the files, index.html first."""
    texts = render(report, fashion=(Path(reports) / "fashion_mnist" / "index.html").is_file())
    for path in (Path(reports) / name for name in texts):
        if path.is_dir():
            raise BadInput(f"--reports: {path} is a folder, but the report writes a file there. Remove it.")
    return write_all(texts, reports)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1) + "\n"


def _summary(report: Report) -> dict[str, Any]:
    head = report.header
    matrix: dict[str, dict[str, Any]] = {}
    for row in report.rows:
        for framework, cell in zip(report.frameworks, row.cells, strict=True):
            matrix.setdefault(row.name, {})[framework] = cell and {
                "outcome": cell.outcome.value,
                "counts": {outcome.value: n for outcome, n in cell.counts.items()},
                "share": _finite(cell.share),
            }
    return {
        "format": FORMAT,
        "headline": report.headline,
        "exit_code": report.verdict.exit_code,
        "reasons": list(report.verdict.reasons),
        "name": head.name,
        "created": head.created,
        "commit": head.commit,
        "digest": head.digest,
        "platform": head.platform,
        "versions": head.versions,
        "total": head.total,
        "selected": head.selected,
        "counts": {o.value: report.counts.get(o, 0) for o in Outcome},
        "matrix": matrix,
        "cases": {
            r.id: {"outcome": r.outcome.value, "ratio": _ratio(r), "ledger": r.ledger} for r in report.records
        },
        "areas": {a.name: {o.value: a.counts.get(o, 0) for o in Outcome} for a in report.areas},
        "uncovered": report.uncovered,
        "stale": sorted(head.stale),
        "missing": sorted(head.missing),
    }


def _ratio(record: Any) -> float | str | None:
    """The error against the reference, in units of the bound, for comparison with later runs."""
    at = failure.worst(record)
    return _finite(at.ratio) if at else None


def _finite(value: float | None) -> float | str | None:
    return repr(float(value)) if value is not None and not math.isfinite(value) else value


def _badge(report: Report) -> dict[str, Any]:
    """The schema of shields.io/badges/endpoint-badge."""
    counts, total = report.counts, sum(report.counts.values())
    bad = sum(f.others.__len__() + 1 for f in report.failures)
    if report.verdict.exit_code == GOOD:
        known = counts.get(Outcome.DIVERGES_KNOWN, 0)
        message = f"{counts.get(Outcome.CONFORMS, 0):,} conform" + (f", {known:,} known" if known else "")
        color = "#117a65"
    elif report.verdict.exit_code == INCOMPLETE:
        wanted = report.header.selected if report.selection else report.header.total
        message, color = f"incomplete, {total:,} of {max(wanted, total):,}", "#6b7280"
    elif report.verdict.audit and not bad:
        message, color = "no evidence", "#b3261e"
    else:
        message, color = (f"{bad:,} of {total:,} fail" if bad else "not all covered"), "#b3261e"
    message = f"selection: {message}" if report.selection else message
    return {"schemaVersion": 1, "label": _LABEL, "message": message, "color": color}


def _svg(badge: Mapping[str, Any]) -> dict[str, Any]:
    """Widths for the picture: about 6.6 pixels per character at 11 pixels, stretched to fit by textLength."""
    left, right = (round(len(badge[part]) * 6.6) + 12 for part in ("label", "message"))
    return {
        "label": badge["label"],
        "message": badge["message"],
        "color": badge["color"],
        "left": left,
        "right": right,
    }
