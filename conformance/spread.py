"""How pytest-xdist spreads the checks over its workers."""

from __future__ import annotations

import re
from typing import Any

from xdist.scheduler import LoadScopeScheduling

CHECK = re.compile(r"::test_step\[(.+)\]$")


class Together(LoadScopeScheduling):
    """A worker gets all checks that share a run or a traced graph, the largest parts first.

    Every other test is a part of its own.
    """

    def remove_node(self, node: Any) -> str | None:
        """What the worker had is left to the others, without the check that it died of."""
        parts = self.assigned_work.pop(node)
        left = [(unit, name) for unit in parts.values() for name, done in unit.items() if not done]
        if not left:
            return None
        unit, died_of = left[0]
        unit[died_of] = True
        self.workqueue.update((scope, unit) for scope, unit in parts.items() if not all(unit.values()))
        for other in self.assigned_work:
            self._reschedule(other)
        return died_of

    def _split_scope(self, nodeid: str) -> str:
        found = CHECK.search(nodeid)
        return part(found[1]) if found else nodeid


def part(name: str) -> str:
    """What the checks with these ids have in common: framework, optimizer and dtype."""
    framework, optimizer, *_, dtype, _mode = name.split("-")
    return f"{framework}-{optimizer}-{dtype}"
