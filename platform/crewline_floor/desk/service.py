"""The desk's use cases.

Two kinds of transaction meet here. Acts on the floor (accept, hold, release, finish) run as the
floor's own role and name the agent; whatever shows or writes a tenant's data runs as the agent on one
live leg, so that the database itself refuses once the leg has ended.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_floor.agents import rules as agent_rules
from crewline_floor.agents import service as agents
from crewline_floor.agents.service import SlotView
from crewline_floor.contacts import service_legs as legs
from crewline_floor.desk import store
from crewline_floor.desk.cards import disposition_choices, script_card
from crewline_floor.desk.model import (
    CustomerCard,
    Day,
    DeskView,
    EarlierContact,
    InHand,
    Reason,
    ScriptCard,
    TenantCard,
)
from crewline_floor.routing import service as routing
from crewline_infra.clock import ms_between
from crewline_infra.db import Tx
from crewline_infra.errors import Invalid, NotFound
from crewline_infra.i18n import current_locale
from crewline_infra.i18n import gettext as _
from crewline_tenants.scripts import service as scripts
from crewline_tenants.scripts.service import StepOutcome

NOTE_MAX = 8000
HISTORY_MAX = 10
STILL_WRITING = timedelta(seconds=30)
"""Wrap-up does not end under the fingers of an agent who saved something this short ago."""


async def desk(tx: Tx, agent_id: UUID, *, at: datetime) -> DeskView:
    """State, contacts in hand (ids only) and the day so far. Role DISPATCH; notes that the desk is alive."""
    await agents.seen(tx, agent_id, at)
    return DeskView(
        agent_id=agent_id,
        alias=await agents.alias(tx, agent_id),
        presence=await agents.presence(tx, agent_id),
        reasons=[Reason(code=code, label=_(label)) for code, label in agent_rules.PAUSE_REASONS.items()],
        slots=await agents.slots(tx, agent_id),
        day=await _day(tx, agent_id, at),
        at=at,
    )


async def set_presence(tx: Tx, agent_id: UUID, state: str, reason: str | None, *, at: datetime) -> None:
    """Role DISPATCH. 'offline' logs out; with a contact in hand it takes effect afterwards."""
    await agents.set_presence(tx, agent_id, state, reason, at)
    await agents.hint(tx, agent_id)


async def slot(tx: Tx, agent_id: UUID, leg_id: UUID) -> SlotView:
    """The agent's own contact by its leg. Role DISPATCH; `NotFound` for anybody else's."""
    found = next((s for s in await agents.slots(tx, agent_id) if s.leg_id == leg_id), None)
    if found is None:
        raise NotFound
    return found


async def act(tx: Tx, agent_id: UUID, leg_id: UUID, deed: str, *, at: datetime) -> None:
    """`deed`: accept, refuse, hold, resume or release. Role DISPATCH."""
    mine = await slot(tx, agent_id, leg_id)
    doing = _DEEDS.get(deed)
    if doing is None:
        raise Invalid(_("There is no such act."), field="deed")
    await doing(tx, mine.tenant_id, leg_id, agent_id, at)


async def finish(
    tx: Tx, agent_id: UUID, leg_id: UUID, *, disposition_id: UUID | None, note: str | None, at: datetime
) -> None:
    """Close the wrapped-up contact with its result. Role DISPATCH."""
    mine = await slot(tx, agent_id, leg_id)
    await legs.finish(
        tx, mine.tenant_id, leg_id, agent_id, disposition_id=disposition_id, note=_checked_note(note), at=at
    )


async def in_hand(tx: Tx, tenant_id: UUID, leg_id: UUID, *, at: datetime) -> InHand:
    """Everything about the contact at the desk. Role AGENT on that leg."""
    row = await store.in_hand(tx, tenant_id, leg_id)
    if row is None:
        raise NotFound
    script = await _script(tx, tenant_id, row)
    told = await routing.explained_to_tenant(tx, tenant_id, row.contact_id)
    return InHand(
        leg_id=row.leg_id,
        contact_id=row.contact_id,
        tenant=_tenant_card(row),
        state=row.state,
        since=row.ended_at or row.held_at or row.answered_at or row.offered_at,
        channel=row.channel,
        queue_name=row.queue_name,
        entry_point_name=row.entry_point_name,
        from_address=row.from_address,
        greeting=script.greeting if script else "",
        queued_at=row.queued_at,
        waited_ms=ms_between(row.queued_at, row.answered_at or at) if row.queued_at else 0,
        expires_at=row.expires_at if row.state == "offered" else None,
        answered_at=row.answered_at,
        wrap_until=row.wrap_until,
        why=told[-1].sentence if told else "",
        note=row.note or "",
        customer=await _customer(tx, tenant_id, row.customer_id),
        history=await _history(tx, tenant_id, row),
        script=script if row.state != "offered" else None,
        dispositions=disposition_choices(await scripts.disposition_tree(tx, tenant_id), current_locale()),
    )


async def save_note(tx: Tx, tenant_id: UUID, leg_id: UUID, note: str, *, at: datetime) -> None:
    """The draft, kept while the contact is in hand. Role AGENT on that leg."""
    row = await _row(tx, tenant_id, leg_id)
    await store.extend_wrap_up(tx, tenant_id, leg_id, at + STILL_WRITING)
    await store.save_note(tx, tenant_id, row.contact_id, _checked_note(note) or "")


async def answer_step(
    tx: Tx, tenant_id: UUID, leg_id: UUID, step_id: str, values: Mapping[str, Any], *, at: datetime
) -> StepOutcome:
    """Role AGENT on that leg. `faults` by field when something does not fit; then nothing is saved."""
    row = await _row(tx, tenant_id, leg_id)
    await store.extend_wrap_up(tx, tenant_id, leg_id, at + STILL_WRITING)
    return await scripts.answer_step(tx, tenant_id, row.contact_id, _pinned(row), step_id=step_id, values=values, at=at)


async def step_back(tx: Tx, tenant_id: UUID, leg_id: UUID, *, at: datetime) -> None:
    """Role AGENT on that leg."""
    row = await _row(tx, tenant_id, leg_id)
    await scripts.back(tx, tenant_id, row.contact_id, _pinned(row), at=at)


async def pinned_script(tx: Tx, tenant_id: UUID, leg_id: UUID) -> UUID | None:
    """The script version that the contact follows. Role AGENT on that leg."""
    version_id: UUID | None = (await _row(tx, tenant_id, leg_id)).script_version_id
    return version_id


async def _row(tx: Tx, tenant_id: UUID, leg_id: UUID) -> Row[Any]:
    row = await store.in_hand(tx, tenant_id, leg_id)
    if row is None:
        raise NotFound
    return row


def _pinned(row: Row[Any]) -> UUID:
    if row.script_version_id is None:
        raise Invalid(_("This contact has no script."), code="no_script")
    return UUID(str(row.script_version_id))


async def _script(tx: Tx, tenant_id: UUID, row: Row[Any]) -> ScriptCard | None:
    """The pinned version; while it rings the newest one, for its greeting."""
    version_id = row.script_version_id or await legs.newest_script(tx, tenant_id, row.queue_id)
    if version_id is None:
        return None
    pinned = await scripts.pinned(tx, tenant_id, version_id)
    return script_card(pinned, await scripts.run_of(tx, tenant_id, row.contact_id), current_locale())


async def _customer(tx: Tx, tenant_id: UUID, customer_id: UUID | None) -> CustomerCard | None:
    row = await store.customer(tx, tenant_id, customer_id) if customer_id else None
    return CustomerCard(**row._mapping) if row else None


async def _history(tx: Tx, tenant_id: UUID, row: Row[Any]) -> list[EarlierContact]:
    if row.customer_id is None:
        return []
    found = await store.history(tx, tenant_id, row.customer_id, HISTORY_MAX)
    return [EarlierContact(**earlier._mapping) for earlier in found]


async def _day(tx: Tx, agent_id: UUID, at: datetime) -> Day:
    since = at - timedelta(hours=12)
    rows = {row.state: row for row in await store.my_day(tx, agent_id, since, at)}
    spent = {state: int(row.ms or 0) for state, row in rows.items()}
    return Day(
        contacts=rows["wrapping"].stretches if "wrapping" in rows else 0,
        talk_ms=spent.get("talking", 0),
        hold_ms=spent.get("held", 0),
        wrap_up_ms=spent.get("wrapping", 0),
        available_ms=spent.get("available", 0),
        paused_ms=spent.get("paused", 0),
    )


def _tenant_card(row: Row[Any]) -> TenantCard:
    names = {"en": row.tenant_name, "zh_Hans": row.name_zh_hans, "zh_Hant": row.name_zh_hant}
    return TenantCard(
        id=row.tenant_id,
        slug=row.tenant_slug,
        name={language: name for language, name in names.items() if name},
        colour=row.colour,
        time_zone=row.time_zone,
    )


def _checked_note(note: str | None) -> str | None:
    if note is not None and len(note) > NOTE_MAX:
        raise Invalid(_("A note has at most {n} characters.").format(n=NOTE_MAX), field="note")
    return note


_DEEDS: dict[str, Any] = {
    "accept": legs.answer,
    "refuse": legs.refuse,
    "hold": legs.hold,
    "resume": legs.resume,
    "release": legs.release,
}
