"""The parity page, from the records alone: loss curves, and the difference broken down on a log scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from statistics import fmean
from typing import Any

from conformance.areas.training.task import BATCH, EPOCH
from conformance.judge.record import Record
from conformance.report.pictures import STYLES, Figure, drawing, plain_ticks

# Series of a record -> its name in the legend.
PARTS = {
    "difference": "Keras − torch, measured",
    "by epsilon": "by epsilon alone",
    "by rounding": "by Keras' rounding of beta alone",
    "by the two together": "by both acting together",
    "unexplained": "left unexplained",
    "allowed": "allowed: the sum of the bounds",
}
TITLES = {"own-epsilon": "each framework's own epsilon", "same-epsilon": "the same epsilon, 1e-7"}


def figures(records: Sequence[Record]) -> list[Callable[[], Figure]]:
    """The functions that draw the pictures, without those a partial run has not measured."""
    adam, pairs = _measured(records)
    drawn = ((_losses, adam), (_taken_apart, adam), (_pair_losses, pairs), (_pairs, pairs))
    return [partial(draw, found) for draw, found in drawn if found]


def _measured(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """The records of the lab's Adam and of the pairs, float64 first, where there is most to see."""
    found = sorted((r for r in records if r.series), key=lambda r: (r.optimizer, r.case, r.dtype != "float64"))
    return [r for r in found if r.case in TITLES], [r for r in found if r.case not in TITLES]


def _losses(records: Sequence[Record]) -> Figure:
    first = records[0]
    with drawing(9.6, 3.2) as drawn:
        left, right = drawn.axes(1, 2)
        for style, framework in zip(STYLES, ("torch", "keras"), strict=False):
            epochs = [fmean(batches) for batches in _by_epoch(first.series[f"{framework} loss"])]
            left.plot(range(1, len(epochs) + 1), epochs, label=framework, **style)
        left.set(title=f"Loss ({_named(first)})", xlabel="epoch", ylabel="mean squared error")
        left.legend()
        for style, record in zip(STYLES, records, strict=False):
            _line(right, record.series["loss difference"], _named(record), style)
        right.axhline(1e-4, color="#888888", linewidth=0.8)
        right.annotate("1e-4, as the lab asks", (1, 1e-4), (0, 3), textcoords="offset points", color="#555555")
        right.set(title="Distance of the losses", xlabel="step", ylabel="|Keras − torch|", yscale="log")
        right.legend()
    return Figure(
        "Loss curves",
        drawn.svg,
        f"Adam(lr 0.001, betas 0.9 and 0.999) over {first.steps} steps, cycling through {EPOCH} batches of "
        f"{BATCH}. Left: the mean of each epoch; the two curves coincide. Right: their distance at each batch, on "
        "a log scale; where it is exactly 0 there is no point.",
    )


def _by_epoch(values: Sequence[float]) -> list[Sequence[float]]:
    return [values[i : i + EPOCH] for i in range(0, len(values) - EPOCH + 1, EPOCH)]


def _taken_apart(records: Sequence[Record]) -> Figure:
    with drawing(9.6, 3.0 * math.ceil(len(records) / 2) + 0.6) as drawn:
        panels = drawn.axes(math.ceil(len(records) / 2), 2, sharex=True)
        for panel, record in zip(panels, records, strict=False):
            for style, (name, says) in zip(STYLES, PARTS.items(), strict=True):
                if name in record.series:
                    _line(panel, record.series[name], says, style)
            panel.set(
                title=_named(record), xlabel="step", ylabel="largest |difference|\nin a parameter", yscale="log"
            )
            panel.xaxis.set_tick_params(labelbottom=True)
        for panel in panels[len(records) :]:
            panel.remove()
        handles, labels = max((p.get_legend_handles_labels() for p in panels), key=lambda found: len(found[1]))
        drawn.figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return Figure(
        "The difference broken down",
        drawn.svg,
        "In float64 the references account for the whole measured difference except rounding: what is left stays "
        "below the sum of the two derived bounds. In float32 the parameters themselves are rounded at each step, "
        "which is as large as the difference and well within the bounds.",
    )


MARGINS = (0.55, 0.1, 0.3, 0.75)  # for many small panels, with a legend below


