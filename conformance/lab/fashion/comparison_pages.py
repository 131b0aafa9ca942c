"""The pages of the comparison, made from results.json alone: HTML, Markdown, plots, numbers."""

from __future__ import annotations

import contextlib
import statistics as plain
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.judge.record import atomically
from conformance.lab.fashion import data, figures, results
from conformance.lab.fashion.compare import TrainingComparison
from conformance.lab.fashion.figures import EXPECTED, GOAL, LEVELS, NAMES, SEEN, Optimizer
from conformance.lab.fashion.statistics import MARGIN, Finding, sampling_error
from conformance.lab.fashion.training_calls import EPSILON


def write(found: TrainingComparison, about: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write results.json, then everything made from it; return the paths, the HTML page first."""
    with atomically(folder / results.NAME) as file:
        file.write(results.dump(found, about))
    return render(folder)


def render(folder: Path) -> list[Path]:
    """Rebuild the pages from results.json: all of them or none."""
    from conformance.lab.fashion import plots

    found, about = results.load(folder / results.NAME)
    optimizers = figures.optimizers(found)
    content: dict[str, str | bytes] = {**texts(found, about, optimizers), **plots.draw(optimizers)}
    with contextlib.ExitStack() as stack:
        for name, value in content.items():
            mode = "wb" if isinstance(value, bytes) else "w"
            stack.enter_context(atomically(folder / name, mode)).write(value)
    return [folder / name for name in content]


def texts(found: TrainingComparison, about: Mapping[str, Any], optimizers: Sequence[Optimizer]) -> dict[str, str]:
    """File name -> text. The same results give the same texts."""
    from conformance.report.templating import environment

    context = {
        "f": found,
        "plan": found.plan,
        "about": about,
        "optimizers": optimizers,
        "headline": headline(optimizers),
        "low": low(optimizers),
        "NAMES": NAMES,
        "GOAL": GOAL,
        "MARGIN": MARGIN,
        "SEEN": SEEN,
        "LEVELS": LEVELS,
        "EXPECTED": EXPECTED,
        "EPSILON": EPSILON,
        "classes": data.NAMES,
        "sampling": 100 * sampling_error(0.9, test_images(optimizers)),
        "test_images": test_images(optimizers),
        "images": found.records[0]["images"],
        "both": both(optimizers),
        "total": total(found),
        "Finding": Finding,
    }
    texts = {}
    for name, template, html in (("index.html", "fashion.html.j2", True), ("README.md", "fashion.md.j2", False)):
        env = environment(html=html)
        env.filters |= {"percent": percent, "points": points, "steps": steps, "mood": mood}
        texts[name] = env.get_template(template).render(context)
    return {**texts, "curves.csv": results.table(found)}


# ---------------------------------------------------------------- numbers as text


def percent(value: float | None, digits: int = 2) -> str:
    return "—" if value is None else f"{100 * value:.{digits}f} %"


def points(value: float | None) -> str:
    """A difference in points, with a sign."""
    return "—" if value is None else f"{value:+.2f}".replace("-", "−")


def steps(values: Sequence[int | None]) -> str:
    """The median over the seeds that reached it, with the range."""
    there = [v for v in values if v is not None]
    if not there:
        return "not reached"
    text = f"{plain.median(there):,.0f}" + (
        f" ({min(there):,} to {max(there):,})" if min(there) < max(there) else ""
    )
    return text + (f", {len(values) - len(there)} of {len(values)} not" if len(there) < len(values) else "")


def mood(finding: Finding) -> tuple[str, str]:
    """A class of report.css, and a mark."""
    return {Finding.EQUIVALENT: ("ok", "="), Finding.DIFFERENT: ("bad", "≠")}.get(finding, ("known", "?"))


# ---------------------------------------------------------------- about all of them


def both(optimizers: Sequence[Optimizer]) -> bool:
    return any(o.translated.test for o in optimizers)


def headline(optimizers: Sequence[Optimizer]) -> str:
    """The result in a sentence or two."""
    tested = [o for o in optimizers if o.translated.test]
    sides = [s for o in optimizers for s in o.translated.sides]
    lowest, highest = min(s.mean for s in sides), max(s.mean for s in sides)
    reached = f"Test accuracy {percent(lowest, 1)} to {percent(highest, 1)}"
    if not tested:
        return f"{reached}, in {NAMES[sides[0].framework]} alone: nothing is compared."
    groups = {x: [o.title for o in tested if o.translated.test.finding is x] for x in Finding}
    parts = []
    if groups[Finding.EQUIVALENT]:
        parts.append(f"equivalent within ±{MARGIN} points with {_and(groups[Finding.EQUIVALENT])}")
    if groups[Finding.NOT_SHOWN]:
        parts.append(f"no difference shown with {_and(groups[Finding.NOT_SHOWN])}")
    if groups[Finding.DIFFERENT]:
        parts.append(f"a difference shown with {_and(groups[Finding.DIFFERENT])}")
    return f"{reached}. Keras and PyTorch: {'; '.join(parts)}."


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def low(optimizers: Sequence[Optimizer]) -> list[str]:
    """Translated trainings so poor that one should look for a bug."""
    return [f"{o.title} in {s.name}" for o in optimizers for s in o.translated.sides if s.mean < EXPECTED]


def test_images(optimizers: Sequence[Optimizer]) -> int:
    return optimizers[0].translated.sides[0].records[0]["test"]["images"]


def total(found: TrainingComparison) -> tuple[int, float, float]:
    """The number of trainings, and the minutes of their steps: elapsed in sequence, and processor time."""
    every = [*found.grid, *found.records]
    minutes = [sum(pair[i] for r in every for pair in r["seconds"]) / 60 for i in (0, 1)]
    return len(every), minutes[0], minutes[1]
