"""What a run of pytest tells the verb that started it."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.run.gate import count
from conformance.run.keeping import Kept


@dataclass(eq=False)  # a plugin of pytest is found by its identity
class Receiver:
    """Given to pytest.main as a plugin, it gets what the recorder kept."""

    kept: Kept | None = None
    refused: str = ""  # why the run did not start
    lost: str = ""  # why nothing is kept


def how_it_stopped(kept: Kept) -> str:
    """Why, how many checks were finished, and where they are."""
    return (
        f"stopped by {kept.stopped}: {len(kept.run.records):,} of {count(kept.run.header.selected, 'check')} were "
        f"finished and are kept in {kept.path}"
    )
