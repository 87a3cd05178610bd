"""The worker process: events become records, records reach the tenants' CRMs, jobs are worked off."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy.exc import DBAPIError

from crewline_app import housekeeping, subscriptions
from crewline_infra import outbox
from crewline_infra.clock import Clock, monotonic_ms
from crewline_infra.db import Database
from crewline_infra.egress import Egress, Policy
from crewline_infra.errors import Conflict, Unavailable
from crewline_infra.jobs import Jobs
from crewline_infra.log import get_logger
from crewline_infra.secrets import SecretBox
from crewline_infra.settings import Settings
from crewline_tenants.crm.jobs import Courier
from crewline_tenants.crm.rules import Fate

EVENT_TRIES = 5
IDLE_MS = 500
BUSY_MS = 50
FAULT_MS = 2_000
SCHEDULE_MS = 60_000
GRACE_MS = 6_000
HORIZON_LATE_MS = 60_000
_PASSING_STATES = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE classes of troubles that go by: connection, serialisation, resources, locks, shutdown, system."""

HORIZON = Gauge("crewline_outbox_horizon_age_seconds", "How long the oldest event has waited for older transactions.")
WAITING = Gauge("crewline_outbox_waiting_tenants", "Tenants with events that are not handled yet.")
PARKED = Gauge("crewline_outbox_parked", "Events set aside because they could not be handled.")
HANDLED = Counter("crewline_outbox_handled_total", "Events handled.")
CALLS = Counter("crewline_crm_attempts_total", "Calls of tenants' CRM endpoints by what became of them.", ["fate"])
CALL_TIME = Histogram("crewline_crm_attempt_seconds", "Time of a call of a CRM endpoint.")

log = get_logger("worker")


class Pump:
    """Moves the feed of every tenant on, tenant by tenant; one whose event fails delays no other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._failed: dict[UUID, int] = {}
        self._again_at: dict[UUID, int] = {}

    async def once(self) -> int:
        """One batch of each tenant that has something; returns how many events were handled."""
        backlog = await outbox.backlog(self._database, subscriptions.CONSUMER)
        HORIZON.set(backlog.horizon_age_ms / 1000)
        WAITING.set(len(backlog.tenants))
        PARKED.set(backlog.parked)
        if backlog.horizon_age_ms > HORIZON_LATE_MS:
            log.warning("outbox_horizon_late", horizon_age_ms=backlog.horizon_age_ms)
        handled = 0
        for tenant_id in backlog.tenants:
            if self._again_at.get(tenant_id, 0) <= monotonic_ms():
                handled += await self._pump(tenant_id)
        HANDLED.inc(handled)
        return handled

    async def _pump(self, tenant_id: UUID) -> int:
        # After a failure the events go one by one, so that only the one at fault is set aside.
        limit = 1 if tenant_id in self._failed else outbox.BATCH_MAX
        try:
            handled = await outbox.consume(
                self._database, subscriptions.CONSUMER, tenant_id, subscriptions.handle, limit=limit
            )
        except Exception as problem:
            await self._after_failure(tenant_id, problem)
            return 0
        self._failed.pop(tenant_id, None)
        self._again_at.pop(tenant_id, None)
        return handled

    async def _after_failure(self, tenant_id: UUID, problem: Exception) -> None:
        failed = self._failed.get(tenant_id, 0) + 1
        self._failed[tenant_id] = failed
        self._again_at[tenant_id] = monotonic_ms() + min(100 * 2**failed, 30_000)
        log.exception("events_not_handled", tenant_id=str(tenant_id), attempt=failed)
        if failed >= EVENT_TRIES and not passing(problem):
            reason = type(problem).__name__
            event = await outbox.park(self._database, subscriptions.CONSUMER, tenant_id, reason)
            log.error("event_parked", tenant_id=str(tenant_id), reason=reason, name=event.type if event else None)
            del self._failed[tenant_id], self._again_at[tenant_id]


def passing(problem: Exception) -> bool:
    """Whether the trouble lies with the database or a race rather than with the event."""
    if isinstance(problem, DBAPIError):
        return str(getattr(problem.orig, "sqlstate", None) or "08").startswith(_PASSING_STATES)
    return isinstance(problem, Unavailable | Conflict | OSError | TimeoutError)


class Worker:
    """Four loops side by side; each goes on after a fault of its own. `stop` ends them in an orderly way."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._egress = Egress(Policy(loopback=settings.allow_loopback_webhooks))
        box = SecretBox.from_folder(settings.secrets_folder)
        self._courier = Courier(database, self._egress, box, clock, observe=_observed)
        self._pump = Pump(database)
        self._jobs = Jobs(database)
        self._stop = asyncio.Event()
        housekeeping.register(self._jobs, clock)
        logging.getLogger("pgqueuer").setLevel(logging.CRITICAL)  # jobs.py logs what happens, in our form

    def stop(self) -> None:
        self._stop.set()
        self._jobs.stop()

    async def run(self) -> None:
        """Until `stop`; then what is under way has a few seconds to end, and the rest is given back."""
        jobs = asyncio.create_task(self._jobs.run())
        await asyncio.gather(
            self._repeat("outbox", self._pump.once),
            self._repeat("crm", self._courier.start_due),
            self._repeat("schedule", self._schedule, idle_ms=SCHEDULE_MS),
        )
        await asyncio.gather(self._courier.finish(GRACE_MS), self._finish_jobs(jobs))
        await self._egress.close()

    async def _repeat(self, name: str, step: Callable[[], Awaitable[int]], idle_ms: int = IDLE_MS) -> None:
        while not self._stop.is_set():
            try:
                pause_ms = BUSY_MS if await step() else idle_ms
            except Exception as problem:
                log.exception("loop_failed", name=name, error=type(problem).__name__)
                pause_ms = FAULT_MS
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause_ms / 1000)

    async def _schedule(self) -> int:
        await housekeeping.schedule(self._database, self._clock)
        return 0

    async def _finish_jobs(self, jobs: asyncio.Task[None]) -> None:
        _done, late = await asyncio.wait({jobs}, timeout=GRACE_MS / 1000)
        if late:
            await self._jobs.stop_now()
            await jobs


def _observed(fate: Fate, duration_ms: int) -> None:
    CALLS.labels(fate.value).inc()
    CALL_TIME.observe(duration_ms / 1000)
