"""Statements on contacts and their legs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_floor.contacts.rules import Contact
from crewline_infra.db import Tx

CHANNEL = "crewline_floor"
"""LISTEN channel. Its payloads reach every listener, so they carry ids only."""


async def add(tx: Tx, contact: Contact, from_address: str | None, tier: str) -> UUID | None:
    """The new contact's id; None when the engine announced it before."""
    added: UUID | None = await tx.value(
        """
        insert into contact (tenant_id, id, channel, direction, engine, external_id, entry_point_id,
                             customer_id, from_address, priority, tier, state, arrived_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        on conflict (tenant_id, engine, external_id) do nothing
        returning id
        """,
        contact.tenant_id,
        contact.id,
        contact.channel,
        contact.direction,
        contact.engine,
        contact.external_id,
        contact.entry_point_id,
        contact.customer_id,
        from_address,
        contact.priority,
        tier,
        contact.state,
        contact.arrived_at,
    )
    return added


async def id_of(tx: Tx, tenant_id: UUID, engine: str, external_id: str) -> UUID | None:
    found: UUID | None = await tx.value(
        "select id from contact where tenant_id = $1 and engine = $2 and external_id = $3",
        tenant_id,
        engine,
        external_id,
    )
    return found


async def exists(tx: Tx, tenant_id: UUID, contact_id: UUID) -> bool:
    found = await tx.value("select 1 from contact where tenant_id = $1 and id = $2", tenant_id, contact_id)
    return found is not None


async def locked(tx: Tx, tenant_id: UUID, contact_id: UUID) -> Contact | None:
    row = await tx.row(
        """
        select tenant_id, id, channel, direction, engine, external_id, entry_point_id, queue_id,
               pool_id, customer_id, priority, state, outcome, disposition_id, script_version_id,
               arrived_at, queued_at, offered_at, answered_at, held_at, hold_ms, ring_ms, ended_at,
               wrapped_at, revision
          from contact where tenant_id = $1 and id = $2 for update
        """,
        tenant_id,
        contact_id,
    )
    return Contact(**row._mapping) if row else None


async def save(tx: Tx, contact: Contact) -> None:
    await tx.run(
        """
        update contact
           set state = $3, outcome = $4, queue_id = $5, pool_id = $6, priority = $7,
               disposition_id = $8, script_version_id = $9, queued_at = $10, offered_at = $11,
               answered_at = $12, held_at = $13, hold_ms = $14, ring_ms = $15, ended_at = $16,
               wrapped_at = $17, revision = $18
         where tenant_id = $1 and id = $2
        """,
        contact.tenant_id,
        contact.id,
        contact.state,
        contact.outcome,
        contact.queue_id,
        contact.pool_id,
        contact.priority,
        contact.disposition_id,
        contact.script_version_id,
        contact.queued_at,
        contact.offered_at,
        contact.answered_at,
        contact.held_at,
        contact.hold_ms,
        contact.ring_ms,
        contact.ended_at,
        contact.wrapped_at,
        contact.revision,
    )


async def queue(tx: Tx, tenant_id: UUID, queue_id: UUID) -> Row[Any] | None:
    return await tx.row(
        """
        select id, pool_id, script_id, wrap_up_limit_ms, ring_timeout_ms, state
          from queue where tenant_id = $1 and id = $2
        """,
        tenant_id,
        queue_id,
    )


async def newest_script_version(tx: Tx, tenant_id: UUID, queue_id: UUID) -> UUID | None:
    found: UUID | None = await tx.value(
        """
        select v.id from queue q
          join script_version v on v.tenant_id = $1 and v.script_id = q.script_id
         where q.tenant_id = $1 and q.id = $2
         order by v.version desc limit 1
        """,
        tenant_id,
        queue_id,
    )
    return found


async def facts_for_record(tx: Tx, tenant_id: UUID, contact_id: UUID) -> Row[Any] | None:
    """What a record says beside the contact's own instants: addresses, codes, who handled it."""
    return await tx.row(
        """
        select e.address as entry_point, c.external_ref as customer_ref, d.code as disposition,
               l.agent_id, c2.from_address, c2.note
          from contact c2
          left join entry_point e on e.tenant_id = $1 and e.id = c2.entry_point_id
          left join customer c on c.tenant_id = $1 and c.id = c2.customer_id
          left join disposition d on d.tenant_id = $1 and d.id = c2.disposition_id
          left join leg l on l.tenant_id = $1 and l.contact_id = c2.id and l.answered_at is not null
         where c2.tenant_id = $1 and c2.id = $2
         order by l.answered_at desc limit 1
        """,
        tenant_id,
        contact_id,
    )


