"""Facts about a contact, as they leave by the outbox. Instants are the engine's, in UTC."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """The event's type is its class name; its key the contact."""

    contact_id: UUID

    @property
    def type(self) -> str:
        return type(self).__name__

    def payload(self) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


class ContactArrived(Fact, frozen=True, kw_only=True):
    channel: str
    entry_point_id: UUID | None
    at: datetime


class ContactQueued(Fact, frozen=True, kw_only=True):
    queue_id: UUID
    priority: int
    at: datetime


class ContactOffered(Fact, frozen=True, kw_only=True):
    leg_id: UUID
    agent_id: UUID
    at: datetime


class ContactReturned(Fact, frozen=True, kw_only=True):
    """Back to its place in the queue: nobody answered, or the agent refused."""

    leg_id: UUID
    agent_id: UUID
    why: str
    at: datetime


class ContactAnswered(Fact, frozen=True, kw_only=True):
    leg_id: UUID
    agent_id: UUID
    at: datetime


class ContactHeld(Fact, frozen=True, kw_only=True):
    at: datetime


class ContactResumed(Fact, frozen=True, kw_only=True):
    at: datetime


class ContactReleased(Fact, frozen=True, kw_only=True):
    by: Literal["agent", "customer"]
    at: datetime


class ContactAbandoned(Fact, frozen=True, kw_only=True):
    """Left while waiting or ringing."""

    at: datetime


class ContactClosed(Fact, frozen=True, kw_only=True):
    """Everything a record says, under the record's own field names (reporting.records)."""

    tenant_id: UUID
    source: str
    external_id: str
    channel: str
    direction: str
    entry_point: str | None
    queue_id: UUID | None
    customer_id: UUID | None
    customer_ref: str | None
    agent_id: UUID | None
    agent_alias: str | None
    priority: int
    outcome: str
    disposition: str | None
    script_version_id: UUID | None
    arrived_at: datetime
    queued_at: datetime | None
    offered_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime
    wrapped_at: datetime | None
    menu_ms: int
    wait_ms: int
    ring_ms: int
    talk_ms: int
    hold_ms: int
    wrap_ms: int
    in_hours: bool = True
    exclusion: str | None = None
    flags: tuple[str, ...] = ()
