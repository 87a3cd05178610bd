"""Use cases of a tenant's CRM feed: where it goes, what is waiting, and sending again."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crewline_infra.db import Tx
from crewline_infra.egress import Policy, check_url
from crewline_infra.errors import Conflict, Invalid, NotFound
from crewline_infra.i18n import gettext as _
from crewline_infra.ids import new_id
from crewline_infra.secrets import SecretBox
from crewline_tenants.crm import rules, store
from crewline_tenants.crm.events import ClosedContact
from crewline_tenants.crm.model import Attempt, Delivery, DeliveryState, Endpoint, EndpointState, NewDelivery

ENDPOINTS_MAX = 5
PAGE_MAX = 200
NEW_SECRET_BYTES = 32
ROTATION_OVERLAP_MS = 24 * rules.HOUR
CLOSED = "contact.closed"
CORRECTED = "contact.corrected"
TEST = "test"


@dataclass(frozen=True, slots=True)
class Vault:
    """What endpoints need besides the database: how secrets are sealed and which addresses are allowed."""

    box: SecretBox
    policy: Policy


@dataclass(frozen=True, slots=True)
class Issued:
    """`secret` is told once, here; afterwards only the signatures show that it is known."""

    endpoint: Endpoint
    secret: str


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """`next_before` is None on the last page."""

    deliveries: Sequence[Delivery]
    next_before: tuple[datetime, UUID] | None


async def list_endpoints(tx: Tx, tenant_id: UUID) -> list[Endpoint]:
    return await store.list_endpoints(tx, tenant_id)


async def get_endpoint(tx: Tx, tenant_id: UUID, endpoint_id: UUID) -> Endpoint:
    endpoint = await store.find_endpoint(tx, tenant_id, endpoint_id)
    if endpoint is None:
        raise NotFound
    return endpoint


async def add_endpoint(tx: Tx, tenant_id: UUID, vault: Vault, url: str, secret: str | None = None) -> Issued:
    """Raises `Invalid` for an address that may not be called or a secret of another form."""
    check_url(url, vault.policy)
    if len(await store.list_endpoints(tx, tenant_id)) >= ENDPOINTS_MAX:
        raise Conflict(_("There are five endpoints already; change one of them."))
    secret = _checked(secret) if secret else rules.encode_secret(os.urandom(NEW_SECRET_BYTES))
    endpoint_id = new_id()
    await store.insert_endpoint(tx, tenant_id, endpoint_id, url, _sealed(vault, tenant_id, endpoint_id, secret))
    await store.audit(tx, tenant_id, "crm.endpoint_added", endpoint_id, {"url": url})
    return Issued(await get_endpoint(tx, tenant_id, endpoint_id), secret)


async def change_endpoint(
    tx: Tx, tenant_id: UUID, vault: Vault, endpoint_id: UUID, *, url: str, state: EndpointState
) -> Endpoint:
    """A new address or state; setting it active again forgets past failures, and what waits is sent."""
    await get_endpoint(tx, tenant_id, endpoint_id)
    check_url(url, vault.policy)
    await store.update_endpoint(tx, tenant_id, endpoint_id, url, state)
    await store.audit(tx, tenant_id, "crm.endpoint_changed", endpoint_id, {"url": url, "state": state})
    return await get_endpoint(tx, tenant_id, endpoint_id)


async def rotate_secret(tx: Tx, tenant_id: UUID, vault: Vault, endpoint_id: UUID) -> Issued:
    """A new secret at once; for a day deliveries carry the signatures of both."""
    endpoint = await get_endpoint(tx, tenant_id, endpoint_id)
    secret = rules.encode_secret(os.urandom(NEW_SECRET_BYTES))
    sealed = _sealed(vault, tenant_id, endpoint_id, secret)
    await store.rotate_secret(tx, tenant_id, endpoint_id, sealed, ROTATION_OVERLAP_MS)
    await store.audit(tx, tenant_id, "crm.secret_rotated", endpoint_id, {})
    return Issued(endpoint, secret)


async def enqueue(tx: Tx, tenant_id: UUID, contacts: Sequence[ClosedContact]) -> int:
    """One delivery per contact version and endpoint; returns how many were new.

    In the caller's transaction: they exist exactly when the records do. They also gather for an
    endpoint that is paused or disabled: nothing is lost by being away.
    """
    if not contacts:
        return 0
    added = 0
    for endpoint in await store.list_endpoints(tx, tenant_id):
        deliveries = [_delivery(facts) for facts in contacts]
        added += await store.insert_deliveries(tx, tenant_id, endpoint.id, deliveries)
    return added


def _delivery(facts: ClosedContact) -> NewDelivery:
    event_type = CLOSED if facts.version == 1 else CORRECTED
    return NewDelivery(
        id=new_id(),
        lane=rules.lane(facts),
        type=event_type,
        contact_id=facts.contact_id,
        record_version=facts.version,
        payload=rules.body(event_type, facts.wrapped_at or facts.ended_at, facts),
    )


async def send_test(tx: Tx, tenant_id: UUID, endpoint_id: UUID, now: datetime) -> Delivery:
    """Put a test event in the endpoint's queue, in a lane of its own."""
    await get_endpoint(tx, tenant_id, endpoint_id)
    delivery_id = new_id()
    new = NewDelivery(delivery_id, f"test:{delivery_id}", TEST, None, None, rules.body(TEST, now, None))
    await store.insert_deliveries(tx, tenant_id, endpoint_id, [new])
    return await get_delivery(tx, tenant_id, delivery_id)


