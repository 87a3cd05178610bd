"""What a record is, what it may not contradict, and what makes two of them the same."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

import msgspec
from msgspec.structs import replace

Channel = Literal["voice", "callback", "email", "chat", "sms", "social", "fax", "form"]
Direction = Literal["inbound", "outbound"]
Outcome = Literal["answered", "abandoned", "flowed_out", "callback", "menu_ended", "excluded"]

CHANNELS: frozenset[str] = frozenset(get_args(Channel))
DIRECTIONS: frozenset[str] = frozenset(get_args(Direction))
OUTCOMES: frozenset[str] = frozenset(get_args(Outcome))
OFFERED_OUTCOMES: frozenset[str] = frozenset({"answered", "abandoned", "flowed_out", "callback"})
"""Outcomes of contacts that entered a queue; their number is "offered"."""

DURATIONS = ("menu_ms", "wait_ms", "ring_ms", "talk_ms", "hold_ms", "wrap_ms")
INSTANTS = (
    "arrived_at",
    "queued_at",
    "offered_at",
    "answered_at",
    "ended_at",
    "wrapped_at",
    "recorded_at",
)
DURATION_MAX_MS = 2**31 - 1
_ZERO = timedelta(0)
_EPOCH_2000 = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MASKABLE = 8
"""A reference shorter than this would be given away by its last four characters."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One finished contact. Instants are UTC, durations whole milliseconds.

    ``version`` counts from 1: a correction is a new version of the same ``contact_id``.
    ``external_id`` is unique for ever per tenant and source.
    ``wait_ms`` is the time in the queue until answer, abandonment, flow-out or callback request.
    """

    tenant_id: UUID
    contact_id: UUID
    version: int = 1
    source: str
    external_id: str
    channel: Channel = "voice"
    direction: Direction = "inbound"
    entry_point: str | None = None
    queue_id: UUID | None = None
    customer_id: UUID | None = None
    customer_ref: str | None = None
    agent_id: UUID | None = None
    agent_alias: str | None = None
    priority: int = 0
    outcome: Outcome
    disposition: str | None = None
    script_version_id: UUID | None = None
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
    recorded_at: datetime


CONTENT = tuple(
    name for name in Record.__struct_fields__ if name not in {"tenant_id", "contact_id", "version", "recorded_at"}
)
"""Fields that make two accounts of one contact the same account, in the order they are hashed."""


def fingerprint(record: Record) -> str:
    """SHA-256 (hex) of what the record says; not of when, or under which id, it was stored.

    Instants enter it as microseconds since 2000, the database's own count (bulk loads have them at hand so).
    """
    values = (getattr(record, name) for name in CONTENT)
    content = [(value - _EPOCH_2000) // _MICROSECOND if isinstance(value, datetime) else value for value in values]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def interval_instant(record: Record) -> datetime:
    """The instant whose interval counts the contact: queue entry, or arrival if never queued."""
    if record.outcome in OFFERED_OUTCOMES and record.queued_at is not None:
        return record.queued_at
    return record.arrived_at


def masked(record: Record) -> Record:
    """The record without the customer's reference but for its last digits: what lists and pages show."""
    return replace(record, customer_ref=mask(record.customer_ref))


def mask(reference: str | None) -> str | None:
    """'+86 138 0013 8000' becomes '••••8000'; a short reference vanishes altogether."""
    if reference is None:
        return None
    return "••••" + (reference[-4:] if len(reference) >= _MASKABLE else "")


def is_offered(record: Record) -> bool:
    return record.outcome in OFFERED_OUTCOMES


def plainly_sound(record: Record) -> bool:
    """A quick yes for the ordinary record; after a no, `problems` decides. (Bulk loads ask a million times.)"""
    end = record.ended_at
    queued, answered, offered = record.queued_at, record.answered_at, record.offered_at
    return (
        record.channel in CHANNELS
        and record.direction in DIRECTIONS
        and ((record.outcome in OFFERED_OUTCOMES and queued is not None) or record.outcome == "menu_ended")
        and (record.outcome == "answered") == (answered is not None)
        and record.exclusion is None
        and bool(record.source and record.external_id)
        and record.version > 0
        and 0 <= record.menu_ms <= DURATION_MAX_MS
        and 0 <= record.wait_ms <= DURATION_MAX_MS
        and 0 <= record.ring_ms <= DURATION_MAX_MS
        and 0 <= record.talk_ms <= DURATION_MAX_MS
        and 0 <= record.hold_ms <= DURATION_MAX_MS
        and 0 <= record.wrap_ms <= DURATION_MAX_MS
        and end.tzinfo is UTC
        and record.recorded_at.tzinfo is UTC
        and record.arrived_at.tzinfo is UTC
        and record.arrived_at <= end
        and (queued is None or (queued.tzinfo is UTC and queued <= end))
        and (offered is None or (offered.tzinfo is UTC and offered <= end))
        and (answered is None or (answered.tzinfo is UTC and answered <= end))
        and (record.wrapped_at is None or record.wrapped_at.tzinfo is UTC)
    )


def problems(record: Record) -> list[str]:
    """Every contradiction inside the record, as sentences; empty when it can be stored."""
    found = [*_unknown_words(record), *_bad_numbers(record), *_bad_instants(record)]
    return found or [*_outcome_contradictions(record)]


def _unknown_words(record: Record) -> Iterator[str]:
    for name, known in (("channel", CHANNELS), ("direction", DIRECTIONS), ("outcome", OUTCOMES)):
        if getattr(record, name) not in known:
            yield f"{name} '{getattr(record, name)}' is not one of {', '.join(sorted(known))}"
    if not record.source or not record.external_id:
        yield "source and external_id are required"


def _bad_numbers(record: Record) -> Iterator[str]:
    if record.version < 1:
        yield "version counts from 1"
    for name in DURATIONS:
        if not 0 <= getattr(record, name) <= DURATION_MAX_MS:
            yield f"{name} {getattr(record, name)} is outside 0..{DURATION_MAX_MS}"


def _bad_instants(record: Record) -> Iterator[str]:
    for name in INSTANTS:
        instant = getattr(record, name)
        if instant is not None and instant.utcoffset() != _ZERO:
            yield f"{name} is not an instant in UTC"
            return
    for name in ("arrived_at", "queued_at", "offered_at", "answered_at"):
        instant = getattr(record, name)
        if instant is not None and instant > record.ended_at:
            yield f"{name} is after ended_at"


def _outcome_contradictions(record: Record) -> Iterator[str]:
    if record.outcome in OFFERED_OUTCOMES and record.queued_at is None:
        yield f"outcome {record.outcome} needs queued_at"
    if record.outcome == "answered" and record.answered_at is None:
        yield "outcome answered needs answered_at"
    if record.outcome != "answered" and record.answered_at is not None:
        yield f"outcome {record.outcome} cannot have answered_at"
    if (record.outcome == "excluded") != (record.exclusion is not None):
        yield "exclusion is given exactly when the outcome is excluded"
