"""Use cases of the ledger: append, correct, read."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec.structs import replace

from crewline_infra.db import Tx
from crewline_infra.errors import Conflict, Invalid, NotFound
from crewline_infra.ids import new_id
from crewline_reporting.intervals import service as intervals
from crewline_reporting.records import store
from crewline_reporting.records.model import AppendResult, ContactFilter, ContactPage, Correction, Position
from crewline_reporting.records.rules import Record, fingerprint, interval_instant, masked, plainly_sound, problems

BATCH_MAX = 20_000
PAGE_MAX = 500
_STRETCH = 2_000


async def append(tx: Tx, tenant_id: UUID, records: Sequence[Record]) -> AppendResult:
    """Store first versions in bulk, and count them in the roll-up in the same transaction.

    A record met before with the same content (in any version) changes nothing; one with other content under a
    known external id is a conflict, kept for people to judge. Raises `Invalid` for a record that contradicts
    itself (nothing is stored then), `Conflict` when somebody else stored one of them at this very moment: repeat.
    """
    batch = _first_of_each(tenant_id, records)
    met = await _store(tx, tenant_id, batch.fresh) if batch.fresh else {}
    added = [record for n, (record, _hash) in enumerate(batch.fresh) if n not in met]
    await intervals.add_records(tx, tenant_id, added)
    known = batch.known + [batch.fresh[n][0] for n, same in met.items() if same]
    conflicts = batch.conflicts + [batch.fresh[n][0] for n, same in met.items() if not same]
    for record in conflicts:
        await store.keep_conflict(tx, new_id(), record, fingerprint(record))
    return AppendResult(added, known, conflicts)


async def _store(tx: Tx, tenant_id: UUID, fresh: Sequence[tuple[Record, str]]) -> dict[int, bool]:
    """Store what is new; returns the positions of what was met before, True with the same content.

    Most batches are all new: that is tried first, and looking each record up is saved.
    """
    await store.stage(tx, fresh)
    if await store.insert_all_staged(tx, tenant_id, len(fresh)):
        return {}
    met = await store.met(tx, tenant_id)
    await store.unstage(tx, list(met))
    if await store.insert_staged(tx, tenant_id) != len(fresh) - len(met):
        raise Conflict("The same contacts are being recorded twice at once; repeat.", code="record_race")
    return met


class _Batch:
    """A batch with each external id once; later ones are known (same content) or conflicts."""

    def __init__(self) -> None:
        self.fresh: list[tuple[Record, str]] = []
        self.known: list[Record] = []
        self.conflicts: list[Record] = []
        self._hashes: dict[tuple[str, str], str] = {}
        self._contacts: set[UUID] = set()

    def take(self, record: Record) -> None:
        key, content_hash = (record.source, record.external_id), fingerprint(record)
        if key in self._hashes:
            same = self._hashes[key] == content_hash
            (self.known if same else self.conflicts).append(record)
        elif record.contact_id in self._contacts:
            self.conflicts.append(record)
        else:
            self._hashes[key] = content_hash
            self._contacts.add(record.contact_id)
            self.fresh.append((record, content_hash))


def _first_of_each(tenant_id: UUID, records: Sequence[Record]) -> _Batch:
    if len(records) > BATCH_MAX:
        raise Invalid(f"A batch holds at most {BATCH_MAX} records, not {len(records)}.")
    batch = _Batch()
    for record in records:
        _check(tenant_id, record, version=1)
        batch.take(record)
    return batch


async def correct(tx: Tx, tenant_id: UUID, record: Record) -> Correction | None:
    """Append `record` as the next version of its contact; None when it says what is stored already.

    Its own `version` is ignored. Raises `NotFound` for an unknown contact, `Invalid` for a record that
    contradicts itself or names another source or external id than the contact has.
    """
    _check(tenant_id, record, version=None)
    previous = await store.lock_current(tx, tenant_id, record.contact_id)
    if previous is None:
        raise NotFound
    if (record.source, record.external_id) != (previous.source, previous.external_id):
        raise Invalid("A correction keeps the source and the external id of its contact.")
    if fingerprint(record) == fingerprint(previous):
        return None
    current = replace(record, version=previous.version + 1)
    await store.retire(tx, tenant_id, previous.contact_id, previous.version)
    await store.insert_version(tx, current, fingerprint(current))
    await intervals.recompute_for(tx, tenant_id, [previous, current])
    return Correction(previous, current)


def _check(tenant_id: UUID, record: Record, version: int | None) -> None:
    if record.tenant_id != tenant_id:
        raise Invalid("A record belongs to the tenant that it is stored for.")
    if version is not None and record.version != version:
        raise Invalid("A new contact begins with version 1.")
    found = [] if plainly_sound(record) else problems(record)
    if found:
        raise Invalid(f"Record {record.external_id} of {record.source} contradicts itself: {'; '.join(found)}.")


async def list_contacts(
    tx: Tx, tenant_id: UUID, wanted: ContactFilter, *, after: Position | None = None, limit: int = 50
) -> ContactPage:
    """Current versions, customers masked, in the order of their counted instant."""
    if not 1 <= limit <= PAGE_MAX:
        raise Invalid(f"A page holds 1 to {PAGE_MAX} contacts.", field="limit")
    found = await store.page(tx, tenant_id, wanted, after, limit + 1)
    contacts = [masked(record) for record in found[:limit]]
    more = len(found) > limit
    return ContactPage(contacts, _position(found[limit - 1]) if more else None)


async def count_contacts(tx: Tx, tenant_id: UUID, wanted: ContactFilter) -> int:
    """How many contacts all pages of `list_contacts` hold together."""
    return await store.count(tx, tenant_id, wanted)


async def contact_versions(tx: Tx, tenant_id: UUID, contact_id: UUID) -> list[Record]:
    """All versions of one contact, the current one first, customers masked. Raises `NotFound`."""
    found = await store.versions(tx, tenant_id, contact_id)
    if not found:
        raise NotFound
    return [masked(record) for record in found]


async def records_between(
    tx: Tx, tenant_id: UUID, from_at: datetime, to_at: datetime, *, by: Literal["ended", "counted"]
) -> AsyncIterator[Record]:
    """Stream current versions, unmasked, in order: billing goes by 'ended', service levels by 'counted'."""
    after: Position | None = None
    while True:
        found = await store.between(tx, tenant_id, store.Stretch(by, from_at, to_at), after=after, limit=_STRETCH)
        for record in found:
            yield record
        if len(found) < _STRETCH:
            return
        last = found[-1]
        after = Position(last.ended_at if by == "ended" else interval_instant(last), last.contact_id)


def _position(record: Record) -> Position:
    return Position(interval_instant(record), record.contact_id)