def _small(drawn: Any, records: Sequence[Record], of: str) -> list[Any]:
    """A small panel for each record, with its name; unused panels of the last row are removed."""
    columns = 4
    panels = drawn.axes(math.ceil(len(records) / columns), columns)
    for panel, record in zip(panels, records, strict=False):
        panel.set_title(_named(record), fontsize=8)
        last = record.steps if of == "step" else record.steps // EPOCH
        panel.set_xticks(range(0, last + 1, max(last // 4, 1)))
        panel.set_xlim(0, last * 1.05)
    for panel in panels[len(records) :]:
        panel.remove()
    for panel in panels[max(0, len(records) - columns) : len(records)]:
        panel.set_xlabel(of, fontsize=7)
    return panels[: len(records)]


def _pair_losses(records: Sequence[Record]) -> Figure:
    with drawing(9.6, 1.5 * math.ceil(len(records) / 4) + 0.4, MARGINS) as drawn:
        for panel, record in zip(_small(drawn, records, "epoch"), records, strict=True):
            for style, framework in zip(STYLES, ("torch", "keras"), strict=False):
                epochs = [fmean(batches) for batches in _by_epoch(record.series[f"{framework} loss"])]
                panel.plot(range(1, len(epochs) + 1), epochs, label=framework, **style)
            panel.tick_params(labelsize=7)
        drawn.figure.legend(*panel.get_legend_handles_labels(), loc="lower center", ncols=2)
    return Figure(
        "Pairs that take the same steps: loss curves",
        drawn.svg,
        f"The mean of the {EPOCH} batches of each epoch. The two curves coincide everywhere; the table says how "
        "far apart they are.",
    )


def _pairs(records: Sequence[Record]) -> Figure:
    with drawing(9.6, 1.6 * math.ceil(len(records) / 4) + 0.4, MARGINS) as drawn:
        panels = _small(drawn, records, "step")
        for panel, record in zip(panels, records, strict=True):
            for style, name in zip(STYLES, ("difference", "allowed"), strict=False):
                _line(panel, record.series[name], PARTS[name], style)
            panel.set(yscale="log")
            plain_ticks(panel, 7)
        drawn.figure.legend(*panels[0].get_legend_handles_labels(), loc="lower center", ncols=2)
    return Figure(
        "Pairs that take the same steps: the difference",
        drawn.svg,
        "The largest difference in a parameter, step by step, and what rounding allows. Where there is no line the "
        "two are identical to the last bit. NAdam differs because Keras rounds scalars: see the ledger.",
    )


def _named(record: Record) -> str:
    plain = record.case.removeprefix("same-steps").strip("-").replace("-", " ")
    return f"{TITLES.get(record.case) or ' '.join([record.optimizer, plain]).strip()}, {record.dtype}"


def _line(panel: Any, values: Sequence[float], label: str, style: dict[str, Any]) -> None:
    """A series by step, on a log scale, which cannot show 0."""
    shown = [math.nan if v == 0 or not math.isfinite(v) else v for v in values]
    padded = [math.nan, *shown, math.nan]
    neighbours = zip(padded, padded[2:], strict=False)
    alone = [
        i for i, sides in enumerate(neighbours) if all(map(math.isnan, sides))
    ]  # a single point between two zeros
    points = {"marker": ".", "markersize": 4, "markevery": alone} if alone else {}
    panel.plot(range(1, len(shown) + 1), shown, label=label, **points, **style)


# ---------------------------------------------------------------- tables


def tables(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The figures of each run."""
    adam, pairs = _measured(records)
    found = []
    if adam:
        found.append(
            {
                "title": "Adam as in the lab",
                "says": "The last loss of each, how far apart they are, and the largest difference in a parameter "
                "at the last step, broken down. The lab asks for final losses within 1e-4.",
                "head": (
                    "run",
                    "dtype",
                    "steps",
                    "loss, torch",
                    "loss, Keras",
                    "apart",
                    "parameters apart",
                    "by epsilon",
                    "by rounding of beta",
                    "unexplained",
                    "allowed",
                ),
                "rows": [_adam(r) for r in adam],
            }
        )
    if pairs:
        found.append(
            {
                "title": "Pairs that take the same steps",
                "says": "Every pair of the map whose conditions this training meets: a constant learning rate and "
                "a gradient for every parameter. The map says what other options require.",
                "head": (
                    "pair",
                    "dtype",
                    "steps",
                    "the map says",
                    "loss, torch",
                    "loss, Keras",
                    "apart",
                    "parameters apart",
                    "unexplained",
                    "allowed",
                ),
                "rows": [_pair(r) for r in pairs],
            }
        )
    return found


def _adam(record: Record) -> tuple[str, ...]:
    s = record.series
    parts = [
        _last(s.get(name, ())) for name in ("difference", "by epsilon", "by rounding", "unexplained", "allowed")
    ]
    losses = [_last(s[f"{f} loss"], ".8g") for f in ("torch", "keras")]
    return (
        TITLES[record.case],
        record.dtype,
        str(record.steps),
        *losses,
        _last(s["loss difference"]),
        *parts,
    )


def _pair(record: Record) -> tuple[str, ...]:
    s = record.series
    losses = [_last(s[f"{f} loss"], ".8g") for f in ("torch", "keras")]
    parts = [_last(s[name]) for name in ("loss difference", "difference", "unexplained", "allowed")]
    why = record.why.removeprefix("the map has it as ")
    return (record.constructor.replace("\n", "  |  "), record.dtype, str(record.steps), why, *losses, *parts)


def _last(values: Sequence[float], form: str = ".2g") -> str:
    return format(values[-1], form) if values else ""
