"""First versions in bulk, already in PostgreSQL's binary COPY form: what an import of millions goes through.

The same rules as `service.append`, decided by the server on sets: known, conflicting and new contacts are told apart
there, and the staging table is left holding the new ones, for usage and roll-up of the same transaction.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from crewline_infra.db import Tx
from crewline_infra.errors import Conflict
from crewline_infra.ids import new_id
from crewline_reporting.intervals import service as intervals
from crewline_reporting.records import store, store_bulk
from crewline_reporting.records.rules import Record, fingerprint

_SLICE_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Packed:
    """A batch of one tenant and source. `payload` holds `store_bulk.COLUMNS`; its external ids differ.

    `record_at` makes the record of a position again, for the few that conflict.
    """

    source: str
    payload: bytes
    count: int
    recorded_at: datetime
    record_at: Callable[[int], Record]


@dataclass(frozen=True, slots=True)
class BulkResult:
    """Positions of the batch that were there already (`known`), or with other content (`conflicts`)."""

    added: int
    known: list[int]
    conflicts: list[int]


async def append_packed(tx: Tx, tenant_id: UUID, packed: Packed) -> BulkResult:
    """Store and count a batch. New contacts are the rule: only a batch that meets a known one looks each up.

    Raises `Conflict` when somebody else stored one of them at this very moment: repeat.
    """
    connection = await tx.driver()
    await store_bulk.stage(connection, _sliced(packed.payload))
    try:
        async with connection.transaction():
            added = await store_bulk.insert_new(connection, tenant_id, packed.source, packed.recorded_at)
        result = BulkResult(added, [], [])
    except asyncpg.UniqueViolationError:
        result = await _append_unmet(tx, connection, tenant_id, packed)
    except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError) as problem:
        raise _race() from problem
    await intervals.add_staged(tx, tenant_id)
    return result


async def _append_unmet(tx: Tx, connection: asyncpg.Connection, tenant_id: UUID, packed: Packed) -> BulkResult:
    met = await store_bulk.met(connection, tenant_id, packed.source)
    await store_bulk.unstage(connection, list(met))
    try:
        async with connection.transaction():
            added = await store_bulk.insert_new(connection, tenant_id, packed.source, packed.recorded_at)
    except asyncpg.UniqueViolationError as problem:
        raise _race() from problem
    conflicts = [n for n, same in met.items() if not same]
    await keep_conflicts(tx, [packed.record_at(n) for n in conflicts])
    return BulkResult(added, [n for n, same in met.items() if same], conflicts)


def _race() -> Conflict:
    return Conflict("The same contacts are being recorded twice at once; repeat.", code="record_race")


async def _sliced(payload: bytes) -> AsyncIterator[bytes]:
    """Small pieces, each sent before the next: a transport copies what it has not sent yet again and again."""
    for start in range(0, len(payload), _SLICE_BYTES):
        yield payload[start : start + _SLICE_BYTES]


async def keep_conflicts(tx: Tx, records: list[Record]) -> None:
    """Keep accounts that differ from a stored one under the same external id, for people to judge."""
    for record in records:
        await store.keep_conflict(tx, new_id(), record, fingerprint(record))
