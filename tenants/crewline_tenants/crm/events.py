"""What a tenant's CRM is told. These fields are a published contract: docs/crm-webhook.md."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class ScriptResult(msgspec.Struct, frozen=True, kw_only=True):
    version_id: UUID
    answers: dict[str, Any]


class ClosedContact(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a finished contact. Instants in UTC, durations in whole milliseconds.

    `caller` is masked to its last four digits; `agent` is the pseudonym of the agent.
    """

    contact_id: UUID
    version: int
    channel: str
    direction: str
    outcome: str
    entry_point: str | None = None
    queue_id: UUID | None = None
    customer_id: UUID | None = None
    customer_ref: str | None = None
    caller: str | None = None
    agent: str | None = None
    priority: int = 0
    disposition: str | None = None
    note: str | None = None
    script: ScriptResult | None = None
    arrived_at: datetime
    queued_at: datetime | None = None
    offered_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime
    wrapped_at: datetime | None = None
    menu_ms: int = 0
    wait_ms: int = 0
    ring_ms: int = 0
    talk_ms: int = 0
    hold_ms: int = 0
    wrap_ms: int = 0
    in_hours: bool = True
    exclusion: str | None = None
    flags: list[str] = []
