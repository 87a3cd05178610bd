"""Events that leave with the transaction that caused them, and are read in order, each once in effect.

`publish` writes in the business transaction. A consumer reads a tenant's events after its position,
ordered by (transaction, id), and only those of transactions below the horizon: every transaction
that could still commit something earlier has then ended, so nothing is overtaken and nothing is
missed. Reading by "id greater than the last one" loses events of slower transactions. The effects of
a batch and the new position commit together, so a killed reader repeats nothing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Row

from crewline_infra.db import Database, Tx
from crewline_infra.ids import new_id
from crewline_infra.tenancy import Context, Role

BATCH_MAX = 500
_known_positions: WeakKeyDictionary[Database, set[tuple[str, UUID]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Event:
    """`key` names the thing it is about; `xid` the transaction that wrote it."""

    id: UUID
    tenant_id: UUID
    type: str
    key: str
    payload: dict[str, Any]
    xid: int
    created_at: datetime


Handler = Callable[[Tx, UUID, Sequence[Event]], Awaitable[None]]


async def publish(tx: Tx, tenant_id: UUID, type: str, key: str, payload: dict[str, Any]) -> UUID:
    """Add an event to the caller's transaction: it exists exactly when that commits."""
    event_id = new_id()
    await tx.run(
        """
        insert into outbox (tenant_id, id, type, key, payload, created_at)
        values ($1, $2, $3, $4, $5, clock_timestamp())
        """,
        tenant_id,
        event_id,
        type,
        key,
        payload,
    )
    return event_id


async def consume(
    database: Database, consumer: str, tenant_id: UUID, handler: Handler, *, limit: int = BATCH_MAX
) -> int:
    """Hand the next batch of one tenant to `handler` and move the position, in one transaction.

    Returns how many events were handled; 0 also when another process is at this tenant right now.
    An exception of the handler undoes its effects and leaves the position where it was.
    """
    await _ensure_position(database, consumer, tenant_id)
    async with _reading(database, tenant_id) as tx:
        if not await _take_position(tx, consumer, tenant_id):
            return 0
        events = await _next(tx, consumer, tenant_id, limit)
        if events:
            await handler(tx, tenant_id, events)
            await _advance(tx, consumer, events[-1])
        return len(events)


@asynccontextmanager
async def _reading(database: Database, tenant_id: UUID) -> AsyncIterator[Tx]:
    context = Context(Role.WORKER, tenant_id, request_id="outbox")
    async with database.transaction(context) as tx:
        yield tx


async def _ensure_position(database: Database, consumer: str, tenant_id: UUID) -> None:
    """In a transaction of its own: a second reader must find the place taken, not wait for it."""
    if (consumer, tenant_id) in _known_positions.setdefault(database, set()):
        return
    async with _reading(database, tenant_id) as tx:
        await tx.run(
            """
            insert into consumer_position (consumer, tenant_id, xid, id)
            values ($1, $2, '0'::xid8, '00000000-0000-0000-0000-000000000000')
            on conflict do nothing
            """,
            consumer,
            tenant_id,
        )
    _known_positions[database].add((consumer, tenant_id))


async def _take_position(tx: Tx, consumer: str, tenant_id: UUID) -> bool:
    """Lock the consumer's place for this tenant; False when somebody else holds it."""
    found = await tx.value(
        """
        select true from consumer_position
         where consumer = $1 and tenant_id = $2 for update skip locked
        """,
        consumer,
        tenant_id,
    )
    return bool(found)


async def _next(tx: Tx, consumer: str, tenant_id: UUID, limit: int) -> list[Event]:
    rows = await tx.rows(
        """
        select o.id, o.type, o.key, o.payload, o.xid::text as xid, o.created_at
          from outbox o
          join consumer_position p on p.consumer = $2 and p.tenant_id = $1
         where o.tenant_id = $1
           and (o.xid, o.id) > (p.xid, p.id)
           and o.xid < pg_snapshot_xmin(pg_current_snapshot())
         order by o.xid, o.id
         limit $3
        """,
        tenant_id,
        consumer,
        limit,
    )
    return [_event(tenant_id, row) for row in rows]


def _event(tenant_id: UUID, row: Row[Any]) -> Event:
    return Event(row.id, tenant_id, row.type, row.key, row.payload, int(row.xid), row.created_at)


async def _advance(tx: Tx, consumer: str, last: Event) -> None:
    await tx.run(
        """
        update consumer_position set xid = $3::text::xid8, id = $4
         where consumer = $1 and tenant_id = $2
        """,
        consumer,
        last.tenant_id,
        str(last.xid),
        last.id,
    )


