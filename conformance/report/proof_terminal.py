"""The suite's own proof on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from conformance.report.proof_page import ratio_text
from conformance.report.terminal import console

Found = Mapping[str, Any]


def show(section: str, found: Found, wrong: Sequence[str], headline: str) -> None:
    """A table of the findings, what is wrong with them, and the headline."""
    out = console()
    out.print(TABLES[section](found))
    for line in wrong:
        out.print(f"- {line}", soft_wrap=True)
    out.print(f"{headline}.", style="bold red" if wrong else "bold green", soft_wrap=True)


def _matrix(found: Found) -> Table:
    table = Table(
        "optimizer", "dtype", "detected", "correct", "wrong", "hardest to detect", "shows best in", box=None
    )
    for name, matrix in found.items():
        rows = [r for r in matrix["rows"].values() if not r.get("proof")]
        seen = f"{sum(bool(r['kills']) for r in rows)} of {len(rows)}"
        for i, (dtype, gap) in enumerate(matrix["gaps"].items()):
            first = ("", "") if i else (name, seen)
            ratios = (ratio_text(gap["right"]), ratio_text(gap["wrong"]))
            table.add_row(first[0], dtype, first[1], *ratios, gap["wrong_is"] or "", gap["wrong_in"] or "")
    return table


def _terms(found: Found) -> Table:
    table = Table(
        "optimizer", "operations changed", "detected", "proved to change nothing", "not detected", box=None
    )
    for name, one in found.items():
        proved = sum(bool(why) for why in one["unseen"].values())
        lost = [change for change, why in one["unseen"].items() if not why]
        seen = one["planted"] - len(one["unseen"])
        table.add_row(name, str(one["planted"]), str(seen), str(proved), "; ".join(lost))
    return table


def _behind(found: Found) -> Table:
    table = Table("optimizer", "planted", "fail the gate", "pass it", box=None)
    for name, one in found.items():
        fail = one["planted"] - len(one["passing"])
        table.add_row(name, str(one["planted"]), str(fail), ", ".join(one["passing"]))
    return table


def _seeds(found: Found) -> Table:
    table = Table("optimizer", "implementation", "dtype", "runs", "highest", "in", box=None)
    for name, seeds in found.items():
        for row in seeds["rows"]:
            ratio, runs = ratio_text(row["highest"]), f"{row['runs']:,}"
            table.add_row(name, row["implementation"], row["dtype"], runs, ratio, row["case"])
    return table


def _live(found: Found) -> Table:
    table = Table("mistake", "detected by", "lowest ratio", "modes", box=None)
    for name, patch in found.items():
        mildest = ratio_text(patch["mildest"][1]) if patch["mildest"] else "survives"
        table.add_row(name, f"{patch['seen']} of {patch['ran']}", mildest, ", ".join(patch["kills"]))
    return table


def _diagnosis(found: Found) -> Table:
    table = Table("optimizer", "planted", "named first", "alone", "among three", "taken for", box=None)
    for name, d in found.items():
        wrong = "; ".join(f"{what}: {said}" for what, said in d["mistaken"].items())
        table.add_row(name, *(str(d[n]) for n in ("planted", "first", "alone", "among_three")), wrong)
    return table


TABLES = {
    "matrix": _matrix,
    "terms": _terms,
    "behind": _behind,
    "seeds": _seeds,
    "live": _live,
    "diagnosis": _diagnosis,
}
