"""The plots, as PNG. Colour is never the only cue: each framework has its own line style and marker."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from conformance.lab.fashion.figures import GOAL, SEEN, FrameworkResult, Optimizer
from conformance.lab.fashion.statistics import MARGIN

# Okabe & Ito's blue and vermilion, and a grey: distinct for any colour vision, and darker and lighter in greyscale.
LOOKS: dict[str, dict[str, Any]] = {
    "torch": {"color": "#00508f", "linestyle": "-", "marker": "o"},
    "keras": {"color": "#e07b00", "linestyle": "--", "marker": "s"},
}
LINES: dict[str, dict[str, Any]] = {
    "frameworks": {"color": "black", "linestyle": "-", "linewidth": 2.0},
    "torch reversed": {"color": "#00508f", "linestyle": "--", "linewidth": 1.3},
    "keras reversed": {"color": "#e07b00", "linestyle": ":", "linewidth": 1.8},
    "float64": {"color": "#7a4cc0", "linestyle": "-.", "linewidth": 1.3},
    "rounded": {
        "color": "#0f7b63",
        "linestyle": "-",
        "linewidth": 1.0,
        "marker": "^",
        "markersize": 4,
        "markevery": 0.12,
    },
}
DPI = 110


def draw(optimizers: Sequence[Optimizer]) -> dict[str, bytes]:
    """File name -> PNG. The same numbers give the same bytes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    style = {
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "axes.titlesize": 11,
        "figure.constrained_layout.use": True,
    }
    found: dict[str, bytes] = {}
    plots: dict[str, Callable[[Any, Sequence[Optimizer]], Any]] = {
        "curves.png": curves,
        "accuracy.png": accuracy,
        "difference.png": difference,
        "together.png": together,
        "defaults.png": defaults,
    }
    with pyplot.rc_context(style):
        for name, plot in plots.items():
            figure = plot(pyplot, optimizers)
            if figure is not None:
                buffer = io.BytesIO()
                figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
                pyplot.close(figure)
                found[name] = buffer.getvalue()
    return found


def _panels(pyplot: Any, rows: int, columns: int, **more: Any) -> tuple[Any, np.ndarray]:
    width = 3.1 * columns + 0.6
    return pyplot.subplots(rows, columns, figsize=(max(6.5, width), 2.7 * rows + 0.6), squeeze=False, **more)


def _legend(figure: Any, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 3))


def curves(pyplot: Any, optimizers: Sequence[Optimizer]) -> Any:
    """Translated: loss and accuracy by epoch, in training and validation; the band spans all seeds."""
    kinds = (
        ("loss", "training loss", "epochs"),
        ("loss", "validation loss", "validation"),
        ("accuracy", "training accuracy", "epochs"),
        ("accuracy", "validation accuracy", "validation"),
    )
    figure, axes = _panels(pyplot, len(kinds), len(optimizers), sharex=True, sharey="row")
    for column, one in enumerate(optimizers):
        for row, (what, _, kind) in enumerate(kinds):
            for side in one.translated.sides:
                _curve(axes[row, column], side, kind, what)
            if what == "accuracy":
                axes[row, column].axhline(GOAL, color="#666666", linewidth=0.8)
        axes[0, column].set_title(one.title + (f", rate {one.rate:g}" if one.rate is not None else ""))
        axes[-1, column].set_xlabel("epoch")
    for row, (what, label, _) in enumerate(kinds):
        axes[row, 0].set_ylabel(label)
        if what == "accuracy":
            _from(axes[row, 0], 0.8)
    _legend(figure, axes[0, 0])
    return figure


def _from(at: Any, low: float) -> None:
    """Clip the axis at this value unless everything is below it; call after drawing."""
    bottom, top = at.get_ylim()
    if top > low:
        at.set_ylim(max(bottom, low), top)


