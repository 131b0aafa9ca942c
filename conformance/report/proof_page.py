"""The pages of the proof, reports/mutants.html and mutants.md, from conformance/proof/proof.json alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from conformance.errors import BadInput
from conformance.judge.compared import LIMIT
from conformance.judge.record import atomically
from conformance.proof.store import load
from conformance.report.templating import environment, write_all

README = Path(__file__).parents[2] / "README.md"
MARK = "<!-- proof -->"  # in the README: the lines after it, up to an empty one, are written here
NAMES = ("mutants.html", "mutants.md")
Proof = Mapping[str, Mapping[str, Any]]  # section -> findings, by optimizer


def render(proof: Proof | None = None) -> dict[str, str]:
    """File name -> text. The same figures give the same texts."""
    page = view(load() if proof is None else proof)
    texts = {}
    for name in NAMES:
        env = environment(html=name.endswith("html"))
        env.filters |= {"ratio": ratio_text, "heat": heat, "power": power}
        texts[name] = env.get_template(f"{name}.j2").render(page)
    return texts


def write(proof: Proof, reports: Path) -> list[Path]:
    """Write the pages, all of them or none."""
    return write_all(render(proof), reports)


# -- what is shown ---------------------------------------------------------------------------------
def view(proof: Proof) -> dict[str, Any]:
    """Everything the templates need, so that they calculate nothing."""
    matrix = proof["matrix"]
    idle = [(o, n, why) for o, m in matrix.items() for n, why in m["idle"].items()]
    wrong = problems(proof)
    return {
        "limit": LIMIT,
        "optimizers": {o: _optimizer(m) for o, m in sorted(matrix.items())},
        "gaps": gaps(proof),
        "figures": figures(proof),
        "proofs": _proofs(matrix),
        "idle": [(o, n) for o, n, why in idle if not why],
        "kept": sorted({(n, why) for _, n, why in idle if why}),
        "terms": {
            o: {**t, "proved": sorted(t["unseen"].items()), "seen": t["planted"] - len(t["unseen"])}
            for o, t in sorted(proof["terms"].items())
        },
        "behind": proof["behind"],
        "seeds": dict(sorted(proof["seeds"].items())),
        "live": dict(sorted(proof["live"].items())),
        "diagnosis": dict(sorted(proof["diagnosis"].items())),
        "headline": headline(proof),
        "problems": wrong,
    }


def _optimizer(matrix: Mapping[str, Any]) -> dict[str, Any]:
    """One matrix as rows of cells: a cell holds each dtype's highest ratio over the dialects."""
    count, rows = len(matrix["cases"]), []
    for name, row in matrix["rows"].items():
        if not row.get("proof"):
            cells = list(zip(row.get("float64", "").ljust(count), row.get("float32", "").ljust(count), strict=True))
            rows.append({"of": "", "bug": "", "only": None, "mildest": None, **row, "name": name, "cells": cells})
    return {**matrix, "columns": list(matrix["cases"]), "rows": rows, "lone": sum(bool(r["only"]) for r in rows)}


