"""What is stored of endpoints and deliveries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from crewline_tenants.crm.rules import Circuit

EndpointState = Literal["active", "paused", "disabled"]
DeliveryState = Literal["pending", "delivered", "dead"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`reason` says why it is disabled; `circuit` how it has answered lately."""

    id: UUID
    url: str
    state: EndpointState
    reason: str | None
    circuit: Circuit
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """`id` is the webhook-id of every attempt and of every replay."""

    id: UUID
    endpoint_id: UUID
    lane: str
    type: str
    contact_id: UUID | None
    record_version: int | None
    state: DeliveryState
    attempts: int
    due_at: datetime
    last_status: int | None
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    attempt: int
    at: datetime
    status: int | None
    error: str | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class NewDelivery:
    id: UUID
    lane: str
    type: str
    contact_id: UUID | None
    record_version: int | None
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery in the hands of one worker until its lease ends (by the database's time)."""

    tenant_id: UUID
    id: UUID
    endpoint_id: UUID
    lease: str
    attempts: int
    payload: dict[str, Any]
    url: str
    secrets: tuple[bytes, ...]
    """Sealed; the second one only while a rotation lasts."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to, ready to be stored."""

    state: DeliveryState
    wait_ms: int
    status: int | None
    error: str | None
    duration_ms: int
