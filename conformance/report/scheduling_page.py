"""The page about the ways of scheduling, from the records alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from conformance.areas.training.task import EPOCH
from conformance.judge.record import Record
from conformance.report.pictures import STYLES, Figure, drawing

NAMES = {"torch": "torch", "keras": "Keras"}


def figures(records: Sequence[Record]) -> list[Callable[[], Figure]]:
    """The functions that draw the rate used, and the effect of momentum on it, if a run measured them."""
    measured = [r for r in records if r.series and r.dtype == "float64"]
    plain = sorted((r for r in measured if "rate used" in r.series), key=lambda r: (r.framework, r.case))
    momentum = [r for r in measured if r.case.endswith("-momentum")]
    return [partial(draw, found) for draw, found in ((_rates, plain), (_momentum, momentum)) if found]


def _rates(records: Sequence[Record]) -> Figure:
    sides = [f for f in ("keras", "torch") if any(r.framework == f for r in records)]
    with drawing(9.6, 5.4) as drawn:
        panels = drawn.axes(2, len(sides), sharey="row")
        for column, framework in enumerate(sides):
            above, below = panels[column], panels[len(sides) + column]
            mine = [r for r in records if r.framework == framework]
            for n, record in enumerate(mine):
                style = {
                    **STYLES[n % len(STYLES)],
                    "linewidth": 1.2 + 1.6 * (len(mine) - 1 - n),
                }  # thinner over thicker
                steps = range(1, len(record.series["rate used"]) + 1)
                above.step(steps, record.series["rate used"], where="mid", label=record.case, **style)
                epochs = record.series["loss"][::EPOCH]
                below.plot(range(len(epochs)), epochs, label=record.case, **style)
            above.set_yscale("log", base=2)
            above.set(title=f"{NAMES[framework]}: the rate used", xlabel="step")
            below.set(title=f"{NAMES[framework]}: loss over all samples", xlabel="epoch")
            above.legend()
        panels[0].set_ylabel("learning rate")
        panels[len(sides)].set_ylabel("mean squared error")
    return Figure(
        "One plan, scheduled every way",
        drawn.svg,
        "SGD in float64. The rate is read off the steps: how far the parameters moved, in units of the gradient. "
        "In each panel all lines coincide, so each is drawn thinner than the one below it, and the panels of the "
        "two frameworks are the same.",
    )


def _momentum(records: Sequence[Record]) -> Figure:
    with drawing(9.6, 3.0) as drawn:
        (panel,) = drawn.axes(1, 1)
        for style, framework in zip(STYLES, ("torch", "keras"), strict=False):
            found = next((r for r in records if r.framework == framework), None)
            if found is not None:
                panel.plot(range(len(found.series["loss"])), found.series["loss"], label=NAMES[framework], **style)
        panel.set(xlabel="step", ylabel="mean squared error")
        panel.legend()
    return Figure(
        "The same plan with momentum",
        drawn.svg,
        "With momentum, the same learning rates do not give the same training: Keras keeps the rate inside the "
        "velocity, so a lower rate takes effect slowly; torch keeps it outside, so it takes effect at once (as a "
        "note in its documentation says). Each follows its own rule; within one framework all ways agree.",
    )


def tables(records: Sequence[Record]) -> list[dict[str, Any]]:
    """All ways, side by side."""
    measured = sorted((r for r in records if r.series), key=lambda r: (r.framework, r.case, r.dtype != "float64"))
    rows = [
        (
            NAMES[r.framework],
            r.case,
            r.constructor,
            r.dtype,
            f"{r.series['loss'][-1]:.6g}",
            ", ".join(_named(o) for o in _twins(r, measured)) or "none",
        )
        for r in measured
    ]
    if not rows:
        return []
    return [
        {
            "title": "Side by side",
            "says": "8 epochs of 4 batches. At every step each way is within the derived bound of the reference; "
            "some are identical to the last bit.",
            "head": ("framework", "way", "code", "dtype", "last loss", "identical to the last bit to"),
            "rows": rows,
        }
    ]


def _twins(record: Record, records: Sequence[Record]) -> list[Record]:
    same = [r for r in records if r.series["bits"] == record.series["bits"] and r.dtype == record.dtype]
    return [r for r in same if r.id != record.id]


def _named(record: Record) -> str:
    return f"{NAMES[record.framework]} {record.case}"
