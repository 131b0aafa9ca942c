"""The report's first sentence: the verdict, the versions, the platform and the date."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.judge.failure import display_name
from conformance.judge.record import Outcome, Run
from conformance.run.gate import INCOMPLETE, PHRASES, GateVerdict, count, failures
from conformance.run.names import is_partial
from conformance.run.subjects import subjects

_ALSO = ("python", "numpy")  # what everything runs on: shown below the headline, not in it


def headline(run: Run, verdict: GateVerdict, everything: bool = True) -> str:
    """One sentence for readers in a hurry; without `everything`, a selection is complete in itself."""
    return f"{_result(run, verdict, everything)}: {_setting(run)}."


def _result(run: Run, verdict: GateVerdict, everything: bool) -> str:
    head, total = run.header, len(run.records)
    bad = failures(run)
    check = "check" if everything or not is_partial(head) else "selected check"
    if bad:
        parts = []
        for outcome, words in PHRASES.items():
            n = sum(r.outcome is outcome for r in bad)
            if n:
                of_all = "" if parts else f" of {count(total, check)}"
                parts.append(f"{n:,}{of_all} {words[n > 1]}")
        if verdict.audit:
            parts.append(f"the run file is not evidence of the rest ({count(len(verdict.audit), 'reason')})")
        return _join(parts) + f" ({_counts(run)})"
    if verdict.audit:
        return f"The run file is not evidence of what it states ({count(len(verdict.audit), 'reason')})"
    fine = _all_fine(run, check)
    if verdict.exit_code == INCOMPLETE:
        if not total:
            return "Nothing was checked"
        fine = fine[0].lower() + fine[1:]
        wanted = max(head.total, head.selected) if everything else head.selected
        return f"Incomplete, {total:,} of {count(wanted, check)} were run; {fine}"
    if verdict.passes:
        return fine
    uncovered = sum(len(o) for f, o in head.uncovered.items() if head.pinned.get(f, False))
    but = []
    if uncovered:
        but.append(f"{count(uncovered, 'option')} {'is' if uncovered == 1 else 'are'} set by no case")
    if head.stale:
        but.append(f"{count(len(head.stale), 'ledger row')} {'is' if len(head.stale) == 1 else 'are'} stale")
    return f"{fine}, but {_join(but)}"


def _all_fine(run: Run, check: str) -> str:
    n = len(run.records)
    subject = f"{f'The one {check}' if n == 1 else f'All {count(n, check)}'} of {subjects(run.records)}"
    counts = run.counts()
    if counts[Outcome.DIVERGES_KNOWN] or counts[Outcome.UNSUPPORTED]:
        verbs = "conforms or diverges" if n == 1 else "conform or diverge"
        return f"{subject} {verbs} exactly as recorded ({_counts(run)})"
    return f"{subject} {'conforms' if n == 1 else 'conform'}"


def _counts(run: Run) -> str:
    counts = run.counts()
    known, unsupported = counts[Outcome.DIVERGES_KNOWN], counts[Outcome.UNSUPPORTED]
    parts = [f"{counts[Outcome.CONFORMS]:,} conform"]
    parts += [f"{count(known, 'known divergence')}"] if known else []
    parts += [f"{unsupported:,} unsupported"] if unsupported else []
    return ", ".join(parts)


def _setting(run: Run) -> str:
    head = run.header
    stacks = ", ".join(stacks_of(head.versions)) or "no framework"
    return f"{stacks}, on {head.platform}, {head.created[:10]}"


def stacks_of(versions: Mapping[str, str]) -> list[str]:
    """The frameworks under test with their versions; Keras beside its backend."""
    rest = {k: v for k, v in versions.items() if k not in _ALSO}
    found = []
    if "tensorflow" in rest and "keras" in rest:
        found.append(f"TensorFlow {rest.pop('tensorflow')} with Keras {rest.pop('keras')}")
    return found + [f"{display_name(name)} {version}" for name, version in sorted(rest.items())]


def _join(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
