"""A tenant's CRM feed over the API."""

import base64
import binascii
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from crewline_infra.egress import Policy
from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_infra.secrets import SecretBox
from crewline_infra.settings import Settings
from crewline_tenants.crm import service
from crewline_tenants.crm.model import Attempt, Delivery, DeliveryState, Endpoint, EndpointState
from crewline_tenants.crm.service import Vault
from crewline_tenants.people.access import Body, Config, Db, Now, Permission, Who, tenant_access

Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
CRM = "/api/v1/tenants/{tenant_id:uuid}/crm"


class EndpointIn(Body, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`secret` (whsec_…, 24 to 64 bytes) may be yours; without it one is made and shown once."""

    url: Url
    secret: Annotated[str, msgspec.Meta(max_length=120)] | None = None


class EndpointChange(Body, kw_only=True, frozen=True, forbid_unknown_fields=True):
    url: Url
    state: EndpointState = "active"


class EndpointOut(msgspec.Struct, kw_only=True, frozen=True):
    id: UUID
    url: str
    state: EndpointState
    reason: str | None
    failures: int
    failing_since: datetime | None
    opens_at: datetime | None
    created_at: datetime
    updated_at: datetime


class IssuedOut(msgspec.Struct, kw_only=True, frozen=True):
    """The secret is shown this once."""

    endpoint: EndpointOut
    secret: str


class DeliveryOut(msgspec.Struct, kw_only=True, frozen=True):
    """`id` is the webhook-id."""

    id: UUID
    endpoint_id: UUID
    type: str
    contact_id: UUID | None
    record_version: int | None
    state: DeliveryState
    attempts: int
    due_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None


class DeliveriesOut(msgspec.Struct, kw_only=True, frozen=True):
    """Pass `next` as `before` for the page after this one."""

    deliveries: list[DeliveryOut]
    next: str | None


class AttemptOut(msgspec.Struct, kw_only=True, frozen=True):
    attempt: int
    at: datetime
    status: int | None
    error: str | None
    duration_ms: int


class DeliveryDetailOut(msgspec.Struct, kw_only=True, frozen=True):
    delivery: DeliveryOut
    attempts: list[AttemptOut]


class ReplayIn(Body, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Dead letters made in [since, until)."""

    since: Instant
    until: Instant


class ReplayedOut(msgspec.Struct, kw_only=True, frozen=True):
    count: int


@get(f"{CRM}/endpoints", summary="List the addresses that a tenant's closed contacts are sent to")
async def list_crm_endpoints(tenant_id: FromPath[UUID], principal: Who, db: Db) -> list[EndpointOut]:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.CRM_READ)) as tx:
        return [_endpoint(endpoint) for endpoint in await service.list_endpoints(tx, tenant_id)]


@post(f"{CRM}/endpoints", summary="Add an address; its signing secret is shown once")
async def add_crm_endpoint(
    tenant_id: FromPath[UUID], data: JSONBody[EndpointIn], principal: Who, db: Db, settings: Config
) -> IssuedOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.CRM_WRITE)) as tx:
        issued = await service.add_endpoint(tx, tenant_id, vault(settings), data.url, data.secret)
    return IssuedOut(endpoint=_endpoint(issued.endpoint), secret=issued.secret)


@get(f"{CRM}/endpoints/{{endpoint_id:uuid}}", summary="Read an address and how it has answered lately")
async def read_crm_endpoint(
    tenant_id: FromPath[UUID], endpoint_id: FromPath[UUID], principal: Who, db: Db
) -> EndpointOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.CRM_READ)) as tx:
        return _endpoint(await service.get_endpoint(tx, tenant_id, endpoint_id))


@put(f"{CRM}/endpoints/{{endpoint_id:uuid}}", summary="Change, pause or activate an address")
async def change_crm_endpoint(
    tenant_id: FromPath[UUID],
    endpoint_id: FromPath[UUID],
    data: JSONBody[EndpointChange],
    principal: Who,
    *,
    db: Db,
    settings: Config,
) -> EndpointOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.CRM_WRITE)) as tx:
        changed = await service.change_endpoint(
            tx, tenant_id, vault(settings), endpoint_id, url=data.url, state=data.state
        )
    return _endpoint(changed)


@post(f"{CRM}/endpoints/{{endpoint_id:uuid}}/secret", summary="Rotate the signing secret")
async def rotate_crm_secret(
    tenant_id: FromPath[UUID], endpoint_id: FromPath[UUID], principal: Who, db: Db, settings: Config
) -> IssuedOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.CRM_WRITE)) as tx:
        issued = await service.rotate_secret(tx, tenant_id, vault(settings), endpoint_id)
    return IssuedOut(endpoint=_endpoint(issued.endpoint), secret=issued.secret)


