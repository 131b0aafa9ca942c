"""Settings that make the two ReduceLROnPlateau equal, checked on the same metrics; equal names do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from conformance.areas.schedules.plateau_checks import (
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
from conformance.areas.schedules.rates import Rates, Seen
from conformance.bindings.binding import Group
from conformance.cases.check import Check, Plan
from reference.schedules import Plateau

# torch's settings. In Keras patience is one more, and so is a nonzero cooldown.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "paired": {},
    "paired-no-patience": {"patience": 0},
    "paired-patient": {"patience": 3, "threshold": 0.25},
    "paired-cooldown-1": {"cooldown": 1},
    "paired-cooldown-3": {"cooldown": 3, "patience": 1},
    "paired-max": {"mode": "max", "cooldown": 2},
    "paired-least": {"least": 0.09375, "patience": 1},
}

DRAWN = "steps"  # the metrics whose rates are plotted on the page


@dataclass(frozen=True)
class PairedCheck(Check):
    """Equivalent settings of torch and Keras: both do what the one reference does."""

    settings: Plateau

    area: ClassVar[str] = "schedules"

    def groups(self, installed: bool = True) -> list[Group]:
        """The one schedule, once for each framework."""
        return [Group((i,), self.settings) for i in range(2)]

    def given(self) -> dict[str, dict[str, Any]]:
        """Equivalent arguments for torch and Keras, and those that merely have the same names."""
        s = self.settings
        more = replace(s, patience_is="waited", patience=s.patience + 1, cooldown=s.cooldown + (s.cooldown > 0))
        return {
            "torch": self._arguments("torch", s),
            "keras": self._arguments("keras", more),
            "naive": self._arguments("keras", replace(s, patience_is="waited")),
        }

    def plan(self) -> Plan:
        given = self.given()
        written = {how: ", ".join(f"{n}={v!r}" for n, v in given[how].items()) for how in ("torch", "keras")}
        call = f"torch: ReduceLROnPlateau({written['torch']}); Keras: ReduceLROnPlateau({written['keras']})"
        return Plan(self, call, written, self.groups())

    def observe(self, plan: Plan) -> Rates:
        given = self.given()
        sign = -1 if self.settings.mode == "max" else 1
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
        steps = sum(len(rows) for rows in seen.values())
        by_name = ", ".join(f"{n}={v!r}" for n, v in given["naive"].items())
        series = {"naive": [by_name], "apart": [apart], "epochs": [steps], **drawn}
        precision = precision_of("keras", self.dtype)  # the wider: the variable is rounded at every reduction
        return Rates(plan, steps, series, beside=lambda groups: judge_all(seen, scripts, groups, precision))

    def _arguments(self, framework: str, settings: Plateau) -> dict[str, Any]:
        return arguments(framework, [settings], PlateauCase(self.name, self.why, {}))

    def _rates(self, how: str, given: Mapping[str, Any], metrics: list[float]) -> list[float]:
        framework = "torch" if how == "torch" else "keras"
        case = PlateauCase(self.name, self.why, {})
        check = PlateauCheck(framework, self.optimizer, self.name, "", self.dtype, PLAIN[framework], case)
        return [numbers["rate[0]"] for _, numbers in drive(check, self.groups()[:1], given, metrics)]


def checks() -> Iterator[PairedCheck]:
    """The checks of both frameworks together."""
    base = {f.name: f.metadata["base"] for f in fields(Plateau)}
    for name, chosen in SETTINGS.items():
        settings = Plateau(**{**base, "relative": False, "epsilon": 0.0, **chosen})
        why = "patience and cooldown one more in Keras, an absolute threshold and eps=0 in torch: the two are one"
        yield PairedCheck("both", "reducelronplateau", name, why, "float64", "paired", settings)
