"""What follows from the evidence in one record, whatever outcome it states.

Only outcomes that pass are recomputed: the others fail as they stand. `from_itself` needs the record alone.
`from_the_table` also needs the check of the case table and the ledger, and repeats the judgement where the evidence
is not a ratio: on bad input and on claims.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from conformance.areas.claims.checks import ReadingCheck
from conformance.areas.refusals.checks import EXPECT, RefusalCheck, Tried, listed, of_tried
from conformance.bindings import BINDINGS
from conformance.bindings.binding import BACKENDS
from conformance.cases.check import Check, Plan
from conformance.judge.compared import LIMIT
from conformance.judge.failure import number
from conformance.judge.ledger import Ledger, LedgerRow
from conformance.judge.outcome import settled
from conformance.judge.record import Outcome, Record, Worst
from conformance.judge.verdict import blind_above, too_wide

CONFORMS, KNOWN, DIVERGES = Outcome.CONFORMS, Outcome.DIVERGES_KNOWN, Outcome.DIVERGES
# Areas whose evidence is what they observed, not a ratio.
WITHOUT_RATIO = ("claims", "refusals")
OF_THE_TABLE = {"framework": "framework", "optimizer": "optimizer", "case": "name", "dtype": "dtype"}
OF_THE_TABLE |= {"mode": "mode", "area": "area", "why": "why"}
OF_THE_ROW = ("kind", "link", "expect", "reason")


def versions_of(framework: str, versions: Mapping[str, str]) -> dict[str, str]:
    """The versions that a check of this framework ran on, out of the whole run's, as the bindings give them."""
    backend = next((b for b in BACKENDS if b in versions), "")
    wanted = {"torch": ("torch",), "keras": ("keras", backend)}.get(framework, ("torch", "keras", backend))
    return {name: versions[name] for name in wanted if name in versions}


def sentence(record: Record, follows: str, because: str) -> str:
    """The id, what stands there, what follows instead, and what to do."""
    return (
        f"{record.id}: {record.outcome} stands there, but {because}, so {follows} follows. "
        f"Run it again: pytest -k {record.id}"
    )


def from_itself(record: Record) -> str:
    """Why the outcome does not follow from the record's own numbers; empty if it does."""
    rules = {CONFORMS: _conforming, KNOWN: _known, Outcome.UNSUPPORTED: _unsupported}
    rule = rules.get(record.outcome)
    return rule(record) if rule is not None else ""


def _worsts(record: Record) -> list[tuple[str, Worst]]:
    both = (("step-locked", record.locked), ("free-running", record.free))
    return [(name, worst) for name, worst in both if worst is not None]


def _beyond(record: Record) -> str:
    """The ratio, the first bad step or the difference that is above the limit; empty if none is."""
    for name, worst in _worsts(record):
        if worst.ratio is None or not worst.ratio <= LIMIT:
            return f"its {name} ratio is {_said(worst.ratio)} and the limit is {LIMIT}"
        if _far(worst):
            return (
                f"its {name} ratio of {_said(worst.ratio)} is not that of got {worst.got!r}, expected "
                f"{worst.expected!r}, allowed {worst.allowed!r}"
            )
    return f"step {record.first_bad} is given as its first bad step" if record.first_bad is not None else ""


def _said(ratio: float | None) -> str:
    return "null" if ratio is None else number(ratio)


def _far(worst: Worst) -> bool:
    """Whether got and expected are further apart than the limit, though the ratio says otherwise.

    Both were rounded to float64 when they were written. `allowed` is the bound, in most areas times LIMIT.
    """
    got, expected = worst.got, worst.expected
    if got == expected or (math.isnan(got) and math.isnan(expected)) or math.isinf(worst.allowed):
        return False
    with np.errstate(all="ignore"):
        rounding = np.spacing(abs(got)) + np.spacing(abs(expected))
        return not bool(abs(got - expected) - rounding <= worst.allowed * LIMIT)


def _conforming(record: Record) -> str:
    if record.ledger is not None:
        return sentence(record, DIVERGES, f"it names the ledger's row {record.ledger!r}, which expects otherwise")
    if record.area in WITHOUT_RATIO:
        return ""
    if not _worsts(record):
        return sentence(record, Outcome.ERROR, "it has no ratio, step-locked or free-running")
    beyond = _beyond(record)
    if beyond:
        return sentence(record, DIVERGES, beyond)
    binding = BINDINGS.get(record.framework)
    entry = binding.entries.get(record.optimizer) if binding is not None else None
    blind = too_wide(record.resolution, *([] if entry is None else [blind_above(entry.reference)]))
    return sentence(record, Outcome.BLIND, blind) if blind else ""


def _known(record: Record) -> str:
    if record.ledger is None:  # the gate says so by itself
        return ""
    kind = (record.expect or "").partition(":")[0]
    if kind in ("raises", "listed"):
        stands = bool(_worsts(record)) or record.expect_ratio is not None
        because = f"a row that expects {record.expect!r} leaves no ratio, and one stands here"
        return sentence(record, DIVERGES, because) if stands else ""
    if record.area in WITHOUT_RATIO:
        return ""
    if not _worsts(record):
        return sentence(record, Outcome.ERROR, "it has no ratio, step-locked or free-running")
    if not _beyond(record):
        return sentence(record, DIVERGES, f"no ratio is above {LIMIT}: it conforms, and the row no longer holds")
    if record.expect_ratio is None or not record.expect_ratio <= LIMIT:
        ratio = _said(record.expect_ratio)
        because = f"its ratio against what the row expects is {ratio} and the limit is {LIMIT}"
        return sentence(record, DIVERGES, because)
    return ""


