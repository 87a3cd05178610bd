"""News from an engine, in the engine's own words and instants. The same news twice does nothing."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

AddressKind = Literal["number", "mailbox", "chat", "form", "sms"]


class CallArrived(msgspec.Struct, frozen=True, kw_only=True):
    """A customer reached an address. `external_id` is the engine's, unique for ever."""

    engine: str
    external_id: str
    kind: AddressKind = "number"
    address: str
    from_address: str | None = None
    priority: int = 0
    at: datetime


class MenuLeft(msgspec.Struct, frozen=True, kw_only=True):
    """The menu led to the entry point's queue."""

    tenant_id: UUID
    contact_id: UUID
    at: datetime


class CallerGone(msgspec.Struct, frozen=True, kw_only=True):
    """The customer hung up, wherever they were."""

    tenant_id: UUID
    contact_id: UUID
    at: datetime


News = CallArrived | MenuLeft | CallerGone
