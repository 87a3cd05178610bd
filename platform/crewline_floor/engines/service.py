"""The one door for an engine's news. What an adapter is to do follows from the contact's events."""

from typing import Protocol
from uuid import UUID

from crewline_floor.contacts import service as contacts
from crewline_floor.contacts.service import Arrival
from crewline_floor.engines.events import CallArrived, CallerGone, MenuLeft, News
from crewline_infra.db import Tx

_CHANNELS = {"number": "voice", "mailbox": "email", "chat": "chat", "form": "form", "sms": "sms"}


class Engine(Protocol):
    """An adapter: it hands news to `receive`, and acts on ContactOffered, ContactReleased and so on."""

    name: str

    async def start(self) -> None:
        """Take up what was open when the process ended."""
        ...

    async def step(self) -> int:
        """Do what is due; returns how many things were done."""
        ...


async def receive(tx: Tx, news: News) -> tuple[UUID, UUID]:
    """(tenant, contact) it was about. Role DISPATCH. `NotFound` for an address that no tenant has."""
    if isinstance(news, CallArrived):
        return await _arrived(tx, news)
    if isinstance(news, MenuLeft):
        await contacts.enqueue(tx, news.tenant_id, news.contact_id, news.at)
    elif isinstance(news, CallerGone):
        await contacts.leave(tx, news.tenant_id, news.contact_id, news.at)
    return news.tenant_id, news.contact_id


async def _arrived(tx: Tx, news: CallArrived) -> tuple[UUID, UUID]:
    tenant_id, entry_point_id = await contacts.tenant_at(tx, news.kind, news.address)
    arrival = Arrival(
        engine=news.engine,
        external_id=news.external_id,
        channel=_CHANNELS[news.kind],
        entry_point_id=entry_point_id,
        from_address=news.from_address,
        priority=news.priority,
        at=news.at,
    )
    return tenant_id, await contacts.arrive(tx, tenant_id, arrival)