def _unsupported(record: Record) -> str:
    ran = bool(_worsts(record)) or record.first_bad is not None or record.resolution is not None
    if not ran and record.expect_ratio is None and not record.rule and not record.end:
        return ""
    beyond = _beyond(record)
    because = beyond or "it holds the verdict of a check that ran"
    return sentence(record, DIVERGES if beyond else "another outcome", because)


def from_the_table(record: Record, check: Check | None, ledger: Ledger, versions: Mapping[str, str]) -> str:
    """Why the outcome does not follow from the case table and the ledger; empty if it does.

    `check`: the check with this id; None for the constructor calls of a file, which no table has.
    """
    if not record.outcome.passes:
        return ""
    for field, attribute in OF_THE_TABLE.items() if check is not None else ():
        stands, right = getattr(record, field), getattr(check, attribute)
        if stands != right:
            because = f"its {field} is {stands!r} and the case table has {right!r}"
            return sentence(record, "nothing about this check", because)
    mine = versions_of(record.framework, versions)
    row = ledger.row(record, mine)
    if record.outcome is Outcome.UNSUPPORTED:
        return _declared(record, check)
    if record.outcome is KNOWN:
        because = _row(record, row, ledger)
        if because:
            return sentence(record, DIVERGES, because)
    elif row is not None and (record.area, row.expect) != ("refusals", EXPECT):
        return sentence(record, DIVERGES, f"the ledger's row {row.id!r} is for it and expects {row.expect!r}")
    return _declared(record, check) or _observed(record, check, row, ledger, mine)


def _declared(record: Record, check: Check | None) -> str:
    """A mode that the binding lacks is UNSUPPORTED, for the reason that the binding gives, and nothing else."""
    if check is None or check.area != "optimizers":
        return ""
    binding = BINDINGS[check.framework]
    reason = binding.mode_reason(binding.entries[check.optimizer], check.mode)
    if not reason or (record.outcome is Outcome.UNSUPPORTED and record.reason == reason):
        return ""
    because = f"the binding says of this mode {reason!r}, and the record {record.reason!r}"
    return sentence(record, f"UNSUPPORTED for the binding's reason ({reason})", because)


def _row(record: Record, row: LedgerRow | None, ledger: Ledger) -> str:
    """What is wrong with the row that a known divergence names."""
    named = next((r for r in ledger.rows if r.id == record.ledger), None)
    if named is None:
        return f"the ledger has no row {record.ledger!r}"
    if row is not named:
        instead = f"; {row.id!r} is" if row is not None else ""
        return f"the ledger's row {named.id!r} is not for this check in these versions{instead}"
    for field in OF_THE_ROW:
        stands, right = getattr(record, field), getattr(row, field)
        if stands != right:
            return f"its {field} is {stands!r} and that of the ledger's row {row.id!r} is {right!r}"
    return ""


def _observed(
    record: Record, check: Check | None, row: LedgerRow | None, ledger: Ledger, versions: Mapping[str, str]
) -> str:
    """Judge again what is not a ratio."""
    if isinstance(check, RefusalCheck):
        return _refused(record, check, row, versions)
    if isinstance(check, ReadingCheck):
        return _read(record, check, versions)
    if record.area == "parity" and record.reason:
        known = {f"{r.id}: {r.reason}" for r in ledger.rows}
        if record.reason not in known | {f"{a}; {b}" for a in known for b in known}:
            return sentence(record, "another reason", f"no row of the ledger has the reason {record.reason!r}")
    return ""


def _refused(record: Record, check: RefusalCheck, row: LedgerRow | None, versions: Mapping[str, str]) -> str:
    done, undone = ("refused", "accepted") if check.bad else ("accepted", "refused")
    labels = sorted((i.label for i in check.inputs), key=len, reverse=True)
    right, wrong = (_labels(record.series.get(name), labels) for name in (done, undone))
    if not right and not wrong:
        return sentence(record, Outcome.ERROR, f"its series {done!r} and {undone!r} hold no input")
    if None in (*right, *wrong):
        return sentence(record, Outcome.ERROR, "its series hold inputs that this check does not try")
    names = [name for s in listed(check.framework, versions) for name in s.get(check.case, ())]
    known = [name for name in names if name in (*right, *wrong)]
    found = settled(of_tried(Tried(Plan(check), wrong=wrong, known=known), row), row)
    if found.outcome is record.outcome:
        return ""
    return sentence(record, found.outcome, found.reason or "its series hold nothing that is treated wrongly")


def _labels(said: object, labels: Sequence[str]) -> list[str | None]:
    """The inputs, each written with the name of its error if that explains little."""
    given = map(str, said if isinstance(said, list) else [])  # the label "nan" is read as the number
    return [next((n for n in labels if one == n or one.startswith(f"{n} (")), None) for one in given]


def _read(record: Record, check: ReadingCheck, versions: Mapping[str, str]) -> str:
    expected = check.reading.expects(versions)
    found = record.series.get("true")
    if found != [expected]:
        because = f"it was found {found!r} that {check.reading.says}, and [{expected}] is expected of this version"
        return sentence(record, DIVERGES, because)
    reason = f"{'true' if expected else 'not true'}: {check.reading.says}"
    if record.reason != reason:
        return sentence(record, "another reason", f"its reason is {record.reason!r} and the claim's {reason!r}")
    return ""