def _curve(at: Any, side: FrameworkResult, kind: str, what: str) -> None:
    steps, values = side.curve(kind, what)
    by_epoch = steps / _steps_an_epoch(side)
    look = {**LOOKS[side.framework], "markersize": 4, "markevery": max(1, len(steps) // 10)}
    if side.framework == "keras":
        look |= {"markerfacecolor": "white"}
    with np.errstate(all="ignore"):
        at.plot(by_epoch, np.nanmean(values, axis=0), label=side.name, **look)
    if len(values) > 1:
        at.fill_between(
            by_epoch,
            values.min(axis=0),
            values.max(axis=0),
            color=LOOKS[side.framework]["color"],
            alpha=0.2,
            linewidth=0,
        )


def _steps_an_epoch(side: FrameworkResult) -> int:
    return side.records[0]["epochs"][0]["step"]


def accuracy(pyplot: Any, optimizers: Sequence[Optimizer]) -> Any:
    """Test accuracy of every training; the bar is the uncertainty due to the number of test images."""
    rows = [(o, s, side) for o in optimizers for s in o.settings for side in s.sides]
    figure, at = pyplot.subplots(figsize=(7.6, 0.36 * len(rows) + 1.6))
    for place, (_, _, side) in enumerate(rows):
        look = LOOKS[side.framework]
        low, high = (100 * edge for edge in side.interval)
        at.plot([low, high], [place, place], color=look["color"], linewidth=2, linestyle=look["linestyle"])
        at.plot(
            [100 * a for a in side.accuracies],
            [place] * len(side.accuracies),
            linestyle="",
            marker=look["marker"],
            color=look["color"],
            markersize=6,
            markerfacecolor="white" if side.framework == "keras" else look["color"],
        )
    at.set_yticks(range(len(rows)), [f"{o.title} {s.name}, {side.name}" for o, s, side in rows])
    at.invert_yaxis()
    _pairs(at, rows)
    at.set_xlabel("test accuracy, %: each training, and the\n95 % interval of their mean for this many test images")
    return figure


def _pairs(at: Any, rows: Sequence[tuple[Optimizer, Any, FrameworkResult]]) -> None:
    """A line between optimizers."""
    for place in range(1, len(rows)):
        if rows[place][0] is not rows[place - 1][0]:
            at.axhline(place - 0.5, color="#999999", linewidth=0.8)


def difference(pyplot: Any, optimizers: Sequence[Optimizer]) -> Any:
    """Keras minus PyTorch, pair by pair, with the interval that the equivalence test uses."""
    rows = [o for o in optimizers if o.translated.test]
    if not rows:
        return None
    figure, at = pyplot.subplots(figsize=(7.6, 0.5 * len(rows) + 1.6))
    at.axvspan(-MARGIN, MARGIN, color="#dfe7ee", zorder=0)
    at.axvline(0, color="#444444", linewidth=1)
    for edge in (-MARGIN, MARGIN):
        at.axvline(edge, color="#444444", linewidth=1, linestyle=":")
    for place, one in enumerate(rows):
        test = one.translated.test
        at.plot(test.differences, [place + 0.18] * len(test.differences), "x", color="#666666", markersize=6)
        if test.low is not None:
            at.plot([test.low, test.high], [place - 0.1] * 2, color="black", linewidth=2, marker="|", markersize=9)
        at.plot(test.mean, place - 0.1, "D", color="black", markersize=5)
    at.set_yticks(range(len(rows)), [f"{o.title}\n{o.translated.test.finding}" for o in rows])
    at.set_ylim(len(rows) - 0.5, -0.5)
    at.set_xlabel(
        "test accuracy, Keras minus PyTorch, in points: × each pair, ◆ mean with its 90 % interval;\n"
        f"equivalent if the interval is within ±{MARGIN}"
    )
    return figure


def together(pyplot: Any, optimizers: Sequence[Optimizer]) -> Any:
    """How far apart two trainings are, step by step, on logarithmic axes."""
    rows = [o for o in optimizers if o.together]
    if not rows:
        return None
    columns = min(2, len(rows))
    figure, axes = _panels(pyplot, -(-len(rows) // columns), columns, sharex=True, sharey=True)
    figure.set_size_inches(max(7.6, 4.4 * columns), 3.1 * axes.shape[0] + 0.9)
    for at, one in zip(axes.flat, rows, strict=False):
        for line in one.together:
            values = np.where(line.differences > 0, line.differences, np.nan)
            steps = np.arange(1, len(values) + 1)
            at.plot(steps, np.fmax.accumulate(values), label=line.says, **LINES[line.name])
        at.axhline(SEEN, color="#666666", linewidth=0.8)
        at.set(xscale="log", yscale="log", title=one.title, ylim=(1e-17, 3))
    for at in axes.flat[len(rows) :]:
        at.set_visible(False)
    for at in axes[-1]:
        at.set_xlabel("training step")
    for at in axes[:, 0]:
        at.set_ylabel("relative difference of the\nlosses, the largest so far")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def defaults(pyplot: Any, optimizers: Sequence[Optimizer]) -> Any:
    """Validation accuracy with each framework's defaults, beside the mean of the translated pair in grey."""
    rows = [o for o in optimizers if o.defaults]
    if not rows:
        return None
    figure, axes = _panels(pyplot, 1, len(rows), sharey=True)
    for at, one in zip(axes[0], rows, strict=True):
        for side in one.translated.sides[:1]:
            steps, values = side.curve("validation", "accuracy")
            at.plot(
                steps / _steps_an_epoch(side),
                np.nanmean(values, axis=0),
                color="#9a9a9a",
                linewidth=3,
                label=f"translated, {side.name}",
            )
        for side in one.defaults.sides:
            _curve(at, side, "validation", "accuracy")
        at.set(title=one.title, xlabel="epoch")
    axes[0, 0].set_ylabel("validation accuracy")
    _from(axes[0, 0], 0.7)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, [n if "," in n else f"defaults, {n}" for n in labels], loc="outside lower center", ncols=3
    )
    return figure
