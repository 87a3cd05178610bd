"""Statements of the desk. All but `my_day` run in the agent's own transaction on one live leg."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx


async def in_hand(tx: Tx, tenant_id: UUID, leg_id: UUID) -> Row[Any] | None:
    return await tx.row(
        """
        select l.id as leg_id, l.contact_id, l.expires_at, l.wrap_until, l.agent_id,
               c.channel, c.state, c.priority, c.from_address, c.note, c.customer_id, c.script_version_id,
               c.arrived_at, c.queued_at, c.offered_at, c.answered_at, c.held_at, c.ended_at, c.hold_ms,
               q.id as queue_id, q.name as queue_name, q.script_id, q.threshold_ms,
               e.name as entry_point_name, e.address as entry_point,
               t.id as tenant_id, t.slug as tenant_slug, t.name as tenant_name, t.name_zh_hans, t.name_zh_hant,
               t.colour, t.time_zone
          from leg l
          join contact c on c.tenant_id = $1 and c.id = l.contact_id
          join tenant t on t.id = $1
          left join queue q on q.tenant_id = $1 and q.id = c.queue_id
          left join entry_point e on e.tenant_id = $1 and e.id = c.entry_point_id
         where l.tenant_id = $1 and l.id = $2 and l.ended_at is null
        """,
        tenant_id,
        leg_id,
    )


async def customer(tx: Tx, tenant_id: UUID, customer_id: UUID) -> Row[Any] | None:
    return await tx.row(
        "select id, name, phone, external_ref, tier, facts from customer where tenant_id = $1 and id = $2",
        tenant_id,
        customer_id,
    )


async def history(tx: Tx, tenant_id: UUID, customer_id: UUID, limit: int) -> Sequence[Row[Any]]:
    """The customer's finished contacts with this tenant, newest first, imported ones included."""
    return await tx.rows(
        """
        select r.contact_id, r.channel, r.outcome, r.disposition, r.arrived_at, r.talk_ms, r.wait_ms
          from record r
         where r.tenant_id = $1 and r.customer_id = $2 and r.current
         order by r.arrived_at desc, r.contact_id limit $3
        """,
        tenant_id,
        customer_id,
        limit,
    )


async def save_note(tx: Tx, tenant_id: UUID, contact_id: UUID, note: str) -> int:
    return await tx.run(
        "update contact set note = $3 where tenant_id = $1 and id = $2 and state <> 'closed'",
        tenant_id,
        contact_id,
        note,
    )


async def extend_wrap_up(tx: Tx, tenant_id: UUID, leg_id: UUID, until: datetime) -> None:
    await tx.run(
        """
        update leg set wrap_until = greatest(wrap_until, $3)
         where tenant_id = $1 and id = $2 and wrap_until is not null and ended_at is null
        """,
        tenant_id,
        leg_id,
        until,
    )


async def my_day(tx: Tx, agent_id: UUID, since: datetime, now: datetime) -> Sequence[Row[Any]]:
    """Time by state since an instant, and how many stretches of it (operator-wide: no contacts)."""
    return await tx.rows(
        """
        select state, count(*) as stretches,
               sum(extract(epoch from coalesce(ended_at, $3) - greatest(started_at, $2)) * 1000)::bigint as ms
          from agent_state_log
         where agent_id = $1 and coalesce(ended_at, $3) > $2 and started_at <= $3
         group by state
        """,
        agent_id,
        since,
        now,
    )
