"""What supervisors see of a pool, written by its dispatcher; no customer, number or contact in it."""

from datetime import datetime
from uuid import UUID

import msgspec

from crewline_floor.agents.service_pool import Activity


class QueueToday(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts that entered since midnight of the tenant's zone; `in_time` within the queue's threshold."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    in_time: int = 0
    talking: int = 0


class QueueLine(msgspec.Struct, frozen=True, kw_only=True):
    """`oldest_at`: queue entry of the contact that waits the longest."""

    id: UUID
    tenant_id: UUID
    name: str
    waiting: int
    oldest_at: datetime | None
    threshold_ms: int
    target: float
    today: QueueToday


class TenantLine(msgspec.Struct, frozen=True, kw_only=True):
    """Seats in use against what is promised (`floor`) and allowed (`cap`)."""

    id: UUID
    name: str
    colour: int
    share: float
    floor: int
    cap: int | None
    seats: int
    waiting: int


class PoolBoard(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    at: datetime
    members: int
    tenants: list[TenantLine]
    queues: list[QueueLine]
    agents: list[Activity]


class FloorBoard(msgspec.Struct, frozen=True, kw_only=True):
    """All pools. `at` is the oldest of their instants: how fresh the whole picture is."""

    at: datetime | None
    pools: list[PoolBoard]


def risk(line: QueueLine, now: datetime) -> float:
    """Higher is worse: how far today's service falls short of its target, then the longest wait."""
    today = line.today
    reached = today.in_time / today.answered if today.answered else 1.0
    waited_ms = (now - line.oldest_at).total_seconds() * 1000 if line.oldest_at else 0.0
    return max(0.0, line.target - reached) * 10 + waited_ms / line.threshold_ms
