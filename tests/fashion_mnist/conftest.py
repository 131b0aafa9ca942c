"""What the tests of the Fashion-MNIST comparison share: a small set of the same format, and trainings with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_comparison import PLAN

from conformance.lab.fashion import compare, comparison_pages, data, pool, results, train, training_calls


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A folder with a small set, and what its files are."""
    folder = tmp_path_factory.mktemp("small")
    return folder, data.make_small(folder, train=420, test=60)


@pytest.fixture(scope="session")
def loaded(small) -> data.Data:
    return data.load(*small)


@pytest.fixture
def here(monkeypatch) -> list[train.Job]:
    """Trainings run in this process, not in others, and are listed."""
    made: list[train.Job] = []

    def run_here(jobs, source, loaded, folder, processes, title) -> Iterator[dict]:
        for job in jobs:
            made.append(job)
            record = train.train(job, loaded)
            pool.keep(folder, job, loaded.digest, record)
            yield record

    monkeypatch.setattr(pool, "_made", run_here)
    monkeypatch.setattr(training_calls, "GRID", {"sgd": (0.03,)})
    return made


@pytest.fixture(scope="session")
def compared(small, tmp_path_factory) -> tuple[compare.TrainingComparison, Path]:
    """The whole comparison of one optimizer on the small set, and its pages."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as monkeypatch:
        here.__wrapped__(monkeypatch)
        source = pool.Source(*small)
        found = compare.run(PLAN, source, source.load(), folder / "runs")
    comparison_pages.write(found, results.circumstances({}, "small"), folder)
    return found, folder
