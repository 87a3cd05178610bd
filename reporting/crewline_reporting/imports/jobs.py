"""The run of an import: a thread parses, the database works meanwhile; one transaction per batch and tenant."""

import asyncio
import hashlib
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from operator import attrgetter
from typing import TypeVar
from uuid import UUID

import msgspec
from sqlalchemy.exc import DBAPIError

from crewline_infra.clock import Clock, monotonic_ms
from crewline_infra.db import Database
from crewline_infra.errors import Conflict
from crewline_infra.ids import new_id
from crewline_infra.tenancy import Context, Role
from crewline_reporting.imports import apart, store
from crewline_reporting.imports.batches import Batch, Batches
from crewline_reporting.imports.directory import Directory
from crewline_reporting.imports.model import Append, ImportOrder, Progress, Summary
from crewline_reporting.imports.packing import Names, Packer, record_of
from crewline_reporting.imports.reader import FileFacts
from crewline_reporting.imports.rejects import Rejects
from crewline_reporting.imports.rules import Draft
from crewline_reporting.records import bulk

Result = TypeVar("Result")
WRITERS = 2
_TRIES = 5
_SWITCH_S = 0.0005
_RACES = frozenset({"40001", "40P01", "55P03"})  # serialisation, deadlock, lock timeout


def check_rows(order: ImportOrder, facts: FileFacts, rejects: Rejects) -> Summary:
    """What an import would read, without a database: `imported` counts the rows that make a record."""
    rejects.begin(order.path)
    summary = Summary(order.path.name)
    started_ms = monotonic_ms()
    batches = Batches(order, facts, summary, rejects)
    while (found := batches.step()) is not None:
        for batch in found:
            _count(summary, batch)
            summary.imported += len(batch.lines)
            summary.known += len(batch.repeats)
            summary.conflicts += len(batch.again)
    summary.elapsed_ms = monotonic_ms() - started_ms
    return summary


async def import_file(
    database: Database,
    clock: Clock,
    order: ImportOrder,
    facts: FileFacts,
    *,
    append: Append,
    rejects: Rejects,
    progress: Progress,
) -> Summary:
    """Import one file; repeating it, also after a run that was killed, changes nothing that is there.

    `database` holds connections of the worker's login; `facts` is what `reader.inspect` found. Raises `Invalid` before
    anything is changed when a tenant is missing.
    """
    directory = Directory(database, clock, order.mapping)
    await directory.require(order.tenant)
    rejects.begin(order.path)
    return await _Run(
        database, clock, order, facts, directory, append=append, rejects=rejects, progress=progress
    ).whole()


