"""How pytest-xdist spreads the checks over its workers."""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

CHECK = re.compile(r"::test_step\[(.+)\]$")


class Together(LoadScopeScheduling):
    """A worker gets all checks that share a run or a traced graph, the largest parts first.

    Every other test is a part of its own.
    """

    def _split_scope(self, nodeid: str) -> str:
        found = CHECK.search(nodeid)
        return part(found[1]) if found else nodeid


def part(name: str) -> str:
    """What the checks with these ids have in common: framework, optimizer and dtype."""
    framework, optimizer, *_, dtype, _mode = name.split("-")
    return f"{framework}-{optimizer}-{dtype}"
