"""The map as plain data, as a page and as Markdown. No framework is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from conformance.judge.failure import number
from conformance.porting import map_data
from conformance.porting.map_rows import NONE, ROWS, MapRow
from conformance.porting.status import Status
from conformance.porting.translation import AROUND
from conformance.porting.uses import DIRECTIONS, ArgumentPair, Use, argument_pairs, shown, status, uses
from conformance.report.templating import environment

STYLES = {
    Status.EXACT: ("ok", "✓", "exact"),
    Status.CONDITIONAL: ("known", "≈", "conditional"),
    Status.NONE: ("none", "–", "none"),
}
NAMES = {"torch": "torch.optim", "keras": "keras.optimizers"}


@dataclass(frozen=True)
class UseView:
    """One option of a row, in one direction."""

    name: str
    options: str  # "momentum = 0.875"
    status: Status
    conditions: tuple[str, ...]
    call: str  # the correct port
    outside: tuple[str, ...]  # what to do outside the optimizer
    losses: tuple[str, ...]
    right: str
    naive: str
    broken: tuple[tuple[str, str], ...]  # condition, and the distance without it
    known: tuple[str, ...]  # ledger rows that explain exactly how far it is off


@dataclass(frozen=True)
class Direction:
    """A row, in one direction."""

    source: str
    target: str
    status: Status
    conditions: tuple[str, ...]  # for the plain rule
    uses: tuple[UseView, ...]
    defaults_naive: str
    defaults_right: str


@dataclass(frozen=True)
class RowView:
    anchor: str
    title: str
    torch: str
    keras: str
    says: str
    instead: str
    status: Status  # the worse of the two directions
    forward: Direction
    backward: Direction
    arguments: tuple[ArgumentPair, ...]

    @property
    def ways(self) -> tuple[Direction, ...]:
        return tuple(w for w in (self.forward, self.backward) if w.uses)


@dataclass(frozen=True)
class Map:
    rows: tuple[RowView, ...]
    versions: Mapping[str, str]
    around: tuple[tuple[str, str], ...]

    @property
    def pairs(self) -> list[RowView]:
        return [r for r in self.rows if r.torch and r.keras]

    @property
    def alone(self) -> list[RowView]:
        return [r for r in self.rows if not (r.torch and r.keras)]

    @property
    def headline(self) -> str:
        """ "Of 15 PyTorch and 14 Keras optimizers …"."""
        n = {s: sum(r.status is s for r in self.rows) for s in Status}
        torch, keras = (
            sum(bool(c) for c in column) for column in zip(*((r.torch, r.keras) for r in self.rows), strict=True)
        )
        return (
            f"PyTorch has {torch} optimizers and Keras {keras} with conformance.RAdam: {n[Status.EXACT]} pairs "
            f"take the same steps, {n[Status.CONDITIONAL]} under conditions, {n[NONE]} classes have no equivalent"
        )


def build(data: map_data.MapData | None = None, rows: tuple[MapRow, ...] = ROWS) -> Map:
    """The whole map, with the measured numbers."""
    data = data or map_data.load()
    around = tuple((_keras_argument(name), says.format("…").replace("'…'", "…")) for name, says in AROUND.items())
    return Map(tuple(_row(row, data) for row in rows), data.versions, around)


def _keras_argument(name: str) -> str:
    known = {"clip_value": "clipvalue", "clip_norm": "clipnorm", "global_clip_norm": "global_clipnorm"}
    known |= {"average_momentum": "use_ema, ema_momentum", "overwrite_every": "ema_overwrite_frequency"}
    known |= {"loss_scale": "loss_scale_factor", "accumulation_steps": "gradient_accumulation_steps"}
    return known[name]


def _row(row: MapRow, data: map_data.MapData) -> RowView:
    ways = [_way(row, source, target, data) for source, target in DIRECTIONS]
    order = list(Status)
    return RowView(
        anchor=row.optimizer,
        title=row.title,
        torch=row.torch,
        keras=("conformance." if row.keras == "RAdam" else "") + row.keras,
        says=row.says,
        instead=row.instead,
        status=max((w.status for w in ways), key=order.index),
        forward=ways[0],
        backward=ways[1],
        arguments=tuple(argument_pairs(row)),
    )


def _way(row: MapRow, source: str, target: str, data: map_data.MapData) -> Direction:
    found = [_use(use, data) for use in uses(row, source, target)]
    by_default = data.measured.get(f"{source}-{row.optimizer}-defaults", {})
    return Direction(
        source,
        target,
        status(row, source),
        found[0].conditions if found else (),
        tuple(found),
        _number(by_default.get("naive")),
        _number(by_default.get("right")),
    )


def _use(use: Use, data: map_data.MapData) -> UseView:
    kept = data.measured.get(use.id, {})
    entry = use.row.entry(use.source)
    return UseView(
        name=use.name,
        options=", ".join(shown(entry, k, v) for k, v in use.overrides.items()),
        status=use.status,
        conditions=use.conditions,
        call=use.plain.call,
        outside=tuple(o.says for o in use.plain.outside),
        losses=tuple(loss.says for loss in use.plain.losses),
        right="—" if use.status is NONE else _number(kept.get("right")),
        naive=_number(kept.get("naive")),
        broken=tuple((name, _number(value)) for name, value in kept.get("broken", {}).items()),
        known=tuple(kept.get("known", ())),
    )


def _number(value: float | None) -> str:
    return "" if value is None else number(value)


def as_json(m: Map) -> dict[str, Any]:
    """JSON, for programs."""
    return {"headline": m.headline, "versions": dict(m.versions), "rows": [asdict(r) for r in m.rows]}


def render(m: Map | None = None) -> dict[str, str]:
    """File name -> text. The same map gives the same texts."""
    m = m or build()
    texts = {}
    for name, html in (("map.html", True), ("map.md", False)):
        env = environment(html=html)
        env.filters |= {
            "style": lambda s: STYLES[s][0],
            "symbol": lambda s: STYLES[s][1],
            "says": lambda s: STYLES[s][2],
        }
        env.globals |= {"NAMES": NAMES, "Status": Status}
        texts[name] = env.get_template(f"{name}.j2").render(m=m)
    return texts
