"""How pytest-xdist distributes the checks over its workers."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Any

from xdist.scheduler import LoadScopeScheduling

from conformance.bindings import BINDINGS
from conformance.run import shards

CHECK = re.compile(r"::test_step\[(.+)\]$")


class SharedRunScheduling(LoadScopeScheduling):
    """One worker gets all checks that share a run or a traced graph, the most expensive parts first.

    Every other test is its own part. With cheap parts at the end, no worker waits long for another. A worker keeps
    to the frameworks it has imported while there is work for them: importing another takes seconds.
    """

    def _assign_work_unit(self, node: Any) -> None:
        if not self.assigned_work[node]:  # nothing is assigned yet, or this is a new worker
            self.workqueue = OrderedDict(sorted(self.workqueue.items(), key=lambda part: -cost(part[1])))
        self.workqueue.move_to_end(self._next(node), last=False)
        super()._assign_work_unit(node)

    def _next(self, node: Any) -> str:
        """The most expensive part for this worker's frameworks, preferring those that fewest others have.

        At first each kind gets one worker; further workers go to the kind with most work left per worker.
        """
        has = self._frameworks(node)
        if not self.assigned_work[node]:
            left: Counter[frozenset[str]] = Counter()
            for name, unit in self.workqueue.items():
                left[frameworks(name)] += cost(unit)
            there = Counter(map(self._frameworks, self.assigned_work))
            has = max(left, key=lambda needed: (not there[needed], left[needed] / (1 + there[needed])))
        mine = [name for name in self.workqueue if frameworks(name) <= has]
        each = [self._frameworks(n) for n in self.assigned_work]
        return min(mine or self.workqueue, key=lambda name: sum(frameworks(name) <= others for others in each))

    def _frameworks(self, node: Any) -> frozenset[str]:
        return frozenset().union(*map(frameworks, self.assigned_work[node]))

    def remove_node(self, node: Any) -> str | None:
        """Leave the worker's parts to the others, without the check that killed it."""
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


def frameworks(part: str) -> frozenset[str]:
    """The frameworks that a part imports."""
    first = part.partition("-")[0]
    return frozenset(BINDINGS if first == "both" else (first,)).intersection(BINDINGS)


def cost(nodeids: Iterable[str]) -> float:
    """Seconds, from the committed table of costs."""
    names = (found[1] if (found := CHECK.search(n)) else "" for n in nodeids)
    return sum(shards.load().get(shards.kind(n), shards.UNKNOWN) if n else shards.UNKNOWN for n in names)


def part(name: str) -> str:
    """What checks that share a run have in common: framework, optimizer and dtype."""
    framework, optimizer, *_, dtype, _mode = name.split("-")
    return f"{framework}-{optimizer}-{dtype}"
