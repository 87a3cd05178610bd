"""What the desk shows, as plain data: pages and API give out the same."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crewline_floor.agents.service import PresenceView, SlotView

Texts = dict[str, str]


class TenantCard(msgspec.Struct, frozen=True, kw_only=True):
    """`colour` 1..8 is a class of the style sheet; `name` is by language."""

    id: UUID
    slug: str
    name: Texts
    colour: int
    time_zone: str


class CustomerCard(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str | None
    phone: str | None
    external_ref: str | None
    tier: str
    facts: dict[str, Any]


class EarlierContact(msgspec.Struct, frozen=True, kw_only=True):
    contact_id: UUID
    channel: str
    outcome: str
    disposition: str | None
    arrived_at: datetime
    wait_ms: int
    talk_ms: int


class FieldCard(msgspec.Struct, frozen=True, kw_only=True):
    """`value` is what was answered or drafted."""

    id: str
    kind: str
    label: str
    help: str
    required: bool
    options: list[tuple[str, str]]
    value: Any
    mask: str | None
    max_length: int | None


class StepCard(msgspec.Struct, frozen=True, kw_only=True):
    """`answers` (label, text) of a finished step; `fields` of the one in front."""

    id: str
    title: str
    say: str
    done: bool
    fields: list[FieldCard]
    answers: list[tuple[str, str]]


class ScriptCard(msgspec.Struct, frozen=True, kw_only=True):
    """`steps`: the finished ones, then the one in front; `ahead`: titles that may follow."""

    version_id: UUID
    name: str
    version: int
    greeting: str
    steps: list[StepCard]
    current: str | None
    ahead: list[str]
    suggested_disposition: str | None


class DispositionChoice(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    code: str
    label: str
    """With its parents: 'Changes › Weather › Rebooked'."""


class InHand(msgspec.Struct, frozen=True, kw_only=True):
    """One contact at the desk. `state`: offered, talking, held or wrapping."""

    leg_id: UUID
    contact_id: UUID
    tenant: TenantCard
    state: str
    since: datetime
    channel: str
    queue_name: str | None
    entry_point_name: str | None
    from_address: str | None
    greeting: str
    queued_at: datetime | None
    waited_ms: int
    expires_at: datetime | None
    answered_at: datetime | None
    wrap_until: datetime | None
    why: str
    note: str
    customer: CustomerCard | None
    history: list[EarlierContact]
    script: ScriptCard | None
    dispositions: list[DispositionChoice]


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's own day, over all tenants, without any contact in it."""

    contacts: int
    talk_ms: int
    hold_ms: int
    wrap_up_ms: int
    available_ms: int
    paused_ms: int


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    label: str


class DeskView(msgspec.Struct, frozen=True, kw_only=True):
    agent_id: UUID
    alias: str
    presence: PresenceView
    reasons: list[Reason]
    slots: list[SlotView]
    day: Day
    at: datetime
