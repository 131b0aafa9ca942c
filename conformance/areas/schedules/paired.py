"""The settings that make the two ReduceLROnPlateau equal, checked on the same metrics; the same names are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from conformance.areas import registry
from conformance.areas.schedules.plateau import (
    METRICS,
    PLAIN,
    USUAL,
    PlateauCase,
    PlateauCheck,
    arguments,
    drive,
    judge_all,
    precision_of,
)
from conformance.areas.schedules.verdict import Seen, settle
from conformance.bindings.base import Group
from conformance.judge.ledger import Ledger
from conformance.judge.record import Record
from reference.schedules import Plateau

# Of torch. In Keras patience is one more, and so is a cooldown that is not 0.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "paired": {},
    "paired-no-patience": {"patience": 0},
    "paired-patient": {"patience": 3, "threshold": 0.25},
    "paired-cooldown-1": {"cooldown": 1},
    "paired-cooldown-3": {"cooldown": 3, "patience": 1},
    "paired-max": {"mode": "max", "cooldown": 2},
    "paired-least": {"least": 0.09375, "patience": 1},
}

DRAWN = "steps"  # the metrics whose rates are in the picture of the page


@dataclass(frozen=True)
class Paired(registry.Check):
    """Settings of torch and those of Keras that say the same: both do what the one reference does."""

    settings: Plateau

    area: ClassVar[str] = "schedules"

    def groups(self, installed: bool = True) -> list[Group]:
        """The one schedule, once for each framework."""
        return [Group((i,), self.settings) for i in range(2)]

    def judge(self, record: Record, ledger: Ledger) -> None:
        s = self.settings
        more = replace(s, patience_is="waited", patience=s.patience + 1, cooldown=s.cooldown + (s.cooldown > 0))
        given = {
            "torch": self._arguments("torch", s),
            "keras": self._arguments("keras", more),
            "naive": self._arguments("keras", replace(s, patience_is="waited")),
        }
        sign = -1 if s.mode == "max" else 1
        scripts = {name: [sign * x for x in METRICS[name]] for name in USUAL}
        seen: dict[str, Seen] = {}
        apart, drawn = 0, {}
        for name, metrics in scripts.items():
            torch, keras, naive = (self._rates(how, given[how], metrics) for how in given)
            seen[name] = [
                (t, {"rate[0]": a, "rate[1]": b}) for t, (a, b) in enumerate(zip(torch, keras, strict=True))
            ]
            apart += sum(b != n for b, n in zip(keras, naive, strict=True))
            if name == DRAWN:
                drawn = {"metric": [*metrics], "torch": torch, "keras": keras, "keras naive": naive}
        written = {how: ", ".join(f"{n}={v!r}" for n, v in a.items()) for how, a in given.items()}
        record.constructor = (
            f"torch: ReduceLROnPlateau({written['torch']}); Keras: ReduceLROnPlateau({written['keras']})"
        )
        record.options = {how: written[how] for how in ("torch", "keras")}
        record.steps = sum(len(rows) for rows in seen.values())
        record.series = {"naive": [written["naive"]], "apart": [apart], "epochs": [record.steps], **drawn}
        precision = precision_of("keras", self.dtype)  # the wider: the variable is rounded at every reduction
        settle(record, self, ledger, registry.versions(self), self.groups(),
               lambda expected: judge_all(seen, scripts, expected, precision))  # fmt: skip

    def _arguments(self, framework: str, settings: Plateau) -> dict[str, Any]:
        return arguments(framework, [settings], PlateauCase(self.name, self.why, {}))

    def _rates(self, how: str, given: Mapping[str, Any], metrics: list[float]) -> list[float]:
        framework = "torch" if how == "torch" else "keras"
        case = PlateauCase(self.name, self.why, {})
        check = PlateauCheck(framework, self.optimizer, self.name, "", self.dtype, PLAIN[framework], case)
        return [numbers["rate[0]"] for _, numbers in drive(check, self.groups()[:1], given, metrics)]


def checks() -> Iterator[Paired]:
    """Of the two frameworks together."""
    base = {f.name: f.metadata["base"] for f in fields(Plateau)}
    for name, chosen in SETTINGS.items():
        settings = Plateau(**{**base, "relative": False, "epsilon": 0.0, **chosen})
        why = "patience and cooldown one more in Keras, an absolute threshold and eps=0 in torch: the two are one"
        yield Paired("both", "reducelronplateau", name, why, "float64", "paired", settings)
