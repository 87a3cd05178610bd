"""Work for later, in PostgreSQL: queued with the transaction that wants it, its effect made once.

PgQueuer hands the work out (SKIP LOCKED, heartbeats, LISTEN). Two things are ours, because it runs a job
again after a worker has died, and would run one that kills its worker for ever:

- `job_run` has a row per job; its count of starts is written before the work, and a job that was
  started five times without an end is held for a person to look at;
- the job's effect and its state `done` are one transaction (`Work.effect`), so that a second run of
  the same job finds nothing left to do.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job as QueuedJob
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import QueueExecutionMode
from pgqueuer.ports.driver import Driver
from pgqueuer.queries import Queries

from crewline_infra.db import Database, Tx
from crewline_infra.errors import CrewlineError, NotFound
from crewline_infra.ids import new_id
from crewline_infra.jobs_driver import RoleDriver
from crewline_infra.log import get_logger
from crewline_infra.tenancy import Context, Role

QUEUE = DBSettings(db_schema="jobs")
STARTS_MAX = 5
BATCH = 5
POLL_S = 5.0
"""A lost notification is made up for by asking anew this often."""

log = get_logger("jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """`starts` counts this one. Without a tenant a job sees no tenant-owned row."""

    id: UUID
    kind: str
    tenant_id: UUID | None
    owner_id: UUID | None
    input: dict[str, Any]
    starts: int


class NothingLeft(Exception):
    """Another run of this job has made its effect, or somebody has cancelled it."""


class Held(Exception):
    """The job waits for a person."""


class Work:
    """What a handler is given: the job, and the one transaction in which it may have an effect."""

    def __init__(self, database: Database, job: Job) -> None:
        self.database = database
        self.job = job
        self.result: dict[str, Any] | None = None

    @property
    def context(self) -> Context:
        """For reading while preparing; rights of the worker on the job's own tenant."""
        return Context(Role.WORKER, self.job.tenant_id, self.job.owner_id, request_id=str(self.job.id))

    @asynccontextmanager
    async def effect(self) -> AsyncIterator[Tx]:
        """Do it and be done, in one transaction; keep it short. Raises `NothingLeft` when it was done before."""
        async with self.database.transaction(self.context) as tx:
            state = await tx.value("select state from job_run where id = $1 for update", self.job.id)
            if state != "running":
                raise NothingLeft
            yield tx
            await tx.run(
                """
                update job_run
                   set state = 'done', progress = 1, result = $2, message = null, finished_at = clock_timestamp()
                 where id = $1
                """,
                self.job.id,
                self.result,
            )

    async def report(self, progress: Decimal, message: str | None = None) -> None:
        """Tell whoever waits how far it is, from 0 to 1."""
        async with self.database.transaction(Context(Role.WORKER, request_id=str(self.job.id))) as tx:
            await tx.run(
                "update job_run set progress = $2, message = $3 where id = $1 and state = 'running'",
                self.job.id,
                progress,
                message,
            )


JobHandler = Callable[[Work], Awaitable[None]]


async def enqueue(
    tx: Tx,
    kind: str,
    *,
    effect_key: str,
    tenant_id: UUID | None = None,
    owner_id: UUID | None = None,
    input: dict[str, Any] | None = None,
    delay_ms: int = 0,
) -> UUID:
    """Queue a job in the caller's transaction; returns its id.

    `effect_key` is for ever: the same key again is the same job, whatever became of it.
    """
    job_id = new_id()
    made = await tx.value(
        """
        insert into job_run (id, kind, tenant_id, effect_key, state, owner_id, input, created_at)
        values ($1, $2, $3, $4, 'waiting', $5, $6, clock_timestamp())
        on conflict (effect_key) do nothing
        returning id
        """,
        job_id,
        kind,
        tenant_id,
        effect_key,
        owner_id,
        input or {},
    )
    if made is None:
        known: UUID = await tx.value("select id from job_run where effect_key = $1", effect_key)
        return known
    await _put(tx, kind, job_id, delay_ms)
    return job_id


async def retry_held(tx: Tx, job_id: UUID) -> None:
    """Let a held job try again from the start. Raises `NotFound` when it is not held."""
    kind = await tx.value(
        """
        update job_run set state = 'waiting', starts = 0, message = null, finished_at = null
         where id = $1 and state = 'held' returning kind
        """,
        job_id,
    )
    if kind is None:
        raise NotFound
    await _put(tx, kind, job_id, 0)


async def _put(tx: Tx, kind: str, job_id: UUID, delay_ms: int) -> None:
    queries = _queries(AsyncpgDriver(await tx.driver()))
    await queries.enqueue(kind, job_id.bytes, execute_after=timedelta(milliseconds=delay_ms))


