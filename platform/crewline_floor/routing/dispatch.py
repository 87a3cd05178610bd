"""One pool's dispatcher: owns the pool by a lease, keeps it in memory, decides in micro-batches.

Everything in memory can be thrown away: it is built from rows at the start, after a lost lease and
after a batch that failed. `tick` does one round; the process around it only decides when.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from crewline_floor.agents import service_pool as agents
from crewline_floor.board import service as board
from crewline_floor.board.model import QueueToday
from crewline_floor.contacts import service_legs as legs
from crewline_floor.contacts import service_offers as contacts
from crewline_floor.contacts.rules import whole_ms
from crewline_floor.contacts.service_offers import LegTimer
from crewline_floor.pools import service as pools
from crewline_floor.pools.service import LEASE_MS, PoolSetup
from crewline_floor.routing import service
from crewline_floor.routing.matcher import Decision, Matcher
from crewline_floor.routing.rules import Waiting
from crewline_floor.routing.service import Lease
from crewline_infra.clock import Clock, epoch_ms
from crewline_infra.db import Database, Tx
from crewline_infra.errors import Conflict
from crewline_infra.log import get_logger
from crewline_infra.tenancy import Context, Role

CONTEXT = Context(Role.DISPATCH, request_id="dispatcher")
SETUP_AGE_MAX = timedelta(seconds=15)
TODAY_AGE_MAX = timedelta(seconds=5)
_log = get_logger("dispatcher")


class PoolDispatcher:
    def __init__(
        self, database: Database, clock: Clock, pool_id: UUID, holder: str, *, lease_ms: int = LEASE_MS
    ) -> None:
        self.database = database
        self.clock = clock
        self.pool_id = pool_id
        self.holder = holder
        self.lease_ms = lease_ms
        self.lease: Lease | None = None
        self.setup: PoolSetup | None = None
        self.matcher: Matcher | None = None
        self._setup_at: datetime | None = None
        self._timers: dict[UUID, LegTimer] = {}
        self._contacts: dict[UUID, set[UUID]] = {}
        self._agents: set[UUID] = set()
        self._today: dict[UUID, QueueToday] = {}
        self._today_at: datetime | None = None

    async def lead(self) -> bool:
        """Renew the lease, or take it when it is free; memory of an earlier reign is dropped."""
        async with self.database.transaction(CONTEXT) as tx:
            if self.lease and await pools.renew_lease(
                tx, self.pool_id, self.holder, self.lease.epoch, lease_ms=self.lease_ms
            ):
                return True
            epoch = await pools.take_lease(tx, self.pool_id, self.holder, lease_ms=self.lease_ms)
        self._forget()
        self.lease = Lease(self.pool_id, self.holder, epoch) if epoch is not None else None
        if self.lease:
            _log.info("pool_taken", pool_id=str(self.pool_id), epoch=epoch, holder=self.holder)
        return self.lease is not None

    def note_contact(self, tenant_id: UUID, contact_id: UUID) -> None:
        """A hint that this contact changed; the next quick tick reads it."""
        self._contacts.setdefault(tenant_id, set()).add(contact_id)

    def note_agent(self, agent_id: UUID) -> None:
        self._agents.add(agent_id)

    async def tick(self, *, full: bool = True) -> int:
        """One round: read changes, end what is over, decide, commit. Returns the offers made.

        `full` reads all rows of the pool; otherwise only what was hinted. Without a lease: 0.
        """
        if self.lease is None:
            return 0
        try:
            await self._read(full)
            await self._end_timers()
        except Exception:
            self._forget()
            raise
        return await self._guarded_decide()

    async def _guarded_decide(self) -> int:
        """Decide and commit; a deposed dispatcher's batch fails whole and ends its reign."""
        try:
            return await self._decide()
        except Conflict as problem:
            self._forget()
            if problem.code != "deposed":
                raise
            _log.warning("pool_lost", pool_id=str(self.pool_id), holder=self.holder)
            self.lease = None
            return 0
        except Exception:
            self._forget()
            raise

    async def write_board(self) -> None:
        """What supervisors see of the pool now; counts of the day are a few seconds old at most."""
        matcher, setup, lease = self.matcher, self.setup, self.lease
        if matcher is None or setup is None or lease is None:
            return
        now = self.clock.now()
        async with self.database.transaction(CONTEXT) as tx:
            if self._today_at is None or now - self._today_at > TODAY_AGE_MAX:
                self._today = await board.counted_today(tx, setup, self.pool_id, now)
                self._today_at = now
            await board.write(tx, lease, setup, matcher, today=self._today, at=now)

    async def stop(self) -> None:
        """Hand the pool to the next at once."""
        if self.lease is None:
            return
        async with self.database.transaction(CONTEXT) as tx:
            await pools.give_up_lease(tx, self.pool_id, self.holder, self.lease.epoch)
        self.lease = None
        self._forget()

    def next_timer(self) -> datetime | None:
        return min((timer.due_at for timer in self._timers.values()), default=None)

    async def _read(self, full: bool) -> None:
        # Taken before the rows are read: a hint that comes meanwhile belongs to the next round.
        hinted, self._contacts = self._contacts, {}
        changed, self._agents = self._agents, set()
        async with self.database.transaction(CONTEXT) as tx:
            if full or self.matcher is None or self.setup is None:
                await self._read_all(tx)
            elif hinted or changed:
                await self._read_hinted(tx, self.matcher, hinted, changed)

    async def _read_all(self, tx: Tx) -> None:
        now = self.clock.now()
        if self.matcher is None or self._setup_at is None or now - self._setup_at > SETUP_AGE_MAX:
            self.setup = await pools.load(tx, self.pool_id)
            self.matcher = Matcher(self.setup.policy, self.setup.queues, self.setup.agents)
            self._setup_at = now
        tenants = self.matcher.policy.shares
        waiting = [item for tenant in tenants for item in await self._queued(tx, tenant, None)]
        self.matcher.reset(waiting, await agents.free_agents(tx, self.pool_id), await agents.seats(tx, self.pool_id))
        timers = [t for tenant in tenants for t in await contacts.timers(tx, tenant, self.pool_id)]
        self._timers = {timer.leg_id: timer for timer in timers}

    async def _read_hinted(self, tx: Tx, matcher: Matcher, hinted: dict[UUID, set[UUID]], changed: set[UUID]) -> None:
        for tenant_id in hinted.keys() & matcher.policy.shares.keys():
            ids = list(hinted[tenant_id])
            for contact_id in ids:
                matcher.remove(contact_id)
            for item in await self._queued(tx, tenant_id, ids):
                matcher.add(item)
        if changed:
            free = await agents.free_agents(tx, self.pool_id, list(changed))
            for agent_id in changed:
                matcher.busy(agent_id)
            for agent_id, since_ms in free.items():
                matcher.free(agent_id, since_ms)
        matcher.count_seats(await agents.seats(tx, self.pool_id))

    async def _queued(self, tx: Tx, tenant_id: UUID, only: list[UUID] | None) -> Iterable[Waiting]:
        return [
            Waiting(q.contact_id, tenant_id, q.queue_id, q.priority, q.queued_ms)
            for q in await contacts.queued(tx, tenant_id, self.pool_id, only)
        ]

    async def _end_timers(self) -> None:
        """Ringing and wrap-ups whose time is over, each in a transaction of its own."""
        now = self.clock.now()
        due = [timer for timer in self._timers.values() if timer.due_at <= now]
        for timer in sorted(due, key=lambda timer: timer.due_at):
            async with self.database.transaction(CONTEXT) as tx:
                if timer.wrapping:
                    await legs.wrap_up_over(tx, timer.tenant_id, timer.leg_id, timer.due_at)
                else:
                    await legs.no_answer(tx, timer.tenant_id, timer.leg_id, timer.due_at)
            del self._timers[timer.leg_id]
        if due:
            await self._read(full=True)

    async def _decide(self) -> int:
        matcher, setup, lease = self.matcher, self.setup, self.lease
        if matcher is None or setup is None or lease is None:
            return 0
        now = whole_ms(self.clock.now())
        decisions = matcher.decide(epoch_ms(now))
        if not decisions:
            return 0
        async with self.database.transaction(CONTEXT) as tx:
            made = await service.commit_batch(tx, lease, setup, decisions, at=now)
        for offer in made:
            timer = LegTimer(offer.tenant_id, offer.leg_id, offer.expires_at, False)
            self._timers[offer.leg_id] = timer
        self._look_again(decisions, {offer.contact_id for offer in made})
        return len(made)

    def _look_again(self, decisions: list[Decision], made: set[UUID]) -> None:
        """What could not be had has changed under us: read it with the next tick."""
        for decision in decisions:
            if decision.contact.contact_id not in made:
                self.note_contact(decision.contact.tenant_id, decision.contact.contact_id)
                self.note_agent(decision.agent_id)

    def _forget(self) -> None:
        self.setup = self.matcher = self._setup_at = None
        self._timers.clear()
        self._contacts.clear()
        self._agents.clear()
