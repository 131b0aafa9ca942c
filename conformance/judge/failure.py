"""One record in words. Deliberately light: the pytest plugin imports it for its failure message."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from conformance.judge.compared import LIMIT
from conformance.judge.record import Outcome, Record, Worst

NAMES = {"torch": "PyTorch", "keras": "Keras", "tensorflow": "TensorFlow", "jax": "JAX", "both": "both"}
NAMES |= {"python": "Python", "numpy": "NumPy"}
STATISTICAL = "statistical: the spread of randomly rounded references, as rounding is amplified beyond use here"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def display_name(key: str) -> str:
    """The usual spelling of a framework's name, or of anything else that has a version."""
    return NAMES.get(key, key)


def version_of(framework: str, versions: Mapping[str, str]) -> str:
    """ "PyTorch 2.13.0", "Keras 3.15.1 on TensorFlow 2.21.0"."""
    text = f"{display_name(framework)} {versions.get(framework, '(version unknown)')}"
    if framework == "keras" and "tensorflow" in versions:
        text += f" on TensorFlow {versions['tensorflow']}"
    return text


def share(ratio: float | None) -> float | None:
    """The error as a share of what is allowed: 1 is the limit. nan counts as infinitely wrong."""
    if ratio is None:
        return None
    return math.inf if math.isnan(ratio) else ratio / LIMIT


def number(value: float) -> str:
    """Short and legible at any size: 0.83, 12, 3,400, 2.7·10⁶, ∞."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "-∞"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 0.01 or size >= 1e5:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}·10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return f"{value:.2f}" if size < 10 else f"{value:,.0f}"


def worst(record: Record) -> Worst | None:
    """The worst element of the verdict that decided: step-locked, unless only the free run went too far."""
    locked, free = record.locked, record.free
    free_decides = free is not None and (share(free.ratio) or 0) > 1
    if locked is None or ((share(locked.ratio) or 0) <= 1 and free_decides):
        return free
    return locked


def judged_share(record: Record) -> float | None:
    """How close this record came to its limit, against whatever was expected.

    A known divergence is judged against the value that the ledger expects, not against the reference. A
    blind verdict says nothing, so it has no share.
    """
    if record.outcome is Outcome.BLIND:
        return None
    if record.outcome is Outcome.DIVERGES_KNOWN:
        return share(record.expect_ratio)
    at = worst(record)
    return share(at.ratio) if at else None


def reference_share(record: Record) -> float | None:
    """How far the observation is from the reference, as a multiple of what is allowed."""
    at = worst(record)
    return share(at.ratio) if at else None


def facts(record: Record, versions: Mapping[str, str]) -> list[tuple[str, str]]:
    """A record as (label, text), in reading order."""
    at = worst(record)
    rows = [
        (
            "constructor",
            f"{record.constructor or record.optimizer}  ({version_of(record.framework, versions)})",
        ),
        ("why this case", record.why),
        (_reason_label(record), _reason(record)),
        ("where", _where(record, at)),
        ("agrees", ", ".join(record.agrees)),
        ("result", _numbers(at)),
        ("expected instead", _expected(record)),
        ("resolution", _resolution(record)),
        ("bound", STATISTICAL if record.bound == "statistical" else ""),
        ("other modes", ", ".join(f"{mode} {outcome}" for mode, outcome in record.other_modes.items())),
        ("belongs to", _term(record)),
        ("nearest", "; ".join(_near(n) for n in record.nearest) or _unexplained(record)),
        ("run again", record.command),
    ]
    return [(label, text) for label, text in rows if text]


def explain(record: Record, versions: Mapping[str, str]) -> str:
    """A record as text of a few lines, outcome and id first, the command that runs it again last."""
    return listed(f"{record.outcome.value}  {record.id}", facts(record, versions))


def listed(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Labels and texts below a title."""
    width = max(len(label) for label, _ in rows)
    lines = [title]
    for label, text in rows:
        first, *rest = text.split("\n")
        lines.append(f"  {label:<{width}}  {first}")
        lines += [" " * (width + 4) + line for line in rest]
    return "\n".join(lines)


def _reason_label(record: Record) -> str:
    if record.outcome is Outcome.ERROR:
        return "error"
    return "ledger" if record.ledger else "reason"


def _reason(record: Record) -> str:
    """The link comes last: the page turns it into a hyperlink."""
    row = " ".join(part for part in (record.ledger, f"({record.kind})" if record.kind else "") if part)
    parts = (f"{row}:" if row else "", record.reason, record.link or "")
    return " ".join(part for part in parts if part)


def _where(record: Record, at: Worst | None) -> str:
    if at is None:
        return f"first bad step {record.first_bad} of {record.steps}" if record.first_bad else ""
    run = "step-locked" if at is record.locked else "free-running"
    element = f"[{', '.join(map(str, at.element))}]" if at.element else "(scalar)"
    first = record.first_bad
    later = f" (first bad step {first})" if first and first != at.step else ""
    return f"step {at.step} of {record.steps}{later}, {at.quantity}, element {element}, {run}"


def _numbers(at: Worst | None) -> str:
    if at is None:
        return ""
    error = share(at.ratio)
    return (
        f"got {at.got!r}, expected {at.expected!r}, "
        f"error {number(error or 0.0)} × what is allowed ({LIMIT * at.allowed:.3g})"
    )


def _expected(record: Record) -> str:
    if not record.expect:
        return ""
    ratio = share(record.expect_ratio)
    return f"{record.expect}" + (f": error {number(ratio)} × what is allowed" if ratio is not None else "")


def _resolution(record: Record) -> str:
    if record.outcome is not Outcome.BLIND or record.resolution is None:
        return ""
    return f"the bound is {number(record.resolution)} of the update itself: nothing could have failed"


def _term(record: Record) -> str:
    """The term of the equation, and its possibly wrong lines in the reference."""
    found = record.diagnosis
    return "\n".join([part for part in (found.get("term", ""), *found.get("lines", [])) if part])


def _unexplained(record: Record) -> str:
    return "no known mistake explains this" if record.diagnosis else ""


def _near(near: Mapping[str, object]) -> str:
    ratio = near.get("ratio")
    size = share(ratio) if isinstance(ratio, (int, float)) else None
    fit = (
        ""
        if size is None
        else f" (fits: error {number(size)} × what is allowed)"
        if size <= 1
        else (f" (does not fit: error {number(size)} × what is allowed)")
    )
    says = f": {near['says']}" if near.get("says") else ""
    return f"{near.get('name', '?')}{fit}{says}"
