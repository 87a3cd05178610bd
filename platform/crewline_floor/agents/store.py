"""Statements on operator-wide tables of agents: no tenant's customers here, only who is where."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx
from crewline_infra.ids import new_id


async def agent_of_user(tx: Tx, user_id: UUID) -> Row[Any] | None:
    return await tx.row("select id, alias, simulated from agent where user_id = $1 and state = 'active'", user_id)


async def agent(tx: Tx, agent_id: UUID) -> Row[Any] | None:
    return await tx.row("select id, alias, simulated from agent where id = $1", agent_id)


async def presence(tx: Tx, agent_id: UUID) -> Row[Any] | None:
    return await tx.row("select state, reason, since, seen_at from agent_presence where agent_id = $1", agent_id)


async def hint(tx: Tx, agent_ids: Sequence[UUID]) -> None:
    """Tell dispatchers and desks that these agents changed (ids only: every listener reads this)."""
    await tx.run(
        "select pg_notify('crewline_floor', 'agent ' || id) from unnest($1::uuid[]) as given(id)",
        list(agent_ids),
    )


async def put_presence(tx: Tx, agent_id: UUID, state: str, reason: str | None, at: datetime) -> None:
    await tx.run(
        """
        insert into agent_presence (agent_id, state, reason, since, seen_at)
        values ($1, $2, $3, $4, $4)
        on conflict (agent_id) do update
           set state = excluded.state, reason = excluded.reason, since = excluded.since,
               seen_at = excluded.seen_at
         where (agent_presence.state, agent_presence.reason)
               is distinct from (excluded.state, excluded.reason)
        """,
        agent_id,
        state,
        reason,
        at,
    )


async def seen(tx: Tx, agent_id: UUID, at: datetime) -> None:
    await tx.run("update agent_presence set seen_at = $2 where agent_id = $1", agent_id, at)


async def idle_since(tx: Tx, agent_id: UUID, at: datetime) -> None:
    """An available agent's idle time starts anew when a slot of his is freed."""
    await tx.run(
        "update agent_presence set since = $2 where agent_id = $1 and state = 'available'",
        agent_id,
        at,
    )


async def slots_of(tx: Tx, agent_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(
        """
        select agent_id, slot, pool_id, tenant_id, contact_id, leg_id, state, since
          from agent_slot where agent_id = $1 order by slot
        """,
        agent_id,
    )


async def slot_state(tx: Tx, agent_id: UUID, leg_id: UUID, state: str, at: datetime) -> int:
    return await tx.run(
        "update agent_slot set state = $3, since = $4 where agent_id = $1 and leg_id = $2",
        agent_id,
        leg_id,
        state,
        at,
    )


async def free_slot(tx: Tx, agent_id: UUID, leg_id: UUID) -> int:
    return await tx.run("delete from agent_slot where agent_id = $1 and leg_id = $2", agent_id, leg_id)


async def log(
    tx: Tx,
    agent_ids: Sequence[UUID],
    state: str,
    reason: str | None,
    tenant_ids: Sequence[UUID | None],
    *,
    at: datetime,
) -> None:
    """Close each agent's open stretch of time and start the next."""
    await tx.run(
        """
        update agent_state_log l set ended_at = greatest(l.started_at, $2)
          from unnest($1::uuid[]) as given(agent_id)
         cross join lateral (
           select started_at, id from agent_state_log last
            where last.agent_id = given.agent_id
            order by last.started_at desc, last.id desc limit 1) as open
         where l.agent_id = given.agent_id and l.started_at = open.started_at and l.id = open.id
           and l.ended_at is null
        """,
        list(agent_ids),
        at,
    )
    await tx.run(
        """
        insert into agent_state_log (agent_id, started_at, id, state, reason, tenant_id)
        select agent_id, $3, id, $4, $5, tenant_id
          from unnest($1::uuid[], $2::uuid[], $6::uuid[]) as given(agent_id, tenant_id, id)
        """,
        list(agent_ids),
        list(tenant_ids),
        at,
        state,
        reason,
        [new_id() for _ in agent_ids],
    )


async def take_slots(tx: Tx, pool_id: UUID, offers: Sequence[tuple[UUID, UUID, UUID, UUID]], at: datetime) -> set[UUID]:
    """`offers`: (agent, tenant, contact, leg). Legs whose agent was available and free.

    The key (agent, slot) is what makes a double booking impossible, whoever else is deciding.
    """
    rows = await tx.rows(
        """
        insert into agent_slot (agent_id, slot, pool_id, tenant_id, contact_id, leg_id, state, since)
        select given.agent_id, 0, $1, tenant_id, contact_id, leg_id, 'ringing', $2
          from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[])
               as given(agent_id, tenant_id, contact_id, leg_id)
          join agent_presence p on p.agent_id = given.agent_id and p.state = 'available'
         order by given.agent_id
            on conflict do nothing
        returning leg_id
        """,
        pool_id,
        at,
        *(list(column) for column in zip(*offers, strict=True)),
    )
    return {row.leg_id for row in rows}


async def drop_slots(tx: Tx, leg_ids: Sequence[UUID]) -> None:
    await tx.run("delete from agent_slot where leg_id = any($1)", list(leg_ids))


async def free_agents(tx: Tx, pool_id: UUID, only: Sequence[UUID] | None = None) -> Sequence[Row[Any]]:
    """Members of the pool who are available with nothing in hand, and since when."""
    return await tx.rows(
        """
        select p.agent_id, p.since from agent_presence p
          join pool_member m on m.agent_id = p.agent_id and m.pool_id = $1
         where p.state = 'available' and ($2::uuid[] is null or p.agent_id = any($2))
           and not exists (select from agent_slot s where s.agent_id = p.agent_id)
        """,
        pool_id,
        None if only is None else list(only),
    )


async def seats(tx: Tx, pool_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(
        "select tenant_id, count(*) as seats from agent_slot where pool_id = $1 group by tenant_id",
        pool_id,
    )


async def activity(tx: Tx, pool_id: UUID) -> Sequence[Row[Any]]:
    """Every member of the pool who is not offline, with the contact in hand where there is one."""
    return await tx.rows(
        """
        select a.id, a.alias, a.simulated, p.state, p.reason, p.since,
               s.state as slot_state, s.since as slot_since, s.tenant_id
          from pool_member m
          join agent a on a.id = m.agent_id
          join agent_presence p on p.agent_id = a.id
          left join agent_slot s on s.agent_id = a.id and s.slot = 0
         where m.pool_id = $1 and (p.state <> 'offline' or s.agent_id is not null)
         order by a.alias
        """,
        pool_id,
    )


async def simulated_agents(tx: Tx) -> Sequence[Row[Any]]:
    return await tx.rows(
        """
        select a.id, coalesce(p.state, 'offline') as state, p.reason, p.since
          from agent a left join agent_presence p on p.agent_id = a.id
         where a.simulated and a.state = 'active' order by a.id
        """
    )


async def slots_in_use(tx: Tx) -> Sequence[Row[Any]]:
    """Every contact in an agent's hands, and whether that agent is simulated."""
    return await tx.rows(
        """
        select s.agent_id, s.slot, s.pool_id, s.tenant_id, s.contact_id, s.leg_id, s.state, s.since,
               a.simulated
          from agent_slot s join agent a on a.id = s.agent_id order by s.agent_id, s.slot
        """
    )
