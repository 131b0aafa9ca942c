"""Pictures for the report: matplotlib figures as SVG; the same numbers give the same SVG."""

from __future__ import annotations

import io
import math
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from conformance.run import workers

# Distinguishable without colour: each style has its own dashes. The palette is Okabe and Ito's.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#0072b2", "linestyle": "-"},
    {"color": "#d55e00", "linestyle": "--"},
    {"color": "#009e73", "linestyle": "-."},
    {"color": "#7b3f98", "linestyle": ":"},
    {"color": "#444444", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    {"color": "#b8860b", "linestyle": (0, (1, 1))},
)
_SETTINGS = {
    "svg.hashsalt": "conformance",  # ids depend only on the content
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.5,
}


@dataclass(frozen=True)
class Figure:
    """A picture on an area's page."""

    title: str
    svg: str
    caption: str  # what it shows


FEW = 3  # this many pictures are drawn sooner than a process starts


class Pictures:
    """The pictures that these functions draw: matplotlib takes seconds, so the cores share the work.

    Drawing starts on demand, and only whoever reads the pictures waits for them: meanwhile the rest of a report can
    be made, and a caller that only judges a run never waits.
    """

    def __init__(self, draws: Sequence[Callable[[], Any]]):
        self._draws = list(draws)
        self._done: list[Callable[[], Any]] | None = None

    def begin(self) -> None:
        if self._done is not None:
            return
        processes = min(workers.auto(), len(self._draws)) if len(self._draws) > FEW else 1
        if processes == 1:
            self._done = [cache(draw) for draw in self._draws]
            return
        # Spawned, not forked: a run has threads.
        pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
        self._done = [pool.submit(draw).result for draw in self._draws]
        pool.shutdown(wait=False)  # it ends when the last picture is drawn

    def get(self, place: int) -> Any:
        self.begin()
        return self._done[place]()


def plain_ticks(panel: Any, size: float) -> None:
    """Label a logarithmic axis with powers of ten only, at least two, in this size, for small panels."""
    from matplotlib.ticker import LogFormatterMathtext, LogLocator, NullFormatter

    axis = panel.yaxis
    low, high = axis.get_view_interval()
    axis.set_minor_formatter(NullFormatter())
    lowest, highest = math.log10(low), math.log10(high)
    if math.floor(highest) <= math.ceil(lowest):  # at most one power of ten: extend to the next on either side
        panel.set_ylim(10.0 ** math.floor(lowest), 10.0 ** math.ceil(highest))
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_major_formatter(LogFormatterMathtext())
    panel.tick_params(labelsize=size)


class Drawing:
    """A figure being drawn; `svg` holds its text once the block is left."""

    def __init__(self, figure: Any):
        self.figure, self.svg = figure, ""

    def axes(self, rows: int, columns: int, **options: Any) -> list[Any]:
        """The panels, row by row."""
        return list(self.figure.subplots(rows, columns, squeeze=False, **options).flat)


Margins = tuple[float, float, float, float]  # left, right, top, bottom, in inches


@contextmanager
def drawing(width: float = 9.6, height: float = 3.4, margins: Margins | None = None) -> Iterator[Drawing]:
    """Draw within this block; sizes in inches. `margins` skips the fitting, which takes seconds for many panels."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS):
        drawn = Drawing(Figure(figsize=(width, height), layout=None if margins else "constrained"))
        if margins:
            left, right, top, bottom = margins
            drawn.figure.subplots_adjust(
                left / width, bottom / height, 1 - right / width, 1 - top / height, wspace=0.35, hspace=0.6
            )
        yield drawn
        text = io.StringIO()
        drawn.figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    drawn.svg = text.getvalue()[text.getvalue().index("<svg") :]
