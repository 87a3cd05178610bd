"""The life of a contact as a table, and the time it spent in each part of it.

    menu ── enqueue ─► queued ── offer ─► offered ── answer ─► talking ◄─ hold/resume ─► held
      └─ leave ► closed   └─ leave ► closed  ├─ leave ► closed    └──── release/leave ────┘
                          ▲──── return ──────┘                             ▼
                                                      closed ◄─ finish ─ wrapping

The instants are the engine's. One that would run backwards is taken as the latest one known, so
menu + wait + talk + hold + wrap is always exactly arrival to end.
"""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from crewline_infra.clock import ms_between
from crewline_infra.errors import Conflict
from crewline_infra.i18n import gettext as _

State = Literal["menu", "queued", "offered", "talking", "held", "wrapping", "closed"]
Act = Literal["enqueue", "offer", "answer", "return", "hold", "resume", "release", "leave", "finish"]

TRANSITIONS: dict[tuple[State, Act], State] = {
    ("menu", "enqueue"): "queued",
    ("menu", "leave"): "closed",
    ("queued", "offer"): "offered",
    ("queued", "leave"): "closed",
    ("offered", "answer"): "talking",
    ("offered", "return"): "queued",
    ("offered", "leave"): "closed",
    ("talking", "hold"): "held",
    ("talking", "release"): "wrapping",
    ("talking", "leave"): "wrapping",
    ("held", "resume"): "talking",
    ("held", "release"): "wrapping",
    ("held", "leave"): "wrapping",
    ("wrapping", "finish"): "closed",
}


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """The live row. `held_at` is set while on hold; `hold_ms`, `ring_ms` are sums so far."""

    tenant_id: UUID
    id: UUID
    channel: str
    direction: str
    engine: str
    external_id: str
    entry_point_id: UUID | None = None
    queue_id: UUID | None = None
    pool_id: UUID | None = None
    customer_id: UUID | None = None
    priority: int = 0
    state: State
    outcome: str | None = None
    disposition_id: UUID | None = None
    script_version_id: UUID | None = None
    arrived_at: datetime
    queued_at: datetime | None = None
    offered_at: datetime | None = None
    answered_at: datetime | None = None
    held_at: datetime | None = None
    hold_ms: int = 0
    ring_ms: int = 0
    ended_at: datetime | None = None
    wrapped_at: datetime | None = None
    revision: int = 1


class Durations(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds. `wait_ms` runs from queue entry to answer or leaving; `ring_ms` lies inside."""

    menu_ms: int
    wait_ms: int
    ring_ms: int
    talk_ms: int
    hold_ms: int
    wrap_ms: int


def allowed(state: State, act: Act) -> bool:
    return (state, act) in TRANSITIONS


def step(contact: Contact, act: Act, at: datetime) -> Contact:
    """The contact after `act`; `Conflict` when its state does not allow it."""
    target = TRANSITIONS.get((contact.state, act))
    if target is None:
        raise Conflict(_("This contact has moved on; that is no longer possible."), code="contact_state")
    at = max(whole_ms(at), _latest(contact))
    changes = {**_leaving(contact, at), **_entering(contact, target, act, at)}
    return msgspec.structs.replace(contact, state=target, revision=contact.revision + 1, **changes)


def whole_ms(at: datetime) -> datetime:
    return at - timedelta(microseconds=at.microsecond % 1000)


def durations(contact: Contact) -> Durations:
    """Of a finished contact (`ended_at` is set)."""
    end = contact.ended_at or contact.arrived_at
    handled = ms_between(contact.answered_at, end) if contact.answered_at else 0
    left = contact.answered_at or end
    return Durations(
        menu_ms=ms_between(contact.arrived_at, contact.queued_at or end),
        wait_ms=ms_between(contact.queued_at, left) if contact.queued_at else 0,
        ring_ms=contact.ring_ms,
        talk_ms=handled - contact.hold_ms,
        hold_ms=contact.hold_ms,
        wrap_ms=ms_between(end, contact.wrapped_at) if contact.wrapped_at else 0,
    )


def _leaving(contact: Contact, at: datetime) -> dict[str, object]:
    """What the state just left adds to the sums."""
    if contact.state == "offered" and contact.offered_at is not None:
        return {"ring_ms": contact.ring_ms + ms_between(contact.offered_at, at)}
    if contact.state == "held" and contact.held_at is not None:
        return {"hold_ms": contact.hold_ms + ms_between(contact.held_at, at), "held_at": None}
    return {}


def _entering(contact: Contact, target: State, act: Act, at: datetime) -> dict[str, object]:
    if act == "leave" and target == "closed":
        outcome = "menu_ended" if contact.state == "menu" else "abandoned"
        return {"ended_at": at, "outcome": outcome}
    if act == "finish":
        return {"wrapped_at": at}
    if act in ("release", "leave"):
        return {"ended_at": at, "outcome": "answered"}
    stamps: dict[Act, str] = {
        "enqueue": "queued_at",
        "offer": "offered_at",
        "answer": "answered_at",
        "hold": "held_at",
    }
    return {stamps[act]: at} if act in stamps else {}


def _latest(contact: Contact) -> datetime:
    """The earliest instant at which something may happen next: the latest one known.

    Time rung and held so far counts too: what came back to the queue, or to the conversation, did so
    no earlier than that.
    """
    stamps = (
        contact.arrived_at,
        contact.queued_at and contact.queued_at + timedelta(milliseconds=contact.ring_ms),
        contact.offered_at,
        contact.answered_at and contact.answered_at + timedelta(milliseconds=contact.hold_ms),
        contact.held_at,
        contact.ended_at,
    )
    return max(stamp for stamp in stamps if stamp is not None)