async def park(database: Database, consumer: str, tenant_id: UUID, reason: str) -> Event | None:
    """Set the next event aside, where a person can see it, so that those behind it can be handled."""
    await _ensure_position(database, consumer, tenant_id)
    async with _reading(database, tenant_id) as tx:
        if not await _take_position(tx, consumer, tenant_id):
            return None
        events = await _next(tx, consumer, tenant_id, 1)
        for event in events:
            await tx.run(
                """
                insert into event_parked
                  (tenant_id, consumer, event_id, type, key, reason, parked_at)
                values ($1, $2, $3, $4, $5, $6, clock_timestamp())
                """,
                tenant_id,
                consumer,
                event.id,
                event.type,
                event.key,
                reason,
            )
            await _advance(tx, consumer, event)
        return events[0] if events else None


async def retry_parked(database: Database, consumer: str, tenant_id: UUID, handler: Handler) -> int:
    """Handle what was set aside, now that its cause is mended; each in a transaction of its own."""
    async with _reading(database, tenant_id) as tx:
        parked = await tx.rows(
            """
            select event_id from event_parked
             where tenant_id = $1 and consumer = $2 order by parked_at, event_id
            """,
            tenant_id,
            consumer,
        )
    for row in parked:
        async with _reading(database, tenant_id) as tx:
            await _retry_one(tx, consumer, tenant_id, row.event_id, handler)
    return len(parked)


async def tenants_with_parked(database: Database, consumer: str) -> list[UUID]:
    async with database.transaction(Context(Role.DISPATCH, request_id="outbox")) as tx:
        rows = await tx.rows("select distinct tenant_id from event_parked where consumer = $1", consumer)
    return [row.tenant_id for row in rows]


async def _retry_one(tx: Tx, consumer: str, tenant_id: UUID, event_id: UUID, handler: Handler) -> None:
    taken = await tx.run(
        "delete from event_parked where tenant_id = $1 and consumer = $2 and event_id = $3",
        tenant_id,
        consumer,
        event_id,
    )
    row = await tx.row(
        """
        select id, type, key, payload, xid::text as xid, created_at
          from outbox where tenant_id = $1 and id = $2
        """,
        tenant_id,
        event_id,
    )
    if taken and row:
        await handler(tx, tenant_id, [_event(tenant_id, row)])


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a consumer. `horizon_age_ms` is how long the oldest written event has been held
    back by a transaction, its own or an older one, that has not ended."""

    tenants: tuple[UUID, ...]
    horizon_age_ms: int
    parked: int


async def backlog(database: Database, consumer: str) -> Backlog:
    """Whose events wait for this consumer, over all tenants (ids and ages only, no content)."""
    async with database.transaction(Context(Role.DISPATCH, request_id="outbox")) as tx:
        rows = await tx.rows(
            """
            select t.id as tenant_id,
                   exists (
                     select from outbox o
                      where o.tenant_id = t.id
                        and (o.xid, o.id) > (
                          coalesce(p.xid, '0'::xid8),
                          coalesce(p.id, '00000000-0000-0000-0000-000000000000'))
                        and o.xid < pg_snapshot_xmin(pg_current_snapshot())) as readable,
                   (select extract(epoch from clock_timestamp() - min(o.created_at)) * 1000
                      from outbox o
                     where o.tenant_id = t.id
                       and o.xid >= pg_snapshot_xmin(pg_current_snapshot())) as held_ms
              from tenant t
              left join consumer_position p on p.consumer = $1 and p.tenant_id = t.id
            """,
            consumer,
        )
        parked = await tx.value("select count(*) from event_parked where consumer = $1", consumer)
    return Backlog(
        tenants=tuple(row.tenant_id for row in rows if row.readable),
        horizon_age_ms=max((int(row.held_ms) for row in rows if row.held_ms), default=0),
        parked=parked,
    )


async def forget(tx: Tx, tenant_id: UUID, consumers: Sequence[str], before: datetime) -> int:
    """Delete old events that every one of `consumers` has handled; returns how many."""
    return await tx.run(
        """
        delete from outbox o
         where o.tenant_id = $1 and o.created_at < $3
           and not exists (
             select from event_parked e where e.tenant_id = $1 and e.event_id = o.id)
           and (select count(*) from consumer_position p
                 where p.tenant_id = $1 and p.consumer = any($2)
                   and (p.xid, p.id) >= (o.xid, o.id)) = cardinality($2::text[])
        """,
        tenant_id,
        list(consumers),
        before,
    )
