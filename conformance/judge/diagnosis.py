"""What a failing implementation did: where it first differs, in which term, and what explains it.

An explanation is a reference with a known mistake, in another form or with another number, that matches the
observation at every step, within the same bound as any verdict, and differs from the right reference somewhere
in this case. A near miss is not offered.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from conformance.bindings.binding import Group, UndeclaredSlot
from conformance.judge.compared import LIMIT, Compared
from conformance.judge.equations import Place, locate
from conformance.judge.examined import Examined, elements, within
from conformance.judge.record import Worst, decoded
from conformance.judge.suspects import KINDS, Suspect, suspects, together
from reference.branches import Ambiguous, TooManyBranches

NOTHING = "no known mistake explains this"
COUNTERS = ("step", "calls")
TERMS = {"params": "the update of the parameter", "step": "the step counter", "calls": "the counter of calls"}
SHARED = "the first tensor is right and others are not: look for a counter or state that parameters share"


@dataclass(frozen=True)
class Explanation:
    """A suspect that behaves as the implementation did."""

    name: str
    kind: str  # one of suspects.KINDS
    says: str
    ratio: float  # the worst over all elements: at most LIMIT
    cases: int = 1  # the number of examined cases it explains
    same: tuple[str, ...] = ()  # others that cannot be distinguished from it here

    def __str__(self) -> str:
        also = f" (the same as {', '.join(self.same)})" if self.same else ""
        return f"{self.name}: {self.says}: {self.ratio / LIMIT:.2g} of what is allowed{also}"


@dataclass
class Diagnosis:
    """What is known of a divergence."""

    case: str
    at: Worst | None = None  # the first wrong quantity in the order of the equations, at the first bad step
    steps: int = 0
    term: str = ""  # "slot v", "update", "step counter", "" where nothing differs step by step
    lines: list[str] = field(default_factory=list)  # of the reference: the mistake is in what they say
    extent: str = ""  # how many elements, of which tensors
    agrees: list[str] = field(default_factory=list)  # quantities that are right at that step
    nearest: list[Explanation] = field(default_factory=list)  # those that fit, ranked
    examined: int = 1  # cases
    hint: str = ""

    def __str__(self) -> str:
        return "\n".join(f"{label:<18}{text}" if text else label for label, text in self.facts())

    def facts(self) -> list[tuple[str, str]]:
        """(label, text), in reading order."""
        rows = []
        if self.at:
            at = self.at
            element = f"[{', '.join(map(str, at.element))}]" if at.element else "(a scalar)"
            rows.append(("first difference", f"step {at.step} of {self.steps}, {at.quantity}, element {element}"))
            rows.append(("", f"got {at.got!r}, expected {at.expected!r}: {_size(at)}"))
            rows.append(("also there", self.extent))
            rows.append(("agrees there", ", ".join(self.agrees)))
            rows.append(("belongs to", self.term))
            rows += [("", line) for line in self.lines]
        many = self.examined > 1
        found = [f"{e}{f', in {e.cases} of {self.examined} cases' if many else ''}" for e in self.nearest]
        rows += [("behaves as" if n == 0 else "or as", text) for n, text in enumerate(found or [NOTHING])]
        rows.append(("hint", self.hint))
        return [(label, text) for label, text in rows if text]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Diagnosis:
        data = decoded(dict(data))
        if data.get("at"):
            data["at"] = Worst(**{**data["at"], "element": tuple(data["at"]["element"])})
        data["nearest"] = [Explanation(**{**e, "same": tuple(e["same"])}) for e in data.get("nearest", [])]
        return cls(**data)


def diagnose(examined: Examined, limit: int = 3, deep: bool = True) -> Diagnosis:
    """Where the implementation differs, and what explains it. `deep`: also try a form and a mistake together."""
    return diagnose_all([examined], limit, deep)


def diagnose_all(
    examined: Sequence[Examined], limit: int = 3, deep: bool = True, without: Collection[str] = ()
) -> Diagnosis:
    """One diagnosis for several cases of one implementation; it describes the first case that diverges.

    `without`: names of suspects not to try, as if unknown.
    """
    found = _located(next((e for e in examined if not e.conforms), examined[0]))
    found.examined = len(examined)
    found.nearest = explanations(examined, deep, without)[:limit]
    if found.nearest:
        found.hint = ""
    if found.nearest and found.nearest[0].kind == "form":
        names = found.nearest[0].name.replace(" + ", ", ")
        found.hint = f"if that form is meant, ask for it: the reference with {names}"
    return found


# -- where -----------------------------------------------------------------------------------------
def _located(examined: Examined) -> Diagnosis:
    found = Diagnosis(examined.evidence.case, steps=len(examined.evidence.states) - 1)
    for steps in (examined.locked, examined.free):
        for step in steps:
            for compared, group in zip(step, examined.evidence.groups, strict=False):
                parts = elements([compared])
                bad = {key for key, (r, *_) in parts.items() if not within(r)}
                if bad:
                    _describe(found, compared, group, parts, bad)
                    if steps is examined.free and not examined.evidence.opaque:
                        found.hint = found.hint or (
                            "each step conforms by itself but the whole run does not: a wrong start, or state "
                            "that no slot holds"
                        )
                    return found
    return found


def _describe(found: Diagnosis, compared: Compared, group: Group, parts: Mapping, bad: set) -> None:
    names = {name for name, _ in bad}
    good = {name for name, _ in parts} - names
    worst_of = {name: [_worst(parts, (n, i), compared.t) for n, i in sorted(bad) if n == name] for name in names}
    first_tensor = min(i for name, i in bad if name not in COUNTERS or names <= set(COUNTERS))
    call = group.tensors.index(first_tensor) if first_tensor in group.tensors else 0
    counters = [name for name in COUNTERS if name in names]
    place = Place([], [])
    if not counters:
        place = locate(group.reference, compared.evaluate, call, sorted(names), sorted(good))
    order = [*counters, *place.order, *(n for n, _ in parts if n != "params"), "params"]
    first = next(name for name in order if name in names)
    found.at = max(worst_of[first], key=lambda w: w.ratio)
    found.term = TERMS.get(first, f"the slot {first!r}")
    found.lines = [str(line) for line in place.lines]
    found.agrees = sorted(good)
    ratios = {i: r for (name, i), (r, *_) in parts.items() if name == first}
    wrong = {i: int(np.sum(~(r <= LIMIT))) for i, r in ratios.items()}
    tensors = [i for i, n in wrong.items() if n]
    total = sum(np.size(r) for r in ratios.values())
    found.extent = f"{sum(wrong.values())} of {total} elements of {first}"
    if len(tensors) < len(wrong):
        found.extent += f", in {_listed('tensor', tensors)} of {len(wrong)}"
    if len(wrong) > 1 and min(wrong) not in tensors:
        found.hint = SHARED


def _worst(parts: Mapping, key: tuple[str, int], t: int) -> Worst:
    ratio, value, error, observed = parts[key]
    flat = np.where(np.isnan(ratio), np.inf, ratio).reshape(-1)
    at = int(np.argmax(flat))
    element = tuple(int(i) for i in np.unravel_index(at, ratio.shape)) if ratio.shape else ()

    def number(x: Any) -> float:
        x = np.broadcast_to(x, ratio.shape) if np.size(x) in (1, ratio.size) else np.asarray(x)
        # An empty array has no element: a history may be empty in one and not in the other.
        return float(np.reshape(x, -1)[min(at, np.size(x) - 1)]) if np.size(x) else float("nan")

    return Worst(
        float(flat[at]), t, f"{key[0]}[{key[1]}]", element, number(observed), number(value), number(error) * LIMIT
    )


def _size(at: Worst) -> str:
    if math.isfinite(at.ratio):
        return f"{at.ratio / LIMIT:.3g} times what is allowed"
    return "no difference is allowed" if math.isfinite(at.got) else "not a finite number"


def _listed(word: str, numbers: Sequence[int]) -> str:
    return f"{word}{'s' if len(numbers) > 1 else ''} {' and '.join(map(str, numbers))}"


# -- why -------------------------------------------------------------------------------------------
def explanations(
    examined: Sequence[Examined], deep: bool = True, without: Collection[str] = ()
) -> list[Explanation]:
    """The suspects that fit, those that explain most cases first; indistinguishable ones are merged."""
    tried: dict[tuple[str, str], list[Suspect | None]] = {}  # a number may share its name with a mistake
    for n, one in enumerate(examined):
        e = one.evidence
        for suspect in suspects(e.groups, e.rates, e.fmt, e.defaults):
            if suspect.name in without:
                continue
            tried.setdefault((suspect.kind, suspect.name), [None] * len(examined))[n] = suspect
    return _fitting(examined, tried) or (_fitting(examined, _pairs(examined, tried)) if deep else [])


def _pairs(examined: Sequence[Examined], tried: Mapping[Any, Sequence[Suspect | None]]) -> dict:
    """A form combined with any other suspect, unless the first divergence rules it out."""
    first = next((n for n, e in enumerate(examined) if not e.conforms), None)
    found: dict[str, list[Suspect | None]] = {}
    if first is None:
        return found
    columns = [[s for s in column if s] for column in zip(*tried.values(), strict=True)]
    order = [first, *(n for n in range(len(examined)) if n != first)]
    for n in order:
        for form in (s for s in columns[n] if s.kind == "form"):
            for other in columns[n]:
                both = together(form, other)
                if both is not None and (n != first or _fit(examined[n], both) is not None):
                    if n == first:
                        found[both.name] = [None] * len(examined)
                    if both.name in found:
                        found[both.name][n] = both
    return found


def _fitting(examined: Sequence[Examined], tried: Mapping[Any, Sequence[Suspect | None]]) -> list[Explanation]:
    """Judge them on every case. A conforming case supports a suspect that changes nothing there."""
    scored: list[tuple[tuple, Suspect, list[float | None], int]] = []
    wrong = [n for n, e in enumerate(examined) if not e.conforms]
    for column, ratios in _ratios(examined, list(tried.values()), wrong):
        explained = [n for n in wrong if ratios[n] is not None]
        if not explained:
            continue
        agreeing = [n for n, s in enumerate(column) if n not in wrong and (s is None or ratios[n] is not None)]
        suspect = next(s for s in column if s)
        worst = max(ratios[n] for n in explained)
        cases = len(explained) + len(agreeing)
        key = (-cases, KINDS.index(suspect.kind), round(worst, 3), suspect.name)
        scored.append((key, suspect, ratios, cases))
    scored.sort(key=lambda s: s[0])
    found: list[Explanation] = []
    kept: list[tuple[list[float | None], int]] = []
    for _, suspect, ratios, cases in scored:
        for n, (before, count) in enumerate(kept):
            if count == cases and _same(before, ratios):
                found[n] = replace(found[n], same=(*found[n].same, suspect.name))
                break
        else:
            kept.append((ratios, cases))
            worst = max(ratios[n] for n in wrong if ratios[n] is not None)
            found.append(Explanation(suspect.name, suspect.kind, suspect.says, float(worst), cases))
    return found


def _ratios(
    examined: Sequence[Examined], columns: Sequence[Sequence[Suspect | None]], wrong: Sequence[int]
) -> list[tuple[Sequence[Suspect | None], list[float | None]]]:
    """Suspects, each with its ratio in every case; only those that explain every divergence, if there are any."""
    known: list[dict[int, float | None]] = [{} for _ in columns]

    def judged(k: int, cases: Iterable[int]) -> bool:
        """Whether a suspect explains these; it stops at the first that it does not explain."""
        for n in cases:
            suspect = columns[k][n]
            if n not in known[k]:
                known[k][n] = _fit(examined[n], suspect) if suspect else None
            if known[k][n] is None:
                return False
        return True

    complete = [k for k in range(len(columns)) if judged(k, wrong)] if wrong else []
    for k in complete or range(len(columns)):
        for n in range(len(examined)):
            judged(k, [n])
    return [(columns[k], [known[k][n] for n in range(len(examined))]) for k in complete or range(len(columns))]


def _same(a: Sequence[float | None], b: Sequence[float | None]) -> bool:
    """Whether two suspects are equivalent: their errors agree in all cases, beyond chance."""
    return all(
        (x is None) == (y is None) and (x is None or y is None or abs(x - y) <= 1e-6 * (1e-9 + x))
        for x, y in zip(a, b, strict=True)
    )


def _fit(examined: Examined, suspect: Suspect) -> float | None:
    """The worst ratio of the observation against a suspect; None if it does not explain it."""
    worst, differs = 0.0, False
    try:
        judge = examined.judge(suspect)
        with np.errstate(all="ignore"):
            for t, right in enumerate(examined.right, 1):
                for key, (ratio, value, error, observed) in elements(judge.compared(t)).items():
                    known = right.get(key)
                    if known is not None:
                        # A suspect that predicts "anything" explains only nan.
                        ratio = np.where(np.isinf(error) & np.isfinite(observed), known[0], ratio)
                        differs = differs or _apart(value, known)
                    here = float(np.max(np.where(np.isnan(ratio), np.inf, ratio), initial=0.0))
                    if here > LIMIT:
                        return None
                    worst = max(worst, here)
            free = judge.free().ratio
    except (UndeclaredSlot, TooManyBranches, Ambiguous, ArithmeticError, TypeError, ValueError, IndexError):
        return None
    if not free <= LIMIT:
        return None
    if examined.conforms or differs:
        return max(worst, free) if examined.evidence.opaque else worst
    # If no single step distinguishes it from the right reference, the whole run has to.
    before = max((_ratio(c) for step in examined.free for c in step), default=0.0)
    return max(worst, free) if before > max(LIMIT, 2 * free) else None


def _apart(value: np.ndarray, known: tuple) -> bool:
    """Whether a suspect and the right reference differ by more than rounding allows."""
    _, right, error, _ = known
    if np.shape(value) != np.shape(right):
        return True
    same = (value == right) | (np.isnan(value) & np.isnan(right)) | (abs(value - right) <= LIMIT * error)
    return not bool(np.all(same))


def _ratio(compared: Compared) -> float:
    return max(
        (float(np.max(np.nan_to_num(r, nan=np.inf), initial=0.0)) for r, _ in compared.ratios.values()), default=0.0
    )