def gaps(proof: Proof) -> dict[str, dict[str, dict[str, Any]]]:
    """Optimizer -> dtype -> the highest ratio of anything correct, the lowest of anything wrong, their quotient.

    Correct are the references in plain NumPy and the installed implementations over all seeds; wrong are the
    mistakes planted in both, each where it shows best.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for optimizer, matrix in sorted(proof["matrix"].items()):
        seeds = proof["seeds"].get(optimizer, {"rows": ()})["rows"]
        live = [(n, p) for n, p in proof["live"].items() if p["optimizer"] == optimizer]
        for dtype, gap in matrix["gaps"].items():
            right = [(gap["right"], gap["right_in"])]
            right += [(r["highest"], f"{r['implementation']}, {r['case']}") for r in seeds if r["dtype"] == dtype]
            wrong = [(gap["wrong"], gap["wrong_is"], gap["wrong_in"])] if gap["wrong"] is not None else []
            wrong += [(best[0], name, best[1]) for name, p in live if (best := _best_live(p, dtype))]
            (highest, where), lowest = max(right), min(wrong, default=(None, "", ""))
            found.setdefault(optimizer, {})[dtype] = {
                "right": highest,
                "right_in": where,
                "wrong": lowest[0],
                "wrong_is": lowest[1],
                "wrong_in": lowest[2],
                "gap": lowest[0] / highest if highest and lowest[0] is not None else None,
            }
    return found


def _best_live(patch: Mapping[str, Any], dtype: str) -> tuple[float, str] | None:
    """The highest ratio of a mistake in live code in one precision, and where it occurs."""
    kills = [(by[dtype][1], f"{by[dtype][0]}, {mode}") for mode, by in patch["kills"].items() if dtype in by]
    ratio, where = max(kills, default=(None, ""))
    return None if ratio is None else (ratio, where)


def _proofs(matrix: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """The reasons why mistakes change nothing, each with the optimizers and the names."""
    found: dict[str, dict[str, list[str]]] = {}
    for optimizer, m in sorted(matrix.items()):
        for name, row in m["rows"].items():
            if row.get("proof"):
                found.setdefault(row["proof"], {}).setdefault(optimizer, []).append(name)
    return [(why, list(where.items())) for why, where in sorted(found.items())]


NEXT = (
    "Add a case that shows it (`probe` of a field, `combinations` of the reference), or say in "
    "conformance/proof/equivalent.py why it changes nothing."
)


def problems(proof: Proof) -> list[str]:
    """Everything wrong with the proof; empty if it holds."""
    return [
        *_of_matrix(proof.get("matrix", {})),
        *(
            f"{o}: nothing detects that {change}. {NEXT}"
            for o, t in proof.get("terms", {}).items()
            for change, why in t["unseen"].items()
            if not why
        ),
        *(
            f"{o}: the mistake {n!r} passes the gate behind a binding"
            for o, b in proof.get("behind", {}).items()
            for n in b["passing"]
        ),
        *(f"seeds: {said}" for o in proof.get("seeds", {}).values() for said in o["accused"]),
        *(
            f"planted in live code, detected by nothing: {n}"
            for n, p in proof.get("live", {}).items()
            if not p["seen"]
        ),
    ]


def _of_matrix(matrix: Mapping[str, Any]) -> Iterator[str]:
    for optimizer, m in sorted(matrix.items()):
        for name, row in m["rows"].items():
            if not row["kills"] and not row.get("proof"):
                yield f"{optimizer}: no case sees the mistake {name!r}: {row['says']}. {NEXT}"
            if row["kills"] and row.get("proof"):
                yield f"{optimizer}: {name!r} is said to change nothing ({row['proof']}), but a case detects it"
        for name, why in m["idle"].items():
            if not why:
                yield f"{optimizer}: the case {name!r} kills nothing, and there is no stated reason to keep it"
        for gap in m["gaps"].values():
            if not gap["right"] <= LIMIT:
                yield f"{gap['right_in']}: a correct implementation has the ratio {ratio_text(gap['right'])}"


# -- the figures -----------------------------------------------------------------------------------
def figures(proof: Proof) -> dict[str, Any]:
    """The key figures, which the README shows too."""
    matrix = proof["matrix"]
    rows = [(o, n, r) for o, m in matrix.items() for n, r in m["rows"].items() if not r.get("proof")]
    best = [(max(ratio for _, ratio in r["best"].values()), o, n) for o, n, r in rows if r["kills"]]
    each = [gap for by in gaps(proof).values() for gap in by.values() if gap["gap"] is not None]
    behind, seeds, live, diagnosis = (list(proof[s].values()) for s in ("behind", "seeds", "live", "diagnosis"))
    terms = list(proof["terms"].values())
    return {
        "optimizers": len(set(matrix) - {"wrapped"}),
        "planted": len(rows),
        "seen": sum(bool(r["kills"]) for _, _, r in rows),
        "equivalent": sum(bool(r.get("proof")) for m in matrix.values() for r in m["rows"].values()),
        "lone": sum(bool(r.get("only")) for _, _, r in rows),
        "trials": sum(m["trials"] for m in matrix.values()),
        "mildest": min(best, default=None),
        "right": max((gap["right"] for gap in each), default=0.0),
        "narrowest": min((gap["gap"] for gap in each), default=None),
        "seeds": min((s["seeds"] for s in seeds), default=0),
        "runs": sum(s["runs"] for s in seeds),
        "accused": sum(len(s["accused"]) for s in seeds),
        "known": sum(s.get("known", 0) for s in seeds),
        "seeded": len(seeds),
        "terms": sum(t["planted"] for t in terms),
        "terms_unseen": sum(len(t["unseen"]) for t in terms),
        "behind": sum(b["planted"] for b in behind),
        "behind_seen": sum(b["planted"] - len(b["passing"]) for b in behind),
        "live": len(live),
        "live_seen": sum(bool(p["seen"]) for p in live),
        "diagnosed": sum(d["planted"] for d in diagnosis),
        "diagnosed_first": sum(d["first"] for d in diagnosis),
        "diagnosed_among_three": sum(d["among_three"] for d in diagnosis),
    }


def line() -> str:
    """The headline of the stored figures."""
    return headline(load())


def headline(proof: Proof) -> str:
    """One sentence for readers in a hurry."""
    f = figures(proof)
    parts = []
    if f["planted"]:
        parts.append(
            f"{f['seen']:,} of {f['planted']:,} planted mistakes are seen, in {f['optimizers']} optimizers"
        )
    if f["runs"]:
        parts.append(f"{f['runs']:,} correct runs, {_false_positives(f)}")
    if f["live"]:
        parts.append(f"{f['live_seen']} of {f['live']} planted in live code are seen")
    return "; ".join(parts) or "Nothing has been planted yet"


# -- numbers ---------------------------------------------------------------------------------------
def ratio_text(ratio: float | None) -> str:
    """ "0.97", "3,400", "2.1e+08", "∞"."""
    if ratio is None:
        return "–"
    if math.isinf(ratio):
        return "∞"
    return f"{ratio:,.3g}" if ratio < 1e4 else f"{ratio:.1e}"


def power(cell: str) -> str:
    """The power of ten in a cell of kill_matrix.to_json."""
    if cell in " .":
        return {" ": "", ".": "–"}[cell]
    return {"!": "∞", "0": "<1"}.get(cell) or str(int(cell, 36))


def heat(cell: str) -> str:
    """The colour class of a cell."""
    if cell in " .":
        return {" ": "h-", ".": "h0"}[cell]
    return "h5" if cell == "!" else f"h{min(5, 1 + int(cell, 36) // 3)}"


def _of_terms(f: Mapping[str, Any]) -> Iterator[str]:
    if f["terms"]:
        seen = f["terms"] - f["terms_unseen"]
        rest = f"; the other {f['terms_unseen']} provably change nothing" if f["terms_unseen"] else ""
        yield f"| operations of the rules, each changed or left out | {seen:,} of {f['terms']:,} detected{rest} |"


def _false_positives(f: Mapping[str, Any]) -> str:
    return f"{f['accused'] or 'no'} false positive{'' if f['accused'] == 1 else 's'}"


def readme(proof: Proof) -> str:
    """The figures for the README: a few lines of Markdown."""
    f = figures(proof)
    lines = [
        "| | |",
        "|---|---|",
        f"| planted mistakes detected | {f['seen']:,} of {f['planted']:,}, in {f['optimizers']} rules |",
        f"| proved to change nothing | {f['equivalent']}, each with its proof |",
        *_of_terms(f),
        f"| hardest to detect | {f['mildest'][2]} in {f['mildest'][1]}: "
        f"{ratio_text(f['mildest'][0])} × the bound |",
        f"| a correct implementation, at worst | {ratio_text(f['right'])} × the bound; {LIMIT} is the limit |",
    ]
    if f["narrowest"]:
        lines.append(f"| the narrowest gap between correct and wrong | {ratio_text(f['narrowest'])} × |")
    if f["runs"]:
        runs = f"{f['runs']:,} of {f['seeded']} rules, {_false_positives(f)}"
        runs += f"; {f['known']} show a defect known to the ledger" if f["known"] else ""
        lines.append(f"| correct runs, over {f['seeds']} seeds of every problem | {runs} |")
    if f["behind"]:
        lines.append(f"| planted behind a binding | {f['behind_seen']:,} of {f['behind']:,} fail the gate |")
    if f["live"]:
        lines.append(f"| planted in the installed frameworks | {f['live_seen']} of {f['live']} detected |")
    if f["diagnosed"]:
        share = f"{f['diagnosed_first']} of {f['diagnosed']}"
        lines.append(f"| planted blind, and named correctly by the diagnosis | {share} |")
    return "\n".join(lines) + "\n"


def write_readme(known: Proof, path: Path | None = None) -> None:
    """Write the figures after the mark in the README; an installed suite without a README has nothing to write."""
    path = path or README
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    before, mark, after = text.partition(MARK + "\n")
    if not mark:
        raise BadInput(f"{path.name}: the figures belong after the line {MARK}, which is missing.")
    rest = after[after.index("\n\n") + 1 :]
    with atomically(path) as file:
        file.write(before + mark + readme(known) + rest)
