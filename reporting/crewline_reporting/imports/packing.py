"""Drafts in PostgreSQL's binary COPY form, encoded once on this side: the columns of `records.store_bulk`.

asyncpg's own encoding of the same rows costs about three times as much, and this work sets the pace of an import.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha256
from itertools import count
from uuid import UUID

import msgspec

from crewline_reporting.imports.rules import Draft
from crewline_reporting.records.rules import OFFERED_OUTCOMES, Record
from crewline_reporting.records.store_bulk import COLUMNS

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"

_WIDTH = len(COLUMNS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_2000_MS = 946_684_800_000
_NULL = b"\xff\xff\xff\xff"
_NO_FLAGS = struct.pack(">iiii", 12, 0, 0, 25)
_TEXT_OID = 25
_TRUE, _FALSE = b"\0\0\0\1\1", b"\0\0\0\1\0"
_START = struct.Struct(">hiii").pack
_INSTANT = struct.Struct(">iq").pack
_DURATIONS = struct.Struct(">" + "iq" * 6).pack
_INTEGER = struct.Struct(">ii").pack
_LENGTH = struct.Struct(">i").pack
_REMEMBERED_MAX = 20_000
_VERSION_7, _VARIANT = 0x70, 0x80


@dataclass(frozen=True, slots=True)
class Names:
    """Ids of the names that drafts carry, for one tenant."""

    tenant_id: UUID
    source: str
    queues: Mapping[str, UUID]
    agents: Mapping[str, UUID]


def contact_id_of(tenant_id: UUID, source: str, external_id: str, arrived_ms: int) -> bytes:
    """The same id for the same contact in every import; a UUIDv7 of its arrival, so that keys grow with time."""
    name = b"\x1f".join((tenant_id.bytes, source.encode(), external_id.encode()))
    tail = bytearray(blake2b(name, digest_size=10).digest())
    tail[0] = _VERSION_7 | tail[0] & 0x0F
    tail[2] = _VARIANT | tail[2] & 0x3F
    return (arrived_ms & 0xFFFF_FFFF_FFFF).to_bytes(6) + tail


def instant(ms: int | None) -> datetime | None:
    return None if ms is None else _EPOCH + timedelta(milliseconds=ms)


def record_of(draft: Draft, names: Names, recorded_at: datetime) -> Record:
    """The record that a draft becomes (the packed form says the same)."""
    contact_id = contact_id_of(names.tenant_id, names.source, draft.external_id, draft.arrived_ms)
    menu, wait, ring, talk, hold, wrap = draft.durations_ms
    return Record(
        tenant_id=names.tenant_id,
        contact_id=UUID(bytes=contact_id),
        source=names.source,
        external_id=draft.external_id,
        channel=draft.channel,  # type: ignore[arg-type]  # the parser has checked the word
        direction=draft.direction,  # type: ignore[arg-type]  # the parser has checked the word
        entry_point=draft.entry_point,
        queue_id=names.queues[draft.queue] if draft.queue is not None else None,
        customer_ref=draft.customer_ref,
        agent_id=names.agents[draft.agent] if draft.agent is not None else None,
        agent_alias=draft.agent,
        priority=draft.priority,
        outcome=draft.outcome,  # type: ignore[arg-type]  # one of the mapping's results
        disposition=draft.disposition,
        arrived_at=_EPOCH + timedelta(milliseconds=draft.arrived_ms),
        queued_at=instant(draft.queued_ms),
        offered_at=instant(draft.offered_ms),
        answered_at=instant(draft.answered_ms),
        ended_at=_EPOCH + timedelta(milliseconds=draft.ended_ms),
        wrapped_at=instant(draft.wrapped_ms),
        menu_ms=menu,
        wait_ms=wait,
        ring_ms=ring,
        talk_ms=talk,
        hold_ms=hold,
        wrap_ms=wrap,
        in_hours=draft.in_hours,
        exclusion=draft.exclusion,
        flags=list(draft.flags),
        recorded_at=recorded_at,
    )


class Packer:
    """Packs the drafts of one tenant; texts that come again are encoded once."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._texts: dict[str | None, bytes] = {None: _NULL}
        self._uuids: dict[UUID | None, bytes] = {None: _NULL}
        self._encode = msgspec.json.Encoder().encode

    def rows(self, drafts: Iterable[Draft]) -> bytes:
        return b"".join([COPY_HEADER, *map(self.row, drafts, count()), COPY_TRAILER])

    def row(self, draft: Draft, position: int) -> bytes:
        names, text = self._names, self._text
        queue_id = names.queues[draft.queue] if draft.queue is not None else None
        agent_id = names.agents[draft.agent] if draft.agent is not None else None
        arrived, queued = draft.arrived_ms, draft.queued_ms
        counted = queued if queued is not None and draft.outcome in OFFERED_OUTCOMES else arrived
        menu, wait, ring, talk, hold, wrap = draft.durations_ms
        external = draft.external_id.encode()
        digest = self._fingerprint(draft, queue_id, agent_id).encode()
        customer = draft.customer_ref
        return b"".join(
            (
                _START(_WIDTH, 4, position, 16),
                contact_id_of(names.tenant_id, names.source, draft.external_id, arrived),
                _LENGTH(len(external)),
                external,
                b"\0\0\0\x40",
                digest,
                text(draft.channel),
                text(draft.direction),
                text(draft.entry_point),
                self._uuid(queue_id),
                _NULL if customer is None else _counted(customer.encode()),
                self._uuid(agent_id),
                text(draft.agent),
                _INTEGER(4, draft.priority),
                text(draft.outcome),
                text(draft.disposition),
                text(draft.exclusion),
                _moment(arrived),
                _moment(queued),
                _moment(draft.offered_ms),
                _moment(draft.answered_ms),
                _moment(draft.ended_ms),
                _moment(draft.wrapped_ms),
                _moment(counted),
                _DURATIONS(8, menu, 8, wait, 8, ring, 8, talk, 8, hold, 8, wrap),
                _TRUE if draft.in_hours else _FALSE,
                _array(draft.flags) if draft.flags else _NO_FLAGS,
            )
        )

    def _fingerprint(self, draft: Draft, queue_id: UUID | None, agent_id: UUID | None) -> str:
        """`records.rules.fingerprint` of the record that the draft becomes, without making the record."""
        content = (
            self._names.source,
            draft.external_id,
            draft.channel,
            draft.direction,
            draft.entry_point,
            queue_id,
            None,
            draft.customer_ref,
            agent_id,
            draft.agent,
            draft.priority,
            draft.outcome,
            draft.disposition,
            None,
            instant(draft.arrived_ms),
            instant(draft.queued_ms),
            instant(draft.offered_ms),
            instant(draft.answered_ms),
            instant(draft.ended_ms),
            instant(draft.wrapped_ms),
            *draft.durations_ms,
            draft.in_hours,
            draft.exclusion,
            draft.flags,
        )
        return sha256(self._encode(content)).hexdigest()

    def _text(self, value: str | None) -> bytes:
        known = self._texts.get(value)
        if known is None:
            if len(self._texts) >= _REMEMBERED_MAX:
                self._texts = {None: _NULL}
            known = self._texts[value] = _counted((value or "").encode())
        return known

    def _uuid(self, value: UUID | None) -> bytes:
        known = self._uuids.get(value)
        if known is None:
            known = self._uuids[value] = _counted(value.bytes if value is not None else b"")
        return known


def _counted(content: bytes) -> bytes:
    return _LENGTH(len(content)) + content


def _moment(ms: int | None) -> bytes:
    return _NULL if ms is None else _INSTANT(8, (ms - _EPOCH_2000_MS) * 1000)


def _array(values: tuple[str, ...]) -> bytes:
    """A one-dimensional text[]: dimensions, no nulls, element type, length, lower bound, elements."""
    body = struct.pack(">iiiii", 1, 0, _TEXT_OID, len(values), 1)
    return _counted(body + b"".join(_counted(value.encode()) for value in values))
