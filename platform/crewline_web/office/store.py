"""Read-only statements of the operator's pages: what no module's service lists yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx


async def promise(tx: Tx, tenant_id: UUID) -> Row[Any] | None:
    """The thresholds and target that most queues of the tenant have."""
    return await tx.row(
        """
        select threshold_ms, short_abandon_ms, target from queue where tenant_id = $1
         group by threshold_ms, short_abandon_ms, target
         order by count(*) desc, target desc, threshold_ms limit 1
        """,
        tenant_id,
    )


async def agents(tx: Tx, wanted: str, pool_id: UUID | None, after: str, limit: int) -> Sequence[Row[Any]]:
    """By alias, after the given one; `pools` and `tenants` are the ids that the agent belongs to."""
    return await tx.rows(
        """
        select a.id, a.alias, a.simulated, p.state, p.reason, p.since,
               array(select m.pool_id from pool_member m where m.agent_id = a.id) as pools,
               array(select c.tenant_id from agent_certification c
                      where c.agent_id = a.id and (c.until is null or c.until > now())) as tenants
          from agent a left join agent_presence p on p.agent_id = a.id
         where a.state = 'active' and a.alias > $3
           and ($1 = '' or strpos(lower(a.alias), lower($1)) > 0)
           and ($2::uuid is null or exists (select 1 from pool_member m where m.agent_id = a.id and m.pool_id = $2))
         order by a.alias limit $4
        """,
        wanted,
        pool_id,
        after,
        limit,
    )


async def count_agents(tx: Tx, wanted: str, pool_id: UUID | None) -> int:
    return int(
        await tx.value(
            """
            select count(*) from agent a
             where a.state = 'active' and ($1 = '' or strpos(lower(a.alias), lower($1)) > 0)
               and ($2::uuid is null or exists (select 1 from pool_member m where m.agent_id = a.id and m.pool_id = $2))
            """,
            wanted,
            pool_id,
        )
    )


async def import_runs(tx: Tx, limit: int) -> Sequence[Row[Any]]:
    """Newest first."""
    return await tx.rows(
        """
        select id, file_name, file_hash, started_at, finished_at,
               rows_read, rows_imported, rows_known, rows_conflicting, rows_rejected
          from import_run order by started_at desc, id desc limit $1
        """,
        limit,
    )


async def deliveries(tx: Tx, tenant_id: UUID) -> Row[Any] | None:
    """How many wait, since when, how many gave up, and when the last one arrived."""
    return await tx.row(
        """
        select count(*) filter (where state = 'pending') as pending,
               min(created_at) filter (where state = 'pending') as oldest_at,
               count(*) filter (where state = 'dead') as dead,
               count(*) filter (where state = 'delivered') as delivered,
               max(delivered_at) as delivered_at
          from crm_delivery where tenant_id = $1
        """,
        tenant_id,
    )


async def last_before(tx: Tx, tenant_id: UUID, at: datetime) -> datetime | None:
    """The newest quarter of an hour with contacts before an instant."""
    found: datetime | None = await tx.value(
        "select max(starts_at) from queue_interval where tenant_id = $1 and starts_at < $2 and offered > 0",
        tenant_id,
        at,
    )
    return found
