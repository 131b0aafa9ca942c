"""What each constructor refuses, what it accepts and should not, and what it refuses and should not.

A check is one argument of one constructor with all its bad values: outside the interval cited by the reference,
nan, a string, None where it is not the default, a fractional count, an unknown name. There are also calls whose
arguments contradict each other, and parameters that cannot be optimized. Refused means that the constructor raises
an error; one other than ValueError or TypeError is named, because it explains little. Not tried are infinities,
which every float argument accepts, and non-boolean flags, whose truth value Python defines. Good values that some
constructor refuses are checked in the same way.

Inputs that a framework treats wrongly are listed in refusals.json, strictly both ways. The ledger rows that expect
`listed:refusals.json` give the reasons; `python -m conformance update` writes the list, except for its sections
for other versions.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from packaging.requirements import Requirement

from conformance.areas.refusals.inputs import MAKERS, PARAMS, UNKNOWN, Input, Made, of
from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry, Unsupported, defaults
from conformance.cases.check import Check, Observation, Plan
from conformance.judge.ledger import LedgerRow
from conformance.judge.verdict import Expected, Verdict, verdict_of

PATH = Path(__file__).with_name("refusals.json")
EXPECT = f"listed:{PATH.name}"
AGAIN = "Review it, then: python -m conformance update"


@dataclass(frozen=True)
class RefusalCheck(Check):
    """Inputs of one argument of one constructor, or of arguments that go together."""

    inputs: tuple[Input, ...]
    bad: bool  # whether they should be refused

    area: ClassVar[str] = "refusals"

    def plan(self) -> Plan:
        return Plan(self)

    def observe(self, plan: Plan) -> Tried:
        """Try every input on the installed constructor."""
        tried = self.tried()
        done, undone = ("refused", "accepted") if self.bad else ("accepted", "refused")
        wrong = [label for label, (_, error) in tried.items() if bool(error) != self.bad]
        right = [label for label in tried if label not in wrong]
        clear = ("", "ValueError", "TypeError")
        named = {x: x if error in clear else f"{x} ({error})" for x, (_, error) in tried.items()}
        first, *others = wrong or right
        also = f", as with {', '.join(others)}" if others else ""
        return Tried(
            plan,
            series={done: [named[x] for x in right], undone: [named[x] for x in wrong]},
            constructor=f"{tried[first][0]}  # {undone if wrong else done}{also}",
            wrong=wrong,
            known=[label for label in self.listed() if label in tried],
        )

    def listed(self) -> Sequence[str]:
        """The inputs known to be treated wrongly."""
        sections = listed(self.framework, BINDINGS[self.framework].versions())
        return [label for section in sections for label in section.get(self.case, ())]

    @property
    def case(self) -> str:
        """The check in the list."""
        return f"{self.optimizer}-{self.name}"

    def tried(self) -> dict[str, tuple[str, str]]:
        """The installed constructor's response to each input: the call as text, and the name of its error."""
        entry = BINDINGS[self.framework].entries[self.optimizer]
        try:
            constructor = BINDINGS[self.framework].constructor(entry)
        except AttributeError as error:
            raise Unsupported(f"this version of {self.framework} has no {entry.cls}") from error
        known, found = _arguments(constructor), {}
        lacking = []
        for given in self.inputs:
            missing = [name for name, _ in given.given if name not in (*known, PARAMS)]
            if missing and not self.name.endswith(UNKNOWN):
                lacking += missing
            elif not (given.label == "None" and _default(given, known) is None):
                found[given.label] = _tried(self.framework, entry, constructor, _with_others(given, known))
        if not found:
            raise Unsupported(f"{entry.cls} has no argument {', '.join(dict.fromkeys(lacking))}")
        return found


@dataclass(kw_only=True)
class Tried(Observation):
    """The inputs treated wrongly, and those that are listed."""

    wrong: list[str]
    known: list[str]


@verdict_of.register
def of_tried(seen: Tried, row: LedgerRow | None) -> Verdict:
    """What is wrong must be listed, and what is listed must be wrong."""
    done, undone = ("refused", "accepted") if seen.plan.check.bad else ("accepted", "refused")
    new, gone = ([x for x in a if x not in b] for a, b in ((seen.wrong, seen.known), (seen.known, seen.wrong)))
    said = [f"{undone} and should not be: {', '.join(new)}"] if new else []
    said += [f"{PATH.name} lists {', '.join(gone)}, {done} now"] if gone else []
    covered = row is not None and row.expect == EXPECT
    if not covered:
        said.append(f"no row of the ledger expects {EXPECT!r} here")
    says = f"{'; '.join(said)}. {AGAIN}"
    conforms = not (seen.wrong or seen.known)
    return Verdict(seen, conforms, says=says, expected=Expected(not said, says=says), listed=covered)


def _default(given: Input, known: Mapping[str, Any]) -> Any:
    default = known[given.given[-1][0]]
    return default if given.item is None else default[given.item]


def _with_others(given: Input, known: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(given.given)
    if given.item is not None:
        name = given.given[-1][0]
        items = list(known[name])
        items[given.item] = values[name]
        values[name] = tuple(items)
    return values


def _tried(framework: str, entry: Entry, constructor: Callable, values: Mapping[str, Any]) -> tuple[str, str]:
    makers = _makers(framework)
    made = {k: makers[v.name]() if isinstance(v, Made) else v for k, v in values.items()}
    arguments = ", ".join(f"{v!r}" if k == PARAMS else f"{k}={v!r}" for k, v in values.items())
    before = ()
    if framework == "torch":
        before = (made.pop(PARAMS) if PARAMS in made else makers["a list of groups"](),)
        arguments = arguments if PARAMS in values else f"params, {arguments}"
    text = f"{entry.path('torch.optim' if framework == 'torch' else 'tf.keras.optimizers')}({arguments})"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            constructor(*before, **made)
    except Exception as error:
        names = [c.__name__ for c in type(error).__mro__]
        return text, next((n for n in ("ValueError", "TypeError") if n in names), names[0])
    return text, ""


@cache
def _makers(framework: str) -> dict[str, Callable[[], Any]]:
    return MAKERS[framework]()


@cache
def _arguments(constructor: Callable[..., Any]) -> dict[str, Any]:
    """The arguments with their defaults, including those that a class passes on to its base."""
    found: dict[str, Any] = {}
    for cls in reversed(inspect.getmro(constructor)):
        if "__init__" in vars(cls) and cls is not object:
            found |= defaults(cls)
    return found


def listed(framework: str, versions: Mapping[str, str]) -> list[dict[str, list[str]]]:
    """The sections of the list for these versions: "keras", and "keras<3.3" for what only some versions do."""
    version = versions[framework].split("+")[0]
    wanted = ((Requirement(name), section) for name, section in listing().items())
    return [s for r, s in wanted if r.name == framework and r.specifier.contains(version, prereleases=True)]


@cache
def listing() -> dict[str, dict[str, list[str]]]:
    """The list: framework, or some of its versions -> check -> inputs."""
    return json.loads(PATH.read_text(encoding="utf-8"))


def checks() -> Iterator[RefusalCheck]:
    """One for each argument of each constructor, and for each combination."""
    for framework, binding in BINDINGS.items():
        for optimizer, entry in binding.entries.items():
            for given in of(framework, entry):
                yield RefusalCheck(
                    framework=framework,
                    optimizer=optimizer,
                    name=f"{'refuses' if given.bad else 'takes'}-{given.name}",
                    why=given.says,
                    dtype="any",
                    mode="constructor",
                    inputs=given.inputs,
                    bad=given.bad,
                )
