"""Endpoints and deliveries as their owners see them. What the workers do is in store_claims."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx
from crewline_infra.ids import new_id
from crewline_tenants.crm.model import Attempt, Delivery, DeliveryState, Endpoint, EndpointState, NewDelivery
from crewline_tenants.crm.rules import Circuit


async def list_endpoints(tx: Tx, tenant_id: UUID) -> list[Endpoint]:
    rows = await tx.rows(
        """
        select id, url, state, reason, failures, failing_since, opens_at, created_at, updated_at
          from crm_endpoint where tenant_id = $1 order by created_at, id
        """,
        tenant_id,
    )
    return [_endpoint(row) for row in rows]


async def find_endpoint(tx: Tx, tenant_id: UUID, endpoint_id: UUID) -> Endpoint | None:
    row = await tx.row(
        """
        select id, url, state, reason, failures, failing_since, opens_at, created_at, updated_at
          from crm_endpoint where tenant_id = $1 and id = $2
        """,
        tenant_id,
        endpoint_id,
    )
    return _endpoint(row) if row else None


async def insert_endpoint(tx: Tx, tenant_id: UUID, endpoint_id: UUID, url: str, secret: bytes) -> None:
    await tx.run(
        """
        insert into crm_endpoint (tenant_id, id, url, secret, created_at, updated_at)
        values ($1, $2, $3, $4, now(), now())
        """,
        tenant_id,
        endpoint_id,
        url,
        secret,
    )


async def update_endpoint(tx: Tx, tenant_id: UUID, endpoint_id: UUID, url: str, state: EndpointState) -> None:
    """A person's change also forgets how the endpoint has failed so far."""
    await tx.run(
        """
        update crm_endpoint
           set url = $3, state = $4, reason = null, failures = 0, failing_since = null, opens_at = null,
               updated_at = now()
         where tenant_id = $1 and id = $2
        """,
        tenant_id,
        endpoint_id,
        url,
        state,
    )


async def rotate_secret(tx: Tx, tenant_id: UUID, endpoint_id: UUID, secret: bytes, overlap_ms: int) -> None:
    """The old secret keeps signing beside the new one for a while."""
    await tx.run(
        """
        update crm_endpoint
           set old_secret = secret, old_secret_until = now() + $4 * interval '1 millisecond', secret = $3,
               updated_at = now()
         where tenant_id = $1 and id = $2
        """,
        tenant_id,
        endpoint_id,
        secret,
        overlap_ms,
    )


async def insert_deliveries(tx: Tx, tenant_id: UUID, endpoint_id: UUID, deliveries: Sequence[NewDelivery]) -> int:
    """Add deliveries in the given order; a contact's version that is already there is left alone."""
    return await tx.run(
        """
        insert into crm_delivery
          (tenant_id, id, endpoint_id, lane, type, contact_id, record_version, payload, due_at, created_at)
        select $1, d.id, $2, d.lane, d.type, d.contact_id, d.record_version, d.payload, now(), now()
          from jsonb_to_recordset($3) as d
               (n integer, id uuid, lane text, type text, contact_id uuid, record_version integer, payload jsonb)
         order by d.n
        on conflict do nothing
        """,
        tenant_id,
        endpoint_id,
        [
            {
                "n": n,
                "id": new.id,
                "lane": new.lane,
                "type": new.type,
                "contact_id": new.contact_id,
                "record_version": new.record_version,
                "payload": new.payload,
            }
            for n, new in enumerate(deliveries)
        ],
    )


async def list_deliveries(
    tx: Tx,
    tenant_id: UUID,
    *,
    state: DeliveryState | None,
    contact_id: UUID | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Delivery]:
    """Newest first, after the given one."""
    at, last_id = before or (None, None)
    rows = await tx.rows(
        """
        select id, endpoint_id, lane, type, contact_id, record_version, state, attempts, due_at,
               last_status, last_error, created_at, delivered_at
          from crm_delivery
         where tenant_id = $1
           and ($2::text is null or state = $2)
           and ($3::uuid is null or contact_id = $3)
           and ($4::timestamptz is null or (created_at, id) < ($4, $5))
         order by created_at desc, id desc
         limit $6
        """,
        tenant_id,
        state,
        contact_id,
        at,
        last_id,
        limit,
    )
    return [_delivery(row) for row in rows]


async def count_deliveries(tx: Tx, tenant_id: UUID) -> dict[DeliveryState, int]:
    rows = await tx.rows(
        "select state, count(*) as number from crm_delivery where tenant_id = $1 group by state", tenant_id
    )
    return {row.state: row.number for row in rows}


async def find_delivery(tx: Tx, tenant_id: UUID, delivery_id: UUID) -> Delivery | None:
    row = await tx.row(
        """
        select id, endpoint_id, lane, type, contact_id, record_version, state, attempts, due_at,
               last_status, last_error, created_at, delivered_at
          from crm_delivery where tenant_id = $1 and id = $2
        """,
        tenant_id,
        delivery_id,
    )
    return _delivery(row) if row else None


async def list_attempts(tx: Tx, tenant_id: UUID, delivery_id: UUID) -> list[Attempt]:
    rows = await tx.rows(
        """
        select attempt, at, status, error, duration_ms from crm_attempt
         where tenant_id = $1 and delivery_id = $2 order by attempt
        """,
        tenant_id,
        delivery_id,
    )
    return [Attempt(row.attempt, row.at, row.status, row.error, row.duration_ms) for row in rows]


async def revive(tx: Tx, tenant_id: UUID, delivery_id: UUID) -> int:
    """Make a finished delivery due again under its own id; 0 when it is under way already."""
    return await tx.run(
        """
        update crm_delivery
           set state = 'pending', attempts = 0, due_at = now(), leased_until = null, leased_by = null,
               delivered_at = null
         where tenant_id = $1 and id = $2 and state <> 'pending'
        """,
        tenant_id,
        delivery_id,
    )


async def revive_dead(tx: Tx, tenant_id: UUID, since: datetime, until: datetime) -> int:
    return await tx.run(
        """
        update crm_delivery
           set state = 'pending', attempts = 0, due_at = now(), leased_until = null, leased_by = null
         where tenant_id = $1 and state = 'dead' and created_at >= $2 and created_at < $3
        """,
        tenant_id,
        since,
        until,
    )


async def audit(tx: Tx, tenant_id: UUID, action: str, subject: UUID | None, detail: dict[str, Any]) -> None:
    await tx.run(
        """
        insert into audit_entry (tenant_id, id, at, actor_id, action, subject, detail, request_id)
        values ($1, $2, now(), $3, $4, $5, $6, $7)
        """,
        tenant_id,
        new_id(),
        tx.context.actor_id,
        action,
        str(subject) if subject else None,
        detail,
        tx.context.request_id,
    )


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        id=row.id,
        url=row.url,
        state=row.state,
        reason=row.reason,
        circuit=Circuit(row.failures, row.failing_since, row.opens_at),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        endpoint_id=row.endpoint_id,
        lane=row.lane,
        type=row.type,
        contact_id=row.contact_id,
        record_version=row.record_version,
        state=row.state,
        attempts=row.attempts,
        due_at=row.due_at,
        last_status=row.last_status,
        last_error=row.last_error,
        created_at=row.created_at,
        delivered_at=row.delivered_at,
    )
