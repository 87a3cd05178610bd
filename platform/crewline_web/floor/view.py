"""What the floor's templates show: FLOOR's board with words, order by risk and running times. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from crewline_floor.agents.rules import PAUSE_REASONS, SYSTEM_REASONS
from crewline_floor.agents.service_pool import Activity
from crewline_floor.board.model import FloorBoard, PoolBoard, QueueLine, TenantLine, risk
from crewline_infra.canonical import canonical_json, sha256_hex
from crewline_infra.clock import ms_between
from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark

NEAR = 0.02
"""Closer above the target than this is a risk."""
STALE_MS = 15_000
LONG_TALK_MS = 10 * 60_000
LONG_PAUSE_MS = 20 * 60_000
SHOWN_AGENTS = 16
"""Of each group, those longest in their state; the rest behind a link."""

GROUPS = (
    ("talking", "a-talk", mark("Talking")),
    ("ringing", "a-ring", mark("Ringing")),
    ("held", "a-hold", mark("On hold")),
    ("wrapping", "a-wrap", mark("Wrap-up")),
    ("available", "a-ready", mark("Ready")),
    ("paused", "a-pause", mark("Paused")),
)


@dataclass(frozen=True, slots=True)
class TenantName:
    name: str
    colour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """`level` and `target` from 0 to 1, `kind` their verdict alone; `longest_ms` None when nobody waits."""

    name: str
    tenant: TenantName
    state: tuple[str, str]
    kind: str
    level: float | None
    target: float
    waiting: int
    longest_ms: int | None
    threshold_ms: int
    talking: int
    offered: int
    abandoned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRow:
    tenant: TenantName
    used: int
    floor: int
    cap: int | None
    waiting: int
    state: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRow:
    name: str
    members: int
    present: int
    seats: list[SeatRow]

    @property
    def most(self) -> int:
        """The longest bar."""
        return max((max(seat.used, seat.floor, seat.cap or 0) for seat in self.seats), default=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCell:
    id: UUID
    alias: str
    colour: int | None
    told: str
    ms: int
    long: bool
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentGroup:
    cls: str
    word: str
    count: int
    shown: list[AgentCell]


@dataclass(frozen=True, slots=True)
class Alert:
    state: tuple[str, str]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """`versions` tell which parts of the page have to be drawn anew; `age_ms` None before the first board."""

    age_ms: int | None
    queues: list[QueueRow]
    pools: list[PoolRow]
    groups: list[AgentGroup]
    alerts: list[Alert]
    waiting: int
    longest: QueueRow | None
    talking: int
    ready: int
    signed_in: int
    level: float | None
    offered: int
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of the address: a pool, a tenant, and whether all agents are listed."""

    pool: UUID | None = None
    tenant: UUID | None = None
    every_agent: bool = False


def floor_view(board: FloorBoard, names: Mapping[UUID, TenantName], wanted: Wanted, now: datetime) -> Floor:
    pools = [pool for pool in board.pools if wanted.pool in (None, pool.id)]
    lines = [line for pool in pools for line in pool.queues if wanted.tenant in (None, line.tenant_id)]
    lines.sort(key=lambda line: -risk(line, now))
    queues = [_queue(line, names, now) for line in lines]
    agents = list(_agents(pools, wanted))
    groups = _groups(agents, names, wanted, now)
    waits = [row for row in queues if row.longest_ms is not None]
    shown_pools = [_pool(pool, names, wanted) for pool in pools]
    alerts = _alerts(queues, shown_pools, agents, now)
    return Floor(
        age_ms=ms_between(board.at, now) if board.at else None,
        queues=queues,
        pools=shown_pools,
        groups=groups,
        alerts=alerts,
        waiting=sum(row.waiting for row in queues),
        longest=max(waits, key=lambda row: row.longest_ms or 0, default=None),
        talking=sum(agent.state in ("talking", "held") for agent in agents),
        ready=sum(agent.state == "available" for agent in agents),
        signed_in=sum(agent.state != "offline" for agent in agents),
        level=_level(lines),
        offered=sum(row.offered for row in queues),
        versions={
            "queues": _version([*lines, *(row.state for row in queues)]),
            "pools": _version([[pool.tenants, pool.members] for pool in pools]),
            "agents": _version([*agents, *(cell.long for group in groups for cell in group.shown)]),
            "alerts": _version(alerts),
        },
    )


def verdict(level: float | None, target: float) -> tuple[str, str]:
    if level is None:
        return "info", _("No contacts")
    if level < target:
        return "miss", _("Below target")
    return ("risk", _("At risk")) if level < target + NEAR else ("ok", _("On target"))


def _queue(line: QueueLine, names: Mapping[UUID, TenantName], now: datetime) -> QueueRow:
    level = _level([line])
    longest_ms = max(ms_between(line.oldest_at, now), 0) if line.oldest_at else None
    state = verdict(level, line.target)
    if (longest_ms or 0) > line.threshold_ms:
        state = ("miss", _("Waits too long"))
    elif (longest_ms or 0) * 2 > line.threshold_ms and state[0] in ("ok", "info"):
        state = ("risk", _("Waiting"))
    return QueueRow(
        name=line.name,
        tenant=_tenant(names, line.tenant_id),
        state=state,
        kind=verdict(level, line.target)[0],
        level=level,
        target=line.target,
        waiting=line.waiting,
        longest_ms=longest_ms,
        threshold_ms=line.threshold_ms,
        talking=line.today.talking,
        offered=line.today.offered,
        abandoned=line.today.abandoned,
    )


