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
MARK = "<!-- proof -->"  # in the README: what follows, up to an empty line, is written here
NAMES = ("mutants.html", "mutants.md")
Proof = Mapping[str, Mapping[str, Any]]  # section -> what was found, by optimizer


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
    """The pages, all of them or none."""
    return write_all(render(proof), reports)


# -- what is shown ---------------------------------------------------------------------------------
def view(proof: Proof) -> dict[str, Any]:
    """What the templates need, without a calculation of theirs."""
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
    """One matrix as rows of cells: a cell holds the highest ratio of each dtype over the dialects."""
    count, rows = len(matrix["cases"]), []
    for name, row in matrix["rows"].items():
        if not row.get("proof"):
            cells = list(zip(row.get("float64", "").ljust(count), row.get("float32", "").ljust(count), strict=True))
            rows.append({"of": "", "bug": "", "only": None, "mildest": None, **row, "name": name, "cells": cells})
    return {**matrix, "columns": list(matrix["cases"]), "rows": rows, "lone": sum(bool(r["only"]) for r in rows)}


def gaps(proof: Proof) -> dict[str, dict[str, dict[str, Any]]]:
    """Optimizer -> dtype -> the highest ratio of anything right, the lowest of anything wrong, and their quotient.

    Right are the references in plain NumPy and the installed implementations over all seeds; wrong are the mistakes
    in both, each by what sees it best.
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
    """By what ratio a mistake in live code is seen best in one precision, and by what."""
    kills = [(by[dtype][1], f"{by[dtype][0]}, {mode}") for mode, by in patch["kills"].items() if dtype in by]
    ratio, where = max(kills, default=(None, ""))
    return None if ratio is None else (ratio, where)


def _proofs(matrix: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """The reasons why a mistake is none, each with the optimizers and the names."""
    found: dict[str, dict[str, list[str]]] = {}
    for optimizer, m in sorted(matrix.items()):
        for name, row in m["rows"].items():
            if row.get("proof"):
                found.setdefault(row["proof"], {}).setdefault(optimizer, []).append(name)
    return [(why, list(where.items())) for why, where in sorted(found.items())]


def problems(proof: Proof) -> list[str]:
    """Everything that is not as it has to be; nothing, if the proof holds."""
    return [
        *_of_matrix(proof.get("matrix", {})),
        *(
            f"{o}: nothing sees that {change}"
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
            f"planted in live code, and seen by nothing: {n}"
            for n, p in proof.get("live", {}).items()
            if not p["seen"]
        ),
    ]


def _of_matrix(matrix: Mapping[str, Any]) -> Iterator[str]:
    for optimizer, m in sorted(matrix.items()):
        for name, row in m["rows"].items():
            if not row["kills"] and not row.get("proof"):
                yield f"{optimizer}: no case sees the mistake {name!r}: {row['says']}"
            if row["kills"] and row.get("proof"):
                yield f"{optimizer}: {name!r} is said to change nothing ({row['proof']}), and a case sees it"
        for name, why in m["idle"].items():
            if not why:
                yield f"{optimizer}: the case {name!r} kills nothing, and no reason is given to keep it"
        for gap in m["gaps"].values():
            if not gap["right"] <= LIMIT:
                yield f"{gap['right_in']}: a right implementation has the ratio {ratio_text(gap['right'])}"


# -- the figures -----------------------------------------------------------------------------------
def figures(proof: Proof) -> dict[str, Any]:
    """The few numbers that say it all: those of the README too."""
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
    """The sentence of the figures that are kept."""
    return headline(load())


def headline(proof: Proof) -> str:
    """One sentence for a person in a hurry."""
    f = figures(proof)
    parts = []
    if f["planted"]:
        parts.append(
            f"{f['seen']:,} of {f['planted']:,} planted mistakes are seen, in {f['optimizers']} optimizers"
        )
    if f["runs"]:
        parts.append(f"{f['runs']:,} right runs, {f['accused'] or 'none'} accused")
    if f["live"]:
        parts.append(f"{f['live_seen']} of {f['live']} planted in live code are seen")
    return "; ".join(parts) or "Nothing was planted yet"


# -- numbers ---------------------------------------------------------------------------------------
def ratio_text(ratio: float | None) -> str:
    """ "0.97", "3,400", "2.1e+08", "∞"."""
    if ratio is None:
        return "–"
    if math.isinf(ratio):
        return "∞"
    return f"{ratio:,.3g}" if ratio < 1e4 else f"{ratio:.1e}"


def power(cell: str) -> str:
    """What a cell of kill.to_json says: the power of ten."""
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
        rest = f"; the other {f['terms_unseen']} are proved to change nothing" if f["terms_unseen"] else ""
        yield f"| each operation of each rule, left out or changed | {seen:,} of {f['terms']:,} are seen{rest} |"


def readme(proof: Proof) -> str:
    """The figures as the README has them: a few lines of Markdown."""
    f = figures(proof)
    lines = [
        "| | |",
        "|---|---|",
        f"| planted mistakes that are seen | {f['seen']:,} of {f['planted']:,}, in {f['optimizers']} rules |",
        f"| proved to change nothing | {f['equivalent']}, each with the proof |",
        *_of_terms(f),
        f"| hardest to see | {f['mildest'][2]} in {f['mildest'][1]}: {ratio_text(f['mildest'][0])} × the bound |",
        f"| a right implementation, at worst | {ratio_text(f['right'])} × the bound; {LIMIT} is the limit |",
    ]
    if f["narrowest"]:
        lines.append(f"| the narrowest gap between right and wrong | {ratio_text(f['narrowest'])} × |")
    if f["runs"]:
        runs = f"{f['runs']:,} of {f['seeded']} rules, {f['accused'] or 'none'} accused"
        runs += f"; {f['known']} have a defect that the ledger knows" if f["known"] else ""
        lines.append(f"| right runs, over {f['seeds']} seeds of every problem | {runs} |")
    if f["behind"]:
        lines.append(f"| planted behind a binding | {f['behind_seen']:,} of {f['behind']:,} fail the gate |")
    if f["live"]:
        lines.append(f"| planted in the installed frameworks | {f['live_seen']} of {f['live']} are seen |")
    if f["diagnosed"]:
        share = f"{f['diagnosed_first']} of {f['diagnosed']}"
        lines.append(f"| named right by the diagnosis, planted blind | {share} |")
    return "\n".join(lines) + "\n"


def write_readme(known: Proof, path: Path | None = None) -> None:
    """The figures after the mark in the README; where the suite is installed without one there is nothing to do."""
    path = path or README
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    before, mark, after = text.partition(MARK + "\n")
    if not mark:
        raise BadInput(f"{path.name}: the figures belong after the line {MARK}, which is not there.")
    rest = after[after.index("\n\n") + 1 :]
    with atomically(path) as file:
        file.write(before + mark + readme(known) + rest)
