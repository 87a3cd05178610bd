"""How workers take deliveries: heads of lanes only, under a lease by the database's time."""

from datetime import datetime
from uuid import UUID

from crewline_infra.db import Tx
from crewline_tenants.crm.model import Claim, Outcome
from crewline_tenants.crm.rules import CIRCUIT_FAILURES, Circuit

_CLAIM = """
with callable as (
  select e.id,
         case when e.failures >= $5 then 1 - (
           select count(*) from crm_delivery f
            where f.tenant_id = $1 and f.endpoint_id = e.id and f.state = 'pending'
              and f.leased_until > clock_timestamp())
         else $4 end as room
    from crm_endpoint e
   where e.tenant_id = $1 and e.state = 'active'
     and (e.opens_at is null or e.opens_at <= clock_timestamp())
), heads as (
  select h.id from callable c, lateral (
    select d.id, d.due_at from crm_delivery d
     where d.tenant_id = $1 and d.endpoint_id = c.id and d.state = 'pending'
       and d.due_at <= clock_timestamp()
       and (d.leased_until is null or d.leased_until <= clock_timestamp())
       and not exists (
         select from crm_delivery p
          where p.tenant_id = $1 and p.endpoint_id = d.endpoint_id and p.lane = d.lane
            and p.state = 'pending' and p.position < d.position)
     order by d.due_at, d.position
     limit greatest(least(c.room, $4), 0)
       for update of d skip locked) h
   order by h.due_at
   limit $4
), taken as (
  update crm_delivery d
     set leased_by = $2, leased_until = clock_timestamp() + $3 * interval '1 millisecond'
    from heads h
   where d.tenant_id = $1 and d.id = h.id
  returning d.id, d.endpoint_id, d.attempts, d.payload, d.position
)
select t.id, t.endpoint_id, t.attempts, t.payload, e.url, e.secret,
       case when e.old_secret_until > clock_timestamp() then e.old_secret end as old_secret
  from taken t
  join crm_endpoint e on e.tenant_id = $1 and e.id = t.endpoint_id
 order by t.position
"""
"""$1 tenant, $2 lease, $3 its length in ms, $4 how many, $5 failures from which an endpoint is being probed."""


async def tenants_with_due(tx: Tx) -> list[UUID]:
    """Whose endpoints can be called and have something due: ids only, over all tenants."""
    rows = await tx.rows(
        """
        select distinct e.tenant_id
          from crm_endpoint e
         where e.state = 'active' and (e.opens_at is null or e.opens_at <= clock_timestamp())
           and exists (
             select from crm_delivery d
              where d.tenant_id = e.tenant_id and d.endpoint_id = e.id and d.state = 'pending'
                and d.due_at <= clock_timestamp()
                and (d.leased_until is null or d.leased_until <= clock_timestamp()))
        """
    )
    return [row.tenant_id for row in rows]


async def claim(tx: Tx, tenant_id: UUID, lease: str, lease_ms: int, limit: int) -> list[Claim]:
    """Take up to `limit` due heads of lanes; from an endpoint that is being probed, only one at a time.

    A lane's head is its earliest pending delivery, so that a lane has at most one in flight and its
    order is kept whatever fails.
    """
    rows = await tx.rows(
        _CLAIM,
        tenant_id,
        lease,
        lease_ms,
        limit,
        CIRCUIT_FAILURES,
    )
    return [
        Claim(
            tenant_id=tenant_id,
            id=row.id,
            endpoint_id=row.endpoint_id,
            lease=lease,
            attempts=row.attempts,
            payload=row.payload,
            url=row.url,
            secrets=(row.secret, row.old_secret) if row.old_secret else (row.secret,),
        )
        for row in rows
    ]


async def settle(tx: Tx, claim: Claim, outcome: Outcome) -> bool:
    """Store what an attempt came to; False when the lease has passed to somebody else meanwhile."""
    settled = await tx.run(
        """
        update crm_delivery
           set state = $4, attempts = attempts + 1, due_at = clock_timestamp() + $5 * interval '1 millisecond',
               leased_until = null, leased_by = null, last_status = $6, last_error = $7,
               delivered_at = case when $4 = 'delivered' then clock_timestamp() end
         where tenant_id = $1 and id = $2 and leased_by = $3 and state = 'pending'
        """,
        claim.tenant_id,
        claim.id,
        claim.lease,
        outcome.state,
        outcome.wait_ms,
        outcome.status,
        outcome.error,
    )
    if settled:
        await _insert_attempt(tx, claim, outcome)
    return bool(settled)


async def _insert_attempt(tx: Tx, claim: Claim, outcome: Outcome) -> None:
    await tx.run(
        """
        insert into crm_attempt (tenant_id, delivery_id, attempt, at, status, error, duration_ms)
        select $1, $2, coalesce(max(attempt), 0) + 1, clock_timestamp(), $3, $4, $5
          from crm_attempt where tenant_id = $1 and delivery_id = $2
        """,
        claim.tenant_id,
        claim.id,
        outcome.status,
        outcome.error,
        outcome.duration_ms,
    )


async def release(tx: Tx, claim: Claim) -> None:
    """Give back what was taken and not tried."""
    await tx.run(
        """
        update crm_delivery set leased_until = null, leased_by = null
         where tenant_id = $1 and id = $2 and leased_by = $3
        """,
        claim.tenant_id,
        claim.id,
        claim.lease,
    )


async def lock_circuit(tx: Tx, tenant_id: UUID, endpoint_id: UUID) -> tuple[Circuit, datetime] | None:
    """The endpoint's health and the database's time; the row stays locked for this transaction."""
    row = await tx.row(
        """
        select failures, failing_since, opens_at, clock_timestamp() as now
          from crm_endpoint where tenant_id = $1 and id = $2 for update
        """,
        tenant_id,
        endpoint_id,
    )
    return (Circuit(row.failures, row.failing_since, row.opens_at), row.now) if row else None


async def set_circuit(tx: Tx, tenant_id: UUID, endpoint_id: UUID, circuit: Circuit) -> None:
    await tx.run(
        """
        update crm_endpoint set failures = $3, failing_since = $4, opens_at = $5
         where tenant_id = $1 and id = $2
        """,
        tenant_id,
        endpoint_id,
        circuit.failures,
        circuit.failing_since,
        circuit.opens_at,
    )


async def set_well(tx: Tx, tenant_id: UUID, endpoint_id: UUID) -> None:
    """Forget past failures; touches nothing (and locks nothing) when there were none."""
    await tx.run(
        """
        update crm_endpoint set failures = 0, failing_since = null, opens_at = null
         where tenant_id = $1 and id = $2 and failures > 0
        """,
        tenant_id,
        endpoint_id,
    )


async def disable(tx: Tx, tenant_id: UUID, endpoint_id: UUID, reason: str) -> None:
    await tx.run(
        """
        update crm_endpoint set state = 'disabled', reason = $3, updated_at = now()
         where tenant_id = $1 and id = $2
        """,
        tenant_id,
        endpoint_id,
        reason,
    )


async def forget(tx: Tx, tenant_id: UUID, before: datetime) -> int:
    """Delete what was delivered long ago, attempts first."""
    await tx.run(
        """
        delete from crm_attempt a using crm_delivery d
         where a.tenant_id = $1 and d.tenant_id = $1 and d.id = a.delivery_id
           and d.state = 'delivered' and d.delivered_at < $2
        """,
        tenant_id,
        before,
    )
    return await tx.run(
        "delete from crm_delivery where tenant_id = $1 and state = 'delivered' and delivered_at < $2",
        tenant_id,
        before,
    )