async def save_note(tx: Tx, tenant_id: UUID, contact_id: UUID, note: str) -> int:
    return await tx.run(
        "update contact set note = $3 where tenant_id = $1 and id = $2 and state <> 'closed'",
        tenant_id,
        contact_id,
        note,
    )


async def disposition_exists(tx: Tx, tenant_id: UUID, disposition_id: UUID) -> bool:
    """A leaf in use."""
    found = await tx.value(
        """
        select true from disposition d
         where d.tenant_id = $1 and d.id = $2 and d.active
           and not exists (select from disposition under
                            where under.tenant_id = $1 and under.parent_id = d.id)
        """,
        tenant_id,
        disposition_id,
    )
    return bool(found)


async def hint(tx: Tx, payload: str) -> None:
    await tx.run("select pg_notify($1, $2)", CHANNEL, payload)


async def locked_leg(tx: Tx, tenant_id: UUID, leg_id: UUID) -> Row[Any] | None:
    return await tx.row(
        """
        select id, contact_id, agent_id, pool_id, slot, offered_at, answered_at, held_at, hold_ms,
               released_at, wrap_until, ended_at
          from leg where tenant_id = $1 and id = $2 for update
        """,
        tenant_id,
        leg_id,
    )


async def live_leg_of(tx: Tx, tenant_id: UUID, contact_id: UUID) -> Row[Any] | None:
    return await tx.row(
        """
        select id, contact_id, agent_id, pool_id from leg
         where tenant_id = $1 and contact_id = $2 and ended_at is null for update
        """,
        tenant_id,
        contact_id,
    )


async def leg_answered(tx: Tx, tenant_id: UUID, leg_id: UUID, at: datetime) -> None:
    await tx.run("update leg set answered_at = $3 where tenant_id = $1 and id = $2", tenant_id, leg_id, at)


async def leg_held(tx: Tx, tenant_id: UUID, leg_id: UUID, held_at: datetime | None, hold_ms: int) -> None:
    await tx.run(
        "update leg set held_at = $3, hold_ms = $4 where tenant_id = $1 and id = $2",
        tenant_id,
        leg_id,
        held_at,
        hold_ms,
    )


async def leg_released(
    tx: Tx, tenant_id: UUID, leg_id: UUID, *, at: datetime, wrap_until: datetime, hold_ms: int
) -> None:
    await tx.run(
        """
        update leg set released_at = $3, wrap_until = $4, held_at = null, hold_ms = $5
         where tenant_id = $1 and id = $2
        """,
        tenant_id,
        leg_id,
        at,
        wrap_until,
        hold_ms,
    )


async def leg_ended(tx: Tx, tenant_id: UUID, leg_id: UUID, outcome: str, at: datetime) -> None:
    await tx.run(
        """
        update leg set outcome = $3, ended_at = greatest($4, offered_at)
         where tenant_id = $1 and id = $2 and ended_at is null
        """,
        tenant_id,
        leg_id,
        outcome,
        at,
    )


async def entry_point_queue(tx: Tx, tenant_id: UUID, entry_point_id: UUID) -> UUID | None:
    found: UUID | None = await tx.value(
        "select queue_id from entry_point where tenant_id = $1 and id = $2",
        tenant_id,
        entry_point_id,
    )
    return found


async def entry_address(tx: Tx, kind: str, address: str) -> Row[Any] | None:
    """Operator-wide: which tenant an address belongs to."""
    return await tx.row(
        "select tenant_id, entry_point_id from entry_address where kind = $1 and address = $2",
        kind,
        address,
    )


async def customer_of(tx: Tx, tenant_id: UUID, phone: str) -> Row[Any] | None:
    return await tx.row(
        "select id, tier from customer where tenant_id = $1 and phone = $2 order by id limit 1",
        tenant_id,
        phone,
    )


async def open_of_engine(tx: Tx, tenant_id: UUID, engine: str) -> Sequence[Row[Any]]:
    """Contacts that are not closed: what an engine that starts again has to take up."""
    return await tx.rows(
        """
        select id, state, arrived_at, queued_at, answered_at from contact
         where tenant_id = $1 and state <> 'closed' and engine = $2
        """,
        tenant_id,
        engine,
    )
