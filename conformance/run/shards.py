"""Shards: the table in n parts of about equal cost, for more work than one machine has time for.

The same table, costs and n give the same parts everywhere. The costs are committed, so no part depends on how fast
a machine was that day; a whole run with `--costs FILE` rewrites them.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from conformance.errors import BadInput

PATH = Path(__file__).with_name("costs.json")
UNKNOWN = 0.1  # seconds, for a check that is not in the table


def parse(text: str) -> tuple[int, int]:
    """ "2/5" as (2, 5)."""
    found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise BadInput(f"--shard: {text!r} is not a shard. Allowed: i/n with 1 <= i <= n, as in 2/5.")
    return int(found[1]), int(found[2])


def valid(text: str) -> bool:
    """Whether `text` is a shard."""
    try:
        return bool(parse(text))
    except BadInput:
        return False


def part(table: Sequence[Any], text: str, costs: Mapping[str, float] | None = None) -> list[Any]:
    """The instances of shard `text`, in table order."""
    number, of = parse(text)
    mine = set(divided(table, of, costs)[number - 1])
    return [i for i in table if i.id in mine]


def divided(table: Iterable[Any], of: int, costs: Mapping[str, float] | None = None) -> list[list[str]]:
    """The ids of each of `of` parts: the most expensive group first, each to the cheapest part so far.

    The modes of one case and dtype stay together, since they share the free run of the reference.
    """
    costs = load() if costs is None else costs
    groups: dict[str, list[str]] = defaultdict(list)
    weight: dict[str, int] = defaultdict(int)  # whole milliseconds: their sum does not depend on order
    for i in table:
        key = i.id.rpartition("-")[0]
        groups[key].append(i.id)
        weight[key] += round(1000 * costs.get(kind(i.id), UNKNOWN))
    parts: list[list[str]] = [[] for _ in range(of)]
    filled = [0] * of
    for key in sorted(groups, key=lambda k: (-weight[k], k)):
        least = min(range(of), key=lambda n: (filled[n], n))
        parts[least] += groups[key]
        filled[least] += weight[key]
    return parts


def kind(name: str) -> str:
    """The key of the costs: framework, optimizer and mode of an id."""
    framework, optimizer, *_ = name.split("-")
    return f"{framework}-{optimizer}-{name.rpartition('-')[2]}"


def measured(seconds: Mapping[str, float]) -> dict[str, float]:
    """The table of costs from the time each check took: the mean of its kind, to the millisecond."""
    kinds: dict[str, list[float]] = defaultdict(list)
    for name, took in seconds.items():
        kinds[kind(name)].append(took)
    return {k: round(sum(v) / len(v), 3) for k, v in sorted(kinds.items())}


@cache
def load() -> Mapping[str, float]:
    return json.loads(PATH.read_text(encoding="utf-8"))
