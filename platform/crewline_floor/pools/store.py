"""Statements on pools, their leases and their boards."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx


async def pools(tx: Tx) -> Sequence[Row[Any]]:
    return await tx.rows("select id, slug, name from pool order by slug")


async def shares(tx: Tx, pool_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(
        """
        select s.tenant_id, s.share, s.floor_seats, s.cap_seats, t.name, t.colour, t.time_zone
          from pool_share s join tenant t on t.id = s.tenant_id
         where s.pool_id = $1 and t.state = 'active' order by t.slug
        """,
        pool_id,
    )


async def members(tx: Tx, pool_id: UUID) -> Sequence[Row[Any]]:
    """Agents with certificates and skills as arrays."""
    return await tx.rows(
        """
        select a.id, a.alias, a.simulated,
               array(select c.tenant_id from agent_certification c
                      where c.agent_id = a.id and (c.until is null or c.until > clock_timestamp()))
                 as certified,
               array(select k.skill_id from agent_skill k where k.agent_id = a.id order by k.skill_id)
                 as skills,
               array(select k.level from agent_skill k where k.agent_id = a.id order by k.skill_id)
                 as levels
          from pool_member m join agent a on a.id = m.agent_id
         where m.pool_id = $1 and a.state = 'active' order by a.alias
        """,
        pool_id,
    )


async def queues(tx: Tx, tenant_id: UUID, pool_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(
        """
        select q.id, q.slug, q.name, q.threshold_ms, q.target, q.ring_timeout_ms, q.policy,
               array(select k.skill_id from queue_skill k
                      where k.tenant_id = $1 and k.queue_id = q.id order by k.skill_id) as skills,
               array(select k.level from queue_skill k
                      where k.tenant_id = $1 and k.queue_id = q.id order by k.skill_id) as levels
          from queue q where q.tenant_id = $1 and q.pool_id = $2 order by q.slug
        """,
        tenant_id,
        pool_id,
    )


async def take_lease(tx: Tx, pool_id: UUID, holder: str, lease_ms: int) -> int | None:
    """The new epoch, when the lease was free or had run out by the database's clock."""
    epoch: int | None = await tx.value(
        """
        insert into pool_lease as l (pool_id, holder, epoch, until)
        values ($1, $2, 1, clock_timestamp() + $3::bigint * interval '1 ms')
        on conflict (pool_id) do update
           set holder = excluded.holder, epoch = l.epoch + 1, until = excluded.until
         where l.until < clock_timestamp()
        returning epoch
        """,
        pool_id,
        holder,
        lease_ms,
    )
    return epoch


async def renew_lease(tx: Tx, pool_id: UUID, holder: str, epoch: int, lease_ms: int) -> bool:
    """False when it has run out or passed on: a lease that ran out is never renewed, only taken."""
    return bool(
        await tx.run(
            """
            update pool_lease set until = clock_timestamp() + $4::bigint * interval '1 ms'
             where pool_id = $1 and holder = $2 and epoch = $3 and until > clock_timestamp()
            """,
            pool_id,
            holder,
            epoch,
            lease_ms,
        )
    )


async def give_up_lease(tx: Tx, pool_id: UUID, holder: str, epoch: int) -> None:
    await tx.run(
        """
        update pool_lease set until = clock_timestamp()
         where pool_id = $1 and holder = $2 and epoch = $3
        """,
        pool_id,
        holder,
        epoch,
    )


async def holds_lease(tx: Tx, pool_id: UUID, holder: str, epoch: int) -> bool:
    """Locks the lease: whoever would take it over waits for this transaction to end."""
    return bool(
        await tx.value(
            """
            select true from pool_lease
             where pool_id = $1 and holder = $2 and epoch = $3 and until > clock_timestamp()
               for share
            """,
            pool_id,
            holder,
            epoch,
        )
    )
