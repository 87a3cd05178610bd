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
_HASH_LENGTH = struct.pack(">i", 64)
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
    return _contact_id(_name_start(tenant_id, source) + external_id.encode(), arrived_ms)


def _name_start(tenant_id: UUID, source: str) -> bytes:
    return b"%b\x1f%b\x1f" % (tenant_id.bytes, source.encode())


def _contact_id(name: bytes, arrived_ms: int) -> bytes:
    tail = blake2b(name, digest_size=10).digest()
    marked = (_VERSION_7 | tail[0] & 0x0F, tail[1], _VARIANT | tail[2] & 0x3F)
    return arrived_ms.to_bytes(6) + bytes(marked) + tail[3:]


def instant(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


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
    """Packs the drafts of one tenant; what comes again in many rows is encoded once."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._start = _name_start(names.tenant_id, names.source)
        self._origins: dict[tuple[str | None, ...], bytes] = {}
        self._agents: dict[str | None, bytes] = {None: _NULL + _NULL}
        self._results: dict[tuple[str | None, ...], bytes] = {}
        self._encode = msgspec.json.Encoder().encode

    def rows(self, drafts: Iterable[Draft]) -> bytes:
        return b"".join([COPY_HEADER, *map(self.row, drafts, count()), COPY_TRAILER])

    def row(self, draft: Draft, position: int) -> bytes:
        moments = (
            draft.arrived_ms,
            draft.queued_ms,
            draft.offered_ms,
            draft.answered_ms,
            draft.ended_ms,
            draft.wrapped_ms,
        )
        micros = [None if ms is None else (ms - _EPOCH_2000_MS) * 1000 for ms in moments]
        instants = [_NULL if at is None else _INSTANT(8, at) for at in micros]
        queued = micros[1] is not None and draft.outcome in OFFERED_OUTCOMES
        external, customer = draft.external_id.encode(), draft.customer_ref
        queue_id = None if draft.queue is None else self._names.queues[draft.queue]
        agent_id = None if draft.agent is None else self._names.agents[draft.agent]
        origin = self._origins.get((draft.channel, draft.direction, draft.entry_point, draft.queue))
        agent = self._agents.get(draft.agent)
        result = self._results.get((draft.outcome, draft.disposition, draft.exclusion))
        menu, wait, ring, talk, hold, wrap = draft.durations_ms
        return b"".join(
            (
                _START(_WIDTH, 4, position, 16),
                _contact_id(self._start + external, draft.arrived_ms),
                _LENGTH(len(external)),
                external,
                _HASH_LENGTH,
                self._fingerprint(draft, queue_id, agent_id, micros),
                origin or self._origin(draft, queue_id),
                _NULL if customer is None else _counted(customer.encode()),
                agent or self._agent(draft.agent, agent_id),
                _INTEGER(4, draft.priority),
                result or self._result(draft),
                *instants,
                instants[queued],
                _DURATIONS(8, menu, 8, wait, 8, ring, 8, talk, 8, hold, 8, wrap),
                _TRUE if draft.in_hours else _FALSE,
                _array(draft.flags) if draft.flags else _NO_FLAGS,
            )
        )

    def _fingerprint(
        self, draft: Draft, queue_id: UUID | None, agent_id: UUID | None, micros: list[int | None]
    ) -> bytes:
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
            *micros,
            *draft.durations_ms,
            draft.in_hours,
            draft.exclusion,
            draft.flags,
        )
        return sha256(self._encode(content)).hexdigest().encode()

    def _origin(self, draft: Draft, queue_id: UUID | None) -> bytes:
        if len(self._origins) >= _REMEMBERED_MAX:
            self._origins.clear()
        key = (draft.channel, draft.direction, draft.entry_point, draft.queue)
        texts = _texts(draft.channel, draft.direction, draft.entry_point)
        made = self._origins[key] = texts + (_NULL if queue_id is None else _counted(queue_id.bytes))
        return made

    def _agent(self, alias: str | None, agent_id: UUID | None) -> bytes:
        made = self._agents[alias] = (_NULL if agent_id is None else _counted(agent_id.bytes)) + _texts(alias)
        return made

    def _result(self, draft: Draft) -> bytes:
        if len(self._results) >= _REMEMBERED_MAX:
            self._results.clear()
        key = (draft.outcome, draft.disposition, draft.exclusion)
        made = self._results[key] = _texts(*key)
        return made


def _texts(*values: str | None) -> bytes:
    return b"".join(_NULL if value is None else _counted(value.encode()) for value in values)


def _counted(content: bytes) -> bytes:
    return _LENGTH(len(content)) + content


def _array(values: tuple[str, ...]) -> bytes:
    """A one-dimensional text[]: dimensions, no nulls, element type, length, lower bound, elements."""
    body = struct.pack(">iiiii", 1, 0, _TEXT_OID, len(values), 1)
    return _counted(body + b"".join(_counted(value.encode()) for value in values))