async def list_deliveries(
    tx: Tx,
    tenant_id: UUID,
    *,
    state: DeliveryState | None = None,
    contact_id: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> DeliveryPage:
    """Newest first; `state="dead"` is the list of dead letters."""
    if not 1 <= limit <= PAGE_MAX:
        raise Invalid(_("A page holds 1 to 200 deliveries."), field="limit")
    found = await store.list_deliveries(
        tx, tenant_id, state=state, contact_id=contact_id, before=before, limit=limit + 1
    )
    page = found[:limit]
    return DeliveryPage(page, (page[-1].created_at, page[-1].id) if len(found) > limit else None)


async def count_deliveries(tx: Tx, tenant_id: UUID) -> dict[DeliveryState, int]:
    """How many are kept in each state; states without any are left out."""
    return await store.count_deliveries(tx, tenant_id)


async def get_delivery(tx: Tx, tenant_id: UUID, delivery_id: UUID) -> Delivery:
    delivery = await store.find_delivery(tx, tenant_id, delivery_id)
    if delivery is None:
        raise NotFound
    return delivery


async def list_attempts(tx: Tx, tenant_id: UUID, delivery_id: UUID) -> list[Attempt]:
    await get_delivery(tx, tenant_id, delivery_id)
    return await store.list_attempts(tx, tenant_id, delivery_id)


async def replay(tx: Tx, tenant_id: UUID, delivery_id: UUID) -> Delivery:
    """Send a finished delivery again under the same webhook-id. Raises `Conflict` while it is still pending."""
    await get_delivery(tx, tenant_id, delivery_id)
    if not await store.revive(tx, tenant_id, delivery_id):
        raise Conflict(_("This delivery is still on its way."))
    await store.audit(tx, tenant_id, "crm.replayed", delivery_id, {})
    return await get_delivery(tx, tenant_id, delivery_id)


async def replay_dead(tx: Tx, tenant_id: UUID, since: datetime, until: datetime) -> int:
    """Send again every dead letter that was made in [since, until); returns how many."""
    revived = await store.revive_dead(tx, tenant_id, since, until)
    detail = {"since": since.isoformat(), "until": until.isoformat(), "count": revived}
    await store.audit(tx, tenant_id, "crm.dead_replayed", None, detail)
    return revived


def place(tenant_id: UUID, endpoint_id: UUID) -> str:
    """Where a sealed secret belongs; it opens nowhere else."""
    return f"{tenant_id}|crm_endpoint|secret|{endpoint_id}"


def _sealed(vault: Vault, tenant_id: UUID, endpoint_id: UUID, secret: str) -> bytes:
    return vault.box.seal(secret.encode(), place(tenant_id, endpoint_id))


def _checked(secret: str) -> str:
    try:
        rules.decode_secret(secret)
    except rules.SecretFormat as problem:
        raise Invalid(str(problem), field="secret") from problem
    return secret