@post(f"{CRM}/endpoints/{{endpoint_id:uuid}}/test", summary="Send a test event to an address")
async def send_crm_test(
    tenant_id: FromPath[UUID], endpoint_id: FromPath[UUID], principal: Who, db: Db, clock: Now
) -> DeliveryOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.CRM_WRITE)) as tx:
        return _delivery(await service.send_test(tx, tenant_id, endpoint_id, clock.now()))


@get(f"{CRM}/deliveries", summary="List deliveries, newest first; only=dead for those that were given up")
async def list_crm_deliveries(
    tenant_id: FromPath[UUID],
    principal: Who,
    db: Db,
    *,
    only: FromQuery[DeliveryState | None] = None,
    contact_id: FromQuery[UUID | None] = None,
    before: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> DeliveriesOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.CRM_READ)) as tx:
        page = await service.list_deliveries(
            tx,
            tenant_id,
            state=only,
            contact_id=contact_id,
            before=delivery_position(before) if before else None,
            limit=limit,
        )
    found = [_delivery(delivery) for delivery in page.deliveries]
    return DeliveriesOut(deliveries=found, next=delivery_cursor(page.next_before) if page.next_before else None)


@get(f"{CRM}/deliveries/{{delivery_id:uuid}}", summary="Read a delivery and its attempts")
async def read_crm_delivery(
    tenant_id: FromPath[UUID], delivery_id: FromPath[UUID], principal: Who, db: Db
) -> DeliveryDetailOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.CRM_READ)) as tx:
        delivery = await service.get_delivery(tx, tenant_id, delivery_id)
        attempts = await service.list_attempts(tx, tenant_id, delivery_id)
    return DeliveryDetailOut(delivery=_delivery(delivery), attempts=[_attempt(attempt) for attempt in attempts])


@post(f"{CRM}/deliveries/{{delivery_id:uuid}}/replay", summary="Send a delivery again under the same webhook-id")
async def replay_crm_delivery(
    tenant_id: FromPath[UUID], delivery_id: FromPath[UUID], principal: Who, db: Db
) -> DeliveryOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.CRM_WRITE)) as tx:
        return _delivery(await service.replay(tx, tenant_id, delivery_id))


@post(f"{CRM}/deliveries/replay", summary="Send again the dead letters of a stretch of time")
async def replay_crm_dead_letters(
    tenant_id: FromPath[UUID], data: JSONBody[ReplayIn], principal: Who, db: Db
) -> ReplayedOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.CRM_WRITE)) as tx:
        return ReplayedOut(count=await service.replay_dead(tx, tenant_id, data.since, data.until))


ROUTES = [
    list_crm_endpoints,
    add_crm_endpoint,
    read_crm_endpoint,
    change_crm_endpoint,
    rotate_crm_secret,
    send_crm_test,
    list_crm_deliveries,
    read_crm_delivery,
    replay_crm_delivery,
    replay_crm_dead_letters,
]


def vault(settings: Settings) -> Vault:
    return Vault(
        box=SecretBox.from_folder(settings.secrets_folder),
        policy=Policy(loopback=settings.allow_loopback_webhooks),
    )


def delivery_cursor(position: tuple[datetime, UUID]) -> str:
    at, last_id = position
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{last_id}".encode()).decode()


def delivery_position(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, _bar, last_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None:
            raise ValueError
        return instant, UUID(last_id)
    except (ValueError, binascii.Error):
        raise Invalid(_("This is not the end of a page."), field="before") from None


def _endpoint(endpoint: Endpoint) -> EndpointOut:
    return EndpointOut(
        id=endpoint.id,
        url=endpoint.url,
        state=endpoint.state,
        reason=endpoint.reason,
        failures=endpoint.circuit.failures,
        failing_since=endpoint.circuit.failing_since,
        opens_at=endpoint.circuit.opens_at,
        created_at=endpoint.created_at,
        updated_at=endpoint.updated_at,
    )


def _delivery(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=delivery.id,
        endpoint_id=delivery.endpoint_id,
        type=delivery.type,
        contact_id=delivery.contact_id,
        record_version=delivery.record_version,
        state=delivery.state,
        attempts=delivery.attempts,
        due_at=delivery.due_at if delivery.state == "pending" else None,
        last_status=delivery.last_status,
        last_error=delivery.last_error,
        created_at=delivery.created_at,
        delivered_at=delivery.delivered_at,
    )


def _attempt(attempt: Attempt) -> AttemptOut:
    return AttemptOut(
        attempt=attempt.attempt,
        at=attempt.at,
        status=attempt.status,
        error=attempt.error,
        duration_ms=attempt.duration_ms,
    )