def _level(lines: Sequence[QueueLine]) -> float | None:
    """Answered in time, of all answered and abandoned contacts of today (variant V3)."""
    counted = sum(line.today.answered + line.today.abandoned for line in lines)
    return float(Fraction(sum(line.today.in_time for line in lines), counted)) if counted else None


def _tenant(names: Mapping[UUID, TenantName], tenant_id: UUID) -> TenantName:
    return names.get(tenant_id, TenantName("?", 8))


def _pool(pool: PoolBoard, names: Mapping[UUID, TenantName], wanted: Wanted) -> PoolRow:
    lines = [line for line in pool.tenants if wanted.tenant in (None, line.id)]
    return PoolRow(
        name=pool.name,
        members=pool.members,
        present=sum(agent.state != "offline" for agent in pool.agents),
        seats=[_seat(line, names) for line in lines],
    )


def _seat(line: TenantLine, names: Mapping[UUID, TenantName]) -> SeatRow:
    gap = line.seats - line.floor
    if gap > 0 and line.floor:
        state = ("ok", _("borrows %(n)s") % {"n": gap})
    elif gap < 0 and line.waiting:
        state = ("risk", _("%(n)s short") % {"n": -gap})
    elif gap < 0:
        state = ("info", _("lends %(n)s") % {"n": -gap})
    else:
        state = ("ok", _("even")) if line.floor else ("info", _("no floor"))
    return SeatRow(
        tenant=_tenant(names, line.id),
        used=line.seats,
        floor=line.floor,
        cap=line.cap,
        waiting=line.waiting,
        state=state,
    )


def _agents(pools: Iterable[PoolBoard], wanted: Wanted) -> Iterable[Activity]:
    """Each agent once, also one who is a member of several pools."""
    seen: set[UUID] = set()
    for pool in pools:
        for agent in pool.agents:
            if agent.id not in seen and wanted.tenant in (None, agent.tenant_id):
                seen.add(agent.id)
                yield agent


def _groups(
    agents: Sequence[Activity], names: Mapping[UUID, TenantName], wanted: Wanted, now: datetime
) -> list[AgentGroup]:
    found = []
    for state, cls, word in GROUPS:
        mine = sorted((agent for agent in agents if agent.state == state), key=lambda agent: agent.since)
        shown = mine if wanted.every_agent else mine[:SHOWN_AGENTS]
        cells = [_cell(agent, names, now) for agent in shown]
        found.append(AgentGroup(cls=cls, word=_(word), count=len(mine), shown=cells))
    return [group for group in found if group.count]


def _cell(agent: Activity, names: Mapping[UUID, TenantName], now: datetime) -> AgentCell:
    ms = max(ms_between(agent.since, now), 0)
    tenant = _tenant(names, agent.tenant_id) if agent.tenant_id else None
    reasons = PAUSE_REASONS | SYSTEM_REASONS
    reason = _(reasons[agent.reason]) if agent.reason in reasons else ""
    return AgentCell(
        id=agent.id,
        alias=agent.alias,
        colour=tenant.colour if tenant else None,
        told=tenant.name if tenant else reason,
        ms=ms,
        long=_is_long(agent, ms),
        state=agent.state,
    )


def _is_long(agent: Activity, ms: int) -> bool:
    limit_ms = LONG_PAUSE_MS if agent.state == "paused" else LONG_TALK_MS
    return agent.state in ("talking", "held", "paused", "wrapping") and ms > limit_ms


def _alerts(
    queues: Sequence[QueueRow], pools: Sequence[PoolRow], agents: Sequence[Activity], now: datetime
) -> list[Alert]:
    """What a supervisor can do something about, the worst first."""
    late = [row for row in queues if (row.longest_ms or 0) > row.threshold_ms]
    found = [
        Alert(
            ("miss", _("%(queue)s: waits too long") % {"queue": row.name}),
            _("%(tenant)s has %(n)s waiting; the target is %(seconds)s s.")
            % {"tenant": row.tenant.name, "n": row.waiting, "seconds": row.threshold_ms // 1000},
        )
        for row in late
    ]
    for pool in pools:
        found += [
            Alert(
                ("risk", _("%(tenant)s is under its floor") % {"tenant": seat.tenant.name}),
                _("%(used)s of %(floor)s guaranteed seats are in use, with %(n)s waiting.")
                % {"used": seat.used, "floor": seat.floor, "n": seat.waiting},
            )
            for seat in pool.seats
            if seat.state[0] == "risk"
        ]
    long = [agent for agent in agents if _is_long(agent, ms_between(agent.since, now))]
    return found + [_long(agent, now) for agent in sorted(long, key=lambda agent: agent.since)]


def _long(agent: Activity, now: datetime) -> Alert:
    minutes = ms_between(agent.since, now) // 60_000
    words = {
        "paused": _("%(agent)s: paused for %(n)s min"),
        "wrapping": _("%(agent)s: %(n)s min of wrap-up"),
        "held": _("%(agent)s: %(n)s min on hold"),
    }
    text = words.get(agent.state, _("%(agent)s: %(n)s min on one contact"))
    return Alert(("risk", text % {"agent": agent.alias, "n": minutes}), "")


def _version(plain: Any) -> str:
    return sha256_hex(canonical_json(_builtins(plain)))[:16]


def _builtins(value: Any) -> Any:
    """Rows as text: only whether they changed matters."""
    return [str(item) for item in value] if isinstance(value, list) else str(value)
