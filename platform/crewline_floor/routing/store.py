"""Statements on decisions."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx
from crewline_infra.ids import new_id


async def add_decisions(
    tx: Tx,
    tenant_id: UUID,
    pool_id: UUID,
    epoch: int,
    *,
    at: datetime,
    made: Sequence[tuple[UUID, UUID, str, Any, Any]],
) -> None:
    """`made`: (contact, leg, rule, reason of the whole pool, the tenant's own side of it)."""
    contacts, legs, rules, reasons, own = zip(*made, strict=True)
    await tx.run(
        """
        insert into routing_decision
               (tenant_id, id, contact_id, leg_id, pool_id, epoch, decided_at, rule, reason, own)
        select $1, id, contact_id, leg_id, $2, $3, $4, rule, reason::jsonb, own::jsonb
          from unnest($5::uuid[], $6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[])
               as given(id, contact_id, leg_id, rule, reason, own)
        """,
        tenant_id,
        pool_id,
        epoch,
        at,
        [new_id() for _ in made],
        list(contacts),
        list(legs),
        list(rules),
        [json.dumps(reason) for reason in reasons],
        [json.dumps(side) for side in own],
    )


async def reasons(tx: Tx, tenant_id: UUID, contact_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(
        """
        select decided_at, leg_id, reason from routing_decision
         where tenant_id = $1 and contact_id = $2 order by decided_at, id
        """,
        tenant_id,
        contact_id,
    )


async def own_sides(tx: Tx, tenant_id: UUID, contact_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(
        """
        select decided_at, leg_id, own from routing_decision
         where tenant_id = $1 and contact_id = $2 order by decided_at, id
        """,
        tenant_id,
        contact_id,
    )


async def names(tx: Tx) -> Sequence[Row[Any]]:
    """Names of tenants and agents, for the operator's sentence."""
    return await tx.rows("select id, name from tenant union all select id, alias from agent")