class _Run:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        order: ImportOrder,
        facts: FileFacts,
        directory: Directory,
        *,
        append: Append,
        rejects: Rejects,
        progress: Progress,
    ) -> None:
        self._database = database
        self._clock = clock
        self._order = order
        self._facts = facts
        self._append = append
        self._rejects = rejects
        self._directory = directory
        self._progress = progress
        self._summary = Summary(order.path.name)
        self._tenants: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._looking_up = asyncio.Lock()
        self._packers: dict[str, tuple[Names, Packer]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="import")

    async def whole(self) -> Summary:
        started_ms = monotonic_ms()
        run_id = new_id()
        async with self._database.transaction(Context(Role.WORKER)) as tx:
            mapping_hash = hashlib.sha256(msgspec.json.encode(self._order.mapping)).hexdigest()
            now = self._clock.now()
            await store.start_run(
                tx,
                run_id,
                file_name=self._order.path.name,
                file_hash=self._facts.digest,
                mapping_hash=mapping_hash,
                now=now,
            )
        await self._pump()
        await self._finish(run_id)
        self._summary.elapsed_ms = monotonic_ms() - started_ms
        self._summary.rejects = self._rejects.path if self._rejects.written else None
        return self._summary

    async def _finish(self, run_id: UUID) -> None:
        """Close the account. This commit is flushed, and with it all that the batches wrote before."""
        found = self._summary
        counts = (found.rows, found.imported, found.known, found.conflicts, found.rejected)
        async with self._database.transaction(Context(Role.WORKER)) as tx:
            await store.finish_run(tx, run_id, self._clock.now(), counts)

    async def _apart(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Run Python's own work in the one thread of this run: two would only wait for each other's lock."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def _pump(self) -> None:
        waiting: asyncio.Queue[Batch | None] = asyncio.Queue(maxsize=1)
        try:
            with self._parser() as step:
                async with asyncio.TaskGroup() as tasks, _quick_switches():
                    for _ in range(WRITERS):
                        tasks.create_task(self._write(waiting))
                    tasks.create_task(self._read(waiting, step))
        except BaseExceptionGroup as problems:
            raise problems.exceptions[0] from None
        finally:
            self._thread.shutdown(cancel_futures=True)

    @contextmanager
    def _parser(self) -> Iterator[Callable[[], Awaitable[list[Batch] | None]]]:
        """Gives the file's batches step by step; a large file is parsed by a process of its own."""
        source = (self._order, self._facts, self._summary, self._rejects)
        if not apart.pays(self._facts):
            batches = Batches(*source)
            yield lambda: self._apart(batches.step)
            return
        with ThreadPoolExecutor(1, thread_name_prefix="parsed") as receiving, apart.ParserProcess(*source) as parser:
            yield lambda: asyncio.wrap_future(receiving.submit(parser.step))

    async def _read(
        self, waiting: "asyncio.Queue[Batch | None]", step: Callable[[], Awaitable[list[Batch] | None]]
    ) -> None:
        while (found := await step()) is not None:
            for batch in found:
                await waiting.put(batch)
        for _ in range(WRITERS):
            await waiting.put(None)

    async def _write(self, waiting: "asyncio.Queue[Batch | None]") -> None:
        while (batch := await waiting.get()) is not None:
            _count(self._summary, batch)
            async with self._tenants[batch.tenant]:
                await self._store(batch)
            summary = self._summary
            done = summary.imported + summary.known + summary.conflicts + summary.rejected
            self._progress(done, self._facts.lines)

    async def _store(self, batch: Batch) -> None:
        """In order of arrival, which is the order of the keys: neighbours then share pages of the indexes."""
        ordered = sorted(zip(batch.drafts.values(), batch.lines, strict=True), key=_arrival)
        drafts = [draft for draft, _ in ordered]
        names, packer = await self._packer(batch.tenant, drafts)
        payload = await self._apart(packer.rows, drafts)
        recorded_at = self._clock.now()
        packed = bulk.Packed(
            names.source, payload, len(drafts), recorded_at, lambda n: record_of(drafts[n], names, recorded_at)
        )
        result = await self._appended(names.tenant_id, packed)
        summary = self._summary
        summary.imported += result.added
        summary.known += len(result.known)
        for n in result.conflicts:
            self._conflict(ordered[n][1], drafts[n])
        conflicting = {drafts[n].external_id for n in result.conflicts}
        for line, draft in batch.repeats:
            if draft.external_id in conflicting:
                self._conflict(line, draft)
            else:
                summary.known += 1
        await self._settle(batch, conflicting)

    async def _settle(self, batch: Batch, conflicting: set[str]) -> None:
        """Later rows of the batch that differ under an id: conflicts, unless the earlier one was itself one."""
        if not batch.again:
            return
        unsettled = Batch(batch.tenant)
        settled = []
        for line, draft in batch.again:
            if draft.external_id in conflicting:
                unsettled.add(line, draft)
            else:
                settled.append((line, draft))
        names, _ = await self._packer(batch.tenant, [draft for _, draft in settled])  # they may name other agents
        records = [record_of(draft, names, self._clock.now()) for _, draft in settled]
        async with self._database.transaction(Context(Role.WORKER, tenant_id=names.tenant_id)) as tx:
            await bulk.keep_conflicts(tx, records)
        for line, draft in settled:
            self._conflict(line, draft)
        if unsettled.lines:
            await self._store(unsettled)

    async def _appended(self, tenant_id: UUID, packed: bulk.Packed) -> bulk.BulkResult:
        for attempt in range(1, _TRIES + 1):
            try:
                async with self._database.transaction(Context(Role.WORKER, tenant_id=tenant_id)) as tx:
                    await store.commit_lazily(tx)
                    return await self._append(tx, tenant_id, packed)
            except (Conflict, DBAPIError) as problem:
                if attempt == _TRIES or not _passing(problem):
                    raise
        raise AssertionError("unreachable")

    async def _packer(self, tenant: str, drafts: list[Draft]) -> tuple[Names, Packer]:
        agents = {draft.agent: draft.pool for draft in drafts if draft.agent is not None}
        queues = {draft.queue for draft in drafts if draft.queue is not None}
        async with self._looking_up:
            names = await self._directory.names(tenant, queues, agents)
        known = self._packers.get(tenant)
        if known is None or known[0] is not names:
            known = self._packers[tenant] = (names, Packer(names))
        return known

    def _conflict(self, line: int, draft: Draft) -> None:
        self._summary.conflicts += 1
        reason = "this external id is known with other content"
        self._rejects.add(line, "conflict", reason, draft.external_id)


@asynccontextmanager
async def _quick_switches() -> AsyncIterator[None]:
    """Parsing holds the interpreter's lock; the event loop, which feeds the database, cannot wait 5 ms for a turn."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _passing(problem: Conflict | DBAPIError) -> bool:
    """Whether it comes from somebody who writes the same rows at this moment: then a repetition helps."""
    return isinstance(problem, Conflict) or getattr(problem.orig, "sqlstate", None) in _RACES


def _arrival(row: tuple[Draft, int]) -> int:
    return row[0].arrived_ms


def _count(summary: Summary, batch: Batch) -> None:
    summary.tenants[batch.tenant] += len(batch)
    summary.outcomes.update(Counter(map(attrgetter("outcome"), _all_of(batch))))


def _all_of(batch: Batch) -> Iterator[Draft]:
    yield from batch.drafts.values()
    yield from (draft for _, draft in (*batch.repeats, *batch.again))
