"""Use cases of statements: the records of a period in the order of the file, and the file itself."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from crewline_infra.db import Tx
from crewline_infra.periods import Period
from crewline_reporting.records import service as records
from crewline_reporting.records.rules import Record
from crewline_reporting.statements import store
from crewline_reporting.statements.chain import Writer
from crewline_reporting.statements.keys import StatementKeys, customer_reference
from crewline_reporting.statements.rules import RECORD, stated_record

PAGE = 1000


async def period_records(tx: Tx, tenant_id: UUID, period: Period) -> AsyncIterator[list[Record]]:
    """Current versions in pages: what ended in the period, then what only entered a queue in it."""
    page: list[Record] = []
    async for record in records.records_between(tx, tenant_id, period.starts_at, period.ends_at, by="ended"):
        page.append(record)
        if len(page) == PAGE:
            yield page
            page = []
    yield page + await store.counted_only(tx, tenant_id, period)


async def record_versions(tx: Tx, tenant_id: UUID, wanted: Sequence[tuple[UUID, int]]) -> dict[UUID, Record]:
    """These versions, one per contact."""
    return {record.contact_id: record for record in await store.versions(tx, tenant_id, wanted)}


class StatementWriter:
    """Writes a statement to `path` (gzip); it appears there only when it is complete."""

    def __init__(self, path: Path, tenant_id: UUID, keys: StatementKeys) -> None:
        self.path, self.tenant_id, self.keys = path, tenant_id, keys
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}")
        self._file: BinaryIO = self._temporary.open("wb")
        # No name and no time of writing: the same statement gives the same bytes.
        self._gzip = gzip.GzipFile(filename="", fileobj=self._file, mode="wb", compresslevel=6, mtime=0)
        self.lines = Writer(self._gzip.write)

    async def records(self, page: Sequence[Record], **more: Any) -> None:
        """Write records in a thread, so that other requests go on."""
        await asyncio.to_thread(self._records, page, more)

    async def run(self, write: Callable[[Writer], None]) -> None:
        await asyncio.to_thread(write, self.lines)

    async def complete(self) -> str:
        """Close the file and put it in its place; returns the SHA-256 of its bytes."""
        return await asyncio.to_thread(self._complete)

    def abandon(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):
            self._gzip.close()
            self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _records(self, page: Sequence[Record], more: dict[str, Any]) -> None:
        for record in page:
            customer = str(record.customer_id) if record.customer_id else record.customer_ref
            reference = customer and customer_reference(self.keys.reference, self.tenant_id, customer)
            self.lines.line(RECORD, stated_record(record, reference, **more))

    def _complete(self) -> str:
        self._gzip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        with self._temporary.open("rb") as file:
            digest = sha256()
            while block := file.read(1 << 20):
                digest.update(block)
        self._temporary.replace(self.path)
        return digest.hexdigest()
