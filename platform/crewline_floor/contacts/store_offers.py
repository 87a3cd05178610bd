"""Statements that put a batch of decisions into contacts and legs; one tenant at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx


async def offer_contacts(tx: Tx, tenant_id: UUID, contact_ids: Sequence[UUID], at: datetime) -> set[UUID]:
    """Those that were still queued and are offered now."""
    rows = await tx.rows(
        """
        update contact
           set state = 'offered', offered_at = greatest($3, queued_at), revision = revision + 1
         where tenant_id = $1 and id = any($2) and state = 'queued'
        returning id
        """,
        tenant_id,
        list(contact_ids),
        at,
    )
    return {row.id for row in rows}


async def add_legs(
    tx: Tx, tenant_id: UUID, pool_id: UUID, legs: Sequence[tuple[UUID, UUID, UUID, datetime]], at: datetime
) -> None:
    """`legs`: (leg, contact, agent, ringing ends)."""
    await tx.run(
        """
        insert into leg (tenant_id, id, contact_id, agent_id, pool_id, slot, offered_at, expires_at)
        select $1, leg_id, contact_id, agent_id, $2, 0, $3, expires_at
          from unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::timestamptz[])
               as given(leg_id, contact_id, agent_id, expires_at)
        """,
        tenant_id,
        pool_id,
        at,
        *(list(column) for column in zip(*legs, strict=True)),
    )


async def waiting(tx: Tx, tenant_id: UUID, pool_id: UUID, only: Sequence[UUID] | None = None) -> Sequence[Row[Any]]:
    """Contacts queued for the pool; `only` narrows to these ids."""
    return await tx.rows(
        """
        select id, queue_id, priority, queued_at from contact
         where tenant_id = $1 and pool_id = $2 and state = 'queued'
           and ($3::uuid[] is null or id = any($3))
         order by queued_at, id
        """,
        tenant_id,
        pool_id,
        None if only is None else list(only),
    )


async def live_legs(tx: Tx, tenant_id: UUID, pool_id: UUID) -> Sequence[Row[Any]]:
    """Legs that a timer of the pool may end: ringing ones and those in wrap-up."""
    return await tx.rows(
        """
        select l.id, l.contact_id, l.agent_id, l.expires_at, l.answered_at, l.wrap_until from leg l
          join contact c on c.tenant_id = $1 and c.id = l.contact_id and c.state <> 'closed'
         where l.tenant_id = $1 and l.pool_id = $2 and l.ended_at is null
           and (l.answered_at is null or l.wrap_until is not null)
        """,
        tenant_id,
        pool_id,
    )