def _queries(driver: Driver) -> Queries:
    return Queries(
        driver,
        qbe=QueryBuilderEnvironment(QUEUE),
        qbq=QueryQueueBuilder(QUEUE),
        qbs=QuerySchedulerBuilder(QUEUE),
    )


class Jobs:
    """The working side: one per worker process. `register` every kind, then `run` until `stop`."""

    def __init__(self, database: Database, *, heartbeat_s: float = 30.0, backoff_s: float = 2.0) -> None:
        self._database = database
        self._backoff = timedelta(seconds=backoff_s)
        self._heartbeat = timedelta(seconds=heartbeat_s)
        self._handlers: dict[str, JobHandler] = {}
        self._manager: QueueManager | None = None
        self._under_way: set[asyncio.Task[Any]] = set()
        self._stopping = False

    def register(self, kind: str, handler: JobHandler) -> None:
        self._handlers[kind] = handler

    def stop(self) -> None:
        """Take nothing new; `run` returns when what is under way has ended."""
        self._stopping = True
        if self._manager:
            self._manager.shutdown.set()

    async def stop_now(self) -> None:
        """Take nothing new and put back what has not ended."""
        self.stop()
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def run(self) -> None:
        """Work until stopped, on a new connection whenever the listening one was lost."""
        while not self._stopping:
            try:
                await self._run(QueueExecutionMode.continuous)
            except Exception as problem:
                log.exception("jobs_interrupted", error=type(problem).__name__)
                await asyncio.sleep(POLL_S)

    async def drain(self) -> None:
        """Work off what is due now, then return."""
        await self._run(QueueExecutionMode.drain)

    async def _run(self, mode: QueueExecutionMode) -> None:
        manager = QueueManager(_queries(RoleDriver(self._database)), channel=QUEUE.channel)
        for kind, handler in self._handlers.items():
            manager.entrypoint(kind, on_failure="hold", accepts_context=False)(self._entry(handler))
        self._manager = manager
        if self._stopping:
            return
        await manager.run(
            dequeue_timeout=timedelta(seconds=POLL_S),
            batch_size=BATCH,
            mode=mode,
            max_concurrent_tasks=2 * BATCH,
            shutdown_on_listener_failure=True,
            heartbeat_timeout=self._heartbeat,
        )

    def _entry(self, handler: JobHandler) -> Callable[[QueuedJob], Awaitable[None]]:
        async def entry(queued: QueuedJob) -> None:
            job = await self._begin(UUID(bytes=queued.payload))
            if job is None:
                return
            task = asyncio.create_task(self._work(handler, job))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            try:
                await task
            except asyncio.CancelledError:
                # The worker stops: back into the queue instead of being struck off as cancelled.
                raise RetryRequested(reason="the worker stopped") from None

        return entry

    async def _begin(self, job_id: UUID) -> Job | None:
        """Count the start before the work; None when there is nothing left to do."""
        async with self._database.transaction(Context(Role.WORKER, request_id=str(job_id))) as tx:
            row = await tx.row(
                """
                update job_run set state = 'running', starts = starts + 1, started_at = clock_timestamp()
                 where id = $1 and state in ('waiting', 'running')
                returning id, kind, tenant_id, owner_id, input, starts
                """,
                job_id,
            )
        return Job(row.id, row.kind, row.tenant_id, row.owner_id, row.input, row.starts) if row else None

    async def _work(self, handler: JobHandler, job: Job) -> None:
        if job.starts > STARTS_MAX:
            raise await self._held(job, f"It was started {STARTS_MAX} times and never ended.")
        work = Work(self._database, job)
        try:
            await handler(work)
            async with work.effect():
                pass  # for a handler whose effect needs no transaction of ours
        except NothingLeft:
            return
        except Exception as problem:
            log.exception("job_failed", job_id=str(job.id), name=job.kind, attempt=job.starts)
            raise await self._failed(job, problem) from problem

    async def _failed(self, job: Job, problem: Exception) -> Exception:
        message = problem.message if isinstance(problem, CrewlineError) else type(problem).__name__
        if job.starts >= STARTS_MAX:
            return await self._held(job, message)
        return RetryRequested(delay=self._backoff * 2**job.starts, reason=type(problem).__name__)

    async def _held(self, job: Job, message: str) -> Held:
        log.error("job_held", job_id=str(job.id), name=job.kind, attempts=job.starts)
        async with self._database.transaction(Context(Role.WORKER, request_id=str(job.id))) as tx:
            await tx.run(
                """
                update job_run set state = 'held', message = $2, finished_at = clock_timestamp()
                 where id = $1 and state = 'running'
                """,
                job.id,
                message,
            )
        return Held(message)
